"""Enveloped XML signatures: ours and xmlsec1's read each other, and whatever is forged or odd is refused."""

import base64
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.crypto.identity import BadCertificate
from mssante_sim.crypto.profiles import RECEIVING, SIGNING, SIGNING_P256
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.crypto.xmldsig import (
    SignatureRefused,
    _canonical,
    _parsed,
    sign_enveloped,
    subject_of,
    verify_enveloped,
)
from tests.crypto.conftest import ADDRESS, AT, Domain

LIST = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Liste xmlns="https://example.test/schema" version="1">'
    "<Date>2026-11-23</Date><Domaine><Nom>a.test</Nom><Note>é &amp; &lt;b&gt; &#13;</Note></Domaine></Liste>\n"
).encode()


@pytest.fixture(scope="module")
def signed(domain: Domain) -> bytes:
    return sign_enveloped(LIST, domain.signing)


def test_what_was_signed_is_proved_and_returned_without_the_signature(domain: Domain, signed: bytes) -> None:
    proved = verify_enveloped(signed, domain.trust(), at=AT)
    assert [one.name for one in proved.root.children()] == ["Date", "Domaine"]
    assert proved.root.children("Domaine")[0].children("Note")[0].text == "é & <b> \r"
    assert proved.signer.name == ADDRESS


def test_a_comment_neither_breaks_the_signature_nor_cuts_the_text_in_which_it_stands(
    domain: Domain, signed: bytes
) -> None:
    proved = verify_enveloped(signed.replace(b"a.test", b"a<!-- .evil -->.test"), domain.trust(), at=AT)
    assert proved.root.children("Domaine")[0].children("Nom")[0].text == "a.test"


def pem(der: bytes, label: str = "CERTIFICATE") -> bytes:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n".encode()


@pytest.fixture
def files(domain: Domain, tmp_path: Path) -> Path:
    (tmp_path / "ca.pem").write_bytes(pem(domain.root.identity.certificate))
    (tmp_path / "issuing.pem").write_bytes(pem(domain.issuing.identity.certificate))
    return tmp_path


def xmlsec1_verifies(folder: Path, document: bytes) -> bool:
    (folder / "list.xml").write_bytes(document)
    command = ["xmlsec1", "--verify", "--verification-gmt-time", f"{AT:%Y-%m-%d %H:%M:%S}", "--trusted-pem", "ca.pem",
               "--untrusted-pem", "issuing.pem", "--enabled-key-data", "x509", "list.xml"]  # fmt: skip
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


@pytest.mark.interop
def test_xmlsec1_verifies_ours_and_refuses_it_altered(files: Path, signed: bytes) -> None:
    assert xmlsec1_verifies(files, signed)
    assert not xmlsec1_verifies(files, signed.replace(b"a.test", b"b.test"))


ODD = b"""<!-- comment --><a:Liste xmlns:a="urn:a" xmlns:unused="urn:u" b:z="1" a="2" xmlns:b="urn:b"  a:a = '"&#9;x'>\
<a:Domaine><b:x xmlns:b='urn:other' xmlns=''/><!-- in --><y xmlns='urn:y'>\r\n<z xmlns=''/></y>\
<![CDATA[<&>]]></a:Domaine></a:Liste>"""
TEMPLATE = (
    b'<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>'
    b'<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>'
    b'<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><ds:Reference URI="">'
    b'<ds:Transforms>\n<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>'
    b'<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms>'
    b'<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference>'
    b"</ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:X509Data/></ds:KeyInfo></ds:Signature>"
)


@pytest.mark.interop
@pytest.mark.parametrize(
    "document",
    [
        LIST,
        ODD,
    ],
)
def test_we_verify_what_xmlsec1_signs(domain: Domain, files: Path, document: bytes) -> None:
    signing = domain.signing
    (files / "key.pem").write_bytes(pem(signing.key.reveal(), "PRIVATE KEY"))
    (files / "leaf.pem").write_bytes(pem(signing.certificate))
    before, slash, after = document.rpartition(b"</")
    (files / "template.xml").write_bytes(before + TEMPLATE + slash + after)
    subprocess.run(
        ["xmlsec1", "--sign", "--privkey-pem", "key.pem,leaf.pem", "--output", "signed.xml", "template.xml"],
        cwd=files, check=True, capture_output=True,
    )  # fmt: skip
    octets = (files / "signed.xml").read_bytes()
    assert verify_enveloped(octets, domain.trust(), at=AT).signer.name == ADDRESS
    with pytest.raises(SignatureRefused, match="altered"):
        verify_enveloped(octets.replace(b"Domaine>", b"Domaines>"), domain.trust(), at=AT)


