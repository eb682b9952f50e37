"""The description says what is there, and what is there does what the description says."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from mssante_sim.patient.openapi import description
from mssante_sim.patient.table import TABLE, Who
from mssante_sim.testing import Mssante
from tests.mes.visitor import Visitor


def test_every_operation_is_described_with_its_answers_and_refusals(patient: Visitor) -> None:
    described = patient.ok("GET", "/openapi.json")
    assert described["openapi"] == "3.1.0"
    found = {
        (method.upper(), path): operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    assert set(found) == {(one.method, one.path) for one in TABLE}
    for one in TABLE:
        operation = found[one.method, one.path]
        assert operation["operationId"] == one.name
        assert str(one.status) in operation["responses"]
        assert ("401" in operation["responses"]) == (one.who is not Who.ANYONE or one.name == "sign_in")
        assert (operation.get("security") == []) == (one.who is Who.ANYONE)


@pytest.fixture
def activated(mssante: Mssante) -> Iterator[Visitor]:
    """A patient whose profile is activated before and after, whatever happened to it."""
    with Visitor.of(mssante.running, "patient") as visitor:
        yield visitor
    with Visitor.of(mssante.running, "patient") as again:
        again.ok("PUT", "/profile/state", json={"state": "activated"})


BEYOND_A_SCHEMA = {"document-refused", "bad-name", "nothing-to-search", "empty-text", "no-recipient"}
"""What is refused for a reason that a description of single values cannot hold."""

FRAMING = {"connection", "content-length", "expect", "host", "transfer-encoding", "upgrade"}
"""Fields of HTTP itself: a wrong one is answered 400 before the service sees a request."""

schema = schemathesis.openapi.from_dict(json.loads(description()))


@pytest.mark.slow
@schema.parametrize()
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_service_does_what_it_says(mssante: Mssante, case: Any, activated: Visitor) -> None:
    if case.operation.path == "/notifications" and str((case.query or {}).get("wait")).isdecimal():
        case.query["wait"] = "0" if int(case.query["wait"]) <= 60 else case.query["wait"]  # nobody writes meanwhile
    for name in [name for name in case.headers or () if name.lower() in FRAMING]:
        del case.headers[name]
    token = {"Authorization": f"Bearer {activated.token}"}
    answer = case.call(base_url=f"{mssante.running.http}/mes/v1", headers=token)
    is_beyond = answer.status_code == 422 and answer.json()["error"] in BEYOND_A_SCHEMA
    case.validate_response(answer, excluded_checks=[positive_data_acceptance] if is_beyond else [])
