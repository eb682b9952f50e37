"""The table of mechanisms, and the plain ones [RFC 4422] [RFC 4616]."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from mssante_sim.sasl.bearer import Bearer
from mssante_sim.sasl.claims import ActingForAnother, Claim, Malformed, Named, Parting, Password, UnknownMechanism
from mssante_sim.sasl.names import utf8
from mssante_sim.sasl.party import Party
from mssante_sim.sasl.scram import MECHANISM, MECHANISM_PLUS, Scram

__all__ = ["Exchange", "begin", "mechanisms"]

_LOGIN_CHALLENGES: Final = (b"Username:", b"Password:")


class Exchange(Protocol):
    """One authentication under way."""

    @property
    def opening(self) -> bytes:
        """What a client is asked that sent no initial response."""
        ...

    def answer(self, octets: bytes) -> bytes | Claim | Parting:
        """The next challenge, or how the exchange ended.

        Raises:
            Malformed, Denied, ActingForAnother: it leads to no claim.
        """
        ...


class _Plain:
    """PLAIN: ``[authzid] NUL authcid NUL passwd`` [RFC 4616 §2]."""

    opening: Final = b""

    def answer(self, octets: bytes) -> Password:
        """Login name and password."""
        parts = utf8(octets).split("\0")
        if len(parts) != 3:
            raise Malformed("Not three fields.")
        act_as, login, password = parts
        if act_as not in ("", login):
            raise ActingForAnother("Acting for another account is not possible.")
        return Password(login, password)


class _Login:
    """LOGIN: one after the other [draft-murchison-sasl-login §2]."""

    opening: Final = _LOGIN_CHALLENGES[0]

    def __init__(self) -> None:
        self._login: str | None = None

    def answer(self, octets: bytes) -> bytes | Password:
        """The second challenge, then login name and password."""
        text = utf8(octets)
        if "\0" in text:
            raise Malformed("NUL in a name or a password.")
        if self._login is None:
            self._login = text
            return _LOGIN_CHALLENGES[1]
        return Password(self._login, text)


class _External:
    """EXTERNAL: the certificate of the client, and perhaps the name that it means [RFC 4422 §A]."""

    opening: Final = b""

    def __init__(self, party: Party) -> None:
        self._party = party

    def answer(self, octets: bytes) -> Named:
        """Whose certificate it is."""
        name = utf8(octets)
        if "\0" in name:
            raise Malformed("NUL in a name.")
        return self._party.holder(name)


_PARTYS: Final[Mapping[str, Callable[[Party], Exchange]]] = MappingProxyType({
    MECHANISM_PLUS: lambda party: Scram(party, plus=True),
    MECHANISM: lambda party: Scram(party, plus=False),
    "EXTERNAL": _External,
    "OAUTHBEARER": Bearer.oauthbearer,
    "XOAUTH2": Bearer.xoauth2,
})  # fmt: skip
"""What needs the server's part; the best first."""

_PASSWORDS: Final[Mapping[str, Callable[[], Exchange]]] = MappingProxyType({"PLAIN": _Plain, "LOGIN": _Login})


def mechanisms(party: Party | None) -> tuple[str, ...]:
    """What is offered to a client, the best first; without the server's part only passwords."""
    if party is None:
        return tuple(_PASSWORDS)
    missing = {
        *((MECHANISM_PLUS,) if party.end_point is None else ()),
        *(() if party.certified else ("EXTERNAL",)),
    }
    return tuple(name for name in (*_PARTYS, *_PASSWORDS) if name not in missing)


def begin(mechanism: str, party: Party | None) -> Exchange:
    """The exchange of `mechanism`, whose name is in capitals.

    Raises:
        UnknownMechanism: it is not offered.
    """
    if mechanism not in mechanisms(party):
        raise UnknownMechanism("Unsupported authentication mechanism.")
    if party is None or mechanism in _PASSWORDS:
        return _PASSWORDS[mechanism]()
    return _PARTYS[mechanism](party)
