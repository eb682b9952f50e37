"""ID and ENABLE."""

from mssante_sim import __version__
from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.commands import Enable, Id
from mssante_sim.imap.core.extensions import Extension
from mssante_sim.imap.core.session import Done

__all__ = ["enable", "identify"]


async def identify(_: Context, __: Id) -> Done:
    """Who the server is; what the client says of itself is not kept [RFC 2971 §3.1]."""
    return Done("ID completed.", untagged=(r.Identity((("name", "mssante-sim"), ("version", __version__))),))


async def enable(ctx: Context, command: Enable) -> Done:
    """What was asked for and exists is on, which the session saw to; unknown names are ignored [RFC 5161 §3.1]."""
    names = tuple(one.value for one in Extension if one.value.upper() in command.capabilities and ctx.has(one))
    return Done("Enabled.", untagged=(r.Enabled(names),))
