"""Enveloped XML signatures of one narrow form: exclusive c14n, RSA-SHA256, the signer's certificate inside.

[XML Signature 1.1, Exclusive XML Canonicalization 1.0; the form is that of Liste blanche MSSanté]. Whatever
is written otherwise (another transform, a second reference, a DTD) is refused, never interpreted.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NoReturn
from xml.parsers import expat
from xml.sax.saxutils import escape

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from mssante_sim.crypto.identity import (
    BadCertificate,
    Certificate,
    Identity,
    certificate_in,
    private_key,
    read_certificate,
)
from mssante_sim.crypto.keys import is_strong
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.trust import CertificateState, TrustContext, path_accepts, validity
from mssante_sim.errors import SimulatorError

__all__ = ["Element", "SignatureRefused", "SignedXml", "sign_enveloped", "subject_of", "verify_enveloped"]

_DSIG: Final = "http://www.w3.org/2000/09/xmldsig#"
_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
_ENVELOPED: Final = _DSIG + "enveloped-signature"
_RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
_SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
_MOST_OCTETS: Final = 16 * 1024 * 1024
_DEEPEST: Final = 32
_MOST_PREFIXES: Final = 32  # each element knows those in force
_TEXT: Final = {"\r": "&#xD;"}
_VALUE: Final = {'"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"}


class SignatureRefused(SimulatorError):
    """Nothing is proved about the document."""


@dataclass(slots=True, eq=False)
class Element:
    """One element: names with their namespace, attributes, and what stands in it."""

    prefix: str
    name: str
    scope: dict[str, str]  # prefix to namespace
    attributes: list[tuple[str, str, str]]  # prefix, name, value
    inside: "list[Element | str]" = field(default_factory=list)

    @property
    def namespace(self) -> str:
        """The URI of its own name."""
        return self.scope.get(self.prefix, "")

    @property
    def text(self) -> str:
        """All that is written directly in it."""
        return "".join(one for one in self.inside if isinstance(one, str))

    def children(self, name: str | None = None) -> "list[Element]":
        """Elements directly in it, with that name in its own namespace, or all."""
        elements = [one for one in self.inside if isinstance(one, Element)]
        return [one for one in elements if name is None or (one.name, one.namespace) == (name, self.namespace)]

    def walk(self) -> "Iterator[Element]":
        """It and every element below."""
        yield self
        for child in self.children():
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class SignedXml:
    """What was proved: the document's root without the signature, and who signed."""

    root: Element
    signer: Certificate


def sign_enveloped(document: bytes, identity: Identity) -> bytes:
    """`document` with a signature as the last child of its root.

    Raises:
        SignatureRefused: it is no XML, or the key is no RSA key.
    """
    root, key = _parsed(document), private_key(identity)
    if not isinstance(key, RSAPrivateKey):
        _refuse("The white list is signed with an RSA key; this one is of another kind.")
    digest = base64.b64encode(hashlib.sha256(_canonical(root)).digest()).decode()
    certificate = base64.b64encode(identity.certificate).decode()
    info = (
        f'<SignedInfo><CanonicalizationMethod Algorithm="{_C14N}"/><SignatureMethod Algorithm="{_RSA_SHA256}"/>'
        f'<Reference URI=""><Transforms><Transform Algorithm="{_ENVELOPED}"/><Transform Algorithm="{_C14N}"/>'
        f'</Transforms><DigestMethod Algorithm="{_SHA256}"/><DigestValue>{digest}</DigestValue></Reference>'
        "</SignedInfo>"
    )
    alone = _parsed(info.replace("<SignedInfo>", f'<SignedInfo xmlns="{_DSIG}">', 1).encode())
    value = key.sign(_canonical(alone), PKCS1v15(), hashes.SHA256())
    signature = (
        f'<Signature xmlns="{_DSIG}">{info}<SignatureValue>{base64.b64encode(value).decode()}</SignatureValue><KeyInfo>'
        f"<X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></Signature>"
    )
    before, slash, after = document.rpartition(b"</")
    return before + signature.encode() + slash + after


