"""Programs that people point at a mail server: swaks and curl to send, mbsync and curl to fetch."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mssante_sim.clients.prescription import Letter
from mssante_sim.testing import Mssante

pytestmark = pytest.mark.interop


def tool(*command: str) -> str:
    """What the program printed; it must be installed and succeed."""
    assert shutil.which(command[0]), f"{command[0]} is missing; scripts/test installs it"
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_swaks_submits_over_starttls(mssante: Mssante, write: Callable[..., Letter], tmp_path: Path) -> None:
    letter, login = write(), mssante.account("patient").logins[0]
    (tmp_path / "letter.eml").write_bytes(letter.octets)
    said = tool(
        *("swaks", "--server", "localhost", "--port", str(mssante.running.ports["submission"])),
        *("--tls", "--tls-ca-path", mssante.running.ca_file, "--tls-verify"),
        *("--auth", "PLAIN", "--auth-user", login.login, "--auth-password", login.password),
        *("--from", letter.sender, "--to", letter.recipient, "--data", f"@{tmp_path / 'letter.eml'}"),
    )
    assert "250 2.0.0 Stored" in said
    mssante.wait_for(letter.message_id, to="pharmacy")


def test_curl_submits_and_fetches_the_same_octets(
    mssante: Mssante, write: Callable[..., Letter], tmp_path: Path
) -> None:
    letter, running = write(), mssante.running
    (tmp_path / "letter.eml").write_bytes(letter.octets)
    patient, pharmacy = mssante.account("patient").logins[0], mssante.account("pharmacy").logins[0]
    trust = ("--silent", "--show-error", "--cacert", running.ca_file)
    tool(
        *("curl", *trust, "--user", f"{patient.login}:{patient.password}", "--mail-from", letter.sender),
        *("--mail-rcpt", letter.recipient, "--upload-file", str(tmp_path / "letter.eml")),
        f"smtps://localhost:{running.ports['submission_tls']}",
    )
    mssante.wait_for(letter.message_id, to="pharmacy")
    fetched = tmp_path / "fetched.eml"
    tool(
        *("curl", *trust, "--user", f"{pharmacy.login}:{pharmacy.password}", "--output", str(fetched)),
        f"imaps://localhost:{running.ports['imap_tls']}/INBOX;UID=1",
    )
    assert fetched.read_bytes() == mssante.imap("pharmacy").fetch("1", "(BODY.PEEK[])")[1][0][1]


def test_mbsync_keeps_a_copy_octet_for_octet_and_carries_flags_both_ways(
    mssante: Mssante, write: Callable[..., Letter], tmp_path: Path
) -> None:
    letter, login = write(), mssante.account("pharmacy").logins[0]
    with mssante.smtp("patient") as smtp:
        smtp.sendmail(letter.sender, [letter.recipient], letter.octets)
    (tmp_path / "mail").mkdir()
    configuration = tmp_path / "mbsyncrc"
    configuration.write_text(f"""\
IMAPAccount sim
Host localhost
Port {mssante.running.ports["imap_tls"]}
User {login.login}
Pass {login.password}
SSLType IMAPS
CertificateFile {mssante.running.ca_file}

IMAPStore far
Account sim

MaildirStore near
Path {tmp_path}/mail/
Inbox {tmp_path}/mail/INBOX
SubFolders Verbatim

Channel sim
Far :far:
Near :near:
Patterns INBOX
Create Near
SyncState *
""")
    command = ("mbsync", "--config", str(configuration), "sim")
    tool(*command)
    (copy,) = (tmp_path / "mail" / "INBOX" / "new").iterdir()
    imap = mssante.imap("pharmacy")
    octets = imap.fetch("1", "(BODY.PEEK[])")[1][0][1]
    kept = [line for line in copy.read_bytes().split(b"\n") if not line.startswith(b"X-TUID:")]
    assert b"\n".join(kept) == octets.replace(b"\r\n", b"\n")

    imap.store("1", "+FLAGS", "(\\Flagged)")
    copy.rename(copy.parent.parent / "cur" / f"{copy.name.partition(':')[0]}:2,S")
    tool(*command)
    (synced,) = (tmp_path / "mail" / "INBOX" / "cur").iterdir()
    assert synced.name.endswith(":2,FS")
    imap.noop()
    assert {b"\\Seen", b"\\Flagged"} <= set(imap.fetch("1", "(FLAGS)")[1][0].split(b"(")[2].rstrip(b")").split())
