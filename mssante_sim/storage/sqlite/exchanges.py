"""Exchanges between patients and professionals: what a message changes, as an item of the writer, and what is asked."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mssante_sim.storage.errors import ExchangeClosed
from mssante_sim.storage.exchanges import Closing, Exchange, ExchangeId, Turn
from mssante_sim.storage.sqlite.values import instant, microseconds
from mssante_sim.storage.sqlite.writer import Database, Transaction

__all__ = ["between", "holding", "marked", "take_turn"]

# changes

_OPEN = """
    INSERT INTO exchange (patient, professional, opened_by, opened, contact) VALUES (?, ?, ?, ?, ?) RETURNING id"""
# Who is professional and contact in one was written to as a contact, and stays one.
_SPEAK = """
    UPDATE exchange SET contact = iif(contact = professional, ?2, nullif(?2, professional)),
        closed = NULL, closed_by = NULL
    WHERE id = ?1"""
_IS_CLOSED = "SELECT 1 FROM exchange WHERE id = ? AND closed IS NOT NULL"
_CLOSE_THIS = "UPDATE exchange SET closed = ?2, closed_by = ?3 WHERE id = ?1"
_CLOSE_ALL = """
    UPDATE exchange SET closed = ?2, closed_by = ?3
    WHERE patient = ?1 AND (professional = ?3 OR contact = ?3) AND closed IS NULL"""
_HOLDS = "INSERT OR IGNORE INTO exchange_message (patient, message_id, exchange, body) VALUES (?, ?, ?, ?)"


def take_turn(tx: Transaction, turn: Turn, bodies: Mapping[str, int]) -> None:
    """The exchange is as `turn` makes it; `bodies` tells which body each account got.  Raises: ExchangeClosed."""
    at, exchange = microseconds(turn.at), turn.exchange
    if exchange is None:
        new = (turn.patient, turn.professional, turn.by, at, turn.contact)
        exchange = ExchangeId(tx.execute(_OPEN, new).fetchall()[0][0])
    elif turn.by != turn.patient:
        tx.execute(_SPEAK, (exchange, turn.contact or turn.by))
    elif tx.execute(_IS_CLOSED, (exchange,)).fetchall():
        raise ExchangeClosed("The exchange was closed meanwhile.")
    if turn.closes is Closing.THIS:
        tx.execute(_CLOSE_THIS, (exchange, at, turn.by))
    elif turn.closes is Closing.ALL:
        tx.execute(_CLOSE_ALL, (turn.patient, at, turn.by))
    if turn.message_id is not None:
        reader = turn.professional if turn.by == turn.patient else turn.patient
        tx.execute(_HOLDS, (turn.patient, turn.message_id, exchange, bodies.get(reader)))


# questions

_COLUMNS = "e.patient, e.professional, e.opened_by, e.opened, e.closed, e.closed_by, e.contact, e.id"
_OF_PATIENT = f"SELECT {_COLUMNS} FROM exchange e WHERE e.patient = ? ORDER BY e.opened DESC, e.id DESC"  # noqa: S608
_OF_PAIR = f"""
    SELECT {_COLUMNS} FROM exchange e WHERE e.patient = ?1 AND (e.professional = ?2 OR e.contact = ?2)
    ORDER BY e.opened DESC, e.id DESC"""  # noqa: S608  the columns are a constant
_HOLDING = f"""
    SELECT {_COLUMNS} FROM json_each(?3) wanted
    CROSS JOIN exchange_message x ON x.patient = ?1 AND x.message_id = wanted.value
    CROSS JOIN exchange e ON e.id = x.exchange
    WHERE e.professional = ?2 OR e.contact = ?2
    ORDER BY e.professional = ?2 DESC, e.opened DESC, e.id DESC LIMIT 1"""  # noqa: S608  the columns are a constant
# A message that was moved to another folder of its mailbox still shows the same body.
_MARKED = """
    SELECT a.name, max(m.internal_date)
    FROM exchange e
    CROSS JOIN exchange_message x ON x.exchange = e.id
    CROSS JOIN message m ON m.body = x.body
    CROSS JOIN mailbox b ON b.id = m.mailbox
    CROSS JOIN account a ON a.id = b.account AND a.name IN (e.professional, e.contact)
    CROSS JOIN flag_state f ON f.mailbox = m.mailbox AND f.uid = m.uid
    WHERE e.patient = ?1 AND instr(' ' || lower(f.keywords) || ' ', ' ' || lower(?2) || ' ')
    GROUP BY a.name ORDER BY 2 DESC, 1"""


def between(connection: Database, patient: str, professional: str | None) -> tuple[Exchange, ...]:
    """See MailStore.exchanges."""
    if professional is None:
        return tuple(map(_exchange, connection.execute(_OF_PATIENT, (patient,))))
    return tuple(map(_exchange, connection.execute(_OF_PAIR, (patient, professional))))


def holding(connection: Database, patient: str, professional: str, message_ids: Sequence[str]) -> Exchange | None:
    """See MailStore.exchange_of."""
    found = connection.execute(_HOLDING, (patient, professional, json.dumps(list(message_ids))))
    return next(map(_exchange, found), None)


def marked(connection: Database, patient: str, keyword: str) -> tuple[tuple[str, datetime], ...]:
    """See MailStore.marked."""
    return tuple((mailbox, instant(at)) for mailbox, at in connection.execute(_MARKED, (patient, keyword)))


def _exchange(row: tuple[Any, ...]) -> Exchange:
    patient, professional, opened_by, opened, closed, closed_by, contact, number = row
    ended = None if closed is None else instant(closed)
    return Exchange(patient, professional, opened_by, instant(opened), ended, closed_by, contact, ExchangeId(number))