def without(pattern: str) -> Callable[[bytes], bytes]:
    return lambda octets: re.sub(pattern.encode(), b"", octets, count=1)


def changed(old: str, new: str) -> Callable[[bytes], bytes]:
    return lambda octets: octets.replace(old.encode(), new.encode(), 1)


def wrapped(octets: bytes) -> bytes:
    """The signed list inside another one that says something else."""
    inner = octets.partition(b"\n")[2].strip()
    return b'<Liste xmlns="https://example.test/schema"><Domaine><Nom>evil.test</Nom></Domaine>' + inner + b"</Liste>"


def doubled(octets: bytes) -> bytes:
    signature = re.search(rb"<Signature .*</Signature>", octets)
    assert signature is not None
    return octets.replace(b"</Liste>", signature[0] + b"</Liste>")


def enveloping(octets: bytes) -> bytes:
    """Another list, whose signature holds the one that was signed."""
    signature = re.search(rb"<Signature .*</Signature>", octets)
    assert signature is not None
    inner = octets.replace(signature[0], b"").partition(b"\n")[2].strip()
    held = signature[0].replace(b"</Signature>", b"<Object>" + inner + b"</Object></Signature>")
    return b'<Liste xmlns="https://example.test/schema"><Domaine><Nom>evil.test</Nom></Domaine>' + held + b"</Liste>"


def twice(element: str) -> Callable[[bytes], bytes]:
    return lambda octets: re.sub(f"<{element}.*</{element}>".encode(), rb"\g<0>\g<0>", octets, count=1)


def other_value(octets: bytes) -> bytes:
    return re.sub(rb"<SignatureValue>....", b"<SignatureValue>AAAA", octets)


@pytest.mark.parametrize(
    ("forge", "word"),
    [
        (changed("a.test", "b.test"), "altered"),
        (changed('version="1"', 'version="2"'), "altered"),
        (changed("<Date>", "<Domaine/><Date>"), "altered"),
        (changed("<Date>", "<Date xmlns='urn:x'>"), "altered"),
        (other_value, "not by the certificate"),
        (changed("<DigestValue>", "<DigestValue> "), "not by the certificate"),
        (changed("rsa-sha256", "rsa-sha1"), "algorithm that is not accepted"),
        (changed("xmlenc#sha256", "xmlenc#sha512"), "not accepted"),
        (changed('URI=""', 'URI="#x"'), "not about the whole document"),
        (changed("#enveloped-signature", "#base64"), "not accepted"),
        (changed('xml-exc-c14n#"/><SignatureMethod', 'xml-c14n#"/><SignatureMethod'), "not accepted"),
        (without(r"<Transform Algorithm=.http://www.w3.org/2001/10/xml-exc-c14n#./>"), "not accepted"),
        (without(r"<Reference.*</Reference>"), "exactly one Reference"),
        (without(r"<X509Certificate>.*</X509Certificate>"), "did not come"),
        (without(r"<Signature .*</Signature>"), "exactly one signature"),
        (changed("<X509Certificate>", "<X509Certificate>AAAA"), "cannot be read"),
        (changed("<X509Certificate>", "<X509Certificate>*"), "base64"),
        (doubled, "exactly one signature"),
        (wrapped, "exactly one signature"),
        (enveloping, "altered"),
        (twice("Reference"), "exactly one Reference"),
        (twice("SignedInfo"), "exactly one SignedInfo"),
        (twice("SignatureValue"), "exactly one SignatureValue"),
        (changed('version="1"', 'version="1" Id="x"'), "altered"),
        (changed('enveloped-signature"/>', 'enveloped-signature"><XPath>1</XPath></Transform>'), "not accepted"),
        (changed("2000/09/xmldsig#enveloped-signature", "TR/1999/REC-xpath-19991116"), "not accepted"),
        (changed("rsa-sha256", "hmac-sha256"), "algorithm that is not accepted"),
        (changed("?>", '?><!DOCTYPE a [<!ENTITY b "c">]>'), "DTD"),
        (changed("?>", '?><!DOCTYPE Liste SYSTEM "file:///etc/hostname">'), "DTD"),
        (changed("?>", '?><!DOCTYPE a [<!ENTITY % b SYSTEM "http://127.0.0.1:1/"> %b;]>'), "DTD"),
        (changed("<Date>", "<?do it?><Date>"), "instruction"),
        (changed("<Date>", "<x:Date/><Date>"), "prefix"),
        (changed("</Liste>", ""), "well-formed"),
        (lambda _: b"", "well-formed"),
        (lambda _: b"\x00" * 100, "well-formed"),
        (lambda _: b"<a>" * 100 + b"</a>" * 100, "nested"),
        (lambda _: b"<a " + b" ".join(b"xmlns:p%d='u'" % n for n in range(40)) + b"/>", "more prefixes"),
        (lambda _: b"<a>" + b"x" * 17_000_000 + b"</a>", "larger"),
    ],
)
def test_whatever_is_forged_is_refused(
    domain: Domain, signed: bytes, forge: Callable[[bytes], bytes], word: str
) -> None:
    forged = forge(signed)
    assert forged != signed
    with pytest.raises(SignatureRefused, match=word):
        verify_enveloped(forged, domain.trust(), at=AT)


