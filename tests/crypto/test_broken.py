"""Every broken case is what it says: our own reader comes to the verdict that is right, for the reason given."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from _pytest.outcomes import Failed

from mssante_sim.clock import SystemClock
from mssante_sim.crypto import links, opening, revocation, smime, trust, verify
from mssante_sim.crypto.broken.case import Case, Kind, Verdict
from mssante_sim.crypto.broken.corpus import CASES, NoSuchCase, Specimen, case_named, judge, make
from mssante_sim.crypto.broken.export import AUTHOR, exported
from mssante_sim.crypto.broken.measured import MEASURED, VERSIONS
from mssante_sim.crypto.broken.scene import Scene
from mssante_sim.crypto.opening import NotOpened, open_layers
from mssante_sim.crypto.pkcs12 import read_bundle
from mssante_sim.crypto.trust import CertificateState, TrustContext
from mssante_sim.crypto.unsealing import Unreadable, unseal
from mssante_sim.crypto.verify import FromMatches
from tests.crypto import test_issuers as issuers
from tests.crypto import test_refusals as refusals
from tests.crypto import test_trust as trusting
from tests.crypto import test_verify as verifying
from tests.crypto.conftest import ADDRESS, Domain
from tests.crypto.measuring import measure, version
from tests.crypto.mutants import Mutant, mutants

pytestmark = pytest.mark.slow

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


def test_the_reader_for_people_says_the_same_of_every_message(scene: Scene, specimens: dict[str, Specimen]) -> None:
    """It shows more of what does not hold, and never takes it for what does."""
    trust = scene.trust()

    def said(message: bytes) -> Verdict:
        try:
            read = unseal(message, [scene.receiving], trust, at=(NOW,))
        except Unreadable:
            return Verdict.UNREADABLE
        return Verdict.ACCEPT if read.signer else Verdict.DISTRUST if read.doubt else Verdict.UNSIGNED

    messages = {one.case.name: one.message for one in specimens.values() if one.message is not None}
    assert {name: said(one) for name, one in messages.items()} == {
        name: specimens[name].case.verdict for name in messages
    }


@pytest.mark.interop
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_programs_make_of_the_cases_what_the_table_says(tmp_path: Path) -> None:
    """For the versions that were measured; with others, `python -m tests.crypto.measuring` writes the table anew."""
    found = measure(tmp_path)
    assert found.keys() == MEASURED.keys() == {one.name for one in CASES}
    known = [program for program in ("openssl", "gpgsm") if version(program) == VERSIONS[program]]
    assert {name: {one: row[one] for one in known} for name, row in found.items()} == {
        name: {one: row[one] for one in known} for name, row in MEASURED.items()
    }


LEFT_OUT: dict[str, tuple[object, str, Callable[..., object]]] = {
    "step 2": (verify, "_check_attributes", lambda *_: None),
    "step 3": (verify, "_check_signature", lambda *_: False),
    "step 4": (verify, "_trusted_path", lambda leaf, *_: (leaf,)),
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


# Every check is needed


ALL = [one for module in (verify, links, trust, opening) for one in mutants(module)]
ALL += [one for one in mutants(revocation) if one.owner == "RevocationList"]
MUTANTS = {str(one): one for one in ALL}
EQUIVALENT: Mapping[str, str] = {
    "trust.TrustContext.path without if leaf.der in self._paths and (not extra)": "it only makes asking again quick",
    "trust.TrustContext._path_through without not leaf.understood": "it only spares a question",
    "links.is_issued_by without not subject.signed_well": "the library verifies no SHA-1 either, so far",
    "revocation.RevocationList.is_signed_by without isinstance(self.parsed.signature_hash_algorithm, GOOD_DIGESTS)": (
        "the same"
    ),
    "revocation.RevocationList.is_signed_by without not is_strong(issuer.public_key)": "`is_issued_by` has seen to it",
    "revocation.RevocationList.is_signed_by without issuer.usages is None": "the same",
}


def naming(how: str) -> Callable[[Domain], object]:
    value = refusals.NAMED_WRONG[how]
    return lambda domain: refusals.test_step_3_a_certificate_named_in_another_way(domain, value)


def bounded(domain: Domain) -> None:
    with pytest.MonkeyPatch.context() as patch:
        trusting.test_the_memory_of_paths_is_bounded(domain, patch)


OTHERWISE: Mapping[str, Callable[[Domain], object]] = {
    "verify._one_signer without one is not None": verifying.test_step_1_a_certificate_that_cannot_be_read_is_nobody,
    "verify._names_certificate without if digest is None or not fields": naming("SHA-1"),
    "verify._names_certificate without digest is None": naming("SHA-1"),
    "verify._names_certificate without not fields": naming("no digest"),
    "trust.TrustContext.state without if certificate is None": trusting.test_no_certificate_is_a_missing_one,
    "trust.TrustContext.path without not extra": trusting.test_a_chain_that_came_along_is_followed,
    "trust.TrustContext.path without if len(self._paths) >= _MOST_REMEMBERED": bounded,
    **dict.fromkeys(
        (
            "trust.TrustContext._path_through without if self._lookup is None or not leaf.understood",
            "trust.TrustContext._path_through without self._lookup is None",
        ),
        issuers.test_the_issuer_may_be_fetched_to_seal_but_never_to_believe_a_signature,
    ),
    "trust.TrustContext._walk without len(path) <= _LONGEST_PATH": lambda _: trusting.test_a_path_of_five_is_too_long(),
    "trust.accepts_usage without if usage is not Usage.RECEIVE": trusting.test_what_opens_a_mailbox_can_sign,
}
"""What no message shows: the tests that do."""


def tells(specimen: Specimen, scene: Scene) -> bool:
    """Whether our reader, such as it is now, comes to another verdict or reason than the right one."""
    try:
        return judge(specimen, [scene.receiving], scene) != (specimen.case.verdict, specimen.case.finding)
    except (AttributeError, KeyError, TypeError):  # what a check had kept away
        return True


TELLING: set[str] = set()
"""Cases that told one mutant, and may tell the next: they are asked first."""


@pytest.mark.parametrize(
    "mutant", [one for name, one in MUTANTS.items() if name not in OTHERWISE | EQUIVALENT], ids=str
)
def test_without_a_check_a_broken_case_is_told_wrongly(
    mutant: Mutant, scene: Scene, specimens: dict[str, Specimen]
) -> None:
    likely = sorted(specimens, key=lambda name: name not in TELLING)
    with mutant.alive():
        found = next((name for name in likely if tells(specimens[name], scene)), None)
    assert found is not None, f"{mutant}: no broken case notices"
    TELLING.add(found)


@pytest.mark.parametrize("name", OTHERWISE)
def test_without_a_check_its_test_fails(name: str, domain: Domain) -> None:
    OTHERWISE[name](domain)
    with MUTANTS[name].alive(), pytest.raises((Exception, Failed)):
        OTHERWISE[name](domain)


def test_what_is_said_to_be_told_otherwise_is_there() -> None:
    assert {*OTHERWISE, *EQUIVALENT} <= MUTANTS.keys()
    assert len(MUTANTS) == len(ALL) > 70


# The list and the files


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
    with pytest.raises(NotOpened) as caught:
        open_layers(files["signer-revoked.eml"], own, trust, FromMatches(AUTHOR), at=NOW)
    assert (caught.value.layer, caught.value.step) == (2, "step 5")


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
