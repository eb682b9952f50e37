"""The Annuaire Santé façade: shapes, search, paging, refusals; a model library that is not ours reads it."""

import asyncio
import base64
import json
import zlib
from datetime import datetime
from typing import Any

import httpx
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.organization import Organization
from starlette.applications import Starlette

from mssante_sim.clients.annuaire import Annuaire
from mssante_sim.directory.http import routes
from mssante_sim.directory.model import MailboxKind
from mssante_sim.directory.store import Directory
from mssante_sim.directory.synthetic import Seeded
from mssante_sim.http_server import HttpServer, bind
from tests.directory.conftest import KEY

pytestmark = pytest.mark.slow

LILAS = "001-01-990000010"
SECTOR = "https://mos.esante.gouv.fr/NOS/TRE_R02-SecteurActivite/FHIR/TRE-R02-SecteurActivite"
HL7_FR = "https://hl7.fr/ig/fhir/core/StructureDefinition"
ANNUAIRE = "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition"


async def bundle(client: httpx.AsyncClient, query: str) -> dict[str, Any]:
    answer = await client.get(query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/fhir+json")
    Bundle.model_validate(answer.json())
    return answer.json()


async def found(client: httpx.AsyncClient, query: str) -> list[str]:
    """Names on every page, in order."""
    names: list[str] = []
    following: str | None = f"Organization?{query}"
    while following:
        page = await bundle(client, following)
        names += [entry["resource"]["name"] for entry in page.get("entry", [])]
        following = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    return names


async def test_a_place_has_the_shape_of_the_annuaire(client: httpx.AsyncClient, seeded: Seeded) -> None:
    answer = await client.get(f"Organization/{LILAS}")
    place = answer.json()
    Organization.model_validate(place)
    meta = place.pop("meta")
    assert datetime.fromisoformat(meta.pop("lastUpdated")).tzinfo is not None
    trace = {
        "url": f"{ANNUAIRE}/as-ext-data-trace",
        "extension": [{"url": "systeme-information", "valueCode": "FINESS"}],
    }
    assert meta == {
        "extension": [trace],
        "source": "https://annuaire.sante.fr",
        "profile": [f"{HL7_FR}/fr-core-organization", f"{ANNUAIRE}/as-dp-organization"],
    }
    address = seeded.organisations[1].address
    code_system = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203"

    def identifier(code: str, system: str, value: str) -> dict[str, Any]:
        kind = {"coding": [{"system": code_system, "code": code}]}
        return {"use": "official", "type": kind, "system": system, "value": value}

    def kind(part: str, system: str, code: str) -> dict[str, Any]:
        extension = {"url": f"{ANNUAIRE}/as-ext-organization-types", "valueCode": part}
        return {"extension": [extension], "coding": [{"system": system, "code": code}]}

    assert place == {
        "resourceType": "Organization",
        "id": LILAS,
        "language": "fr",
        "extension": [{"url": f"{ANNUAIRE}/as-ext-organization-pharmacy-licence", "valueString": "99#000001"}],
        "identifier": [
            identifier("IDNST", "urn:oid:1.2.250.1.71.4.2.2", "1990000010"),
            identifier("FINEG", "https://finess.esante.gouv.fr", "990000010"),
            identifier("SIRET", "https://sirene.fr", "00000001800010"),
        ],
        "active": True,
        "type": [
            kind("organizationType", "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-3307",
                 "GEOGRAPHICAL-ENTITY"),
            kind("secteurActiviteRASS", SECTOR, "SA33"),
        ],
        "name": "PHARMACIE FICTIVE DES LILAS",
        "alias": ["LILAS SANTÉ"],
        "telecom": [{
            "extension": [
                {"url": f"{HL7_FR}/fr-core-contact-point-email-type", "valueCoding": {
                    "system": "https://mos.esante.gouv.fr/NOS/TRE_R256-TypeMessagerie/FHIR/TRE-R256-TypeMessagerie",
                    "code": "MSSANTE"}},
                {"url": f"{ANNUAIRE}/as-ext-mailbox-mss-metadata", "extension": [
                    {"url": "type", "valueCodeableConcept": {"coding": [{
                        "system": "https://mos.esante.gouv.fr/NOS/TRE_R257-TypeBAL/FHIR/TRE-R257-TypeBAL",
                        "code": "ORG"}]}},
                    {"url": "description", "valueString": "PHARMACIE FICTIVE DES LILAS"},
                    {"url": "listeRouge", "valueBoolean": False}]},
            ],
            "system": "email",
            "value": "pharmacie.lilas.990000010@officine.mssante.test",
            "rank": 1,
        }],
        "address": [{
            "extension": [{"url": f"{HL7_FR}/fr-core-address-insee-code", "valueCoding": {
                "system": "https://mos.esante.gouv.fr/NOS/TRE_R13-Commune/FHIR/TRE-R13-Commune", "code": "35238"}}],
            "line": [address.line], "city": "Rennes", "district": "35", "postalCode": "35000",
        }],
        "partOf": {"reference": "Organization/" + "001-01-" + str(seeded.organisations[0].finess)},
    }  # fmt: skip


async def test_the_legal_entity_is_an_organization_of_its_own(client: httpx.AsyncClient) -> None:
    place = (await client.get(f"Organization/{LILAS}")).json()
    legal = (await client.get(place["partOf"]["reference"])).json()
    assert {i["type"]["coding"][0]["code"] for i in legal["identifier"]} == {"IDNST", "FINEJ", "SIREN"}
    assert [t["coding"][0]["code"] for t in legal["type"]] == ["LEGAL-ENTITY"]
    assert "partOf" not in legal
    assert "telecom" not in legal
    assert await found(client, f"partof={place['partOf']['reference']}") == [place["name"]]
    assert await found(client, f"partof={legal['id']}") == [place["name"]]


async def test_everything_is_paged_once_and_is_valid(client: httpx.AsyncClient, seeded: Seeded) -> None:
    assert await found(client, "") == [o.name for o in seeded.organisations]
    assert await found(client, "_count=7") == [o.name for o in seeded.organisations]
    page = await bundle(client, "Organization?_count=7")
    assert [link["relation"] for link in page["link"]] == ["next", "self"]
    assert "/fhir/v2/_page?id=" in page["link"][0]["url"]
    assert "total" not in page
    for entry in page["entry"]:
        Organization.model_validate(entry["resource"])
        assert (await client.get(entry["fullUrl"])).json() == entry["resource"]
    exact = await bundle(client, f"Organization?_count={len(seeded.organisations)}")
    assert (exact["total"], len(exact["link"])) == (len(seeded.organisations), 1)


async def test_nothing_found_is_an_empty_bundle(client: httpx.AsyncClient) -> None:
    page = await bundle(client, "Organization?name=nowhere")
    assert page["total"] == 0
    assert "entry" not in page


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (f"_id={LILAS}", ["PHARMACIE FICTIVE DES LILAS"]),
        ("_id=1,2", []),
        ("identifier=990000010", ["PHARMACIE FICTIVE DES LILAS"]),
        ("identifier=1990000010", ["PHARMACIE FICTIVE DES LILAS"]),
        ("identifier=00000001800010", ["PHARMACIE FICTIVE DES LILAS"]),
        ("identifier=300000001800010", []),
        ("identifier=000000018", ["SELARL FICTIVE DES LILAS"]),
        ("identifier=https://sirene.fr|000000018", ["SELARL FICTIVE DES LILAS"]),
        ("identifier=https://finess.esante.gouv.fr|000000018", []),
        ("identifier=990000010,990000028", ["PHARMACIE FICTIVE DES LILAS", "PHARMACIE FICTIVE DU PORT"]),
        ("identifier=990000010&active=false", []),
        ("name=pharmacie fictive de l'eglise&address-city=bordeaux", ["PHARMACIE FICTIVE DE L'ÉGLISE"]),
        ("name=lilas&address-postalcode=35", ["PHARMACIE FICTIVE DES LILAS"]),  # its enseigne begins so
        ("name=lilas&address-postalcode=20", []),
        ("name:contains=Coeur&address-city=ajaccio&type=GEOGRAPHICAL-ENTITY", ["PHARMACIE FICTIVE DU CŒUR DE VILLE"]),
        ("name:contains=st michel&type=SA33&address-city:contains=lille", ["PHARMACIE FICTIVE SAINT-MICHEL"]),
        ("name:contains=remp,beffr&type=SA33", ["PHARMACIE FICTIVE DES REMPARTS", "PHARMACIE FICTIVE DU BEFFROI"]),
        ("name:contains=hotel&name:contains=ville&type=SA33", ["PHARMACIE FICTIVE DE L'HÔTEL DE VILLE"]),
        ("name:exact=PHARMACIE FICTIVE DU BEFFROI", ["PHARMACIE FICTIVE DU BEFFROI"]),
        ("name:exact=pharmacie fictive du beffroi", []),
        ("name=fictive", []),
        (f"type={SECTOR}|SA39,{SECTOR}|SA25&address-city=lille", ["PHARMACIE FICTIVE DES ACACIAS"]),
        (f"type={SECTOR}|SA25", ["LABORATOIRE FICTIF DES ÉPROUVETTES"]),
        ("type=urn:other|SA25", []),
        ("mailbox-mss:exact=pharmacie.lilas.990000010@officine.mssante.test", ["PHARMACIE FICTIVE DES LILAS"]),
        ("mailbox-mss=pharmacie.lilas.99000001", ["PHARMACIE FICTIVE DES LILAS"]),
        ("mailbox-mss:contains=.990000010@", ["PHARMACIE FICTIVE DES LILAS"]),
        ("address-city=sainte foy les lyon&name:contains=anne&type=SA38", ["PHARMACIE FICTIVE STE ANNE"]),
        ("address-city=st-malo&name:contains=avenir&type=SA33", ["PHARMACIE FICTIVE DE L'AVENIR"]),
        ("name=&identifier=990000010&_format=json", ["PHARMACIE FICTIVE DES LILAS"]),
    ],
)
async def test_search(client: httpx.AsyncClient, query: str, names: list[str]) -> None:
    assert await found(client, query.replace(" ", "%20").replace("|", "%7C")) == names


