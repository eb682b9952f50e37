"""Rules R1-R4, cell by cell, and as properties over generated mailboxes."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.directory.identifiers import Finess, Ins
from mssante_sim.directory.model import (
    PHARMACY_SECTORS,
    Attachment,
    AttachmentKind,
    Mailbox,
    MailboxKind,
    PatientProfile,
)
from mssante_sim.smtp import replies
from mssante_sim.smtp.matrix import RECIPIENTS, SENDERS, as_markdown, cells
from mssante_sim.smtp.policy import (
    RULES,
    Accepted,
    Certificate,
    Decision,
    Party,
    Patient,
    Policy,
    Refused,
    Registered,
    Returned,
    Stranger,
    decide,
    explain,
    hidden_from,
    same_mailbox,
)
from mssante_sim.storage.api import Exchange

OPENED = datetime(2026, 11, 1, tzinfo=UTC)
FINESS = Finess.synthetic(7)
INS = Ins.synthetic(sex=1, year=70, month=1, order=3)
PROFILE = PatientProfile(INS, f"{INS}@patient.mssante.test", "FICTIF", "Alix", date(1970, 1, 2))

# Written by hand: what a sender meets, at first contact and inside an exchange that the recipient opened.
R1_FAULTS = {
    "ORG, attached to nothing": "not-attached",
    "ORG, attached to an unknown number": "attachment-unknown",
    "ORG, not yet published": "not-published",
    "ORG, closed": "mailbox-closed",
    "ORG, certificate missing": "certificate-missing",
    "ORG, certificate expired": "certificate-expired",
    "ORG, certificate not-yet-valid": "certificate-not-yet-valid",
    "ORG, certificate revoked": "certificate-revoked",
    "ORG, certificate wrong-usage": "certificate-wrong-usage",
    "ORG, certificate wrong-address": "certificate-wrong-address",
    "ORG, certificate untrusted": "certificate-untrusted",
    "PER": "not-organisational",
    "APP": "not-organisational",
    "unknown mailbox": "unknown-mailbox",
    "address of another domain": "outside-domain",
}
# What Mon espace santé returns by mail, to whoever may write to patients at all.
RETURNED = {
    "patient, profile not activated": "returned: patient-closed",
    "unknown patient": "returned: patient-unknown",
    "no patient's address": "returned: patient-address",
}
FOR_PATIENTS = {
    "ORG, pharmacy": ("accepted", "accepted"),
    "ORG, sealing off, no certificate": ("accepted", "accepted"),
    "ORG, not a pharmacy": ("not-pharmacy", "accepted"),
    "ORG, pharmacy, red-listed": ("unknown-mailbox", "accepted"),
    "ORG, not a pharmacy, red-listed": ("unknown-mailbox", "accepted"),
    "patient": ("patient-cannot-receive", "patient-cannot-receive"),
}


def expected(sender: str, recipient: str) -> tuple[str, str]:
    if sender == "patient, profile not activated":
        return "profile-not-activated", "profile-not-activated"
    if recipient in R1_FAULTS:
        return R1_FAULTS[recipient], R1_FAULTS[recipient]
    if recipient in RETURNED:
        met = RETURNED[recipient] if sender == "ORG" else "patient-cannot-receive"
        return met, met
    if sender == "patient":
        return FOR_PATIENTS[recipient]
    if recipient == "patient":
        return "patient-cannot-receive", "accepted" if sender == "ORG" else "patient-cannot-receive"
    return "accepted", "accepted"


def word(decision: Decision) -> str:
    match decision:
        case Accepted():
            return "accepted"
        case Returned():
            return f"returned: {decision.refusal.word}"
        case Refused():
            return decision.refusal.word


@pytest.mark.parametrize("cell", list(cells(Policy())), ids=lambda cell: f"{cell.sender} to {cell.recipient}")
def test_every_cell_of_the_matrix(cell):
    assert (word(cell.first), word(cell.answering)) == expected(cell.sender, cell.recipient)


def test_never_changes_only_what_patients_receive():
    for answers, never in zip(cells(Policy()), cells(Policy(patients_receive="never")), strict=True):
        if answers.recipient in {"patient", *RETURNED}:
            assert isinstance(never.answering, Refused)
        else:
            assert answers == never


def test_the_printed_matrix_has_a_row_a_recipient_and_a_column_a_sender():
    lines = as_markdown(Policy()).splitlines()
    assert len(lines) == 2 + len(RECIPIENTS)
    assert {line.count("|") for line in lines} == {len(SENDERS) + 2}
    assert "| ORG, not a pharmacy | not-pharmacy (when answering: accepted) | profile-not-activated |" in lines[3]


# generated parties

mostly = st.sampled_from([True] * 7 + [False])  # else nearly every generated mailbox would fail R1 at once
local_parts = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-", min_size=1, max_size=20)


def mailboxes(kinds: st.SearchStrategy[MailboxKind]) -> st.SearchStrategy[Mailbox]:
    return st.builds(
        Mailbox,
        address=local_parts.map(lambda local: f"{local}@officine.mssante.test"),
        kind=kinds,
        name=st.just("BAL FICTIVE"),
        attachment=mostly.map(lambda attached: Attachment(AttachmentKind.FINESS, FINESS) if attached else None),
        organisation=st.just(FINESS),
        responsible=st.none(),
        published=mostly,
        open=mostly,
        red_listed=st.booleans(),
        sealing=mostly,
    )


def registered(kinds: st.SearchStrategy[MailboxKind]) -> st.SearchStrategy[Registered]:
    return st.builds(
        Registered,
        mailbox=mailboxes(kinds),
        sector=st.sampled_from([None, "SA01", *sorted(PHARMACY_SECTORS)]),
        attachment_known=mostly,
        certificate=st.just(Certificate.VALID) | st.sampled_from(Certificate),
    )


patients = mostly.map(lambda activated: Patient(replace(PROFILE, activated=activated)))
strangers = st.sampled_from(Stranger)
anyone: st.SearchStrategy[Party] = registered(st.sampled_from(MailboxKind)) | patients | strangers
not_organisational = registered(st.sampled_from([MailboxKind.PER, MailboxKind.APP])) | patients | strangers
exchanges = st.lists(
    st.builds(
        Exchange,
        patient=st.just("p@patient.mssante.test"),
        professional=st.just("o@officine.mssante.test"),
        opened_by=st.sampled_from(["p@patient.mssante.test", "o@officine.mssante.test"]),
        opened=st.just(OPENED),
        closed=st.none() | st.just(OPENED),
    ),
    max_size=3,
)


@given(anyone, not_organisational, exchanges, st.booleans())
def test_with_never_no_address_that_is_not_org_is_ever_accepted(sender, recipient, between, sealing):
    assert isinstance(decide(sender, recipient, between, policy=Policy(sealing, "never")), Refused)


@given(anyone, registered(st.sampled_from(MailboxKind)), exchanges, st.booleans())
def test_whoever_is_accepted_in_an_operators_domain_satisfies_r1(sender, recipient, between, sealing):
    if isinstance(decide(sender, recipient, between, policy=Policy(sealing)), Accepted):
        mailbox = recipient.mailbox
        assert mailbox.kind is MailboxKind.ORG
        assert mailbox.attachment is not None
        assert recipient.attachment_known
        assert mailbox.published
        assert mailbox.open
        assert recipient.certificate is Certificate.VALID or not mailbox.sealing or not sealing


@given(anyone, patients, exchanges)
def test_a_patient_receives_only_answers_of_org_and_what_mon_espace_sante_says(sender, recipient, between):
    if isinstance(decide(sender, recipient, between, policy=Policy()), Accepted):
        if sender is Stranger.MON_ESPACE_SANTE:
            return
        assert isinstance(sender, Registered)
        assert sender.mailbox.kind is MailboxKind.ORG
        assert any(exchange.opened_by == exchange.patient for exchange in between)


@given(anyone, patients, exchanges)
def test_with_professionals_only_org_and_per_mailboxes_that_are_open_write_first(sender, recipient, between):
    if isinstance(decide(sender, recipient, between, policy=Policy(patients_receive="professionals")), Accepted):
        if sender is Stranger.MON_ESPACE_SANTE:
            return
        assert isinstance(sender, Registered)
        assert sender.mailbox.kind in {MailboxKind.ORG, MailboxKind.PER}
        assert sender.mailbox.open


@given(anyone, st.sampled_from([Stranger.UNKNOWN_PATIENT, Stranger.NO_PATIENT_ADDRESS]) | patients, exchanges)
def test_what_is_returned_goes_to_a_mailbox_that_can_be_told(sender, recipient, between):
    for receive in ("answers", "professionals", "never"):
        decision = decide(sender, recipient, between, policy=Policy(patients_receive=receive))
        if isinstance(decision, Returned):
            assert isinstance(decide(Stranger.MON_ESPACE_SANTE, sender, (), policy=Policy()), Accepted)


@given(registered(st.sampled_from(MailboxKind)))
def test_a_red_listed_mailbox_answers_a_first_contact_exactly_as_an_unknown_one(recipient):
    recipient = replace(recipient, mailbox=replace(recipient.mailbox, red_listed=True))
    sender = Patient(PROFILE)
    hidden = decide(sender, recipient, (), policy=Policy())
    assert hidden == decide(sender, Stranger.UNKNOWN, (), policy=Policy())
    assert hidden_from(sender, recipient.mailbox, ())


def test_a_red_listed_mailbox_is_not_hidden_from_professionals_nor_inside_an_open_exchange():
    mailbox = RECIPIENTS["ORG, pharmacy, red-listed"].mailbox
    exchange = Exchange(PROFILE.address, mailbox.address, mailbox.address, OPENED)
    closed = replace(exchange, closed=OPENED)
    assert not hidden_from(SENDERS["ORG"], mailbox, ())
    assert not hidden_from(Patient(PROFILE), mailbox, (closed, exchange))
    assert not hidden_from(Patient(PROFILE), mailbox, (closed,))


def test_a_patient_who_opened_an_exchange_with_another_organisation_may_not_continue_it():
    mailbox = RECIPIENTS["ORG, not a pharmacy"].mailbox
    own = Exchange(PROFILE.address, mailbox.address, PROFILE.address, OPENED)
    decision = decide(Patient(PROFILE), RECIPIENTS["ORG, not a pharmacy"], (own,), policy=Policy())
    assert decision == Refused("R3", decision.because, replies.NOT_PHARMACY)


def exchange_with(name: str, *, by_patient: bool, closed: bool) -> Exchange:
    mailbox = RECIPIENTS[name].mailbox.address
    opener = PROFILE.address if by_patient else mailbox
    ended = (OPENED, mailbox) if closed else (None, None)
    return Exchange(PROFILE.address, mailbox, opener, OPENED, *ended)


def test_after_the_last_closing_the_refusal_says_who_closed_and_when():
    name = "ORG, not a pharmacy"
    closed = exchange_with(name, by_patient=False, closed=True)
    decision = decide(Patient(PROFILE), RECIPIENTS[name], (closed,), policy=Policy())
    assert word(decision) == "exchange-closed"
    assert f"{closed.professional} closed this exchange on 01/11/2026 at 00:00 UTC" in decision.refusal.line()
    other = exchange_with(name, by_patient=False, closed=False)
    assert word(decide(Patient(PROFILE), RECIPIENTS[name], (closed, other), policy=Policy())) == "accepted"


def test_a_red_listed_pharmacy_whose_every_exchange_is_closed_says_so_and_takes_nothing_new():
    name = "ORG, pharmacy, red-listed"
    closed, still = (exchange_with(name, by_patient=True, closed=one) for one in (True, False))
    assert word(decide(Patient(PROFILE), RECIPIENTS[name], (closed,), policy=Policy())) == "exchange-closed"
    assert word(decide(Patient(PROFILE), RECIPIENTS[name], (closed, still), policy=Policy())) == "accepted"


def test_a_patient_may_always_write_first_to_a_pharmacy():
    closed = exchange_with("ORG, pharmacy", by_patient=True, closed=True)
    assert word(decide(Patient(PROFILE), RECIPIENTS["ORG, pharmacy"], (closed,), policy=Policy())) == "accepted"


def test_the_answer_goes_to_the_contact_and_not_to_the_sender():
    name = "ORG, not a pharmacy"
    elsewhere = replace(exchange_with(name, by_patient=False, closed=False), contact="autre@officine.mssante.test")
    assert word(decide(Patient(PROFILE), RECIPIENTS[name], (elsewhere,), policy=Policy())) == "not-pharmacy"
    here = replace(elsewhere, professional="autre@officine.mssante.test", contact=elsewhere.professional)
    assert word(decide(Patient(PROFILE), RECIPIENTS[name], (here,), policy=Policy())) == "accepted"
    here = replace(here, opened_by=here.professional)
    assert word(decide(Patient(PROFILE), RECIPIENTS[name], (here,), policy=Policy())) == "accepted"


@pytest.mark.parametrize("closed", [False, True])
def test_an_org_mailbox_answers_a_patient_who_wrote_first_also_after_it_closed_the_exchange(closed):
    for by_patient, met in ((True, "accepted"), (False, "patient-cannot-receive")):
        exchange = exchange_with("ORG, pharmacy", by_patient=by_patient, closed=closed)
        assert word(decide(SENDERS["ORG"], Patient(PROFILE), (exchange,), policy=Policy())) == met
    assert word(decide(SENDERS["ORG"], Patient(PROFILE), (), policy=Policy())) == "patient-cannot-receive"


def test_with_professionals_a_practitioner_who_cannot_be_told_by_mail_is_refused_at_once():
    policy = Policy(patients_receive="professionals")
    assert word(decide(SENDERS["PER"], Patient(PROFILE), (), policy=policy)) == "accepted"
    assert word(decide(SENDERS["PER"], Stranger.UNKNOWN_PATIENT, (), policy=policy)) == "patient-unknown"
    assert word(decide(SENDERS["APP"], Patient(PROFILE), (), policy=policy)) == "patient-cannot-receive"


def test_mon_espace_sante_may_tell_its_patients_and_never_an_inactive_one():
    assert isinstance(decide(Stranger.MON_ESPACE_SANTE, Patient(PROFILE), (), policy=Policy()), Accepted)
    inactive = Patient(replace(PROFILE, activated=False))
    assert isinstance(decide(Stranger.MON_ESPACE_SANTE, inactive, (), policy=Policy()), Refused)


def test_sealing_off_for_all_asks_for_no_certificate():
    recipient = RECIPIENTS["ORG, certificate expired"]
    assert isinstance(decide(SENDERS["ORG"], recipient, (), policy=Policy(sealing=False)), Accepted)


def test_an_explanation_names_the_rule_and_the_reply():
    decision = decide(SENDERS["ORG"], RECIPIENTS["PER"], (), policy=Policy())
    assert explain(decision).startswith("Refused by R1: ")
    assert "550 5.7.1 not-organisational: " in explain(decision)
    accepted = decide(SENDERS["patient"], RECIPIENTS["ORG, pharmacy"], (), policy=Policy())
    assert explain(accepted) == "Accepted by R3: a patient may write first to a pharmacy."
    returned = decide(SENDERS["ORG"], Stranger.UNKNOWN_PATIENT, (), policy=Policy())
    assert explain(returned).startswith("Taken, and returned by R2: ")
    assert "5.1.1 No patient has this address" in explain(returned)


def test_every_decision_names_one_of_the_published_rules():
    for cell in cells(Policy()):
        assert cell.first.rule in RULES
        assert cell.answering.rule in RULES


def test_case_makes_no_other_mailbox():
    assert same_mailbox("Lilas@Officine.mssante.test", "lilas@officine.mssante.test")
    assert not same_mailbox("lilas@officine.mssante.test", "iris@officine.mssante.test")
