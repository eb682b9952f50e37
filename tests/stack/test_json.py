"""The tool commands as JSON: what a script learns without reading English; no stack need be up."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mssante_sim.cli.main import root
from mssante_sim.smtp.replies import REFUSALS
from tests.directory.made_extraction import made_lines, made_text, zipped

pytestmark = pytest.mark.slow  # a home of its own

LILAS = "990000010"
Json = Callable[..., Any]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("home") / "made"
    made = _json("seed", "--home", str(path), "--pharmacies", "4", "--patients", "2", "--json")
    assert made == {"home": str(path), "pharmacies": 4, "patients": 2, "seed": 1}
    return path


@pytest.fixture
def told(home: Path) -> Json:
    """What a command says in that home."""
    return lambda *arguments, status=0: _json(*arguments, "--home", str(home), "--json", status=status)


def _json(*arguments: str, status: int = 0) -> Any:
    """Its standard output, which is JSON and nothing else."""
    outcome = CliRunner().invoke(root, arguments)
    assert outcome.exit_code == status, outcome.exception or outcome.output
    return json.loads(outcome.stdout)


def test_certificates(told: Json, home: Path, tmp_path: Path) -> None:
    assert told("certs", "init") == {"trust": str(home / "trust"), "exports": str(home / "exports")}
    address = told("directory", "show", LILAS)["mailboxes"][0]["address"]
    assert told("certs", "export", str(tmp_path / "out")) == {"folder": str(tmp_path / "out")}
    ca = str(tmp_path / "out" / "ca.pem")
    checked = told("certs", "check", ca, "--address", address, "--usage", "receiving", status=1)
    assert (checked["state"], checked["mailboxes"]) == ("wrong usage", []), "an authority is no mailbox"
    assert checked["not_before"] < checked["not_after"]
    renewed = told("certs", "renew", address)
    folder, usages = str(home / "exports" / "pkcs12"), ["signing", "receiving", "client"]
    assert renewed == {"address": address, "renewed": True, "usages": usages, "pkcs12": folder}
    revoked = told("certs", "revoke", address, "--usage", "receiving", "--reason", "superseded")
    assert int(revoked.pop("serial"), 16) > 0
    assert revoked == {"address": address, "usage": "receiving", "revoked": True, "reason": "superseded"}


def test_broken_cases(tmp_path: Path) -> None:
    listed = _json("certs", "broken", "list", "--json")
    name = listed[0]["name"]
    assert _json("certs", "broken", "export", name, str(tmp_path), "--json") == {
        "folder": str(tmp_path), "cases": [name],
    }  # fmt: skip


def test_the_life_of_a_mailbox(told: Json) -> None:
    added = told("directory", "add", "PHARMACIE FICTIVE DU JSON")
    assert sorted(added) == ["address", "finess", "login", "name", "password"]
    (changed,) = told("directory", "set", added["finess"], "--published", "off")
    assert (changed["address"], changed["published"]) == (added["address"], "off")
    for command, state in (
        (["publish"], "published"), (["red-list"], "red-listed"), (["red-list", "--undo"], "shown"),
        (["suspend"], "suspended"), (["close"], "closed for good"),
    ):  # fmt: skip
        assert told("directory", *command, added["finess"]) == [{"address": added["address"], "state": state}]
    (renewed,) = told("directory", "renew-certificate", LILAS, "--revoke")
    assert renewed["renewed"] is True


def test_files_of_the_directory(told: Json, tmp_path: Path) -> None:
    exported = told("directory", "export", str(tmp_path / "out"))
    assert [Path(exported["exported"])] == list((tmp_path / "out").iterdir())
    (tmp_path / "list.zip").write_bytes(zipped(made_text(40) + "bad line\n"))
    imported = told("directory", "import", str(tmp_path / "list.zip"))
    assert imported == {"imported": 40, "set_aside": 1, "activated": []}
    first = next(line for line in made_lines(40) if line.startswith("ORG") and "PHARMACIE" in line).split("|")[1]
    (activated,) = told("directory", "import", "--activate", first)["activated"]
    assert (activated["address"], sorted(activated)) == (first, ["address", "login", "password"])
    assert told("directory", "import", "--forget")["forgotten"] is True
    listed = told("directory", "white-list", "--add", "autre.mssante.test", "--dn", "CN=autre", "--fault", "stale")
    assert {"domain": "autre.mssante.test", "subjects": ["CN=autre"]} in listed["operators"]
    assert listed["faults"] == ["stale"]


def test_the_policy() -> None:
    told = _json("policy", "table", "--json")
    assert sorted(told["rules"]) == ["R1", "R2", "R3", "R4"]
    assert {"from": "patient", "to": "PER", "decision": "not-organisational"} in told["cells"]
    assert [one["word"] for one in _json("policy", "words", "--json")] == [one.word for one in REFUSALS.values()]
