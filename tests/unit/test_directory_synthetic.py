"""The seeded directory: the same every time, complete, and nobody real."""

import hashlib
import os
import subprocess
import sys
from collections import Counter

import pytest

from mssante_sim.config import Domains
from mssante_sim.directory.identifiers import Finess, Rpps, require_fictitious
from mssante_sim.directory.model import PHARMACY_SECTORS, AttachmentKind, MailboxKind, OrganisationKind
from mssante_sim.directory.synthetic import (
    FEWEST_PHARMACIES,
    ROLES,
    CertificateFault,
    Seeded,
    SeedError,
    generate,
)

DOMAINS = Domains()
PRINT = "from mssante_sim.directory.synthetic import generate as g; from mssante_sim.config import Domains as D; "


@pytest.fixture(scope="module")
def forty() -> Seeded:
    return generate(1, 40, 10, DOMAINS)


def test_a_seed_gives_the_same_directory_in_every_process(forty: Seeded) -> None:
    for hash_seed in ("1", "2"):
        shown = subprocess.run(
            [sys.executable, "-c", PRINT + "print(ascii(g(1, 40, 10, D())))"],
            env=os.environ | {"PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert shown.strip() == ascii(forty)


def test_what_seed_1_draws_does_not_change_between_versions(forty: Seeded) -> None:
    drawn = "\n".join(
        [f"{o.finess} {o.name} {o.address.line}" for o in forty.organisations]
        + [f"{m.address} {u.login} {u.name}" for m in forty.mailboxes for u in m.users]
        + [f"{p.address} {p.display_name} {p.born}" for p in forty.patients]
    )
    digest = hashlib.sha256(drawn.encode()).hexdigest()
    assert digest == "1981dba1176c886bd4ccd2f9b18256ce860d70524196621752aec6ac6d91b599"


def test_seeds_differ(forty: Seeded) -> None:
    assert generate(2, 40, 10, DOMAINS) != forty


def test_the_first_pharmacy_and_patient_are_those_of_the_documentation(forty: Seeded) -> None:
    place = next(o for o in forty.organisations if o.finess == "990000010")
    assert (place.name, place.enseigne, place.address.town) == (
        "PHARMACIE FICTIVE DES LILAS", "LILAS SANTÉ", "Rennes",
    )  # fmt: skip
    mailbox = forty.mailboxes[0]
    assert mailbox.address == "pharmacie.lilas.990000010@officine.mssante.test" == forty.roles["pharmacy"]
    assert [user.login for user in mailbox.users] == ["lilas.titulaire", "lilas.adjoint", "lilas.preparateur"]
    patient = forty.patients[0]
    assert (patient.display_name, patient.ins, patient.born.isoformat(), patient.address) == (
        "Dominique PAT-TROIS", "279035121518989", "1979-03-28", "279035121518989@patient.mssante.test",
    )  # fmt: skip


def test_every_pharmacy_is_two_entities_in_five_departments(forty: Seeded) -> None:
    places = [o for o in forty.organisations if o.sector in PHARMACY_SECTORS]
    legal = {o.finess: o for o in forty.organisations if o.kind is OrganisationKind.LEGAL}
    assert len(places) == 40
    for place in places:
        assert place.part_of is not None
        assert place.siret is not None
        assert place.siret.siren == legal[place.part_of].siren
        assert place.licence
    assert Counter(p.address.department for p in places).keys() == {
        "Ille-et-Vilaine", "Rhône", "Gironde", "Nord", "Corse-du-Sud",
    }  # fmt: skip
    assert Counter(p.sector for p in places)["SA33"] > 30
    assert {"SA38", "SA39"} < {p.sector for p in places}
    for place in places:
        prefix = place.address.department_code.replace("2A", "20")
        assert place.address.postal_code.startswith(prefix)


@pytest.mark.parametrize("pharmacies", [FEWEST_PHARMACIES, 5, 8, 13, 14, 40, 100])
def test_nobody_and_nothing_real_is_drawn_and_names_are_unique(pharmacies: int) -> None:
    seeded = generate(7, pharmacies, 25, DOMAINS)
    for organisation in seeded.organisations:
        for identifier in (organisation.finess, organisation.siren, organisation.siret, organisation.part_of):
            assert identifier is None or require_fictitious(identifier)
        assert Finess.strict(organisation.finess)
        assert "FICTI" in organisation.name
        assert "FICTI" in organisation.address.line
    for mailbox in seeded.mailboxes:
        assert isinstance(mailbox.responsible, Rpps)
        assert require_fictitious(mailbox.responsible)
        assert mailbox.address.isascii()
        assert mailbox.address == mailbox.address.lower()
        assert mailbox.users
        assert all("FICTIF" in user.name for user in mailbox.users)
        assert mailbox.organisation in {o.finess for o in seeded.organisations}
    for patient in seeded.patients:
        assert require_fictitious(patient.ins)
    keys = [m.address for m in seeded.mailboxes] + [p.address for p in seeded.patients]
    keys += [u.login for m in seeded.mailboxes for u in m.users]
    assert max(Counter(keys).values()) == 1
    assert max(Counter(o.finess for o in seeded.organisations).values()) == 1


def test_many_patients_have_an_ins_each() -> None:
    patients = generate(1, FEWEST_PHARMACIES, 3_000, DOMAINS).patients
    assert len({p.ins for p in patients}) == 3_000
    for patient in patients[1:]:
        assert patient.ins[1:5] == f"{patient.born:%y%m}"


@pytest.mark.parametrize("pharmacies", [FEWEST_PHARMACIES, 8, 14, 40])
def test_every_role_is_played_as_described(pharmacies: int) -> None:
    seeded = generate(3, pharmacies, 5, DOMAINS)
    boxes = {m.address: m for m in seeded.mailboxes}
    served = [m.organisation for m in seeded.mailboxes]
    finesses = {o.finess: o for o in seeded.organisations}
    assert seeded.roles.keys() == ROLES.keys()
    box = {label: boxes[address] for label, address in seeded.roles.items() if address in boxes}
    assert seeded.roles["no-mailbox"] in finesses.keys() - set(served)
    assert served.count(box["two-mailboxes"].organisation) >= 2
    assert min(m.rank for m in seeded.mailboxes if m.organisation == box["two-mailboxes"].organisation) == 1
    assert box["red-listed"].red_listed
    assert not box["closed"].open
    assert not box["not-published"].published
    assert not box["sealing-off"].sealing
    assert box["unattached"].attachment is None
    assert box["unknown-attachment"].attachment is not None
    assert box["unknown-attachment"].attachment.value not in finesses
    lab = box["not-pharmacy"].organisation
    assert lab is not None
    assert finesses[lab].sector == "SA25"
    assert (box["per"].kind, box["app"].kind) == (MailboxKind.PER, MailboxKind.APP)
    assert box["per"].address == "dr.exemple@officine.mssante.test"
    faults = {label: seeded.fault(address) for label, address in seeded.roles.items()}
    assert {k: v for k, v in faults.items() if v is not CertificateFault.NONE} == {
        "expired-certificate": CertificateFault.EXPIRED, "revoked-certificate": CertificateFault.REVOKED,
        "wrong-usage-certificate": CertificateFault.WRONG_USAGE, "no-certificate": CertificateFault.MISSING,
    }  # fmt: skip
    assert len(seeded.certificate_faults) == 4
    profiles = {p.address: p for p in seeded.patients}
    assert profiles[seeded.roles["patient"]].activated
    assert not profiles[seeded.roles["patient-not-activated"]].activated


def test_irregular_ones_have_a_pharmacy_of_their_own_from_fourteen_on() -> None:
    seeded = generate(1, 14, 2, DOMAINS)
    organisations = [m.organisation for m in seeded.mailboxes if m.kind is MailboxKind.ORG]
    assert [n for n in Counter(organisations).values() if n > 1] == [2]  # the one with two mailboxes


@pytest.mark.parametrize("pharmacies", [8, 40])
def test_all_kinds_of_attachment_are_seeded_and_known(pharmacies: int) -> None:
    seeded = generate(1, pharmacies, 2, DOMAINS)
    known = {o.finess for o in seeded.organisations} | {o.siren for o in seeded.organisations}
    known |= {o.siret for o in seeded.organisations}
    attached = [m.attachment for m in seeded.mailboxes if m.attachment and m.kind is MailboxKind.ORG]
    assert {a.kind for a in attached} == set(AttachmentKind)
    assert [a for a in attached if a.value not in known] == [
        m.attachment for m in seeded.mailboxes if m.address == seeded.roles["unknown-attachment"]
    ]


def test_other_domains_are_used_when_chosen() -> None:
    seeded = generate(1, 4, 2, Domains(patients="p.test", operator="o.test"))
    assert {m.address.split("@")[1] for m in seeded.mailboxes} == {"o.test"}
    assert {p.address.split("@")[1] for p in seeded.patients} == {"p.test"}


@pytest.mark.parametrize(("pharmacies", "patients"), [(FEWEST_PHARMACIES - 1, 2), (40, 1), (0, 0), (-1, 5)])
def test_too_few_to_show_anything_is_refused(pharmacies: int, patients: int) -> None:
    with pytest.raises(SeedError):
        generate(1, pharmacies, patients, DOMAINS)
