"""The recipient picker and the letter at a terminal."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mssante_sim.patient.specimens import specimen
from mssante_sim.testing import Mssante, ephemeral_stack
from tests.stack.conftest import Cli
from tests.stack.terminal import Terminal

pytestmark = pytest.mark.slow  # each is a process of its own

LILAS = "990000010"
Started = Callable[..., Terminal]


@pytest.fixture
def started(patient: Cli, environment: dict[str, str], tmp_path: Path) -> Started:
    """`mssante-sim patient …` at a terminal of its own."""

    def command(*arguments: str) -> Terminal:
        return Terminal(["patient", *arguments], environment, tmp_path)

    return command


def delivered(mssante: Mssante, patient: Cli) -> None:
    """The pharmacy of the story has delivered an order of the patient."""
    sent = patient("send", "--document", "ordonnance.pdf", "--pharmacy", LILAS, "--json").json
    mssante.wait_for(sent["message_id"], to="pharmacy")
    assert mssante.imap("pharmacy").store("1", "+FLAGS", "$mss_delivree")[0] == "OK"


def test_a_pharmacy_is_searched_until_one_is_chosen_then_the_letter_is_read_and_sent(
    started: Started, paper: str, mssante: Mssante
) -> None:
    with started("send", "--document", paper) as terminal:
        terminal.sees("Taille totale : 9 ko")
        terminal.sees("Rechercher une autre pharmacie")
        terminal.sees("Nom de la pharmacie")
        terminal.types("")
        terminal.sees("Ville")
        terminal.types("")
        terminal.sees("Indiquez")
        terminal.sees("Nom de la pharmacie")
        terminal.types("introuvable")
        terminal.sees("Ville")
        terminal.types("")
        terminal.sees("Aucune pharmacie ne répond")
        terminal.sees("Nom de la pharmacie")
        terminal.types("lilas")
        terminal.sees("Ville")
        terminal.types("rennes")
        terminal.sees("1. PHARMACIE FICTIVE DES LILAS ( LILAS SANTÉ ) · 35 QUAI FICTIF DES LILAS, 35000 Rennes")
        terminal.sees("Votre choix")
        terminal.types("2")
        terminal.sees("n'est pas proposé")
        terminal.sees("Votre choix")
        terminal.types("1")
        terminal.sees("ordonnance papier")
        terminal.sees("Objet : Document de Dominique PAT-TROIS")
        terminal.sees("Je souhaite vous partager mon document.")
        terminal.sees("Envoyer (e), modifier (m), garder en brouillon (b), abandonner (a)")
        terminal.types("e")
        terminal.sees("Remis au serveur de la pharmacie")
        assert terminal.ends() == 0
    mssante.wait_for(to="pharmacy")


def test_results_come_page_by_page_and_numbers_count_on(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "ordonnance.pdf").write_bytes(specimen("ordonnance").content)
    with ephemeral_stack(["--pharmacies", "40", "--patients", "2"]) as running:
        own = {**environment, "MSSANTE_SIM_HOME": str(Path(running.ca_file).parents[1])}
        with Terminal(["patient", "sign-in", "--as", "PAT-TROIS", "--synthetic"], own, tmp_path) as terminal:
            assert terminal.ends() == 0
        with Terminal(
            ["patient", "send", "--document", "ordonnance.pdf", "--name", "fictive"], own, tmp_path
        ) as terminal:
            terminal.sees(" 20. PHARMACIE")
            assert " 21. " not in terminal.sees("s = suite, r = nouvelle recherche")
            first_page = terminal.screen
            terminal.types("s")
            chosen = terminal.sees(" · FINESS")
            assert " 21. PHARMACIE" in chosen
            terminal.sees("Votre choix")
            terminal.types("21")
            label = chosen[chosen.index("PHARMACIE") :].partition(" · ")[0]
            assert label not in first_page
            terminal.sees(f"Destinataire : {label}")
            terminal.sees("abandonner (a)")


def test_pharmacies_already_visited_come_first(started: Started, paper: str, mssante: Mssante, patient: Cli) -> None:
    delivered(mssante, patient)
    with started("documents", "share", patient("documents", "list", "--json").json[0]["id"]) as terminal:
        terminal.sees("Pharmacies que j'ai déjà fréquentées")
        terminal.sees("1. PHARMACIE FICTIVE DES LILAS")
        terminal.sees("r = rechercher une autre pharmacie")
        terminal.types("r")
        terminal.sees("Rechercher une autre pharmacie")
        terminal.sees("Nom de la pharmacie")
        terminal.types("lilas")
        terminal.sees("Ville")
        terminal.types("")
        terminal.sees("r = nouvelle recherche")
        terminal.types("1")
        terminal.sees("abandonner (a)")
        terminal.types("a")
        assert terminal.ends() == 130
    assert patient("drafts", "list", "--json").json == []
    with started("documents", "share", patient("documents", "list", "--json").json[0]["id"]) as terminal:
        terminal.sees("rechercher une autre pharmacie")
        terminal.types("1")
        terminal.sees("abandonner (a)")
        terminal.types("")
        terminal.sees("Remis")
        assert terminal.ends() == 0


def test_a_letter_is_changed_and_kept_as_a_draft_until_it_is_sent(
    started: Started, paper: str, patient: Cli, environment: dict[str, str], tmp_path: Path, mssante: Mssante
) -> None:
    (tmp_path / "editeur").write_text('#!/bin/sh\necho "À demain." >> "$1"\n', encoding="utf-8")
    (tmp_path / "editeur").chmod(0o700)
    own = {**environment, "VISUAL": str(tmp_path / "editeur")}
    command = ["patient", "send", "--document", paper, "--pharmacy", LILAS]
    with Terminal(command, own, tmp_path) as terminal:
        terminal.sees("abandonner (a)")
        terminal.types("m")
        terminal.sees("À demain.")
        terminal.sees("abandonner (a)")
        terminal.types("b")
        terminal.sees("gardé. Pour l'envoyer : mssante-sim patient drafts send")
        assert terminal.ends() == 0
    (draft,) = patient("drafts", "list", "--json").json
    assert "À demain." in patient("drafts", "show", draft["id"]).out
    assert patient("drafts", "send", draft["id"]).status == 0
    mssante.wait_for(draft["message_id"], to="pharmacy")


def test_a_place_that_is_named_exactly_and_absent_says_why(started: Started, paper: str, cli: Cli) -> None:
    cli("directory", "set", LILAS, "--published", "off")
    try:
        with started("send", "--document", paper, "--name", "lilas") as terminal:
            terminal.sees(
                "PHARMACIE FICTIVE DES LILAS ( LILAS SANTÉ ) : La messagerie de cette pharmacie n'est pas encore"
            )
            terminal.sees("Nom de la pharmacie")
    finally:
        cli("directory", "set", LILAS, "--published", "on")


def test_a_pharmacy_that_closed_while_the_letter_was_read_takes_nothing(
    started: Started, paper: str, cli: Cli, patient: Cli
) -> None:
    with started("send", "--document", paper, "--pharmacy", LILAS) as terminal:
        terminal.sees("abandonner (a)")
        cli("directory", "set", LILAS, "--open", "off")
        try:
            terminal.types("e")
            terminal.sees("fermée : choisissez une autre pharmacie")
            assert terminal.ends() == 3
        finally:
            cli("directory", "set", LILAS, "--open", "on")
    assert len(patient("documents", "list", "--json").json) == 1, "the document is filed, nothing is lost"


def test_what_takes_long_is_told_while_it_lasts(started: Started, patient: Cli, tmp_path: Path) -> None:
    for name in ("1.pdf", "2.pdf"):
        (tmp_path / name).write_bytes(b"%PDF-" + os.urandom(4_000_000) + b"%%EOF")
    command = ("send", "--document", "1.pdf", "--attach", "2.pdf", "--pharmacy", LILAS, "--message", "Voici.")
    with started(*command) as terminal:
        for words in (
            "Ajout aux documents",
            "100%",
            "Préparation…",
            "Envoi",
            "100%",
            "Remise au serveur de la pharmacie…",
        ):
            terminal.sees(words, within_s=60)
        terminal.sees("\r\x1b[KRemis au serveur de la pharmacie (", within_s=60)
        assert terminal.ends() == 0
    (sent,) = patient("conversations", "--json").json
    for words, reading in (("Lecture…", ("read", sent["id"])), ("Export", ("history", "--export", "export"))):
        with started(*reading) as terminal:
            terminal.sees(words, within_s=60)
            assert terminal.ends(60) == 0
    quiet = patient("read", sent["id"], "--json")
    assert (quiet.status, quiet.err) == (0, ""), "nobody is there to be told"


def test_colours_are_shown_at_a_terminal_only(
    started: Started, patient: Cli, paper: str, environment: dict[str, str], tmp_path: Path
) -> None:
    patient("send", "--document", paper, "--pharmacy", LILAS)
    with started("history") as terminal:
        assert terminal.ends() == 0
        assert "\x1b[36mPHARMACIE FICTIVE DES LILAS" in terminal.screen
    with Terminal(["patient", "history"], {**environment, "NO_COLOR": "1"}, tmp_path) as terminal:
        assert terminal.ends() == 0
        assert "\x1b[36m" not in terminal.screen
    assert "\x1b" not in patient("history").out
