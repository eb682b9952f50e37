"""What is sealed, for whom, and what stays outside: proved with our own reader and with `openssl cms`."""

import dataclasses
import pickle
import subprocess
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mssante_sim.crypto import smime
from mssante_sim.crypto.authority import Authority
from mssante_sim.crypto.identity import Identity, read_certificate
from mssante_sim.crypto.keys import new_key
from mssante_sim.crypto.profiles import RECEIVING, ROOT, SIGNING, Subject
from mssante_sim.message.headers import fields, header_end
from mssante_sim.message.parts import decoded, parse
from mssante_sim.smtp.sealing import Recipient, SealedBody, SealingRefused, SealJob, seal

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PATIENT = "patient@patient.mssante.test"
PHARMACY, OTHER, HIDDEN, HIDDEN_TOO = (
    f"{name}@officine.mssante.test" for name in ("lilas", "tilleul", "cache", "secret")
)


@dataclasses.dataclass(frozen=True)
class World:
    root: bytes
    signer: Identity
    receiving: dict[str, Identity]

    def recipient(self, address: str) -> Recipient:
        return Recipient(address, self.receiving[address].certificate)

    def job(self, octets: bytes, *recipients: Recipient, **changes) -> SealJob:
        job = SealJob(
            octets,
            recipients or (self.recipient(PHARMACY),),
            at=AT,
            date="Mon, 23 Nov 2026 09:00:00 +0000",
            message_id="<made@simulator>",
            signer=self.signer,
            sender_certificate=self.receiving[PATIENT].certificate,
        )
        return dataclasses.replace(job, **changes)

    def opened(self, form: SealedBody, address: str) -> bytes:
        return smime.decrypt(form.octets, [self.receiving[address]])

    def signed_part(self, form: SealedBody, address: str) -> bytes:
        return smime.signature_of(self.opened(form, address)).content

    def can_open(self, form: SealedBody) -> set[str]:
        named = smime.recipients_of(form.octets)
        return {
            address
            for address, own in self.receiving.items()
            if any(one.names(read_certificate(own.certificate)) for one in named)
        }


@pytest.fixture(scope="module")
def world() -> World:
    root = Authority.create(ROOT, "Sealing tests", at=AT, key=new_key(2048))

    def issue(profile, address: str) -> Identity:
        return root.issue(profile, Subject(address, "TEST"), at=AT, names=(address,))

    addresses = (PATIENT, PHARMACY, OTHER, HIDDEN, HIDDEN_TOO)
    return World(
        root.identity.certificate,
        issue(SIGNING, PATIENT),
        {address: issue(RECEIVING, address) for address in addresses},
    )


FIELDS = f"From: Patient <{PATIENT}>\r\nTo: Lilas <{PHARMACY}>\r\nSubject: Ordonnance\r\n".encode()
STAMPED = b"Date: Mon, 23 Nov 2026 08:59:00 +0000\r\nMessage-ID: <own@client>\r\n"
PLAIN_TYPE = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
PDF = (
    b'Content-Type: multipart/mixed;\r\n boundary="b"\r\n\r\npreamble\r\n--b\r\n\r\nBonjour\r\n--b\r\n'
    b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQ=\r\n--b--\r\nepilogue"
)

ENTITIES = {
    "plain text": PLAIN_TYPE + b"\r\nBonjour\r\n",
    "multipart with a PDF": PDF,
    "dots at line starts": PLAIN_TYPE + b"\r\n.\r\n..\r\n.x\r\n",
    "blanks at line ends": PLAIN_TYPE + b"\r\na \t\r\n  \r\nb \r\n",
    "8bit": PLAIN_TYPE + "\r\nà la pharmacie\r\n".encode() + bytes(range(0x80, 0x100)) + b"\r\n",
    "lines of 998 octets": PLAIN_TYPE + b"\r\n" + (b"x" * 998 + b"\r\n") * 3,
    "no final line end": PLAIN_TYPE + b"\r\nlast line",
    "empty lines at the end": PLAIN_TYPE + b"\r\nx\r\n\r\n\r\n",
    "empty body": PLAIN_TYPE + b"\r\n",
    "folded Content-* fields of any case": (
        b"CONTENT-type:text/plain;\r\n\tcharset=us-ascii\r\ncontent-Language: fr\r\n\r\nx\r\n"
    ),
    "what looks like a boundary": PLAIN_TYPE + b"\r\n--b\r\n\r\n--b--\r\n",
}
UNTYPED = b"\r\nBonjour\r\n"


