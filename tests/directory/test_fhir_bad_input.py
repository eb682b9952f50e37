"""What strangers send to the façade: odd values, methods and media types; each gets FHIR's own form of an answer."""

import base64
import json
import zlib
from collections.abc import AsyncIterator, Iterator, MutableMapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.operationoutcome import OperationOutcome
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from mssante_sim.clock import FixedClock
from mssante_sim.directory.fhir_search import SearchRefused, read_search
from mssante_sim.directory.fhir_types import TYPES
from mssante_sim.directory.http import routes
from mssante_sim.directory.store import Directory
from mssante_sim.directory.synthetic import Seeded
from tests.directory.conftest import KEY, opened, served

LILAS = "001-01-990000010"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory, seeded: Seeded) -> Iterator[Directory]:
    """One for the whole file: nothing here changes it."""
    at = FixedClock(datetime(2026, 11, 25, 8, 30, tzinfo=UTC))
    with opened(tmp_path_factory.mktemp("annuaire") / "home", seeded, at) as directory:
        yield directory


@pytest.fixture
async def client(directory: Directory) -> AsyncIterator[httpx.AsyncClient]:
    async with served(directory) as client:
        yield client


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry["resource"]["name"] for entry in answer.json().get("entry", [])]


def diagnostics(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    return OperationOutcome.model_validate(answer.json()).issue[0].diagnostics


_KEYS = sorted({name for one in TYPES.values() for name in one.parameters} | {
    "_count", "_elements", "_format", "_include", "_revinclude", "_total", "_sort", "_has", "", "x" * 200,
})  # fmt: skip
_MODIFIERS = ("", ":contains", ":exact", ":not", ":missing", ":of-type", ":iterate", ":", ":Organization.name")
_VALUES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["ap0001", "ap9999-12-30", "le9998-12-31", "ge0001-01-01T00:00:00+14:00", "\\", "\\,", "a\\\\,b",
                     ",", "|", "a|", "|a", "a|b|c", "*", "%", "_", '"', "\x00", "9" * 400, "0", "-1", "Organization/",
                     "true", "SA33", "SA33|", "PractitionerRole:organization", "é" * 300]),
)  # fmt: skip


@settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
async def test_whatever_is_asked_gets_a_bundle_or_an_outcome(client: httpx.AsyncClient, data: st.DataObject) -> None:
    type_ = data.draw(st.sampled_from(sorted(TYPES)))
    keys = st.builds("".join, st.tuples(st.sampled_from(_KEYS), st.sampled_from(_MODIFIERS)))
    query = data.draw(st.lists(st.tuples(keys, _VALUES), max_size=3))
    answer = await client.get(f"{type_}?{urlencode(query, errors='replace')}")
    if answer.status_code == 200:
        Bundle.model_validate(answer.json())
    else:
        assert diagnostics(answer, 400)


@pytest.mark.parametrize("text", ["ap0001", "ap9999-12-30", "le9999-12-31", "0001-01-01T00:00:00+14:00"])
def test_a_date_at_the_end_of_time_is_refused(text: str) -> None:
    with pytest.raises(SearchRefused, match="no calendar has"):
        read_search("Device", [("_lastUpdated", text)])


async def test_octets_that_are_no_text_are_refused_in_either_place(client: httpx.AsyncClient) -> None:
    for query in ("Organization?name=%ff", "Organization?na%ffme=x", f"Organization?{'a=b&' * 1_001}"):
        assert "cannot be read" in diagnostics(await client.get(query), 400)
    for body in (b"name=%ff", "name=é".encode("latin-1"), b"a=b&" * 1_001):
        posted = await client.post("Organization/_search", content=body, headers={"Content-Type": FORM})
        assert "cannot be read" in diagnostics(posted, 400)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a,b", ("a", "b")),
        ("a\\,b", ("a,b",)),
        ("a\\\\,b", ("a\\", "b")),
        ("a\\\\\\,b", ("a\\,b",)),
        ("a\\$b\\|c", ("a$b|c",)),
        ("a\\", ("a\\",)),
        (",a,,b,", ("a", "b")),
    ],
)
def test_a_comma_parts_values_unless_it_is_escaped(text: str, values: tuple[str, ...]) -> None:
    (criterion,) = read_search("Organization", [("name", text)]).criteria
    assert criterion.values == values


