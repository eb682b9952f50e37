"""A real Thunderbird under Xvfb, on the profile that the product makes, and what a user then does in it."""

import base64
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mssante_sim.clients.thunderbird.marionette import OPTIONS, Marionette
from mssante_sim.clients.thunderbird.profile import write_profile
from mssante_sim.clients.thunderbird.program import started
from mssante_sim.clients.thunderbird.setup import SETUP_SCRIPT, Setup
from tests.peers.debian import require
from tests.peers.loopback import stop

__all__ = ["SCRIPT", "Shown", "Thunderbird", "desktop", "thunderbird"]

SCRIPT = SETUP_SCRIPT + Path(__file__).with_name("drive.js").read_text(encoding="utf-8")


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


class Thunderbird(Setup):
    """The running program; each call acts as a user would and returns when the effect is there.

    Every method may raise `MarionetteError`, also when an unexpected dialog opened
    (a bad certificate, a wrong password).
    """

    def wait_for(self, subject: str, *, within_s: float = 30.0) -> None:
        """A message with this `subject` is listed in the INBOX."""
        self._call("arrival", subject, within_s * 1000)

    def wait_until_kept(self, subject: str) -> None:
        """The message with this `subject` is in the program's own store, so that it can be read without the server."""
        self._call("kept", subject)

    def wait_until_gone(self, subject: str) -> None:
        """No message with this `subject` is listed in the INBOX."""
        self._call("gone", subject)

    def star(self, subject: str) -> None:
        """As a click on the star of the message with this `subject` does."""
        self._call("star", subject)

    def wait_for_star(self, subject: str) -> None:
        """The message with this `subject` has a star."""
        self._call("starred", subject)

    def open(self, subject: str) -> Shown:
        """The message is on screen, decrypted and verified as far as Thunderbird can."""
        shown = self._call("open", subject)
        return Shown(**{**shown, "attachments": tuple(shown["attachments"])})

    def attachment(self, name: str) -> bytes:
        """What saving the attachment of the message on screen would write."""
        return base64.b64decode(self._call("attachment", name))

    def source(self, subject: str) -> bytes:
        """The octets of a message, as View Source shows them, without the program's own lines in front."""
        return re.sub(rb"\A(X-Mozilla-[^\n]*\n)+", b"", base64.b64decode(self._call("source", subject)))

    def reply(self, text: str) -> None:
        """The message on screen was answered with `text`, signed and encrypted; the server has taken the answer."""
        self._call("reply", text)

    def tags(self) -> tuple[str, ...]:
        """The names of all tags, in the order of Thunderbird's menus."""
        return tuple(self._call("tags"))

    def wait_for_tags(self, *labels: str) -> None:
        """The header of the message on screen and its row in the list show the tags `labels`, and no other."""
        self._call("tagged", list(labels))

    def toggle_tag(self, label: str) -> None:
        """As the entry `label` of the Tag menu does to the message on screen."""
        self._call("toggleTag", label)

    def screenshot(self, file: Path) -> None:
        """`file` is a PNG of the main window."""
        file.write_bytes(base64.b64decode(self._remote.command("WebDriver:TakeScreenshot", full=True, hash=False)))

    def script(self, body: str, *given: Any) -> Any:
        """What `body` returns, run inside the program."""
        return self._remote.script(body, *given)

    def _call(self, name: str, *given: Any) -> Any:
        return self.script(f"{SCRIPT}\nreturn await DRIVE.{name}(...given);", *given)


@contextmanager
def thunderbird(folder: Path) -> Iterator[Thunderbird]:
    """A Thunderbird that runs until the block ends and has then written all it knows; its profile lies in `folder`.

    Without an account the first time; from then on as it was left.

    Raises:
        RuntimeError: not installed, or it did not start.
    """
    profile = folder / "profile"
    if not profile.exists():
        write_profile(profile, "localhost")
    with desktop(folder) as environment, started(profile, *OPTIONS, environment=environment) as program:
        remote = Marionette(profile, program)
        try:
            yield Thunderbird(remote)
        finally:
            remote.quit()
            with suppress(subprocess.TimeoutExpired):  # it is killed then
                program.wait(60)


@contextmanager
def desktop(home: Path) -> Iterator[dict[str, str]]:
    """The environment of a user who sits at a screen and whose own files lie in `home`."""
    require("thunderbird", "Xvfb")
    with _screen() as display:
        yield {
            **{name: value for name, value in os.environ.items() if not name.startswith("XDG_")},
            "DISPLAY": display,
            "HOME": str(home),
            "NO_AT_BRIDGE": "1",
        }


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
