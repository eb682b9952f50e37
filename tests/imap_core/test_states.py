"""Each command in each phase, in the clear and under TLS, in a folder opened to write and to read."""

import dataclasses
from itertools import product

import pytest

from mssante_sim.imap.commands.table import HANDLERS, check_promises
from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core.arguments import SortCriterion, SortKey, ThreadAlgorithm
from mssante_sim.imap.core.capabilities import PROMISES, advertised, broken_promises
from mssante_sim.imap.core.faults import LoginDisabled, ReadOnlyMailbox, WrongPhase
from mssante_sim.imap.core.fetch_items import MessageItem
from mssante_sim.imap.core.search_keys import Always, HasUid, IsNumbered, Not, Or
from mssante_sim.imap.core.sequence import SequenceSet
from mssante_sim.imap.core.session import ANSWERED_HERE
from mssante_sim.imap.core.states import RULES, Phase, check, may_send_expunge, phase_after
from mssante_sim.storage.api import FlagMode

ONE = SequenceSet(((1, 1),))
EXAMPLES: dict[type[c.Command], c.Command] = {
    type(command): command
    for command in (
        c.Capability("a"), c.Noop("a"), c.Logout("a"), c.Id("a", ()), c.StartTls("a"), c.Authenticate("a", "PLAIN"),
        c.Login("a", "u", "p"), c.Enable("a", ("X",)), c.Select("a", "INBOX", read_only=False), c.Create("a", "x"),
        c.Delete("a", "x"), c.Rename("a", "x", "y"), c.Subscribe("a", "x"), c.Unsubscribe("a", "x"),
        c.List("a", "", ("*",)), c.Lsub("a", "", "*"), c.Status("a", "x", (c.StatusItem.MESSAGES,)),
        c.Append("a", "x", (c.Upload(b"x"),)), c.Namespace("a"), c.GetQuota("a", "x"), c.GetQuotaRoot("a", "x"),
        c.SetQuota("a", "x", ()), c.Idle("a"), c.Check("a"), c.Close("a"), c.Unselect("a"), c.Expunge("a"),
        c.Search("a", Always()), c.Thread("a", ThreadAlgorithm.REFERENCES, Always()),
        c.Sort("a", (SortCriterion(SortKey.DATE),), Always()), c.Fetch("a", ONE, (MessageItem.UID,)),
        c.StoreFlags("a", ONE, FlagMode.ADD, frozenset(), silent=False), c.CopyMessages("a", ONE, "x"),
        c.MoveMessages("a", ONE, "x"),
    )
}  # fmt: skip

# Written out a second time, from the RFCs and not from the table.
ANONYMOUS_ONLY = {c.StartTls, c.Authenticate, c.Login}
ANY_TIME = {c.Capability, c.Noop, c.Logout, c.Id}
SELECTED_ONLY = {
    c.Check,
    c.Close,
    c.Unselect,
    c.Expunge,
    c.Search,
    c.Sort,
    c.Thread,
    c.Fetch,
    c.StoreFlags,
    c.CopyMessages,
    c.MoveMessages,
}
NUMBERED = {c.Fetch, c.StoreFlags, c.Search, c.Sort, c.Thread}
WRITING = {c.Expunge, c.StoreFlags, c.MoveMessages}


def expected(kind: type[c.Command], phase: Phase, *, secure: bool, read_only: bool) -> type[Exception] | None:
    if phase is Phase.ANONYMOUS:
        wrong = kind not in ANONYMOUS_ONLY | ANY_TIME
    else:
        wrong = kind in ANONYMOUS_ONLY or (kind in SELECTED_ONLY and phase is not Phase.SELECTED)
    if wrong or (kind is c.StartTls and secure):
        return WrongPhase
    if kind in {c.Login, c.Authenticate} and not secure:
        return LoginDisabled
    return ReadOnlyMailbox if kind in WRITING and read_only else None


def test_every_command_has_an_example_and_a_rule() -> None:
    kinds = {one for one in vars(c).values() if isinstance(one, type) and issubclass(one, c.Command)} - {c.Command}
    assert kinds == set(RULES) == set(EXAMPLES)