async def test_parameters_without_a_value_are_passed_over(client: httpx.AsyncClient) -> None:
    everything = names(await client.get("Organization"))
    for query in ("name", "name=", "name=,", "name= , ", "_id=", "type:not=,", "_count=", "_lastUpdated=,", "&&"):
        assert names(await client.get(f"Organization?{query}")) == everything


async def test_a_parameter_that_is_repeated_must_hold_each_time(client: httpx.AsyncClient) -> None:
    place = "SA33&type=GEOGRAPHICAL-ENTITY"
    assert len(names(await client.get(f"Organization?type={place}&type:not=SA38"))) == 34
    assert names(await client.get("Organization?type=SA33&type=LEGAL-ENTITY")) == []
    assert names(await client.get(f"Organization?_id={LILAS}&_id=001-01-990000028")) == []
    assert names(await client.get("Organization?active=true&active=false")) == []


async def test_a_reference_leads_to_its_own_type_however_it_is_written(
    client: httpx.AsyncClient, seeded: Seeded
) -> None:
    legal = seeded.organisations[0].finess
    for value in (
        f"001-01-{legal}",
        f"Organization/001-01-{legal}",
        f"http://annuaire.test/fhir/v2/Organization/001-01-{legal}",
    ):
        assert names(await client.get("Organization", params={"partof": value})) == ["PHARMACIE FICTIVE DES LILAS"]
    for value in (f"Practitioner/001-01-{legal}", f"http://annuaire.test/Device/001-01-{legal}", f"1-01-{legal}", "/"):
        assert names(await client.get("Organization", params={"partof": value})) == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("Organization?partof.name=lilas", "Parameter partof.name not found"),
        ("Organization?partof:Organization.name=lilas", "Modifier :Organization.name is not supported"),
        ("PractitionerRole?organization.name=centre", "Parameter organization.name not found"),
        ("Organization?_has:PractitionerRole:organization:active=true", "Parameter _has not found"),
        ("Organization?_sort=name", "Parameter _sort not found"),
        ("Organization?name:missing=true", "Modifier :missing is not supported for parameter name"),
        ("Organization?_include:iterate=Organization:partof", "Modifier :iterate is not supported for parameter _incl"),
        ("Organization?_count:exact=5", "Modifier :exact is not supported for parameter _count"),
        ("Organization?_revinclude=*", "Invalid _revinclude parameter value: *"),
    ],
)
async def test_what_is_not_offered_is_told_apart(client: httpx.AsyncClient, query: str, said: str) -> None:
    assert diagnostics(await client.get(query), 400).startswith(said)


