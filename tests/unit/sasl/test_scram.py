"""SCRAM-SHA-256 with the vectors of its RFC, a client of our own, and clients that cheat [RFC 5802] [RFC 7677]."""

from base64 import b64decode, b64encode
from hashlib import sha256

import pytest

from mssante_sim.imap.core.limits import ImapLimits
from mssante_sim.imap.core.session import ImapSession
from mssante_sim.sasl.claims import ActingForAnother, Denied, Malformed, Proof, TooManyFailures
from mssante_sim.sasl.scram import Scram
from tests.imap_core.test_session import Driver
from tests.unit.sasl.parties import Fixed
from tests.unit.sasl.scram_client import Client

END_POINT = sha256(b"a certificate").digest()


def exchanged(client: Client, party: Fixed, *, plus: bool = False) -> Proof:
    scram = Scram(party, plus=plus)
    challenge = scram.answer(client.first)
    assert isinstance(challenge, bytes)
    found = scram.answer(client.final(challenge))
    if isinstance(found, Proof):
        return found
    assert found == b"v=" + b64encode(client.server_signature)
    proof = scram.answer(b"")
    assert isinstance(proof, Proof)
    return proof


def test_the_vectors_of_the_rfc() -> None:
    """[RFC 7677 §3]."""
    scram = Scram(Fixed(), plus=False)
    nonce = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    assert scram.answer(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO") == b"r=%b,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096" % nonce
    proof = b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    assert scram.answer(b"c=biws,r=%b,p=%b" % (nonce, proof)) == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    assert scram.answer(b"") == Proof("user", holds=True)


@pytest.mark.parametrize(
    ("client", "end_point", "plus", "holds"),
    [
        (Client(), None, False, True),
        (Client(typed="Pencil"), None, False, False),
        (Client(header=b"y,,"), None, False, True),
        (Client(header=b"n,a=user,"), None, False, True),
        (Client(), END_POINT, False, True),
        (Client(header=b"p=tls-server-end-point,,", bound=END_POINT), END_POINT, True, True),
        (Client(header=b"p=tls-server-end-point,,", bound=b"another certificate"), END_POINT, True, False),
        (Client(header=b"p=tls-server-end-point,,"), END_POINT, True, False),
        (Client(bound=b"something"), None, False, False),
    ],
)
def test_a_proof_holds_for_the_password_and_the_channel(client, end_point, plus, holds) -> None:
    assert exchanged(client, Fixed(end_point), plus=plus).holds is holds


BAD_FIRST = {
    Malformed: [
        (b"", False),
        (b"n,,", False),
        (b"n,,n=,r=x", False),
        (b"n,,n=user,r=", False),
        (b"n,,m=x,n=user,r=x", False),
        (b"n,,n=us=er,r=x", False),
        (b"n,,n=user,r=x\x00", False),
        (b"n,,n=\xff,r=x", False),
    ],
    ActingForAnother: [(b"n,a=other,n=user,r=x", False)],
    Denied: [
        (b"y,,n=user,r=x", False),  # while -PLUS was offered: somebody took it off the list
        (b"p=tls-server-end-point,,n=user,r=x", False),
        (b"n,,n=user,r=x", True),
        (b"y,,n=user,r=x", True),
        (b"p=tls-unique,,n=user,r=x", True),
        (b"p=tls-exporter,,n=user,r=x", True),
    ],
}


@pytest.mark.parametrize(
    ("fault", "first", "plus"), [(fault, *case) for fault, cases in BAD_FIRST.items() for case in cases]
)
def test_a_first_message_that_leads_nowhere_is_refused(fault, first, plus) -> None:
    with pytest.raises(fault):
        Scram(Fixed(END_POINT), plus=plus).answer(first)


@pytest.mark.parametrize("change", [b"", b"x", b"c=biws", b"c=!,r=x,p=AAAA", b"c=biws,r=x,p=!", b"c=biws,r=x,p=A"])
def test_a_final_message_of_another_form_is_refused(change) -> None:
    scram = Scram(Fixed(), plus=False)
    scram.answer(Client().first)
    with pytest.raises(Malformed):
        scram.answer(change)


def test_a_final_message_that_proves_nothing_is_no_proof() -> None:
    scram = Scram(Fixed(), plus=False)
    scram.answer(Client().first)
    assert scram.answer(b"c=biws,r=other,p=AAAA") == Proof("user", holds=False)


def test_after_too_many_wrong_guesses_none_is_looked_at_not_even_the_right_one() -> None:
    party = Fixed(most_wrong=2)
    for typed, holds in (("wrong", False), ("pencil", True), ("wrong", False)):
        assert exchanged(Client(typed=typed), party).holds is holds
    for typed in ("wrong", "pencil"):
        with pytest.raises(TooManyFailures):
            exchanged(Client(typed=typed), party)


def test_the_nonce_of_another_exchange_proves_nothing() -> None:
    """What was overheard cannot be sent again."""
    client = Client()
    first = Scram(Fixed(), plus=False)
    challenge = first.answer(client.first)
    assert isinstance(challenge, bytes)
    overheard = client.final(challenge)
    again = Scram(Fixed(server_nonce=b"another"), plus=False)
    again.answer(client.first)
    assert again.answer(overheard) == Proof("user", holds=False)


def test_names_with_commas_and_equals_signs() -> None:
    assert exchanged(Client(user=b"a=2Cb=3Dc"), Fixed()).login == "a,b=c"


def test_a_session_runs_the_exchange_and_then_the_login() -> None:
    driver = Driver(ImapSession(ImapLimits(), secure=True, party=Fixed(END_POINT)))
    assert b"AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 " in driver.said
    client = Client(header=b"p=tls-server-end-point,,", bound=END_POINT)
    said = driver.send(b"a AUTHENTICATE SCRAM-SHA-256-PLUS " + b64encode(client.first) + b"\r\n")
    challenge = b64decode(said.removeprefix(b"+ "))
    said = driver.send(b64encode(client.final(challenge)) + b"\r\n")
    assert b64decode(said.removeprefix(b"+ ")) == b"v=" + b64encode(client.server_signature)
    driver.send(b"\r\n")
    (login,) = driver.ran
    assert login.claim == Proof("user", holds=True)  # type: ignore[attr-defined]


def test_without_a_party_only_passwords_are_taken() -> None:
    driver = Driver(ImapSession(ImapLimits(), secure=True))
    assert b"SCRAM" not in driver.said
    assert driver.send(b"a AUTHENTICATE SCRAM-SHA-256\r\n").startswith(b"a NO")


def test_without_a_certificate_no_binding_is_offered() -> None:
    driver = Driver(ImapSession(ImapLimits(), secure=True, party=Fixed()))
    assert b"AUTH=SCRAM-SHA-256 " in driver.said
    assert b"-PLUS" not in driver.said
    assert driver.send(b"a AUTHENTICATE SCRAM-SHA-256-PLUS\r\n").startswith(b"a NO")


def test_scram_is_for_encrypted_connections_too() -> None:
    driver = Driver(ImapSession(ImapLimits(), secure=False, party=Fixed(END_POINT)))
    assert b"SCRAM" not in driver.said
    assert driver.send(b"a AUTHENTICATE SCRAM-SHA-256\r\n").startswith(b"a NO [PRIVACYREQUIRED]")
