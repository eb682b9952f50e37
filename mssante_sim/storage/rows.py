"""The contract between the directory and what keeps its documents.

A *row* is a document (JSON text) named by kind and key, together with what it
can be found by. The store knows nothing of what a document says.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

__all__ = ["Found", "Row", "RowStore"]


class Row(NamedTuple):
    """One document, and by what it is found.

    Words are normalised by the caller: lower-case letters and digits of ASCII, nothing else.
    """

    kind: str
    key: str
    text: str
    lookups: tuple[tuple[str, str], ...] = ()  # (name, value): what `find` compares, octet for octet
    name_words: tuple[str, ...] = ()
    place_words: tuple[str, ...] = ()
    updated: int = 0  # seconds since 1970, UTC


@dataclass(frozen=True, slots=True)
class Found:
    """A document, and where it stands in the order in which rows were first put."""

    place: int  # from 1 on, within its kind
    key: str
    text: str
    updated: int


class RowStore(Protocol):
    """Documents on disk.

    Every call is synchronous and short: a point lookup stays below 100 µs. Each call reads one instant; what
    another process has committed is seen by the next call. One thread at a time may call.

    Any call may raise StoreBusy (another process writes for too long), StoreFull, StoreReadOnly or
    StoreCorrupt.
    """

    def put_many(self, rows: Iterable[Row]) -> None:
        """Every row is stored, or none; a row of the same kind and key is replaced.

        Its lookups and words are replaced with it, its place in the order is kept. Durable on return.
        """
        ...

    def delete_many(self, kind: str, keys: Iterable[str]) -> None:
        """The rows are gone, durably; keys that do not exist are passed over."""
        ...

    def replace_kinds(self, kinds: Iterable[str], rows: Iterable[Row]) -> None:
        """Every row of `kinds` is gone and `rows`, of these kinds and each key once, are there; or nothing happened.

        For hundreds of thousands of rows: `rows` is read as it goes, in one transaction that readers do not see
        before it ends. Durable on return. Whoever else wants to write meanwhile may get StoreBusy.
        """
        ...

    def get(self, kind: str, key: str) -> str | None:
        """The document, if there is one."""
        ...

    def find(self, kind: str, lookup: str, value: str) -> list[str]:
        """Documents with this lookup, in the order they were first put."""
        ...

    def all(self, kind: str) -> list[str]:
        """Every document of a kind, in the order they were first put."""
        ...

    def one(self, kind: str, key: str) -> Found | None:
        """As `get`, with its place."""
        ...

    def look(self, kind: str, lookup: str, value: str) -> list[Found]:
        """As `find`, with their places."""
        ...

    def beginning(self, kind: str, prefix: str, *, limit: int, lookup: str | None = None) -> list[Found]:
        """Rows whose key, or value of `lookup`, begins with `prefix`, in that order; each once for each value."""
        ...

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
        """The next rows that `search` finds, from beyond a place: what is put or deleted meanwhile moves no page.

        Every three characters of `pieces` also stand together in some word of the name; a piece of fewer
        leaves nothing out.
        """
        ...

    def count(self, kind: str) -> int:
        """How many documents of a kind there are."""
        ...

    def search(
        self, kind: str, name_words: Sequence[str], place_words: Sequence[str], *, limit: int, offset: int = 0
    ) -> list[str]:
        """Keys of rows where every query word begins some word of the row's name, or place, respectively.

        No query word at all finds every row of the kind. In the order rows were first put, so that pages do
        not overlap. Below 30 ms for 100,000 rows.
        """
        ...

    def close(self) -> None:
        """Files are closed; no call works after this."""
        ...