@pytest.mark.parametrize("code", ["active=perhaps", "active=TRUE", "type=SA99", "identifier=urn:x|1", "_profile=x"])
async def test_an_unknown_code_is_a_search_without_result(client: httpx.AsyncClient, code: str) -> None:
    assert names(await client.get(f"Organization?{code}")) == []


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "DELETE", "PURGE"])
@pytest.mark.parametrize("path", ["Organization", f"Organization/{LILAS}", "metadata", "_page", ""])
async def test_any_other_method_is_refused_as_an_outcome(client: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await client.request(method, path)
    assert diagnostics(answer, 405) == "This directory is read-only"
    assert answer.headers["allow"] == "GET, HEAD"
    assert (await client.request(method, path, headers={"ESANTE-API-KEY": ""})).status_code == 401


async def test_the_head_of_an_answer_is_that_of_the_answer(client: httpx.AsyncClient) -> None:
    for path in ("metadata", "Organization?_count=2", f"Organization/{LILAS}", "Patient", "_page"):
        head, got = await client.head(path), await client.get(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["content-length"] == str(len(got.content))


@pytest.mark.parametrize("path", ["metadata", f"Organization/{LILAS}", "Organization?_count=1", "Patient"])
async def test_json_is_all_there_is_whatever_is_accepted(client: httpx.AsyncClient, path: str) -> None:
    for accepted in ("application/fhir+xml", "text/html", "application/json", "nonsense"):
        answer = await client.get(path, headers={"Accept": accepted})
        assert answer.headers["content-type"] == "application/fhir+json"
        assert answer.json() == (await client.get(path)).json()


async def test_a_format_whose_plus_was_not_escaped_is_understood(client: httpx.AsyncClient) -> None:
    assert len(names(await client.get("Organization?_count=1&_format=application/fhir+json"))) == 1
    assert "served" in diagnostics(await client.get("Organization?_format=application/fhir+xml"), 400)


@pytest.mark.parametrize("path", ["Patient", "Patient/1", "organization", "Patient/_search", "Organization/1/_history"])
async def test_an_unknown_type_is_named_with_those_that_are_known(client: httpx.AsyncClient, path: str) -> None:
    said = diagnostics(await client.get(path), 404)
    if path.startswith("Organization/"):
        assert said == "Of Organization only a search and a resource by its id are offered"
        return
    type_ = path.partition("/")[0]
    assert said.startswith(f"Unknown resource type '{type_}' - Server knows how to handle: [Organization, Practitioner")
    assert diagnostics(await client.post(f"{type_}/_search"), 404) == said


async def test_body_and_query_of_a_posted_search_add_up(client: httpx.AsyncClient) -> None:
    async def posted(query: str, body: str, kind: str = FORM) -> list[str]:
        answer = await client.post(f"Organization/_search?{query}", content=body, headers={"Content-Type": kind})
        return names(answer)

    lilas = ["PHARMACIE FICTIVE DES LILAS"]
    assert await posted("name=lilas", "") == lilas
    assert await posted("name=lilas", "address-city=rennes") == lilas
    assert await posted("name=lilas", "name=port") == []
    assert await posted("", "name=lilas", f"{FORM.upper()}; charset=UTF-8") == lilas


async def test_who_leaves_in_the_middle_of_a_body_is_no_failure_of_ours(directory: Directory) -> None:
    came = iter(({"type": "http.request", "body": b"name=", "more_body": True}, {"type": "http.disconnect"}))
    said: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return next(came)

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    headers = [(b"esante-api-key", KEY.encode())]
    scope = {"type": "http", "method": "POST", "path": "/fhir/v2/Organization/_search", "headers": headers,
             "query_string": b""}  # fmt: skip
    await Starlette(routes=routes(directory, api_key=KEY))(scope, receive, send)
    assert said[0]["status"] == 400


async def test_a_search_too_long_for_an_address_is_paged_too(client: httpx.AsyncClient, seeded: Seeded) -> None:
    numbers = [f"https://finess.esante.gouv.fr|{one.finess}" for one in seeded.organisations]
    padded = [*numbers, *(f"https://finess.esante.gouv.fr|99{number:07}" for number in range(416))]
    page: dict[str, Any] = (
        await client.post("Organization/_search", data={"identifier": ",".join(padded), "_count": "30"})
    ).json()
    found = [entry["resource"]["name"] for entry in page["entry"]]
    while following := next((link["url"] for link in page["link"] if link["relation"] == "next"), ""):
        assert len(following) < 8_000  # what any server takes
        page = (await client.get(following)).json()
        found += [entry["resource"]["name"] for entry in page["entry"]]
    assert sorted(found) == sorted(one.name for one in seeded.organisations)


async def test_a_page_that_was_cut_or_inflated_is_gone(client: httpx.AsyncClient) -> None:
    page = (await client.get("Organization?_count=1")).json()
    token = page["link"][0]["url"].partition("id=")[2]
    bomb = zlib.compress(json.dumps(["Organization", [["name", "a" * 50_000_000]], [0, 0, 0]]).encode())
    for spoilt in (token[:-8], token[8:], "AAAA" + token, base64.urlsafe_b64encode(bomb).decode()):
        assert "does not exist" in diagnostics(await client.get("_page", params={"id": spoilt}), 410)
