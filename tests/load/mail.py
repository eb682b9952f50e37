"""Mail as a patient's client sends it: a short text and one attachment that does not compress."""

import base64
import random

__all__ = ["Mails"]

_HEAD = """\
From: Dominique PAT-TROIS <{sender}>\r
To: {recipient}\r
Subject: Document de Dominique PAT-TROIS\r
Date: Mon, 02 Nov 2026 10:00:00 +0100\r
Message-ID: <{token}@load.test>\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary="=_load"\r
\r
--=_load\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: 8bit\r
\r
Bonjour, vous trouverez mon ordonnance ci-jointe.\r
--=_load\r
Content-Type: application/pdf; name="ordonnance.pdf"\r
Content-Disposition: attachment; filename="ordonnance.pdf"\r
Content-Transfer-Encoding: base64\r
\r
"""


class Mails:
    """Messages of `octets` octets that differ in addresses and Message-ID only.

    The attachment is encoded once, so that making a message costs the load
    generator one concatenation.
    """

    def __init__(self, octets: int) -> None:
        head = len(_HEAD.format(sender="", recipient="", token=""))
        content = random.Random(octets).randbytes(max(octets - head, 80) * 57 // 78)
        lines = base64.encodebytes(content).replace(b"\n", b"\r\n")
        self._rest = lines + b"--=_load--\r\n"

    def make(self, sender: str, recipient: str, token: str) -> bytes:
        """CRLF octets; no line begins with a dot."""
        return _HEAD.format(sender=sender, recipient=recipient, token=token).encode() + self._rest