async def test_only_public_mailboxes_are_told_and_nobody_responsible(client: httpx.AsyncClient, seeded: Seeded) -> None:
    page = await bundle(client, "Organization?_count=200")
    everything = json.dumps(page, ensure_ascii=False)
    hidden = {label for label, address in seeded.roles.items() if "@" in address and address not in everything}
    assert hidden == {"red-listed", "closed", "not-published", "per", "patient", "patient-not-activated"}
    for mailbox in seeded.mailboxes:
        assert mailbox.responsible is not None
        assert mailbox.responsible not in everything
        if mailbox.kind is MailboxKind.ORG:
            assert not [user for user in mailbox.users if user.login in everything or user.name in everything]
    for role in ("red-listed", "closed", "not-published", "per"):
        assert await found(client, f"mailbox-mss:exact={seeded.roles[role]}") == []
    centre = next(e["resource"] for e in page["entry"] if e["resource"]["name"].startswith("CENTRE"))
    metadata = centre["telecom"][0]["extension"][1]["extension"][0]
    assert metadata["valueCodeableConcept"]["coding"][0]["code"] == "APP"


@pytest.mark.parametrize(
    ("query", "diagnostics"),
    [
        ("mailbox-mss-type=ORG", "Parameter mailbox-mss-type not found"),
        ("nom=lilas", "Parameter nom not found"),
        ("name:soundex=lilas", "Modifier :soundex is not supported for parameter name"),
        ("identifier:contains=99", "Modifier :contains is not supported for parameter identifier"),
        ("_count=0", "Parameter _count must be a positive number"),
        ("_count=-1", "Parameter _count must be a positive number"),
        ("_count=9999999999999", "Parameter _count must be a positive number"),
        ("_count=1e3", "Parameter _count must be a positive number"),
        ("_count=%2B5", "Parameter _count must be a positive number"),
        ("_count=1,2", "Parameter _count must be a positive number"),
        ("_count=٣", "Parameter _count must be a positive number"),
        ("_format=xml", "Only the format application/fhir+json is served."),
    ],
)
async def test_what_the_server_does_not_understand_is_an_outcome(
    client: httpx.AsyncClient, query: str, diagnostics: str
) -> None:
    answer = await client.get(f"Organization?{query}")
    assert answer.status_code == 400
    assert OperationOutcome.model_validate(answer.json()).issue[0].diagnostics == diagnostics


