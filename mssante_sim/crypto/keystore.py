"""The trust domain of one home on disk: authorities, server, mailboxes, revocation lists.

    root/  issuing/          identity.pem, crl.der
    server/                  identity.pem
    mailboxes/<address>/     signing-1.pem, receiving-1.pem, client-1.pem, then -2 … after a renewal

An `identity.pem` is a private key, its certificate and the chain without the
root, readable by its owner only. Files are written whole or not at all.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote, unquote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from mssante_sim.crypto import profiles
from mssante_sim.crypto.authority import Authority
from mssante_sim.crypto.identity import Identity, load_key, read_certificate
from mssante_sim.crypto.keys import new_key
from mssante_sim.crypto.profiles import Profile, Subject, Usage
from mssante_sim.crypto.secret import Secret
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.errors import SimulatorError
from mssante_sim.home import write_private

__all__ = ["Holder", "Keystore", "Listed", "TrustDomainError"]

_PROFILES: Final = {
    Usage.SIGN: profiles.SIGNING,
    Usage.RECEIVE: profiles.RECEIVING,
    Usage.CLIENT: profiles.CLIENT,
}
_ROOT_NAME: Final = "SIMULATEUR AC RACINE IGC-SANTE ELEMENTAIRE"
_ISSUING_NAME: Final = "SIMULATEUR AC IGC-SANTE ELEMENTAIRE ORGANISATIONS"


class TrustDomainError(SimulatorError):
    """The files of the trust domain are missing or damaged."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A mailbox that is to have certificates to sign, to receive and to log in.

    `receiving` may be another profile, or None for no certificate, to make a fault on purpose; so may `expired`.
    """

    address: str
    organisation: str
    unit: str | None = None
    department: str | None = None
    receiving: Profile | None = profiles.RECEIVING
    expired: bool = False  # the receiving one, since yesterday


@dataclass(frozen=True, slots=True)
class Listed:
    """One certificate, for people."""

    name: str
    usage: str
    state: str
    not_after: datetime
    serial: int


class Keystore:
    """The trust domain under `path`.  One process at a time may write."""

    def __init__(self, path: Path, root: Authority, issuing: Authority) -> None:
        self.path = path
        self._root = root
        self._issuing = issuing

    @classmethod
    def create(cls, path: Path, *, at: datetime, crl_base: str, hosts: Sequence[str]) -> Self:
        """A new root, an issuing authority, a certificate for a server that is reached as any of `hosts`.

        `crl_base` and the name of an authority (``/issuing.crl``) are where the certificates say that the list is.
        """
        root = Authority.create(profiles.ROOT, _ROOT_NAME, at=at, crl_url=f"{crl_base}/root.crl")
        issuing = Authority.create(
            profiles.ISSUING, _ISSUING_NAME, at=at, crl_url=f"{crl_base}/issuing.crl", parent=root
        )
        store = cls(path, root, issuing)
        _write_identity(path / "root" / "identity.pem", root.identity)
        _write_identity(path / "issuing" / "identity.pem", issuing.identity)
        subject = Subject(hosts[0], "MSSANTE-SIM (SIMULATEUR)")
        _write_identity(store.server, issuing.issue(profiles.SERVER, subject, at=at, names=hosts))
        store.publish(at=at)
        return store

    @classmethod
    def open(cls, path: Path) -> Self:
        """The trust domain that `create` made.

        Raises:
            TrustDomainError: a file is missing or damaged.
        """
        try:
            root = _read_identity(path / "root" / "identity.pem")
            issuing = _read_identity(path / "issuing" / "identity.pem")
            root_crl, issuing_crl = ((path / name / "crl.der").read_bytes() for name in ("root", "issuing"))
            parent = Authority(root, crl_url=_crl_url(issuing), crl=root_crl)
            leaf = _read_identity(path / "server" / "identity.pem")
            child = Authority(issuing, crl_url=_crl_url(leaf), parent=parent, crl=issuing_crl)
        except (OSError, ValueError) as error:
            raise TrustDomainError(
                f"The trust domain in {path} is missing or damaged; restore it, or make a new home.", detail=str(error)
            ) from error
        return cls(path, parent, child)

    # What is there

    @property
    def server(self) -> Path:
        """The PEM file that TLS servers serve."""
        return self.path / "server" / "identity.pem"

    @property
    def authorities(self) -> tuple[bytes, bytes]:
        """Root and issuing authority, DER."""
        return self._root.identity.certificate, self._issuing.identity.certificate

    @property
    def issuers(self) -> tuple[Authority, Authority]:
        """Root and issuing authority at work, for certificates that no mailbox has; see `publish` for revocations."""
        return self._root, self._issuing

    def crls(self) -> dict[str, bytes]:
        """The latest list of each authority, DER, by its file name in a distribution point."""
        return {f"{name}.crl": (self.path / name / "crl.der").read_bytes() for name in ("root", "issuing")}

    def trust(self) -> TrustContext:
        """What this domain's certificates are judged by, as of the latest lists."""
        root, issuing = self.authorities
        return TrustContext([root], [issuing], list(self.crls().values()))

    def identities(self, address: str, usage: Usage) -> list[Identity]:
        """Every identity of `address` for `usage`, the newest first; old ones open old messages."""
        folder = self._folder(address)
        numbered = sorted(((_number(file), file) for file in folder.glob(f"{usage.value}-*.pem")), reverse=True)
        return [_read_identity(file) for _, file in numbered]

    def identity(self, address: str, usage: Usage) -> Identity | None:
        """The newest of them."""
        return next(iter(self.identities(address, usage)), None)

    def stamp(self, address: str) -> tuple[int, ...]:
        """Another value after every change of the certificates of `address` or of a revocation list."""
        watched = (self._folder(address), self.path / "root", self.path / "issuing")  # a new file alters its folder
        return tuple(folder.stat().st_mtime_ns if folder.exists() else 0 for folder in watched)

    def addresses(self) -> list[str]:
        """Every mailbox that has a certificate, sorted."""
        return sorted(unquote(folder.name) for folder in (self.path / "mailboxes").glob("*@*"))

    def listing(self, *, at: datetime) -> Iterator[Listed]:
        """Every mailbox certificate and its state at `at`."""
        trust = self.trust()
        for address in self.addresses():
            for usage in _PROFILES:
                for identity in self.identities(address, usage):
                    facts = read_certificate(identity.certificate)
                    state = trust.state(identity.certificate, usage, address, at)
                    yield Listed(address, usage.value, state.value, facts.not_after, facts.serial)

    # Changes

    def issue(self, holders: Sequence[Holder], *, at: datetime) -> None:
        """Every holder has a new certificate of each kind; keys are made on all cores at once."""
        wanted = [(holder, usage) for holder in holders for usage in _PROFILES]
        with ThreadPoolExecutor() as pool:
            keys = pool.map(lambda one: new_key(_PROFILES[one[1]].key_bits, _PROFILES[one[1]].curve), wanted)
            for (holder, usage), key in zip(wanted, keys, strict=True):
                self._issue_one(holder, usage, key, at)

    def _issue_one(self, holder: Holder, usage: Usage, key: Secret[bytes], at: datetime) -> None:
        profile = holder.receiving if usage is Usage.RECEIVE else _PROFILES[usage]
        if profile is None:
            return
        over = usage is Usage.RECEIVE and holder.expired
        subject = Subject(holder.address, holder.organisation, holder.unit, holder.department)
        identity = self._issuing.issue(
            profile,
            subject,
            at=at,
            names=[holder.address],
            key=key,
            validity=(at - profile.validity, at - timedelta(days=1)) if over else None,
        )
        folder = self._folder(holder.address)
        number = 1 + max((_number(file) for file in folder.glob(f"{usage.value}-*.pem")), default=0)
        _write_identity(folder / f"{usage.value}-{number}.pem", identity)

    def issue_client(self, name: str, organisation: str, file: Path, *, at: datetime) -> None:
        """`file` is the PEM identity of another operator's server, by which it proves itself to the mx listener."""
        identity = self._issuing.issue(profiles.SERVER, Subject(name, organisation), at=at, names=[name])
        _write_identity(file, identity)

    def revoke(self, address: str, usage: Usage, *, at: datetime, reason: str = "unspecified") -> None:
        """The newest certificate of `address` for `usage` is on a new list."""
        identity = self.identity(address, usage)
        if identity is None:
            raise TrustDomainError(f"{address} has no {usage.value} certificate.")
        self._issuing.revoke(read_certificate(identity.certificate).serial, at=at, reason=reason)
        self.publish(at=at)

    def publish(self, *, at: datetime) -> None:
        """New lists of both authorities are there, good for a month from `at`.

        What another process has revoked in the meantime stays revoked.
        """
        for name, authority in (("root", self._root), ("issuing", self._issuing)):
            file = self.path / name / "crl.der"
            if file.exists():
                authority.learn(file.read_bytes())
            write_private(file, authority.crl(at))

    def _folder(self, address: str) -> Path:
        return self.path / "mailboxes" / quote(address.lower(), safe="@+")  # a local part may hold a slash


def _number(file: Path) -> int:
    return int(file.stem.rpartition("-")[2])


def _crl_url(identity: Identity) -> str | None:
    points = read_certificate(identity.certificate).parsed.extensions.get_extension_for_class(
        x509.CRLDistributionPoints
    )
    name = next(iter(points.value)).full_name
    return str(name[0].value) if name else None


def _write_identity(file: Path, identity: Identity) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    key = load_key(identity.key)
    pem = [key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())]
    pem += (
        x509.load_der_x509_certificate(one).public_bytes(Encoding.PEM)
        for one in (identity.certificate, *identity.chain)
    )
    write_private(file, b"".join(pem))


def _read_identity(file: Path) -> Identity:
    """Raises: OSError, ValueError."""
    pem = file.read_bytes()
    key = load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)  # our own; checking takes 30 ms
    certificate, *chain = x509.load_pem_x509_certificates(pem)
    secret = Secret(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    return Identity(
        certificate.public_bytes(Encoding.DER), secret, tuple(one.public_bytes(Encoding.DER) for one in chain)
    )