def test_every_command_is_answered_in_one_place() -> None:
    assert set(RULES) == set(HANDLERS) | ANSWERED_HERE
    # AUTHENTICATE ends as a Login, which therefore has a handler.
    assert not set(HANDLERS) & ANSWERED_HERE


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize(
    ("kind", "phase"),
    list(product(RULES, [Phase.ANONYMOUS, Phase.AUTHENTICATED, Phase.SELECTED])),
    ids=lambda one: one.__name__ if isinstance(one, type) else one.name,
)
def test_a_command_runs_only_where_it_may(kind, phase, secure, read_only) -> None:
    refusal = expected(kind, phase, secure=secure, read_only=read_only)
    if refusal is None:
        check(EXAMPLES[kind], phase, secure=secure, read_only=read_only)
    else:
        with pytest.raises(refusal):
            check(EXAMPLES[kind], phase, secure=secure, read_only=read_only)


@pytest.mark.parametrize("kind", RULES, ids=lambda kind: kind.__name__)
def test_only_what_answers_by_number_holds_back_expunge(kind) -> None:
    command = EXAMPLES[kind]
    assert may_send_expunge(command) is (kind not in NUMBERED)
    if kind in NUMBERED:
        assert may_send_expunge(dataclasses.replace(command, by_uid=True))


def test_a_uid_search_for_numbers_holds_back_expunge_too() -> None:
    """[RFC 7162 §3.2.10.2]."""
    numbers = Or(Not(IsNumbered(ONE)), Always())
    assert not may_send_expunge(c.Search("a", numbers, by_uid=True))
    assert may_send_expunge(c.Search("a", HasUid(ONE), by_uid=True))


@pytest.mark.parametrize(
    ("kind", "before", "ok", "after"),
    [
        (c.Login, Phase.ANONYMOUS, True, Phase.AUTHENTICATED),
        (c.Login, Phase.ANONYMOUS, False, Phase.ANONYMOUS),
        (c.Select, Phase.AUTHENTICATED, True, Phase.SELECTED),
        (c.Select, Phase.SELECTED, True, Phase.SELECTED),
        (c.Select, Phase.SELECTED, False, Phase.AUTHENTICATED),
        (c.Close, Phase.SELECTED, True, Phase.AUTHENTICATED),
        (c.Unselect, Phase.SELECTED, True, Phase.AUTHENTICATED),
        (c.Fetch, Phase.SELECTED, True, Phase.SELECTED),
        (c.Fetch, Phase.SELECTED, False, Phase.SELECTED),
        (c.Logout, Phase.SELECTED, True, Phase.OVER),
    ],
)
def test_where_a_command_leads(kind, before, ok, after) -> None:
    assert phase_after(EXAMPLES[kind], before, ok=ok) is after


@pytest.mark.parametrize("phase", [Phase.ANONYMOUS, Phase.AUTHENTICATED, Phase.SELECTED])
@pytest.mark.parametrize("secure", [False, True])
def test_what_is_advertised_is_promised_and_kept(phase, secure) -> None:
    names = advertised(phase, secure=secure, append_limit=1)
    assert {name.removesuffix("=1") for name in names} <= set(PROMISES)
    assert ("LITERAL-" in names) is (phase is Phase.ANONYMOUS) is not ("LITERAL+" in names)
    assert len(names) == len(set(names))
    assert broken_promises(RULES) == []


def test_a_server_without_a_promised_handler_does_not_start() -> None:
    without_move = {kind: handler for kind, handler in HANDLERS.items() if kind is not c.MoveMessages}
    with pytest.raises(AssertionError, match="MOVE"):
        check_promises(without_move)


def test_passwords_are_offered_under_tls_only() -> None:
    clear, secure = (advertised(Phase.ANONYMOUS, secure=secure, append_limit=1) for secure in (False, True))
    assert "LOGINDISABLED" in clear
    assert "STARTTLS" in clear
    assert not any(name.startswith("AUTH=") for name in clear)
    assert {"AUTH=PLAIN", "AUTH=LOGIN"} <= set(secure)
    assert not {"STARTTLS", "LOGINDISABLED"} & set(secure)
