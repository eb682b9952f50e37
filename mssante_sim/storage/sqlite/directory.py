"""Documents of the directory in `<home>/directory.db`."""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, Self

import apsw

from mssante_sim.storage.rows import Found, Row
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
    "ALTER TABLE document ADD COLUMN updated INTEGER NOT NULL DEFAULT 0;",
)

BULK_ROWS: Final = 20_000
BULK_CACHE_KIB: Final = 64 * 1024  # while many rows come in, the indexes stay in memory

_PUT = """
    INSERT INTO document (kind, key, text, updated) VALUES (?, ?, ?, ?)
    ON CONFLICT (kind, key) DO UPDATE SET text = excluded.text, updated = excluded.updated RETURNING id"""
_PUT_NEW = "INSERT INTO document (id, kind, key, text, updated) VALUES (?, ?, ?, ?, ?)"
_PUT_NEW_LOOKUP = "INSERT INTO lookup (kind, name, value, document) VALUES (?, ?, ?, ?)"
_PUT_NEW_WORDS = "INSERT INTO words (rowid, name, place) VALUES (?, ?, ?)"
_LAST = "SELECT ifnull(max(id), 0) FROM document"
_FORGET_KIND = (
    "DELETE FROM lookup WHERE kind = ?",
    "DELETE FROM words WHERE rowid IN (SELECT id FROM document WHERE kind = ?)",
    "DELETE FROM document WHERE kind = ?",
)
_FORGET_LOOKUPS = "DELETE FROM lookup WHERE document = ?"
_PUT_LOOKUP = "INSERT OR IGNORE INTO lookup (kind, name, value, document) VALUES (?, ?, ?, ?)"
_PUT_WORDS = "INSERT OR REPLACE INTO words (rowid, name, place) VALUES (?, ?, ?)"
_FORGET_WORDS = "DELETE FROM words WHERE rowid = ?"
_DELETE = "DELETE FROM document WHERE kind = ? AND key = ? RETURNING id"
_GET = "SELECT text FROM document WHERE kind = ? AND key = ?"
_FIND = """
    SELECT text FROM lookup CROSS JOIN document ON id = document
    WHERE lookup.kind = ? AND name = ? AND value = ? ORDER BY document"""
_ONE = "SELECT id, key, text, updated FROM document WHERE kind = ? AND key = ?"
_LOOK = """
    SELECT id, key, text, updated FROM lookup CROSS JOIN document ON id = document
    WHERE lookup.kind = ? AND name = ? AND value = ? ORDER BY document"""
_BEGINNING_KEY = """
    SELECT id, key, text, updated FROM document
    WHERE kind = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?"""
_BEGINNING = """
    SELECT id, key, text, updated FROM lookup CROSS JOIN document ON id = document
    WHERE lookup.kind = ? AND name = ? AND value >= ? AND value < ? ORDER BY value, document LIMIT ?"""
_SCAN = """
    SELECT id, key, text, updated FROM words CROSS JOIN document ON id = words.rowid
    WHERE words MATCH ? AND words.rowid > ? AND kind = ? ORDER BY words.rowid LIMIT ?"""
_SCAN_ALL = "SELECT id, key, text, updated FROM document WHERE kind = ? AND id > ? ORDER BY id LIMIT ?"
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
        (document,) = execute(_PUT, (row.kind, row.key, row.text, row.updated)).fetchall()[0]
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

    def replace_kinds(self, kinds: Iterable[str], rows: Iterable[Row]) -> None:
        """See RowStore."""
        cache = self._connection.pragma("cache_size")
        self._connection.pragma("cache_size", -BULK_CACHE_KIB)
        self._connection.pragma("foreign_keys", False)  # every document is put before its lookups
        try:
            with translated(self._file), self._connection:
                for kind in kinds:
                    for forget in _FORGET_KIND:
                        self._connection.execute(forget, (kind,))
                self._fill(rows)
        finally:
            self._connection.pragma("foreign_keys", True)
            self._connection.pragma("cache_size", cache)

    def _fill(self, rows: Iterable[Row]) -> None:
        """New rows by batches; lookups in their order, so that the tree is written from left to right."""
        document, rows = int(self._connection.execute(_LAST).get), iter(rows)
        while batch := list(islice(rows, BULK_ROWS)):
            numbered = list(enumerate(batch, start=document + 1))
            many = self._connection.executemany
            many(_PUT_NEW, ((place, row.kind, row.key, row.text, row.updated) for place, row in numbered))
            many(
                _PUT_NEW_LOOKUP,
                sorted((row.kind, *pair, place) for place, row in numbered for pair in set(row.lookups)),
            )
            worded = ((place, row) for place, row in numbered if row.name_words or row.place_words)
            many(
                _PUT_NEW_WORDS, ((place, " ".join(row.name_words), " ".join(row.place_words)) for place, row in worded)
            )
            document += len(batch)

    def get(self, kind: str, key: str) -> str | None:
        """See RowStore."""
        found = self._texts(_GET, (kind, key))
        return found[0] if found else None

    def find(self, kind: str, lookup: str, value: str) -> list[str]:
        """See RowStore."""
        return self._texts(_FIND, (kind, lookup, value))

    def one(self, kind: str, key: str) -> Found | None:
        """See RowStore."""
        return next(iter(self._found(_ONE, (kind, key))), None)

    def look(self, kind: str, lookup: str, value: str) -> list[Found]:
        """See RowStore."""
        return self._found(_LOOK, (kind, lookup, value))

    def beginning(self, kind: str, prefix: str, *, limit: int, lookup: str | None = None) -> list[Found]:
        """See RowStore."""
        beyond = prefix + chr(0x10FFFF)
        if lookup is None:
            return self._found(_BEGINNING_KEY, (kind, prefix, beyond, limit))
        return self._found(_BEGINNING, (kind, lookup, prefix, beyond, limit))

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
        match = _match(name_words, place_words)
        if match is None:
            return []
        if not match:
            return self._texts(_SEARCH_ALL, (kind, limit, offset))
        return self._texts(_SEARCH, (match, kind, limit, offset))

    def scan(
        self, kind: str, name_words: Sequence[str] = (), place_words: Sequence[str] = (), *, after: int = 0, limit: int
    ) -> list[Found]:
        """See RowStore."""
        match = _match(name_words, place_words)
        if match is None:
            return []
        if not match:
            return self._found(_SCAN_ALL, (kind, after, limit))
        return self._found(_SCAN, (match, after, kind, limit))

    def _found(self, sql: str, values: tuple[str | int, ...]) -> list[Found]:
        with translated(self._file):
            return [Found(*row) for row in self._connection.execute(sql, values)]

    def _texts(self, sql: str, values: tuple[str | int, ...]) -> list[str]:
        with translated(self._file):
            return [text for (text,) in self._connection.execute(sql, values)]

    def close(self) -> None:
        """See RowStore."""
        self._connection.close()


def _match(name_words: Sequence[str], place_words: Sequence[str]) -> str | None:
    """The query for these words, empty for none at all; None if no row can have a word with such letters."""
    terms = [f'name : "{word}" *' for word in name_words if _is_word(word)]
    terms += [f'place : "{word}" *' for word in place_words if _is_word(word)]
    return " AND ".join(terms) if len(terms) == len(name_words) + len(place_words) else None


def _is_word(word: str) -> bool:
    return word.isascii() and word.isalnum()
