"""GETQUOTA, GETQUOTAROOT, SETQUOTA: one root a mailbox account, counted in octets [RFC 9208]."""

from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.commands import GetQuota, GetQuotaRoot, SetQuota
from mssante_sim.imap.core.faults import MailboxMissing, NoPermission
from mssante_sim.imap.core.session import Done

__all__ = ["get_quota", "get_quota_root", "set_quota"]

_ROOT = "User quota"


async def get_quota(ctx: Context, command: GetQuota) -> Done:
    """Usage and limit of the root [RFC 9208 §4.1.1].

    Raises:
        MailboxMissing: there is no root of that name.
    """
    if command.root != _ROOT:
        raise MailboxMissing("No such quota root.")
    return Done("Getquota completed.", untagged=(await _quota(ctx),))


async def get_quota_root(ctx: Context, command: GetQuotaRoot) -> Done:
    """The root of a folder, with usage and limit [RFC 9208 §4.1.2]."""
    return Done("Getquotaroot completed.", untagged=(r.QuotaRoots(command.mailbox, (_ROOT,)), await _quota(ctx)))


async def set_quota(_: Context, __: SetQuota) -> Done:
    """Never: limits are the operator's [RFC 9208 §4.1.3]."""
    raise NoPermission("Quota limits cannot be changed by clients.")


async def _quota(ctx: Context) -> r.Quota:
    usage = await ctx.store.usage(ctx.account)
    return r.Quota(_ROOT, (("STORAGE", -(-usage.octets // 1024), usage.limit_octets // 1024),))
