"""From a frame to a command.

`parse` answers with a value of `commands`, or raises a fault of `faults`; nothing else.
Every reader is called after its word, at the space before its arguments.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core.cursor import Cursor, quoted_back
from mssante_sim.imap.core.faults import NotImap, UnknownCommand
from mssante_sim.imap.core.framing import Frame, read_tag
from mssante_sim.imap.core.grammar import (
    base64,
    date_time,
    expect_word,
    flag_list,
    list_of,
    mailbox,
    name,
    targets,
    text,
)
from mssante_sim.imap.core.parse_fetch import fetch
from mssante_sim.imap.core.parse_list import list_mailboxes, list_pattern, status
from mssante_sim.imap.core.parse_search import search
from mssante_sim.imap.core.parse_select import select
from mssante_sim.imap.core.parse_sort import sort, thread
from mssante_sim.imap.core.parse_store import store

__all__ = ["parse"]

_OPENING = re.compile(rb"[^ ]+ ([A-Za-z][A-Za-z0-9.-]*)(?= |\Z)")
_USE = re.compile(rb"\\[A-Za-z]+")

_Reader = Callable[[Cursor, str], c.Command]


def parse(frame: Frame, *, utf8_names: bool = False) -> c.Command:
    """The command in `frame`, of a client that writes mailbox names in UTF-8 if `utf8_names`.

    Raises:
        NotImap: there is no tag and no command word.
        UnknownCommand: the word is none of ours.
        SyntaxFault: the arguments are not those of the command.
        Cannot, BadCharset, LimitReached: they are, and can never be served.
    """
    tag = read_tag(frame.lines[0])
    cursor = Cursor(frame, utf8_names=utf8_names)
    opening = cursor.take(_OPENING)
    if tag is None or opening is None:
        raise NotImap("Expected a tag, a space and a command, like `a1 NOOP`.")
    word = opening[1].decode("ascii").upper()
    cursor.confidential = word in ("LOGIN", "AUTHENTICATE")
    command = _reader(_READERS, word)(cursor, tag)
    cursor.expect_end()
    return command


def _reader(readers: dict[str, _Reader], word: str) -> _Reader:
    reader = readers.get(word)
    if reader is None:
        raise UnknownCommand(f"There is no command {quoted_back(word.encode('ascii'))} here.")
    return reader


def _bare(command: type[c.Command]) -> _Reader:
    """A command without arguments."""
    return lambda _, tag: command(tag)


# Any state, and not authenticated -----------------------------------------------------------------


def _id(cursor: Cursor, tag: str) -> c.Id:
    """``"ID" SP ("(" [string SP nstring *(SP string SP nstring)] ")" / nil)`` [RFC 2971 §4]."""
    cursor.sp()
    if cursor.at(b"("):
        return c.Id(tag, tuple(list_of(cursor, _id_field, may_be_empty=True)))
    expect_word(cursor, "NIL")
    return c.Id(tag, ())


def _id_field(cursor: Cursor) -> tuple[str, str | None]:
    """Only ever shown to people, so that octets in another charset do no harm."""
    key = cursor.expect(cursor.string(), "the name of a field")
    cursor.sp()
    value = cursor.string()
    if value is None:
        expect_word(cursor, "NIL")
    return key.decode(errors="replace"), None if value is None else value.decode(errors="replace")


def _authenticate(cursor: Cursor, tag: str) -> c.Authenticate:
    """``"AUTHENTICATE" SP auth-type [SP (base64 / "=")]`` [RFC 4959 §7]."""
    cursor.sp()
    mechanism = cursor.expect(cursor.word(), "a mechanism")
    return c.Authenticate(tag, mechanism, base64(cursor, "a response") if cursor.octet(b" ") else None)


def _login(cursor: Cursor, tag: str) -> c.Login:
    """``"LOGIN" SP userid SP password``; both ``astring``."""
    cursor.sp()
    user = text(cursor, "a user name")
    cursor.sp()
    return c.Login(tag, user, text(cursor, "a password"))


# Authenticated ------------------------------------------------------------------------------------


def _enable(cursor: Cursor, tag: str) -> c.Enable:
    """``"ENABLE" 1*(SP capability)`` [RFC 5161 §4]."""
    cursor.sp()
    names = [cursor.expect(cursor.word(), "a capability")]
    while cursor.octet(b" "):
        names.append(cursor.expect(cursor.word(), "a capability"))
    return c.Enable(tag, tuple(names))


def _on_mailbox(command: Callable[[str, str], c.Command]) -> _Reader:
    """``SP mailbox``."""

    def read(cursor: Cursor, tag: str) -> c.Command:
        cursor.sp()
        return command(tag, mailbox(cursor))

    return read


def _create(cursor: Cursor, tag: str) -> c.Create:
    r"""``"CREATE" SP mailbox [SP "(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")"]`` [RFC 6154 §6]."""
    cursor.sp()
    created = mailbox(cursor)
    if not cursor.octet(b" "):
        return c.Create(tag, created)
    cursor.expect_octet(b"(")
    expect_word(cursor, "USE")
    cursor.sp()
    uses = list_of(cursor, _use, may_be_empty=True)
    cursor.expect_octet(b")")
    return c.Create(tag, created, tuple(dict.fromkeys(uses)))


def _use(cursor: Cursor) -> str:
    r"""``use-attr = "\" atom``, written like ``\Sent``."""
    found = cursor.expect(cursor.take(_USE), "a special use like \\Sent")
    return "\\" + found[0][1:].decode("ascii").capitalize()


