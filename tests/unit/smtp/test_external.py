"""AUTH EXTERNAL: the certificate of the client is the proof [RFC 4422 §A], and SCRAM beside it."""

import base64
import ssl
from datetime import timedelta
from hashlib import sha256

import pytest

from mssante_sim.clock import FixedClock, SystemClock
from mssante_sim.crypto.identity import read_certificate
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.crypto.profiles import Usage
from mssante_sim.directory.holders import Holders
from tests.unit.sasl.scram_client import Client
from tests.unit.smtp.house import FROM, PASSWORD, TO, Running

pytestmark = pytest.mark.slow

PHARMACY, PATIENT, OTHER = TO["ORG, pharmacy"], FROM["patient"], TO["ORG, not a pharmacy"]
OF_PHARMACY = f"mailboxes/{PHARMACY}/client-1.pem"
REFUSED = "535 5.7.8 bad-credentials: "


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode() or "="


@pytest.mark.parametrize("name", ["", PHARMACY, PHARMACY.upper()])
async def test_a_certificate_opens_its_mailbox(house, name) -> None:
    async with house.connect(identity=OF_PHARMACY) as dialogue:
        await dialogue.start_tls()
        assert " EXTERNAL " in (await dialogue.say("EHLO client.test")).splitlines()[-1]
        await dialogue.expect("235 2.7.0 ", f"AUTH EXTERNAL {b64(name)}")
        await dialogue.expect("250 ", f"MAIL FROM:<{PHARMACY}>")
    first = house.audit.lines[0]
    assert (first["user"], first["result"]) == (name or PHARMACY, "235")


async def test_who_has_shown_a_certificate_may_send_without_auth(house) -> None:
    """As Thunderbird does; only for the mailbox that the certificate names."""
    async with house.connect(identity=OF_PHARMACY) as dialogue:
        await dialogue.start_tls()
        await dialogue.expect("553 5.7.1 sender-not-yours: ", f"MAIL FROM:<{PATIENT}>")
        await dialogue.expect("250 ", f"MAIL FROM:<{PHARMACY}>")
    first = house.audit.lines[0]
    assert (first["user"], first["result"]) == (PHARMACY, "certificate")


@pytest.mark.parametrize("identity", [None, "peer.pem"])
async def test_without_one_of_a_mailbox_auth_is_asked_for(house, identity) -> None:
    async with house.connect(identity=identity) as dialogue:
        await dialogue.start_tls()
        await dialogue.expect("530 5.7.0 login-first: ", f"MAIL FROM:<{PHARMACY}>")


async def test_the_name_may_come_after_the_challenge(house) -> None:
    async with house.connect(identity=OF_PHARMACY) as dialogue:
        await dialogue.start_tls()
        assert await dialogue.say("AUTH EXTERNAL") == "334 "
        await dialogue.expect("235 2.7.0 ", "")


@pytest.mark.parametrize("name", [PATIENT, "inconnu@officine.mssante.test", "x"])
async def test_nobody_acts_for_another(house, name) -> None:
    async with house.connect(identity=OF_PHARMACY) as dialogue:
        await dialogue.start_tls()
        await dialogue.expect(REFUSED, f"AUTH EXTERNAL {b64(name)}")


async def test_without_a_certificate_it_is_not_offered(house) -> None:
    async with house.connect() as dialogue:
        await dialogue.start_tls()
        assert "EXTERNAL" not in await dialogue.say("EHLO client.test")
        await dialogue.expect("504 5.5.4 unknown-mechanism: ", "AUTH EXTERNAL =")


async def test_a_certificate_that_names_no_mailbox_opens_none(house) -> None:
    """Another operator's server proves itself to the mx listener with such a one."""
    async with house.connect(identity="peer.pem") as dialogue:
        await dialogue.start_tls()
        await dialogue.expect(REFUSED, f"AUTH EXTERNAL {b64(PHARMACY)}")


