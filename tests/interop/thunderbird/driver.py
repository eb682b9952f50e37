"""A real Thunderbird under Xvfb, with a fresh profile and no network but loopback."""

import base64
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.interop.thunderbird.marionette import Marionette
from tests.peers.debian import require
from tests.peers.loopback import free_ports, stop

__all__ = ["MailAccount", "Shown", "Thunderbird", "thunderbird"]

_SCRIPT = Path(__file__).with_name("drive.js").read_text(encoding="utf-8")
_PREFERENCES = {
    # nothing that opens by itself, asks, or calls home
    "app.donation.eoy.version": 999,
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "mail.biff.play_sound": False,
    "mail.biff.show_alert": False,
    "mail.inappnotifications.enabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "mail.compose.warn_public_recipients.aggressive": False,
    "network.proxy.type": 0,
    "security.OCSP.enabled": 0,  # a closed network has no responder to ask
    "toolkit.telemetry.enabled": False,
}


@dataclass(frozen=True, slots=True)
class MailAccount:
    """What a user types into the account dialog.  The host must be a name of the server's certificate."""

    name: str
    address: str
    login: str
    password: str
    imaps: int
    submission: int  # STARTTLS
    host: str = "localhost"


@dataclass(frozen=True, slots=True)
class Shown:
    """What Thunderbird says of the message on screen; states are names of its ``nsICMSMessageErrors``."""

    subject: str
    encryption: str  # SUCCESS: it was decrypted; NONE: it was not encrypted
    signature: str  # SUCCESS: it shows the signature as good
    encrypted_icon: bool
    signed_icon: bool
    signer: str | None
    body: str
    attachments: tuple[str, ...]


class Thunderbird:
    """The running program; each call acts as a user would and returns when the effect is there.

    Every method may raise `MarionetteError`, also when an unexpected dialog opened
    (a bad certificate, a wrong password).
    """

    def __init__(self, remote: Marionette) -> None:
        self._remote = remote

    def trust(self, authorities: Path) -> None:
        """The certificates in the PEM file `authorities` are trusted for servers and mail."""
        found = re.findall(r"-----BEGIN CERTIFICATE-----(.*?)-----END", authorities.read_text(), re.DOTALL)
        for block in found:
            self._call("trustAuthority", "".join(block.split()))

    def import_identity(self, bundle: Path, passphrase: str) -> None:
        """The key and certificate in the PKCS#12 file `bundle` can be used."""
        self._call("importIdentity", str(bundle.resolve()), passphrase)

    def create_account(self, account: MailAccount) -> None:
        """`account` exists, and signs and decrypts with what was imported for its address and fits the purpose."""
        self._call("createAccount", asdict(account))

    def open_inbox(self) -> None:
        """The INBOX is on screen; new mail is pushed to it from now on."""
        self._call("openInbox")

    def wait_for(self, subject: str, *, within_s: float = 30.0) -> None:
        """A message with this `subject` is listed in the INBOX."""
        self._call("arrival", subject, within_s * 1000)

    def open(self, subject: str) -> Shown:
        """The message is on screen, decrypted and verified as far as Thunderbird can."""
        shown = self._call("open", subject)
        return Shown(**{**shown, "attachments": tuple(shown["attachments"])})

    def attachment(self, name: str) -> bytes:
        """What saving the attachment of the message on screen would write."""
        return base64.b64decode(self._call("attachment", name))

    def reply(self, text: str) -> None:
        """The message on screen was answered with `text`, signed and encrypted; the server has taken the answer."""
        self._call("reply", text)

    def screenshot(self, file: Path) -> None:
        """`file` is a PNG of the main window."""
        self._remote.screenshot(file)

    def _call(self, name: str, *given: Any) -> Any:
        return self._remote.script(f"{_SCRIPT}\nreturn await DRIVE.{name}(...given);", *given)


@contextmanager
def thunderbird(folder: Path) -> Iterator[Thunderbird]:
    """A Thunderbird that runs until the block ends; profile and log lie in `folder`.

    Raises:
        RuntimeError: not installed, or it did not start.
    """
    require("thunderbird", "Xvfb")
    (port,) = free_ports(1)
    profile = folder / "profile"
    profile.mkdir(parents=True)
    preferences = {**_PREFERENCES, "marionette.port": port}
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items())
    (profile / "user.js").write_text("".join(lines))
    with _screen() as display, (folder / "thunderbird.log").open("wb") as log:
        program = subprocess.Popen(
            ["thunderbird", "--no-remote", "--profile", profile, "--marionette", "--remote-allow-system-access"],
            env={
                **os.environ,
                "DISPLAY": display,
                "HOME": str(folder),
                "XDG_CONFIG_HOME": str(folder),
                "XDG_CACHE_HOME": str(folder),
                "NO_AT_BRIDGE": "1",
                "MOZ_CRASHREPORTER_DISABLE": "1",
            },
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            remote = Marionette(port, program)
            try:
                yield Thunderbird(remote)
            finally:
                remote.quit()
        finally:
            stop(program)


@contextmanager
def _screen() -> Iterator[str]:
    """The name of a virtual display."""
    ours, theirs = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(theirs), "-screen", "0", "1360x900x24", "-nolisten", "tcp"],
        pass_fds=[theirs],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        with os.fdopen(ours) as pipe:
            yield ":" + pipe.readline().strip()  # the whole line: Xvfb dies if it cannot write it
    finally:
        stop(server)