def message(entity: bytes, more: bytes = b"") -> bytes:
    return FIELDS + STAMPED + more + b"MIME-Version: 1.0\r\n" + entity


def outer_fields(octets: bytes) -> list[bytes]:
    return [octets[one.start : one.end] for one in fields(octets)]


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=ENTITIES)
def test_the_received_entity_is_signed_and_encrypted_octet_for_octet(world: World, entity: bytes) -> None:
    (form,) = seal(world.job(message(entity)))
    assert world.signed_part(form, PHARMACY) == entity
    assert world.signed_part(form, PATIENT) == entity


def test_an_entity_without_a_type_says_aloud_that_it_is_us_ascii_text(world: World) -> None:
    (form,) = seal(world.job(FIELDS + STAMPED + UNTYPED))
    assert world.signed_part(form, PHARMACY) == b"Content-Type: text/plain; charset=us-ascii\r\n" + UNTYPED


def test_every_other_field_stays_outside_in_order_and_mime_version_is_written_anew(world: World) -> None:
    more = b"X-Folded: one\r\n two\r\nX-8bit: \xc3\xa9\r\nx-Folded: again\r\n"
    (form,) = seal(world.job(message(ENTITIES["plain text"], more)))
    outside = outer_fields(form.octets)
    assert b"".join(outside).startswith(
        FIELDS + STAMPED + more + b"MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime"
    )
    assert [line for line in outside if line.lower().startswith(b"mime-version")] == [b"MIME-Version: 1.0\r\n"]
    assert b"charset" not in b"".join(outside)


def test_fields_that_go_inside_are_found_wherever_they_stand(world: World) -> None:
    octets = b"Content-Language: fr\r\n" + FIELDS + b"Content-Type: text/plain\r\n" + STAMPED + b"\r\nx\r\n"
    (form,) = seal(world.job(octets))
    assert world.signed_part(form, PHARMACY) == b"Content-Language: fr\r\nContent-Type: text/plain\r\n\r\nx\r\n"
    assert b"".join(outer_fields(form.octets)).startswith(FIELDS + STAMPED)


def test_a_message_without_date_and_message_id_gets_them(world: World) -> None:
    (sealed, plain) = seal(
        world.job(FIELDS + ENTITIES["plain text"], world.recipient(PHARMACY), Recipient(OTHER, None))
    )
    for form in (sealed, plain):
        names = [one.name for one in fields(form.octets)]
        assert (names.count("date"), names.count("message-id")) == (1, 1)
        assert b"Message-ID: <made@simulator>\r\n" in outer_fields(form.octets)


def test_a_message_with_date_and_message_id_keeps_its_own(world: World) -> None:
    (form,) = seal(world.job(message(ENTITIES["plain text"])))
    assert b"made@simulator" not in form.octets
    assert b"Message-ID: <own@client>\r\n" in outer_fields(form.octets)


def test_to_cc_and_sender_share_one_envelope(world: World) -> None:
    octets = message(ENTITIES["plain text"], f"Cc: {OTHER.upper()}\r\n".encode())
    (form,) = seal(world.job(octets, world.recipient(PHARMACY), world.recipient(OTHER), file_sent=True))
    assert form.recipients == (PHARMACY, OTHER)
    assert form.for_sender
    assert world.can_open(form) == {PATIENT, PHARMACY, OTHER}


def test_each_bcc_recipient_has_an_envelope_that_no_other_knows_of(world: World) -> None:
    octets = message(
        ENTITIES["plain text"], f"Bcc: {HIDDEN},\r\n {HIDDEN_TOO}\r\nbCC : x@y\r\nResent-Bcc: {HIDDEN}\r\n".encode()
    )
    recipients = [world.recipient(address) for address in (HIDDEN, PHARMACY, HIDDEN_TOO)]
    forms = seal(world.job(octets, *recipients, file_sent=True))
    assert [(form.recipients, form.for_sender) for form in forms] == [
        ((PHARMACY,), True), ((HIDDEN,), False), ((HIDDEN_TOO,), False)
    ]  # fmt: skip
    assert [world.can_open(form) for form in forms] == [{PHARMACY, PATIENT}, {HIDDEN}, {HIDDEN_TOO}]
    for form in forms:
        opened = world.opened(form, form.recipients[0])
        for address in (HIDDEN, HIDDEN_TOO):
            certificate = read_certificate(world.receiving[address].certificate)
            assert address.encode() not in form.octets + opened
            if form.recipients != (address,):
                body = decoded(form.octets, parse(form.octets))
                assert certificate.issuer_and_serial not in body
        assert "bcc" not in {one.name for one in fields(form.octets)}


