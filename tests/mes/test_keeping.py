"""What is kept: never in clear on a disk, there after a restart, readable after a renewal."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mssante_sim.clients.running import Running
from mssante_sim.crypto.keystore import Holder, Keystore
from mssante_sim.testing import Mssante
from tests.mes.conftest import Inside
from tests.mes.pharmacy import answer
from tests.mes.visitor import PDF, Visitor, form, refusal

WORDS = {"titre-marque-1Aa", "auteur-marque-2Bb", "piece-marque-3Cc", "texte-marque-4Dd", "objet-marque-5Ee"}
TITLE, AUTHOR, FILE, TEXT, SUBJECT = sorted(WORDS, key=lambda word: ("taptob".find(word[0]), word))
CONTENT = b"%PDF-1.4 contenu-marque-6Ff\n" + b"x" * 400_000 + b"\n%%EOF"


def fill(running: Running) -> dict[str, Any]:
    """A document, a draft, a conversation, all with words that are looked for; as they are shown."""
    with Visitor.of(running, "patient") as visitor:
        document = visitor.add(f"{FILE}.pdf", CONTENT, title=TITLE, author=AUTHOR)
        small = visitor.add(f"{FILE}.txt", TEXT.encode(), title=TITLE, author=AUTHOR)
        fields = {"pharmacy": "990000010", "subject": SUBJECT, "text": TEXT, "document": document["id"]}
        draft = visitor.draft(**fields)
        sent = visitor.send(**fields)
        mssante = Mssante(running)
        answer(mssante, sent["message_id"], TEXT, subject=SUBJECT, files=[(f"{FILE}.pdf", "application/pdf", PDF)])
        mssante.close()
        return shown(visitor, document["id"], small["id"], draft["id"])


def shown(visitor: Visitor, document: str, small: str, draft: str) -> dict[str, Any]:
    """Everything that the patient can see."""
    conversations = visitor.ok("GET", "/conversations")["conversations"]
    conversation = visitor.ok("GET", f"/conversations/{conversations[0]['id']}")
    messages = [visitor.ok("GET", f"/messages/{one['id']}") for one in conversation["messages"]]
    return {
        "documents": visitor.ok("GET", "/documents")["documents"],
        "content": visitor.ask("GET", f"/documents/{document}/content").content,
        "small": visitor.ask("GET", f"/documents/{small}/content").content,
        "drafts": visitor.ok("GET", "/drafts")["drafts"],
        "draft": visitor.ok("GET", f"/drafts/{draft}"),
        "texts": [one["text"] for one in messages],
        "attachment": visitor.ask("GET", f"/messages/{messages[1]['id']}/attachments/1").content,
        "source": visitor.ask("GET", f"/messages/{messages[0]['id']}/source").content,
    }


def seen(running: Running, before: dict[str, Any]) -> dict[str, Any]:
    """The same things, looked up anew."""
    with Visitor.of(running, "patient") as visitor:
        small, document = (one["id"] for one in before["documents"][-2:])
        return shown(visitor, document, small, before["draft"]["id"])


async def test_nothing_of_it_lies_in_clear_on_the_disk(
    inside: Inside, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with inside(confidential_subject=True) as stack:
        before = await asyncio.to_thread(fill, stack.running)
        passwords = [one.password for account in stack.running.accounts for one in account.logins]
    assert (before["content"], before["small"]) == (CONTENT, TEXT.encode())
    assert before["texts"] == [f"{TEXT}\n", f"{TEXT}\n"]
    files = [file for file in tmp_path.rglob("*") if file.is_file()]  # noqa: ASYNC240  the stack is down
    assert any(file.parent.parent.name == "bodies" for file in files), "the large one lies in a file"
    logs = "".join(capfd.readouterr())
    for marker in (*WORDS, "contenu-marque-6Ff"):
        assert marker not in logs
        assert not [file for file in files if marker.encode() in file.read_bytes()], marker
    audit = (tmp_path / "home" / "audit.log").read_text()
    assert '"mes.sign-in"' in audit
    assert '"mes.send"' in audit
    assert not [one for one in passwords if one in audit]
    assert "279035121518989" not in audit


async def test_all_is_there_after_a_restart_and_after_a_renewal_of_the_certificate(
    inside: Inside, tmp_path: Path
) -> None:
    async with inside() as stack:
        before = await asyncio.to_thread(fill, stack.running)
    async with inside() as stack:
        assert await asyncio.to_thread(seen, stack.running, before) == before
        address = stack.running.roles["patient"]
        keystore = Keystore.open(tmp_path / "home" / "trust")
        keystore.issue([Holder(address, "FICTIF")], at=datetime.now(UTC))
        assert await asyncio.to_thread(seen, stack.running, before) == before, "while the service is up"
        renewed = await asyncio.to_thread(fill, stack.running)
    async with inside() as stack:
        again = await asyncio.to_thread(seen, stack.running, before)
        for what in ("content", "small", "draft"):
            assert again[what] == before[what], "what was sealed to the certificate before"
        assert again["documents"] == renewed["documents"]
        assert len(again["documents"]) == 4
        assert again["source"] == renewed["source"]


async def test_a_full_account_says_so_and_keeps_nothing_half(inside: Inside) -> None:
    async with inside(quota_octets=1_000_000) as stack:

        def visit() -> None:
            with Visitor.of(stack.running, "patient") as visitor:
                document = visitor.add("a.pdf", CONTENT)
                refused = visitor.ask("POST", "/documents", params={"name": "b.pdf"}, content=CONTENT)
                assert refusal(refused) == (507, "space-full")
                fields = {"pharmacy": "990000010", "text": "a", "document": document["id"]}
                assert visitor.no("POST", "/drafts", **form(fields)) == (507, "space-full")
                assert visitor.ok("GET", "/documents")["documents"] == [document]
                assert visitor.ok("GET", "/drafts")["drafts"] == []

        await asyncio.to_thread(visit)
