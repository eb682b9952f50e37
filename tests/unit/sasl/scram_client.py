"""The client's half of SCRAM-SHA-256, written from the RFC [RFC 5802 §3]."""

import hmac
from base64 import b64decode, b64encode
from hashlib import pbkdf2_hmac, sha256

__all__ = ["Client"]


class Client:
    """One exchange."""

    def __init__(
        self, *, user: bytes = b"user", typed: str = "pencil", header: bytes = b"n,,", bound: bytes = b""
    ) -> None:
        self.bare = b"n=" + user + b",r=rOprNGfwEbeRWgbNEkqO"
        self.header, self.bound, self.typed = header, bound, typed
        self.server_signature = b""

    @property
    def first(self) -> bytes:
        return self.header + self.bare

    def final(self, challenge: bytes) -> bytes:
        fields = dict(part.split(b"=", 1) for part in challenge.split(b","))
        salted = pbkdf2_hmac("sha256", self.typed.encode(), b64decode(fields[b"s"]), int(fields[b"i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        unproven = b"c=" + b64encode(self.header + self.bound) + b",r=" + fields[b"r"]
        message = b",".join([self.bare, challenge, unproven])
        mask = hmac.digest(sha256(key).digest(), message, "sha256")
        self.server_signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
        return unproven + b",p=" + b64encode(bytes(one ^ other for one, other in zip(key, mask, strict=True)))
