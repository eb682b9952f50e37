"""The life of a mailbox by command, against a stack that is up: at once in SMTP, FHIR and the picker."""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from mssante_sim.cli.directory import opened_directory
from mssante_sim.cli.main import main
from mssante_sim.cli.up import banner
from mssante_sim.clients.running import Running
from mssante_sim.clients.steering import Steering
from mssante_sim.directory.dns_lookup import NameServer, NoService, find_door
from mssante_sim.directory.extraction import exported_lines
from mssante_sim.testing import Mssante, ephemeral_stack
from tests.directory.made_extraction import made_lines, made_text, zipped
from tests.stack.terminal import Terminal

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[str]]
PHARMACY = "990000010"


@pytest.fixture(scope="module")
def stack() -> Iterator[Running]:
    with ephemeral_stack(["--pharmacies", "14", "--patients", "2"]) as running:
        yield running


@pytest.fixture
def run(stack: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """`mssante-sim directory` in this process, in the stack's home and an empty folder; the stack is another's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MSSANTE_SIM_HOME", str(home(stack)))

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        capfd.readouterr()
        status = main(["directory", *arguments])
        said = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, status, said.out, said.err)

    return command


def home(stack: Running) -> Path:
    return Path(stack.ca_file).parents[1]


def verdict(stack: Running, address: str) -> str:
    """What the policy says of a patient's mail to it."""
    sender = Mssante(stack).account("patient").address
    return str(Steering.of(stack).explain(sender, address)["sentence"])


def shown(stack: Running, address: str) -> bool:
    """Whether the façade finds the mailbox."""
    answer = httpx.get(
        f"{stack.fhir_base}/Organization",
        params={"mailbox-mss:exact": address},
        headers={"ESANTE-API-KEY": stack.api_key},
        timeout=60,
    )
    return answer.json()["total"] > 0


def test_an_added_pharmacy_can_be_written_to_and_logs_in(run: Command, stack: Running) -> None:
    added = run("add", "PHARMACIE FICTIVE DU NOUVEAU MONDE", "--town", "lyon")
    assert added.returncode == 0, added.stderr
    finess = added.stdout.split()[0]
    address = added.stdout.split("\n")[1]
    assert verdict(stack, address).startswith("Accepted by R3")
    assert shown(stack, address)
    mssante = Mssante(Running.read(home(stack)))
    newcomer = mssante.account(finess)
    assert newcomer.logins[0].password in added.stdout
    sender = mssante.account("patient").address
    letter = f"From: {sender}\r\nTo: {address}\r\nSubject: x\r\nMessage-ID: <n1@x.test>\r\n\r\nx\r\n"
    with mssante.smtp("patient") as smtp:
        smtp.sendmail(sender, [address], letter.encode())
    mssante.wait_for("<n1@x.test>", to=finess)
    received = mssante.imap(finess).fetch("1", "(RFC822)")[1][0][1]
    assert mssante.open(received, finess).encrypted
    mssante.close()
    long = json.loads(run("add", f"PHARMACIE FICTIVE\n{'É' * 82}", "--json").stdout)  # longer than a certificate names
    assert long["name"] == f"PHARMACIE FICTIVE {'É' * 82}"
    assert verdict(stack, long["address"]).startswith("Accepted by R3")
    second = run("add", "--at", finess)
    assert second.returncode == 0, second.stderr
    assert ".2@" in second.stdout.split("\n")[1]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["add"], 2, "Give a NAME"),
        (["add", "PHARMACIE DU VRAI MONDE"], 2, "FICTIF or FICTIVE"),
        (["add", "PHARMACIE FICTIVE | X"], 2, "no |"),
        (["add", "PHARMACIE FICTIVE \x1b[31m"], 2, "all printable"),
        (["add", f"PHARMACIE FICTIVE {'X' * 100}"], 2, "at most 100 characters"),
        (["add", "PHARMACIE FICTIVE X", "--sector", "33"], 2, "no sector"),
        (["add", "PHARMACIE FICTIVE X", "--finess", "350000015"], 2, "FINESS"),
        (["add", "PHARMACIE FICTIVE X", "--finess", PHARMACY], 3, "holds FINESS"),
        (["add", "PHARMACIE FICTIVE X", "--town", "Atlantis"], 3, "choose one of"),
        (["add", "--at", "990999990"], 3, "holds no FINESS"),
        (["suspend", "990999990"], 3, "No mailbox serves"),
        (["renew-certificate", "990999990"], 3, "No mailbox serves"),
        (["set", PHARMACY], 2, "Say what to change"),
        (["import"], 2, "Give a FILE"),
        (["import", "absent.zip"], 6, "cannot be read"),
        (["import", "--activate", "a@b.test"], 3, "imported list holds no mailbox"),
        (["import", *(["--activate", "a@b.test"] * 101)], 2, "At most 100 mailboxes"),
        (["export"], 2, "Give a FOLDER"),
        (["white-list", "--remove", "jamais.test"], 6, "No operator"),
    ],
)
def test_what_cannot_be_done_is_told_with_its_status(
    run: Command, arguments: list[str], status: int, words: str
) -> None:
    outcome = run(*arguments)
    assert (outcome.returncode, words in outcome.stderr) == (status, True), outcome.stderr


