"""A sealed message made readable: what is inside, who is proved to have signed it, and when that held."""

from datetime import timedelta

import pytest

from mssante_sim.crypto.broken.forging import Forgery
from mssante_sim.crypto.profiles import SIGNING
from mssante_sim.crypto.smime import envelop, sign, wrap_opaque
from mssante_sim.crypto.unsealing import Unreadable, opened, unseal
from mssante_sim.message.contents import files_of, text_of
from mssante_sim.message.parts import parse
from tests.crypto.conftest import ADDRESS, AT, Domain
from tests.crypto.forgery import ENTITY

DAY = timedelta(days=1)
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
    assert opened(ENTITY, []) is ENTITY


def test_what_is_in_clear_is_itself(domain: Domain) -> None:
    message = HEAD + ENTITY
    read = unseal(message, [], domain.trust(), at=(AT,))
    assert (read.entity, read.content, read.encrypted, read.signer, read.doubt) == (message, message, False, None, None)


def test_a_certificate_that_is_over_is_looked_at_as_of_an_earlier_instant(domain: Domain) -> None:
    message = HEAD + sign(ENTITY, domain.signing, at=AT)
    late = AT + timedelta(days=4_000)
    assert unseal(message, [], domain.trust(), at=(late, AT)).proved_at == AT
    doubtful = unseal(message, [], domain.trust(), at=(late,))
    assert (doubtful.signer, doubtful.proved_at, doubtful.content) == (None, None, ENTITY)
    assert doubtful.doubt


def test_an_altered_text_is_a_doubt_at_every_instant(domain: Domain) -> None:
    message = HEAD + sign(ENTITY, domain.signing, at=AT)
    at_end = message.index(ENTITY) + len(ENTITY) - 1
    altered = message[: at_end - 3] + b"\x21" + message[at_end - 2 :]
    read = unseal(altered, [], domain.trust(), at=(AT, AT))
    assert read.signer is None
    assert read.doubt


@pytest.mark.parametrize("opaque", [False, True])
def test_a_triple_wrapped_message_is_read_to_the_end(domain: Domain, opaque: bool) -> None:
    signed = sign(ENTITY, domain.signing, at=AT, opaque=opaque)
    whole = HEAD + sign(envelop(signed, [domain.receiving.certificate]), domain.signing, at=AT, opaque=opaque)
    read = unseal(whole, [domain.receiving], domain.trust(), at=(AT,))
    assert (read.entity, read.content, read.encrypted, read.signer, read.doubt) == (signed, ENTITY, True, ADDRESS, None)


def test_a_signature_around_an_encryption_proves_no_author_and_its_doubt_stays(domain: Domain) -> None:
    sound, late = sign(ENTITY, domain.signing, at=AT), domain.leaf(SIGNING, validity=(AT - 2 * DAY, AT - DAY))
    for inside, signer, said in ((ENTITY, domain.signing, None), (sound, late, "reconnu"), (ENTITY, late, "reconnu")):
        whole = HEAD + sign(envelop(inside, [domain.receiving.certificate]), signer, at=AT)
        read = unseal(whole, [domain.receiving], domain.trust(), at=(AT,))
        assert (read.content, read.encrypted, read.signer, read.proved_at) == (ENTITY, True, None, None)
        assert (said or "") in (read.doubt or "")
        assert (read.doubt is None) is (said is None)


def test_a_doubtful_content_is_shown_wherever_it_stands(domain: Domain, stranger: Domain) -> None:
    for opaque in (False, True):
        message = HEAD + sign(ENTITY, stranger.signing, at=AT, opaque=opaque)
        read = unseal(message, [], domain.trust(), at=(AT,))
        assert (read.content, read.signer) == (ENTITY, None)
        assert read.doubt
    for nothing in (b"no CMS", Forgery(domain.signing, ENTITY, AT).signed_data()):
        message = HEAD + wrap_opaque(nothing)
        read = unseal(message, [], domain.trust(), at=(AT,))
        assert read.content == message
        assert read.doubt


def test_without_an_instant_nothing_is_proved_and_nothing_doubted(domain: Domain) -> None:
    sealed = HEAD + envelop(sign(ENTITY, domain.signing, at=AT), [domain.receiving.certificate])
    read = unseal(sealed, [domain.receiving], domain.trust(), at=())
    assert (read.content, read.encrypted, read.signer, read.doubt) == (ENTITY, True, None, None)


def test_layers_come_to_an_end(domain: Domain) -> None:
    message = ENTITY
    for _ in range(4):
        message = envelop(message, [domain.receiving.certificate])
    assert unseal(message, [domain.receiving], domain.trust(), at=(AT,)).content == ENTITY
    with pytest.raises(Unreadable, match="too many"):
        unseal(envelop(message, [domain.receiving.certificate]), [domain.receiving], domain.trust(), at=(AT,))


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
