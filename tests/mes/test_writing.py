"""Drafts are the very message, and a message is sent once, whatever happens on the way."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from mssante_sim import stack as stack_module
from mssante_sim.clients.submission import Refused, Submission
from mssante_sim.directory.dns_lookup import Door
from mssante_sim.patient.proposal import PAPER_REMINDER
from mssante_sim.testing import Mssante
from tests.mes.conftest import Inside
from tests.mes.pharmacy import answer
from tests.mes.visitor import PDF, Visitor, form, refusal

BIG = b"%PDF-1.4" + b"x" * 4_900_000 + b"%%EOF"


@pytest.fixture
def lilas(mssante: Mssante) -> str:
    return str(mssante.account("pharmacy").identifier)


def received(mssante: Mssante, who: str = "pharmacy") -> list[Any]:
    """Every message in the INBOX of `who`, opened."""
    imap = mssante.imap(who)
    count = int(imap.select("INBOX")[1][0] or b"0")
    return [mssante.open(imap.fetch(str(n), "(BODY[])")[1][0][1], who) for n in range(1, count + 1)]  # type: ignore[index]


def test_the_proposal_counts_what_will_travel(mssante: Mssante, patient: Visitor, lilas: str) -> None:
    ids = [patient.add("a.pdf")["id"], patient.add("b.pdf")["id"]]
    name = mssante.account("patient").display_name
    one = patient.ok("GET", "/proposal", params={"document": ids[0]})
    two = patient.ok("GET", "/proposal", params={"document": ids})
    assert one["subject"] == f"Document de {name}"
    assert "mes documents" in two["text"]
    assert (two["octets"], two["reminder"], two["limit"]) == (2 * len(PDF), PAPER_REMINDER, 25 * 1024 * 1024)
    draft = patient.draft(pharmacy=lilas, text=two["text"], document=ids)
    assert abs(two["message_octets"] - draft["octets"]) < 3_000
    assert patient.no("GET", "/proposal", params={"document": "1-1"}) == (404, "document-missing")


def test_a_draft_is_the_message_that_arrives(mssante: Mssante, patient: Visitor, lilas: str) -> None:
    document = patient.add("Ordonnance d’été.pdf")
    draft = patient.draft(
        pharmacy=lilas,
        subject="Ordonnance – à préparer",
        text="Bonjour,\n\nMerci.\n",
        document=document["id"],
        files=[("photo.png", b"\x89PNG\r\n\x1a\nxyz")],
    )
    assert [(one["n"], one["name"], one["octets"]) for one in draft["attachments"]] == [
        (1, "Ordonnance d’été.pdf", len(PDF)),
        (2, "photo.png", 11),
    ]
    assert (draft["subject"], draft["text"], draft["to"]["finess"]) == (
        "Ordonnance – à préparer",
        "Bonjour,\n\nMerci.\n",
        lilas,
    )
    assert patient.ok("GET", "/drafts") == {"drafts": [draft]}
    assert patient.ok("GET", f"/drafts/{draft['id']}") == draft
    sent = patient.ok("POST", f"/drafts/{draft['id']}/send")
    assert sent["reply"].startswith("250 2.0.0")
    assert sent["tls"] in ("TLSv1.2", "TLSv1.3")
    assert (sent["octets"], sent["message_id"]) == (draft["octets"], draft["message_id"])
    assert patient.ok("GET", "/drafts") == {"drafts": []}
    (opened,) = received(mssante)
    assert (opened.subject, opened.message_id) == ("Ordonnance – à préparer", draft["message_id"])
    assert [one.content for one in opened.attachments] == [PDF, b"\x89PNG\r\n\x1a\nxyz"]
    assert opened.signer == mssante.account("patient").address
    assert patient.ok("GET", f"/messages/{sent['message']}")["text"] == "Bonjour,\n\nMerci.\n"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"pharmacy": "990000010", "text": " \n\t"}, (422, "empty-text")),
        ({"pharmacy": "990000010"}, (422, "bad-body")),
        ({"text": "a"}, (422, "no-recipient")),
        ({"text": "a", "pharmacy": "990000010", "answers": "r1-1"}, (422, "no-recipient")),
        ({"text": "a", "pharmacy": "990000929"}, (404, "unknown")),
        ({"text": "a", "pharmacy": "990000028"}, (404, "no-mailbox")),
        ({"text": "a", "pharmacy": "pharmacie@officine.mssante.test"}, (422, "bad-body")),
        ({"text": "a", "answers": "r1-1"}, (404, "message-missing")),
        ({"text": "a", "answers": "../1"}, (422, "bad-body")),
        ({"text": "a", "pharmacy": "990000010", "document": "1-1"}, (404, "document-missing")),
        ({"text": "a", "pharmacy": "990000010", "document": ["1-1"] * 101}, (422, "bad-body")),
        ({"text": "a", "pharmacy": "990000010", "subject": "a\r\nBcc: b@c"}, (422, "bad-body")),
        ({"text": "a", "pharmacy": "990000010", "subject": "a\n"}, (422, "bad-body")),
        ({"text": "a", "pharmacy": "990000010", "subject": "x" * 201}, (422, "bad-body")),
        ({"text": "a", "pharmacy": ["990000010", "990000010"]}, (422, "bad-body")),
        ({"text": "x" * 200_001, "pharmacy": "990000010"}, (422, "bad-body")),
        ({"text": "a", "pharmacy": "990000010", "from": "x"}, (422, "bad-body")),
    ],
)
def test_a_message_that_cannot_be_is_not_written(
    patient: Visitor, fields: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert patient.no("POST", "/drafts", **form(fields)) == expected
    assert patient.ok("GET", "/drafts") == {"drafts": []}


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("multipart/form-data", b"", (422, "bad-body")),
        ("multipart/form-data; boundary=x", b"", (422, "bad-body")),
        ("multipart/form-data; boundary=x", b"--y--\r\n", (422, "bad-body")),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno name\r\n--x--\r\n", (422, "bad-body")),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\n\r\n" * 300,
         (422, "bad-body")),
        ("multipart/mixed; boundary=x", b"--x--\r\n", (415, "wrong-content-type")),
        ("application/json", b"{}", (415, "wrong-content-type")),
    ],
)  # fmt: skip
def test_what_is_no_form_is_refused(
    patient: Visitor, content_type: str, body: bytes, expected: tuple[int, str]
) -> None:
    answered = patient.ask("POST", "/drafts", content=body, headers={"Content-Type": content_type})
    assert refusal(answered) == expected


def test_an_attachment_is_looked_at_like_a_document(patient: Visitor, lilas: str) -> None:
    fields = {"pharmacy": lilas, "text": "a"}
    refused = patient.ask("POST", "/drafts", **form(fields, [("a.pdf", b"no pdf")]))
    assert refusal(refused) == (422, "document-refused")
    other = {"files": [("pharmacy", (None, lilas)), ("text", (None, "a")), ("file", ("a.pdf", PDF))]}
    assert patient.no("POST", "/drafts", **other) == (422, "bad-body")


def test_more_than_25_megabytes_are_refused_before_anything_is_sent(
    mssante: Mssante, patient: Visitor, lilas: str
) -> None:
    documents = [patient.add(f"{number}.pdf", BIG)["id"] for number in range(4)]
    fields = {"pharmacy": lilas, "text": "a", "document": documents}
    assert patient.no("POST", "/drafts", **form(fields)) == (413, "too-big")
    seven = [(f"{number}.pdf", BIG) for number in range(8)]
    assert patient.no("POST", "/drafts", **form({"pharmacy": lilas, "text": "a"}, seven)) == (413, "too-big")
    assert patient.ok("GET", "/drafts") == {"drafts": []}
    assert received(mssante) == []


def test_two_documents_of_the_shelves_arrive_in_one_message(mssante: Mssante, patient: Visitor, lilas: str) -> None:
    other = PDF.replace(b"%%EOF", b"% another\n%%EOF")
    assert other != PDF
    ids = [patient.add("ordonnance.pdf")["id"], patient.add("carte.pdf", other, category="DOC_ADM")["id"]]
    patient.send(pharmacy=lilas, text="Bonjour", document=ids)
    (opened,) = received(mssante)
    assert [(one.name, one.content) for one in opened.attachments] == [("ordonnance.pdf", PDF), ("carte.pdf", other)]


def test_almost_25_megabytes_arrive(mssante: Mssante, patient: Visitor, lilas: str) -> None:
    sent = patient.send(
        pharmacy=lilas, text="a", files=[(f"{number}.pdf", BIG[:-300_000] + b"%%EOF") for number in range(4)]
    )
    assert 24_000_000 < sent["octets"] < 25 * 1024 * 1024
    (opened,) = received(mssante)
    assert [len(one.content) for one in opened.attachments] == [len(BIG) - 300_000 + 5] * 4


def test_two_sends_at_once_and_one_after_are_one_message(mssante: Mssante, patient: Visitor, lilas: str) -> None:
    draft = patient.draft(pharmacy=lilas, text="a", files=[("a.pdf", BIG)])

    async def both() -> list[Any]:
        headers = {"Authorization": f"Bearer {patient.token}"}
        async with httpx.AsyncClient(base_url=f"{mssante.running.http}/mes/v1", headers=headers, timeout=60) as client:
            return list(await asyncio.gather(*(client.post(f"/drafts/{draft['id']}/send") for _ in range(3))))

    answers = [one.json() for one in asyncio.run(both())]
    assert answers == [answers[0]] * 3
    assert patient.ok("POST", f"/drafts/{draft['id']}/send") == answers[0]
    assert len(received(mssante)) == 1


def test_a_refusal_keeps_the_draft_and_says_why(mssante: Mssante, patient: Visitor) -> None:
    bad = mssante.account("expired-certificate").identifier
    draft = patient.draft(pharmacy=bad, text="a")
    refused = patient.ask("POST", f"/drafts/{draft['id']}/send")
    assert refusal(refused) == (409, "certificate-expired")
    assert refused.json()["sentence"].count("brouillon est conservé") == 1
    assert patient.ok("GET", "/drafts") == {"drafts": [draft]}
    patient.ok("DELETE", f"/drafts/{draft['id']}", 204)
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/send")):
        assert patient.no(method, f"/drafts/{draft['id']}{path}") == (404, "draft-missing")


@pytest.mark.parametrize("word", ["", "no-such-word", "disk-full", "mailbox-full"])
async def test_every_refusal_says_once_that_the_draft_is_kept(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise Refused("No.", word=word, temporary=True)

    async with inside() as stack:
        monkeypatch.setattr(Submission, "send", refuse)

        def visit() -> None:
            with Visitor.of(stack.running, "patient") as visitor:
                draft = visitor.draft(pharmacy="990000010", text="a")
                refused = visitor.ask("POST", f"/drafts/{draft['id']}/send")
                assert refused.json()["sentence"].lower().count("brouillon est conservé") == 1
                assert visitor.ok("GET", "/drafts") == {"drafts": [draft]}

        await asyncio.to_thread(visit)


async def test_who_has_no_certificate_is_told_so(inside: Inside, tmp_path: Path) -> None:
    async with inside() as stack:
        address = stack.running.account(stack.running.roles["patient"]).address
        for one in list((tmp_path / "home" / "trust").rglob(f"*{address}*")):
            shutil.rmtree(one) if one.is_dir() else one.unlink()

        def visit() -> None:
            with Visitor.of(stack.running, "patient") as visitor:
                refused = visitor.ask("POST", "/drafts", **form({"pharmacy": "990000010", "text": "a"}))
                assert refusal(refused) == (409, "no-key")
                assert "certificat" in refused.json()["sentence"]

        await asyncio.to_thread(visit)


def test_an_answer_goes_to_who_wrote_in_its_thread(mssante: Mssante, patient: Visitor, lilas: str) -> None:
    sent = patient.send(pharmacy=lilas, text="a")
    answered = answer(mssante, sent["message_id"])
    (received_one,) = patient.ok("GET", "/notifications", params={"after": "0-0"})["messages"]
    draft = patient.draft(answers=received_one, text="Merci")
    assert (draft["subject"], draft["to"]["finess"]) == ("Re: Document", lilas)
    patient.ok("POST", f"/drafts/{draft['id']}/send")
    imap = mssante.imap("pharmacy")
    header = imap.fetch("2", "(BODY[HEADER.FIELDS (IN-REPLY-TO REFERENCES)])")[1][0][1].decode()  # type: ignore[index,union-attr]
    assert header.count(answered) == 2
    assert sent["message_id"] in header


def test_a_closed_exchange_is_told_with_who_and_when(mssante: Mssante, patient: Visitor, lilas: str) -> None:
    sent = patient.send(pharmacy=lilas, text="a")
    early = patient.draft(answers=sent["message"], text="avant")
    answer(mssante, sent["message_id"], extra=[("X-MSS-MES", "FIN")])
    late = patient.ask("POST", "/drafts", **form({"answers": sent["message"], "text": "après"}))
    refused = patient.ask("POST", f"/drafts/{early['id']}/send")
    (line,) = patient.ok("GET", "/conversations")["conversations"]
    at = datetime.fromisoformat(line["closed"]["at"]).astimezone()
    for one in (late, refused):
        assert refusal(one) == (409, "exchange-closed")
        assert one.json()["sentence"].startswith(
            f"PHARMACIE FICTIVE DES LILAS ( LILAS SANTÉ ) a clos cet échange le {at:%d/%m/%Y} à {at:%H} h {at:%M} : "
        )
    assert patient.ok("GET", "/drafts") == {"drafts": [early]}
    assert patient.send(pharmacy=lilas, text="Un autre message"), "a new message to a pharmacy is always possible"


# A server that is gone in the middle


class Cutting:
    """Relays to the submission port; cuts the connection when the client has said enough, or before the last reply."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.after_octets: int | None = None
        self.before_replies = False

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.port)
        seen = 0

        async def upwards() -> None:
            nonlocal seen
            while octets := await reader.read(65_536):
                seen += len(octets)
                if self.after_octets is not None and seen > self.after_octets:
                    break
                far_writer.write(octets)
                await far_writer.drain()

        async def downwards() -> None:
            while octets := await far_reader.read(65_536):
                if self.before_replies and seen > 400_000:
                    break
                writer.write(octets)
                await writer.drain()

        tasks = [asyncio.create_task(upwards()), asyncio.create_task(downwards())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for one in (writer, far_writer):
            one.transport.abort()


@asynccontextmanager
async def cut(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Any, Cutting]]:
    """A stack whose patients send by way of a `Cutting` relay."""
    cutting = Cutting(0)
    server = await asyncio.start_server(cutting.relay, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    def by_relay(_door: Any, *rest: Any) -> Submission:
        return Submission(lambda: Door("127.0.0.1", port, tls_at_once=False), *rest)

    monkeypatch.setattr(stack_module, "Submission", by_relay)
    async with inside() as stack, server:
        cutting.port = stack.running.ports["submission"]
        yield stack, cutting


@pytest.mark.parametrize("fault", ["mid-send", "reply-lost", "no-server"])
async def test_a_server_gone_in_the_middle_keeps_the_draft_and_sending_again_makes_no_second_copy(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    async with cut(inside, monkeypatch) as (stack, cutting):
        real = cutting.port

        def visit() -> None:
            visitor = Visitor.of(stack.running, "patient")
            draft = visitor.draft(pharmacy="990000010", text="a", files=[("a.pdf", BIG[:400_000] + b"%%EOF")])
            cutting.after_octets = 100_000 if fault == "mid-send" else None
            cutting.before_replies = fault == "reply-lost"
            cutting.port = 1 if fault == "no-server" else real
            assert visitor.no("POST", f"/drafts/{draft['id']}/send") == (502, "unreachable")
            assert visitor.ok("GET", "/drafts") == {"drafts": [draft]}
            cutting.after_octets, cutting.before_replies, cutting.port = None, False, real
            sent = visitor.ok("POST", f"/drafts/{draft['id']}/send")
            assert visitor.ok("GET", "/drafts") == {"drafts": []}
            assert visitor.ok("GET", f"/messages/{sent['message']}")["text"] == "a\n"
            mssante = Mssante(stack.running)
            assert len(received(mssante)) == 1
            mssante.close()
            visitor.close()

        await asyncio.to_thread(visit)
