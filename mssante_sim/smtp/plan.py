"""Who signs and to which certificates a message is encrypted, as settings, directory and keystore say now."""

from datetime import datetime
from email.utils import format_datetime

from mssante_sim.config import Settings
from mssante_sim.smtp.facts import DirectoryLookup, Facts
from mssante_sim.smtp.identities import Identities
from mssante_sim.smtp.sealing import Recipient, SealingRefused, SealJob

__all__ = ["SealPlans"]


class SealPlans:
    """Makes `SealJob`s; quick, and for the event loop's thread, as the directory is."""

    def __init__(self, directory: DirectoryLookup, identities: Identities, facts: Facts, settings: Settings) -> None:
        self._directory = directory
        self._identities = identities
        self._facts = facts
        self._settings = settings

    def job(self, sender: str, recipients: tuple[str, ...], *, submitted: bool, ident: str, at: datetime) -> SealJob:
        """All that sealing needs but the message, whose `octets` are left empty.

        Signed is what was `submitted`; what another operator hands over is only encrypted.

        Raises:
            SealingRefused: a recipient's certificate is not good at `at`, or the sender has none to sign with.
        """
        readers = tuple(self._reader(address, at) for address in recipients)
        seals = any(reader.certificate is not None for reader in readers)
        signer = self._identities.signer(sender, at) if submitted and seals else None
        if submitted and seals and signer is None:
            raise SealingRefused("sender-certificate")
        return SealJob(
            octets=b"",
            recipients=readers,
            at=at,
            date=format_datetime(at),
            message_id=f"<{ident}@{self._settings.host_name}>",
            signer=signer,
            sender_certificate=self._identities.receiving(sender, at)[1] if signer else None,
            file_sent=submitted and self._files_sent(sender),
            confidential_subject=self._settings.confidential_subject,
        )

    def _reader(self, address: str, at: datetime) -> Recipient:
        mailbox = self._directory.mailbox(address)
        if not self._settings.sealing or (mailbox is not None and not mailbox.sealing):
            return Recipient(address, None)
        state, certificate = self._identities.receiving(address, at)
        if certificate is None:
            raise SealingRefused(f"certificate-{state.value}")
        return Recipient(address, certificate)

    def _files_sent(self, sender: str) -> bool:
        """Mon espace santé files what a patient sends; a professional's client does so itself, unless set."""
        return self._settings.file_sent_copy or self._facts.is_patient_address(sender)
