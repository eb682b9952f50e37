"""Signing in and out, several profiles side by side, activation and opposition."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mssante_sim.clients.espace.service import EspaceSante
from mssante_sim.clients.espace.visits import SignedIn, SignedInProfiles
from mssante_sim.testing import Mssante, ephemeral_stack
from tests.stack.conftest import Cli, Command
from tests.stack.terminal import Terminal

SIGN_IN = ("patient", "sign-in", "--as", "PAT-TROIS")


@pytest.fixture
def password(mssante: Mssante) -> str:
    return mssante.account("patient").logins[0].password


@pytest.mark.parametrize(
    "arguments",
    [
        ("documents", "list"), ("documents", "share", "1-1"), ("send", "--draft", "1-1"), ("drafts", "list"),
        ("conversations",), ("read", "r1-1"), ("reply", "r1-1", "--message", "x"), ("watch",), ("history",),
        ("pharmacies", "visited"), ("activate",), ("oppose", "--yes"), ("sign-out",),
    ],
)  # fmt: skip
def test_whoever_is_not_signed_in_is_told_how(arguments: tuple[str, ...], cli: Cli) -> None:
    outcome = cli("patient", *arguments)
    assert outcome.status == 4
    assert "Connectez-vous d'abord : mssante-sim patient sign-in --as PATIENT" in outcome.err
    outcome = cli("patient", *arguments, "--as", "PAT-TROIS")
    assert outcome.status == 4
    assert "mssante-sim patient sign-in --as 279035121518989" in outcome.err


def test_a_password_comes_from_standard_input_and_lands_in_no_file(cli: Cli, home: Path, password: str) -> None:
    outcome = cli(*SIGN_IN, "--password-stdin", text=password + "\n")
    assert outcome.status == 0, outcome.err
    assert "Dominique PAT-TROIS est connecté(e)" in outcome.out
    kept = home / "sessions.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert password not in kept.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "text", "status", "words"),
    [
        (["--password-stdin"], "faux\n", 4, "mot de passe est incorrect"),
        (["--password-stdin"], "", 2, "entrée standard est vide"),
        (["--password-stdin"], "\n", 2, "entrée standard est vide"),
        ([], "", 2, "--password-stdin, ou --synthetic"),
        (["--synthetic", "--password-stdin"], "x\n", 2, "pas les deux"),
    ],
)
def test_without_the_password_nobody_is_signed_in(
    options: list[str], text: str, status: int, words: str, cli: Cli, home: Path
) -> None:
    outcome = cli(*SIGN_IN, *options, text=text)
    assert (outcome.status, words in outcome.err) == (status, True), outcome.err
    assert SignedInProfiles(home).all() == ()


def test_a_password_given_as_an_argument_is_refused(cli: Cli, home: Path, password: str) -> None:
    outcome = cli(*SIGN_IN, "--password", password)
    assert (outcome.status, "--password" in outcome.err, password in outcome.err) == (2, True, False), outcome.err
    assert SignedInProfiles(home).all() == ()


def test_who_signs_out_activates_or_opposes_is_told_as_json(patient: Cli) -> None:
    who = {"ins": "279035121518989", "nom": "Dominique PAT-TROIS"}
    assert patient("oppose", "--yes", "--json").json == {**who, "profil": "opposition"}
    assert patient("activate", "--json").json == {**who, "profil": "activé"}
    assert patient("sign-out", "--json").json == {**who, "connecté": False}


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("personne", "Aucun compte fictif"),
        ("990000010", "n'est pas un patient"),
        ("dr.exemple", "n'est pas un patient"),
    ],
)
def test_only_patients_sign_in_here(who: str, words: str, cli: Cli) -> None:
    outcome = cli("patient", "sign-in", "--as", who, "--synthetic")
    assert (outcome.status, words in outcome.err) == (2, True), outcome.err


@pytest.mark.slow
def test_at_a_terminal_the_password_is_asked_for_and_not_shown(
    environment: dict[str, str], tmp_path: Path, password: str
) -> None:
    with Terminal(list(SIGN_IN), environment, tmp_path) as terminal:
        terminal.sees("Mot de passe de Dominique PAT-TROIS")
        terminal.types(password)
        terminal.sees("est connecté(e)")
        assert terminal.ends() == 0
        assert password not in terminal.screen


def test_several_profiles_stand_side_by_side_and_are_told_apart(cli: Cli, mssante: Mssante) -> None:
    other = mssante.account("patient-not-activated")
    assert cli(*SIGN_IN, "--synthetic").status == 0
    second = cli("patient", "sign-in", "--as", other.identifier or "", "--synthetic")
    assert "non activé" in second.out
    assert f"mssante-sim patient activate --as {other.identifier}" in second.out
    listed = cli("patient", "profiles", "--json").json
    assert {(one["ins"], one["profil"]) for one in listed} == {
        ("279035121518989", "activé"), (other.identifier, "non activé"),
    }  # fmt: skip
    unclear = cli("patient", "documents", "list")
    assert (unclear.status, "--as" in unclear.err, other.identifier in unclear.err) == (2, True, True)
    assert cli("patient", "documents", "list", "--as", "pat-trois").status == 0
    refused = cli("patient", "documents", "list", "--as", other.identifier or "")
    assert (refused.status, "n'est pas activé" in refused.err) == (4, True)
    assert cli("patient", "sign-out", "--as", other.identifier or "").status == 0
    assert cli("patient", "documents", "list").status == 0, "the only one left needs no --as"


def test_signing_out_ends_the_session_on_both_sides(cli: Cli, mssante: Mssante, home: Path) -> None:
    cli(*SIGN_IN, "--synthetic")
    (one,) = SignedInProfiles(home).all()
    assert "déconnecté" in cli("patient", "sign-out").out
    assert SignedInProfiles(home).all() == ()
    _keep(home, one)
    outcome = cli("patient", "documents", "list")
    assert (outcome.status, "La session de Dominique PAT-TROIS est terminée" in outcome.err) == (4, True)


def test_signing_in_again_replaces_the_session(cli: Cli, home: Path) -> None:
    cli(*SIGN_IN, "--synthetic")
    (first,) = SignedInProfiles(home).all()
    cli(*SIGN_IN, "--synthetic")
    (second,) = SignedInProfiles(home).all()
    assert first.token != second.token
    _keep(home, first)
    assert cli("patient", "documents", "list").status == 4, "the earlier one is over"


def test_a_session_that_is_over_says_how_to_sign_in_again_and_is_forgotten(
    cli: Cli, mssante: Mssante, home: Path
) -> None:
    cli(*SIGN_IN, "--synthetic")
    (one,) = SignedInProfiles(home).all()
    with EspaceSante(mssante.running.http, one.token) as espace:
        espace.sign_out()
    outcome = cli("patient", "conversations")
    assert outcome.status == 4
    assert "terminée. Reconnectez-vous : mssante-sim patient sign-in --as 279035121518989" in outcome.err
    assert SignedInProfiles(home).all() == ()
    _keep(home, one)
    assert cli("patient", "profiles", "--json").json == []


def test_another_home_stands_in_the_command_that_is_proposed(cli: Cli, home: Path, tmp_path: Path) -> None:
    outcome = cli("patient", "conversations", "--home", str(home), MSSANTE_SIM_HOME=str(tmp_path))
    assert f"mssante-sim patient sign-in --as PATIENT --home {home}" in outcome.err


def test_a_damaged_file_of_sessions_is_told_and_left_alone(cli: Cli, home: Path) -> None:
    for damaged in ("{", '{"a": 1}', "[1]", '[{"token": "x"}]'):
        (home / "sessions.json").write_text(damaged, encoding="utf-8")
        outcome = cli("patient", "profiles")
        assert (outcome.status, "supprimez ce fichier" in outcome.err) == (4, True), damaged
        assert (home / "sessions.json").read_text(encoding="utf-8") == damaged


def test_sessions_opened_at_once_are_all_kept(home: Path) -> None:
    known = SignedInProfiles(home)
    everyone = [SignedIn(f"Patient {n}", str(n), f"token-{n}", "2026-11-25T12:00:00+00:00") for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(known.keep, everyone))
    assert {one.ins for one in known.all()} == {one.ins for one in everyone}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(known.forget, everyone))
    assert known.all() == ()


def test_opposition_closes_the_messaging_and_can_be_taken_back(patient: Cli, paper: str) -> None:
    patient("documents", "add", paper)
    refused = patient("oppose")
    assert (refused.status, "--yes" in refused.err) == (2, True)
    assert patient("oppose", "--yes").status == 0
    assert patient("profiles", "--json").json[0]["profil"] == "opposition"
    closed = patient("documents", "list")
    assert (closed.status, "n'est pas activé" in closed.err) == (4, True)
    assert patient("activate").status == 0
    assert [one["nom"] for one in patient("documents", "list", "--json").json] == [paper]


@pytest.mark.slow
def test_opposition_is_confirmed_at_a_terminal(patient: Cli, environment: dict[str, str], tmp_path: Path) -> None:
    for answer, status, state in (("non", 2, "activé"), ("oui", 0, "opposition")):
        with Terminal(["patient", "oppose"], environment, tmp_path) as terminal:
            terminal.sees("[oui/non]")
            terminal.types(answer)
            assert terminal.ends() == status
        assert patient("profiles", "--json").json[0]["profil"] == state
    assert patient("activate").status == 0


@pytest.mark.slow
def test_in_processes_of_their_own_the_session_is_shared(run: Command) -> None:
    assert run(*SIGN_IN, "--synthetic").returncode == 0
    listed = run("patient", "profiles", "--json")
    assert [one["nom"] for one in json.loads(listed.stdout)] == ["Dominique PAT-TROIS"]


def _keep(home: Path, one: SignedIn) -> None:
    SignedInProfiles(home).keep(one)


def test_without_a_stack_the_sentence_says_how_to_start_one(cli: Cli, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for command in (SIGN_IN, ("patient", "profiles"), ("patient", "history"), ("patient", "sign-out")):
        outcome = cli(*command, MSSANTE_SIM_HOME=str(nowhere))
        assert (outcome.status, f"mssante-sim up --home {nowhere}" in outcome.err) == (5, True)
    assert not nowhere.exists()


@pytest.mark.slow
def test_a_session_ends_when_nothing_was_asked_for_too_long(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSSANTE_SIM_SESSION_MINUTES", "0")
    with ephemeral_stack(["--pharmacies", "4", "--patients", "2"]) as running:
        home = str(Path(running.ca_file).parents[1])
        assert cli(*SIGN_IN, "--synthetic", MSSANTE_SIM_HOME=home).status == 0
        outcome = cli("patient", "conversations", MSSANTE_SIM_HOME=home)
    assert (outcome.status, "est terminée. Reconnectez-vous" in outcome.err) == (4, True), outcome.err
