"""The octets of everything a server says."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.imap.core import codes, faults
from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.commands import StatusItem
from mssante_sim.imap.core.encode import date_time, encode
from mssante_sim.imap.core.sequence import SeqNum
from mssante_sim.message.ordering import Subject
from mssante_sim.message.thread_trees import Node, Threadable
from mssante_sim.storage.api import ModSeq, Uid

FIRST = SeqNum(1)
EAST = timezone(timedelta(hours=5, minutes=45))
WEST = timezone(-timedelta(hours=3, minutes=30))


def tree(number: int | None, *children: Node) -> Node:
    subject = Subject("", is_reply=False)
    return Node(None if number is None else Threadable(number, subject, datetime.now(UTC)), list(children))


def test_a_tree_deeper_than_the_stack_can_be_told() -> None:
    root = tree(1)
    for number in range(2, 20_001, 2):
        root = tree(number + 1, tree(number), root)
    octets = encode(r.Threads([root]))
    assert octets.startswith(b"* THREAD (20001 (20000)(19999 (19998)(")
    assert octets.count(b"(") == octets.count(b")") == 20_001


@pytest.mark.parametrize(
    ("response", "octets"),
    [
        (r.Reply(r.Condition.OK, "Done.", tag="a1"), b"a1 OK Done.\r\n"),
        (r.Reply(r.Condition.OK, "Still here"), b"* OK Still here\r\n"),
        (r.Reply(r.Condition.BYE, "Too late", "UNAVAILABLE"), b"* BYE [UNAVAILABLE] Too late\r\n"),
        (r.Reply(r.Condition.NO, "a\r\na1 OK b\0é", tag="a"), b"a NO a??a1 OK b??\r\n"),
        (r.Reply(r.Condition.OK, "[ALERT] x"), b"* OK ALERT] x\r\n"),  # a text that is no code
        (r.Reply(r.Condition.OK, ""), b"* OK Done.\r\n"),
        (r.Continuation("idling"), b"+ idling\r\n"),
        (r.Continuation(), b"+ \r\n"),
        (r.Continuation(challenge=b"Username:"), b"+ VXNlcm5hbWU6\r\n"),
        (r.Continuation(challenge=b""), b"+ \r\n"),
        (r.Capabilities(("IMAP4rev1", "IDLE")), b"* CAPABILITY IMAP4rev1 IDLE\r\n"),
        (r.Enabled(()), b"* ENABLED\r\n"),
        (r.Enabled(("CONDSTORE",)), b"* ENABLED CONDSTORE\r\n"),
        (r.Identity(()), b"* ID NIL\r\n"),
        (r.Identity((("name", "x"), ("os", None))), b'* ID ("name" "x" "os" NIL)\r\n'),
        (r.Identity((("name", "a\r\nb"),)), b'* ID ("name" {4}\r\na\r\nb)\r\n'),
        (r.Identity((("name", "é"),)), b'* ID ("name" {2}\r\n\xc3\xa9)\r\n'),
        (r.Namespaces(), b'* NAMESPACE (("" "/")) NIL NIL\r\n'),
        (r.Namespaces("\\"), b'* NAMESPACE (("" "\\\\")) NIL NIL\r\n'),
        (r.Listed("INBOX"), b'* LIST () "/" INBOX\r\n'),
        (r.Listed("", ("\\Noselect",)), b'* LIST (\\Noselect) "/" ""\r\n'),
        (r.Listed("Envoyés", ("\\Sent",), None), b'* LIST (\\Sent) NIL "Envoy&AOk-s"\r\n'),
        (r.Listed('a "b"\\c'), b'* LIST () "/" "a \\"b\\"\\\\c"\r\n'),
        (r.Listed("a\r\nb"), b'* LIST () "/" "a&AA0ACg-b"\r\n'),
        (r.Listed("a", child_info=("SUBSCRIBED",)), b'* LIST () "/" "a" ("CHILDINFO" ("SUBSCRIBED"))\r\n'),
        (r.Listed("a", lsub=True), b'* LSUB () "/" "a"\r\n'),
        (
            r.MailboxStatus("a b", ((StatusItem.MESSAGES, 2), (StatusItem.UID_NEXT, 3))),
            b'* STATUS "a b" (MESSAGES 2 UIDNEXT 3)\r\n',
        ),
        (r.Found([]), b"* SEARCH\r\n"),
        (r.Found([2, 4_294_967_295]), b"* SEARCH 2 4294967295\r\n"),
        (r.Found([2, 5], 917162500), b"* SEARCH 2 5 (MODSEQ 917162500)\r\n"),
        (r.Found([], 917162500), b"* SEARCH\r\n"),
        (r.Searched("a1", by_uid=False), b'* ESEARCH (TAG "a1")\r\n'),
        (r.Searched('a"', by_uid=True, count=0), b'* ESEARCH (TAG "a\\"") UID COUNT 0\r\n'),
        (
            r.Searched("a1", by_uid=True, lowest=2, highest=9, numbers=[2, 3, 4, 9], count=4, modseq=917),
            b'* ESEARCH (TAG "a1") UID MIN 2 MAX 9 ALL 2:4,9 COUNT 4 MODSEQ 917\r\n',
        ),
        (r.Sorted([5, 3, 4]), b"* SORT 5 3 4\r\n"),
        (r.Sorted([5, 3], 917), b"* SORT 5 3 (MODSEQ 917)\r\n"),
        (r.Threads([]), b"* THREAD\r\n"),
        (
            r.Threads([tree(2), tree(3, tree(6, tree(4, tree(23)), tree(44, tree(7, tree(96)))))]),
            b"* THREAD (2)(3 6 (4 23)(44 7 96))\r\n",
        ),  # the example of [RFC 5256 §4]
        (r.Threads([tree(None, tree(3), tree(5))]), b"* THREAD ((3)(5))\r\n"),
        (r.MailboxStatus("a", ((StatusItem.MAILBOX_ID, "F1"),)), b'* STATUS "a" (MAILBOXID (F1))\r\n'),
        (r.Vanished("405,407:408"), b"* VANISHED 405,407:408\r\n"),
        (r.Vanished("1:3", earlier=True), b"* VANISHED (EARLIER) 1:3\r\n"),
        (r.Fetched(FIRST, (r.ModSeqItem(ModSeq(624140003)),)), b"* 1 FETCH (MODSEQ (624140003))\r\n"),
        (r.Flags(("\\Seen", "$label1")), b"* FLAGS (\\Seen $label1)\r\n"),
        (r.Exists(0), b"* 0 EXISTS\r\n"),
        (r.Recent(1), b"* 1 RECENT\r\n"),
        (r.Expunged(FIRST), b"* 1 EXPUNGE\r\n"),
        (r.Quota("", (("STORAGE", 1, 2),)), b'* QUOTA "" (STORAGE 1 2)\r\n'),
        (r.Quota("NIL", ()), b'* QUOTA "NIL" ()\r\n'),
        (r.QuotaRoots("INBOX", ("",)), b'* QUOTAROOT INBOX ""\r\n'),
        (r.QuotaRoots("INBOX", ("user",)), b"* QUOTAROOT INBOX user\r\n"),
        (r.Fetched(FIRST, (r.FlagsItem(frozenset()),)), b"* 1 FETCH (FLAGS ())\r\n"),
        (
            r.Fetched(FIRST, (r.UidItem(Uid(7)), r.FlagsItem(frozenset({"b", "\\Seen"})))),
            b"* 1 FETCH (UID 7 FLAGS (\\Seen b))\r\n",
        ),
    ],
)
def test_a_response_and_its_octets(response: r.Response, octets: bytes) -> None:
    assert encode(response) == octets


@pytest.mark.parametrize(
    ("response", "octets"),
    [
        (r.Listed("Envoyés/A&B"), '* LIST () "/" "Envoyés/A&B"\r\n'),
        (r.Listed("INBOX"), '* LIST () "/" INBOX\r\n'),
        (r.Listed('a "b"'), '* LIST () "/" "a \\"b\\""\r\n'),
        (r.Listed("a\nb"), '* LIST () "/" {3}\r\na\nb\r\n'),
        (r.MailboxStatus("é", ((StatusItem.MESSAGES, 2),)), '* STATUS "é" (MESSAGES 2)\r\n'),
        (r.QuotaRoots("é", ("",)), '* QUOTAROOT "é" ""\r\n'),
        (r.Reply(r.Condition.OK, "é"), "* OK ?\r\n"),
    ],
)
def test_names_are_utf8_for_who_enabled_imap4rev2(response: r.Response, octets: str) -> None:
    assert encode(response, utf8_names=True) == octets.encode()


@pytest.mark.parametrize(
    ("date", "octets"),
    [
        (datetime(2026, 2, 1, 9, 30, tzinfo=UTC), b"01-Feb-2026 09:30:00 +0000"),
        (datetime(26, 1, 2, 3, 4, 5, tzinfo=WEST), b"02-Jan-0026 03:04:05 -0330"),
        (datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=EAST), b"31-Dec-2026 23:59:59 +0545"),
        (datetime(1900, 1, 1, tzinfo=timezone(timedelta(minutes=9, seconds=21))), b"01-Jan-1900 00:00:00 +0009"),
    ],
)
def test_a_date_is_written_as_imap_has_it(date: datetime, octets: bytes) -> None:
    assert date_time(date) == octets


@given(st.text(st.characters(codec="utf-8")))
def test_a_text_never_ends_the_line(text: str) -> None:
    line = encode(r.Reply(r.Condition.NO, text, "CANNOT", "a1"))
    assert line.startswith(b"a1 NO [CANNOT] ")
    assert line.endswith(b"\r\n")
    assert all(0x20 <= octet < 0x7F for octet in line[:-2])


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (codes.capability(["IMAP4rev1", "IDLE"]), "CAPABILITY IMAP4rev1 IDLE"),
        (codes.permanent_flags(["\\Seen"], new_keywords=True), "PERMANENTFLAGS (\\Seen \\*)"),
        (codes.permanent_flags([], new_keywords=False), "PERMANENTFLAGS ()"),
        (codes.uid_next(8), "UIDNEXT 8"),
        (codes.uid_validity(9), "UIDVALIDITY 9"),
        (codes.mailbox_id("F-1_x"), "MAILBOXID (F-1_x)"),
        (codes.highest_modseq(7), "HIGHESTMODSEQ 7"),
        (codes.modified([7, 9, 10]), "MODIFIED 7,9:10"),
        (codes.append_uid(9, [4]), "APPENDUID 9 4"),
        (codes.copy_uid(9, [(1, 5), (2, 6), (4, 7)]), "COPYUID 9 1:2,4 5:7"),
    ],
)
def test_a_code_and_its_arguments(code: str, expected: str) -> None:
    assert code == expected


def faults_known() -> list[type[faults.ImapFault]]:
    return [faults.ImapFault, *(getattr(faults, name) for name in faults.__all__ if name != "ImapFault")]


@pytest.mark.parametrize("kind", faults_known())
def test_a_fault_tells_the_client_its_public_text_only(kind: type[faults.ImapFault]) -> None:
    fault = kind("What is wrong.", detail="SELECT * FROM message")
    line = encode(r.reply_to("a1", fault))
    code = f"[{kind.code}] " if kind.code else ""
    assert line == f"a1 {kind.status} {code}What is wrong.\r\n".encode()
