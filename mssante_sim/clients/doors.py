"""Where submission and IMAP are: asked of the stack's DNS, as any mail program asks, or told."""

import ipaddress

from mssante_sim.clients.running import Running
from mssante_sim.directory.dns_lookup import Door, NameServer, find_door

__all__ = ["door_of"]

_PORTS = {"submission": "submission", "imaps": "imap_tls"}


def door_of(running: Running, address: str, service: str, server: str | None = None) -> Door:
    """The door to `service` (submission or imaps) of the domain of `address`.

    On the host `server`, if one is given, at the port that the run file tells; else where DNS says that it is. It
    waits for the answer: what runs in a loop that also serves DNS asks from a thread.

    Raises:
        NoService: the stack's DNS does not answer, or knows no such domain.
    """
    if server is not None:
        return Door(server, running.ports[_PORTS[service]], tls_at_once=service.endswith("s"))
    return find_door(address.rpartition("@")[2], service, NameServer(_reachable(running.bind), running.ports["dns"]))


def _reachable(bind: str) -> str:
    """The address by which what listens on `bind` is reached from here."""
    try:
        address = ipaddress.ip_address(bind)
    except ValueError:
        return "127.0.0.1"
    return str(address) if not address.is_unspecified else "127.0.0.1" if address.version == 4 else "::1"
