"""A pharmacy's Thunderbird, from nothing to its window."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from mssante_sim.clients.desk import KeysMissing
from mssante_sim.clients.running import Account, AccountNotFound, Login, Running, StackNotRunning
from mssante_sim.clients.thunderbird.marionette import OPTIONS, Marionette, MarionetteError
from mssante_sim.clients.thunderbird.profile import write_profile
from mssante_sim.clients.thunderbird.program import LOG, ThunderbirdUnusable, started
from mssante_sim.clients.thunderbird.setup import MailAccount, Setup
from mssante_sim.errors import reason_in_french
from mssante_sim.passphrase import given_passphrase

__all__ = ["chosen_login", "place", "prepare", "wait_for_end"]

_END_S: Final = 30.0


def chosen_login(account: Account, user: str | None) -> Login:
    """The login `user` of `account`, or the first one.  Raises: AccountNotFound."""
    for login in account.logins:
        if user is None or login.login == user.casefold():
            return login
    several = ", ".join(login.login for login in account.logins)
    raise AccountNotFound(
        f"{account.address} has no login {user!r}; it has: {several}.",
        french=f"La boîte {account.address} n'a pas d'utilisateur « {user} » ; elle a : {several}.",
    )


@contextmanager
def place(keep: Path | None) -> Iterator[Path]:
    """Where the profile may be made: `keep`, or a folder that is deleted with all its contents after the block."""
    if keep is not None:
        yield keep
        return
    with TemporaryDirectory(prefix="mssante-sim-thunderbird-") as folder:
        yield Path(folder) / "profile"


def prepare(profile: Path, running: Running, account: Account, login: Login) -> None:
    """`profile` is complete: authority trusted, keys imported, account set up with its password, tags named.

    Thunderbird has run once to write it, without a window, and has ended.  It has seen the INBOX.

    Raises:
        StackNotRunning: its IMAP port does not answer.
        KeysMissing: the account has no PKCS#12, or it is not there.
        ProfileNotMade: `profile` exists already, or cannot be created.
        ThunderbirdUnusable: not installed, or it refused something, or it ended too early.
    """
    _require_answer(running)
    bundle = Path(account.pkcs12 or "")
    if not bundle.is_file():
        raise KeysMissing(
            f"The PKCS#12 of {account.address} is not there. Restart the stack.",
            french=f"Le fichier PKCS#12 de {account.address} est introuvable. Relancez le serveur.",
        )
    passphrase = running.passphrase_of(account, given_passphrase)
    write_profile(profile, running.host)
    with started(profile, "--headless", *OPTIONS) as program:
        try:
            remote = Marionette(profile, program)
            setup = Setup(remote)
            setup.trust(Path(running.ca_file))
            setup.import_identity(bundle, passphrase)
            setup.create_account(MailAccount.of(running, account, login))
            setup.open_inbox()
            remote.quit()
            program.wait(_END_S)  # preferences and password are written as it ends
        except (MarionetteError, OSError, subprocess.TimeoutExpired) as error:
            reason = str(error).partition("\n")[0]
            raise ThunderbirdUnusable(
                f"Thunderbird could not be set up ({reason}). Is it of version 153 or later?",
                french=f"Thunderbird n'a pas pu être préparé ({reason}). Est-ce bien la version 153 ou une suivante ?",
                detail=str(error),
            ) from error


def _require_answer(running: Running) -> None:
    """The stack is up; Thunderbird would only wait.  Raises: StackNotRunning."""
    try:
        socket.create_connection((running.host, running.ports["imap_tls"]), timeout=5).close()
    except OSError as error:
        raise StackNotRunning(
            f"The IMAP server does not answer: {error.strerror or error}. Is the stack up?",
            french=f"Le serveur IMAP est injoignable ({reason_in_french(error)}). Est-il lancé ?",
        ) from error


def wait_for_end(program: subprocess.Popen[bytes], profile: Path) -> None:
    """Returns when the user has closed Thunderbird.  Raises: ThunderbirdUnusable: it ended with an error."""
    status = program.wait()
    if status:
        said = (profile / LOG).read_text(encoding="utf-8", errors="replace").strip()
        last = said.rpartition("\n")[2] or "-"
        raise ThunderbirdUnusable(
            f"Thunderbird ended early, status {status}: {last}",
            french=f"Thunderbird s'est arrêté de lui-même (statut {status}) : {last}",
        )
