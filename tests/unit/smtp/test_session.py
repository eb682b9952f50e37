"""The wire: order, TLS, login, limits, and what a hostile or broken peer meets."""

import asyncio
import base64
import smtplib
import socket
from dataclasses import replace

import pytest

from mssante_sim.config import Ports, Settings
from mssante_sim.errors import PortBusy
from mssante_sim.smtp.house import Limits
from mssante_sim.smtp.server import SmtpServices
from tests.unit.smtp.house import FROM, PASSWORD, PEER_DOMAIN, TO, message, plain, running

PATIENT, PHARMACY, ORG = FROM["patient"], TO["ORG, pharmacy"], FROM["ORG"]
QUICK = replace(Limits(), failed_login_s=0.0)


# what is offered


async def test_ehlo_offers_starttls_before_tls_and_auth_after(house):
    async with house.connect() as dialogue:
        before = await dialogue.say("EHLO client.test")
        assert before.splitlines() == [
            "250-localhost",
            "250-SIZE 33554432",
            "250-8BITMIME",
            "250-PIPELINING",
            "250-ENHANCEDSTATUSCODES",
            "250 STARTTLS",
        ]
        await dialogue.start_tls()
        after = await dialogue.say("EHLO client.test")
        assert "STARTTLS" not in after
        assert after.splitlines()[-1] == "250 AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 OAUTHBEARER XOAUTH2 PLAIN LOGIN"
        assert await dialogue.say("HELO client.test") == "250 localhost"


async def test_mx_offers_no_login(house):
    async with house.peer() as dialogue:
        assert "AUTH" not in await dialogue.say("EHLO mx.autre.mssante.test")
        await dialogue.expect("502 5.5.1 not-implemented: ", f"AUTH PLAIN {plain(ORG, PASSWORD)}")


@pytest.mark.parametrize("listener", ["submission", "submission-tls"])
async def test_the_standard_library_submits_on_either_port(house, listener):
    def submit() -> dict:
        port, context = house.services.ports[listener], house.context()
        if listener == "submission-tls":
            client = smtplib.SMTP_SSL("localhost", port, context=context, timeout=30)
        else:
            client = smtplib.SMTP("localhost", port, timeout=30)
            client.starttls(context=context)
        with client:
            client.login(PATIENT, PASSWORD)
            return client.sendmail(PATIENT, [PHARMACY], message(PATIENT, PHARMACY))

    assert await asyncio.to_thread(submit) == {}
    assert len(await house.stored(PHARMACY)) == 1


# order

BEFORE_TLS = "530 5.7.0 tls-first: "
NOT_NOW = "503 5.5.1 bad-sequence: "


@pytest.mark.parametrize("line", [f"MAIL FROM:<{ORG}>", "DATA", "AUTH PLAIN", "HELO x", "VRFY x", "RSET", "BOGUS"])
async def test_before_tls_only_ehlo_noop_starttls_and_quit_are_answered(house, line):
    async with house.connect() as dialogue:
        await dialogue.expect("250", "EHLO client.test")
        await dialogue.expect(BEFORE_TLS, line)
        await dialogue.expect("250", "NOOP")
        await dialogue.expect("221", "QUIT")
        assert await dialogue.ended()


async def test_commands_out_of_order_are_refused_and_harm_nothing(house):
    async with house.login(PATIENT) as dialogue:
        for line in (f"RCPT TO:<{PHARMACY}>", "DATA"):
            await dialogue.expect(NOT_NOW, line)
        await dialogue.expect("250", f"MAIL FROM:<{PATIENT}>")
        for line in (f"MAIL FROM:<{PATIENT}>", "DATA"):
            await dialogue.expect(NOT_NOW, line)
        await dialogue.expect("503 5.5.1 tls-already: ", "STARTTLS")
        await dialogue.expect("503 5.5.1 login-already: ", f"AUTH PLAIN {plain(PATIENT, PASSWORD)}")
        await dialogue.expect("501 5.5.4 syntax: ", "RSET now")
        await dialogue.expect("501 5.5.4 syntax: ", "EHLO")
        await dialogue.expect("501 5.5.4 syntax: ", "EHLO a b")
        await dialogue.expect("250", f"RCPT TO:<{PHARMACY}>")
        await dialogue.expect("501 5.5.4 syntax: ", "DATA now")
        await dialogue.expect("250", "RSET")
        await dialogue.expect(NOT_NOW, "DATA")
        assert (await dialogue.deliver(PATIENT, PHARMACY)).startswith("250 2.0.0 Stored as ")


