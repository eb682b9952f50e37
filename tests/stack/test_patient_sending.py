"""Sharing documents with a pharmacy: the picker without a keyboard, what is told before and after, and drafts."""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mssante_sim.clients.espace.answers import NotTaken
from mssante_sim.clients.espace.service import EspaceSante
from mssante_sim.clients.espace.visits import visit
from mssante_sim.patient.documents import document
from mssante_sim.patient.specimens import specimen
from mssante_sim.testing import Mssante
from tests.stack.conftest import Cli, Command

PDF = specimen("ordonnance").content
LILAS = "990000010"


@pytest.fixture
def espace(patient: Cli, home: Path) -> Iterator[EspaceSante]:
    """The service, as the patient who is signed in."""
    with visit(home, None) as service:
        yield service


def draft_of(espace: EspaceSante, pharmacy: str = LILAS) -> str:
    file = document("ordonnance.pdf", PDF)
    return espace.write_draft(text="Bonjour.", pharmacy=pharmacy, attachments=[file]).id


def received(mssante: Mssante, who: str = "pharmacy") -> int:
    (count,) = mssante.imap(who).select("INBOX")[1]
    return int(count or b"0")


@pytest.mark.slow
def test_a_file_is_filed_among_the_documents_and_sent(run: Command, patient: Cli, paper: str, mssante: Mssante) -> None:
    sent = run("patient", "send", "--document", paper, "--name", "lilas", "--place", "rennes")
    assert sent.returncode == 0, sent.stderr
    told = [sent.stdout.index(words) for words in (
        "Pièce jointe : ordonnance.pdf (9 ko)", "Taille totale : 9 ko", "LILAS SANTÉ", "ordonnance papier", "Remis",
    )]  # fmt: skip
    assert told == sorted(told), "sizes first, then to whom, then the reminder"
    assert "@" not in sent.stdout
    assert [one["catégorie"] for one in patient("documents", "list", "--json").json] == ["ORD_SOIN"]
    mssante.wait_for(to="pharmacy")
    octets = mssante.imap("pharmacy").fetch("1", "(BODY.PEEK[])")[1][0][1]
    opened = mssante.open(octets, "pharmacy")
    assert [attachment.content for attachment in opened.attachments] == [PDF]
    assert "Je souhaite vous partager mon document." in opened.text


def test_a_document_is_shared_by_its_number_with_other_pieces(
    patient: Cli, paper: str, mssante: Mssante, tmp_path: Path
) -> None:
    (tmp_path / "carte.txt").write_text("Carte de mutuelle.")
    added = patient("documents", "add", paper, "--json").json
    sent = patient(
        "documents", "share", added["id"], "--attach", "carte.txt", "--pharmacy", LILAS, "--message", "Voici.",
        "--subject", "Pour demain", "--json",
    ).json  # fmt: skip
    assert [one["nom"] for one in sent["pièces"]] == ["ordonnance.pdf", "carte.txt"]
    assert sent["objet"] == "Pour demain"
    mssante.wait_for(sent["message_id"], to="pharmacy")
    assert len(patient("documents", "list", "--json").json) == 1, "what is attached only is no document"


def test_the_same_file_sent_again_is_one_document(patient: Cli, paper: str, tmp_path: Path) -> None:
    for _ in range(2):
        assert patient("send", "--document", paper, "--pharmacy", LILAS).status == 0
    assert len(patient("documents", "list", "--json").json) == 1
    (tmp_path / paper).write_bytes(specimen("pansements").content)
    assert patient("send", "--document", paper, "--pharmacy", LILAS).status == 0
    assert len(patient("documents", "list", "--json").json) == 2, "another content is another document"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([], 2, "--document"),
        (["--as", "nobody", "--document", "ordonnance.pdf"], 2, "Aucun compte fictif"),
        (["--document", "ordonnance.pdf"], 3, "--pharmacy FINESS"),
        (["--document", "ordonnance.pdf", "--pharmacy", "990999990"], 3, "Aucun établissement ne porte ce numéro"),
        (["--document", "ordonnance.pdf", "--pharmacy", "lilas"], 3, "Aucun établissement ne porte ce numéro"),
        (["--document", "ordonnance.pdf", "--name", "fictive"], 3, "Plusieurs pharmacies"),
        (["--document", "ordonnance.pdf", "--name", "introuvable"], 3, "Aucune pharmacie ne répond"),
        (["--document", "ordonnance.pdf", "--name", "x" * 101], 2, "« --name » : 100 caractères au plus"),
        (["--document", "absent.pdf", "--pharmacy", LILAS], 6, "ne peut pas être lu"),
        (["--document", "999-999", "--pharmacy", LILAS], 2, "Ce document n'existe pas"),
        (["--document", "ordonnance.pdf", "--message", " ", "--name", "lilas"], 2, "vide"),
        (["--document", "ordonnance.pdf", "--message", "x", "--edit", "--name", "lilas"], 2, "pas les deux"),
        (["--document", "ordonnance.pdf", "--subject", "a\r\nBcc: x", "--pharmacy", LILAS], 2, "sur une seule ligne"),
        (["--draft", "999-999"], 2, "Ce brouillon n'existe pas"),
        (["--answer", "r999-999", "--message", "x"], 2, "n'existe pas"),
        (["--as"], 2, "L'option « --as » attend une valeur"),
        (["--ass"], 2, "Option inconnue : --ass"),
    ],
)
def test_what_cannot_be_sent_is_told_in_french_with_its_status(
    arguments: list[str], status: int, words: str, patient: Cli, paper: str, mssante: Mssante
) -> None:
    outcome = patient("send", *arguments)
    assert (outcome.status, words in outcome.err) == (status, True), outcome.err
    assert received(mssante) == 0
    assert patient("drafts", "list", "--json").json == []


