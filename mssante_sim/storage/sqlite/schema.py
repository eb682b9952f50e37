"""Tables of `mail.db`, as the steps that lead from one version to the next.  Steps only ever get added."""

__all__ = ["STEPS"]

_FIRST = """
-- Numbers given once and never again.
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,       -- a stale FolderId must never mean another folder
    account INTEGER NOT NULL REFERENCES account,
    name TEXT NOT NULL,
    special_use TEXT,
    uidvalidity INTEGER NOT NULL,
    uidnext INTEGER NOT NULL DEFAULT 1,
    modseq INTEGER NOT NULL DEFAULT 1,          -- of the latest change
    expunge_floor INTEGER NOT NULL DEFAULT 0,   -- up to here, what was expunged is no longer known
    messages INTEGER NOT NULL DEFAULT 0,
    unseen INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    octets INTEGER NOT NULL DEFAULT 0,
    recent_from INTEGER NOT NULL DEFAULT 1,
    UNIQUE (account, name)) STRICT;

CREATE TABLE subscription (
    account INTEGER NOT NULL REFERENCES account, name TEXT NOT NULL,
    PRIMARY KEY (account, name)) STRICT, WITHOUT ROWID;

CREATE TABLE keyword (
    mailbox INTEGER NOT NULL REFERENCES mailbox ON DELETE CASCADE,
    folded TEXT NOT NULL,
    name TEXT NOT NULL,                         -- as first written
    PRIMARY KEY (mailbox, folded)) STRICT, WITHOUT ROWID;

-- Immutable, shared by every message that shows it. Its facts stand here once, its octets in `content`, so that
-- a FETCH of many envelopes does not step over bodies.
CREATE TABLE body (
    id INTEGER PRIMARY KEY AUTOINCREMENT,       -- EMAILID: never given twice  [RFC 8474 §4]
    octets INTEGER NOT NULL,
    file TEXT,                                  -- where a large body lies; else it is in `content`
    envelope BLOB NOT NULL,
    bodystructure BLOB NOT NULL,
    structure BLOB NOT NULL,
    header_octets INTEGER NOT NULL,
    message_id TEXT) STRICT;
CREATE TABLE content (body INTEGER PRIMARY KEY REFERENCES body ON DELETE CASCADE, octets BLOB NOT NULL) STRICT;
CREATE TABLE garbage (body INTEGER PRIMARY KEY, since INTEGER NOT NULL) STRICT;   -- may have lost its last message
CREATE INDEX garbage_since ON garbage (since);

-- Immutable. Which messages show a body is counted by the index.
CREATE TABLE message (
    mailbox INTEGER NOT NULL REFERENCES mailbox,
    uid INTEGER NOT NULL,
    body INTEGER NOT NULL REFERENCES body,
    octets INTEGER NOT NULL,
    internal_date INTEGER NOT NULL,             -- dates: microseconds since 1970, UTC
    saved_date INTEGER NOT NULL,
    prefix BLOB NOT NULL,
    PRIMARY KEY (mailbox, uid)) STRICT, WITHOUT ROWID;
CREATE INDEX message_body ON message (body);

-- Narrow, for it is all that changes.
CREATE TABLE flag_state (
    mailbox INTEGER NOT NULL REFERENCES mailbox,
    uid INTEGER NOT NULL,
    flags INTEGER NOT NULL,                     -- bits of the system flags
    keywords TEXT NOT NULL,                     -- sorted, one space between
    modseq INTEGER NOT NULL,
    PRIMARY KEY (mailbox, uid)) STRICT, WITHOUT ROWID;

CREATE TABLE expunged (
    mailbox INTEGER NOT NULL REFERENCES mailbox ON DELETE CASCADE,
    modseq INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    PRIMARY KEY (mailbox, modseq, uid)) STRICT, WITHOUT ROWID;

CREATE TABLE once (digest BLOB PRIMARY KEY, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX once_expires ON once (expires);

CREATE TABLE exchange (
    patient TEXT NOT NULL, professional TEXT NOT NULL, opened_by TEXT NOT NULL,
    opened INTEGER NOT NULL, closed INTEGER,
    PRIMARY KEY (patient, professional)) STRICT, WITHOUT ROWID;
"""

_EXCHANGES_BY_THREAD = """
ALTER TABLE exchange RENAME TO exchange_of_pair;
CREATE TABLE exchange (
    id INTEGER PRIMARY KEY,
    patient TEXT NOT NULL, professional TEXT NOT NULL, opened_by TEXT NOT NULL, opened INTEGER NOT NULL,
    closed INTEGER, closed_by TEXT,
    contact TEXT) STRICT;                       -- where answers go, if not to the professional
CREATE INDEX exchange_patient ON exchange (patient);
INSERT INTO exchange (patient, professional, opened_by, opened, closed, closed_by)
    SELECT patient, professional, opened_by, opened, closed, iif(closed IS NULL, NULL, professional)
    FROM exchange_of_pair;
DROP TABLE exchange_of_pair;

-- What its reader got is found by its body, in whatever folder it lies now; the body may be gone by then.
CREATE TABLE exchange_message (
    patient TEXT NOT NULL, message_id TEXT NOT NULL,
    exchange INTEGER NOT NULL REFERENCES exchange ON DELETE CASCADE,
    body INTEGER,
    PRIMARY KEY (patient, message_id, exchange)) STRICT, WITHOUT ROWID;
CREATE INDEX exchange_message_exchange ON exchange_message (exchange);
"""

_DELETED_BY_INDEX = r"""
-- EXPUNGE asks for these in folders of any size; its query names the index, which the planner would not choose.
-- There is none of the unseen, for it would be written anew whenever an unseen message gets another flag.
CREATE INDEX flag_state_deleted ON flag_state (mailbox, uid) WHERE flags & 8;   -- \Deleted
"""

STEPS = (_FIRST, _EXCHANGES_BY_THREAD, _DELETED_BY_INDEX)
