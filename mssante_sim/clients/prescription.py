"""What Mon espace santé's application does to send documents to a pharmacy: write, submit, keep a draft if refused."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from mssante_sim.clients.annuaire import Pharmacy
from mssante_sim.clients.doors import door_of
from mssante_sim.clients.running import Account, Running
from mssante_sim.clients.submission import Submission
from mssante_sim.crypto.tls import client_context
from mssante_sim.errors import SimulatorError
from mssante_sim.home import write_private
from mssante_sim.message.compose import Attachment, Draft, compose
from mssante_sim.message.headers import Address, parse_addresses, single_from
from mssante_sim.message.parts import parse
from mssante_sim.patient.documents import Document

__all__ = ["DraftUnusable", "Letter", "letter_of", "submission_for", "write_letter"]


class DraftUnusable(SimulatorError):
    """The file is no draft that was kept by this program."""

    exit_code = 6


@dataclass(frozen=True, slots=True)
class Letter:
    """A message ready to be submitted; sent twice, it arrives once, for its Message-ID stays the same."""

    octets: bytes
    sender: str
    recipient: str
    message_id: str

    def keep(self, folder: Path) -> Path:
        """Writes the letter, in clear and readable by its owner only, to a file in `folder`."""
        path = folder / f"brouillon-{self.message_id.strip('<>').split('@')[0]}.eml"
        write_private(path, self.octets)
        return path


def write_letter(
    patient: Account,
    pharmacy: Pharmacy,
    *,
    subject: str,
    text: str,
    documents: Sequence[Document],
    at: datetime,
    message_id: str | None = None,
) -> Letter:
    """A plain message with plain attachments, as Mon espace santé sends it: no XDM, no X-MSS field.

    Without a `message_id` it gets a new one in the patient's domain.
    """
    message_id = message_id or f"<{secrets.token_hex(12)}@{patient.address.rpartition('@')[2]}>"
    octets = compose(
        Draft(
            sender=Address(patient.display_name, patient.address),
            to=(Address(pharmacy.mailbox_name or pharmacy.name, pharmacy.mailbox),),
            subject=subject,
            text=text,
            attachments=tuple(Attachment(d.name, d.content_type, d.content) for d in documents),
            date=at,
            message_id=message_id,
        )
    )
    return Letter(octets, patient.address, pharmacy.mailbox, message_id)


def letter_of(octets: bytes, path: Path) -> Letter:
    """The letter that `octets`, of the draft at `path`, are.  Raises: DraftUnusable."""
    header = parse(octets).header
    sender = single_from(octets)
    recipients = parse_addresses(header.get("to", b""))
    message_id = header.get("message-id", b"").strip().decode("ascii", "replace")
    if sender is None or len(recipients) != 1 or not message_id:
        raise DraftUnusable(
            f"{path} is no draft kept by this program.", french=f"{path} n'est pas un brouillon gardé par ce programme."
        )
    return Letter(octets, sender.address, recipients[0].address, message_id)


def submission_for(running: Running, account: Account) -> Submission:
    """The submission port of the account's domain, as its first login."""
    login = account.logins[0]
    context = client_context(Path(running.ca_file).read_bytes())
    door = partial(door_of, running, account.address, "submission")
    return Submission(door, context, login.login, login.password)
