"""Two FHIR clients that are not ours find a pharmacy: they need a base URL and a key, nothing else."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fhirclient.client import FHIRClient
from fhirclient.models.organization import Organization
from fhirclient.models.practitionerrole import PractitionerRole
from fhirpy import AsyncFHIRClient
from fhirpy.base.exceptions import AuthorizationError, OperationOutcome, ResourceNotFound

from mssante_sim.config import Ports
from mssante_sim.directory.http import routes
from mssante_sim.directory.store import Directory
from mssante_sim.directory.synthetic import Seeded
from mssante_sim.http_server import HttpServer, bind
from tests.directory.conftest import KEY

pytestmark = pytest.mark.interop

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
async def base(directory: Directory) -> AsyncIterator[str]:
    listener = bind("127.0.0.1", 0)
    server = HttpServer(routes(directory, api_key=KEY), [listener])
    await server.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/fhir/v2"
    await server.stop()


async def test_the_five_lines_of_readme_find_a_pharmacy(base: str, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(from fhirpy .*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for line in example.splitlines() if line]
    assert len(lines) == 5
    usual = f'"http://127.0.0.1:{Ports().http}/fhir/v2"'
    assert usual in example
    program = compile("\n".join(lines).replace(usual, repr(base)), "README.md", "exec")
    await asyncio.to_thread(exec, program, {"KEY": KEY})
    assert capsys.readouterr().out == "PHARMACIE FICTIVE DES LILAS pharmacie.lilas.990000010@officine.mssante.test\n"


async def test_fhirpy_pages_counts_and_includes(base: str, seeded: Seeded) -> None:
    client = AsyncFHIRClient(base, extra_headers={"ESANTE-API-KEY": KEY})
    places = client.resources("Organization")
    assert len(await places.limit(7).fetch_all()) == len(seeded.organisations)
    counted = await places.search(_total="accurate", _count=1).fetch_raw()
    assert (counted["total"], len(counted["entry"])) == (len(seeded.organisations), 1)
    roles = client.resources("PractitionerRole").include("PractitionerRole", "practitioner")
    types = [entry["resource"]["resourceType"] for entry in (await roles.fetch_raw())["entry"]]
    assert sorted(types) == ["Practitioner", "Practitioner", "PractitionerRole", "PractitionerRole"]
    (role, *_) = await roles.fetch()
    doctor = await role["practitioner"].to_resource()
    assert doctor["name"][0]["family"].endswith("FICTIF")
    assert (await client.reference("Organization", "001-01-990000010").to_resource())["id"] == "001-01-990000010"


async def test_fhirpy_reads_our_errors_as_outcomes(base: str) -> None:
    client = AsyncFHIRClient(base, extra_headers={"ESANTE-API-KEY": KEY})
    with pytest.raises(OperationOutcome, match="Parameter mailbox-mss-type not found"):
        await client.resources("Organization").search(mailbox_mss_type="ORG").fetch()
    with pytest.raises(ResourceNotFound):
        await client.reference("Practitioner", "003-899700999999").to_resource()
    stranger = AsyncFHIRClient(base, extra_headers={"ESANTE-API-KEY": "wrong"})
    with pytest.raises(AuthorizationError, match="ESANTE-API-KEY is missing or wrong"):
        await stranger.resources("Organization").fetch()


def with_fhirclient(base: str) -> tuple[list[str], list[str]]:
    client = FHIRClient(settings={"app_id": "test", "api_base": base})
    client.server.session.headers["ESANTE-API-KEY"] = KEY
    rennes = Organization.where({"address-city": "Rennes", "type": "SA33", "_count": "2"})
    places = list(rennes.perform_resources_iter(client.server))
    included = PractitionerRole.where({"_include": "PractitionerRole:organization"})
    roles = list(included.perform_resources_iter(client.server))
    read = Organization.read(places[0].id, client.server)
    assert read is not None
    assert read.as_json() == places[0].as_json()
    return [place.name for place in places], [role.resource_type for role in roles]


async def test_fhirclient_validates_what_it_gets_against_its_own_models(base: str) -> None:
    names, types = await asyncio.to_thread(with_fhirclient, base)
    assert len(names) == 3
    assert "PHARMACIE FICTIVE DES LILAS" in names
    assert sorted(types) == ["Organization", "PractitionerRole", "PractitionerRole"]
