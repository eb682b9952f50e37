"""Nobody reaches what is another's, route by route; no answer shows the address of a professional."""

import asyncio
from collections.abc import Iterator
from typing import Annotated, get_args, get_origin

import httpx
import msgspec
import pytest

from mssante_sim.patient import api
from mssante_sim.patient.table import TABLE, Operation, Who, by_path
from mssante_sim.testing import Mssante
from tests.mes.conftest import Inside
from tests.mes.pharmacy import answer
from tests.mes.routes import Things, request_for
from tests.mes.visitor import PDF, Visitor, refusal

MARK = "marque-3Ab"
named = [pytest.param(one, id=one.name) for one in TABLE]
OF_A_THING = [one for one in TABLE if any(f"{{{name}}}" in one.path for name in ("document", "draft", "message"))]


@pytest.fixture
def things(mssante: Mssante, patient: Visitor) -> Things:
    """Everything that a patient may have."""
    finess = str(mssante.account("pharmacy").identifier)
    document = patient.add(f"{MARK}.pdf", title=MARK)["id"]
    sent = patient.send(pharmacy=finess, subject=MARK, text=MARK)
    answer(mssante, sent["message_id"], MARK, files=[(f"{MARK}.pdf", "application/pdf", PDF)])
    (message,) = patient.ok("GET", "/notifications", params={"after": "0-0"})["messages"]
    draft = patient.draft(pharmacy=finess, subject=MARK, text=MARK)["id"]
    return Things(document, draft, message, finess)


@pytest.mark.parametrize("operation", [pytest.param(one, id=one.name) for one in OF_A_THING])
def test_what_a_patient_has_does_not_exist_for_another(
    patient: Visitor, other_patient: Visitor, things: Things, operation: Operation
) -> None:
    status, word = refusal(other_patient.http.request(**request_for(operation, things)))
    assert (status, word.endswith("-missing")) == (404, True)
    answered = patient.http.request(**request_for(operation, things))
    assert answered.status_code < 300 or refusal(answered) == (404, "no-xdm"), "for its owner it does exist"


def test_nothing_of_a_patient_is_in_what_another_lists(
    mssante: Mssante, other_patient: Visitor, things: Things
) -> None:
    for operation in TABLE:
        if operation.method == "GET" and operation not in OF_A_THING:
            answered = other_patient.http.request(**request_for(operation, things))
            assert MARK not in answered.text, operation.name
            for identity in (things.draft, things.message):
                assert identity not in answered.text.replace("0-0", ""), operation.name


def id_fields() -> Iterator[tuple[str, str]]:
    """Every parameter or field whose value names a thing of a patient."""
    for operation in TABLE:
        for kind in (operation.query, operation.takes):
            for one in msgspec.structs.fields(kind) if kind else ():
                kinds = [one.type, *get_args(one.type)]
                kinds += [inner for each in kinds if get_origin(each) is list for inner in get_args(each)]
                if any(each in (api.Id, api.MessageId) for each in kinds) or api.Id in _unwrapped(one.type):
                    yield operation.name, one.name


def _unwrapped(kind: object) -> list[object]:
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return list(get_args(kind))


def test_an_id_of_another_in_a_parameter_is_missing_too(other_patient: Visitor, things: Things) -> None:
    assert set(id_fields()) == {
        ("propose", "document"),
        ("write_draft", "document"),
        ("write_draft", "answers"),
        ("wait_for_news", "after"),
    }, "a new one needs its line below"
    operations = {one.name: one for one in TABLE}
    proposed = other_patient.http.request(**request_for(operations["propose"], things))
    assert refusal(proposed) == (404, "document-missing")
    written = other_patient.http.request(**request_for(operations["write_draft"], things))
    assert refusal(written) == (404, "message-missing")
    fields = {"pharmacy": (None, things.finess), "text": (None, "a"), "document": (None, things.document)}
    assert other_patient.no("POST", "/drafts", files=fields) == (404, "document-missing")
    news = other_patient.ok("GET", "/notifications", params={"after": things.message[1:]})
    assert news["messages"] == []


@pytest.mark.parametrize("operation", named)
def test_no_answer_shows_the_address_of_a_professional(
    mssante: Mssante, patient: Visitor, things: Things, operation: Operation
) -> None:
    addresses = [one.address for one in mssante.running.accounts if one.kind != "patient"]
    if operation.name in ("sign_out", "sign_in", "deposit"):
        with Visitor.of(mssante.running, "patient" if operation.name == "sign_out" else "per") as visitor:
            answered = visitor.http.request(**request_for(operation, things))
    else:
        answered = patient.http.request(**request_for(operation, things))
    shown = answered.text.lower() + str(answered.headers).lower()
    assert not [one for one in addresses if one in shown]


