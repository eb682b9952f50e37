"""The commands of SMTP and when each is due  [RFC 5321, RFC 3207, RFC 4954]."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar

from mssante_sim.sasl.claims import Claim, Parting, TooManyFailures
from mssante_sim.sasl.exchange import mechanisms
from mssante_sim.sasl.party import Party
from mssante_sim.smtp import replies, sasl
from mssante_sim.smtp.commands import parse_mail, parse_recipient
from mssante_sim.smtp.connection import Closing, Connection, Reply
from mssante_sim.smtp.data import DataReceiver, Message
from mssante_sim.smtp.house import House, Listener
from mssante_sim.smtp.intake import Letter
from mssante_sim.smtp.policy import Refused, same_mailbox
from mssante_sim.smtp.replies import Refusal
from mssante_sim.smtp.trace import Origin
from mssante_sim.storage.errors import StoreError

__all__ = ["Session"]

_SASL_OCTETS = 12_288  # [RFC 4954 §4]
_HELO = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")  # QUIRK some clients have "_" in their name


@dataclass(slots=True)
class _Transaction:
    """From MAIL to the end of DATA."""

    sender: str  # return path
    author: str  # whose rights count
    recipients: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Command:
    """What runs a command, and when it is due."""

    run: Callable[["Session", str], Awaitable[Reply]]
    before_tls: bool = False  # also allowed without TLS  [RFC 3207 §4]
    after_helo: bool = False
    after_login: bool = False  # on listeners that take logins
    has_argument: bool = False


class Session(Connection):
    """What one peer has said so far."""

    def __init__(self, house: House, listener: Listener, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(house, listener, loop)
        self._helo = ""
        self._transaction: _Transaction | None = None
        self._commands = 0  # since the last message that was stored
        self._unknown_commands = 0
        self._failed_logins = 0

    async def answer(self, verb: str, argument: str) -> Reply:
        """The reply to one command, refused unless it is due."""
        self._commands += 1
        if self._commands > self.house.limits.commands:
            return replies.TOO_MANY_COMMANDS
        command = self._COMMANDS.get(verb)
        if self.tls is None and (command is None or not command.before_tls):
            return replies.TLS_FIRST  # [RFC 3207 §4]
        if command is None:
            self._unknown_commands += 1
            too_many = self._unknown_commands >= self.house.limits.unknown_commands
            return replies.TOO_MANY_ERRORS if too_many else replies.UNKNOWN_COMMAND
        if refusal := await self._not_due(command, argument):
            return refusal
        return await command.run(self, argument)

    async def _not_due(self, command: _Command, argument: str) -> Refusal | None:
        if command.after_helo and not self._helo:
            return replies.BAD_SEQUENCE
        is_stranger = command.after_login and self.listener.takes_logins and self.account is None
        if is_stranger and not await self._is_known_by_certificate():
            return replies.LOGIN_FIRST
        return replies.SYNTAX if argument and not command.has_argument else None

    async def _ehlo(self, argument: str) -> Reply:
        if not _HELO.fullmatch(argument):
            return replies.SYNTAX
        self._helo, self._transaction = argument, None
        offers = [
            self.house.host,
            f"SIZE {self.house.limits.message_octets}",
            "8BITMIME",
            "PIPELINING",
            "ENHANCEDSTATUSCODES",
        ]
        if self.tls is None:
            offers.append("STARTTLS")
        elif self.listener.takes_logins and self.account is None:
            offers.append(" ".join(["AUTH", *mechanisms(self._party)]))
        return "\r\n".join([*(f"250-{offer}" for offer in offers[:-1]), f"250 {offers[-1]}"])

    async def _helo_only(self, argument: str) -> Reply:
        reply = await self._ehlo(argument)
        return reply if isinstance(reply, Refusal) else f"250 {self.house.host}"

    async def _starttls(self, _argument: str) -> Reply:
        if self.tls is not None:
            return replies.TLS_ALREADY
        await self.start_tls()
        self._helo, self._transaction = "", None  # [RFC 3207 §4.2]
        return None

    async def _auth(self, argument: str) -> Reply:
        if not self.listener.takes_logins:
            return replies.NOT_IMPLEMENTED
        if self.account is not None:
            return replies.LOGIN_ALREADY
        found = await sasl.exchange(argument, self._party, self._ask)
        if isinstance(found, Refusal):
            return found if found is not replies.BAD_CREDENTIALS else await self._failed_login()
        claim = found.claim if isinstance(found, Parting) else found
        if isinstance(found, Parting):
            await self.push(sasl.challenge(found.challenge))
        refusal = await self._log_in(claim)
        result = _result(refusal) if refusal else "235"
        self.house.audit.record("smtp.auth", user=self.house.doorkeeper.user(claim), result=result, peer=self.peer)
        if isinstance(found, Parting):
            raise Closing(None)
        return refusal or "235 2.7.0 Logged in"

    async def _is_known_by_certificate(self) -> bool:
        """Whether TLS alone has told whose connection this is, so that AUTH is not needed  [RFC 6409 §4.3].

        QUIRK Thunderbird: it has no EXTERNAL on SMTP, and sends MAIL at once if it is set up with a certificate.
        """
        found = await sasl.exchange("EXTERNAL =", self._party, self._ask)
        if isinstance(found, Refusal | Parting):
            return False
        address = await self.house.doorkeeper.admit(found, self.peer)
        if address is None:
            return False
        self.account = address.lower()
        user = self.house.doorkeeper.user(found)
        self.house.audit.record("smtp.auth", user=user, result="certificate", peer=self.peer)
        return True

    async def _log_in(self, claim: Claim) -> Refusal | None:
        """The connection belongs to the account that is claimed, or why not."""
        try:
            address = await self.house.doorkeeper.admit(claim, self.peer)
        except TooManyFailures:
            return replies.LOGIN_LATER
        if address is None:
            return await self._failed_login()
        self.account = address.lower()
        return None

    @property
    def _party(self) -> Party:
        certificate = self.tls.getpeercert(binary_form=True) if self.tls is not None else None
        return self.house.doorkeeper.party(self.peer, certificate)

    async def _failed_login(self) -> Refusal:
        self._failed_logins += 1
        await asyncio.sleep(self.house.limits.failed_login_s)  # it costs the attacker, not the server
        too_many = self._failed_logins >= self.house.limits.failed_logins
        return replies.TOO_MANY_LOGINS if too_many else replies.BAD_CREDENTIALS

    async def _ask(self, challenge: bytes) -> str:
        await self.push(sasl.challenge(challenge))
        return await self.read_line(_SASL_OCTETS)

    async def _mail(self, argument: str) -> Reply:
        if self._transaction is not None:
            return replies.BAD_SEQUENCE
        if self.house.stopping:
            return replies.SHUTTING_DOWN
        mail = parse_mail(argument)
        if isinstance(mail, Refusal):
            return mail
        if mail.size is not None and mail.size > self.house.limits.message_octets:
            return replies.TOO_BIG
        if refusal := self._vouch(mail.sender):
            self.house.audit.record("smtp.mail", user=self.user, result=_result(refusal), sender=mail.sender)
            return refusal
        self._transaction = _Transaction(mail.sender, self.account or mail.sender)
        return "250 2.1.0 Sender noted"

    def _vouch(self, sender: str) -> Refusal | None:
        """Why this peer may not speak for `sender`; None if it may."""
        if self.listener.takes_logins:
            # The null sender is a receipt's; whether the message is one shows at its header.  [RFC 8098 §3]
            mine = self.account is not None and (not sender or same_mailbox(self.account, sender))
            return None if mine else replies.SENDER_NOT_YOURS
        return self.house.peers.refusal(self.tls, sender.rpartition("@")[2])

    async def _rcpt(self, argument: str) -> Reply:
        transaction = self._transaction
        if transaction is None:
            return replies.BAD_SEQUENCE
        recipient = parse_recipient(argument)
        if isinstance(recipient, Refusal):
            return recipient
        if recipient in transaction.recipients:
            return "250 2.1.5 Recipient noted"
        if len(transaction.recipients) >= self.house.limits.recipients:
            return replies.TOO_MANY_RECIPIENTS
        refusal = await self._judge(transaction.author, recipient)
        self.house.audit.record(
            "smtp.rcpt", user=self.user, result=_result(refusal), sender=transaction.sender, recipient=recipient
        )
        if refusal is not None:
            return refusal
        transaction.recipients.append(recipient)
        return "250 2.1.5 Recipient noted"

    async def _judge(self, author: str, recipient: str) -> Refusal | None:
        try:
            decision = await self.house.gate.decide(author, recipient, self.house.clock.now())
        except StoreError:
            return replies.TEMPORARY
        return decision.refusal if isinstance(decision, Refused) else None

    async def _data(self, _argument: str) -> Reply:
        transaction = self._transaction
        if transaction is None or not transaction.recipients:
            return replies.BAD_SEQUENCE
        self.in_data = True
        try:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            message = await self._receive()
            self._transaction = None
            if isinstance(message, Refusal):
                self._trace_message(transaction, _result(message))
                return message
            self._reset_timeout(self.house.limits.message_s)  # storing may take its time
            return await self.house.finish(self._take(transaction, message))
        finally:
            self.in_data = False

    async def _receive(self) -> Message | Refusal:
        """The message up to its end; what follows waits in `ahead`."""
        limits = self.house.limits
        receiver = DataReceiver(limit_octets=limits.message_octets, key=self.house.key)
        octets, self.ahead = self.ahead, b""
        try:
            async with asyncio.timeout(limits.message_s):
                while (rest := receiver.feed(octets)) is None:
                    self._reset_timeout(limits.data_s)
                    octets = await self.read_octets()
        except TimeoutError:
            raise Closing(replies.TIMED_OUT.line()) from None
        self.ahead = rest
        return receiver.result()

    async def _take(self, transaction: _Transaction, message: Message) -> Reply:
        """What to answer to a whole message; goes on even if the peer is gone, so it raises nothing."""
        origin = Origin(self._helo, self.peer, "ESMTPSA" if self.account else "ESMTPS", self._tls_text)
        letter = Letter(
            sender=transaction.sender,
            author=transaction.author,
            submitted=self.listener.takes_logins,
            recipients=tuple(transaction.recipients),
            message=message,
            origin=origin,
        )
        try:
            outcome = await self.house.intake.take(letter)
        except Exception as error:  # whatever the store, the sealing or a parser did
            return replies.TEMPORARY.line(self.house.incident(error, user=self.user))
        if isinstance(outcome, Refusal):
            self._trace_message(transaction, _result(outcome), octets=len(message))
            return outcome
        self._commands = 0
        said = "Stored before" if outcome.repeated else "Stored"
        self._trace_message(transaction, f"250 {said.lower()}", octets=len(message), ident=outcome.ident)
        return f"250 2.0.0 {said} as {outcome.ident}"

    def _trace_message(self, transaction: _Transaction, result: str, **facts: str | int) -> None:
        self.house.audit.record(
            "smtp.data",
            user=self.user,
            result=result,
            sender=transaction.sender,
            recipients=len(transaction.recipients),
            **facts,
        )

    @property
    def _tls_text(self) -> str:
        cipher = self.tls.cipher() if self.tls else None
        return f"{self.tls.version()} {cipher[0]}" if self.tls and cipher else "no TLS"

    async def _rset(self, _argument: str) -> Reply:
        self._transaction = None
        return "250 2.0.0 Forgotten"

    async def _noop(self, _argument: str) -> Reply:
        return "250 2.0.0 Here"

    async def _quit(self, _argument: str) -> Reply:
        raise Closing("221 2.0.0 Bye")

    async def _vrfy(self, _argument: str) -> Reply:
        return "252 2.5.0 Send the message and see"  # tells nothing of who exists  [RFC 5321 §7.3]

    async def _help(self, _argument: str) -> Reply:
        return "214 2.0.0 " + " ".join(self._COMMANDS)

    async def _expn(self, _argument: str) -> Reply:
        return replies.NOT_IMPLEMENTED

    _COMMANDS: ClassVar[Mapping[str, _Command]] = MappingProxyType(
        {
            "EHLO": _Command(_ehlo, before_tls=True, has_argument=True),
            "HELO": _Command(_helo_only, has_argument=True),
            "STARTTLS": _Command(_starttls, before_tls=True),
            "AUTH": _Command(_auth, after_helo=True, has_argument=True),
            "MAIL": _Command(_mail, after_helo=True, after_login=True, has_argument=True),
            "RCPT": _Command(_rcpt, after_helo=True, after_login=True, has_argument=True),
            "DATA": _Command(_data, after_helo=True, after_login=True),
            "RSET": _Command(_rset),
            "NOOP": _Command(_noop, before_tls=True, has_argument=True),
            "QUIT": _Command(_quit, before_tls=True),
            "VRFY": _Command(_vrfy, after_login=True, has_argument=True),
            "EXPN": _Command(_expn, after_login=True, has_argument=True),
            "HELP": _Command(_help, after_login=True, has_argument=True),
        }
    )


def _result(refusal: Refusal | None) -> str:
    return f"{refusal.code} {refusal.word}" if refusal else "250"
