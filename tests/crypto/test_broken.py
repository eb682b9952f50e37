"""Every broken case is what it says: our own reader comes to the verdict that is right, for the reason given."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from mssante_sim.clock import SystemClock
from mssante_sim.crypto import smime
from mssante_sim.crypto import verify as verifying
from mssante_sim.crypto.broken.case import Case, Kind, Verdict
from mssante_sim.crypto.broken.corpus import CASES, NoSuchCase, Specimen, case_named, judge, make
from mssante_sim.crypto.broken.export import AUTHOR, exported
from mssante_sim.crypto.broken.measured import MEASURED, VERSIONS
from mssante_sim.crypto.broken.scene import Scene
from mssante_sim.crypto.opening import open_layers
from mssante_sim.crypto.pkcs12 import read_bundle
from mssante_sim.crypto.trust import CertificateState, TrustContext
from mssante_sim.crypto.verify import FromMatches, VerificationFailed
from tests.crypto.conftest import ADDRESS
from tests.crypto.measuring import measure, version

NOW = SystemClock().now().replace(microsecond=0)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene.thrown_away(NOW, author=AUTHOR, reader=ADDRESS)


@pytest.fixture(scope="module")
def specimens(scene: Scene) -> dict[str, Specimen]:
    return {case.name: make(case, scene) for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.name)
def test_our_reader_comes_to_the_right_verdict(case: Case, scene: Scene, specimens: dict[str, Specimen]) -> None:
    specimen = specimens[case.name]
    assert judge(specimen, [scene.receiving], scene) == (case.verdict, case.finding)


@pytest.mark.interop
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_programs_make_of_the_cases_what_the_table_says(tmp_path: Path) -> None:
    """For the versions that were measured; with others, `python -m tests.crypto.measuring` writes the table anew."""
    found = measure(tmp_path)
    assert found.keys() == MEASURED.keys() == {one.name for one in CASES}
    known = [program for program, number in VERSIONS.items() if version(program) == number]
    assert {name: {one: row[one] for one in known} for name, row in found.items()} == {
        name: {one: row[one] for one in known} for name, row in MEASURED.items()
    }


LEFT_OUT: dict[str, tuple[object, str, Callable[..., object]]] = {
    "step 2": (verifying, "_check_attributes", lambda *_: None),
    "step 3": (verifying, "_check_signature", lambda *_: False),
    "step 4": (verifying, "_trusted_path", lambda leaf, *_: (leaf,)),
    "step 5": (TrustContext, "revocation", lambda *_: CertificateState.VALID),
    "step 6": (FromMatches, "proved_address", lambda *_: "anyone"),
}


@pytest.mark.parametrize("step", LEFT_OUT)
def test_without_one_step_some_broken_message_is_believed(
    step: str, scene: Scene, specimens: dict[str, Specimen], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(*LEFT_OUT[step])
    found = [judge(one, [scene.receiving], scene)[0] for one in specimens.values() if one.case.finding == step]
    assert Verdict.ACCEPT in found


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    assert len({one.name for one in CASES}) == len(CASES)
    wrong = [one for one in CASES if one.verdict is not Verdict.ACCEPT]
    assert len(wrong) >= 40
    assert set(Counter(one.kind for one in wrong)) == set(Kind)
    assert all(one.why.endswith(".") and one.source for one in CASES)


def test_a_name_that_is_not_there_is_told() -> None:
    with pytest.raises(NoSuchCase):
        case_named("signer-perfect")
    assert case_named("signer-expired").verdict is Verdict.DISTRUST


def test_an_export_is_all_that_a_vendor_needs(tmp_path: Path) -> None:
    """Files to import, the cases, what must come out; and it opens with the key that lies beside it."""
    cases = [case_named(one) for one in ("signature-good", "envelope-3des", "recipient-expired", "signer-revoked")]
    files = exported(cases, NOW)
    rows = json.loads(files["expected.json"])
    assert [one["name"] for one in rows] == [one.name for one in cases]
    named = {name for row in rows for name in row["files"]}
    around = {"README.txt", "expected.json", "ca.pem", "crl.pem", "recipient.pem", "recipient.p12",
              "recipient.compatible.p12"}  # fmt: skip
    assert files.keys() == named | around
    assert {"signature-good.eml", "signature-good.clear.eml", "envelope-3des.eml", "recipient-expired.pem"} <= named
    assert "envelope-3des.clear.eml" not in named
    own = read_bundle(files["recipient.p12"], "mssante-sim")
    assert files["signature-good.clear.eml"].endswith(smime.decrypt(files["signature-good.eml"], own))
    for name in ("ca.pem", "crl.pem"):
        (tmp_path / name).write_bytes(files[name])
    trust = TrustContext.from_files(tmp_path / "ca.pem", tmp_path / "crl.pem")
    assert open_layers(files["signature-good.eml"], own, trust, FromMatches(AUTHOR), at=NOW).signer is not None
    with pytest.raises(VerificationFailed) as caught:
        open_layers(files["signer-revoked.eml"], own, trust, FromMatches(AUTHOR), at=NOW)
    assert caught.value.step == 5


def test_efails_blocks_get_in_without_the_key(scene: Scene, specimens: dict[str, Specimen]) -> None:
    message = specimens["envelope-efail-gadget"].message
    assert message is not None
    opened = smime.decrypt(message, [scene.receiving])
    assert opened.startswith(b"Content-Type: text/html")
    assert 0 < opened.index(b'<img alt="') < opened.index(b'" src="//x.test/') < opened.index(b"secret qui ne doit pas")


def test_names_and_fields_are_the_same_each_time(scene: Scene, specimens: dict[str, Specimen]) -> None:
    case = case_named("signature-good")
    heads = {(make(case, scene).message or b"").partition(b"Content-Type")[0] for _ in range(2)}
    assert heads == {(specimens[case.name].message or b"").partition(b"Content-Type")[0]}
    assert b"Message-ID: <signature-good." in heads.pop()