def test_sealing_off_delivers_what_came_without_bcc(world: World) -> None:
    octets = message(PDF, f"Bcc: {HIDDEN}\r\n".encode())
    (form,) = seal(world.job(octets, Recipient(PHARMACY, None), Recipient(HIDDEN, None), sender_certificate=None))
    assert form == SealedBody(message(PDF), (PHARMACY, HIDDEN), False)


def test_each_mailbox_has_its_own_setting(world: World) -> None:
    forms = seal(
        world.job(
            message(PDF), world.recipient(PHARMACY), Recipient(OTHER, None), file_sent=True, sender_certificate=None
        )
    )
    assert [(form.recipients, form.for_sender) for form in forms] == [((PHARMACY,), False), ((OTHER,), True)]
    assert world.can_open(forms[0]) == {PHARMACY}
    assert forms[1].octets == message(PDF)


def test_the_sent_copy_is_sealed_when_only_bcc_recipients_are(world: World) -> None:
    forms = seal(world.job(message(PDF), world.recipient(HIDDEN), file_sent=True))
    assert [(form.recipients, form.for_sender, world.can_open(form)) for form in forms] == [
        ((), True, {PATIENT}), ((HIDDEN,), False, {HIDDEN})
    ]  # fmt: skip


@pytest.mark.parametrize("own", [True, False], ids=["sender sealed", "sender in clear"])
def test_no_copy_is_kept_that_nobody_asked_for(world: World, own: bool) -> None:
    forms = seal(world.job(message(PDF), world.recipient(HIDDEN), **({} if own else {"sender_certificate": None})))
    assert [(form.recipients, form.for_sender) for form in forms] == [((HIDDEN,), False)]


def test_a_sender_with_sealing_off_keeps_a_plain_copy(world: World) -> None:
    sealed, plain = seal(world.job(message(PDF), file_sent=True, sender_certificate=None))
    assert (sealed.recipients, sealed.for_sender) == ((PHARMACY,), False)
    assert plain == SealedBody(message(PDF), (), True)


def test_a_header_that_nothing_follows_ends_before_what_is_added(world: World) -> None:
    (form,) = seal(world.job(FIELDS + b"X-Last: word"))
    assert b"X-Last: word\r\n" in outer_fields(form.octets)
    assert world.signed_part(form, PHARMACY).endswith(b"us-ascii\r\n\r\n")


def test_another_operator_s_message_is_encrypted_and_not_signed(world: World) -> None:
    (form,) = seal(world.job(message(PDF), signer=None, sender_certificate=None))
    assert world.opened(form, PHARMACY) == PDF
    assert world.can_open(form) == {PHARMACY}


def test_a_signed_message_is_only_enveloped(world: World) -> None:
    signed = smime.sign(ENTITIES["plain text"], world.signer, at=AT)
    (form,) = seal(world.job(message(signed)))
    assert world.opened(form, PHARMACY) == signed


def enveloped_for(world: World, *addresses: str) -> bytes:
    return smime.envelop(ENTITIES["plain text"], [world.receiving[address].certificate for address in addresses])


def test_an_enveloped_message_passes_untouched_if_all_can_open_it(world: World) -> None:
    octets = message(enveloped_for(world, PHARMACY, OTHER))
    bcc = f"Bcc: {OTHER}\r\n".encode()
    recipients = world.recipient(PHARMACY), world.recipient(OTHER)
    forms = seal(world.job(bcc + octets, *recipients, file_sent=True, confidential_subject=True))
    assert forms == (SealedBody(octets, (PHARMACY, OTHER), True),)


