"""The white list of the trust space: generated, signed, served, read back, and broken on purpose.

[Liste blanche MSSanté]. A peer is trusted when the subject of its TLS certificate stands in the list for
the domain it sends from; the list decides, never a suffix. A list is good for a
week [our choice].
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final, Self
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mssante_sim.clock import Clock
from mssante_sim.config import Domains
from mssante_sim.crypto.identity import Identity
from mssante_sim.crypto.keystore import Holder, Keystore
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.crypto.xmldsig import Element, sign_enveloped, subject_of, verify_enveloped
from mssante_sim.directory.records import DOMAIN
from mssante_sim.errors import SimulatorError
from mssante_sim.storage.rows import Row, RowStore

__all__ = ["FAULTS", "Operator", "TrustList", "TrustListError", "WhiteListService", "read_trust_list", "written"]

NAMESPACE: Final = "https://listeblanche.mssante.fr/schema"
VALIDITY: Final = timedelta(days=7)
SEALER: Final = "liste-blanche@mssante.test"
OTHER_DOMAIN: Final = "messagerie-fictive.example"
_ELSEWHERE: Final = "C=FR, O=AUTRE OPERATEUR FICTIF, CN=ailleurs.test"
_DOMAIN: Final = re.compile(r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_LONGEST_NAMED: Final = 61  # with "mx." the 64 of a common name  [RFC 5280 §A.1]
_LONGEST_SUBJECT: Final = 1_000
_OPERATOR: Final = "operator"
_SETTING: Final = "setting"
_FAULT: Final = "white-list"

FAULTS: Final[Mapping[str, str]] = {
    "bad-signature": "a character is altered after signing",
    "stale": "generated 400 days ago",
    "unlisted": "no operator's own certificate is in it",
    "other-suffix": f"one domain more, {OTHER_DOMAIN}, outside every usual suffix, for every operator",
}


class TrustListError(SimulatorError):
    """The list is none that can be relied on, or the entry none that can be made."""

    exit_code = 6


@dataclass(frozen=True, slots=True)
class Operator:
    """One domain of the list."""

    domain: str
    subjects: tuple[str, ...]  # distinguished names of certificates, in any spelling
    description: str = ""
    contact: str = ""
    support: str = ""
    updated: str = ""  # ISO date

    def to_text(self) -> str:
        """JSON that `from_text` reads."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The inverse of `to_text`."""
        fields = json.loads(text)
        return cls(**fields | {"subjects": tuple(fields["subjects"])})


@dataclass(frozen=True, slots=True)
class TrustList:
    """A list whose signature was verified."""

    generated: datetime
    operators: tuple[Operator, ...]

    @property
    def peers(self) -> dict[str, tuple[str, ...]]:
        """Subjects by domain; what the mx listener asks."""
        found: dict[str, tuple[str, ...]] = {}
        for one in self.operators:
            found[one.domain.lower()] = found.get(one.domain.lower(), ()) + one.subjects
        return found


def written(operators: Iterable[Operator], *, generated: datetime) -> bytes:
    """The list, unsigned."""
    domains = "".join(map(_written_domain, operators))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<ListeBlancheMSSante xmlns="{NAMESPACE}">'
        f"<DateDeGeneration>{generated.isoformat(timespec='seconds')}</DateDeGeneration>"
        f"<ListeDomaines>{domains}</ListeDomaines></ListeBlancheMSSante>\n"
    ).encode()


def _is_subject(text: str) -> bool:
    """Whether it can be one, and stand in XML."""
    return "=" in text and text.isprintable() and len(text) <= _LONGEST_SUBJECT


def _written_domain(one: Operator) -> str:
    parts = [("Nom", one.domain), ("Description", one.description)]
    parts += (("DNCertificatOperateur", subject) for subject in one.subjects)
    parts += (("ResponsableContact", one.contact), ("SupportContact", one.support), ("DateMAJ", one.updated))
    return "<Domaine>" + "".join(f"<{name}>{escape(text)}</{name}>" for name, text in parts) + "</Domaine>"


def read_trust_list(document: bytes, trust: TrustContext, *, at: datetime) -> TrustList:
    """What a signed list says at instant `at`.

    Raises:
        SignatureRefused: nothing is proved about it.
        TrustListError: somebody else signed it, it is another document, or too old.
    """
    signed = verify_enveloped(document, trust, at=at)
    if SEALER not in signed.signer.mailboxes:  # whoever has a mailbox has a certificate that signs
        raise TrustListError("The white list is forged: another than its authority has signed it.")
    root = signed.root
    if (root.name, root.namespace) != ("ListeBlancheMSSante", NAMESPACE):
        raise TrustListError("The document is signed, but no white list.")
    try:
        generated = datetime.fromisoformat(_text(root, "DateDeGeneration"))
        age = at - generated
    except (ValueError, TypeError) as error:
        raise TrustListError("The white list does not say when it was generated.") from error
    if not timedelta(days=-1) <= age <= VALIDITY:
        raise TrustListError(f"The white list is stale: it was generated {generated:%Y-%m-%d}.")
    domains = [one for part in root.children("ListeDomaines") for one in part.children("Domaine")]
    return TrustList(generated, tuple(map(_read_domain, domains)))


