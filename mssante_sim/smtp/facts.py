"""What the directory and the trust domain say of an address, in the values that `policy` judges."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from mssante_sim.config import Domains
from mssante_sim.directory.identifiers import IdentifierError, Ins
from mssante_sim.directory.model import Attachment, Mailbox, Organisation, PatientProfile
from mssante_sim.smtp.policy import Certificate, Party, Patient, Registered, Stranger, hidden_from
from mssante_sim.storage.api import Exchange

__all__ = ["DirectoryLookup", "Facts", "ReceivingCertificates"]


class DirectoryLookup(Protocol):
    """The directory as far as mail asks; every call returns within a millisecond.  Addresses are lower case."""

    def mailbox(self, address: str) -> Mailbox | None:
        """The mailbox of an operator's domain that has this address."""
        ...

    def organisation_of(self, mailbox: Mailbox) -> Organisation | None:
        """The geographic entity that `mailbox` serves."""
        ...

    def knows(self, attachment: Attachment) -> bool:
        """Whether the register entry exists."""
        ...

    def patient(self, address: str) -> PatientProfile | None:
        """The profile of Mon espace santé that has this address."""
        ...


class ReceivingCertificates(Protocol):
    """The trust domain as far as mail asks."""

    def state(self, address: str, at: datetime) -> Certificate:
        """What becomes of the receiving certificate of `address` at that instant."""
        ...


class Facts:
    """Looks addresses up."""

    def __init__(self, directory: DirectoryLookup, certificates: ReceivingCertificates, domains: Domains) -> None:
        self._directory = directory
        self._certificates = certificates
        self._domains = domains

    def is_patient_address(self, address: str) -> bool:
        """Whether `address` lies in the patients' domain."""
        return _domain(address) == self._domains.patients.lower()

    def is_operators(self, address: str) -> bool:
        """Whether `address` lies in the operator's domain, or is a mailbox that was imported and activated here."""
        return _domain(address) == self._domains.operator.lower() or self._directory.mailbox(address) is not None

    def is_local(self, address: str) -> bool:
        """Whether `address` lies in a domain of the simulated zone."""
        return self.is_patient_address(address) or self.is_operators(address)

    def sender(self, address: str, at: datetime) -> Party:
        """Who writes from `address`; empty is the null sender."""
        return Stranger.NULL if not address else self._party(address, self._mailbox(address), at)

    def recipient(self, address: str, sender: Party, exchanges: Sequence[Exchange], at: datetime) -> Party:
        """Whom `sender` writes to at `address`.

        A mailbox that is hidden from `sender` is not looked at any further, so it takes the time of an unknown one.
        """
        mailbox = self._mailbox(address)
        if mailbox is not None and hidden_from(sender, mailbox, exchanges):
            mailbox = None
        return self._party(address, mailbox, at)

    def _mailbox(self, address: str) -> Mailbox | None:
        return self._directory.mailbox(address) if self.is_operators(address) else None

    def _party(self, address: str, mailbox: Mailbox | None, at: datetime) -> Party:
        if self.is_patient_address(address):
            return self._patient(address)
        if mailbox is not None:
            return self._registered(mailbox, at)
        return Stranger.UNKNOWN if self.is_operators(address) else Stranger.OUTSIDE

    def _patient(self, address: str) -> Party:
        profile = self._directory.patient(address)
        if profile is not None:
            return Patient(profile)
        try:
            Ins(address.partition("@")[0].upper())
        except IdentifierError:
            return Stranger.NO_PATIENT_ADDRESS
        return Stranger.UNKNOWN_PATIENT

    def _registered(self, mailbox: Mailbox, at: datetime) -> Registered:
        organisation = self._directory.organisation_of(mailbox)
        return Registered(
            mailbox=mailbox,
            sector=organisation.sector if organisation is not None else None,
            attachment_known=mailbox.attachment is not None and self._directory.knows(mailbox.attachment),
            certificate=self._certificates.state(mailbox.address, at),
        )


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()