@pytest.mark.parametrize("body", ["for another", "garbage"])
def test_an_enveloped_message_that_a_recipient_cannot_open_is_refused(world: World, body: str) -> None:
    entity = enveloped_for(world, OTHER)
    if body == "garbage":
        entity = entity[: header_end(entity)] + b"AAAA\r\n"
    with pytest.raises(SealingRefused) as refused:
        seal(world.job(message(entity), world.recipient(OTHER), world.recipient(PHARMACY)))
    assert refused.value.word == "not-encrypted-for-recipient"


@pytest.mark.parametrize("entity", [ENTITIES["plain text"], "enveloped"], ids=["plain", "enveloped"])
def test_an_unusable_certificate_is_refused_by_a_word(world: World, entity: bytes | str) -> None:
    octets = message(enveloped_for(world, PHARMACY) if isinstance(entity, str) else entity)
    with pytest.raises(SealingRefused) as refused:
        seal(world.job(octets, Recipient(PHARMACY, b"no certificate")))
    assert refused.value.word == "certificate-wrong-usage"


def test_a_bare_line_feed_is_never_signed(world: World) -> None:
    with pytest.raises(SealingRefused) as refused:
        seal(world.job(message(PLAIN_TYPE + b"\r\nbare\nline\r\n")))
    assert refused.value.word == "bare-newline"


def test_the_signature_carries_the_certificate_to_answer_to(world: World) -> None:
    (form,) = seal(world.job(message(PDF)))
    signature = smime.signature_of(world.opened(form, PHARMACY)).cms
    assert world.signer.certificate in signature
    assert world.receiving[PATIENT].certificate in signature


class TestConfidentialSubject:
    def sealed(self, world: World, entity: bytes = ENTITIES["plain text"], more: bytes = b"") -> SealedBody:
        (form,) = seal(world.job(message(entity, more), confidential_subject=True))
        return form

    def test_the_subject_is_hidden_outside_and_kept_inside(self, world: World) -> None:
        form = self.sealed(world)
        assert b"Subject: [...]\r\n" in outer_fields(form.octets)
        assert b"Ordonnance" not in form.octets
        inner = world.signed_part(form, PHARMACY)
        assert b"Subject: Ordonnance\r\n" in outer_fields(inner)

    def test_the_payload_tells_what_is_seen_outside(self, world: World) -> None:
        form = self.sealed(
            world,
            more=b"X-Long: one\r\n two\r\nReceived: by x\r\nReturn-Path: <c@d>\r\nBcc: x@y\r\nHP-Outer: forged\r\n",
        )
        inner = outer_fields(world.signed_part(form, PHARMACY))
        seen = [line.removeprefix(b"HP-Outer: ") for line in inner if line.startswith(b"HP-Outer: ")]
        outside = outer_fields(form.octets)
        carried = (b"Content-", b"MIME-Version", b"Received", b"Return-Path", b"HP-Outer")
        assert seen == [line for line in outside if not line.startswith(carried)]
        assert FIELDS in b"".join(inner)
        assert not any(line.startswith((b"Received", b"Return-Path", b"Bcc")) for line in inner)

    def test_the_type_is_marked_and_the_body_is_untouched(self, world: World) -> None:
        inner = world.signed_part(self.sealed(world, PDF), PHARMACY)
        root = parse(inner)
        assert (root.params.get("hp"), root.params.get("boundary")) == ("cipher", "b")
        assert inner[root.body_start :] == PDF[header_end(PDF) :]

    def test_a_message_without_a_type_is_marked_too(self, world: World) -> None:
        (form,) = seal(world.job(FIELDS + UNTYPED, confidential_subject=True))
        inner = world.signed_part(form, PHARMACY)
        assert parse(inner).params.get("hp") == "cipher"
        assert b"Message-ID: <made@simulator>\r\n" in outer_fields(inner)

    def test_a_message_its_writer_has_protected_keeps_its_subject(self, world: World) -> None:
        form = self.sealed(world, b'Content-Type: text/plain; hp="clear"\r\n\r\nx\r\n')
        assert b"Subject: Ordonnance\r\n" in outer_fields(form.octets)

    def test_a_message_its_writer_has_signed_keeps_its_subject(self, world: World) -> None:
        form = self.sealed(world, smime.sign(PDF, world.signer, at=AT))
        assert b"Subject: Ordonnance\r\n" in outer_fields(form.octets)


