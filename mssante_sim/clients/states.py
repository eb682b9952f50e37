"""The states of an order: IMAP keywords on the message that brought it, and nothing else.

Whoever reads the mailbox sees them: our commands, and Thunderbird as tags.  [our choice]
"""

from collections.abc import Iterable
from enum import Enum

__all__ = ["OrderState", "state_of"]


class OrderState(Enum):
    """What a pharmacy has done with an order, in the order in which it happens; values are the keywords."""

    RECUE = "$mss_recue"
    EN_PREPARATION = "$mss_prepa"
    PRETE = "$mss_prete"
    RUPTURE = "$mss_rupture"
    DELIVREE = "$mss_delivree"

    @property
    def keyword(self) -> str:
        """The IMAP keyword."""
        return self.value

    @property
    def label(self) -> str:
        """The word that people read, in French."""
        return _LABELS[self]


_LABELS = {
    OrderState.RECUE: "Reçue",
    OrderState.EN_PREPARATION: "En préparation",
    OrderState.PRETE: "Prête",
    OrderState.RUPTURE: "Rupture",
    OrderState.DELIVREE: "Délivrée",
}


def state_of(flags: Iterable[str]) -> OrderState | None:
    """The state that `flags` tell, the furthest along if several; keywords have no case.  [RFC 9051 §2.3.2]"""
    folded = {flag.lower() for flag in flags}
    return next((state for state in reversed(OrderState) if state.keyword in folded), None)
