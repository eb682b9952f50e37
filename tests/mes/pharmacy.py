"""What a pharmacy does in these tests, with an ordinary mail client."""

import secrets
from collections.abc import Sequence

from mssante_sim.clock import SystemClock
from mssante_sim.message.compose import Attachment, Draft, compose
from mssante_sim.message.headers import Address
from mssante_sim.testing import Mssante

__all__ = ["answer"]


def answer(
    mssante: Mssante,
    message_id: str,
    text: str = "Votre commande est prête.\n",
    *,
    to: str = "patient",
    subject: str = "Re: Document",
    files: Sequence[tuple[str, str, bytes]] = (),
    extra: Sequence[tuple[str, str]] = (),
    who: str = "pharmacy",
) -> str:
    """`who` answered the message with that Message-ID; returns the answer's own."""
    box, patient = mssante.account(who), mssante.account(to)
    own = f"<{secrets.token_hex(12)}@officine.mssante.test>"
    octets = compose(
        Draft(
            Address(box.display_name, box.address),
            (Address(patient.display_name, patient.address),),
            subject,
            text,
            SystemClock().now(),
            own,
            attachments=tuple(Attachment(*file) for file in files),
            in_reply_to=message_id,
            references=(message_id,),
            extra=(("X-MSS-NIL", "test"), *extra),
        )
    )
    with mssante.smtp(who) as smtp:
        smtp.sendmail(box.address, [patient.address], octets)
    return own