@pytest.mark.parametrize(
    ("role", "words"),
    [("no-mailbox", "pas de messagerie"), ("red-listed", "pas de messagerie"), ("closed", "fermée"),
     ("not-published", "pas encore ouverte"), ("not-pharmacy", "n'est pas une pharmacie")],
)  # fmt: skip
def test_a_place_that_cannot_be_chosen_says_why(
    role: str, words: str, patient: Cli, paper: str, mssante: Mssante
) -> None:
    named = mssante.running.roles[role]
    finess = named if role == "no-mailbox" else mssante.account(role).identifier or ""
    outcome = patient("send", "--document", paper, "--pharmacy", finess)
    assert (outcome.status, words in outcome.err) == (3, True), outcome.err


def test_a_pharmacy_that_is_named_and_absent_says_why(cli: Cli, patient: Cli, paper: str) -> None:
    cli("directory", "set", LILAS, "--open", "off")
    try:
        outcome = patient("send", "--document", paper, "--name", "pharmacie fictive des lilas")
        found = patient("pharmacies", "search", "--name", "lilas", "--json").json
    finally:
        cli("directory", "set", LILAS, "--open", "on")
    assert outcome.status == 3
    assert "PHARMACIE FICTIVE DES LILAS ( LILAS SANTÉ ) : La messagerie de cette pharmacie est fermée" in outcome.err
    assert (found["pharmacies"], found["absente"]["motif"]) == ([], "closed")


def test_several_pharmacies_are_listed_with_their_numbers(patient: Cli, paper: str) -> None:
    outcome = patient("send", "--document", paper, "--name", "fictive")
    assert outcome.status == 3
    assert (
        "PHARMACIE FICTIVE DES LILAS ( LILAS SANTÉ ) · 35 QUAI FICTIF DES LILAS, 35000 Rennes · FINESS" in outcome.err
    )
    assert outcome.out.count("\n") == 2, "only the pieces stand on standard output"


def test_pharmacies_are_searched_page_by_page(patient: Cli) -> None:
    found = patient("pharmacies", "search", "--name", "lilas", "--json").json
    assert [(one["finess"], one["ville"]) for one in found["pharmacies"]] == [(LILAS, "Rennes")]
    assert "PHARMACIE FICTIVE DES LILAS ( LILAS SANTÉ )" in patient("pharmacies", "search", "--place", "35").out
    nothing = patient("pharmacies", "search")
    assert (nothing.status, "Indiquez" in nothing.err) == (2, True)
    assert patient("pharmacies", "visited", "--json").json == []