def test_a_refusal_of_the_mail_server_shows_no_address_either(mssante: Mssante, patient: Visitor) -> None:
    for role in ("expired-certificate", "revoked-certificate", "unattached", "unknown-attachment"):
        account = mssante.account(role)
        draft = patient.draft(pharmacy=account.identifier, text="a")
        refused = patient.ask("POST", f"/drafts/{draft['id']}/send")
        assert refused.status_code == 409
        assert "@" not in refused.text


@pytest.mark.parametrize("operation", [one for one in named if one.values[0].who is not Who.ANYONE])  # type: ignore[attr-defined]
def test_without_a_session_no_route_answers(mssante: Mssante, operation: Operation) -> None:
    request = request_for(operation, Things())
    with httpx.Client(base_url=f"{mssante.running.http}/mes/v1", timeout=60) as client:
        assert refusal(client.request(**request)) == (401, "session-missing")


@pytest.mark.parametrize("operation", named)
def test_each_kind_of_account_has_its_routes(mssante: Mssante, patient: Visitor, operation: Operation) -> None:
    request = request_for(operation, Things())
    if operation.who in (Who.PATIENT, Who.ACTIVATED):
        with Visitor.of(mssante.running, "pharmacy") as pharmacy:
            assert refusal(pharmacy.http.request(**request)) == (403, "not-for-this-account")
    if operation.who is Who.PROFESSIONAL:
        assert refusal(patient.http.request(**request)) == (403, "not-for-this-account")


@pytest.mark.parametrize("operation", [one for one in named if one.values[0].who is Who.ACTIVATED])  # type: ignore[attr-defined]
def test_before_activation_no_route_but_the_profile_answers(mssante: Mssante, operation: Operation) -> None:
    with Visitor.of(mssante.running, "patient-not-activated") as visitor:
        assert visitor.profile["state"] == "not-activated"
        assert refusal(visitor.http.request(**request_for(operation, Things()))) == (403, "profile-not-activated")


@pytest.mark.parametrize("path", [pytest.param(path, id=path) for path, _ in by_path()])
def test_a_method_that_a_path_has_not_is_refused_with_those_it_has(patient: Visitor, path: str) -> None:
    offered = dict(by_path())[path]
    url = next(iter(offered.values())).path.format_map(
        dict.fromkeys(("document", "draft", "message", "finess", "n"), "1-1")
    )
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} - set(offered):
        answered = patient.ask(method, url)
        assert refusal(answered) == (405, "method-not-allowed")
        assert set(answered.headers["allow"].split(", ")) == set(offered)


@pytest.mark.parametrize("path", ["/documents/1-1%0A", "/documents/a%0Ab", "/documents/%FF%00"])
def test_odd_octets_in_a_path_are_an_id_that_nothing_has(patient: Visitor, path: str) -> None:
    assert patient.no("GET", path) == (404, "document-missing")


@pytest.mark.parametrize("path", ["/", "/nothing", "/documents/1-1/other", "/documents/", "/sessions/1", "/a%0Ab/c"])
def test_a_path_that_is_none_is_not_found(patient: Visitor, path: str) -> None:
    assert patient.no("GET", path) == (404, "not-found")


async def test_opposition_closes_the_mailbox_and_keeps_the_documents(inside: Inside) -> None:
    async with inside() as stack:
        await asyncio.to_thread(oppose, Mssante(stack.running))


def oppose(mssante: Mssante) -> None:
    with Visitor.of(mssante.running, "patient-not-activated") as visitor:
        assert visitor.ok("PUT", "/profile/state", json={"state": "activated"})["state"] == "activated"
        document = visitor.add()
        sent = visitor.send(pharmacy="990000010", text="a")
        assert visitor.ok("PUT", "/profile/state", json={"state": "opposed"})["state"] == "opposed"
        assert visitor.no("GET", "/documents") == (403, "profile-not-activated")
        assert visitor.ok("GET", "/profile")["state"] == "opposed"
        answer(mssante, sent["message_id"], to="patient-not-activated")
        visitor.ok("PUT", "/profile/state", json={"state": "activated"})
        assert visitor.ok("GET", "/documents")["documents"] == [document]
        assert visitor.ok("GET", "/notifications", params={"after": "0-0"})["messages"] == []
        answer(mssante, sent["message_id"], to="patient-not-activated")
        assert len(visitor.ok("GET", "/notifications", params={"after": "0-0"})["messages"]) == 1
        for state in ("not-activated", "x", None):
            assert visitor.no("PUT", "/profile/state", json={"state": state}) == (422, "bad-body")
    mssante.close()
