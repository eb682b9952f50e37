"""Every resource type of the façade: shapes, parameters, references, dates; read by a model library not ours."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome

from mssante_sim.clock import FixedClock
from mssante_sim.directory.fhir_search import read_search
from mssante_sim.directory.store import Directory
from mssante_sim.directory.synthetic import Seeded

LILAS = "001-01-990000010"
DOCTOR = "Dr EXEMPLE-FICTIF"
PROFILES = "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition"
NOS = "https://mos.esante.gouv.fr/NOS"
TYPES = ("Organization", "Practitioner", "PractitionerRole", "HealthcareService", "Device")


async def bundle(client: httpx.AsyncClient, query: str) -> dict[str, Any]:
    answer = await client.get(query.replace("|", "%7C").replace(" ", "%20"))
    assert answer.status_code == 200, answer.text
    Bundle.model_validate(answer.json())
    return answer.json()


async def ids(client: httpx.AsyncClient, query: str, mode: str = "match") -> list[str]:
    """Technical identifiers on every page, in order."""
    found: list[str] = []
    following: str | None = query
    while following:
        page = await bundle(client, following)
        found += [e["resource"]["id"] for e in page.get("entry", []) if e["search"]["mode"] == mode]
        following = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    return found


@pytest.fixture
async def doctor(client: httpx.AsyncClient) -> dict[str, Any]:
    (found,) = (await bundle(client, "Practitioner?family=exemple"))["entry"]
    return found["resource"]


def test_the_doctor_has_the_shape_of_the_annuaire(doctor: dict[str, Any]) -> None:
    codes = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203"
    (number,) = (one["value"] for one in doctor["identifier"] if one["system"] == "https://rpps.esante.gouv.fr")
    assert doctor["id"] == f"003-8{number}"
    assert [(one["system"], one["type"]["coding"][0], one["value"]) for one in doctor["identifier"]] == [
        ("urn:oid:1.2.250.1.71.4.2.1", {"system": codes, "code": "IDNPS"}, f"8{number}"),
        ("https://rpps.esante.gouv.fr", {"system": codes, "code": "RPPS"}, number),
    ]
    assert doctor["name"] == [{"use": "usual", "family": "EXEMPLE-FICTIF", "given": ["Camille"], "prefix": ["DR"]}]
    assert [telecom["value"] for telecom in doctor["telecom"]] == ["dr.exemple@officine.mssante.test"]
    assert [[(c["code"], c["display"]) for c in q["code"]["coding"]] for q in doctor["qualification"]] == [
        [("10", "Médecin"), ("C", "Civil")],
        [("SM54", "Médecine générale")],
    ]
    assert doctor["meta"]["profile"][1].endswith("/as-dp-practitioner")
    assert doctor["meta"]["lastUpdated"] == "2026-11-25T08:30:00+00:00"


async def test_a_role_joins_the_doctor_and_the_place(client: httpx.AsyncClient, doctor: dict[str, Any]) -> None:
    (entry,) = (await bundle(client, f"PractitionerRole?practitioner=Practitioner/{doctor['id']}"))["entry"]
    role = entry["resource"]
    assert role["id"] == doctor["id"].replace("003-", "005-") + "-1"
    assert role["practitioner"] == {"reference": f"Practitioner/{doctor['id']}"}
    place = (await client.get(role["organization"]["reference"])).json()
    assert place["name"].startswith("CENTRE DE SANTÉ FICTIF")
    assert [telecom["value"] for telecom in role["telecom"]] == ["dr.exemple@officine.mssante.test"]
    assert (await client.get(entry["fullUrl"])).json() == role
    assert role["meta"]["profile"][1].endswith("/as-dp-practitionerrole")


@pytest.mark.parametrize("type_", TYPES)
async def test_every_resource_of_a_search_can_be_read_and_is_valid(client: httpx.AsyncClient, type_: str) -> None:
    entries = (await bundle(client, f"{type_}?_count=200"))["entry"]
    assert entries
    for entry in entries:
        assert entry["resource"]["resourceType"] == type_
        assert (await client.get(entry["fullUrl"])).json() == entry["resource"]
        assert await ids(client, f"{type_}?_id={entry['resource']['id']}") == [entry["resource"]["id"]]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("Practitioner?family=exemple", 1),
        ("Practitioner?family=EXEMPLE-FICTIF&given=cam", 1),
        ("Practitioner?name:family=exemple&name:given=camille", 1),
        ("Practitioner?family:exact=exemple-fictif", 0),
        ("Practitioner?family:exact=EXEMPLE-FICTIF", 1),
        ("Practitioner?family:contains=fictif", 2),
        ("Practitioner?family=fictif", 0),
        ("Practitioner?name=Camille", 2),
        ("Practitioner?name=dr&name=mod", 1),
        ("Practitioner?mailbox-mss=dr.exemple@officine.mssante.test", 1),
        ("Practitioner?mailbox-mss=DR.", 2),
        ("Practitioner?mailbox-mss=logiciel.", 0),
        (f"Practitioner?qualification-code={NOS}/TRE_G15-ProfessionSante/FHIR/TRE-G15-ProfessionSante|10", 2),
        ("Practitioner?qualification-code=SM54&active=true", 2),
        ("Practitioner?qualification-code=21", 0),
        ("Practitioner?identifier-type=RPPS", 2),
        ("Practitioner?identifier-type=ADELI", 0),
        ("Practitioner?number-smartcard=1", 0),
        ("Practitioner?data-information-system=RPPS", 2),
        ("Practitioner?data-registration-authority=x", 0),
        (f"PractitionerRole?role={NOS}/TRE_R22-GenreActivite/FHIR/TRE-R22-GenreActivite|GENR01", 2),
        ("PractitionerRole?role=S", 0),
        ("PractitionerRole?mailbox-mss=dr.modele@officine.mssante.test", 1),
        ("HealthcareService?service-type=01&active=true", 1),
        ("HealthcareService?characteristic=07", 0),
        (f"HealthcareService?_profile={PROFILES}/as-dp-healthcareservice-healthcare-activity", 1),
        (f"HealthcareService?_profile={PROFILES}/other", 0),
        ("Device?type=05602&status=active&manufacturer=fabricant&model:contains=fictif", 1),
        ("Device?status=inactive", 0),
        ("Organization?address=rennes&type=SA33", 3),
        ("Organization?address=35000&type=SA33", 3),
        ("Organization?address-line:contains=fictive des lilas&type=SA33", 1),
        ("Organization?address-line=nulle part", 0),
        ("Organization?identifier-type=FINEJ&name:contains=lilas", 2),
        ("Organization?identifier-type=SIRET&name:contains=des lilas", 2),
        ("Organization?pharmacy-licence=99%23000001", 1),
        ("Organization?data-information-system=FINESS&name=laboratoire", 1),
        ("Organization?data-information-system=RPPS", 0),
        ("Organization?type:not=SA33,SA38,SA39,LEGAL-ENTITY", 2),
        ("Organization?mailbox-mss=accueil@laboratoire-fictif.test", 0),
        ("Organization?name=laboratoire,centre", 2),
        ("Organization?name=laboratoire\\,centre", 0),
        ("Organization?_pretty=true&_format=application/fhir%2Bjson&name=laboratoire", 1),
    ],
)  # fmt: skip
async def test_search(client: httpx.AsyncClient, query: str, count: int) -> None:
    assert len(await ids(client, query)) == count


async def test_a_number_finds_its_doctor_however_it_is_written(
    client: httpx.AsyncClient, doctor: dict[str, Any]
) -> None:
    national, rpps = (one["value"] for one in doctor["identifier"])
    for number in (national, rpps, f"urn:oid:1.2.250.1.71.4.2.1|{national}", f"https://rpps.esante.gouv.fr|{rpps}"):
        assert await ids(client, f"Practitioner?identifier={number}") == [doctor["id"]]
    assert await ids(client, f"Practitioner?identifier=https://rpps.esante.gouv.fr|{national}") == []
    assert len(await ids(client, "Practitioner?identifier=https://rpps.esante.gouv.fr|")) == 2


async def test_references_are_included_each_once_and_not_counted_as_matches(
    client: httpx.AsyncClient, doctor: dict[str, Any]
) -> None:
    place = (await bundle(client, "Organization?name=centre de santé"))["entry"][0]["resource"]
    query = "PractitionerRole?_include=PractitionerRole:organization&_include=PractitionerRole:practitioner"
    page = await bundle(client, query)
    included = [e["resource"] for e in page["entry"] if e["search"]["mode"] == "include"]
    assert page["total"] == 2
    assert sorted(one["resourceType"] for one in included) == ["Organization", "Practitioner", "Practitioner"]
    assert place in included
    assert await ids(client, query, "include") == await ids(client, "PractitionerRole?_include=*", "include")
    legal = place["partOf"]["reference"].rpartition("/")[2]
    assert await ids(client, f"Organization?_id={place['id']}&_include=Organization:partof", "include") == [legal]
    assert await ids(client, f"Organization?_id={legal}&_revinclude=Organization:partof", "include") == [place["id"]]
    roles = await ids(client, f"Organization?_id={place['id']}&_revinclude=PractitionerRole:organization", "include")
    assert roles == await ids(client, f"PractitionerRole?organization={place['id']}") != []
    mine = await ids(client, f"Practitioner?_id={doctor['id']}&_revinclude=PractitionerRole:practitioner", "include")
    assert mine == [doctor["id"].replace("003-", "005-") + "-1"]
    others = "&_revinclude=HealthcareService:organization,Device:organization"
    assert len(await ids(client, f"Organization?_id={place['id']}{others}", "include")) == 2
    assert await ids(client, "Device?_include=Device:organization", "include") == [place["id"]]


async def test_only_wanted_elements_come_back_marked_as_a_part(client: httpx.AsyncClient) -> None:
    (entry,) = (await bundle(client, f"Organization?_id={LILAS}&_elements=name,telecom.value"))["entry"]
    assert set(entry["resource"]) == {"resourceType", "id", "meta", "name", "telecom"}
    assert entry["resource"]["meta"]["tag"][0]["code"] == "SUBSETTED"


async def test_a_total_is_counted_when_asked_for(client: httpx.AsyncClient, seeded: Seeded) -> None:
    assert "total" not in await bundle(client, "Organization?_count=3")
    assert "total" not in await bundle(client, "Organization?_count=3&_total=none")
    assert "total" not in await bundle(client, "Device?_total=none")
    assert (await bundle(client, "Device?_total=estimate"))["total"] == 1
    page = await bundle(client, "Organization?_count=3&_total=accurate")
    assert page["total"] == len(seeded.organisations)
    second = await bundle(client, page["link"][0]["url"])
    assert second["total"] == len(seeded.organisations)
    assert (await bundle(client, "Organization?_count=1&_total=accurate&type=SA33"))["total"] == 34


async def test_dates_and_their_prefixes(client: httpx.AsyncClient, directory: Directory, clock: FixedClock) -> None:
    clock.advance(timedelta(days=10))  # 2026-12-05T08:30:00Z
    directory.set_open("990000010", on=False)
    changed = [LILAS]
    everything = await ids(client, "Organization")
    for text in (
        "ge2026-12-05",
        "gt2026-11",
        "2026-12",
        "eq2026-12-05T08:30:00Z",
        "2026-12-05T09:30:00+01:00",
        "sa2026-11-25",
        "ge2026-12-05T09:30:00%2B01:00",
        "2026-12-05T08:30",
        "ap2026-12-04",
    ):
        assert await ids(client, f"Organization?_lastUpdated={text}") == changed, text
    for text in ("lt2026-12", "le2026-11-25", "ne2026-12-05", "eb2026-12-05T08:30:00Z"):
        assert await ids(client, f"Organization?_lastUpdated={text}") == [i for i in everything if i != LILAS], text
    for text in ("gt2026", "lt2026", "2025"):
        assert await ids(client, f"Organization?_lastUpdated={text}") == []
    assert await ids(client, "Organization?_lastUpdated=ge2026-11-25&_lastUpdated=lt2026-12") != everything
    assert await ids(client, "Organization?_lastUpdated=2026") == everything  # fmt: skip


async def test_posting_a_search_is_the_same_as_getting_it(client: httpx.AsyncClient) -> None:
    wanted = {"name": "PHARMACIE FICTIVE DES LILAS", "type": "SA33"}
    posted = await client.post("Organization/_search", data=wanted)
    got = await client.get("Organization", params=wanted)
    assert posted.json()["entry"] == got.json()["entry"]
    both = await client.post("Organization/_search?type=SA33&_count=1", data={"name": "pharmacie"})
    assert [link["relation"] for link in both.json()["link"]] == ["next", "self"]
    following = await bundle(client, both.json()["link"][0]["url"])
    assert following["entry"][0]["resource"]["id"] != both.json()["entry"][0]["resource"]["id"]


@pytest.mark.parametrize(
    ("kind", "octets"),
    [
        ("application/json", b'{"name":"x"}'),
        ("application/x-www-form-urlencoded", b"name=%ff"),
        ("application/x-www-form-urlencoded", b"\xff\xfe"),
        ("application/x-www-form-urlencoded", b"name=" + b"a" * 70_000),
        ("application/x-www-form-urlencoded", b"a=b&" * 2_000),
        ("application/x-www-form-urlencoded", b"name=" + b"a," * 600),
    ],
)
async def test_a_posted_body_that_means_nothing_is_refused(client: httpx.AsyncClient, kind: str, octets: bytes) -> None:
    answer = await client.post("Organization/_search", content=octets, headers={"Content-Type": kind})
    assert answer.status_code == 400
    OperationOutcome.model_validate(answer.json())


@pytest.mark.parametrize(
    ("query", "diagnostics"),
    [
        ("Organization?_summary=count", "Parameter _summary not found"),
        ("Practitioner?mailbox-mss-type=PER", "Parameter mailbox-mss-type not found"),
        ("Practitioner?partof=1", "Parameter partof not found"),
        ("Device?active=true", "Parameter active not found"),
        ("Organization?_include=PractitionerRole:organization", "Invalid _include parameter value"),
        ("Organization?_include=Organization:other", "Invalid _include parameter value"),
        ("Practitioner?_revinclude=Organization:partof", "Invalid _revinclude parameter value"),
        ("Organization?_total=all", "Parameter _total must be"),
        ("Organization?_lastUpdated=yesterday", "Parameter _lastUpdated: 'yesterday' is no date"),
        ("Organization?_lastUpdated=2026-13-01", "a date that no calendar has"),
        ("Organization?_lastUpdated=9999", "a date that no calendar has"),
        ("Organization?_lastUpdated=xx2026", "is no date"),
        ("Organization?_lastUpdated=2026,", ""),
        ("Organization?active:contains=t", "Modifier :contains is not supported"),
    ],
)
async def test_what_the_live_server_refuses_is_refused(client: httpx.AsyncClient, query: str, diagnostics: str) -> None:
    answer = await client.get(query)
    if diagnostics:
        assert answer.status_code == 400
        assert diagnostics in OperationOutcome.model_validate(answer.json()).issue[0].diagnostics
    else:
        assert answer.status_code == 200


async def test_pages_do_not_move_while_the_directory_changes(
    client: httpx.AsyncClient, directory: Directory, seeded: Seeded
) -> None:
    query = "Organization?type=SA33&_count=5"
    undisturbed = await ids(client, query)
    page = await bundle(client, query)
    seen = [e["resource"]["id"] for e in page["entry"]]
    directory.rows.delete_many("organisation", ["990000010", "990000044"])  # both were seen
    directory.add(seeded.organisations[40:42])  # put again, in their old place
    seen += await ids(client, page["link"][0]["url"])
    assert seen == undisturbed


async def test_a_place_that_was_added_meanwhile_comes_last_and_none_comes_twice(
    client: httpx.AsyncClient, directory: Directory, seeded: Seeded
) -> None:
    directory.rows.delete_many("organisation", [one.finess for one in seeded.organisations[60:]])
    page = await bundle(client, "Organization?_count=20")
    directory.add(seeded.organisations[60:])
    directory.set_red_listed("990000010", on=True)  # seen already; its row is written anew
    seen = [e["resource"]["id"] for e in page["entry"]] + await ids(client, page["link"][0]["url"])
    assert seen == [f"001-01-{one.finess}" for one in seeded.organisations]


@pytest.mark.parametrize("path", ["Practitioner/003-899700999999", "Practitioner/x", "PractitionerRole/005-1-1",
                                  "PractitionerRole/005-", "HealthcareService/004-990000010", "Device/002-é",
                                  "Patient", "Patient/1", "Organization/001-01-2000000018"])  # fmt: skip
async def test_what_is_not_there_is_an_outcome(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    OperationOutcome.model_validate(answer.json())


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
@pytest.mark.parametrize("path", ["Organization", f"Organization/{LILAS}", "metadata", "_page"])
async def test_nothing_can_be_changed_over_the_api(client: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert OperationOutcome.model_validate(answer.json()).issue[0].code == "not-supported"


async def test_a_directory_that_cannot_be_read_is_an_outcome(client: httpx.AsyncClient, directory: Directory) -> None:
    directory.close()
    answer = await client.get("Organization?_count=200")
    assert answer.status_code == 503
    assert OperationOutcome.model_validate(answer.json()).issue[0].code == "exception"


async def test_metadata_tells_everything_that_can_be_asked(client: httpx.AsyncClient) -> None:
    statement = (await client.get("metadata")).json()
    CapabilityStatement.model_validate(statement)
    by_type = {one["type"]: one for one in statement["rest"][0]["resource"]}
    assert tuple(by_type) == TYPES
    assert {p["name"] for p in by_type["Organization"]["searchParam"]} == {
        "_id", "_lastUpdated", "_profile", "active", "address", "address-city", "address-line", "address-postalcode",
        "data-information-system", "data-registration-authority", "identifier", "identifier-type", "mailbox-mss",
        "name", "partof", "pharmacy-licence", "type",
    }  # fmt: skip
    assert by_type["Organization"]["searchInclude"] == ["Organization:partof"]
    assert "PractitionerRole:organization" in by_type["Organization"]["searchRevInclude"]
    for type_, one in by_type.items():
        for parameter in one["searchParam"]:
            value = "2026" if parameter["type"] == "date" else "x"
            assert await ids(client, f"{type_}?{parameter['name']}={value}") in ([], await ids(client, type_))


async def test_who_is_hidden_or_only_in_the_extraction_is_not_told(
    client: httpx.AsyncClient, directory: Directory, doctor: dict[str, Any]
) -> None:
    place = "".join(box.organisation or "" for box in directory.mailboxes() if box.name == DOCTOR)
    for hide, show in (
        (lambda: directory.set_red_listed(place, on=True), lambda: directory.set_red_listed(place, on=False)),
        (lambda: directory.set_shown_in(place, "extraction"), lambda: directory.set_shown_in(place, "both")),
        (lambda: directory.set_open(place, on=False), lambda: directory.set_open(place, on=True)),
    ):
        hide()
        for type_ in ("Practitioner", "PractitionerRole", "Organization"):
            assert "dr.exemple" not in json.dumps(await bundle(client, f"{type_}?_count=200"))
        assert await ids(client, "Practitioner?mailbox-mss=dr.exemple@officine.mssante.test") == []
        show()
    assert (await client.get(f"Practitioner/{doctor['id']}")).json()["telecom"] == doctor["telecom"]


async def test_an_ordinary_address_is_no_mailbox(client: httpx.AsyncClient) -> None:
    (entry,) = (await bundle(client, "Organization?name=laboratoire"))["entry"]
    ordinary = entry["resource"]["telecom"][-1]
    assert ordinary == {"system": "email", "value": "accueil@laboratoire-fictif.test"}


@pytest.mark.parametrize(
    "value",
    ["st", "saint", "ste anne", "l'eglise", "eglise", "œu", "coeur", "de", "a", "99#", "’", "é", "armacie", "tes"],
)
@pytest.mark.parametrize("parameter", ["name", "name:contains", "address-city", "address:contains", "name:exact"])
async def test_what_is_spared_from_drawing_would_not_have_answered(
    client: httpx.AsyncClient, parameter: str, value: str
) -> None:
    search = read_search("Organization", [(parameter, value)])
    everything = [e["resource"] for e in (await bundle(client, "Organization?_count=200"))["entry"]]
    found = (await client.get("Organization", params={parameter: value, "_count": "200"})).json().get("entry", [])
    assert [e["resource"] for e in found] == [one for one in everything if search.accepts(one)]
