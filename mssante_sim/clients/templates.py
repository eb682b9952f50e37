"""What a pharmacy answers most of the time: one text for each state of an order.  The wording is ours.  [our choice]"""

from types import MappingProxyType
from typing import Final

from mssante_sim.clients.states import OrderState

__all__ = ["COURTEOUS_END", "END_OF_ALL", "template"]

_TEXTS: Final = MappingProxyType({
    OrderState.RECUE: """Bonjour,

Nous avons bien reçu votre ordonnance et nous vous écrirons dès que la préparation sera prête.
""",
    OrderState.EN_PREPARATION: """Bonjour,

Votre ordonnance est en cours de préparation. Nous vous écrirons dès qu'elle sera prête.
""",
    OrderState.PRETE: """Bonjour,

Votre commande est prête : vous pouvez venir la chercher aux heures d'ouverture.
Pensez à apporter l'ordonnance papier et votre carte Vitale.
""",
    OrderState.RUPTURE: """Bonjour,

Un produit de votre ordonnance est en rupture de stock.
{proposal}
""",
    OrderState.DELIVREE: """Bonjour,

Votre commande vous a été délivrée. Nous restons à votre disposition pour toute question sur votre traitement.
""",
})  # fmt: skip

_NO_PROPOSAL: Final = "Nous vous écrirons dès que nous aurons une solution à vous proposer."

COURTEOUS_END: Final = """Bonjour,

Cet échange est terminé, merci de votre confiance. Pour une nouvelle demande, envoyez-nous un nouveau message.
"""
"""Text of a message that closes one exchange."""

END_OF_ALL: Final = """Bonjour,

Nos échanges précédents sont terminés, merci de votre confiance. Vous ne pouvez plus répondre à nos anciens messages.
"""
"""Text of a message that closes all exchanges."""


def template(state: OrderState, proposal: str | None = None) -> str:
    """The text that goes with `state`; `proposal` completes that of RUPTURE."""
    told = f"Nous vous proposons : {proposal.strip()}" if proposal and proposal.strip() else _NO_PROPOSAL
    return _TEXTS[state].format(proposal=told) if state is OrderState.RUPTURE else _TEXTS[state]
