"""A sealed message made readable: what is inside, who is proved to have signed it, and when that held."""

from datetime import timedelta

import pytest

from mssante_sim.crypto.smime import envelop, sign
from mssante_sim.crypto.unsealing import Unreadable, opened, unseal
from mssante_sim.message.contents import files_of, text_of
from mssante_sim.message.parts import parse
from tests.crypto.conftest import ADDRESS, AT, Domain
from tests.crypto.forgery import ENTITY

HEAD = f"From: <{ADDRESS}>\r\nMIME-Version: 1.0\r\n".encode()


def test_what_was_signed_and_encrypted_is_opened_and_proved(domain: Domain) -> None:
    signed = sign(ENTITY, domain.signing, at=AT)
    sealed = HEAD + envelop(signed, [domain.receiving.certificate])
    read = unseal(sealed, [domain.other, domain.receiving], domain.trust(), at=(AT,))
    assert (read.entity, read.content, read.encrypted) == (signed, ENTITY, True)
    assert (read.signer, read.doubt, read.proved_at) == (ADDRESS, None, AT)


def test_without_a_key_that_fits_it_is_unreadable(domain: Domain) -> None:
    sealed = HEAD + envelop(ENTITY, [domain.receiving.certificate])
    with pytest.raises(Unreadable) as caught:
        opened(sealed, [domain.other])
    assert caught.value.french


def test_what_is_in_clear_is_itself(domain: Domain) -> None:
    message = HEAD + ENTITY
    read = unseal(message, [], domain.trust(), at=(AT,))
    assert (read.entity, read.content, read.encrypted, read.signer, read.doubt) == (message, message, False, None, None)


def test_a_certificate_that_is_over_is_looked_at_as_of_an_earlier_instant(domain: Domain) -> None:
    message = HEAD + sign(ENTITY, domain.signing, at=AT)
    late = AT + timedelta(days=4_000)
    assert unseal(message, [], domain.trust(), at=(late, AT)).proved_at == AT
    doubtful = unseal(message, [], domain.trust(), at=(late,))
    assert (doubtful.signer, doubtful.proved_at, doubtful.content) == (None, None, message)
    assert doubtful.doubt


def test_an_altered_text_is_a_doubt_at_every_instant(domain: Domain) -> None:
    message = HEAD + sign(ENTITY, domain.signing, at=AT)
    at_end = message.index(ENTITY) + len(ENTITY) - 1
    altered = message[: at_end - 3] + b"\x21" + message[at_end - 2 :]
    read = unseal(altered, [], domain.trust(), at=(AT, AT))
    assert read.signer is None
    assert read.doubt


def test_files_and_text_of_a_message_are_what_a_person_finds() -> None:
    message = (
        b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nContent-Type: text/plain; charset=utf-8\r\n'
        b"Content-Disposition: attachment; filename=a.txt\r\n\r\nfile\r\n"
        b"--x\r\nContent-Type: text/plain\r\n\r\ntext\r\n"
        b'--x\r\nContent-Type: application/pkcs7-signature; name="smime.p7s"\r\n\r\nMII\r\n--x--\r\n'
    )
    root = parse(message)
    assert [part.filename for part in files_of(root)] == ["a.txt"]
    assert text_of(message, root) == "text"
    assert text_of(ENTITY, parse(b"Content-Type: application/pdf\r\n\r\n")) == ""
