"""Documents of the directory in `<home>/directory.db`.

The number of a document begins with the number of its kind, so each kind lies together on disk, and the
lists of the full-text indexes are read for one kind only.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, Self

import apsw

from mssante_sim.storage.rows import Found, Row
from mssante_sim.storage.sqlite.database import connect, migrate, translated

__all__ = ["DirectoryRows"]

INDEXES = """
    CREATE UNIQUE INDEX document_key ON document (kind, key);
    CREATE UNIQUE INDEX lookup_value ON lookup (kind, name, value, document);
    CREATE INDEX lookup_document ON lookup (document);
    """

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
    """
    CREATE TABLE kind (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    INSERT INTO kind (name) SELECT DISTINCT kind FROM document ORDER BY kind;
    CREATE TABLE moved (before INTEGER PRIMARY KEY, id INTEGER NOT NULL, kind INTEGER NOT NULL) STRICT;
    INSERT INTO moved
        SELECT id, (number << 40) + row_number() OVER (PARTITION BY number ORDER BY id), number
        FROM document JOIN kind ON kind.name = document.kind;

    ALTER TABLE lookup RENAME TO lookup_before;
    ALTER TABLE document RENAME TO document_before;
    ALTER TABLE words RENAME TO words_before;
    DROP INDEX document_order;
    DROP INDEX lookup_document;
    CREATE TABLE document (
        id INTEGER PRIMARY KEY,                     -- (kind << 40) + place
        kind INTEGER NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL, updated INTEGER NOT NULL) STRICT;
    CREATE TABLE lookup (kind INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, document INTEGER NOT NULL)
        STRICT;
    CREATE VIRTUAL TABLE words USING fts5 (
        name, place, content = '', contentless_delete = 1, detail = column, prefix = '1 2 3',
        tokenize = "unicode61 remove_diacritics 0");
    -- Every three characters that stand together in a word of a name.
    CREATE VIRTUAL TABLE pieces USING fts5 (
        name, content = '', contentless_delete = 1, detail = none, tokenize = "trigram case_sensitive 1");

    INSERT INTO document
        SELECT moved.id, moved.kind, key, text, updated FROM moved JOIN document_before ON before = document_before.id;
    INSERT INTO lookup
        SELECT moved.kind, name, value, moved.id FROM lookup_before JOIN moved ON before = document;
    CREATE VIRTUAL TABLE term_before USING fts5vocab (words_before, instance);
    INSERT INTO words (rowid, name, place)
        SELECT id, ifnull(group_concat(iif(col = 'name', term, NULL), ' '), ''),
            ifnull(group_concat(iif(col = 'place', term, NULL), ' '), '')
        FROM term_before JOIN moved ON before = doc GROUP BY id;
    INSERT INTO pieces (rowid, name)
        SELECT id, group_concat(term, ' ') FROM term_before JOIN moved ON before = doc WHERE col = 'name' GROUP BY id;
    DROP TABLE term_before;
    DROP TABLE words_before;
    DROP TABLE lookup_before;
    DROP TABLE document_before;
    DROP TABLE moved;
    """,
    INDEXES,
)

BULK_ROWS: Final = 20_000
CACHE_KIB: Final = 32 * 1024  # a search looks at rows that lie apart
BULK_CACHE_KIB: Final = 48 * 1024
_KIND_SHIFT: Final = 40  # 8,388,607 kinds, 2^40 documents each
_WITHOUT_INDEXES = "DROP INDEX document_key; DROP INDEX lookup_value; DROP INDEX lookup_document;"

_KIND = "SELECT number FROM kind WHERE name = ?"
_NEW_KIND = "INSERT INTO kind (name) VALUES (?) RETURNING number"
_LAST = "SELECT ifnull(max(id), ?1) FROM document WHERE id > ?1 AND id < ?2"
_PUT = """
    INSERT INTO document (id, kind, key, text, updated)
    VALUES ((SELECT ifnull(max(id), ?1) + 1 FROM document WHERE id > ?1 AND id < ?2), ?3, ?4, ?5, ?6)
    ON CONFLICT (kind, key) DO UPDATE SET text = excluded.text, updated = excluded.updated RETURNING id"""
_PUT_NEW = "INSERT INTO document (id, kind, key, text, updated) VALUES (?, ?, ?, ?, ?)"
_PUT_LOOKUP = "INSERT INTO lookup (kind, name, value, document) VALUES (?, ?, ?, ?)"
_PUT_WORDS = "INSERT INTO words (rowid, name, place) VALUES (?, ?, ?)"
_PUT_PIECES = "INSERT INTO pieces (rowid, name) VALUES (?, ?)"
_FORGET = (
    "DELETE FROM lookup WHERE document = ?", "DELETE FROM words WHERE rowid = ?", "DELETE FROM pieces WHERE rowid = ?",
)  # fmt: skip
_FORGET_KIND = (
    "DELETE FROM lookup WHERE document > ? AND document < ?",
    "DELETE FROM words WHERE rowid > ? AND rowid < ?",
    "DELETE FROM pieces WHERE rowid > ? AND rowid < ?",
    "DELETE FROM document WHERE id > ? AND id < ?",
)
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
_ALL = "SELECT text FROM document WHERE id > ? AND id < ? ORDER BY id"
_COUNT = "SELECT count(*) FROM document WHERE id > ? AND id < ?"
_SCAN_ALL = "SELECT id, key, text, updated FROM document WHERE id > ? AND id < ? ORDER BY id LIMIT ? OFFSET ?"
_SCAN_WORDS = """
    SELECT id, key, text, updated FROM words CROSS JOIN document ON id = words.rowid
    WHERE words.rowid > ?1 AND words.rowid < ?2 AND words MATCH ?5 ORDER BY words.rowid LIMIT ?3 OFFSET ?4"""
_SCAN_PIECES = """
    SELECT id, key, text, updated FROM pieces CROSS JOIN document ON id = pieces.rowid
    WHERE pieces.rowid > ?1 AND pieces.rowid < ?2 AND pieces MATCH ?5 ORDER BY pieces.rowid LIMIT ?3 OFFSET ?4"""
_SCAN_BOTH = """
    SELECT id, key, text, updated FROM words CROSS JOIN document ON id = words.rowid
    WHERE words.rowid > ?1 AND words.rowid < ?2 AND words MATCH ?5 AND words.rowid IN (
        SELECT rowid FROM pieces WHERE rowid > ?1 AND rowid < ?2 AND pieces MATCH ?6)
    ORDER BY words.rowid LIMIT ?3 OFFSET ?4"""


class DirectoryRows:
    """A `RowStore` in one SQLite file, shared with other processes.

    A commit of another process is seen by the next call: no read transaction outlives its call.
    """

    def __init__(self, connection: apsw.Connection, file: Path) -> None:
        self._connection = connection
        self._file = file
        self._kinds: dict[str, int] = {}

    @classmethod
    def open(cls, home: Path) -> Self:
        """The rows of `home`, a folder that exists; the file is made if it is missing.

        Raises:
            HomeTooNew, StoreCorrupt, StoreReadOnly: the file cannot be used.
        """
        file = home / "directory.db"
        connection = connect(file)
        try:
            connection.pragma("cache_size", -CACHE_KIB)
            migrate(connection, STEPS, file=file)
        except BaseException:
            connection.close()
            raise
        return cls(connection, file)

    def put_many(self, rows: Iterable[Row]) -> None:
        """See RowStore."""
        try:
            with translated(self._file), self._connection:
                for row in rows:
                    self._put(row)
        except BaseException:
            self._kinds.clear()  # one that was new is not there
            raise

    def _put(self, row: Row) -> None:
        execute, kind = self._connection.execute, self._kind(row.kind, make=True)
        (document,) = execute(_PUT, (*_range(kind), kind, row.key, row.text, row.updated)).fetchall()[0]
        for forget in _FORGET:
            execute(forget, (document,))
        for name, value in set(row.lookups):
            execute(_PUT_LOOKUP, (kind, name, value, document))
        if row.name_words or row.place_words:
            execute(_PUT_WORDS, (document, " ".join(row.name_words), " ".join(row.place_words)))
            execute(_PUT_PIECES, (document, " ".join(row.name_words)))

    def delete_many(self, kind: str, keys: Iterable[str]) -> None:
        """See RowStore."""
        number = self._kind(kind)
        with translated(self._file), self._connection:
            for key in keys:
                for (document,) in self._connection.execute(_DELETE, (number, key)).fetchall():
                    for forget in _FORGET:
                        self._connection.execute(forget, (document,))

    def replace_kinds(self, kinds: Iterable[str], rows: Iterable[Row]) -> None:
        """See RowStore."""
        self._connection.pragma("cache_size", -BULK_CACHE_KIB)
        self._connection.pragma("temp_store", "file")  # what is sorted would take 200 MB; a directory is public
        try:
            with translated(self._file), self._connection:
                numbers = [self._kind(kind, make=True) for kind in kinds]
                for number in numbers:
                    for forget in _FORGET_KIND:
                        self._connection.execute(forget, _range(number))
                self._connection.execute(_WITHOUT_INDEXES)  # sorted at the end, they take a third of the time
                self._fill(
                    rows, {number: int(self._connection.execute(_LAST, _range(number)).get) for number in numbers}
                )
                self._connection.execute(INDEXES)
        except BaseException:
            self._kinds.clear()
            raise
        finally:
            self._connection.pragma("temp_store", "memory")
            self._connection.pragma("cache_size", -CACHE_KIB)

    def _fill(self, rows: Iterable[Row], last: dict[int, int]) -> None:
        """New rows by batches, each behind the last of its kind."""
        many, rows = self._connection.executemany, iter(rows)
        while batch := list(islice(rows, BULK_ROWS)):
            numbered = []
            for row in batch:
                kind = self._kinds[row.kind]
                last[kind] += 1
                numbered.append((last[kind], kind, row))
            many(_PUT_NEW, ((place, kind, row.key, row.text, row.updated) for place, kind, row in numbered))
            many(
                _PUT_LOOKUP,
                ((kind, *pair, place) for place, kind, row in numbered if row.lookups for pair in set(row.lookups)),
            )
            worded = [
                (place, " ".join(row.name_words), " ".join(row.place_words))
                for place, _, row in numbered
                if row.name_words or row.place_words
            ]
            many(_PUT_WORDS, worded)
            many(_PUT_PIECES, ((place, name) for place, name, _ in worded))

    def _kind(self, name: str, *, make: bool = False) -> int:
        """The number of a kind; 0 of one that has never had a document."""
        known = self._kinds.get(name)
        if known is None:
            with translated(self._file):
                known = self._connection.execute(_KIND, (name,)).get
                if known is None:
                    if not make:
                        return 0
                    known = self._connection.execute(_NEW_KIND, (name,)).get
            self._kinds[name] = int(known)
        return int(known)

    def get(self, kind: str, key: str) -> str | None:
        """See RowStore."""
        found = self._texts(_GET, (self._kind(kind), key))
        return found[0] if found else None

    def find(self, kind: str, lookup: str, value: str) -> list[str]:
        """See RowStore."""
        return self._texts(_FIND, (self._kind(kind), lookup, value))

    def one(self, kind: str, key: str) -> Found | None:
        """See RowStore."""
        return next(iter(self._found(_ONE, (self._kind(kind), key))), None)

    def look(self, kind: str, lookup: str, value: str) -> list[Found]:
        """See RowStore."""
        return self._found(_LOOK, (self._kind(kind), lookup, value))

    def beginning(self, kind: str, prefix: str, *, limit: int, lookup: str | None = None) -> list[Found]:
        """See RowStore."""
        number, beyond = self._kind(kind), prefix + chr(0x10FFFF)
        if lookup is None:
            return self._found(_BEGINNING_KEY, (number, prefix, beyond, limit))
        return self._found(_BEGINNING, (number, lookup, prefix, beyond, limit))

    def all(self, kind: str) -> list[str]:
        """See RowStore."""
        return self._texts(_ALL, _range(self._kind(kind)))

    def count(self, kind: str) -> int:
        """See RowStore."""
        with translated(self._file):
            return int(self._connection.execute(_COUNT, _range(self._kind(kind))).get)

    def search(
        self, kind: str, name_words: Sequence[str], place_words: Sequence[str], *, limit: int, offset: int = 0
    ) -> list[str]:
        """See RowStore."""
        found = self._scan(kind, _match(name_words, place_words), "", limit=limit, offset=offset)
        return [one.key for one in found]

    def scan(
        self,
        kind: str,
        name_words: Sequence[str] = (),
        place_words: Sequence[str] = (),
        pieces: Sequence[str] = (),
        *,
        after: int = 0,
        limit: int,
    ) -> list[Found]:
        """See RowStore."""
        return self._scan(kind, _match(name_words, place_words), _match_pieces(pieces), after=after, limit=limit)

    def _scan(
        self, kind: str, words: str | None, pieces: str | None, *, after: int = 0, limit: int, offset: int = 0
    ) -> list[Found]:
        if words is None or pieces is None:
            return []
        first, end = _range(self._kind(kind))
        window = (first + after, end, limit, offset)
        if words and pieces:
            return self._found(_SCAN_BOTH, (*window, words, pieces))
        if words:
            return self._found(_SCAN_WORDS, (*window, words))
        return self._found(_SCAN_PIECES, (*window, pieces)) if pieces else self._found(_SCAN_ALL, window)

    def _found(self, sql: str, values: tuple[str | int, ...]) -> list[Found]:
        with translated(self._file):
            return [
                Found(number & _PLACE, key, text, updated)
                for number, key, text, updated in self._connection.execute(sql, values)
            ]

    def _texts(self, sql: str, values: tuple[str | int, ...]) -> list[str]:
        with translated(self._file):
            return [text for (text,) in self._connection.execute(sql, values)]

    def close(self) -> None:
        """See RowStore."""
        self._connection.close()


_PLACE: Final = (1 << _KIND_SHIFT) - 1


def _range(kind: int) -> tuple[int, int]:
    """Between these two lie the numbers of its documents."""
    return kind << _KIND_SHIFT, (kind + 1) << _KIND_SHIFT


def _match(name_words: Sequence[str], place_words: Sequence[str]) -> str | None:
    """The query for these words, empty for none at all; None if no row can have a word with such letters."""
    terms = [f'name : "{word}" *' for word in name_words if _is_word(word)]
    terms += [f'place : "{word}" *' for word in place_words if _is_word(word)]
    return " AND ".join(terms) if len(terms) == len(name_words) + len(place_words) else None


def _match_pieces(pieces: Sequence[str]) -> str | None:
    """As `_match`, for what stands somewhere in a word; necessary, not sufficient."""
    terms = dict.fromkeys(piece[at : at + 3] for piece in pieces if _is_word(piece) for at in range(len(piece) - 2))
    return " AND ".join(f'"{term}"' for term in terms) if all(map(_is_word, pieces)) else None


def _is_word(word: str) -> bool:
    return word.isascii() and word.isalnum()