async def test_ehlo_forgets_the_transaction(house):
    async with house.login(PATIENT) as dialogue:
        await dialogue.envelope(PATIENT, PHARMACY)
        await dialogue.expect("250", "EHLO again.test")
        await dialogue.expect(NOT_NOW, "DATA")


async def test_mail_needs_a_login(house):
    async with house.connect() as dialogue:
        await dialogue.start_tls()
        for line in (f"MAIL FROM:<{PATIENT}>", f"VRFY {PATIENT}", "HELP"):
            await dialogue.expect("530 5.7.0 login-first: ", line)


async def test_vrfy_and_expn_tell_nothing(house):
    async with house.login(PATIENT) as dialogue:
        assert await dialogue.say(f"VRFY {PHARMACY}") == await dialogue.say("VRFY inconnu@officine.mssante.test")
        await dialogue.expect("502 5.5.1 not-implemented: ", "EXPN all")
        assert (await dialogue.expect("214 2.0.0 ", "HELP")).split()[2:5] == ["EHLO", "HELO", "STARTTLS"]


async def test_pipelined_commands_and_a_pipelined_second_message_are_answered_in_order(house):
    envelope = f"MAIL FROM:<{PATIENT}>\r\nRCPT TO:<{PHARMACY}>\r\nDATA\r\n".encode()
    async with house.login(PATIENT) as dialogue:
        first, second = (message(PATIENT, PHARMACY, text) + b".\r\n" for text in ("un", "deux"))
        dialogue.send(envelope + first + envelope + second + b"QUIT\r\n")
        codes = [(await dialogue.reply())[:3] for _ in range(9)]
    assert codes == ["250", "250", "354", "250"] * 2 + ["221"]
    assert len(await house.stored(PHARMACY)) == 2


# STARTTLS


@pytest.mark.parametrize("behind", [b"NOOP injected\r\n", b"X", b"EHLO in\r\nMAIL FROM:<a@b>\r\n"])
async def test_octets_behind_starttls_close_the_connection_unanswered(house, behind):
    async with house.connect() as dialogue:
        await dialogue.expect("250", "EHLO client.test")
        dialogue.send(b"STARTTLS\r\n" + behind)
        assert await dialogue.ended()
    assert {"action": "smtp.starttls", "result": "injection"}.items() <= house.audit.lines[-1].items()


async def test_plaintext_after_the_go_ahead_closes_the_connection(house):
    async with house.connect() as dialogue:
        await dialogue.expect("250", "EHLO client.test")
        await dialogue.expect("220 2.0.0 ", "STARTTLS")
        dialogue.send(b"NOOP\r\n" * 20)
        assert b"250" not in await dialogue.reader.read()


async def test_starttls_takes_no_parameter_and_forgets_ehlo(house):
    async with house.connect() as dialogue:
        await dialogue.expect("250", "EHLO client.test")
        await dialogue.expect("501 5.5.4 syntax: ", "STARTTLS now")
        await dialogue.expect("220", "STARTTLS")
        await dialogue.writer.start_tls(house.context(), server_hostname="localhost")
        await dialogue.expect(NOT_NOW, f"AUTH PLAIN {plain(PATIENT, PASSWORD)}")


# login


@pytest.mark.parametrize(("login", "password"), [(PATIENT, "wrong"), ("nobody@patient.mssante.test", PASSWORD)])
async def test_a_wrong_password_and_an_unknown_login_are_refused_alike_and_the_third_time_for_good(
    house, login, password
):
    async with house.connect() as dialogue:
        await dialogue.start_tls()
        for _ in range(2):
            reply = await dialogue.say(f"AUTH PLAIN {plain(login, password)}")
            assert reply == "535 5.7.8 bad-credentials: Login or password is wrong."
        await dialogue.expect("421 4.7.0 too-many-logins: ", f"AUTH PLAIN {plain(login, password)}")
        assert await dialogue.ended()
    assert all(PASSWORD not in str(line) for line in house.audit.lines)


