"""The root of every error this package raises on purpose.

An error carries two texts, and they never mix: `public` is a sentence for the
person or peer who caused it (what is wrong, what to do; no path of the server,
no SQL, no address of a third party, no key), `detail` is for the log.
"""

import errno
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

__all__ = ["PortBusy", "SimulatorError", "reason_in_french"]


class SimulatorError(Exception):
    """Something that was foreseen went wrong.

    Attributes:
        public: one or two sentences that may be shown to anyone.
        french: the same for a patient or a pharmacist; empty where they cannot meet it.
        detail: what the log may add; never shown to a peer.
        exit_code: the status of a command that ends with this error.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, public: str, *, french: str = "", detail: str = "") -> None:
        super().__init__(public)
        self.public = public
        self.french = french
        self.detail = detail


class PortBusy(SimulatorError):
    """A port cannot be opened."""

    def __init__(self, service: str, bind: str, port: int, error: OSError) -> None:
        super().__init__(
            f"Port {port} of {bind} cannot be opened for {service}: {error.strerror}. "
            "Stop what uses it, or choose other ports with --port-base."
        )


_REASONS: Final[Mapping[int, str]] = MappingProxyType(
    {
        errno.EACCES: "accès refusé",
        errno.ECONNREFUSED: "connexion refusée",
        errno.EEXIST: "il existe déjà",
        errno.EISDIR: "c'est un dossier",
        errno.ENAMETOOLONG: "le nom est trop long",
        errno.ENOENT: "il n'y a pas de fichier ni de dossier de ce nom",
        errno.ENOSPC: "le disque est plein",
        errno.ENOTDIR: "un élément du chemin n'est pas un dossier",
        errno.EPERM: "accès refusé",
        errno.EROFS: "le disque est en lecture seule",
        errno.ETIMEDOUT: "délai dépassé",
    }
)


def reason_in_french(error: OSError) -> str:
    """Why the system refused, inside a sentence; the system's own words are not French, so else its number."""
    if isinstance(error, TimeoutError):
        return _REASONS[errno.ETIMEDOUT]
    return _REASONS.get(error.errno or 0, f"erreur {error.errno} du système" if error.errno else "erreur du système")
