"""What the store may refuse, and why."""

from mssante_sim.errors import SimulatorError

__all__ = [
    "BodyMissing",
    "ExchangeClosed",
    "FolderExists",
    "FolderMissing",
    "HomeTooNew",
    "QuotaExceeded",
    "StoreBusy",
    "StoreCorrupt",
    "StoreError",
    "StoreFull",
    "StoreReadOnly",
    "TooManyKeywords",
]


class StoreError(SimulatorError):
    """The store did not do what was asked; nothing of it was done."""


class FolderMissing(StoreError):
    """The folder does not exist (any more)."""


class BodyMissing(StoreError):
    """The body was purged: its last message has been gone for a while."""


class FolderExists(StoreError):
    """A folder of that name exists already."""


class QuotaExceeded(StoreError):
    """The account would hold more octets than it may."""


class TooManyKeywords(StoreError):
    """The folder has seen as many keywords as it may."""


class ExchangeClosed(StoreError):
    """The exchange that a patient's message belongs to was closed before the message was stored."""


class StoreBusy(StoreError):
    """The change could not be committed now; trying again later is safe."""


class StoreFull(StoreBusy):
    """The disk is full."""


class StoreReadOnly(StoreBusy):
    """After an I/O error or damage, nothing is written any more until an operator has looked."""


class StoreCorrupt(StoreError):
    """The files of the store are damaged."""

    exit_code = 1


class HomeTooNew(StoreError):
    """The home was written by a later version of this program."""
