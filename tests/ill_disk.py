"""A disk on which the SQLite engine meets errors, from the moment a test says so."""

import threading

import apsw

__all__ = ["Disk"]


class Disk(apsw.VFS):
    """The system's disk, with an error for each write or sync of the WAL or the database once it is `ill`."""

    def __init__(self, name):
        self.ill = {}  # (method, end of the file's name) -> error
        self.calls = []
        self.met = threading.Event()
        super().__init__(name, "")

    def xOpen(self, name, flags):  # noqa: N802  SQLite's name
        return File(self, name, flags)

    def meets(self, method, file):
        if file.endswith("-shm"):
            return
        end = "wal" if file.endswith("-wal") else "db"
        self.calls.append((method, end))
        if (method, end) in self.ill:
            self.met.set()
            raise self.ill[method, end]


class File(apsw.VFSFile):
    """A file on that disk."""

    def __init__(self, disk, name, flags):
        self.disk = disk
        self.name = name.filename() if isinstance(name, apsw.URIFilename) else name or ""
        super().__init__("", name, flags)

    def xWrite(self, data, offset):  # noqa: N802
        self.disk.meets("write", self.name)
        super().xWrite(data, offset)

    def xSync(self, flags):  # noqa: N802
        self.disk.meets("sync", self.name)
        super().xSync(flags)
