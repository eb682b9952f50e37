"""`certs broken report`: a vendor's answers in, a report and a status out."""

import json
from pathlib import Path

from click.testing import CliRunner

from mssante_sim.cli.main import root
from mssante_sim.crypto.broken.report import BadAnswers

REPORT = ("certs", "broken", "report")


def test_errors_and_warnings_are_explained_and_the_status_tells(tmp_path: Path) -> None:
    answers = tmp_path / "answers.txt"
    answers.write_text("signer-revoked accept\nsignature-good unreadable\nsignature-sha1 distrust\n")
    said = CliRunner().invoke(root, [*REPORT, str(answers)])
    assert said.exit_code == 1
    first, why, *_ = said.stdout.splitlines()
    assert first == "error    signer-revoked: expected distrust, found accept"
    assert why.strip().startswith("Its serial number is on the list. [RFC 5280 §6.3] (openssl distrust, gpgsm accept")
    assert "warning  signature-good: expected accept, found unreadable" in said.stdout
    assert "signature-sha1" not in said.stdout
    assert ": right 1, warnings 1, errors 1." in said.stdout
    said = CliRunner().invoke(root, [*REPORT, str(answers), "--json"])
    assert [
        (one["level"], one["name"], one["expected"], one["found"], one["source"]) for one in json.loads(said.stdout)
    ] == [
        ("error", "signer-revoked", "distrust", "accept", "RFC 5280 §6.3"),
        ("warning", "signature-good", "accept", "unreadable", "RFC 8551 §3.5.3"),
        ("right", "signature-sha1", "distrust", "distrust", "RFC 8551 §2.1"),
    ]


def test_the_blank_comes_back_as_no_answer_and_no_error() -> None:
    blank = CliRunner().invoke(root, [*REPORT, "--blank"])
    said = CliRunner().invoke(root, [*REPORT, "-"], input=blank.stdout)
    assert (blank.exit_code, said.exit_code) == (0, 0)
    assert said.stdout.startswith("0 of ")


def test_without_answers_or_with_bad_ones_it_says_so(tmp_path: Path) -> None:
    assert CliRunner().invoke(root, REPORT).exit_code == 2
    (tmp_path / "latin").write_bytes("signature-good accepté".encode("latin-1"))
    assert CliRunner().invoke(root, [*REPORT, str(tmp_path / "missing")]).exit_code == 2
    assert isinstance(CliRunner().invoke(root, [*REPORT, str(tmp_path / "latin")]).exception, BadAnswers)
