"""A client of Marionette, the remote protocol of Mozilla programs: JSON packets with a length in front."""

import json
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

__all__ = ["OPTIONS", "Marionette", "MarionetteError"]

OPTIONS: Final = ("--marionette", "--remote-allow-system-access")
"""What a program must be started with to be driven."""

_WRAPPED: Final = """
const done = arguments[arguments.length - 1], given = Array.from(arguments).slice(0, -1);
(async () => {%s})().then(value => done({value: value ?? null}),
                          error => done({error: `${error}\\n${error?.stack ?? ""}`}));
"""
_PORT_FILE: Final = "MarionetteActivePort"
_PAUSE_S: Final = 0.02


class MarionetteError(RuntimeError):
    """The program refused a command, a script in it failed, or it hung up."""


class Marionette:
    """A session in the chrome context, where scripts may do whatever the program itself may."""

    def __init__(self, profile: Path, program: subprocess.Popen[bytes], *, within_s: float = 60.0) -> None:
        """The only connection to `program`: as soon as it listens, and nobody else can connect from then on.

        Raises:
            MarionetteError: it ended, or did not listen in time.
        """
        self._buffer = b""
        self._count = 0
        self._socket = _connect(profile, program, time.monotonic() + within_s)
        self._packet()
        self.command("WebDriver:NewSession", unhandledPromptBehavior="ignore")
        self.command("Marionette:AcceptConnections", value=False)
        self.command("WebDriver:SetTimeouts", script=600_000)
        self.command("Marionette:SetContext", value="chrome")

    def command(self, name: str, *, timeout_s: float = 60.0, **parameters: Any) -> Any:
        """The answer to one command.  Raises: MarionetteError, TimeoutError."""
        self._count += 1
        packet = json.dumps([0, self._count, name, parameters]).encode()
        self._socket.settimeout(timeout_s)
        self._socket.sendall(b"%d:%s" % (len(packet), packet))
        while True:
            kind, number, error, result = self._packet()
            if (kind, number) == (1, self._count):
                break
        if error:
            raise MarionetteError(f"{name}: {error.get('error')}: {error.get('message')}")
        return result.get("value", result) if isinstance(result, dict) else result

    def script(self, body: str, *given: Any, timeout_s: float = 120.0) -> Any:
        """What the async function with this `body` returns; its arguments are in ``given``.

        Raises:
            MarionetteError: it threw, or a dialog opened meanwhile.
        """
        answer = self.command(
            "WebDriver:ExecuteAsyncScript",
            script=_WRAPPED % body,
            args=list(given),
            sandbox="system",
            newSandbox=False,
            timeout_s=timeout_s,
        )
        if answer is None:  # it gives up on a script when a dialog opens
            raise MarionetteError("a dialog opened")
        if "error" in answer:
            raise MarionetteError(answer["error"])
        return answer["value"]

    def quit(self) -> None:
        """The program was told to end."""
        with suppress(MarionetteError, OSError):
            self.command("Marionette:Quit", flags=["eForceQuit"], timeout_s=20)
        self._socket.close()

    def _packet(self) -> Any:
        while b":" not in self._buffer:
            self._more()
        length, _, self._buffer = self._buffer.partition(b":")
        while len(self._buffer) < int(length):
            self._more()
        packet, self._buffer = self._buffer[: int(length)], self._buffer[int(length) :]
        return json.loads(packet)

    def _more(self) -> None:
        octets = self._socket.recv(65536)
        if not octets:
            raise MarionetteError("the program closed the connection")
        self._buffer += octets


def _connect(profile: Path, program: subprocess.Popen[bytes], end: float) -> socket.socket:
    """Connected to the port that `program` chose; it writes the number into its profile."""
    while program.poll() is None and time.monotonic() < end:
        with suppress(FileNotFoundError, ValueError):  # not there, or not yet a number
            return socket.create_connection(("127.0.0.1", int((profile / _PORT_FILE).read_text())), timeout=5)
        with suppress(subprocess.TimeoutExpired):
            program.wait(_PAUSE_S)
    raise MarionetteError(f"its remote control does not answer (status {program.poll()})")
