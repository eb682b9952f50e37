"""A certificate authority that issues, revokes and publishes its list."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from mssante_sim.crypto.identity import Identity, load_key, private_key, read_certificate
from mssante_sim.crypto.issuing import Places, builder, name_of, pointers
from mssante_sim.crypto.keys import new_key
from mssante_sim.crypto.profiles import Profile, Subject
from mssante_sim.crypto.secret import Secret

__all__ = ["AUTHORITY_UNIT", "CRL_VALIDITY", "HOLD", "REASONS", "Authority", "reason_of", "revocations"]

AUTHORITY_UNIT: Final = "IGC-SANTE TEST"
HOLD: Final = "certificateHold"
REASONS: Final = (
    "unspecified",
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    HOLD,
    "privilegeWithdrawn",
)
"""Why a certificate is revoked; only a hold can be taken back.  [RFC 5280 §5.3.1]"""
CRL_VALIDITY: Final = timedelta(days=30)
_CLOCK_SKEW: Final = timedelta(hours=1)  # a peer's clock may run behind ours
_ORGANISATION: Final = "MSSANTE-SIM (SIMULATEUR)"


class Authority:
    """Signs certificates and revocation lists; roots and issuing authorities alike.

    What it has revoked stands in its latest list, which whoever owns the
    authority keeps, and in what changed since.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        places: Places | None = None,
        parent: "Authority | None" = None,
        crl: bytes | None = None,
    ) -> None:
        """An authority that exists.

        Args:
            identity: its certificate and key.
            places: where the certificates it issues say that its list, responder and certificate are.
            parent: who issued it; None for a root.
            crl: the latest list it has published.
        """
        self.identity, self.parent, self.places = identity, parent, places
        self._certificate = read_certificate(identity.certificate).parsed
        self._listed: dict[int, x509.RevokedCertificate] = {}
        self._changes: dict[int, x509.RevokedCertificate | None] = {}  # since that list
        self._issued: list[int] = []
        self._crl_number = 0
        if crl is not None:
            self.learn(crl)

    @classmethod
    def create(
        cls, profile: Profile, common_name: str, *, at: datetime, places: Places | None = None,
        parent: "Authority | None" = None, key: Secret[bytes] | None = None,
    ) -> "Authority":  # fmt: skip
        """A new authority, issued by `parent` or self-signed."""
        subject = Subject(common_name, _ORGANISATION, AUTHORITY_UNIT)
        key = key or new_key(profile.key_bits, profile.curve)
        if parent is not None:
            return cls(parent.issue(profile, subject, at=at, key=key), places=places, parent=parent)
        own = load_key(key)
        made = builder(profile, subject, own.public_key(), (at - _CLOCK_SKEW, at + profile.validity))
        made = made.issuer_name(name_of(subject)).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(own.public_key()), critical=False
        )
        signed = made.sign(own, hashes.SHA256())
        return cls(Identity(signed.public_bytes(Encoding.DER), key), places=places)

    def issue(
        self, profile: Profile, subject: Subject, *, at: datetime, names: Sequence[str] = (),
        key: Secret[bytes] | None = None, validity: tuple[datetime, datetime] | None = None,
    ) -> Identity:  # fmt: skip
        """A new certificate after `profile`, with its key and chain.

        Args:
            profile: its usages, kind of names and length of validity.
            subject: whom it names.
            at: validity begins an hour before, for peers whose clock runs behind.
            names: mailboxes, or host names and addresses, as `profile` says.
            key: one made beforehand (`new_key`); else it is made here.
            validity: first and last instant instead of the profile's, to make an expired one on purpose.
        """
        key = key or new_key(profile.key_bits, profile.curve)
        period = validity or (at - _CLOCK_SKEW, at + profile.validity)
        made = builder(profile, subject, load_key(key).public_key(), period, names)
        made = made.issuer_name(self._certificate.subject).add_extension(self._key_id(), critical=False)
        if self.places is not None and profile.says_where:
            for pointer in pointers(self.places):
                made = made.add_extension(pointer, critical=False)
        signed = made.sign(private_key(self.identity), hashes.SHA256())
        self._issued.append(signed.serial_number)
        chain = () if self.parent is None else (self.identity.certificate, *self.identity.chain)
        return Identity(signed.public_bytes(Encoding.DER), key, chain)

    def take_issued(self) -> list[int]:
        """The serial numbers issued since the last call."""
        issued, self._issued = self._issued, []
        return issued

    def revoke(self, serial: int, *, at: datetime, reason: str = "unspecified") -> None:
        """The next list holds `serial`, from `at` on; a second time changes nothing, but that a hold becomes final.

        Raises:
            ValueError: `reason` is no word of RFC 5280 §5.3.1, such as "keyCompromise".
        """
        entry = _entry(serial, at, x509.ReasonFlags(reason))
        if serial not in self._revoked() or self.holds(serial):
            self._changes[serial] = entry

    def holds(self, serial: int) -> bool:
        """Whether `serial` is on hold: revoked, for the time being."""
        entry = self._revoked().get(serial)
        return entry is not None and reason_of(entry) is x509.ReasonFlags.certificate_hold

    def release(self, serial: int) -> bool:
        """The next list does not hold `serial`; False, and nothing changes, if it was not on hold.

        "removeFromCRL" is a word of partial lists only; from a whole one the entry vanishes.  [RFC 5280 §5.3.1]
        """
        if not self.holds(serial):
            return False
        self._changes[serial] = None
        return True

    def learn(self, crl: bytes) -> None:
        """`crl`, a list of this authority that is already out, is the latest; what changed here since stays changed."""
        self._listed = revocations(crl)
        self._crl_number = max(self._crl_number, _number(x509.load_der_x509_crl(crl)))

    def crl(self, at: datetime) -> bytes:
        """A new list, DER, good for 30 days from `at`; its number is above that of all before.  [RFC 5280 §5]"""
        self._crl_number += 1
        self._listed, self._changes = self._revoked(), {}
        made = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(at - _CLOCK_SKEW)
            .next_update(at + CRL_VALIDITY)
            .add_extension(x509.CRLNumber(self._crl_number), critical=False)
            .add_extension(self._key_id(), critical=False)
        )
        for entry in self._listed.values():
            made = made.add_revoked_certificate(entry)
        return made.sign(private_key(self.identity), hashes.SHA256()).public_bytes(Encoding.DER)

    def _revoked(self) -> dict[int, x509.RevokedCertificate]:
        both = {**self._listed, **self._changes}
        return {serial: entry for serial, entry in both.items() if entry is not None}

    def _key_id(self) -> x509.AuthorityKeyIdentifier:
        own = self._certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def revocations(crl: bytes) -> dict[int, x509.RevokedCertificate]:
    """The entries of a list, by serial number."""
    return {entry.serial_number: entry for entry in x509.load_der_x509_crl(crl)}


def reason_of(entry: x509.RevokedCertificate) -> x509.ReasonFlags:
    """Why; a list leaves "unspecified" out.  [RFC 5280 §5.3.1]"""
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return x509.ReasonFlags.unspecified


def _entry(serial: int, at: datetime, reason: x509.ReasonFlags) -> x509.RevokedCertificate:
    entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)
    if reason is not x509.ReasonFlags.unspecified:
        entry = entry.add_extension(x509.CRLReason(reason), critical=False)
    return entry.build()


def _number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
