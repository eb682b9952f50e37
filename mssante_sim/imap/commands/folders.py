"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE."""

import unicodedata

from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.core import codes
from mssante_sim.imap.core.commands import Create, Delete, Rename, Subscribe, Unsubscribe
from mssante_sim.imap.core.faults import AlreadyExists, BadSpecialUse, Cannot, MailboxMissing
from mssante_sim.imap.core.session import Done
from mssante_sim.imap.render.identity import mailbox_id
from mssante_sim.storage.api import FolderSpec
from mssante_sim.storage.errors import FolderExists, FolderMissing

__all__ = ["create", "delete", "rename", "subscribe", "unsubscribe"]

_NAME_OCTETS = 1_000
_LEVELS = 20
_USES = frozenset({"\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"})
r"""Folders of mail; ``\All`` and ``\Flagged`` would be views of others [RFC 6154 §2]."""


async def create(ctx: Context, command: Create) -> Done:
    """The folder exists, and its parents [RFC 3501 §6.3.3].

    Raises:
        AlreadyExists, Cannot: it did already, or no folder can have that name.
        BadSpecialUse: no folder can have that use, or those together [RFC 6154 §3].
    """
    if len(command.special_uses) > 1:
        raise BadSpecialUse("A mailbox has one special use at most.")
    if not _USES.issuperset(command.special_uses):
        raise BadSpecialUse(f"A mailbox can be made for {', '.join(sorted(_USES))}.")
    use = command.special_uses[0] if command.special_uses else None
    try:
        spec = FolderSpec(_new_name(command.mailbox), use, subscribed=False)
        folder = await ctx.store.create_folder(ctx.account, spec)
    except FolderExists as error:
        raise AlreadyExists("Mailbox exists already.") from error
    return Done("Create completed.", codes.mailbox_id(mailbox_id(folder)))


async def delete(ctx: Context, command: Delete) -> Done:
    """The folder is gone with its messages; its children stay [RFC 3501 §6.3.4].

    A session that deletes the folder it has selected has none selected afterwards.

    Raises:
        Cannot, MailboxMissing: it is INBOX, or there is none.
    """
    if command.mailbox == "INBOX":
        raise Cannot("INBOX cannot be deleted.")
    if ctx.selected is not None and ctx.selected.name == command.mailbox:
        ctx.release()
    try:
        await ctx.store.delete_folder(ctx.account, command.mailbox)
    except FolderMissing as error:
        raise MailboxMissing("Mailbox does not exist.") from error
    return Done("Delete completed.")


async def rename(ctx: Context, command: Rename) -> Done:
    """The folder and its children have the new name; INBOX gives its messages to a new folder [RFC 3501 §6.3.5].

    Raises:
        Cannot, AlreadyExists, MailboxMissing: a name that cannot be, one that is taken, none that is old.
    """
    new = _new_name(command.new)
    if (new + "/").startswith(command.old + "/"):
        raise Cannot("A mailbox cannot be renamed into itself.")
    try:
        await ctx.store.rename_folder(ctx.account, command.old, new)
    except FolderExists as error:
        raise AlreadyExists("Mailbox exists already.") from error
    except FolderMissing as error:
        raise MailboxMissing("Mailbox does not exist.") from error
    return Done("Rename completed.")


async def subscribe(ctx: Context, command: Subscribe) -> Done:
    """The name is subscribed, if a folder has it [RFC 3501 §6.3.6].

    Raises:
        MailboxMissing: none has.
    """
    folder = await ctx.folder(command.mailbox)
    await ctx.store.subscribe(ctx.account, folder.name, subscribed=True)
    return Done("Subscribe completed.")


async def unsubscribe(ctx: Context, command: Unsubscribe) -> Done:
    """The name is not subscribed, whether it was or not [RFC 3501 §6.3.7]."""
    await ctx.store.subscribe(ctx.account, command.mailbox, subscribed=False)
    return Done("Unsubscribe completed.")


def _new_name(mailbox: str) -> str:
    """`mailbox` without its trailing delimiter, if a folder can be called so.

    Raises:
        Cannot: an empty level, a control character, a wildcard, INBOX itself, too long or too deep, or not in the
            form that every client would write it in.
    """
    name = mailbox.removesuffix("/")
    levels = name.split("/")
    if not all(levels) or any(level in (".", "..") for level in levels):
        raise Cannot("A mailbox name has no empty levels.")
    if any(character in "*%" or unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise Cannot("A mailbox name holds no wildcard and no control character.")
    if not unicodedata.is_normalized("NFC", name):
        raise Cannot("A mailbox name must be Net-Unicode, in normal form C.")  # [RFC 9051 §5.1]
    if len(name.encode()) > _NAME_OCTETS or len(levels) > _LEVELS:
        raise Cannot("The mailbox name is too long or too deep.")
    return name