def test_the_signer_must_be_of_this_trust_space_valid_not_revoked_and_a_signer(
    domain: Domain, stranger: Domain, signed: bytes
) -> None:
    with pytest.raises(SignatureRefused, match="no authority"):
        verify_enveloped(signed, stranger.trust(), at=AT)
    late = AT + timedelta(days=4 * 365)
    with pytest.raises(SignatureRefused, match="expired"):
        verify_enveloped(signed, domain.trust(late), at=late)
    with pytest.raises(SignatureRefused, match="untrusted"):  # no fresh list
        verify_enveloped(signed, domain.trust(), at=AT + timedelta(days=60))
    receiving = sign_enveloped(LIST, domain.leaf(RECEIVING))
    with pytest.raises(SignatureRefused, match="not meant for signing"):
        verify_enveloped(receiving, domain.trust(), at=AT)
    leaf = domain.leaf(SIGNING)
    document = sign_enveloped(LIST, leaf)
    trust = domain.trust()
    serial = verify_enveloped(document, trust, at=AT).signer.serial
    roots = [domain.root.identity.certificate], [domain.issuing.identity.certificate]
    issuing = type(domain.issuing)(
        domain.issuing.identity, places=domain.issuing.places, parent=domain.root, crl=domain.issuing.crl(AT)
    )
    issuing.revoke(serial, at=AT)
    with pytest.raises(SignatureRefused, match="revoked"):
        verify_enveloped(document, TrustContext(*roots, [domain.root.crl(AT), issuing.crl(AT)]), at=AT)


def test_only_a_strong_rsa_key_signs_and_is_believed(domain: Domain, signed: bytes) -> None:
    curve = domain.leaf(SIGNING_P256)
    with pytest.raises(SignatureRefused, match="RSA"):
        sign_enveloped(LIST, curve)
    weak = domain.leaf(replace(SIGNING, key_bits=1024))
    own = base64.b64encode(domain.signing.certificate)
    for forged in (sign_enveloped(LIST, weak), signed.replace(own, base64.b64encode(curve.certificate))):
        with pytest.raises(SignatureRefused, match="2048 bits"):
            verify_enveloped(forged, domain.trust(), at=AT)


@given(st.binary(max_size=300))
def test_octets_are_read_or_refused_and_nothing_else(octets: bytes) -> None:
    try:
        root = _parsed(octets)
    except SignatureRefused:
        return
    assert _canonical(_parsed(_canonical(root))) == _canonical(root)


def test_canonical_form_by_the_published_rules() -> None:
    written = (
        b"<b:z xmlns:b='urn:b' xmlns='urn:d' xmlns:c='urn:c' c:n='1' z='2' a='&quot;&gt;&#10;'>"
        b"<x xmlns=''/>\r\n&gt;</b:z>"
    )
    assert _canonical(_parsed(written)) == (
        b'<b:z xmlns:b="urn:b" xmlns:c="urn:c" a="&quot;>&#xA;" z="2" c:n="1"><x></x>\n&gt;</b:z>'
    )


def test_a_subject_is_written_in_the_order_of_the_certificate(domain: Domain) -> None:
    text = "C=FR, ST=Ille-et-Vilaine (35), O=PHARMACIE FICTIVE DES LILAS, OU=1990000010, CN=" + ADDRESS
    assert subject_of(domain.signing.certificate) == subject_of(pem(domain.signing.certificate)) == text
    with pytest.raises(BadCertificate):
        subject_of(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
