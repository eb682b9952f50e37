"""The responder, asked by other people's programs and libraries; and what our own reader believes of answers."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from mssante_sim.crypto import der, revocation
from mssante_sim.crypto.algorithms import SHA_256
from mssante_sim.crypto.authority import revocations
from mssante_sim.crypto.identity import Identity, private_key, read_certificate
from mssante_sim.crypto.keys import new_key
from mssante_sim.crypto.ocsp import ANSWER_VALIDITY, MOST_REQUEST_OCTETS, Failure, Responder, failed, key_bits
from mssante_sim.crypto.profiles import OCSP_RESPONDER, RECEIVING, SIGNING, Subject
from mssante_sim.crypto.revocation import Word, answer_of, answers_nonce, ocsp_request
from mssante_sim.crypto.secret import Secret
from tests.crypto.conftest import AT, Domain, new_domain
from tests.crypto.mutants import Mutant, mutants
from tests.crypto.programs import pem, run

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def own() -> Domain:
    """A domain of our own: it revokes."""
    return new_domain(" OCSP")


@pytest.fixture(scope="module")
def delegated(own: Domain) -> Identity:
    return own.issuing.issue(OCSP_RESPONDER, Subject("SIMULATEUR OCSP", "FICTIF"), at=AT)


@pytest.fixture(scope="module")
def leaves(own: Domain) -> dict[str, Identity]:
    """Certificates of the domain, by what becomes of them."""
    made = {name: own.leaf(SIGNING) for name in ("good", "revoked", "held", "unspecified", "unknown")}
    serials = {name: serial_of(leaf) for name, leaf in made.items()}
    own.issuing.revoke(serials["revoked"], at=AT - DAY, reason="keyCompromise")
    own.issuing.revoke(serials["held"], at=AT - DAY, reason="certificateHold")
    own.issuing.revoke(serials["unspecified"], at=AT - DAY)
    return made


@pytest.fixture(scope="module")
def responder(own: Domain, delegated: Identity, leaves: dict[str, Identity]) -> Responder:
    known = {serial_of(leaf) for name, leaf in leaves.items() if name != "unknown"}
    return Responder(own.issuing.identity.certificate, delegated, known, revocations(own.issuing.crl(AT)))


def serial_of(identity: Identity) -> int:
    return read_certificate(identity.certificate).serial


def parsed(octets: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(octets)


def request(own: Domain, leaf: Identity, digest: HashAlgorithm | None = None, nonce: bytes | None = None) -> bytes:
    """As somebody else's library writes it."""
    issuer = parsed(own.issuing.identity.certificate)
    builder = ocsp.OCSPRequestBuilder().add_certificate(parsed(leaf.certificate), issuer, digest or SHA1())  # noqa: S303
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


STATES = {
    "good": (ocsp.OCSPCertStatus.GOOD, None),
    "revoked": (ocsp.OCSPCertStatus.REVOKED, x509.ReasonFlags.key_compromise),
    "held": (ocsp.OCSPCertStatus.REVOKED, x509.ReasonFlags.certificate_hold),
    "unspecified": (ocsp.OCSPCertStatus.REVOKED, None),
    "unknown": (ocsp.OCSPCertStatus.UNKNOWN, None),
}


@pytest.mark.parametrize("name", STATES)
def test_a_certificate_has_its_status_and_reason(
    own: Domain, responder: Responder, leaves: dict[str, Identity], name: str
) -> None:
    answer = ocsp.load_der_ocsp_response(responder.respond(request(own, leaves[name]), AT))
    assert answer.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL
    assert (answer.certificate_status, answer.revocation_reason) == STATES[name]
    assert answer.serial_number == serial_of(leaves[name])
    assert (answer.this_update_utc, answer.next_update_utc) == (AT, AT + ANSWER_VALIDITY)
    assert answer.produced_at_utc == AT
    if name == "revoked":
        assert answer.revocation_time_utc == AT - DAY
    parsed(responder.signer.certificate).verify_directly_issued_by(parsed(responder.issuer))
    assert answer.responder_key_hash == key_hash(responder.signer.certificate)