def _rename(cursor: Cursor, tag: str) -> c.Rename:
    """``"RENAME" SP mailbox SP mailbox``."""
    cursor.sp()
    old = mailbox(cursor)
    cursor.sp()
    return c.Rename(tag, old, mailbox(cursor))


def _lsub(cursor: Cursor, tag: str) -> c.Lsub:
    """``"LSUB" SP mailbox SP list-mailbox``."""
    cursor.sp()
    reference = name(cursor)
    cursor.sp()
    return c.Lsub(tag, reference, list_pattern(cursor))


def _append(cursor: Cursor, tag: str) -> c.Append:
    """``"APPEND" SP mailbox 1*append-message`` [RFC 3502 §6.3.11]."""
    cursor.sp()
    target = mailbox(cursor)
    cursor.sp()
    uploads = [_upload(cursor)]
    while cursor.octet(b" "):
        uploads.append(_upload(cursor))
    return c.Append(tag, target, tuple(uploads))


def _upload(cursor: Cursor) -> c.Upload:
    """``append-message = [SP flag-list] [SP date-time] SP (literal / literal8)``, behind its first space."""
    flags_given: frozenset[str] = frozenset()
    if cursor.at(b"("):
        flags_given = flag_list(cursor)
        cursor.sp()
    date = None
    if cursor.at(b'"'):
        date = date_time(cursor)
        cursor.sp()
    octets = cursor.literal8()
    if octets is None:
        octets = cursor.expect(cursor.literal(), "the message as a literal")
    return c.Upload(octets, flags_given, date)


def _get_quota(cursor: Cursor, tag: str) -> c.GetQuota:
    """``"GETQUOTA" SP quota-root-name``; an ``astring`` [RFC 9208 §7]."""
    cursor.sp()
    return c.GetQuota(tag, text(cursor, "a quota root"))


def _set_quota(cursor: Cursor, tag: str) -> c.SetQuota:
    """``"SETQUOTA" SP quota-root-name SP "(" [setquota-resource *(SP setquota-resource)] ")"`` [RFC 9208 §7]."""
    cursor.sp()
    root = text(cursor, "a quota root")
    cursor.sp()
    return c.SetQuota(tag, root, tuple(list_of(cursor, _limit, may_be_empty=True)))


def _limit(cursor: Cursor) -> tuple[str, int]:
    resource = cursor.expect(cursor.word(), "a resource")
    cursor.sp()
    return resource, cursor.expect(cursor.number64(), "a limit")


# Selected -----------------------------------------------------------------------------------------


def _uid(cursor: Cursor, tag: str) -> c.Command:
    """``"UID" SP (copy / fetch / search / store)``, and those of [RFC 4315 §4] and [RFC 6851 §5]."""
    cursor.sp()
    word = cursor.expect(cursor.word(), "a command")
    return _reader(_UID_READERS, word)(cursor, tag)


def _uid_expunge(cursor: Cursor, tag: str) -> c.Expunge:
    """``"EXPUNGE" SP sequence-set`` [RFC 4315 §4]."""
    cursor.sp()
    return c.Expunge(tag, targets(cursor))


def _to_mailbox(command: type[c.CopyMessages | c.MoveMessages], *, by_uid: bool = False) -> _Reader:
    """``SP sequence-set SP mailbox``."""

    def read(cursor: Cursor, tag: str) -> c.Command:
        cursor.sp()
        chosen = targets(cursor)
        cursor.sp()
        return command(tag, chosen, mailbox(cursor), by_uid)

    return read


_READERS: Final[dict[str, _Reader]] = {
    "APPEND": _append,
    "AUTHENTICATE": _authenticate,
    "CAPABILITY": _bare(c.Capability),
    "CHECK": _bare(c.Check),
    "CLOSE": _bare(c.Close),
    "COPY": _to_mailbox(c.CopyMessages),
    "CREATE": _create,
    "DELETE": _on_mailbox(c.Delete),
    "ENABLE": _enable,
    "EXAMINE": partial(select, read_only=True),
    "EXPUNGE": _bare(c.Expunge),
    "FETCH": fetch,
    "GETQUOTA": _get_quota,
    "GETQUOTAROOT": _on_mailbox(c.GetQuotaRoot),
    "ID": _id,
    "IDLE": _bare(c.Idle),
    "LIST": list_mailboxes,
    "LOGIN": _login,
    "LOGOUT": _bare(c.Logout),
    "LSUB": _lsub,
    "MOVE": _to_mailbox(c.MoveMessages),
    "NAMESPACE": _bare(c.Namespace),
    "NOOP": _bare(c.Noop),
    "RENAME": _rename,
    "SEARCH": search,
    "SELECT": partial(select, read_only=False),
    "SETQUOTA": _set_quota,
    "SORT": sort,
    "STARTTLS": _bare(c.StartTls),
    "STATUS": status,
    "STORE": store,
    "SUBSCRIBE": _on_mailbox(c.Subscribe),
    "THREAD": thread,
    "UID": _uid,
    "UNSELECT": _bare(c.Unselect),
    "UNSUBSCRIBE": _on_mailbox(c.Unsubscribe),
}

_UID_READERS: Final[dict[str, _Reader]] = {
    "COPY": _to_mailbox(c.CopyMessages, by_uid=True),
    "EXPUNGE": _uid_expunge,
    "FETCH": partial(fetch, by_uid=True),
    "MOVE": _to_mailbox(c.MoveMessages, by_uid=True),
    "SEARCH": partial(search, by_uid=True),
    "SORT": partial(sort, by_uid=True),
    "STORE": partial(store, by_uid=True),
    "THREAD": partial(thread, by_uid=True),
}
