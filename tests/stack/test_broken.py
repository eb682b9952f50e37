"""Broken messages reach a mailbox as they are, and the clients of this package say what is wrong with them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mssante_sim.clients.reading import Opened, Unreadable
from mssante_sim.testing import Mssante

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(mssante: Mssante, tmp_path: Path) -> Command:
    home = str(Path(mssante.running.ca_file).parents[1])

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mssante_sim", *arguments],
            env={**os.environ, "MSSANTE_SIM_HOME": home},
            cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=False, timeout=100,
        )  # fmt: skip

    return command


def received(mssante: Mssante) -> dict[str, Opened | None]:
    """What the pharmacy opens, by subject; None for what cannot be opened."""
    imap = mssante.imap("pharmacy")
    found: dict[str, Opened | None] = {}
    for number in imap.search(None, "ALL")[1][0].split():
        octets = imap.fetch(number.decode(), "(BODY.PEEK[])")[1][0][1]
        subject = octets.partition(b"Subject: ")[2].partition(b"\r\n")[0].decode()
        try:
            found[subject] = mssante.open(octets, "pharmacy")
        except Unreadable:
            found[subject] = None
    return found


def test_each_case_is_told_apart_by_whoever_opens_it(mssante: Mssante, run: Command) -> None:
    names = [
        "signature-good", "signer-expired", "signer-revoked", "signer-other-anchor", "signature-body-tampered",
        "envelope-3des", "envelope-unsigned", "envelope-ber", "signer-former-authority",
        "signer-ocsp-good", "signer-ocsp-revoked", "signer-ocsp-stale", "signer-ocsp-try-later",  # over HTTP, from us
    ]  # fmt: skip
    sent = run("send-broken", *names, "--to", "990000010")
    assert sent.returncode == 0, sent.stderr
    assert "signer-revoked: distrust." in sent.stdout
    found = received(mssante)
    assert len(found) == len(names)
    for subject, opened in found.items():
        match subject.partition("] ")[2]:
            case "unreadable":
                assert opened is None
            case "accept":
                assert opened is not None
                assert (opened.signer, opened.doubt) == (mssante.account("patient").address, None)
            case "distrust":
                assert opened is not None
                assert opened.signer is None
                assert opened.doubt
            case verdict:
                assert verdict == "unsigned"
                assert opened is not None
                assert (opened.signer, opened.doubt) == (None, None)


def test_a_certificate_is_exported_and_not_sent(run: Command) -> None:
    refused = run("send-broken", "recipient-expired", "--to", "990000010")
    assert refused.returncode == 2
    assert "certs broken export recipient-expired" in refused.stderr
    assert run("send-broken", "perfect", "--to", "990000010").returncode == 2


def test_cases_are_listed_and_exported_without_a_home(run: Command, tmp_path: Path) -> None:
    listed = json.loads(run("certs", "broken", "list", "--json").stdout)
    assert len(listed) >= 100
    assert {"name", "verdict", "finding", "why", "source", "measured"} <= listed[0].keys()
    assert all(row["measured"].keys() == {"openssl", "gpgsm", "thunderbird"} for row in listed)
    head, first, *others = run("certs", "broken", "list").stdout.splitlines()
    assert head.split() == ["right", "openssl", "gpgsm", "thunderbird"]
    assert first.split()[:5] == ["signer-expired", "distrust", "distrust", "distrust", "distrust"]
    assert len(others) == len(listed) - 1
    outcome = run("certs", "broken", "export", "signature-sha1", "cas")
    assert outcome.returncode == 0, outcome.stderr
    (row,) = json.loads((tmp_path / "cas" / "expected.json").read_text())
    assert (row["verdict"], row["files"]) == ("distrust", ["signature-sha1.clear.eml", "signature-sha1.eml"])
    assert {one.name for one in (tmp_path / "cas").iterdir()} >= {*row["files"], "ca.pem", "crl.pem", "recipient.p12"}
    assert run("certs", "broken", "export", "perfect", "cas").returncode == 2


def test_a_revoked_certificate_is_found_so_at_once(mssante: Mssante, run: Command, tmp_path: Path) -> None:
    home = Path(mssante.running.ca_file).parents[1]
    used = {mssante.account(role).address for role in ("pharmacy", "patient")}
    address = next(one.address for one in mssante.running.accounts if one.kind == "ORG" and one.address not in used)
    file = max((home / "trust" / "mailboxes" / address).glob("signing-*.pem"))
    check = ("certs", "check", str(file), "--address", address, "--usage", "signing")
    valid = run(*check)
    assert valid.returncode == 0, valid.stdout
    assert "valid:" in valid.stdout
    assert "RSA-2048" in valid.stdout
    assert run(*check, "--at", "2060-01-01").stdout.startswith(("expired", "untrusted"))
    assert run("certs", "revoke", address, "--usage", "signing", "--reason", "superseded").returncode == 0
    revoked = run(*check)
    assert (revoked.returncode, revoked.stdout.partition(":")[0]) == (1, "revoked")
    assert run("certs", "renew", address).returncode == 0
