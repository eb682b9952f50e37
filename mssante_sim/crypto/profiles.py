"""Certificate profiles as data: one table, after the IGC-Santé tree under clearly fake names.  [IGC-Santé]"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from typing import Final, Literal

__all__ = [
    "CLIENT",
    "ISSUING",
    "OCSP_RESPONDER",
    "PATIENT_ORGANISATION",
    "PROFILES",
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
    OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"


@dataclass(frozen=True, slots=True)
class Profile:
    """What all certificates of one kind have in common; RSA with SHA-256 unless a curve is named."""

    issuer: Literal["itself", "root", "issuing", "either"]
    uses: frozenset[KeyUse]
    purposes: frozenset[Purpose]
    names: Literal["mailbox", "host"] | None  # kind of alternative name
    validity: timedelta
    key_bits: int = 2048
    curve: str | None = None  # "P-256", "P-384"; None: an RSA key
    path_length: int | None = None  # None: no authority, unless it is a root
    authority: bool = False
    says_where: bool = True  # where its issuer's list, responder and certificate are
    no_check: bool = False  # nobody asks whether it is revoked  [RFC 6960 §4.2.2.2.1]
    capabilities: tuple[bytes, ...] = ()  # what the holder's program reads, by OID (`crypto.capabilities`)


@dataclass(frozen=True, slots=True)
class Subject:
    """A distinguished name: C=FR, then ST, O, OU, CN as far as given."""

    common_name: str  # mailbox, fully qualified host name, or name of an authority
    organisation: str  # raison sociale
    unit: str | None = None  # IdNatStruct: 1 + FINESS or 3 + SIRET
    department: str | None = None  # "Ille-et-Vilaine (35)"


_YEAR: Final = timedelta(days=365)
_AUTHORITY: Final = frozenset({KeyUse.CERTIFICATE_SIGN, KeyUse.CRL_SIGN})
_SIGN: Final = frozenset({KeyUse.DIGITAL_SIGNATURE})
_SEAL: Final = frozenset({KeyUse.DIGITAL_SIGNATURE, KeyUse.NON_REPUDIATION})
_RECEIVE: Final = frozenset({KeyUse.KEY_ENCIPHERMENT})
_MAIL: Final = frozenset({Purpose.EMAIL_PROTECTION})
_SERVER: Final = frozenset({Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH})

PROFILES: Final[Mapping[str, Profile]] = {
    "root": Profile("itself", _AUTHORITY, frozenset(), None, 20 * _YEAR, 4096, authority=True, says_where=False),
    "issuing": Profile("root", _AUTHORITY, frozenset(), None, 10 * _YEAR, 3072, path_length=0, authority=True),
    "ocsp": Profile(
        "either", _SIGN, frozenset({Purpose.OCSP_SIGNING}), None, timedelta(days=30), says_where=False, no_check=True
    ),
    "server": Profile("issuing", _SIGN | _RECEIVE, _SERVER, "host", 3 * _YEAR),
    "client": Profile("issuing", _SIGN, frozenset({Purpose.CLIENT_AUTH}), "mailbox", 3 * _YEAR, curve="P-256"),
    "signing": Profile("issuing", _SEAL, _MAIL, "mailbox", 3 * _YEAR),
    "receiving": Profile("issuing", _RECEIVE, _MAIL, "mailbox", 3 * _YEAR),
}
"""Leaves of mailboxes: alternative name = mailbox; one key to sign, one to receive, one to log in  [our choice].

The last (ORG/AUTH_CLI) is on a curve, as such a key is made at once.
"""

ROOT, ISSUING, OCSP_RESPONDER, SERVER, CLIENT, SIGNING, RECEIVING = PROFILES.values()

SIGNING_P256: Final = replace(SIGNING, curve="P-256")
SIGNING_P384: Final = replace(SIGNING, curve="P-384")
RECEIVING_P256: Final = replace(RECEIVING, uses=frozenset({KeyUse.KEY_AGREEMENT}), curve="P-256")
RECEIVING_P384: Final = replace(RECEIVING_P256, curve="P-384")
