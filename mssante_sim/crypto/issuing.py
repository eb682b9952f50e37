"""What stands in a certificate before it is signed: one of a profile, for a subject."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from mssante_sim.crypto.capabilities import write_capabilities
from mssante_sim.crypto.identity import CAPABILITIES, Certificate
from mssante_sim.crypto.keys import PublicKey
from mssante_sim.crypto.profiles import Profile, Subject

__all__ = ["Places", "builder", "hosts_of", "name_of", "pointers"]

_KEY_USES: Final = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip
_LONGEST_PART: Final = 64  # octets of O, OU and CN


@dataclass(frozen=True, slots=True)
class Places:
    """URLs of what the authority `name` publishes on the server `base`, ``http://127.0.0.1:2080``."""

    base: str
    name: str

    @property
    def crl(self) -> str:
        """Its list.  [RFC 5280 §4.2.1.13]"""
        return f"{self.base}/crl/{self.name}.crl"

    @property
    def ocsp(self) -> str:
        """Its responder.  [RFC 5280 §4.2.2.1]"""
        return f"{self.base}/ocsp/{self.name}"

    @property
    def certificate(self) -> str:
        """Its certificate, DER.  [RFC 5280 §4.2.2.1]"""
        return f"{self.base}/aia/{self.name}.cer"


def builder(
    profile: Profile, subject: Subject, public: PublicKey, period: tuple[datetime, datetime], names: Sequence[str] = ()
) -> x509.CertificateBuilder:
    """All of a certificate that does not depend on its issuer."""
    uses = {one.value for one in profile.uses}
    made = (
        x509.CertificateBuilder()
        .subject_name(name_of(subject))
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
        made = made.add_extension(x509.ExtendedKeyUsage(map(x509.ObjectIdentifier, purposes)), critical=False)
    if names:
        made = made.add_extension(_alternatives(profile, names), critical=False)
    if profile.no_check:
        made = made.add_extension(x509.OCSPNoCheck(), critical=False)
    if profile.capabilities:
        said = x509.UnrecognizedExtension(CAPABILITIES, write_capabilities(profile.capabilities))
        made = made.add_extension(said, critical=False)  # [RFC 4262 §2]
    return made


def pointers(places: Places) -> tuple[x509.ExtensionType, ...]:
    """Where whoever issued a certificate says that its list, its responder and its own certificate are."""
    crl, ocsp, issuer = map(x509.UniformResourceIdentifier, (places.crl, places.ocsp, places.certificate))
    return (
        x509.CRLDistributionPoints([x509.DistributionPoint([crl], None, None, None)]),
        x509.AuthorityInformationAccess([
            x509.AccessDescription(AuthorityInformationAccessOID.OCSP, ocsp),
            x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, issuer),
        ]),
    )  # fmt: skip


def name_of(subject: Subject) -> x509.Name:
    """C=FR, ST, O, OU, CN, each as far as a name may hold it: a mailbox stands whole in its own extension.

    [IGC-Santé, RFC 5280 §A.1]
    """
    pairs = (
        (NameOID.COUNTRY_NAME, "FR"), (NameOID.STATE_OR_PROVINCE_NAME, subject.department),
        (NameOID.ORGANIZATION_NAME, subject.organisation), (NameOID.ORGANIZATIONAL_UNIT_NAME, subject.unit),
        (NameOID.COMMON_NAME, subject.common_name),
    )  # fmt: skip
    return x509.Name([x509.NameAttribute(oid, _cut(value)) for oid, value in pairs if value])


def _cut(value: str) -> str:
    return value.encode()[:_LONGEST_PART].decode(errors="ignore")


def _alternatives(profile: Profile, names: Sequence[str]) -> x509.SubjectAlternativeName:
    if profile.names == "mailbox":
        return x509.SubjectAlternativeName(map(x509.RFC822Name, names))
    return x509.SubjectAlternativeName(map(_host, names))


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def hosts_of(certificate: Certificate) -> list[str]:
    """The hosts, by name or address, that a server's certificate is for."""
    found = certificate.parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(one.value) for one in found]