def test_a_message_over_25_mb_is_refused_before_anything_leaves(patient: Cli, tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.pdf").write_bytes(b"%PDF-" + os.urandom(4_900_000) + b"%%EOF")
    pieces = [word for number in range(5) for word in ("--document", f"{number}.pdf")]
    outcome = patient("send", *pieces, "--pharmacy", LILAS)
    assert outcome.status == 6
    assert "Taille totale : 23,4 Mo" in outcome.out
    assert "dépassent ensemble 25 Mo" in outcome.err
    assert patient("documents", "list", "--json").json == []


@pytest.mark.parametrize("role", ["expired-certificate", "revoked-certificate"])
def test_a_refusal_keeps_the_draft_and_says_how_to_send_it_again(
    role: str, patient: Cli, paper: str, mssante: Mssante
) -> None:
    outcome = patient("send", "--document", paper, "--pharmacy", mssante.account(role).identifier or "")
    assert outcome.status == 4
    assert "ne peut pas recevoir de message protégé" in outcome.err
    (draft,) = patient("drafts", "list", "--json").json
    assert (
        f"Brouillon {draft['id']} gardé. Pour le renvoyer : mssante-sim patient drafts send {draft['id']}"
        in outcome.err
    )
    again = patient("send", "--draft", draft["id"])
    assert again.status == 4
    assert patient("drafts", "list", "--json").json == [draft], "the same draft, once"
    assert "ordonnance.pdf" in patient("drafts", "show", draft["id"]).out
    assert patient("drafts", "remove", draft["id"], "--json").json == {"id": draft["id"], "supprimé": True}
    assert patient("drafts", "list").out == "Aucun brouillon.\n"


def test_a_pharmacy_that_closed_between_choice_and_send_keeps_the_draft(
    cli: Cli, patient: Cli, espace: EspaceSante, mssante: Mssante
) -> None:
    finess = mssante.account("other-pharmacy").identifier or ""
    draft = draft_of(espace, finess)
    assert cli("directory", "set", finess, "--open", "off").status == 0
    try:
        refused = patient("drafts", "send", draft)
        assert (refused.status, "fermée" in refused.err) == (4, True), refused.err
    finally:
        cli("directory", "set", finess, "--open", "on")
    assert patient("drafts", "send", draft).status == 0
    mssante.wait_for(to="other-pharmacy")


def test_a_draft_sent_twice_at_once_arrives_once(
    patient: Cli, espace: EspaceSante, home: Path, mssante: Mssante
) -> None:
    draft = draft_of(espace)

    def send(_: int) -> str:
        with visit(home, None) as mine:
            try:
                return mine.send_draft(draft).message_id
            except NotTaken as error:
                return error.word

    with ThreadPoolExecutor(6) as pool:
        said = set(pool.map(send, range(6)))
    assert said - {"draft-missing"}, "one of them sent it"
    mssante.wait_for(to="pharmacy")
    assert received(mssante) == 1
    assert patient("drafts", "list", "--json").json == []


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes an editor that runs shell commands on its file, `$1`."""

    def written(commands: str) -> None:
        program = tmp_path / "editeur"
        program.write_text(f"#!/bin/sh\n{commands}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setenv("EDITOR", str(program))

    return written


def test_the_proposed_text_is_changed_in_the_editor(
    patient: Cli, paper: str, mssante: Mssante, editor: Callable[[str], None]
) -> None:
    editor('grep -q "Je souhaite vous partager mon document" "$1" && echo "Je passerai demain. Merci à vous." >> "$1"')
    sent = patient("send", "--document", paper, "--pharmacy", LILAS, "--edit", "--json").json
    mssante.wait_for(sent["message_id"], to="pharmacy")
    opened = mssante.open(mssante.imap("pharmacy").fetch("1", "(BODY.PEEK[])")[1][0][1], "pharmacy")
    assert "Je souhaite vous partager mon document." in opened.text
    assert "Je passerai demain. Merci à vous." in opened.text


@pytest.mark.parametrize(
    ("commands", "status", "words"),
    [('echo "  " > "$1"', 2, "vide"), ("exit 1", 2, "éditeur"), ('rm "$1"', 2, "éditeur")],
)
def test_an_editor_that_empties_or_fails_sends_nothing(
    commands: str, status: int, words: str, patient: Cli, paper: str, editor: Callable[[str], None], mssante: Mssante
) -> None:
    editor(commands)
    outcome = patient("send", "--document", paper, "--pharmacy", LILAS, "--edit")
    assert (outcome.status, words in outcome.err) == (status, True), outcome.err
    assert received(mssante) == 0
    assert patient("drafts", "list", "--json").json == []


def test_the_editor_s_file_is_private_and_gone_afterwards(
    patient: Cli, paper: str, editor: Callable[[str], None], tmp_path: Path
) -> None:
    editor(f'ls -ld "$(dirname "$1")" > "{tmp_path}/rights"; echo "$1" > "{tmp_path}/where"')
    assert patient("send", "--document", paper, "--pharmacy", LILAS, "--edit").status == 0
    assert (tmp_path / "rights").read_text().startswith("drwx------")
    assert not Path((tmp_path / "where").read_text().strip()).exists()


def test_a_text_that_was_typed_is_given_back_when_no_draft_could_be_kept(
    cli: Cli, patient: Cli, paper: str, mssante: Mssante, editor: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    finess = mssante.account("other-pharmacy").identifier or ""
    close = f'"$PYTHON" -m mssante_sim directory set {finess} --open off >/dev/null'
    monkeypatch.setenv("PYTHON", sys.executable)
    editor(f'echo "Longuement écrit." > "$1"\n{close}')
    try:
        outcome = patient("send", "--document", paper, "--pharmacy", finess, "--edit")
    finally:
        cli("directory", "set", finess, "--open", "on")
    assert outcome.status == 3
    assert "fermée" in outcome.err
    assert "Longuement écrit." in outcome.err
    assert "Rien n'a été envoyé" in outcome.err
