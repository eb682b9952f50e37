"""Identifiers of mailboxes and messages that outlive a connection [RFC 8474 §3]."""

from hashlib import blake2s

from mssante_sim.storage.api import Folder, MessageRow

__all__ = ["email_id", "mailbox_id"]


def mailbox_id(folder: Folder) -> str:
    """MAILBOXID: stays when the folder is renamed; none is ever given twice."""
    return f"F{folder.id}"


def email_id(row: MessageRow) -> str:
    """EMAILID: the same for the same octets, wherever a copy of them lies.

    Copies of one body differ by what was put in front of them on their way.
    """
    assert row.prefix is not None, "the prefix was not read"  # noqa: S101 - who calls asks for it
    way = f"-{blake2s(row.prefix, digest_size=6).hexdigest()}" if row.prefix else ""
    return f"M{row.body}{way}"
