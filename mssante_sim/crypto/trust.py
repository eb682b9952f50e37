"""Whether a certificate may be relied on: path, time, revocation, usage, address.  [RFC 5280 §6]

Paths are those of a small tree: by name and signature upwards, at most four
certificates, every one with a strong key (`keys`) and signed with SHA-256 or more.
Whatever is not known to be good is refused: an unknown critical extension, a
name constraint, a revocation list that is missing, unsigned or out of date.
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from mssante_sim.crypto.identity import BadCertificate, Certificate, read_certificate
from mssante_sim.crypto.keys import is_strong
from mssante_sim.crypto.links import is_issued_by
from mssante_sim.crypto.profiles import Purpose, Usage
from mssante_sim.crypto.revocation import BadRevocationList, Lookup, RevocationList, Word, answer_of

__all__ = ["CertificateState", "TrustContext", "TrustFiles", "accepts_usage", "path_accepts", "validity"]

_LONGEST_PATH: Final = 4  # leaf and root included
_MOST_REMEMBERED: Final = 4096
_PURPOSES: Final = {
    usage: frozenset({x509.ObjectIdentifier(purpose.value), ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})
    for usage, purpose in (
        (Usage.SIGN, Purpose.EMAIL_PROTECTION), (Usage.RECEIVE, Purpose.EMAIL_PROTECTION),
        (Usage.SERVER, Purpose.SERVER_AUTH), (Usage.CLIENT, Purpose.CLIENT_AUTH),
    )
}  # fmt: skip
_PEM: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)


class CertificateState(Enum):
    """What becomes of a certificate at one instant, for one usage, for one address."""

    VALID = "valid"
    MISSING = "missing"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    REVOKED = "revoked"
    WRONG_USAGE = "wrong usage"
    WRONG_ADDRESS = "wrong address"
    UNTRUSTED = "untrusted"  # unreadable, no path to a root, or no fresh word on revocation


class TrustContext:
    """Roots that are believed, authorities between, and what these have revoked.

    Nothing in it changes; after a revocation there is a new context. It
    remembers the paths it has found, so asking again costs microseconds.
    """

    __slots__ = ("_authorities", "_crls", "_lookup", "_paths", "_roots", "_signed_lists")

    def __init__(
        self,
        roots: Sequence[bytes],
        intermediates: Sequence[bytes] = (),
        crls: Sequence[bytes] = (),
        lookup: Lookup | None = None,
    ) -> None:
        """A context of DER certificates and lists; what they do not tell is asked of `lookup`, if there is one.

        Raises:
            BadCertificate: one of the certificates cannot be read.
            BadRevocationList: one of the lists cannot be read.
        """
        self._roots = tuple(map(read_certificate, roots))
        self._authorities = (*self._roots, *map(read_certificate, intermediates))
        self._crls = tuple(map(RevocationList.read, crls))
        self._paths: dict[bytes, tuple[Certificate, ...] | None] = {}
        self._lookup = lookup
        self._signed_lists: dict[bytes, tuple[RevocationList, ...]] = {}

    @classmethod
    def from_files(cls, ca: Path, crl: Path, lookup: Lookup | None = None) -> Self:
        """A context of PEM files; of the certificates in `ca` the self-issued are believed as roots.

        Raises:
            OSError: one cannot be read.
            BadCertificate: `ca` holds no root, or one of the files is damaged.
            BadRevocationList: `crl` holds a list that cannot be used.
        """
        try:
            found = [x509.load_pem_x509_certificate(one) for one in _pem_blocks(ca.read_bytes(), b"CERTIFICATE")]
            lists = [x509.load_pem_x509_crl(one) for one in _pem_blocks(crl.read_bytes(), b"X509 CRL")]
        except ValueError as error:
            raise BadCertificate(f"{ca} or {crl} is damaged.", detail=str(error)) from error
        roots = [one.public_bytes(Encoding.DER) for one in found if one.subject == one.issuer]
        others = [one.public_bytes(Encoding.DER) for one in found if one.subject != one.issuer]
        if not roots:
            raise BadCertificate(f"{ca} holds no root authority.")
        return cls(roots, others, [one.public_bytes(Encoding.DER) for one in lists], lookup)

    def state(self, certificate: bytes | None, usage: Usage, address: str | None, at: datetime) -> CertificateState:
        """The first thing that is wrong with `certificate` at `at`, or VALID; letter case does not count.

        `address` is the mailbox that it must name; None: it may be anybody's.
        """
        if certificate is None:
            return CertificateState.MISSING
        try:
            leaf = read_certificate(certificate)
        except BadCertificate:
            return CertificateState.UNTRUSTED
        path = self.path(leaf) or self._path_through(leaf)
        if path is None or not is_strong(leaf.public_key):
            return CertificateState.UNTRUSTED
        for found in (validity(path, at), self.revocation(path, at)):
            if found is not CertificateState.VALID:
                return found
        if not path_accepts(path, usage):
            return CertificateState.WRONG_USAGE
        named = address is None or address.lower() in leaf.mailboxes
        return CertificateState.VALID if named else CertificateState.WRONG_ADDRESS

    def path(self, leaf: Certificate, extra: Sequence[bytes] = ()) -> tuple[Certificate, ...] | None:
        """`leaf` up to a root, each signed by the next, or None; time and revocation are not looked at.

        `extra` are certificates that came along; they help to find a path, and are believed in nothing.
        """
        if leaf.der in self._paths and not extra:
            return self._paths[leaf.der]
        found = self._walk(leaf, (*self._authorities, *_readable(extra)))
        if not extra:
            if len(self._paths) >= _MOST_REMEMBERED:
                self._paths.clear()
            self._paths[leaf.der] = found
        return found

    def _walk(self, leaf: Certificate, candidates: Sequence[Certificate]) -> tuple[Certificate, ...] | None:
        """Greedy on purpose: a message full of look-alikes costs at most one check each a level."""
        path = [leaf]
        while len(path) <= _LONGEST_PATH and path[-1].understood:
            if path[-1] in self._roots:
                return tuple(path)
            issuer = next((one for one in candidates if is_issued_by(path[-1], one, below=len(path) - 1)), None)
            if issuer is None:
                return None
            path.append(issuer)
        return None

    def _path_through(self, leaf: Certificate) -> tuple[Certificate, ...] | None:
        """The path if the authority between is only where `leaf` says that it is.  [RFC 5280 §4.2.2.1]"""
        if self._lookup is None or not leaf.understood:
            return None
        return self._walk(leaf, (*self._authorities, *_readable(self._lookup.issuers(leaf))))

    def revocation(self, path: Sequence[Certificate], at: datetime) -> CertificateState:
        """VALID if every certificate below the root is cleared by its issuer, freshly; else REVOKED or UNTRUSTED.

        A fresh list decides; where there is none, the responder is asked  [our choice: who can know asks nobody].
        A serial number on a list counts from the moment the list is out, whatever date stands beside it.
        """
        for certificate, issuer in pairwise(path):
            match self._word(certificate, issuer, at):
                case Word.REVOKED:
                    return CertificateState.REVOKED
                case Word.NOTHING:
                    return CertificateState.UNTRUSTED
        return CertificateState.VALID

    def _word(self, certificate: Certificate, issuer: Certificate, at: datetime) -> Word:
        if fresh := [one for one in self._lists_of(issuer) if one.is_fresh(at)]:
            return Word.REVOKED if any(certificate.serial in one.revoked for one in fresh) else Word.GOOD
        answer = None if self._lookup is None else self._lookup.answer(certificate, issuer)
        return Word.NOTHING if answer is None else answer_of(answer, certificate, issuer, at)

    def _lists_of(self, issuer: Certificate) -> tuple[RevocationList, ...]:
        """The lists that `issuer` has signed."""
        known = self._signed_lists.get(issuer.der)
        if known is None:
            known = tuple(one for one in self._crls if one.is_signed_by(issuer))
            self._signed_lists[issuer.der] = known
        return known


class TrustFiles:
    """A context of PEM files, read again when one of them is another: for who judges longer than a list holds.

    A file that is missing or damaged later leaves the context of before, whose lists end by themselves.
    """

    def __init__(self, ca: Path, crl: Path, lookup: Lookup | None = None) -> None:
        """Raises: OSError, BadCertificate, BadRevocationList."""
        self._ca, self._crl, self._lookup = ca, crl, lookup
        self._stamp = self._now()
        self._context = TrustContext.from_files(ca, crl, lookup)

    def current(self) -> TrustContext:
        """What is judged by now."""
        with suppress(OSError, BadCertificate, BadRevocationList):
            if (stamp := self._now()) != self._stamp:
                self._context = TrustContext.from_files(self._ca, self._crl, self._lookup)
                self._stamp = stamp
        return self._context

    def _now(self) -> list[tuple[int, int, int]]:
        """Another value for other files: each is written anew, whole, and put in the place of the old one."""
        return [(one.st_ino, one.st_mtime_ns, one.st_size) for one in (self._ca.stat(), self._crl.stat())]


def validity(path: Sequence[Certificate], at: datetime) -> CertificateState:
    """VALID if every certificate of `path` is so at `at`; an authority that is not makes the leaf UNTRUSTED."""
    leaf, *authorities = path
    if any(not one.not_before <= at <= one.not_after for one in authorities):
        return CertificateState.UNTRUSTED
    if at < leaf.not_before:
        return CertificateState.NOT_YET_VALID
    return CertificateState.EXPIRED if at > leaf.not_after else CertificateState.VALID


def accepts_usage(leaf: Certificate, usage: Usage) -> bool:
    """Whether `leaf` may be used so; an extension that is absent forbids nothing.  [RFC 8550 §4.4]"""
    if leaf.authority or not _serves(leaf, usage):
        return False
    uses = leaf.usages
    if uses is None:
        return True
    if usage is Usage.SIGN:
        return uses.digital_signature or uses.content_commitment
    if usage is not Usage.RECEIVE:
        return uses.digital_signature
    # An RSA key opens the content key; a curve's agrees on what opens it.  [RFC 8550 §4.4.2, RFC 5480 §3]
    return uses.key_encipherment if isinstance(leaf.public_key, RSAPublicKey) else uses.key_agreement


def path_accepts(path: Sequence[Certificate], usage: Usage) -> bool:
    """Whether the leaf of `path` may be used so, and no authority is for other purposes only.

    [our choice, as OpenSSL and NSS: RFC 5280 does not say what a purpose of an authority is]
    """
    leaf, *authorities = path
    return accepts_usage(leaf, usage) and all(_serves(one, usage) for one in authorities)


def _serves(certificate: Certificate, usage: Usage) -> bool:
    return certificate.purposes is None or bool(certificate.purposes & _PURPOSES[usage])


def _readable(certificates: Iterable[bytes]) -> list[Certificate]:
    found = []
    for one in certificates:
        try:
            found.append(read_certificate(one))
        except BadCertificate:
            continue  # a stranger's certificate of some other kind
    return found


def _pem_blocks(text: bytes, label: bytes) -> list[bytes]:
    return [found[0] for found in _PEM.finditer(text) if found[1] == label]