def _read_domain(element: Element) -> Operator:
    subjects = tuple(one.text.strip() for one in element.children("DNCertificatOperateur") if one.text.strip())
    texts = (_text(element, name) for name in ("Description", "ResponsableContact", "SupportContact", "DateMAJ"))
    domain = _text(element, "Nom")
    if not domain:
        raise TrustListError("The white list holds a domain without a name.")
    return Operator(domain, subjects, *texts)


def _text(element: Element, name: str) -> str:
    return next((one.text.strip() for one in element.children(name)), "")


class WhiteListService:
    """The list of this trust space: the stack's own domains, and the operators that were added."""

    def __init__(self, rows: RowStore, keystore: Keystore, domains: Domains, clock: Clock) -> None:
        self._rows = rows
        self._keystore = keystore
        self._domains = domains
        self._clock = clock
        self._read: tuple[object, TrustList] | None = None  # the last list that was verified, and what it was made of

    def add(self, operator: Operator) -> None:
        """The domain is in the list, with these subjects and no others.  Raises: TrustListError."""
        if not operator.subjects or not _DOMAIN.fullmatch(operator.domain):
            raise TrustListError("An operator needs a domain and the subject of a certificate.")
        if not all(map(_is_subject, operator.subjects)):
            raise TrustListError("The subject of a certificate is written as C=FR, O=NAME, CN=name.")
        dated = replace(operator, updated=operator.updated or self._today().isoformat())
        self._rows.put_many([Row(_OPERATOR, operator.domain.lower(), dated.to_text())])

    def issue(self, domain: str, file: Path) -> str:
        """`file` holds key and certificate of a new server of the operator (PEM), whose subject is returned.

        Raises: TrustListError, OSError.
        """
        if not _DOMAIN.fullmatch(domain) or len(domain) > _LONGEST_NAMED:
            raise TrustListError(f"{domain[:254]} is no domain, or longer than a certificate can name.")
        self._keystore.issue_client(f"mx.{domain}", "OPERATEUR FICTIF", file, at=self._clock.now())
        return peer_of(file)

    def remove(self, domain: str) -> None:
        """The domain is not in the list any more."""
        if self._rows.get(_OPERATOR, domain.lower()) is None:
            raise TrustListError(f"No operator of the domain {domain[:254]} was added to the white list.")
        self._rows.delete_many(_OPERATOR, [domain.lower()])

    def set_faults(self, faults: Iterable[str]) -> None:
        """The list is broken in these ways from now on; in none if there are none."""
        self._rows.put_many([Row(_SETTING, _FAULT, json.dumps(sorted(set(faults) & set(FAULTS))))])

    def faults(self) -> frozenset[str]:
        """How the list is broken on purpose."""
        return frozenset(json.loads(self._rows.get(_SETTING, _FAULT) or "[]"))

    def operators(self) -> list[Operator]:
        """What the list says, on purpose or not."""
        faults, today = self.faults(), self._today().isoformat()
        own = subject_of(self._keystore.server.read_bytes())
        added = [Operator.from_text(text) for text in self._rows.all(_OPERATOR)]
        subjects = {self._domains.patients: (own,), self._domains.operator: (own, own.replace(", ", ","))}
        subjects |= dict.fromkeys(self._rows.all(DOMAIN), (own,))
        if "other-suffix" in faults:
            subjects[OTHER_DOMAIN] = (own, *(subject for one in added for subject in one.subjects))
        contact = "contact@mssante.test"
        ours = [Operator(name, dns, "Opérateur simulé", contact, contact, today) for name, dns in subjects.items()]
        if "unlisted" in faults:
            return [replace(one, subjects=(_ELSEWHERE,)) for one in ours + added]
        return ours + added

    def document(self) -> bytes:
        """The signed list of now."""
        faults, now = self.faults(), self._clock.now()
        generated = now - timedelta(days=400) if "stale" in faults else now
        signed = sign_enveloped(written(self.operators(), generated=generated), self._sealer(now))
        return (
            signed.replace("Opérateur simulé".encode(), "Opérateur truqué".encode(), 1)
            if "bad-signature" in faults
            else signed
        )

    def verified(self) -> TrustList:
        """The list of now as a peer reads it; what has not changed since is not signed and verified again.

        Raises: SignatureRefused, TrustListError.
        """
        made_of = (self.faults(), self.operators())  # dated, so a list serves for a day at most
        if self._read is None or self._read[0] != made_of:
            found = read_trust_list(self.document(), self._keystore.trust(), at=self._clock.now())
            self._read = made_of, found
        return self._read[1]

    def routes(self) -> list[Route]:
        """`/listeblanche/listeblanche.xml`  [our choice]."""
        return [Route("/listeblanche/listeblanche.xml", self._download, methods=["GET", "HEAD"])]

    async def _download(self, request: Request) -> Response:
        return Response(self.document(), media_type="application/xml")

    def _today(self) -> date:
        return self._clock.now().date()

    def _sealer(self, at: datetime) -> Identity:
        known = self._keystore.identity(SEALER, Usage.SIGN)
        if known is None:
            self._keystore.issue([Holder(SEALER, "GIE FICTIF DE LA LISTE BLANCHE", receiving=None)], at=at)
            known = self._keystore.identity(SEALER, Usage.SIGN)
        assert known is not None  # noqa: S101  (it was just issued; tells the type checker)
        return known


def peer_of(file: Path) -> str:
    """The subject of the certificate in `file`, PEM or DER.  Raises: BadCertificate, OSError."""
    return subject_of(file.read_bytes())