def verify_enveloped(document: bytes, trust: TrustContext, *, at: datetime) -> SignedXml:
    """Prove who signed the whole of `document`, at instant `at` (aware).

    1 well-formed, no DTD, bounded; one signature in all, a child of the root
    2 it names exactly the algorithms of the form and one reference, to the whole document
    3 the digest is that of the document without the signature
    4 the signature over SignedInfo is by the certificate that came along, an RSA key of 2048 bits or more
    5 that certificate leads to a root of `trust`, is valid, not revoked, and may sign
    Callers must use only the tree returned, never `document`.

    Raises:
        SignatureRefused: any step; no partial result exists.
    """
    # 1
    root = _parsed(document)
    found = [one for one in root.walk() if (one.name, one.namespace) == ("Signature", _DSIG)]
    if len(found) != 1 or found[0] not in root.inside:
        _refuse("The document does not bear exactly one signature, directly in its root.")
    signature = found[0]
    # 2
    info = _only(signature, "SignedInfo")
    reference = _checked_reference(info)
    # 3
    root.inside.remove(signature)
    digest = hashlib.sha256(_canonical(root)).digest()
    if not hmac.compare_digest(digest, _octets(_only(reference, "DigestValue"))):
        _refuse("The document was altered after it was signed.")
    # 4
    leaf, key = _signer(signature)
    try:
        value = _octets(_only(signature, "SignatureValue"))
        key.verify(value, _canonical(info), PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        _refuse("The signature is not by the certificate it names.")
    # 5
    _check_trust(leaf, trust, at)
    return SignedXml(root, leaf)


def subject_of(certificate: bytes) -> str:
    """The distinguished name of the first certificate in PEM or DER, in the order of the certificate.

    Raises: BadCertificate.
    """
    names = read_certificate(certificate_in(certificate)).parsed.subject
    return ", ".join(one.rfc4514_string() for one in names.rdns)


def _checked_reference(info: Element) -> Element:
    if _algorithm(_only(info, "CanonicalizationMethod")) != _C14N:
        _refuse("The signature is canonicalised in a way that is not accepted.")
    if _algorithm(_only(info, "SignatureMethod")) != _RSA_SHA256:
        _refuse("The signature uses an algorithm that is not accepted.")
    reference = _only(info, "Reference")
    transforms = [_algorithm(one) for one in _only(reference, "Transforms").children()]
    if {name: value for _, name, value in reference.attributes}.get("URI") != "":
        _refuse("The signature is not about the whole document.")
    if transforms != [_ENVELOPED, _C14N] or _algorithm(_only(reference, "DigestMethod")) != _SHA256:
        _refuse("The signature transforms or digests the document in a way that is not accepted.")
    return reference


def _signer(signature: Element) -> tuple[Certificate, RSAPublicKey]:
    certificates = [one for one in _only(signature, "KeyInfo").walk() if one.name == "X509Certificate"]
    if not certificates:
        _refuse("The signer's certificate did not come with the document.")
    try:
        leaf = read_certificate(_octets(certificates[0]))
    except BadCertificate as error:
        raise SignatureRefused("The signer's certificate cannot be read.") from error
    if not is_strong(leaf.public_key) or not isinstance(leaf.public_key, RSAPublicKey):
        _refuse("The signer's key is not an RSA key of at least 2048 bits.")
    return leaf, leaf.public_key


def _check_trust(leaf: Certificate, trust: TrustContext, at: datetime) -> None:
    path = trust.path(leaf)
    if path is None:
        _refuse("The signer's certificate leads to no authority of this trust space.")
    found = validity(path, at)
    if found is CertificateState.VALID:
        found = trust.revocation(path, at)
    if found is not CertificateState.VALID:
        _refuse(f"The signer's certificate is {found.value}.")
    if not path_accepts(path, Usage.SIGN):
        _refuse("The signer's certificate is not meant for signing.")


def _refuse(sentence: str) -> NoReturn:
    raise SignatureRefused(sentence)


def _only(parent: Element, name: str) -> Element:
    found = parent.children(name)
    if len(found) != 1:
        _refuse(f"The signature does not hold exactly one {name}.")
    return found[0]


def _algorithm(element: Element) -> str:
    """What it names; nothing if it has parameters, which would have to be understood."""
    named = {name: value for prefix, name, value in element.attributes if not prefix}
    return "" if element.children() else named.get("Algorithm", "")


def _octets(element: Element) -> bytes:
    try:
        return base64.b64decode("".join(element.text.split()), validate=True)
    except (ValueError, binascii.Error) as error:
        raise SignatureRefused("The signature holds base64 that is none.") from error


# Canonical form  [Exclusive XML Canonicalization 1.0 §3]


def _canonical(root: Element) -> bytes:
    pieces: list[str] = []
    _write(root, {}, pieces)
    return "".join(pieces).encode()


def _write(element: Element, rendered: dict[str, str], pieces: list[str]) -> None:
    used = {element.prefix} | {prefix for prefix, _, _ in element.attributes if prefix not in ("", "xml")}
    declared = {prefix: element.scope.get(prefix, "") for prefix in used if prefix != "xml"}
    new = {prefix: uri for prefix, uri in declared.items() if rendered.get(prefix, "") != uri}
    name = _qualified(element.prefix, element.name)
    pieces.append(f"<{name}")
    for prefix, uri in sorted(new.items()):
        pieces.append(f' xmlns{":" if prefix else ""}{prefix}="{escape(uri, _VALUE)}"')
    ordered = sorted(element.attributes, key=lambda one: (element.scope.get(one[0], "") if one[0] else "", one[1]))
    for prefix, attribute, value in ordered:
        pieces.append(f' {_qualified(prefix, attribute)}="{_escaped_value(value)}"')
    pieces.append(">")
    for one in element.inside:
        if isinstance(one, str):
            pieces.append(escape(one, _TEXT))
        else:
            _write(one, {**rendered, **new}, pieces)
    pieces.append(f"</{name}>")


def _escaped_value(value: str) -> str:
    return escape(value, _VALUE).replace("&gt;", ">")  # the one sign that text and values treat differently


def _qualified(prefix: str, name: str) -> str:
    return f"{prefix}:{name}" if prefix else name


def _parsed(document: bytes) -> Element:
    """The root; comments are left out, as the canonical form leaves them out."""
    if len(document) > _MOST_OCTETS:
        _refuse("The document is larger than any that is signed.")
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.ordered_attributes = True
    parser.buffer_text = True
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.characters
    parser.StartDoctypeDeclHandler = reading.forbidden
    parser.ProcessingInstructionHandler = reading.forbidden
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, ValueError) as error:
        raise SignatureRefused("The document is not well-formed XML.", detail=str(error)) from error
    return reading.top.children()[0]