def test_a_job_its_result_and_its_refusal_travel_between_processes(world: World) -> None:
    job = pickle.loads(pickle.dumps(world.job(message(PDF))))  # noqa: S301  (our own octets)
    (form,) = seal(job)
    assert pickle.loads(pickle.dumps(form)) == form  # noqa: S301
    assert pickle.loads(pickle.dumps(SealingRefused("x", detail="y"))).word == "x"  # noqa: S301


def test_nothing_of_the_content_shows_in_the_repr(world: World) -> None:
    job = world.job(message(PLAIN_TYPE + b"\r\nsecretmarker\r\n"))
    assert "secretmarker" not in repr(job) + repr(seal(dataclasses.replace(job, recipients=(Recipient(OTHER, None),))))


def test_sealing_needs_less_than_five_times_the_message(world: World) -> None:
    octets = message(PLAIN_TYPE + b"\r\n" + b"x" * 76 + b"\r\n" + (b"y" * 76 + b"\r\n") * 100_000)
    job = world.job(octets)
    tracemalloc.start()
    try:
        seal(job)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak + len(octets) < 5 * len(octets)


# openssl ---------------------------------------------------------------------------------------------


def pem(world: World, folder: Path) -> tuple[Path, Path, Path]:
    """Root, receiving certificate and key of the pharmacy as PEM files."""
    own = world.receiving[PHARMACY]
    files = []
    for name, kind, octets in [
        ("root", "x509", world.root), ("certificate", "x509", own.certificate), ("key", "pkey", own.key.reveal())
    ]:  # fmt: skip
        path = folder / f"{name}.pem"
        subprocess.run(["openssl", kind, "-inform", "DER", "-out", path], input=octets, check=True, capture_output=True)
        files.append(path)
    return tuple(files)


def verified_by_openssl(signed: bytes, root: Path) -> subprocess.CompletedProcess:
    """Without -binary, for its reader drops every CR and puts it back before it looks at the signature."""
    command = [
        "openssl",
        "cms",
        "-verify",
        "-CAfile",
        root,
        "-attime",
        str(int(AT.timestamp())),
        "-purpose",
        "smimesign",
    ]
    return subprocess.run(command, input=signed, check=False, capture_output=True)


@pytest.mark.interop
@pytest.mark.parametrize("entity", ENTITIES.values(), ids=ENTITIES)
def test_openssl_decrypts_and_verifies_the_exact_entity(world: World, entity: bytes, tmp_path: Path) -> None:
    root, certificate, key = pem(world, tmp_path)
    (form,) = seal(world.job(message(entity)))
    opened = subprocess.run(
        ["openssl", "cms", "-decrypt", "-recip", certificate, "-inkey", key],
        input=form.octets, check=True, capture_output=True,
    ).stdout  # fmt: skip
    assert opened == world.opened(form, PHARMACY)
    verified = verified_by_openssl(opened, root)
    assert verified.returncode == 0
    assert verified.stdout == entity
    assert b"success" in verified.stderr.lower()


@pytest.mark.interop
def test_openssl_sees_an_altered_octet(world: World, tmp_path: Path) -> None:
    root, _, _ = pem(world, tmp_path)
    (form,) = seal(world.job(message(ENTITIES["plain text"])))
    altered = world.opened(form, PHARMACY).replace(b"Bonjour", b"Bonsoir")
    verified = verified_by_openssl(altered, root)
    assert verified.returncode == 4


@pytest.mark.interop
def test_openssl_cannot_open_the_envelope_of_to_with_the_key_of_a_bcc_recipient(world: World, tmp_path: Path) -> None:
    _, certificate, key = pem(world, tmp_path)
    recipients = Recipient(HIDDEN, world.receiving[PHARMACY].certificate), world.recipient(OTHER)
    to_form, bcc_form = seal(world.job(message(PDF).replace(PHARMACY.encode(), OTHER.encode()), *recipients))
    command = ["openssl", "cms", "-decrypt", "-recip", certificate, "-inkey", key]
    assert subprocess.run(command, input=bcc_form.octets, check=False, capture_output=True).returncode == 0
    assert subprocess.run(command, input=to_form.octets, check=False, capture_output=True).returncode != 0