async def test_a_page_holds_at_most_its_limit(client: httpx.AsyncClient) -> None:
    assert len((await bundle(client, "Organization?_count=3"))["entry"]) == 3
    assert len((await bundle(client, "Organization"))["entry"]) == 50
    assert len((await bundle(client, "Organization?_count=100000"))["entry"]) == 84


def page_of(*parts: object) -> str:
    """What the façade itself would call a page that says so."""
    return base64.urlsafe_b64encode(zlib.compress(json.dumps(parts).encode())).decode()


NAMED = [["name", "pharmacie"]]
FORGED = [
    "",
    "x",
    "!!!",
    "A" * 10_000,
    base64.urlsafe_b64encode(json.dumps(["Organization", NAMED, [0, 0, 0]]).encode()).decode(),
    base64.urlsafe_b64encode(zlib.compress(b"[" * 3_000)).decode(),
    page_of(),
    page_of("Organization", NAMED),
    page_of("Patient", NAMED, [0, 0, 0]),
    page_of(["Organization"], NAMED, [0, 0, 0]),
    page_of("Organization", [["name", 1]], [0, 0, 0]),
    page_of("Organization", [["name"]], [0, 0, 0]),
    page_of("Organization", "name", [0, 0, 0]),
    page_of("Organization", NAMED, [0, 0, -1]),
    page_of("Organization", NAMED, [0, True, 0]),
    page_of("Organization", NAMED, [0, 2**40, 0]),
    page_of("Organization", NAMED, [0, 0, 0, 0]),
    page_of("Organization", NAMED, None),
]