async def test_auth_login_asks_twice(house):
    async with house.connect() as dialogue:
        await dialogue.start_tls()
        await dialogue.expect("504 5.5.4 unknown-mechanism: ", "AUTH CRAM-MD5 abc")
        assert await dialogue.say("AUTH LOGIN") == "334 VXNlcm5hbWU6"
        assert await dialogue.say("*") == "501 5.7.0 auth-aborted: Authentication was given up by the client."
        await dialogue.expect("334", "AUTH LOGIN")
        await dialogue.expect("334", base64.b64encode(PATIENT.encode()).decode())
        await dialogue.expect("235 2.7.0 ", base64.b64encode(PASSWORD.encode()).decode())


@pytest.mark.parametrize("sender", [ORG, PHARMACY, "quelquun@autre.mssante.test"])
async def test_mail_from_must_be_the_account(house, sender):
    async with house.login(PATIENT) as dialogue:
        await dialogue.expect("553 5.7.1 sender-not-yours: ", f"MAIL FROM:<{sender}>")


# the white list


@pytest.mark.parametrize(
    ("identity", "sender", "word"),
    [
        (None, f"a@{PEER_DOMAIN}", "peer-without-certificate"),
        (None, "", "peer-without-certificate"),
        ("stranger.pem", f"a@{PEER_DOMAIN}", "peer-not-listed"),
        ("stranger.pem", "", "peer-not-listed"),
        ("peer.pem", "a@sub.autre.mssante.test", "domain-not-listed"),
        ("peer.pem", ORG, "domain-not-listed"),
        ("peer.pem", PATIENT, "domain-not-listed"),
    ],
)
async def test_a_peer_speaks_only_for_domains_that_the_white_list_gives_its_certificate(house, identity, sender, word):
    async with house.peer(identity) as dialogue:
        await dialogue.expect(f"554 5.7.1 {word}: ", f"MAIL FROM:<{sender}>")


# broken and hostile octets


@pytest.mark.parametrize("line", [b"NOOP\n", b"NOOP a\rb\r\n", b"NO\0OP\r\n", b"NOOP\nNOOP\r\n", b"\rNOOP\r\n"])
async def test_a_command_line_with_a_lone_line_end_or_nul_ends_the_connection(house, line):
    async with house.connect() as dialogue:
        dialogue.send(line)
        assert (await dialogue.reply()).startswith("500 5.5.2 unclean-command: ")
        assert await dialogue.ended()


async def test_a_command_line_that_never_ends_is_cut_off(house):
    async with house.connect() as dialogue:
        dialogue.send(b"N" * 2_100)
        assert (await dialogue.reply()).startswith("500 5.5.2 command-too-long: ")
        assert await dialogue.ended()


async def test_the_fifth_unknown_command_is_the_last(house):
    async with house.connect() as dialogue:
        await dialogue.start_tls()
        for line in ("BOGUS", "GET / HTTP/1.1", "é", ""):
            await dialogue.expect("500 5.5.1 unknown-command: ", line)
        await dialogue.expect("421 4.7.0 too-many-errors: ", "BOGUS")
        assert await dialogue.ended()


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("MAIL FROM:<{}> SIZE=33554433", "552 5.3.4 too-big: "),
        ("MAIL FROM:<{}> RET=FULL", "555 5.5.4 unknown-parameter: "),
        ("MAIL FROM:<{}é>", "553 5.1.3 malformed-address: "),
    ],
)
async def test_mail_parameters(house, line, start):
    async with house.login(PATIENT) as dialogue:
        await dialogue.expect(start, line.format(PATIENT))
        await dialogue.expect("250", f"MAIL FROM:<{PATIENT}> SIZE=26214400 BODY=8BITMIME")


# limits