def key_hash(certificate: bytes) -> bytes:
    return x509.SubjectKeyIdentifier.from_public_key(parsed(certificate).public_key()).digest  # type: ignore[arg-type]


@pytest.mark.parametrize("length", [1, 16, 32, 128])
def test_a_nonce_comes_back(own: Domain, responder: Responder, leaves: dict[str, Identity], length: int) -> None:
    nonce = bytes(range(length))
    octets = responder.respond(request(own, leaves["good"], SHA256(), nonce), AT)
    answer = ocsp.load_der_ocsp_response(octets)
    assert answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce
    assert answers_nonce(octets, nonce)
    assert not answers_nonce(octets, nonce[:-1] + b"\xff")
    assert answers_nonce(responder.respond(request(own, leaves["good"]), AT), nonce)
    assert not answers_nonce(b"0", nonce)


def with_extension(certificate_request: bytes, extension: bytes) -> bytes:
    """The request with an extension of the request, encoded by hand."""
    (body,) = der.parse(certificate_request).children()
    (asked,) = body.children()
    return der.sequence(der.sequence(asked.octets, der.context(2, der.sequence(extension))))


NONCE = der.object_identifier("1.3.6.1.5.5.7.48.1.2")
STRANGE = der.object_identifier("1.2.250.1.213.99.1")
CRITICAL = der.tlv(0x01, b"\xff")
MALFORMED: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "no request": lambda _: der.sequence(der.integer(1)),
    "a request for nothing": lambda _: der.sequence(der.sequence(der.sequence())),
    "nothing but a version": lambda _: der.sequence(der.sequence(der.context(0, der.integer(0)))),
    "cut short": lambda good: good[:-1],
    "something behind": lambda good: good + b"\0",
    "too long": lambda good: good + bytes(MOST_REQUEST_OCTETS),
    "an empty nonce": lambda good: with_extension(good, der.sequence(NONCE, der.octet_string(der.octet_string(b"")))),
    "a nonce of 129 octets": lambda good: with_extension(
        good, der.sequence(NONCE, der.octet_string(der.octet_string(bytes(129))))
    ),
    "a critical extension": lambda good: with_extension(
        good, der.sequence(STRANGE, CRITICAL, der.octet_string(b"\x05\0"))
    ),
    "for too much": lambda good: der.sequence(
        der.sequence(der.sequence(*([bytes(der.parse(good).children()[0].children()[0].content)] * 33)))
    ),
}


