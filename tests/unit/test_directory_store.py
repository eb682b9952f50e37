"""The live directory over real rows: answers, the picker, changes, other processes."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.config import Domains
from mssante_sim.directory.credentials import Authenticator, Verifier
from mssante_sim.directory.documents import mailbox_from, organisation_from, patient_from, text_of
from mssante_sim.directory.identifiers import Finess, IdentifierError, IdNatPs, Ins, Rpps, Siren, Siret
from mssante_sim.directory.model import (
    Attachment,
    AttachmentKind,
    Mailbox,
    MailboxKind,
    MailboxUser,
    OrganisationKind,
    PatientProfile,
)
from mssante_sim.directory.search import SearchError
from mssante_sim.directory.store import Absence, Directory, DirectoryError, Hit
from mssante_sim.directory.synthetic import Seeded, generate
from mssante_sim.storage.sqlite import DirectoryRows

LILAS = "990000010"


@pytest.fixture(scope="module")
def seeded() -> Seeded:
    return generate(1, 40, 10, Domains())


@pytest.fixture
def directory(tmp_path: Path, seeded: Seeded) -> Iterator[Directory]:
    directory = Directory(DirectoryRows.open(tmp_path))
    directory.add(seeded.organisations, seeded.mailboxes, seeded.patients)
    yield directory
    directory.close()


def finess_of(seeded: Seeded, role: str) -> str:
    finess = next(m.organisation for m in seeded.mailboxes if m.address == seeded.roles[role])
    assert finess is not None
    return finess


def names(hits: list[Hit]) -> list[str]:
    return [hit.organisation.name for hit in hits]


def everywhere(directory: Directory) -> set[str]:
    """FINESS of everything the picker can show."""
    return {hit.organisation.finess for hit in directory.search("fictive", None, limit=1_000)}


def test_what_was_added_is_answered_unchanged(directory: Directory, seeded: Seeded) -> None:
    assert directory.mailboxes() == list(seeded.mailboxes)
    assert directory.patients() == list(seeded.patients)
    assert directory.organisations(limit=1_000) == list(seeded.organisations)
    for mailbox in seeded.mailboxes:
        assert directory.mailbox(mailbox.address.upper()) == mailbox
        place = directory.organisation_of(mailbox)
        assert place is not None
        assert place.finess == mailbox.organisation
        assert mailbox in directory.mailboxes_of(place.finess)
    for patient in seeded.patients:
        assert directory.patient(patient.address) == patient


def test_values_keep_their_types_through_the_rows(directory: Directory, seeded: Seeded) -> None:
    place = directory.organisation(LILAS)
    assert place is not None
    for identifier, other in ((place.finess, "Finess"), (place.siret, "Siret"), (place.part_of, "Finess")):
        assert type(identifier).__name__ == other


@given(st.builds(
    Mailbox, address=st.text(), kind=st.sampled_from(MailboxKind), name=st.text(),
    attachment=st.none() | st.builds(Attachment, st.sampled_from(AttachmentKind), st.text()),
    organisation=st.none(), responsible=st.none(),
    users=st.lists(st.builds(MailboxUser, st.text(), st.text(), st.text())).map(tuple),
    published=st.booleans(), open=st.booleans(), red_listed=st.booleans(), sealing=st.booleans(),
    rank=st.integers(), service=st.none() | st.text(),
))  # fmt: skip
def test_any_mailbox_survives_its_text(mailbox: Mailbox) -> None:
    assert mailbox_from(text_of(mailbox)) == mailbox


@given(st.dates(), st.text(), st.text(), st.booleans())
def test_any_organisation_and_patient_survive_their_text(born, family, given_name, flag) -> None:
    seeded = generate(1, 4, 2, Domains())
    patient = replace(seeded.patients[0], born=born, family_name=family, given_name=given_name, activated=flag)
    assert patient_from(text_of(patient)) == patient
    for organisation in seeded.organisations:
        changed = replace(organisation, name=family, enseigne=given_name, active=flag)
        assert organisation_from(text_of(changed)) == changed


def test_unknown_names_have_no_answer(directory: Directory) -> None:
    for text in ("", "nobody@officine.mssante.test", "\udcff", "é@officine.mssante.test", "a\x00b"):
        assert directory.mailbox(text) is None
        assert directory.patient(text) is None
        assert directory.user(text) is None
        assert directory.account(text) is None
        assert directory.organisation(text) is None
        assert directory.mailboxes_of(text) == []
        assert not directory.knows(Attachment(AttachmentKind.SIRET, text))


def test_attachments_of_every_kind_are_known_if_an_entity_has_the_number(directory: Directory, seeded: Seeded) -> None:
    strangers = {m.address for m in seeded.mailboxes if m.attachment and not directory.knows(m.attachment)}
    assert strangers == {seeded.roles["unknown-attachment"]}
    assert not directory.knows(Attachment(AttachmentKind.SIREN, LILAS))
    assert not directory.knows(Attachment(AttachmentKind.FINESS, "000000018"))


def test_entities_are_found_by_their_other_numbers(directory: Directory, seeded: Seeded) -> None:
    legal, place = seeded.organisations[:2]
    assert directory.parts_of(legal.finess) == [place]
    assert directory.registered_as(str(legal.siren)) == [legal]
    assert directory.registered_as(str(place.siret)) == [place]
    assert directory.parts_of(place.finess) == []


def test_a_login_opens_one_mailbox_whatever_its_case(directory: Directory, seeded: Seeded) -> None:
    address, user = directory.user("Lilas.ADJOINT") or ("", None)
    assert address == seeded.roles["pharmacy"]
    assert isinstance(user, MailboxUser)
    assert (user.login, user.role) == ("lilas.adjoint", "adjoint")
    corsican = next(p for p in seeded.patients if "2A" in p.ins)
    address, profile = directory.user(f"{corsican.ins}@patient.mssante.test") or ("", None)
    assert (address, profile) == (corsican.address, corsican)
    assert isinstance(profile, PatientProfile)


async def test_logins_with_a_verifier_are_authenticated(directory: Directory, seeded: Seeded) -> None:
    patient = seeded.patients[0].address
    verifiers = {
        login: Verifier.create(f"pass-{login}", b"salt", iterations=1) for login in ("lilas.Titulaire", patient)
    }
    directory.set_verifiers(verifiers)
    auth = Authenticator(directory, iterations=1)
    assert await auth.check("lilas.titulaire", "pass-lilas.Titulaire") == seeded.roles["pharmacy"]
    assert await auth.check("LILAS.titulaire", "pass-lilas.Titulaire") == seeded.roles["pharmacy"]
    assert await auth.check(patient, f"pass-{patient}") == patient
    assert await auth.check("lilas.adjoint", "pass-lilas.Titulaire") is None


@pytest.mark.parametrize(
    ("name", "place", "found"),
    [
        ("lilas", "rennes", ["PHARMACIE FICTIVE DES LILAS"]),
        ("pharmacie du lil", "35", ["PHARMACIE FICTIVE DES LILAS"]),
        ("LILAS SANTE", None, ["PHARMACIE FICTIVE DES LILAS"]),
        ("coeur de ville", "villeneuve d ascq", ["PHARMACIE FICTIVE DU CŒUR DE VILLE"]),
        ("sainte barbe", "69003", ["PHARMACIE FICTIVE SAINTE-BARBE"]),
        ("st barbe", "Lyon", ["PHARMACIE FICTIVE SAINTE-BARBE"]),
        ("hotel de ville", "lille", ["PHARMACIE FICTIVE DE L'HÔTEL DE VILLE"]),
        ("avenir", "st malo", ["PHARMACIE FICTIVE DE L'AVENIR"]),
        ("lavenir", "Saint-Malo", ["PHARMACIE FICTIVE DE L'AVENIR"]),
        ("quais", "2a", ["PHARMACIE FICTIVE DES QUAIS"]),
        ("quais", "corse du sud", ["PHARMACIE FICTIVE DES QUAIS"]),
        ("quais", "Rennes", []),
        ("nowhere", None, []),
    ],
)
def test_search_forgives_spelling(directory: Directory, name: str, place: str | None, found: list[str]) -> None:
    assert names(directory.search(name, place)) == found


def test_a_place_alone_shows_its_pharmacies_only(directory: Directory) -> None:
    hits = directory.search(None, "Rennes")
    assert len(hits) == 3
    assert {hit.organisation.address.town for hit in hits} == {"Rennes"}
    assert all(hit.organisation.kind is OrganisationKind.GEOGRAPHIC for hit in hits)
    with pytest.raises(SearchError):
        directory.search("", None)


def test_pages_follow_each_other_without_overlap(directory: Directory) -> None:
    whole = directory.search("pharmacie", None, limit=1_000)
    pages = [directory.search("pharmacie", None, limit=7, offset=offset) for offset in range(0, 49, 7)]
    assert [hit for page in pages for hit in page] == whole
    assert len(whole) == 40 - 4  # no mailbox, red-listed, closed, not published


def test_the_picker_shows_pharmacies_that_can_be_shown_and_tells_why_not(directory: Directory, seeded: Seeded) -> None:
    shown = everywhere(directory)
    absent = {
        "no-mailbox": Absence.NO_MAILBOX, "red-listed": Absence.NO_MAILBOX, "closed": Absence.CLOSED,
        "not-published": Absence.NOT_PUBLISHED, "not-pharmacy": Absence.NOT_PHARMACY, "per": Absence.NOT_PHARMACY,
    }  # fmt: skip
    for role, why in absent.items():
        finess = seeded.roles[role] if role == "no-mailbox" else finess_of(seeded, role)
        assert finess not in shown
        assert directory.why_absent(finess) is why
    assert directory.why_absent("990000002") is Absence.UNKNOWN
    legal = directory.organisation(LILAS)
    assert legal is not None
    assert directory.why_absent(str(legal.part_of)) is Absence.NOT_PHARMACY
    for place in directory.organisations(limit=1_000):
        assert (directory.why_absent(place.finess) is None) == (place.finess in shown)


def test_of_two_mailboxes_the_preferred_one_is_picked(directory: Directory, seeded: Seeded) -> None:
    finess = finess_of(seeded, "two-mailboxes")
    first, second = directory.mailboxes_of(finess)
    assert (first.rank, second.rank) == (1, 2)
    picked = directory.pick(finess)
    assert isinstance(picked, Hit)
    assert picked.mailbox == first
    directory.add(mailboxes=[replace(first, rank=3)])
    assert directory.mailboxes_of(finess)[0] == second
    picked = directory.pick(finess)
    assert isinstance(picked, Hit)
    assert picked.mailbox == second
    directory.add(mailboxes=[replace(first, open=False)])
    picked = directory.pick(finess)
    assert isinstance(picked, Hit)
    assert picked.mailbox == second


@pytest.mark.parametrize(
    ("change", "hides", "why"),
    [
        ("set_published", False, Absence.NOT_PUBLISHED),
        ("set_open", False, Absence.CLOSED),
        ("set_red_listed", True, Absence.NO_MAILBOX),
    ],
)
def test_a_change_of_state_shows_and_hides_at_once(
    directory: Directory, change: str, hides: bool, why: Absence
) -> None:
    def places() -> list[str]:
        return [hit.organisation.finess for hit in directory.search("lilas", "rennes")]

    assert places() == [LILAS]
    getattr(directory, change)(LILAS, on=hides)
    assert places() == []
    assert len(directory.search("lilas", None, limit=1)) == 1, "what is hidden takes no room on a page"
    assert directory.why_absent(LILAS) is why
    (changed,) = getattr(directory, change)(LILAS, on=not hides)
    assert places() == [LILAS]
    assert directory.mailbox(changed.address) == changed


def test_sealing_is_switched_for_every_mailbox_of_a_place(directory: Directory, seeded: Seeded) -> None:
    finess = finess_of(seeded, "two-mailboxes")
    assert [box.sealing for box in directory.set_sealing(finess, on=False)] == [False, False]
    assert [box.sealing for box in directory.mailboxes_of(finess)] == [False, False]
    others = [box for box in directory.mailboxes() if box.organisation != finess]
    assert [box.address for box in others if not box.sealing] == [seeded.roles["sealing-off"]]
    directory.set_sealing(finess, on=True)
    assert all(box.sealing for box in directory.mailboxes_of(finess))


def test_a_profile_is_activated(directory: Directory, seeded: Seeded) -> None:
    address = seeded.roles["patient-not-activated"]
    assert directory.set_activated(address, on=True).activated
    patient = directory.patient(address)
    assert patient is not None
    assert patient.activated


def test_changing_what_is_not_there_is_refused(directory: Directory, seeded: Seeded) -> None:
    for finess in ("990000002", seeded.roles["no-mailbox"], "\udcff"):
        with pytest.raises(DirectoryError):
            directory.set_sealing(finess, on=False)
    with pytest.raises(DirectoryError):
        directory.set_activated("nobody@patient.mssante.test", on=True)


def test_a_mailbox_that_moves_leaves_its_old_place(directory: Directory, seeded: Seeded) -> None:
    (box,) = directory.mailboxes_of(LILAS)
    other = next(o for o in seeded.organisations if o.finess == seeded.roles["no-mailbox"])
    directory.add(mailboxes=[replace(box, organisation=other.finess)])
    assert directory.why_absent(LILAS) is Absence.NO_MAILBOX
    assert [hit.mailbox.address for hit in directory.search("port", "lyon")] == [box.address]
    assert names(directory.search("lilas", None, limit=1)) == ["PHARMACIE FICTIVE DES LILAS"]


def test_a_place_that_closes_or_is_renamed_is_shown_so(directory: Directory) -> None:
    place = directory.organisation(LILAS)
    assert place is not None
    directory.add([replace(place, name="PHARMACIE FICTIVE DU JASMIN", enseigne=None)])
    assert names(directory.search("jasmin", None)) == ["PHARMACIE FICTIVE DU JASMIN"]
    assert names(directory.search("lilas", "rennes")) == []
    directory.add([replace(place, active=False)])
    assert directory.why_absent(LILAS) is Absence.CLOSED
    assert names(directory.search("lilas", "rennes")) == []


def test_another_process_changes_what_this_one_sees(directory: Directory, tmp_path: Path) -> None:
    assert names(directory.search("lilas", "rennes"))
    code = (
        "import sys, pathlib; from mssante_sim.directory.store import Directory;"
        "from mssante_sim.storage.sqlite import DirectoryRows;"
        "d = Directory(DirectoryRows.open(pathlib.Path(sys.argv[1])));"
        f"d.set_sealing('{LILAS}', on=False); d.set_published('{LILAS}', on=False); d.close()"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    (box,) = directory.mailboxes_of(LILAS)
    assert (box.sealing, box.published) == (False, False)
    assert names(directory.search("lilas", "rennes")) == []


def test_nothing_that_could_be_real_is_added_and_nothing_beside_it(directory: Directory, seeded: Seeded) -> None:
    place, box, profile = seeded.organisations[1], seeded.mailboxes[0], seeded.patients[0]
    real_ins = Ins("185053523800101")
    person = next(one.person for one in seeded.mailboxes if one.person is not None)
    sound = replace(place, finess=Finess.synthetic(999_000), name="PHARMACIE FICTIVE À CÔTÉ")
    for wrong in (
        replace(place, finess=Finess("350000010")),
        replace(place, siren=Siren("356000000")),
        replace(place, siret=Siret("35600000000048")),
        replace(place, part_of=Finess("350000010")),
    ):
        with pytest.raises(IdentifierError, match="outside the range"):
            directory.add([sound, wrong])
    for box_ in (
        replace(box, organisation=Finess("350000010")),
        replace(box, responsible=Rpps("10000000009")),
        replace(box, attachment=Attachment(AttachmentKind.SIRET, "35600000000048")),
        replace(box, person=replace(person, number=IdNatPs("810000000009"))),
    ):
        with pytest.raises(IdentifierError, match="outside the range"):
            directory.add([sound], [box_])
    with pytest.raises(IdentifierError, match="outside the range"):
        directory.add([sound], patients=[replace(profile, ins=real_ins)])
    assert directory.organisation(sound.finess) is None
    directory.add([sound])
    assert directory.organisation(sound.finess) == sound


def test_the_kind_of_an_address_never_changes(directory: Directory, seeded: Seeded) -> None:
    before = directory.mailbox(seeded.roles["pharmacy"])
    assert before is not None
    with pytest.raises(DirectoryError, match="is a mailbox ORG"):
        directory.add(mailboxes=[replace(before, kind=MailboxKind.APP)])
    assert directory.mailbox(before.address) == before
