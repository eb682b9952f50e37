"""Documents of the directory in `<home>/directory.db`."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import apsw

from mssante_sim.storage.rows import Row
from mssante_sim.storage.sqlite.database import connect, migrate, translated

__all__ = ["DirectoryRows"]

STEPS = (
    """
    CREATE TABLE document (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL,
        UNIQUE (kind, key)) STRICT;
    CREATE INDEX document_order ON document (kind, id);
    CREATE TABLE lookup (
        kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
        document INTEGER NOT NULL REFERENCES document ON DELETE CASCADE,
        PRIMARY KEY (kind, name, value, document)) STRICT, WITHOUT ROWID;
    CREATE INDEX lookup_document ON lookup (document);
    -- Only the index: the words themselves are not kept a second time. Prefixes of one to three letters have
    -- lists of their own, for they match the most rows.
    CREATE VIRTUAL TABLE words USING fts5 (
        name, place, content = '', contentless_delete = 1, detail = column, prefix = '1 2 3',
        tokenize = "unicode61 remove_diacritics 0");
    """,
)

_PUT = """
    INSERT INTO document (kind, key, text) VALUES (?, ?, ?)
    ON CONFLICT (kind, key) DO UPDATE SET text = excluded.text RETURNING id"""
_FORGET_LOOKUPS = "DELETE FROM lookup WHERE document = ?"
_PUT_LOOKUP = "INSERT OR IGNORE INTO lookup (kind, name, value, document) VALUES (?, ?, ?, ?)"
_PUT_WORDS = "INSERT OR REPLACE INTO words (rowid, name, place) VALUES (?, ?, ?)"
_FORGET_WORDS = "DELETE FROM words WHERE rowid = ?"
_DELETE = "DELETE FROM document WHERE kind = ? AND key = ? RETURNING id"
_GET = "SELECT text FROM document WHERE kind = ? AND key = ?"
_FIND = """
    SELECT text FROM lookup CROSS JOIN document ON id = document
    WHERE lookup.kind = ? AND name = ? AND value = ? ORDER BY document"""
_ALL = "SELECT text FROM document WHERE kind = ? ORDER BY id"
_COUNT = "SELECT count(*) FROM document WHERE kind = ?"
_SEARCH = """
    SELECT key FROM words CROSS JOIN document ON id = words.rowid
    WHERE words MATCH ? AND kind = ? ORDER BY words.rowid LIMIT ? OFFSET ?"""
_SEARCH_ALL = "SELECT key FROM document WHERE kind = ? ORDER BY id LIMIT ? OFFSET ?"


class DirectoryRows:
    """A `RowStore` in one SQLite file, shared with other processes.

    A commit of another process is seen by the next call: no read transaction outlives its call.
    """

    def __init__(self, connection: apsw.Connection, file: Path) -> None:
        self._connection = connection
        self._file = file

    @classmethod
    def open(cls, home: Path) -> Self:
        """The rows of `home`, a folder that exists; the file is made if it is missing.

        Raises:
            HomeTooNew, StoreCorrupt, StoreReadOnly: the file cannot be used.
        """
        file = home / "directory.db"
        connection = connect(file)
        try:
            migrate(connection, STEPS, file=file)
        except BaseException:
            connection.close()
            raise
        return cls(connection, file)

    def put_many(self, rows: Iterable[Row]) -> None:
        """See RowStore."""
        with translated(self._file), self._connection:
            for row in rows:
                self._put(row)

    def _put(self, row: Row) -> None:
        execute = self._connection.execute
        (document,) = execute(_PUT, (row.kind, row.key, row.text)).fetchall()[0]
        execute(_FORGET_LOOKUPS, (document,))
        for name, value in row.lookups:
            execute(_PUT_LOOKUP, (row.kind, name, value, document))
        if row.name_words or row.place_words:
            execute(_PUT_WORDS, (document, " ".join(row.name_words), " ".join(row.place_words)))
        else:
            execute(_FORGET_WORDS, (document,))

    def delete_many(self, kind: str, keys: Iterable[str]) -> None:
        """See RowStore."""
        with translated(self._file), self._connection:
            for key in keys:
                for (document,) in self._connection.execute(_DELETE, (kind, key)).fetchall():
                    self._connection.execute(_FORGET_WORDS, (document,))

    def get(self, kind: str, key: str) -> str | None:
        """See RowStore."""
        found = self._texts(_GET, (kind, key))
        return found[0] if found else None

    def find(self, kind: str, lookup: str, value: str) -> list[str]:
        """See RowStore."""
        return self._texts(_FIND, (kind, lookup, value))

    def all(self, kind: str) -> list[str]:
        """See RowStore."""
        return self._texts(_ALL, (kind,))

    def count(self, kind: str) -> int:
        """See RowStore."""
        with translated(self._file):
            return int(self._connection.execute(_COUNT, (kind,)).get)

    def search(
        self, kind: str, name_words: Sequence[str], place_words: Sequence[str], *, limit: int, offset: int = 0
    ) -> list[str]:
        """See RowStore."""
        terms = [f'name : "{word}" *' for word in name_words if _is_word(word)]
        terms += [f'place : "{word}" *' for word in place_words if _is_word(word)]
        if len(terms) < len(name_words) + len(place_words):
            return []  # no row has a word with such letters
        if not terms:
            return self._texts(_SEARCH_ALL, (kind, limit, offset))
        return self._texts(_SEARCH, (" AND ".join(terms), kind, limit, offset))

    def _texts(self, sql: str, values: tuple[str | int, ...]) -> list[str]:
        with translated(self._file):
            return [text for (text,) in self._connection.execute(sql, values)]

    def close(self) -> None:
        """See RowStore."""
        self._connection.close()


def _is_word(word: str) -> bool:
    return word.isascii() and word.isalnum()
