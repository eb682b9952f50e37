"""The authorities of one home on disk: a root, and one issuing authority after the other.

    root/  issuing/  issuing-2/ …   identity.pem, crl.der, issued.txt
    published/                      what certificates made on purpose point to

The last issuing authority issues; those before it go on revoking what they have
issued. `issued.txt` holds the serial numbers that an authority's responder
knows. What another process changes is seen at the next look.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509

from mssante_sim.crypto import profiles
from mssante_sim.crypto.authority import Authority, revocations
from mssante_sim.crypto.identity import Certificate, Identity, read_certificate
from mssante_sim.crypto.issuing import Places
from mssante_sim.crypto.key_files import KeyFiles, certificates_in, number_of
from mssante_sim.crypto.ocsp import Responder
from mssante_sim.crypto.profiles import Subject
from mssante_sim.errors import SimulatorError
from mssante_sim.home import alone, write_private

__all__ = ["SIMULATED", "Issuers", "TrustDomainError"]

SIMULATED: Final = "MSSANTE-SIM (SIMULATEUR)"
_ROOT_NAME: Final = "SIMULATEUR AC RACINE IGC-SANTE ELEMENTAIRE"
_ISSUING_NAME: Final = "SIMULATEUR AC IGC-SANTE ELEMENTAIRE ORGANISATIONS"
_RESPONDER_RENEWED: Final = timedelta(days=7)  # before its certificate ends


class TrustDomainError(SimulatorError):
    """The files of the trust domain are missing or damaged, or do not hold what is asked for."""


class Issuers:
    """Whoever signs certificates and lists in the trust domain under `path`."""

    def __init__(self, path: Path, files: KeyFiles, base: str) -> None:
        self._path = path
        self._files = files
        self._base = base
        self._loaded: dict[str, Authority] = {}
        self._responders: dict[str, tuple[datetime, Identity]] = {}

    @classmethod
    def create(cls, path: Path, files: KeyFiles, base: str, *, at: datetime) -> Self:
        """A new root, and an issuing authority."""
        issuers = cls(path, files, base)
        issuers._found("root", Authority.create(profiles.ROOT, _ROOT_NAME, at=at, places=Places(base, "root")), at)
        issuers.roll_over(at=at)
        return issuers

    @classmethod
    def open(cls, path: Path, files: KeyFiles) -> Self:
        """Those that `create` made, all of them readable.  Raises: OSError, ValueError."""
        issuers = cls(path, files, _base_of(path / "issuing" / "identity.pem"))
        issuers._know_old_certificates()
        issuers.all()  # raises if one is missing
        return issuers

    # What is there

    def all(self) -> tuple[Authority, ...]:
        """The root, then the issuing authorities, the one that issues now last."""
        return tuple(self._authority(name) for name in self.names())

    @property
    def current(self) -> Authority:
        """Whoever issues to mailboxes, organisations and servers now."""
        return self._authority(self.names()[-1])

    def of(self, certificate: Certificate) -> Authority:
        """Whoever issued `certificate`.  Raises: TrustDomainError."""
        return self._authority(self.name_of(certificate))

    def name_of(self, certificate: Certificate) -> str:
        """What that one is called in folders and URLs.  Raises: TrustDomainError."""
        for name in self.names():
            if read_certificate(self._authority(name).identity.certificate).subject == certificate.issuer:
                return name
        raise TrustDomainError(f"No authority of this home issued the certificate {certificate.serial:x}.")

    def names(self) -> list[str]:
        """The root, then the issuing authorities, the oldest first, as their folders and URLs are called."""
        issuing = (file.parent for file in self._path.glob("issuing*/identity.pem"))
        return ["root", *(folder.name for folder in sorted(issuing, key=number_of))]

    def lists(self) -> dict[str, bytes]:
        """The latest list of each, DER, by its file name in a distribution point."""
        return {f"{name}.crl": (self._path / name / "crl.der").read_bytes() for name in self.names()}

    def published(self, path: str) -> bytes | None:
        """What stands at ``crl/NAME.crl``, ``aia/NAME.cer`` or, without being asked for, ``ocsp/NAME``.

        Raises: OSError.
        """
        for name in self.names():
            if path == f"crl/{name}.crl":
                return (self._path / name / "crl.der").read_bytes()
            if path == f"aia/{name}.cer":
                return self._authority(name).identity.certificate
        added = self._path / "published" / path
        return added.read_bytes() if added.is_file() else None

    def responder(self, name: str, *, at: datetime) -> Responder | None:
        """Who answers OCSP for the authority `name` as of its latest list; None if there is no such authority.

        The responder's key is made here, for a month, and never written.  Raises: OSError.
        """
        if name not in self.names():
            return None
        authority, (until, signer) = self._authority(name), self._responders.get(name, (at, None))
        if signer is None or at >= until:
            subject = Subject(f"{read_certificate(authority.identity.certificate).name} OCSP", SIMULATED)
            signer = authority.issue(profiles.OCSP_RESPONDER, subject, at=at)
            self._responders[name] = (at + profiles.OCSP_RESPONDER.validity - _RESPONDER_RENEWED, signer)
        issued = {int(line, 16) for line in self._ledger(name).read_text(encoding="ascii").split()}
        listed = revocations((self._path / name / "crl.der").read_bytes())
        return Responder(authority.identity.certificate, signer, issued, listed)

    # Changes

    def roll_over(self, *, at: datetime) -> None:
        """A new issuing authority under the same root issues from now on.

        Those before it stay: what they issued is good until it ends or is revoked, and their lists go on.
        """
        root, number = self._authority("root"), len(self.names())
        label, name = (f" {number}", f"issuing-{number}") if number > 1 else ("", "issuing")
        places = Places(self._base, name)
        made = Authority.create(profiles.ISSUING, _ISSUING_NAME + label, at=at, places=places, parent=root)
        self._found(name, made, at)

    def publish(self, *, at: datetime) -> None:
        """New lists of all authorities are there, good for a month from `at`.

        What another process has changed in the meantime stays so.
        """
        self.note_issued()
        with alone(self._path / "lists"):
            for name in self.names():
                authority, file = self._authority(name), self._path / name / "crl.der"
                authority.learn(file.read_bytes())
                write_private(file, authority.crl(at))

    def add_published(self, files: Mapping[str, bytes]) -> None:
        """These stand where certificates made on purpose say; see `published`."""
        for path, content in files.items():
            file = self._path / "published" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            write_private(file, content)

    def note_issued(self) -> None:
        """What was issued since the last call is known to the responders."""
        for name in self.names():
            self._note(name, self._authority(name).take_issued())

    # How

    def _found(self, name: str, authority: Authority, at: datetime) -> None:
        """The authority has its files; that with its key last, since it is there from then on."""
        folder = self._path / name
        folder.mkdir(parents=True, exist_ok=True)
        write_private(folder / "crl.der", authority.crl(at))
        self._ledger(name).touch(0o600)
        self._files.write(folder / "identity.pem", authority.identity)
        self._loaded[name] = authority
        self.note_issued()

    def _authority(self, name: str) -> Authority:
        """Raises: OSError, ValueError."""
        known = self._loaded.get(name)
        if known is None:
            identity, crl = self._files.read(self._path / name / "identity.pem"), self._path / name / "crl.der"
            parent = None if name == "root" else self._authority("root")
            places = Places(self._base, name)
            known = self._loaded[name] = Authority(identity, places=places, parent=parent, crl=crl.read_bytes())
        return known

    def _note(self, name: str, serials: Iterable[int]) -> None:
        if lines := "".join(f"{serial:x}\n" for serial in serials):
            with self._ledger(name).open("a", encoding="ascii") as file:
                file.write(lines)

    def _ledger(self, name: str) -> Path:
        return self._path / name / "issued.txt"

    def _know_old_certificates(self) -> None:
        """Homes of version 1 have no ledger: what their files hold was issued."""
        if self._ledger("root").exists():
            return
        own = [
            self._path / "issuing" / "identity.pem",
            self._path / "server" / "identity.pem",
            *self._path.glob("mailboxes/*/*.pem"),
        ]
        issuing, *leaves = (read_certificate(certificates_in(file.read_bytes())[0]).serial for file in own)
        self._note("issuing", leaves)
        self._note("root", [issuing])


def _base_of(issuing: Path) -> str:
    """Where the first issuing authority's certificate says that the root's list is, as far as all share it."""
    certificate = read_certificate(certificates_in(issuing.read_bytes())[0])
    points = certificate.parsed.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    name = next(iter(points)).full_name
    return str(name[0].value).partition("/crl/")[0] if name else ""
