"""What JavaMail keeps of a mailbox is what lies in it, and it sees what changed since."""

from email.message import EmailMessage
from pathlib import Path
from typing import Final

import pytest

from tests.interop.clients.mailbox import Mailbox
from tests.interop.clients.odd_messages import MESSAGES
from tests.interop.javamail.conftest import Connect
from tests.interop.javamail.workplace import Workplace

pytestmark = [pytest.mark.interop, pytest.mark.slow]

PDF: Final = b"%PDF-1.4\n" + bytes(range(256)) * 1000
ODD: Final = {
    **MESSAGES,
    "no field": b"\r\nonly a body",
    "no end of header": b"Subject: nothing follows",
    "empty lines": b"\r\n\r\n\r\n\r\n",
    "long field": b"X-Long: " + b"a " * 50_000 + b"\r\n\r\nx\r\n",
    "8-bit field": b"Subject: \xe9t\xe9 \xc3\xa9t\xc3\xa9\r\n\r\n\xe0 pr\xc3\xa9parer\r\n",
    "nonsense type": b'Content-Type: ;;;="\xff\r\nContent-Transfer-Encoding: 9bit\r\n\r\nx\r\n',
    "two From": b"From: <a@b.test>\r\nFrom: <c@d.test>, (\r\nTo: undisclosed:;\r\n\r\nx\r\n",
    "message in message": b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nx\r\n",
    "300 kB": b"Subject: big\r\n\r\n" + b"ligne d'ordonnance fictive\r\n" * 11_000,
}
ORDINARY: Final = (
    b"From: Dominique <dominique@patient.mssante.test>\r\nTo: <lilas@officine.mssante.test>\r\n"
    b"Subject: =?utf-8?q?Ordonnance_d'=C3=A9t=C3=A9?=\r\nMessage-ID: <1@javamail.test>\r\n"
    b"Date: Wed, 25 Nov 2026 10:00:00 +0100\r\nX-Patient: fictif\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n\r\nCommande \xc3\xa0 pr\xc3\xa9parer.\r\n"
)
SECOND: Final = (
    b"From: <autre@patient.mssante.test>\r\nTo: <lilas@officine.mssante.test>\r\nSubject: Ordonnance\r\n"
    b"Message-ID: <2@javamail.test>\r\nDate: Wed, 25 Nov 2009 10:00:00 +0100\r\n\r\n" + b"Une ligne.\r\n" * 300
)


def kept(folder: Path) -> dict[int, bytes]:
    """What `fetch` has written, by UID."""
    return {uid: (folder / f"{uid}.eml").read_bytes() for uid in sorted(int(one.stem) for one in folder.glob("*.eml"))}


@pytest.mark.parametrize(
    ("protocol", "properties"),
    [
        ("imaps", ["peek=true"]),
        ("imap", ["peek=true", "partialfetch=false"]),
        ("imaps", ["peek=true", "fetchsize=7777"]),
    ],
    ids=["imaps, in pieces", "STARTTLS, whole", "imaps, in small pieces"],
)
def test_every_message_is_kept_octet_for_octet(
    mailbox: Mailbox, java: Workplace, connect: Connect, tmp_path: Path, protocol: str, properties: list[str]
) -> None:
    mailbox.store(*ODD.values())
    connect(protocol, *properties)
    java("open", "INBOX")
    rows = java("fetch", 1, tmp_path)
    assert [int(row[1]) for row in rows] == list(map(len, ODD.values()))
    assert dict(zip(ODD, kept(tmp_path).values(), strict=True)) == ODD
    assert not any("Seen" in row[1] for row in java("flags"))


def test_parts_are_found_where_the_servers_body_structure_puts_them(
    mailbox: Mailbox, java: Workplace, connect: Connect, tmp_path: Path
) -> None:
    inner = EmailMessage()
    inner.set_content("Réponse « intérieure »\n")
    letter = EmailMessage()
    letter["Subject"] = "Ordonnance"
    letter.set_content("Voici l'ordonnance.\n")
    letter.add_alternative("<p>Voici l'ordonnance.</p>\n", subtype="html")
    letter.add_attachment(PDF, "application", "pdf", filename="ordonnance d'été.pdf")
    letter.add_attachment(inner)
    mailbox.store(letter.as_bytes().replace(b"\n", b"\r\n"))
    connect("imaps", "peek=true")
    java("open", "INBOX")
    rows = java("parts", 1, tmp_path)
    assert rows == [
        ["1.1", "text/plain", "null"],
        ["1.2", "text/html", "null"],
        ["2", "application/pdf", "ordonnance d'été.pdf"],
        ["3.m", "text/plain", "null"],
    ]
    assert (tmp_path / "part2").read_bytes() == PDF
    assert (tmp_path / "part1.1").read_bytes() == b"Voici l'ordonnance.\r\n"


