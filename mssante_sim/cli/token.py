"""`mssante-sim token`: access tokens for XOAUTH2 and OAUTHBEARER, in the place of an identity provider."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from mssante_sim.cli.directory_life import opened_home
from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.clients.running import AccountNotFound, account_named
from mssante_sim.clock import SystemClock
from mssante_sim.directory.tokens import AUDIENCE, Issued, Tokens
from mssante_sim.errors import SimulatorError
from mssante_sim.provision import Provisioned

__all__ = ["token"]

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LONGEST: Final = timedelta(days=366)


class TokenNotFound(SimulatorError):
    """No token has that ID, or none is there to revoke."""

    exit_code = 3


class _Duration(click.ParamType[timedelta]):
    """60s, 5m, 2h, 1d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Raises: click.BadParameter."""
        found = re.fullmatch(r"([0-9]{1,9})([smhd])", str(value))
        lasting = timedelta(seconds=int(found[1]) * _UNITS[found[2]]) if found else None
        if lasting is None or lasting > _LONGEST:
            self.fail("Write a number and s, m, h or d, a year at most: 60s, 5m, 2h, 1d.", param, ctx)
        return lasting


@contextmanager
def _opened(home: Path) -> Iterator[tuple[Provisioned, Tokens]]:
    """The tokens of `home`, also beside a stack that is up.  Raises: HomeUnusable."""
    provisioned = opened_home(home)
    try:
        yield provisioned, Tokens(provisioned.directory.rows, provisioned.secrets.token_key, SystemClock())
    finally:
        provisioned.close()


@click.group()
def token() -> None:
    """Tokens that open a mailbox over IMAP and SMTP (XOAUTH2, OAUTHBEARER); at once, also in a stack that is up."""


@token.command()
@home_option
@click.option(
    "--mailbox", "who", required=True, metavar="FINESS", help="FINESS, INS, address, login or part of a name."
)
@click.option("--expires", type=_Duration(), default="1h", show_default=True, help="60s, 5m, 2h, 1d; 0s has expired.")
@click.option("--audience", default=AUDIENCE, show_default=True, help="Another one makes a token that is refused.")
@as_json_option
def issue(home: Path, who: str, expires: timedelta, audience: str, as_json: bool) -> None:
    """Prints a new token for the mailbox; on standard error, its ID."""
    with _opened(home) as (provisioned, tokens):
        account = account_named(provisioned.accounts(), who)
        logins = [one.login for one in account.logins]
        if not logins:
            raise AccountNotFound(f"Nobody can log in to {account.address}.")
        login = who.lower() if who.lower() in logins else logins[0]
        issued, secret = tokens.issue(account.address, login, lasting=expires, audience=audience)
    if as_json:
        print_json(_shown(issued) | {"token": secret.reveal()})
        return
    click.echo(secret.reveal())
    click.echo(f"{issued.ident}  {issued.login}  until {issued.expires.isoformat()}", err=True)


@token.command("list")
@home_option
@as_json_option
def list_tokens(home: Path, as_json: bool) -> None:
    """Lists what was issued and not revoked.

    The tokens themselves are kept nowhere.
    """
    with _opened(home) as (_, tokens):
        found = tokens.issued()
    if as_json:
        print_json(list(map(_shown, found)))
        return
    now = SystemClock().now()
    for one in found:
        state = "expired" if one.expires <= now else "until"
        click.echo(f"{one.ident}  {state} {one.expires.isoformat()}  {one.mailbox}  {one.login}  for {one.audience}")


@token.command()
@home_option
@click.argument("ident", metavar="ID", required=False)
@click.option("--mailbox", "who", metavar="FINESS", help="All of this mailbox instead.")
@as_json_option
def revoke(home: Path, ident: str | None, who: str | None, as_json: bool) -> None:
    """Ends a token, or all of a mailbox.

    The ID is what `issue` and `list` show; from the next login on the token opens nothing.
    """
    if (ident is None) == (who is None):
        raise click.UsageError("Give an ID, or --mailbox.")
    with _opened(home) as (provisioned, tokens):
        mailbox = None if who is None else account_named(provisioned.accounts(), who).address
        revoked = tokens.revoke(ident=ident, mailbox=mailbox)
    if not revoked:
        raise TokenNotFound("No such token: mssante-sim token list shows what there is.")
    if as_json:
        print_json(list(map(_shown, revoked)))
        return
    for one in revoked:
        click.echo(f"{one.ident}  revoked  {one.mailbox}")


def _shown(issued: Issued) -> dict[str, str]:
    times = {"issued": issued.issued.isoformat(), "expires": issued.expires.isoformat()}
    return {**asdict(issued), **times}
