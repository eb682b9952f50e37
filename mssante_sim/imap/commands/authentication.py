"""LOGIN, and AUTHENTICATE once its exchange has given a name and a password, or a proof."""

from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.core.commands import Login
from mssante_sim.imap.core.faults import AuthenticationFailed
from mssante_sim.imap.core.session import Done

__all__ = ["login"]


async def login(ctx: Context, command: Login) -> Done:
    """The connection belongs to the account of `command.user` [RFC 3501 §6.2.3].

    A refusal is the same for an unknown name and a wrong password, and comes late: that costs this
    connection time, no other one.

    Raises:
        AuthenticationFailed: the credentials are wrong.
    """
    account = await _account(ctx, command)
    if account is None:
        await ctx.services.sleep(ctx.services.limits.failed_login_delay_s)
        raise AuthenticationFailed("Invalid credentials.")
    await ctx.store.open_account(account)
    ctx.account, ctx.login = account, command.user
    return Done("Logged in.")


async def _account(ctx: Context, command: Login) -> str | None:
    prover = ctx.services.prover
    if command.proven is None:
        return await ctx.services.authenticator.check(command.user, command.password)
    return prover.address(command.user) if command.proven and prover is not None else None
