"""What is advertised, when, and which commands it promises."""

from collections.abc import Collection, Iterable
from typing import Final

from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core.states import Phase

__all__ = ["PROMISES", "WITHOUT_IDLE", "advertised", "broken_promises"]

_BASE: Final = ("IMAP4rev1", "IMAP4rev2", "SASL-IR", "ID", "ENABLE", "IDLE")
_LOGGED_IN: Final = (
    "LITERAL+", "NAMESPACE", "UIDPLUS", "MOVE", "UNSELECT", "CHILDREN", "SPECIAL-USE", "CREATE-SPECIAL-USE",
    "LIST-EXTENDED", "LIST-STATUS", "STATUS=SIZE", "QUOTA", "QUOTA=RES-STORAGE", "CONDSTORE", "QRESYNC", "ESEARCH",
    "SEARCHRES", "WITHIN", "SORT", "THREAD=ORDEREDSUBJECT", "THREAD=REFERENCES", "MULTIAPPEND", "BINARY", "OBJECTID",
    "SAVEDATE",
)  # fmt: skip

PROMISES: Final[dict[str, tuple[type[c.Command], ...]]] = {
    "IMAP4rev1": (
        c.Capability, c.Noop, c.Logout, c.Authenticate, c.Login, c.Select, c.Create, c.Delete, c.Rename, c.Subscribe,
        c.Unsubscribe, c.List, c.Lsub, c.Status, c.Append, c.Check, c.Close, c.Expunge, c.Search, c.Fetch,
        c.StoreFlags, c.CopyMessages,
    ),  # [RFC 3501 §6]
    "IMAP4rev2": (
        c.Capability, c.Noop, c.Logout, c.Authenticate, c.Login, c.Enable, c.Select, c.Create, c.Delete, c.Rename,
        c.Subscribe, c.Unsubscribe, c.List, c.Namespace, c.Status, c.Append, c.Idle, c.Close, c.Unselect, c.Expunge,
        c.Search, c.Fetch, c.StoreFlags, c.CopyMessages, c.MoveMessages,
    ),  # [RFC 9051 §6]
    "STARTTLS": (c.StartTls,),
    "LOGINDISABLED": (),
    "AUTH=PLAIN": (c.Authenticate,),
    "AUTH=LOGIN": (c.Authenticate,),
    "AUTH=SCRAM-SHA-256": (c.Authenticate,),  # [RFC 7677 §3]
    "AUTH=SCRAM-SHA-256-PLUS": (c.Authenticate,),
    "AUTH=EXTERNAL": (c.Authenticate,),  # where the client has shown a certificate [RFC 4422 §A]
    "AUTH=OAUTHBEARER": (c.Authenticate,),  # [RFC 7628]
    "AUTH=XOAUTH2": (c.Authenticate,),
    "SASL-IR": (c.Authenticate,),  # [RFC 4959]
    "LITERAL-": (),  # framing, which refuses larger ones before the login [RFC 7888 §5]
    "LITERAL+": (),  # framing [RFC 7888 §3]
    "ID": (c.Id,),  # [RFC 2971]
    "ENABLE": (c.Enable,),  # [RFC 5161]
    "IDLE": (c.Idle,),  # [RFC 2177]
    "NAMESPACE": (c.Namespace,),  # [RFC 2342]
    "UIDPLUS": (c.Expunge,),  # and the codes of APPEND and COPY  [RFC 4315]
    "MOVE": (c.MoveMessages,),  # [RFC 6851]
    "UNSELECT": (c.Unselect,),  # [RFC 3691]
    "CHILDREN": (c.List,),  # [RFC 3348]
    "SPECIAL-USE": (c.List,),  # [RFC 6154 §2]
    "CREATE-SPECIAL-USE": (c.Create,),  # [RFC 6154 §3]
    "LIST-EXTENDED": (c.List,),  # [RFC 5258]
    "LIST-STATUS": (c.List, c.Status),  # [RFC 5819 §2]
    "STATUS=SIZE": (c.Status,),  # [RFC 8438 §3]
    "QUOTA": (c.GetQuota, c.GetQuotaRoot, c.SetQuota),  # [RFC 9208]
    "QUOTA=RES-STORAGE": (c.GetQuota, c.Status),
    "CONDSTORE": (c.Enable, c.Select, c.Status, c.Fetch, c.StoreFlags, c.Search),  # [RFC 7162 §3.1]
    "QRESYNC": (c.Enable, c.Select, c.Fetch, c.Expunge),  # [RFC 7162 §3.2]
    "ESEARCH": (c.Search,),  # [RFC 4731 §3.1]
    "SEARCHRES": (c.Search, c.Fetch, c.StoreFlags, c.CopyMessages, c.MoveMessages),  # [RFC 5182 §2.1]
    "WITHIN": (c.Search,),  # [RFC 5032 §2]
    "SORT": (c.Sort,),  # [RFC 5256 §3]
    "THREAD=ORDEREDSUBJECT": (c.Thread,),
    "THREAD=REFERENCES": (c.Thread,),
    "BINARY": (c.Fetch, c.Append),  # [RFC 3516 §4]
    "MULTIAPPEND": (c.Append,),  # [RFC 3502 §6.3.11]
    "APPENDLIMIT": (c.Append, c.Status),  # [RFC 7889 §2]
    "OBJECTID": (c.Create, c.Select, c.Status, c.Fetch, c.Search),  # [RFC 8474 §4]
    "SAVEDATE": (c.Fetch, c.Search),  # [RFC 8514 §4.1]
}  # fmt: skip
"""Each capability, without the value that some have, and the commands without which it would be a lie."""


def advertised(
    phase: Phase, *, secure: bool, append_limit: int, mechanisms: Iterable[str] = ("PLAIN", "LOGIN")
) -> tuple[str, ...]:
    """Capabilities of a connection; before TLS and before login only what can be used then [RFC 3501 §6.1.1].

    A literal that nobody asked for may be as large as any after the login, and small before [RFC 7888 §5].
    Every mechanism needs TLS, also those that send no password: so much is said of health after it.
    """
    if phase is not Phase.ANONYMOUS:
        return (*_BASE, *_LOGGED_IN, f"APPENDLIMIT={append_limit}")
    if not secure:
        return (*_BASE, "LITERAL-", "STARTTLS", "LOGINDISABLED")
    return (*_BASE, "LITERAL-", *(f"AUTH={name}" for name in mechanisms))


WITHOUT_IDLE: Final = frozenset({"IDLE", "IMAP4rev2"})
"""What is withheld from an account whose client has to poll; IDLE is part of IMAP4rev2 [RFC 9051 §6.3.13]."""


def broken_promises(implemented: Collection[type[c.Command]]) -> list[str]:
    """Capabilities that need a command which is not among `implemented`; none in a server that may start."""
    return [name for name, needed in PROMISES.items() if not set(needed) <= set(implemented)]