@pytest.mark.parametrize("usage", ["signing", "receiving"])
async def test_a_certificate_for_mail_proves_no_client(house, usage) -> None:
    """TLS itself refuses it [RFC 5280 §4.2.1.12]; with TLS 1.3 the client hears so when it first reads."""
    async with house.connect(identity=f"mailboxes/{PHARMACY}/{usage}-1.pem") as dialogue:
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            await dialogue.start_tls()


async def test_a_certificate_opens_nothing_once_it_is_revoked(house: Running) -> None:
    """From the next login on, also if another process revokes it; another process stands for one here."""
    async with house.connect(identity=f"mailboxes/{OTHER}/client-1.pem") as dialogue:
        await dialogue.start_tls()
        Keystore.open(house.keystore.path).revoke(OTHER, Usage.CLIENT, at=SystemClock().now())
        await dialogue.expect(REFUSED, "AUTH EXTERNAL =")


async def test_a_certificate_is_judged_at_each_login(house: Running) -> None:
    keystore, directory = house.keystore, house.directory
    certificate, signing = (
        one.certificate for usage in (Usage.CLIENT, Usage.SIGN) if (one := keystore.identity(PHARMACY, usage))
    )
    until = read_certificate(certificate).not_after
    for at, found in ((SystemClock().now(), [PHARMACY]), (until + timedelta(days=1), [])):
        assert Holders(keystore, directory, FixedClock(at)).addresses(certificate) == found
    holders = Holders(keystore, directory, SystemClock())
    assert holders.addresses(signing) == []
    assert holders.addresses(b"no certificate") == []


async def test_scram_is_taken_too(house) -> None:
    """One implementation for IMAP and SMTP; what it refuses is tried with it [RFC 5802 §5]."""
    client = Client(user=PATIENT.encode(), typed=PASSWORD)
    async with house.connect() as dialogue:
        await dialogue.start_tls()
        challenge = await dialogue.expect("334 ", f"AUTH SCRAM-SHA-256 {base64.b64encode(client.first).decode()}")
        final = client.final(base64.b64decode(challenge[4:]))
        last = await dialogue.expect("334 ", base64.b64encode(final).decode())
        assert base64.b64decode(last[4:]) == b"v=" + base64.b64encode(client.server_signature)
        await dialogue.expect("235 2.7.0 ", "")
        assert "AUTH" not in await dialogue.say("EHLO client.test"), "nobody logs in twice"


@pytest.mark.parametrize(("seen", "reply"), [(None, "334 "), (b"another certificate", REFUSED)])
async def test_a_proof_may_cover_the_certificate_that_the_client_sees(house, seen, reply) -> None:
    """SCRAM-SHA-256-PLUS: who stands in between with a certificate of their own gets no further [RFC 5929 §4]."""
    async with house.connect() as dialogue:
        await dialogue.start_tls()
        shown = dialogue.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        bound = sha256(seen or shown).digest()
        client = Client(user=PATIENT.encode(), typed=PASSWORD, header=b"p=tls-server-end-point,,", bound=bound)
        first = base64.b64encode(client.first).decode()
        challenge = await dialogue.expect("334 ", f"AUTH SCRAM-SHA-256-PLUS {first}")
        await dialogue.expect(reply, base64.b64encode(client.final(base64.b64decode(challenge[4:]))).decode())


@pytest.mark.parametrize(("user", "typed"), [(PATIENT, "wrong"), ("nobody@patient.mssante.test", PASSWORD)])
async def test_a_proof_of_a_wrong_password_and_of_an_unknown_login_are_refused_alike(house, user, typed) -> None:
    client = Client(user=user.encode(), typed=typed)
    async with house.connect() as dialogue:
        await dialogue.start_tls()
        challenge = await dialogue.expect("334 ", f"AUTH SCRAM-SHA-256 {base64.b64encode(client.first).decode()}")
        final = base64.b64encode(client.final(base64.b64decode(challenge[4:]))).decode()
        assert await dialogue.say(final) == "535 5.7.8 bad-credentials: Login or password is wrong."
