"""A certificate authority that issues, revokes and publishes its list."""

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from mssante_sim.crypto.capabilities import write_capabilities
from mssante_sim.crypto.identity import CAPABILITIES, Identity, load_key, private_key, read_certificate
from mssante_sim.crypto.keys import PublicKey, new_key
from mssante_sim.crypto.profiles import Profile, Subject
from mssante_sim.crypto.secret import Secret

__all__ = ["AUTHORITY_UNIT", "CRL_VALIDITY", "REASONS", "Authority"]

AUTHORITY_UNIT: Final = "IGC-SANTE TEST"
REASONS: Final = (
    "unspecified",
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
)
"""Why a certificate is revoked; those that a list may take back are left out.  [RFC 5280 §5.3.1]"""
CRL_VALIDITY: Final = timedelta(days=30)
_CLOCK_SKEW: Final = timedelta(hours=1)  # a peer's clock may run behind ours
_ORGANISATION: Final = "MSSANTE-SIM (SIMULATEUR)"
_KEY_USES: Final = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


class Authority:
    """Signs certificates and revocation lists; roots and issuing authorities alike.

    It holds what it has revoked; whoever owns the authority keeps its latest
    list, from which it learns them again.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        crl_url: str | None = None,
        parent: "Authority | None" = None,
        crl: bytes | None = None,
    ) -> None:
        """An authority that exists.

        Args:
            identity: its certificate and key.
            crl_url: where the certificates it issues say that its list is.
            parent: who issued it; None for a root.
            crl: the latest list it has published.
        """
        self.identity, self.parent, self.crl_url = identity, parent, crl_url
        self._certificate = read_certificate(identity.certificate).parsed
        self._revoked: dict[int, x509.RevokedCertificate] = {}
        self._crl_number = 0
        if crl is not None:
            self.learn(crl)

    @classmethod
    def create(
        cls, profile: Profile, common_name: str, *, at: datetime, crl_url: str | None = None,
        parent: "Authority | None" = None, key: Secret[bytes] | None = None,
    ) -> "Authority":  # fmt: skip
        """A new authority, issued by `parent` or self-signed."""
        subject = Subject(common_name, _ORGANISATION, AUTHORITY_UNIT)
        key = key or new_key(profile.key_bits, profile.curve)
        if parent is not None:
            return cls(parent.issue(profile, subject, at=at, key=key), crl_url=crl_url, parent=parent)
        own = load_key(key)
        builder = _builder(profile, subject, own.public_key(), (at - _CLOCK_SKEW, at + profile.validity))
        builder = builder.issuer_name(_name(subject)).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(own.public_key()), critical=False
        )
        signed = builder.sign(own, hashes.SHA256())
        return cls(Identity(signed.public_bytes(Encoding.DER), key), crl_url=crl_url)

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
        builder = _builder(profile, subject, load_key(key).public_key(), period).issuer_name(self._certificate.subject)
        if names:
            builder = builder.add_extension(_alternatives(profile, names), critical=False)
        if self.crl_url is not None:
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(self.crl_url)], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        signed = builder.add_extension(self._key_id(), critical=False).sign(private_key(self.identity), hashes.SHA256())
        chain = () if self.parent is None else (self.identity.certificate, *self.identity.chain)
        return Identity(signed.public_bytes(Encoding.DER), key, chain)

    def revoke(self, serial: int, *, at: datetime, reason: str = "unspecified") -> None:
        """The next list holds `serial`, from `at` on; a second time changes nothing.

        Raises:
            ValueError: `reason` is no word of RFC 5280 §5.3.1, such as "keyCompromise".
        """
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)
        if (
            flag := x509.ReasonFlags(reason)
        ) is not x509.ReasonFlags.unspecified:  # that one is left out  [RFC 5280 §5.3.1]
            entry = entry.add_extension(x509.CRLReason(flag), critical=False)
        self._revoked.setdefault(serial, entry.build())

    def learn(self, crl: bytes) -> None:
        """What `crl`, a list of this authority that is already out, revokes is revoked in the next one too."""
        published = x509.load_der_x509_crl(crl)
        for entry in published:
            self._revoked.setdefault(entry.serial_number, entry)
        self._crl_number = max(self._crl_number, _number(published))

    def crl(self, at: datetime) -> bytes:
        """A new list, DER, good for 30 days from `at`; its number is above that of all before.  [RFC 5280 §5]"""
        self._crl_number += 1
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(at - _CLOCK_SKEW)
            .next_update(at + CRL_VALIDITY)
            .add_extension(x509.CRLNumber(self._crl_number), critical=False)
            .add_extension(self._key_id(), critical=False)
        )
        for entry in self._revoked.values():
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(private_key(self.identity), hashes.SHA256()).public_bytes(Encoding.DER)

    def _key_id(self) -> x509.AuthorityKeyIdentifier:
        own = self._certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def _builder(
    profile: Profile, subject: Subject, public: PublicKey, period: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    """All of a certificate that does not depend on its issuer."""
    uses = {one.value for one in profile.uses}
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(period[0])
        .not_valid_after(period[1])
        .add_extension(x509.BasicConstraints(profile.authority, profile.path_length), critical=True)
        .add_extension(x509.KeyUsage(**{use: use in uses for use in _KEY_USES}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    if profile.purposes:
        purposes = sorted(one.value for one in profile.purposes)
        builder = builder.add_extension(x509.ExtendedKeyUsage(map(x509.ObjectIdentifier, purposes)), critical=False)
    if profile.capabilities:
        said = x509.UnrecognizedExtension(CAPABILITIES, write_capabilities(profile.capabilities))
        builder = builder.add_extension(said, critical=False)  # [RFC 4262 §2]
    return builder


def _name(subject: Subject) -> x509.Name:
    """C=FR, ST, O, OU, CN.  [IGC-Santé]"""
    pairs = (
        (NameOID.COUNTRY_NAME, "FR"), (NameOID.STATE_OR_PROVINCE_NAME, subject.department),
        (NameOID.ORGANIZATION_NAME, subject.organisation), (NameOID.ORGANIZATIONAL_UNIT_NAME, subject.unit),
        (NameOID.COMMON_NAME, subject.common_name),
    )  # fmt: skip
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs if value])


def _alternatives(profile: Profile, names: Sequence[str]) -> x509.SubjectAlternativeName:
    if profile.names == "mailbox":
        return x509.SubjectAlternativeName(map(x509.RFC822Name, names))
    return x509.SubjectAlternativeName(map(_host, names))


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
