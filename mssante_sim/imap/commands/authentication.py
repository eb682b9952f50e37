"""LOGIN, and AUTHENTICATE once its exchange has ended in a claim."""

from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.core.capabilities import WITHOUT_IDLE
from mssante_sim.imap.core.commands import Login
from mssante_sim.imap.core.faults import AuthenticationFailed, Unavailable
from mssante_sim.imap.core.session import Done
from mssante_sim.sasl.claims import Claim, Password, TooManyFailures

__all__ = ["claim_of", "login"]


async def login(ctx: Context, command: Login) -> Done:
    """The connection belongs to the account that the client claims [RFC 3501 §6.2.3].

    A refusal is the same for an unknown name and a wrong password, and comes late: that costs this
    connection time, no other one.

    Raises:
        AuthenticationFailed: the credentials are wrong.
        Unavailable: too many were, of late.
    """
    claim, doorkeeper = claim_of(command), ctx.services.doorkeeper
    try:
        account = await doorkeeper.admit(claim, ctx.peer)
    except TooManyFailures as error:
        raise Unavailable(error.public) from error
    if account is None:
        await ctx.services.sleep(ctx.services.limits.failed_login_delay_s)
        raise AuthenticationFailed("Invalid credentials.")
    await ctx.store.open_account(account)
    ctx.account, ctx.login = account, doorkeeper.user(claim)
    return Done("Logged in.", withheld=frozenset() if ctx.services.idles(account) else WITHOUT_IDLE)


def claim_of(command: Login) -> Claim:
    """What LOGIN or AUTHENTICATE claims."""
    return command.claim or Password(command.user, command.password)