def extracted(stack: Running, address: str) -> bool:
    """Whether an extraction that is made now holds the mailbox."""
    with opened_directory(home(stack)) as directory:
        return any(line.address == address for line in exported_lines(directory))


def test_each_step_of_a_life_shows_at_once(run: Command, stack: Running) -> None:
    address = Mssante(stack).account("pharmacy").address
    steps = (  # what is done, the policy's verdict, whether the API and the next extraction show the mailbox
        (["suspend", PHARMACY], "mailbox-closed", False, False),
        (["suspend", PHARMACY, "--undo"], "Accepted", True, True),
        (["publish", PHARMACY, "--undo"], "not-published", False, False),
        (["publish", PHARMACY], "Accepted", True, True),
        (["red-list", PHARMACY], "unknown-mailbox", False, False),
        (["red-list", PHARMACY, "--undo"], "Accepted", True, True),
        (["set", PHARMACY, "--shown-in", "extraction"], "Accepted", False, True),
        (["set", PHARMACY, "--shown-in", "api"], "Accepted", True, False),
        (["set", PHARMACY, "--shown-in", "both"], "Accepted", True, True),
        (["renew-certificate", PHARMACY, "--revoke"], "Accepted", True, True),
        (["close", PHARMACY], "not-published", False, False),
    )
    dns = NameServer(stack.bind, stack.ports["dns"])
    door = find_door(stack.domains["operator"], "submissions", dns)
    for arguments, words, in_api, in_extraction in steps:
        outcome = run(*arguments)
        assert outcome.returncode == 0, outcome.stderr
        seen = words in verdict(stack, address), shown(stack, address), extracted(stack, address)
        assert seen == (True, in_api, in_extraction), arguments
        assert find_door(stack.domains["operator"], "submissions", dns) == door  # DNS knows domains, not mailboxes
    closed = httpx.get(
        f"{stack.fhir_base}/Organization/001-01-{PHARMACY}", headers={"ESANTE-API-KEY": stack.api_key}, timeout=60
    ).json()
    assert closed["active"] is False


def test_revoked_and_new_certificates_stand_side_by_side(run: Command, stack: Running) -> None:
    finess = Mssante(stack).account("other-pharmacy").identifier or ""
    assert run("renew-certificate", finess, "--revoke").returncode == 0
    url = f"{stack.http}/certificates/{Mssante(stack).account('other-pharmacy').address}"
    told = httpx.get(url, headers={"ESANTE-API-KEY": stack.api_key}, timeout=60).json()["certificates"]
    assert [one["state"] for one in told if one["usage"] == "receiving"] == ["valid", "revoked"]