async def test_one_recipient_too_many_is_put_off_and_the_others_stay(tmp_path, keystore):
    async with running(tmp_path, keystore, max_recipients=2) as house, house.login(ORG) as dialogue:
        await dialogue.envelope(ORG, PHARMACY, TO["ORG, not a pharmacy"], PHARMACY)
        await dialogue.expect("452 4.5.3 too-many-recipients: ", f"RCPT TO:<{TO['ORG, pharmacy, red-listed']}>")
        assert (await dialogue.data(message(ORG, PHARMACY) + b".\r\n")).startswith("250 ")
        assert len(await house.stored(TO["ORG, not a pharmacy"])) == 1


async def test_connections_above_the_limit_are_told_so(tmp_path, keystore):
    async with (
        running(tmp_path, keystore, limits=replace(QUICK, connections=1)) as house,
        house.connect() as first,
    ):
        reader, writer = await asyncio.open_connection("localhost", house.services.ports["submission"])
        assert (await reader.readline()).startswith(b"421 4.7.0 too-many-connections: ")
        assert await reader.read() == b""
        writer.close()
        await first.expect("250", "NOOP")


async def test_too_many_commands_without_a_message_end_the_connection(tmp_path, keystore):
    async with running(tmp_path, keystore, limits=replace(QUICK, commands=3)) as house, house.connect() as dialogue:
        for _ in range(3):
            await dialogue.expect("250", "NOOP")
        await dialogue.expect("421 4.7.0 too-many-commands: ", "NOOP")


@pytest.mark.parametrize("limits", [replace(QUICK, login_s=0.05), replace(QUICK, command_s=0.05)])
async def test_a_silent_peer_is_told_and_left(tmp_path, keystore, limits):
    async with running(tmp_path, keystore, limits=limits) as house:
        listener = "submission" if limits.login_s < 1 else "mx"
        async with house.connect(listener) as dialogue:
            assert (await dialogue.reply()).startswith("421 4.4.2 timed-out: ")
            assert await dialogue.ended()


@pytest.mark.parametrize("limits", [replace(QUICK, data_s=0.05), replace(QUICK, message_s=0.05)])
async def test_a_message_that_stops_coming_is_given_up_and_nothing_is_stored(tmp_path, keystore, limits):
    async with running(tmp_path, keystore, limits=limits) as house, house.login(PATIENT) as dialogue:
        await dialogue.envelope(PATIENT, PHARMACY)
        assert (await dialogue.data(b"From: half\r\n")).startswith("421 4.4.2 timed-out: ")
        assert await house.stored(PHARMACY) == []


# start and stop


async def test_stopping_lets_a_message_finish_and_tells_everybody_else(tmp_path, keystore):
    async with running(tmp_path, keystore) as house:
        async with house.login(PATIENT) as sending, house.login(ORG) as idle:
            await sending.envelope(PATIENT, PHARMACY)
            await sending.expect("354", "DATA")
            stopping = asyncio.create_task(house.services.stop())
            assert (await idle.reply()).startswith("421 4.3.2 shutting-down: ")
            assert await idle.ended()
            assert not stopping.done()
            sending.send(message(PATIENT, PHARMACY) + b".\r\n")
            assert (await sending.reply()).startswith("250 2.0.0 ")
            assert (await sending.reply()).startswith("421 4.3.2 shutting-down: ")
            await stopping
        assert len(await house.stored(PHARMACY)) == 1


async def test_a_busy_port_is_named_and_no_port_stays_open(tmp_path, keystore):
    async with running(tmp_path, keystore) as house:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            settings = replace(Settings(tmp_path), ports=replace(Ports.from_base(0), mx=port))
            services = SmtpServices(
                settings,
                directory=house.directory,
                keystore=keystore,
                doorkeeper=None,
                store=house.store,
                workers=None,
                server_context=house.context(),
                mx_context=house.context(),
                peers=dict,
                key=b"k" * 32,
                clock=None,
                audit=house.audit,
            )
            with pytest.raises(PortBusy, match=f"Port {port} of 127.0.0.1 cannot be opened for mx"):
                await services.start()
            assert services.ports == {}
