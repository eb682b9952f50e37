"""The root of every error this package raises on purpose.

An error carries two texts, and they never mix: `public` is a sentence for the
person or peer who caused it (what is wrong, what to do; no path of the server,
no SQL, no address of a third party, no key), `detail` is for the log.
"""

from typing import ClassVar

__all__ = ["PortBusy", "SimulatorError"]


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
