"""The SQLite engine: one process, one directory, one writer thread.  The only user of apsw.

apsw, not the sqlite3 module of the standard library: it brings SQLite 3.51.3 or later along. Versions
3.7.0 to 3.51.2 may lose committed writes when two connections write and checkpoint at once
[https://sqlite.org/wal.html#walresetbug].
"""

from mssante_sim.storage.sqlite.directory import DirectoryRows
from mssante_sim.storage.sqlite.store import SqliteStore

__all__ = ["DirectoryRows", "SqliteStore"]
