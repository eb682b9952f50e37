"""Opening what arrived with a renewed certificate, and proving it as of the day it came where that can be done."""

from datetime import datetime, timedelta

import pytest

from mssante_sim.clients.reading import Opened, Unreadable, open_message
from mssante_sim.crypto import smime
from mssante_sim.crypto.identity import Identity
from mssante_sim.crypto.profiles import RECEIVING, SIGNING
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.message.reports import Receipt
from tests.crypto.conftest import ADDRESS, AT, Domain, new_domain

CONTENT = b"Content-Type: text/plain; charset=utf-8\r\n\r\nBonjour\r\n"
OUTER = f"From: {ADDRESS}\r\nSubject: x\r\nMessage-ID: <1@x>\r\nMIME-Version: 1.0\r\n".encode()
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def domain() -> Domain:
    return new_domain()


def sealed(domain: Domain, to: Identity, signer: Identity | None = None, *, at: datetime = AT) -> bytes:
    entity = smime.sign(CONTENT, signer or domain.signing, at=at)
    return OUTER + smime.envelop(entity, [to.certificate])


def opened(octets: bytes, domain: Domain, trust: TrustContext, *, at: datetime, arrived: datetime) -> Opened:
    return open_message(octets, [domain.receiving], trust, at=at, arrived=arrived)


def test_every_key_is_tried_so_that_a_renewed_certificate_opens_old_messages(domain: Domain) -> None:
    renewed = domain.leaf(RECEIVING)
    for to in (domain.receiving, renewed):
        assert (
            open_message(sealed(domain, to), [renewed, domain.receiving], domain.trust(), at=AT).text == "Bonjour\r\n"
        )
    with pytest.raises(Unreadable):
        open_message(sealed(domain, domain.receiving), [renewed], domain.trust(), at=AT)


def test_what_is_proved_now_is_proved_as_of_now(domain: Domain) -> None:
    one = opened(sealed(domain, domain.receiving), domain, domain.trust(), at=AT + DAY, arrived=AT)
    assert (one.signer, one.verified_at, one.doubt) == (ADDRESS, AT + DAY, None)


def test_a_signer_who_expired_meanwhile_is_proved_as_of_the_arrival_with_the_list_of_that_day(domain: Domain) -> None:
    octets, late = sealed(domain, domain.receiving), AT + 2000 * DAY
    one = opened(octets, domain, domain.trust(AT), at=late, arrived=AT)
    assert (one.signer, one.verified_at, one.doubt) == (ADDRESS, AT, None)


def test_without_the_list_of_that_day_the_doubt_stays_and_is_told_in_french(domain: Domain) -> None:
    octets, late = sealed(domain, domain.receiving), AT + 2000 * DAY
    one = opened(octets, domain, domain.trust(late), at=late, arrived=AT)
    assert (one.signer, one.verified_at) == (None, None)
    assert "certificat" in (one.doubt or "")
    assert one.text == "Bonjour\r\n"


def test_what_was_altered_was_never_right(domain: Domain) -> None:
    entity = smime.sign(CONTENT, domain.signing, at=AT).replace(b"Bonjour", b"Bonsoir")
    octets = OUTER + smime.envelop(entity, [domain.receiving.certificate])
    one = opened(octets, domain, domain.trust(), at=AT, arrived=AT)
    assert (one.signer, one.doubt) == (None, "Le message a été modifié après sa signature.")


def test_what_was_decrypted_is_a_whole_message_that_still_bears_its_signature(domain: Domain) -> None:
    one = open_message(sealed(domain, domain.receiving), [domain.receiving], domain.trust(), at=AT)
    again = open_message(one.readable, [], domain.trust(), at=AT)
    assert (again.encrypted, again.signer, again.text, again.message_id) == (False, ADDRESS, "Bonjour\r\n", "<1@x>")
    assert b"pkcs7-mime" not in one.readable


def test_a_message_in_clear_is_readable_as_it_came(domain: Domain) -> None:
    octets = OUTER + CONTENT
    assert open_message(octets, [], domain.trust(), at=AT).readable == octets


def test_a_report_is_understood_inside_its_envelope(domain: Domain) -> None:
    report = (
        b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n"
        b"--b\r\n\r\nLu\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
        b"Final-Recipient: rfc822; a@x\r\nOriginal-Message-ID: <9@x>\r\n"
        b"Disposition: manual-action/MDN-sent-manually; displayed\r\n\r\n--b--\r\n"
    )
    signed = smime.sign(report, domain.leaf(SIGNING), at=AT)
    octets = OUTER + smime.envelop(signed, [domain.receiving.certificate])
    one = open_message(octets, [domain.receiving], domain.trust(), at=AT)
    assert one.report == Receipt("<9@x>", "a@x", displayed=True, automatic=False)
