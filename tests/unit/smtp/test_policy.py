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
    Party,
    Patient,
    Policy,
    Refused,
    Registered,
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
    "patient, profile not activated": "patient-cannot-receive",
    "unknown patient": "patient-cannot-receive",
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
    if sender == "patient":
        return FOR_PATIENTS[recipient]
    if recipient == "patient":
        return "patient-cannot-receive", "accepted" if sender == "ORG" else "patient-cannot-receive"
    return "accepted", "accepted"


def word(decision: Accepted | Refused) -> str:
    return "accepted" if isinstance(decision, Accepted) else decision.refusal.word


@pytest.mark.parametrize("cell", list(cells(Policy())), ids=lambda cell: f"{cell.sender} to {cell.recipient}")
def test_every_cell_of_the_matrix(cell):
    assert (word(cell.first), word(cell.answering)) == expected(cell.sender, cell.recipient)


def test_never_changes_only_what_patients_receive():
    for answers, never in zip(cells(Policy()), cells(Policy(patients_receive="never")), strict=True):
        if answers.recipient in {"patient", "unknown patient", "patient, profile not activated"}:
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
exchanges = st.none() | st.builds(
    Exchange,
    patient=st.just("p@patient.mssante.test"),
    professional=st.just("o@officine.mssante.test"),
    opened_by=st.sampled_from(["p@patient.mssante.test", "o@officine.mssante.test"]),
    opened=st.just(OPENED),
    closed=st.none() | st.just(OPENED),
)


@given(anyone, not_organisational, exchanges, st.booleans())
def test_with_never_no_address_that_is_not_org_is_ever_accepted(sender, recipient, exchange, sealing):
    assert isinstance(decide(sender, recipient, exchange, policy=Policy(sealing, "never")), Refused)


@given(anyone, registered(st.sampled_from(MailboxKind)), exchanges, st.booleans())
def test_whoever_is_accepted_in_an_operators_domain_satisfies_r1(sender, recipient, exchange, sealing):
    if isinstance(decide(sender, recipient, exchange, policy=Policy(sealing)), Accepted):
        mailbox = recipient.mailbox
        assert mailbox.kind is MailboxKind.ORG
        assert mailbox.attachment is not None
        assert recipient.attachment_known
        assert mailbox.published
        assert mailbox.open
        assert recipient.certificate is Certificate.VALID or not mailbox.sealing or not sealing


@given(anyone, patients, exchanges)
def test_a_patient_receives_only_answers_of_org_and_what_mon_espace_sante_says(sender, recipient, exchange):
    if isinstance(decide(sender, recipient, exchange, policy=Policy()), Accepted):
        if sender is Stranger.MON_ESPACE_SANTE:
            return
        assert isinstance(sender, Registered)
        assert sender.mailbox.kind is MailboxKind.ORG
        assert exchange is not None
        assert exchange.closed is None
        assert exchange.opened_by == exchange.patient


@given(registered(st.sampled_from(MailboxKind)))
def test_a_red_listed_mailbox_answers_a_first_contact_exactly_as_an_unknown_one(recipient):
    recipient = replace(recipient, mailbox=replace(recipient.mailbox, red_listed=True))
    sender = Patient(PROFILE)
    hidden = decide(sender, recipient, None, policy=Policy())
    assert hidden == decide(sender, Stranger.UNKNOWN, None, policy=Policy())
    assert hidden_from(sender, recipient.mailbox, None)


def test_a_red_listed_mailbox_is_not_hidden_from_professionals_nor_inside_an_open_exchange():
    mailbox = RECIPIENTS["ORG, pharmacy, red-listed"].mailbox
    exchange = Exchange(PROFILE.address, mailbox.address, mailbox.address, OPENED)
    assert not hidden_from(SENDERS["ORG"], mailbox, None)
    assert not hidden_from(Patient(PROFILE), mailbox, exchange)
    assert hidden_from(Patient(PROFILE), mailbox, replace(exchange, closed=OPENED))


def test_a_patient_who_opened_an_exchange_with_another_organisation_may_not_continue_it():
    mailbox = RECIPIENTS["ORG, not a pharmacy"].mailbox
    own = Exchange(PROFILE.address, mailbox.address, PROFILE.address, OPENED)
    decision = decide(Patient(PROFILE), RECIPIENTS["ORG, not a pharmacy"], own, policy=Policy())
    assert decision == Refused("R3", decision.because, replies.NOT_PHARMACY)


@pytest.mark.parametrize(
    "exchange",
    [
        None,
        Exchange(PROFILE.address, "a@officine.mssante.test", "a@officine.mssante.test", OPENED),
        Exchange(PROFILE.address, "a@officine.mssante.test", PROFILE.address, OPENED, closed=OPENED),
    ],
    ids=["no exchange", "opened by the professional", "closed"],
)
def test_an_org_mailbox_answers_only_a_patient_who_wrote_first_and_whose_exchange_is_open(exchange):
    decision = decide(SENDERS["ORG"], Patient(PROFILE), exchange, policy=Policy())
    assert word(decision) == "patient-cannot-receive"


def test_mon_espace_sante_may_tell_its_patients_and_never_an_inactive_one():
    assert isinstance(decide(Stranger.MON_ESPACE_SANTE, Patient(PROFILE), None, policy=Policy()), Accepted)
    inactive = Patient(replace(PROFILE, activated=False))
    assert isinstance(decide(Stranger.MON_ESPACE_SANTE, inactive, None, policy=Policy()), Refused)


def test_sealing_off_for_all_asks_for_no_certificate():
    recipient = RECIPIENTS["ORG, certificate expired"]
    assert isinstance(decide(SENDERS["ORG"], recipient, None, policy=Policy(sealing=False)), Accepted)


def test_an_explanation_names_the_rule_and_the_reply():
    decision = decide(SENDERS["ORG"], RECIPIENTS["PER"], None, policy=Policy())
    assert explain(decision).startswith("Refused by R1: ")
    assert "550 5.7.1 not-organisational: " in explain(decision)
    accepted = decide(SENDERS["patient"], RECIPIENTS["ORG, pharmacy"], None, policy=Policy())
    assert explain(accepted) == "Accepted by R3: a patient may write first to a pharmacy."


def test_every_decision_names_one_of_the_published_rules():
    for cell in cells(Policy()):
        assert cell.first.rule in RULES
        assert cell.answering.rule in RULES


def test_case_makes_no_other_mailbox():
    assert same_mailbox("Lilas@Officine.mssante.test", "lilas@officine.mssante.test")
    assert not same_mailbox("lilas@officine.mssante.test", "iris@officine.mssante.test")
