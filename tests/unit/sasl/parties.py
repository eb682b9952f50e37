"""A server's part in exchanges, with nothing left to chance."""

from base64 import b64decode
from dataclasses import dataclass

from mssante_sim.directory.credentials import Verifier
from mssante_sim.sasl.claims import ActingForAnother, Named

__all__ = ["ACCOUNT", "CERTIFICATE", "Fixed"]

ACCOUNT = "lilas@officine.mssante.test"
CERTIFICATE = b"a certificate of ACCOUNT"
_SALT = b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")


@dataclass
class Fixed:
    """Accounts with one password, one certificate, and a nonce that is no secret."""

    end_point: bytes | None = None
    password: str = "pencil"
    server_nonce: bytes = b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"

    def nonce(self) -> bytes:
        return self.server_nonce

    def verifier(self, login: str) -> Verifier:
        return Verifier.create(self.password, _SALT)

    def holder(self, certificate: bytes, name: str) -> Named:
        if name not in ("", ACCOUNT):
            raise ActingForAnother("Acting for another account is not possible.")
        return Named(ACCOUNT, ACCOUNT if certificate == CERTIFICATE else None)
