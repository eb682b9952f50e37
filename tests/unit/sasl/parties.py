"""A server's part in exchanges, with nothing left to chance."""

from base64 import b64decode
from dataclasses import dataclass
from functools import cache

from mssante_sim.directory.credentials import Verifier
from mssante_sim.sasl.claims import ActingForAnother, Named
from mssante_sim.sasl.party import TokenRefusal

__all__ = ["ACCOUNT", "CERTIFICATE", "TOKEN", "Fixed"]

ACCOUNT = "lilas@officine.mssante.test"
CERTIFICATE = b"a certificate of ACCOUNT"
TOKEN = "a.token-of_ACCOUNT~+/=="
_SALT = b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")


@cache
def _verifier(password: str) -> Verifier:
    return Verifier.create(password, _SALT)


@dataclass
class Fixed:
    """Accounts with one password, one certificate, and a nonce that is no secret."""

    end_point: bytes | None = None
    certificate: bytes | None = None  # that the client has shown
    password: str = "pencil"
    drops: bool = False
    wrong: int = 0  # guesses
    most_wrong: int = 10
    server_nonce: bytes = b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"

    @property
    def token_refusal(self) -> TokenRefusal:
        return TokenRefusal("http://127.0.0.1:2080/.well-known/openid-configuration", drops=self.drops)

    def nonce(self) -> bytes:
        return self.server_nonce

    def verifier(self, login: str) -> Verifier:
        return _verifier(self.password)

    def waits(self, login: str) -> bool:
        return self.wrong >= self.most_wrong

    def note(self, login: str, *, right: bool) -> None:
        self.wrong += not right

    @property
    def certified(self) -> bool:
        return self.certificate is not None

    def holder(self, name: str) -> Named:
        if name not in ("", ACCOUNT):
            raise ActingForAnother("Acting for another account is not possible.")
        return Named(ACCOUNT, ACCOUNT if self.certificate == CERTIFICATE else None)

    def bearer(self, token: str, name: str) -> Named:
        if token != TOKEN:
            return Named("", None)
        return Named(ACCOUNT, ACCOUNT if name in ("", ACCOUNT) else None)