class _Reading:
    """Elements as the parser meets them."""

    def __init__(self) -> None:
        self.top = Element("", "", {"xml": "http://www.w3.org/XML/1998/namespace"}, [])
        self._open = [self.top]

    def start(self, name: str, pairs: list[str]) -> None:
        parent = self._open[-1]
        if len(self._open) > _DEEPEST:
            _refuse("The document is nested more deeply than any that is signed.")
        attributes = [(*_parted(key), value) for key, value in zip(pairs[::2], pairs[1::2], strict=True)]
        declared = {
            local if prefix else "": value
            for prefix, local, value in attributes
            if prefix == "xmlns" or (prefix, local) == ("", "xmlns")
        }
        scope = parent.scope | declared if declared else parent.scope
        if len(scope) > _MOST_PREFIXES:
            _refuse("The document declares more prefixes than any that is signed.")
        plain = [one for one in attributes if one[0] != "xmlns" and one[:2] != ("", "xmlns")]
        element = Element(*_parted(name), scope, plain)
        if any(prefix and prefix not in scope for prefix in (element.prefix, *(one[0] for one in plain))):
            _refuse("The document uses a prefix that it does not declare.")
        parent.inside.append(element)
        self._open.append(element)

    def end(self, _name: str) -> None:
        self._open.pop()

    def characters(self, text: str) -> None:
        self._open[-1].inside.append(text)

    def forbidden(self, *_: object) -> None:
        _refuse("The document holds a DTD or an instruction; a signed one has none.")


def _parted(name: str) -> tuple[str, str]:
    prefix, colon, local = name.partition(":")
    return (prefix, local) if colon else ("", name)
