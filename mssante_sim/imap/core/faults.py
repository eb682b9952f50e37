"""Why a command does not end in OK; the class knows the reply.

A fault carries two texts, as every error of this package: `public` goes to the
client, `detail` only to the log.  Codes are those of [RFC 5530 §3] unless a line
says otherwise.
"""

from typing import ClassVar, Literal

from mssante_sim.errors import SimulatorError

__all__ = [
    "AlreadyExists", "AuthenticationFailed", "BadCharset", "BadSpecialUse", "Cannot", "ImapFault", "LimitReached",
    "LoginDisabled", "MailboxMissing", "NoPermission", "NotImap", "OverQuota", "ReadOnlyMailbox",
    "SyntaxFault", "TooBig", "TryCreate", "Unavailable", "UnknownCommand", "UnknownEncoding", "WrongPhase",
]  # fmt: skip


class ImapFault(SimulatorError):
    """A command ends in NO or BAD.

    Attributes:
        status: which of the two; BAD is for what no server could accept.
        code: the response code to put in front of the text, with its arguments.
    """

    status: ClassVar[Literal["NO", "BAD"]] = "NO"
    code: ClassVar[str | None] = None


# The command cannot be read, or not here ----------------------------------------------------------


class SyntaxFault(ImapFault):
    """The command does not follow the grammar; the text quotes where [RFC 3501 §9]."""

    status = "BAD"


class NotImap(SyntaxFault):
    """The line has no tag and command word: the peer may speak something else."""


class UnknownCommand(SyntaxFault):
    """A tagged line whose command word is not known."""


class WrongPhase(ImapFault):
    """The command exists, but not in this state of the connection [RFC 3501 §6]."""

    status = "BAD"


# The command can be read, and is refused ----------------------------------------------------------


class AuthenticationFailed(ImapFault):
    """The credentials are wrong; nothing says which."""

    code = "AUTHENTICATIONFAILED"


class LoginDisabled(ImapFault):
    """Credentials are taken under TLS only."""

    code = "PRIVACYREQUIRED"


class NoPermission(ImapFault):
    """This account may not do that."""

    code = "NOPERM"


class MailboxMissing(ImapFault):
    """The named mailbox does not exist."""

    code = "NONEXISTENT"


class TryCreate(ImapFault):
    """The target of APPEND, COPY or MOVE does not exist, and could [RFC 3501 §7.1]."""

    code = "TRYCREATE"


class AlreadyExists(ImapFault):
    """A mailbox of that name exists."""

    code = "ALREADYEXISTS"


class Cannot(ImapFault):
    """What was asked can never succeed: an impossible name, a removal of INBOX."""

    code = "CANNOT"


class ReadOnlyMailbox(ImapFault):
    """The mailbox was opened with EXAMINE."""

    code = "READ-ONLY"  # [RFC 3501 §7.1]


class OverQuota(ImapFault):
    """The account would hold more than it may."""

    code = "OVERQUOTA"


class LimitReached(ImapFault):
    """More than this server handles in one command."""

    code = "LIMIT"


class TooBig(ImapFault):
    """A literal is larger than what is accepted in its place [RFC 4469 §4.2]."""

    code = "TOOBIG"


class BadCharset(ImapFault):
    """The charset of a SEARCH is not supported [RFC 3501 §6.4.4]."""

    code = "BADCHARSET (US-ASCII UTF-8)"
    saving = False  # the result was to be saved: what was saved before is gone [RFC 5182 §2.1]


class BadSpecialUse(ImapFault):
    """No mailbox can be made for that use here [RFC 6154 §3]."""

    code = "USEATTR"


class UnknownEncoding(ImapFault):
    """A part has a transfer encoding that nobody can take off [RFC 3516 §4.3]."""

    code = "UNKNOWN-CTE"


class Unavailable(ImapFault):
    """The store cannot serve this now; trying again later is safe."""

    code = "UNAVAILABLE"