def test_flags_and_states_of_orders_go_both_ways(mailbox: Mailbox, java: Workplace, connect: Connect) -> None:
    mailbox.store(ORDINARY, SECOND)
    connect()
    java("open", "INBOX")
    assert java("flags") == [["1", ""], ["2", ""]]
    mailbox.flag(1, "\\Flagged $mss_prepa")
    assert java("flags")[0] == ["1", "$mss_prepa \\Flagged"]
    java("flag", 1, "\\Answered $mss_prete", True)
    java("flag", 1, "$mss_prepa", False)
    assert mailbox.flags(1) == {"\\Answered", "\\Flagged", "$mss_prete"}


def test_reading_marks_as_read_unless_told_to_peek(
    mailbox: Mailbox, java: Workplace, connect: Connect, tmp_path: Path
) -> None:
    mailbox.store(ORDINARY, SECOND)
    connect()
    java("open", "INBOX")
    java("fetch", 2, tmp_path)
    assert [mailbox.flags(number) for number in (1, 2)] == [set(), {"\\Seen"}]


def test_a_second_run_fetches_only_what_is_new(
    mailbox: Mailbox, java: Workplace, connect: Connect, tmp_path: Path
) -> None:
    mailbox.store(ORDINARY)
    connect("imaps", "peek=true")
    ((_, validity, following, _),) = java("open", "INBOX")
    java("fetch", 1, tmp_path)
    java("disconnect")
    mailbox.store(SECOND)
    connect("imaps", "peek=true")
    ((count, same_validity, next_following, _),) = java("open", "INBOX")
    assert (count, same_validity, int(next_following)) == ("2", validity, int(following) + 1)
    assert [row[0] for row in java("fetch", following, tmp_path)] == [following]
    assert kept(tmp_path) == {1: ORDINARY, int(following): SECOND}


def test_a_second_run_learns_in_one_step_what_changed_and_what_vanished(
    mailbox: Mailbox, java: Workplace, connect: Connect
) -> None:
    mailbox.store(*[ORDINARY] * 5)
    connect()
    ((_, validity, _, modseq),) = java("open", "INBOX")
    java("disconnect")
    mailbox.flag(2, "\\Flagged $mss_prete")
    mailbox.remove(4)
    mailbox.remove(1)
    connect()
    events = java("reopen", "INBOX", validity, modseq, "1 2 3 4 5")
    assert events == [["vanished", "1 4"], ["changed", "2", "$mss_prete \\Flagged"]]
    ((uid, changed_at, flags),) = java("changed", modseq)
    assert (uid, flags) == ("2", "$mss_prete \\Flagged")
    assert int(changed_at) > int(modseq)


def test_what_another_client_deletes_vanishes_from_an_open_folder(
    mailbox: Mailbox, java: Workplace, connect: Connect
) -> None:
    mailbox.store(*[ORDINARY] * 3)
    connect()
    java("open", "INBOX")
    mailbox.remove(2)
    assert [row[0] for row in java("flags")] == ["1", "3"]


def test_the_server_finds_what_javamail_finds_itself(mailbox: Mailbox, java: Workplace, connect: Connect) -> None:
    mailbox.store(ORDINARY, SECOND, *ODD.values())
    for number in (1, 2, 3):
        mailbox.flag(number, "\\Seen")
    mailbox.flag(2, "$mss_prepa")
    connect("imaps", "throwsearchexception=true")  # or it would search by itself where the server refuses
    java("open", "INBOX")
    found = {term: (theirs, own) for term, theirs, own in java("search")}
    assert {term for term, (theirs, own) in found.items() if theirs != own} == set()
    theirs = {term: both[0] for term, both in found.items()}
    every = " ".join(map(str, range(1, len(ODD) + 3)))
    assert theirs["seen"] == "1 2 3"
    assert theirs["keyword"] == theirs["message id"] == theirs["sent before"] == "2"
    assert theirs["subject with accents"] == f"1 {list(ODD).index('8-bit field') + 3}"
    assert theirs["header"] == "1"
    assert theirs["received since"] == theirs["younger"] == every
    assert theirs["older"] == ""


def test_the_server_sorts(mailbox: Mailbox, java: Workplace, connect: Connect) -> None:
    mailbox.store(ORDINARY, SECOND, ODD["300 kB"])
    connect()
    java("open", "INBOX")
    assert java("sort", "reverse", "size") == [["3 2 1"]]
    assert java("sort", "date")[0][0].startswith("2 1")
