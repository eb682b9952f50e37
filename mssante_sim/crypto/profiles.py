"""Certificate profiles as data, after the IGC-Santé tree under clearly fake names.  [IGC-Santé]"""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from typing import Final, Literal

__all__ = [
    "CLIENT",
    "ISSUING",
    "PATIENT_ORGANISATION",
    "RECEIVING",
    "RECEIVING_P256",
    "RECEIVING_P384",
    "ROOT",
    "SERVER",
    "SIGNING",
    "SIGNING_P256",
    "SIGNING_P384",
    "KeyUse",
    "Profile",
    "Purpose",
    "Subject",
    "Usage",
]

PATIENT_ORGANISATION: Final = "MON ESPACE SANTE (SIMULATEUR)"


class Usage(Enum):
    """What a certificate is looked at for."""

    SIGN = "signing"
    RECEIVE = "receiving"
    SERVER = "server"
    CLIENT = "client"


class KeyUse(Enum):
    """Bits of the key usage extension that some profile sets.  [RFC 5280 §4.2.1.3]"""

    DIGITAL_SIGNATURE = "digital_signature"
    NON_REPUDIATION = "content_commitment"
    KEY_ENCIPHERMENT = "key_encipherment"
    KEY_AGREEMENT = "key_agreement"
    CERTIFICATE_SIGN = "key_cert_sign"
    CRL_SIGN = "crl_sign"


class Purpose(Enum):
    """Extended key usages, by OID.  [RFC 5280 §4.2.1.12]"""

    SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
    CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"
    EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"


@dataclass(frozen=True, slots=True)
class Profile:
    """What all certificates of one kind have in common."""

    uses: frozenset[KeyUse]
    purposes: frozenset[Purpose]
    names: Literal["mailbox", "host"] | None  # kind of alternative name
    validity: timedelta
    key_bits: int = 2048
    curve: str | None = None  # "P-256", "P-384"; None: an RSA key
    path_length: int | None = None  # None: no authority, unless it is a root
    authority: bool = False
    capabilities: tuple[bytes, ...] = ()  # what the holder's program reads, by OID (`crypto.capabilities`)


@dataclass(frozen=True, slots=True)
class Subject:
    """A distinguished name: C=FR, then ST, O, OU, CN as far as given."""

    common_name: str  # mailbox, fully qualified host name, or name of an authority
    organisation: str  # raison sociale
    unit: str | None = None  # IdNatStruct: 1 + FINESS or 3 + SIRET
    department: str | None = None  # "Ille-et-Vilaine (35)"


_THREE_YEARS: Final = timedelta(days=3 * 365)
_AUTHORITY_USES: Final = frozenset({KeyUse.CERTIFICATE_SIGN, KeyUse.CRL_SIGN})
_MAIL: Final = frozenset({Purpose.EMAIL_PROTECTION})

ROOT: Final = Profile(_AUTHORITY_USES, frozenset(), None, timedelta(days=20 * 365), key_bits=4096, authority=True)
ISSUING: Final = Profile(
    _AUTHORITY_USES, frozenset(), None, timedelta(days=10 * 365), key_bits=3072, path_length=0, authority=True
)
SERVER: Final = Profile(
    frozenset({KeyUse.DIGITAL_SIGNATURE, KeyUse.KEY_ENCIPHERMENT}),
    frozenset({Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH}),
    "host",
    _THREE_YEARS,
)
CLIENT: Final = Profile(
    frozenset({KeyUse.DIGITAL_SIGNATURE}), frozenset({Purpose.CLIENT_AUTH}), "mailbox", _THREE_YEARS, curve="P-256"
)
"""What opens a mailbox without a password (ORG/AUTH_CLI); a curve, as its key is made at once  [our choice]."""

SIGNING: Final = Profile(frozenset({KeyUse.DIGITAL_SIGNATURE, KeyUse.NON_REPUDIATION}), _MAIL, "mailbox", _THREE_YEARS)
RECEIVING: Final = Profile(frozenset({KeyUse.KEY_ENCIPHERMENT}), _MAIL, "mailbox", _THREE_YEARS)
"""S/MIME leaves: alternative name = mailbox, one key to sign and one to receive  [our choice]."""

SIGNING_P256: Final = replace(SIGNING, curve="P-256")
SIGNING_P384: Final = replace(SIGNING, curve="P-384")
RECEIVING_P256: Final = replace(RECEIVING, uses=frozenset({KeyUse.KEY_AGREEMENT}), curve="P-256")
RECEIVING_P384: Final = replace(RECEIVING_P256, curve="P-384")