@pytest.mark.parametrize("token", FORGED)
async def test_a_forged_page_is_gone(client: httpx.AsyncClient, token: str) -> None:
    answer = await client.get("_page", params={"id": token})
    assert answer.status_code == 410
    OperationOutcome.model_validate(answer.json())


async def test_a_page_that_asks_for_nonsense_is_refused_as_the_search_would_be(client: httpx.AsyncClient) -> None:
    real = await client.get("_page", params={"id": page_of("Organization", NAMED, [0, 0, 0])})
    assert real.json()["entry"] == (await client.get("Organization?name=pharmacie")).json()["entry"] != []
    for query in ([["nom", "x"]], [["_count", "0"]], [["_lastUpdated", "x"]]):
        assert (await client.get("_page", params={"id": page_of("Organization", query, [0, 0, 0])})).status_code == 400
    far = (await client.get("_page", params={"id": page_of("Organization", NAMED, [7, 2**39, 5])})).json()
    assert (far.get("entry"), [link["relation"] for link in far["link"]]) == (None, ["self"])


@pytest.mark.parametrize("path", ["Organization/001-01-990000002", "Organization/990000010", "Patient", "Device/1"])
async def test_what_is_not_there_is_an_outcome(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    OperationOutcome.model_validate(answer.json())


@pytest.mark.parametrize("headers", [{}, {"ESANTE-API-KEY": "wrong"}, {"ESANTE-API-KEY": "cl\u00e9".encode()}])
@pytest.mark.parametrize("path", ["metadata", "Organization", f"Organization/{LILAS}", "_page?id=x", "other"])
async def test_nothing_is_told_without_the_key(directory: Directory, headers: dict[str, str], path: str) -> None:
    app = Starlette(routes=routes(directory, api_key=KEY))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://annuaire.test") as stranger:
        answer = await stranger.get(f"/fhir/v2/{path}", headers=headers)
    assert answer.status_code == 401
    OperationOutcome.model_validate(answer.json())


async def test_a_change_is_seen_by_the_next_request(client: httpx.AsyncClient, directory: Directory) -> None:
    directory.set_red_listed("990000010", on=True)
    assert "telecom" not in (await client.get(f"Organization/{LILAS}")).json()
    directory.set_red_listed("990000010", on=False)
    assert "telecom" in (await client.get(f"Organization/{LILAS}")).json()


async def test_the_patients_client_finds_its_pharmacy_over_a_socket(directory: Directory) -> None:
    listener = bind("127.0.0.1", 0)
    server = HttpServer(routes(directory, api_key=KEY), [listener])
    await server.start()
    try:
        annuaire = Annuaire(f"http://127.0.0.1:{listener.getsockname()[1]}/fhir/v2", KEY)
        (lilas,) = await asyncio.to_thread(annuaire.search, "lilas", "rennes")
        assert (lilas.finess, lilas.mailbox) == ("990000010", "pharmacie.lilas.990000010@officine.mssante.test")
        assert (
            len(await asyncio.to_thread(annuaire.search, "pharmacie", None)) == 36
        )  # each once, also that of two mailboxes
        assert [p.finess for p in await asyncio.to_thread(annuaire.by_finess, "990000010")] == ["990000010"]
    finally:
        await server.stop()
