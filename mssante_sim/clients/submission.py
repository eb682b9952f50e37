"""Handing a message to the submission port, over STARTTLS, with progress.

One connection a message: the patient's application sends rarely.
"""

import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

from mssante_sim.directory.dns_lookup import Door, NoService
from mssante_sim.errors import SimulatorError

__all__ = ["Refused", "Submission", "SubmissionReceipt", "Unreachable"]

_CHUNK: Final = 64 * 1024
_TIMEOUT_S: Final = 60.0


class Refused(SimulatorError):
    """The server refused; `word` is its stable word, empty if it gave none."""

    exit_code = 4

    def __init__(self, public: str, *, word: str = "", temporary: bool = False, french: str = "") -> None:
        super().__init__(public, french=french)
        self.word = word
        self.temporary = temporary


class Unreachable(SimulatorError):
    """No conversation was possible, or it broke off; whether the message was taken is unknown."""

    exit_code = 5


@dataclass(frozen=True, slots=True)
class SubmissionReceipt:
    """What the server said to a message that it took."""

    reply: str
    octets: int
    tls: str  # protocol version
    allowed_at: float  # when the last recipient was accepted, by time.monotonic
    stored_at: float  # when the 250 came


class _Smtp(smtplib.SMTP):
    """smtplib, whose DATA tells how far it is."""

    progress: Callable[[int], None] | None = None

    def data(self, msg: bytes | str) -> tuple[int, bytes]:  # type: ignore[override]  # the stub lacks our narrower use
        octets = msg if isinstance(msg, bytes) else msg.encode("ascii")
        self.putcmd("data")
        code, text = self.getreply()
        if code != 354:
            raise smtplib.SMTPDataError(code, text)
        for piece in _pieces(octets):
            self.send((b"." if piece.startswith(b".") else b"") + piece.replace(b"\r\n.", b"\r\n.."))
            if self.progress:
                self.progress(len(piece))
        self.send(b".\r\n" if octets.endswith(b"\r\n") else b"\r\n.\r\n")
        return self.getreply()


def _pieces(octets: bytes) -> Iterator[bytes]:
    """`octets` in whole lines, so that each piece can be dot-stuffed by itself; a pass over all would stop others."""
    start = 0
    while start < len(octets):
        line_end = octets.find(b"\r\n", start + _CHUNK)
        end = line_end + 2 if line_end >= 0 else len(octets)
        yield octets[start:end]
        start = end


@dataclass(frozen=True, slots=True)
class Submission:
    """Where and as whom messages are submitted."""

    where: Callable[[], Door]  # may raise NoService; asked when a message is sent
    context: ssl.SSLContext
    login: str
    password: str

    def send(
        self,
        octets: bytes,
        *,
        sender: str,
        recipients: Sequence[str],
        progress: Callable[[int], None] | None = None,
    ) -> SubmissionReceipt:
        """The server has taken `octets` for all `recipients`; `progress` was called with each count of octets sent.

        Raises:
            Refused: by the server, with its sentence; nothing was taken.
            Unreachable: nobody knows where, no connection, no TLS, or it broke off.
        """
        try:
            door = self.where()
        except NoService as error:
            raise Unreachable(error.public, french=error.french) from error
        try:
            with _Smtp(door.host, door.port, timeout=_TIMEOUT_S) as smtp:
                smtp.progress = progress
                # Else the last small packet waits for the acknowledgement of the one before, 40 ms.
                cast("socket.socket", smtp.sock).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return self._converse(smtp, octets, sender, recipients)
        except smtplib.SMTPServerDisconnected as error:
            raise Unreachable(
                "The server closed the connection; send the same message again, it will not arrive twice.",
                french="Le serveur a coupé la connexion ; renvoyez le même message, il n'arrivera pas deux fois.",
            ) from error
        except (OSError, ssl.SSLError) as error:
            raise Unreachable(
                f"The submission server {door.host}:{door.port} cannot be reached: {error}. Is the stack up?",
                french=f"Le serveur d'envoi {door.host}:{door.port} est injoignable. Est-il lancé ?",
            ) from error

    def _converse(self, smtp: _Smtp, octets: bytes, sender: str, recipients: Sequence[str]) -> SubmissionReceipt:
        try:
            smtp.starttls(context=self.context)
            smtp.login(self.login, self.password)
            self._expect(smtp.mail(sender, [f"SIZE={len(octets)}"] if smtp.has_extn("size") else []))
            for recipient in recipients:
                self._expect(smtp.rcpt(recipient))
            allowed_at = time.monotonic()
            reply = self._expect(smtp.data(octets))
            stored_at = time.monotonic()
        except smtplib.SMTPResponseException as error:
            raise refusal(error.smtp_code, error.smtp_error) from error
        assert isinstance(smtp.sock, ssl.SSLSocket)  # noqa: S101  starttls() raised otherwise
        return SubmissionReceipt(reply, len(octets), smtp.sock.version() or "TLS", allowed_at, stored_at)

    @staticmethod
    def _expect(answer: tuple[int, bytes]) -> str:
        code, text = answer
        if code not in (250, 251):
            raise refusal(code, text)
        return f"{code} {text.decode('utf-8', 'replace')}"


def refusal(code: int, text: bytes | str) -> Refused:
    """The server's reply as an error; its stable word is what stands before the colon.  [our choice]"""
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    said = " ".join(said.split())
    before, colon, _ = said.partition(":")
    word = before.split()[-1] if colon and before.split() else ""
    return Refused(f"{code} {said}", word=word, temporary=400 <= code < 500)