@pytest.mark.parametrize("spoil", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_cannot_be_read_is_called_malformed(
    own: Domain, responder: Responder, leaves: dict[str, Identity], spoil: Callable[[bytes], bytes]
) -> None:
    answer = responder.respond(spoil(request(own, leaves["good"])), AT)
    assert ocsp.load_der_ocsp_response(answer).response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_another_extension_is_passed_over(own: Domain, responder: Responder, leaves: dict[str, Identity]) -> None:
    strange = der.sequence(STRANGE, der.octet_string(b"\x05\0"))
    answer = responder.respond(with_extension(request(own, leaves["good"]), strange), AT)
    assert ocsp.load_der_ocsp_response(answer).certificate_status is ocsp.OCSPCertStatus.GOOD


def test_a_certificate_of_another_authority_is_unknown(
    own: Domain, responder: Responder, leaves: dict[str, Identity], stranger: Domain
) -> None:
    issuer = parsed(stranger.issuing.identity.certificate)
    asked = ocsp.OCSPRequestBuilder().add_certificate(parsed(leaves["good"].certificate), issuer, SHA256())
    answer = ocsp.load_der_ocsp_response(responder.respond(asked.build().public_bytes(Encoding.DER), AT))
    assert answer.certificate_status is ocsp.OCSPCertStatus.UNKNOWN


def about(certificate_request: bytes, digest: bytes, *extensions: bytes) -> bytes:
    """The request with its certificate named by another digest, and extensions of that one question."""
    ((asked,),) = [one.children() for one in der.parse(certificate_request).children()]
    _, name, key, serial = asked.children()[0].children()[0].children()
    named = der.sequence(der.sequence(digest), name.octets, key.octets, serial.octets)
    more = [der.context(0, der.sequence(*extensions))] if extensions else []
    return der.sequence(der.sequence(der.sequence(der.sequence(named, *more))))


SHA1_NAME = der.object_identifier("1.3.14.3.2.26")
QUESTIONS = {
    "named by SHA-1": ((SHA1_NAME,), ocsp.OCSPCertStatus.GOOD),
    "with an extension": ((SHA1_NAME, der.sequence(STRANGE, der.octet_string(b"\5\0"))), ocsp.OCSPCertStatus.GOOD),
    "with a critical one": ((SHA1_NAME, der.sequence(STRANGE, CRITICAL, der.octet_string(b"\5\0"))), None),
    "named by a digest that nobody knows": ((STRANGE,), ocsp.OCSPCertStatus.UNKNOWN),
}


@pytest.mark.parametrize(("form", "status"), QUESTIONS.values(), ids=QUESTIONS.keys())
def test_a_question_may_have_other_forms(
    own: Domain, responder: Responder, leaves: dict[str, Identity], form: tuple[bytes, ...],
    status: ocsp.OCSPCertStatus | None,
) -> None:  # fmt: skip
    octets = responder.respond(about(request(own, leaves["good"]), *form), AT)
    if status is None:
        assert octets == failed(Failure.MALFORMED_REQUEST)
    elif status is ocsp.OCSPCertStatus.UNKNOWN:  # the library does not know the digest either
        assert der.tlv(0x82) + der.tlv(der.GENERALIZED_TIME, AT.strftime("%Y%m%d%H%M%SZ").encode()) in octets
    else:
        assert ocsp.load_der_ocsp_response(octets).certificate_status is status


# What our own reader believes

SHA256_RSA, SHA1_RSA = (der.object_identifier(f"1.2.840.113549.1.1.{last}") for last in (11, 5))


def by_library(
    responder: Responder,
    domain: Domain,
    asked: bytes,
    digest: HashAlgorithm = SHA_256.hash,
    *,
    until: datetime | None = AT + DAY,
) -> bytes:
    """Written by somebody else's library: signed by the authority, which is named by its subject."""
    issuer, serial = parsed(responder.issuer), ocsp.load_der_ocsp_request(asked).serial_number
    facts = read_certificate(responder.issuer)
    name, key = (hashlib.sha256(one).digest() for one in (facts.subject, key_bits(facts)))
    built = ocsp.OCSPResponseBuilder().add_response_by_hash(
        name, key, serial, SHA256(), ocsp.OCSPCertStatus.GOOD, AT, until, None, None
    )
    signed = built.responder_id(ocsp.OCSPResponderEncoding.NAME, issuer).sign(
        private_key(domain.issuing.identity), digest
    )
    return signed.public_bytes(Encoding.DER)


Answer = Callable[[Responder, Domain, bytes], bytes]
ANSWERS: dict[str, tuple[Answer, Word]] = {
    "its own": (lambda one, _, asked: one.respond(asked, AT), Word.GOOD),
    "by the authority itself": (
        lambda one, domain, asked: replace(one, signer=domain.issuing.identity).respond(asked, AT),
        Word.GOOD,
    ),
    "in its last second": (lambda one, _, asked: one.respond(asked, AT - ANSWER_VALIDITY + DAY / 86_400), Word.GOOD),
    "of a clock that is ahead": (lambda one, _, asked: one.respond(asked, AT + timedelta(minutes=4)), Word.GOOD),
    "that has run out": (lambda one, _, asked: one.respond(asked, AT - ANSWER_VALIDITY), Word.NOTHING),
    "of tomorrow": (lambda one, _, asked: one.respond(asked, AT + DAY), Word.NOTHING),
    "unknown": (lambda one, _, asked: replace(one, issued=frozenset()).respond(asked, AT), Word.NOTHING),
    "forged": (
        lambda one, _, asked: replace(one, signer=Identity(one.signer.certificate, new_key(2048))).respond(asked, AT),
        Word.NOTHING,
    ),
    "by a mailbox": (lambda one, domain, asked: replace(one, signer=domain.signing).respond(asked, AT), Word.NOTHING),
    "by a responder that must be checked itself": (
        lambda one, domain, asked: replace(one, signer=delegate(domain, no_check=False)).respond(asked, AT),
        Word.NOTHING,
    ),
    "by a responder whose time is over": (
        lambda one, domain, asked: replace(one, signer=delegate(domain, validity=DAY, at=AT - 9 * DAY)).respond(
            asked, AT
        ),
        Word.NOTHING,
    ),
    "by another space's responder": (
        lambda one, _, asked: replace(one, signer=delegate(new_domain(" OCSP"))).respond(asked, AT),
        Word.NOTHING,
    ),
    "about a namesake of another authority": (
        lambda one, domain, asked: replace(
            one, issuer=domain.root.identity.certificate, signer=domain.issuing.identity
        ).respond(request_of(domain.root.identity.certificate, domain, asked), AT),
        Word.NOTHING,
    ),
    "with a key that is weak": (
        lambda one, domain, asked: replace(one, signer=delegate(domain, key=new_key(1024))).respond(asked, AT),
        Word.NOTHING,
    ),
    "try later": (lambda *_: failed(Failure.TRY_LATER), Word.NOTHING),
    "no answer at all": (lambda *_: b"<html>", Word.NOTHING),
    "about another": (
        lambda one, domain, _: replace(one, issued={*one.issued, serial_of(domain.receiving)}).respond(
            request(domain, domain.receiving), AT
        ),
        Word.NOTHING,
    ),
    "by a certificate for something else": (
        lambda one, domain, asked: replace(one, signer=delegate(domain, purposes=SIGNING.purposes)).respond(asked, AT),
        Word.NOTHING,
    ),
    "named by its subject": (by_library, Word.GOOD),
    "with SHA-384": (lambda one, domain, asked: by_library(one, domain, asked, SHA384()), Word.GOOD),
    "with SHA-1": (lambda *given: by_library(*given).replace(SHA256_RSA, SHA1_RSA), Word.NOTHING),
    "without an end": (lambda one, domain, asked: by_library(one, domain, asked, until=None), Word.NOTHING),
}


def delegate(domain: Domain, *, at: datetime = AT, key: Secret[bytes] | None = None, **changes: Any) -> Identity:
    profile = replace(OCSP_RESPONDER, **changes)
    return domain.issuing.issue(profile, Subject("SIMULATEUR OCSP", "FICTIF"), at=at, key=key)


def request_of(issuer: bytes, domain: Domain, asked: bytes) -> bytes:
    """A question about the same serial number under `issuer`."""
    serial = ocsp.load_der_ocsp_request(asked).serial_number
    facts = read_certificate(issuer)
    hashes = (hashlib.sha256(octets).digest() for octets in (facts.subject, key_bits(facts)))
    name, key = map(der.octet_string, hashes)
    named = der.sequence(der.sequence(SHA_256.oid), name, key, der.integer(serial))
    return der.sequence(der.sequence(der.sequence(der.sequence(named))))


@pytest.mark.parametrize(("answer", "word"), ANSWERS.values(), ids=ANSWERS.keys())
def test_only_a_fresh_answer_of_who_may_speak_counts(
    own: Domain, responder: Responder, leaves: dict[str, Identity], answer: Answer, word: Word
) -> None:
    leaf, issuer = (read_certificate(one) for one in (leaves["good"].certificate, responder.issuer))
    assert answer_of(answer(responder, own, ocsp_request(leaf, issuer)), leaf, issuer, AT) is word


def test_revoked_is_believed_too(responder: Responder, leaves: dict[str, Identity]) -> None:
    leaf, issuer = (read_certificate(one) for one in (leaves["revoked"].certificate, responder.issuer))
    assert answer_of(responder.respond(ocsp_request(leaf, issuer), AT), leaf, issuer, AT) is Word.REVOKED


OF_ANSWERS = ("answer_of", "_is_about", "_signer", "_is_named", "_is_delegated", "_is_signed")
CHECKS = {str(one): one for one in mutants(revocation) if one.function.name in OF_ANSWERS}
NOT_SHOWN = {
    "revocation.answer_of without if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL": (
        "the library gives nothing else of such an answer"
    ),
    "revocation.answer_of without signer is None": "no key is no strong key",
    "revocation._signer without _is_named(response, one)": "then the first that may sign is asked, and did not",
    "revocation._is_signed without algorithm is not None": "the library signs no answer without a digest",
}


@pytest.fixture(scope="module")
def given(own: Domain, responder: Responder, leaves: dict[str, Identity]) -> list[tuple[bytes, Word]]:
    asked = ocsp_request(read_certificate(leaves["good"].certificate), read_certificate(responder.issuer))
    return [(answer(responder, own, asked), word) for answer, word in ANSWERS.values()]


@pytest.mark.parametrize("mutant", [one for name, one in CHECKS.items() if name not in NOT_SHOWN], ids=str)
def test_without_a_check_some_answer_is_believed_or_a_good_one_is_not(
    mutant: Mutant, responder: Responder, leaves: dict[str, Identity], given: list[tuple[bytes, Word]]
) -> None:
    leaf, issuer = (read_certificate(one) for one in (leaves["good"].certificate, responder.issuer))
    wrong = 0
    with mutant.alive():
        for octets, word in given:
            try:
                wrong += answer_of(octets, leaf, issuer, AT) is not word
            except (AttributeError, TypeError):  # what the check had kept away
                wrong += 1
    assert wrong
    assert NOT_SHOWN.keys() <= CHECKS.keys()


# Other people's programs


@pytest.mark.interop
def test_openssl_asks_about_several_at_once_and_believes_the_answers(
    own: Domain, responder: Responder, leaves: dict[str, Identity], tmp_path: Path
) -> None:
    """It has a clock of its own, so the answers are those of the year in which its certificates are good."""
    (tmp_path / "ca.pem").write_bytes(pem(own.root.identity.certificate) + pem(responder.issuer))
    (tmp_path / "issuer.pem").write_bytes(pem(responder.issuer))
    asked: list[str | Path] = ["-no_nonce", "-issuer", tmp_path / "issuer.pem"]
    for name in ("good", "revoked", "unknown"):
        (tmp_path / f"{name}.pem").write_bytes(pem(leaves[name].certificate))
        asked += ["-cert", tmp_path / f"{name}.pem"]
    run("openssl", "ocsp", *asked, "-reqout", tmp_path / "request.der")
    (tmp_path / "answer.der").write_bytes(responder.respond((tmp_path / "request.der").read_bytes(), AT))
    at = ("-attime", str(int(AT.timestamp())), "-validity_period", str(100 * 365 * 86_400))
    said = run(
        "openssl", "ocsp", *asked, "-respin", tmp_path / "answer.der",
        "-CAfile", tmp_path / "ca.pem", *at,
    ).decode()  # fmt: skip
    assert {name: said.partition(f"{name}.pem: ")[2].split("\n")[0] for name in ("good", "revoked", "unknown")} == {
        "good": "good", "revoked": "revoked", "unknown": "unknown",
    }  # fmt: skip
    assert "Reason: keyCompromise" in said


def test_the_library_finds_the_hashes_that_we_wrote(own: Domain, leaves: dict[str, Identity]) -> None:
    issuer = read_certificate(own.issuing.identity.certificate)
    asked = ocsp.load_der_ocsp_request(ocsp_request(read_certificate(leaves["good"].certificate), issuer, b"n" * 32))
    assert asked.issuer_name_hash == hashlib.sha256(issuer.subject).digest()
    assert asked.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"n" * 32
    assert read_certificate(own.leaf(RECEIVING).certificate).issuer == issuer.subject