def test_an_imported_list_is_marked_shown_and_takes_mail_only_where_activated(
    run: Command, stack: Running, tmp_path: Path
) -> None:
    (tmp_path / "list.zip").write_bytes(zipped(made_text(300) + "bad line\n"))
    outcome = run("import", "list.zip")
    assert outcome.returncode == 0, outcome.stderr
    assert "300 lines imported; this home now contains-real-directory" in outcome.stdout
    assert outcome.stderr == ""  # no bar where there is no terminal
    assert "1 bad lines set aside" in outcome.stdout
    assert (home(stack) / "set-aside.txt").read_text() == "302|1 columns instead of 31|bad line\n"
    assert (home(stack) / "set-aside.txt").stat().st_mode & 0o777 == 0o600
    pharmacies = [
        line for line in made_lines(300) if line.startswith("ORG") and "|FINESS|" in line and "PHARMACIE" in line
    ]
    first, second = (line.split("|")[1] for line in pharmacies[:2])
    assert shown(stack, first)
    assert "outside-domain" in verdict(stack, first)
    assert " · contains-real-directory (" in banner(Running.read(home(stack)), 1.0)  # what `up` says at start
    info = subprocess.run(
        [sys.executable, "-m", "mssante_sim", "info", "--home", str(home(stack))],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "contains-real-directory" in info.stdout
    refused = run("export", "out")
    assert (refused.returncode, "contains-real-directory" in refused.stderr) == (4, True)
    assert not list((tmp_path / "out").iterdir())
    assert run("export", "out", "--force").returncode == 0
    (file,) = (tmp_path / "out").iterdir()
    with zipfile.ZipFile(file) as archive:
        assert first in archive.read(archive.namelist()[0]).decode()
    domain, dns = first.rpartition("@")[2], NameServer(stack.bind, stack.ports["dns"])
    autoconfig = f"{stack.http}/mail/config-v1.1.xml?emailaddress={first}"
    assert httpx.get(autoconfig, timeout=60).status_code == 404
    with pytest.raises(NoService):
        find_door(domain, "imaps", dns)
    partly = run("import", "--activate", first, "--activate", "absent@structure-fictive.test")
    assert (partly.returncode, "holds no mailbox absent@" in partly.stderr) == (3, True)
    assert "outside-domain" in verdict(stack, first)  # all or none
    activated = run("import", "--activate", first)
    assert activated.returncode == 0, activated.stderr
    assert verdict(stack, first).startswith("Accepted")
    assert find_door(domain, "imaps", dns).port == stack.ports["imap_tls"]
    assert f"<username>{first}</username>" in httpx.get(autoconfig, timeout=60).text
    assert f"\n{domain}\n" in run("white-list").stdout
    assert "outside-domain" in verdict(stack, second)
    assert Running.read(home(stack)).account(first).logins[0].password in activated.stdout
    assert run("import", "--forget").returncode == 0
    assert not shown(stack, second)
    assert "contains-real-directory" not in banner(Running.read(home(stack)), 1.0)
    assert not (home(stack) / "set-aside.txt").exists()
    assert run("export", "clean", "--publish").returncode == 0


def test_the_progress_of_an_import_is_shown_on_a_terminal(run: Command, stack: Running, tmp_path: Path) -> None:
    (tmp_path / "list.zip").write_bytes(zipped(made_text(4_000)))
    arguments = ["directory", "import", "list.zip", "--home", str(home(stack))]
    with Terminal(arguments, dict(os.environ), tmp_path) as terminal:
        assert terminal.ends() == 0, terminal.screen
    bar, said, _ = terminal.screen.partition("4000 lines imported")
    parts = [int(one) for one in re.findall(r"(\d+)%", bar)]
    assert (said, parts) == ("4000 lines imported", sorted(parts))
    assert parts[0] < parts[1] < parts[-1] == 100
    assert run("import", "--forget").returncode == 0


def test_the_white_list_is_changed_broken_and_written(run: Command, stack: Running, tmp_path: Path) -> None:
    added = run(
        "white-list", "--add", "ailleurs.test", "--dn", "C=FR, O=X FICTIF, CN=a", "--dn", "C=FR,O=X  FICTIF,CN=b"
    )
    assert "ailleurs.test\n    C=FR, O=X FICTIF, CN=a\n    C=FR,O=X  FICTIF,CN=b" in added.stdout, added.stderr
    assert "stale" in run("white-list", "--fault", "stale").stdout
    assert "DateDeGeneration" in httpx.get(f"{stack.http}/listeblanche/listeblanche.xml", timeout=60).text
    assert "faults: none" in run("white-list", "--fault", "none", "--output", "list.xml").stdout
    assert b"ailleurs.test" in (tmp_path / "list.xml").read_bytes()
    assert "ailleurs.test" not in run("white-list", "--remove", "ailleurs.test").stdout
    certificate = home(stack) / "trust" / "server" / "identity.pem"
    own = run("white-list", "--add", "ailleurs.test", "--certificate", str(certificate)).stdout
    assert "ailleurs.test\n    C=FR, O=MSSANTE-SIM (SIMULATEUR), CN=localhost\n" in own
    assert run("white-list", "--dn", "CN=x").returncode == 2
    for domain in ("no domain", "localhost", f"{'a' * 60}.test"):
        assert run("white-list", "--add", domain, "--issue", "peer.pem").returncode == 6
    assert run("white-list", "--add", "ailleurs.test", "--issue", "list.xml/peer.pem").returncode == 6
    assert not (tmp_path / "peer.pem").exists()


def test_search_and_show_know_the_imported_too(run: Command, stack: Running, tmp_path: Path) -> None:
    text = made_text(100).replace("PHARMACIE FICTIVE", "PHARMACIE FICTIVE\x9b31m")  # which terminals obey
    (tmp_path / "list.zip").write_bytes(zipped(text))
    (home(stack) / "set-aside.txt").write_text("2|of an import before|x\n")
    assert run("import", "list.zip").returncode == 0
    assert not (home(stack) / "set-aside.txt").exists()
    place = next(line.split("|")[6] for line in made_lines(100) if "|FINESS|" in line and "PHARMACIE" in line)
    told = json.loads(run("show", place, "--json").stdout)
    assert told["name"].startswith("PHARMACIE FICTIVE\x9b31m")
    for shown in (run("show", place).stdout, run("search", "pharmacie", "--limit", "99").stdout):
        assert "PHARMACIE FICTIVE·31m" in shown
        assert "\x9b" not in shown
    assert run("import", "--forget").returncode == 0
