"""What is advertised, when, and which commands it promises."""

from collections.abc import Collection
from typing import Final

from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core.states import Phase

__all__ = ["MECHANISMS", "PROMISES", "advertised", "broken_promises"]

MECHANISMS: Final = ("PLAIN", "LOGIN")
"""SASL mechanisms; all send the password, so all need TLS [RFC 4616], [draft-murchison-sasl-login §2]."""

_BASE: Final = ("IMAP4rev1", "SASL-IR", "LITERAL+", "ID", "ENABLE", "IDLE")
_LOGGED_IN: Final = (
    "NAMESPACE", "UIDPLUS", "MOVE", "UNSELECT", "CHILDREN", "SPECIAL-USE", "LIST-EXTENDED", "QUOTA",
    "QUOTA=RES-STORAGE", "CONDSTORE", "QRESYNC",
)  # fmt: skip

PROMISES: Final[dict[str, tuple[type[c.Command], ...]]] = {
    "IMAP4rev1": (
        c.Capability, c.Noop, c.Logout, c.Authenticate, c.Login, c.Select, c.Create, c.Delete, c.Rename, c.Subscribe,
        c.Unsubscribe, c.List, c.Lsub, c.Status, c.Append, c.Check, c.Close, c.Expunge, c.Search, c.Fetch,
        c.StoreFlags, c.CopyMessages,
    ),  # [RFC 3501 §6]
    "STARTTLS": (c.StartTls,),
    "LOGINDISABLED": (),
    "AUTH=PLAIN": (c.Authenticate,),
    "AUTH=LOGIN": (c.Authenticate,),
    "SASL-IR": (c.Authenticate,),  # [RFC 4959]
    "LITERAL+": (),  # framing  [RFC 7888]
    "ID": (c.Id,),  # [RFC 2971]
    "ENABLE": (c.Enable,),  # [RFC 5161]
    "IDLE": (c.Idle,),  # [RFC 2177]
    "NAMESPACE": (c.Namespace,),  # [RFC 2342]
    "UIDPLUS": (c.Expunge,),  # and the codes of APPEND and COPY  [RFC 4315]
    "MOVE": (c.MoveMessages,),  # [RFC 6851]
    "UNSELECT": (c.Unselect,),  # [RFC 3691]
    "CHILDREN": (c.List,),  # [RFC 3348]
    "SPECIAL-USE": (c.List,),  # [RFC 6154]
    "LIST-EXTENDED": (c.List,),  # [RFC 5258]
    "QUOTA": (c.GetQuota, c.GetQuotaRoot, c.SetQuota),  # [RFC 9208]
    "QUOTA=RES-STORAGE": (c.GetQuota, c.Status),
    "CONDSTORE": (c.Enable, c.Select, c.Status, c.Fetch, c.StoreFlags, c.Search),  # [RFC 7162 §3.1]
    "QRESYNC": (c.Enable, c.Select, c.Fetch, c.Expunge),  # [RFC 7162 §3.2]
}  # fmt: skip
"""Each capability, and the commands without which it would be a lie."""


def advertised(phase: Phase, *, secure: bool) -> tuple[str, ...]:
    """Capabilities of a connection; before TLS and before login only what can be used then [RFC 3501 §6.1.1]."""
    if phase is not Phase.ANONYMOUS:
        return _BASE + _LOGGED_IN
    if not secure:
        return (*_BASE, "STARTTLS", "LOGINDISABLED")
    return (*_BASE, *(f"AUTH={name}" for name in MECHANISMS))


def broken_promises(implemented: Collection[type[c.Command]]) -> list[str]:
    """Capabilities that need a command which is not among `implemented`; none in a server that may start."""
    return [name for name, needed in PROMISES.items() if not set(needed) <= set(implemented)]
