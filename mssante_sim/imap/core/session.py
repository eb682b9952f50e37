"""One IMAP connection without a socket: octets and changes in, steps out.

Five calls move it::

    receive(octets)             the peer sent something; never raises for what a peer does
    next()                      what is to be done now: a Step, or None until something happens
    complete(command, outcome)  the handler that a Run step asked for has ended
    notice(change)              the selected folder changed
    tls_started()               the TLS handshake that an Upgrade step asked for is done

Whoever drives it takes steps until None after each of the others. While a handler
runs there are no steps: what the peer sends meanwhile waits in the framer, and the
driver stops reading when `is_full`. Commands that need no store are answered here.
"""

from dataclasses import dataclass

from mssante_sim.imap.core import codes
from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.capabilities import advertised
from mssante_sim.imap.core.encode import encode
from mssante_sim.imap.core.extensions import Extension, switched_on
from mssante_sim.imap.core.faults import (
    AuthenticationFailed,
    BadCharset,
    ImapFault,
    NotImap,
    SyntaxFault,
    UnknownCommand,
)
from mssante_sim.imap.core.framing import CommandFramer, ContinuationNeeded, Frame, Refused, read_tag
from mssante_sim.imap.core.limits import ImapLimits
from mssante_sim.imap.core.parse import parse
from mssante_sim.imap.core.sasl import Sasl
from mssante_sim.imap.core.states import Phase, check, may_send_expunge, phase_after
from mssante_sim.imap.core.steps import Hangup, Run, Step, Upgrade, Write
from mssante_sim.imap.core.telling import news
from mssante_sim.imap.core.view import FolderView
from mssante_sim.sasl.party import Party
from mssante_sim.storage.api import Change

__all__ = ["ANSWERED_HERE", "Done", "ImapSession"]

ANSWERED_HERE = frozenset({c.Capability, c.Noop, c.Check, c.Logout, c.StartTls, c.Authenticate, c.Idle})
"""Commands that the session answers itself; all others need a handler."""


@dataclass(frozen=True, slots=True)
class Done:
    """A handler ended well."""

    text: str
    code: str | None = None
    untagged: tuple[r.Response, ...] = ()
    view: FolderView | None = None  # the folder it selected
    removed: bool = False  # messages of the selected folder are gone
    withheld: frozenset[str] = frozenset()  # capabilities that the account of a login does not have


class ImapSession:
    """The state of one connection."""

    __slots__ = (
        "_bad", "_early", "_failed_logins", "_framer", "_greeted", "_idle", "_limits", "_out", "_running", "_sasl",
        "_secure", "_spoken", "_step", "_withheld", "enabled", "phase", "view",
    )  # fmt: skip

    def __init__(self, limits: ImapLimits, *, secure: bool, party: Party | None = None) -> None:
        """Without `party`, only passwords are taken."""
        self.phase = Phase.ANONYMOUS
        self.view: FolderView | None = None
        self.enabled: frozenset[Extension] = frozenset()
        self._limits = limits
        self._secure = secure
        self._sasl = Sasl(party)
        self._framer = CommandFramer(limits.frames)
        self._out: list[bytes] = []
        self._step: Step | None = None  # to be taken once what stands in `_out` is written
        self._running: c.Command | None = None
        self._idle: c.Idle | None = None
        self._early: list[Change] = []  # noticed before the view was there
        self._spoken = False  # a first line was IMAP
        self._bad = 0
        self._failed_logins = 0
        self._greeted = False
        self._withheld: frozenset[str] = frozenset()

    # what the driver may ask ---------------------------------------------------------------------------------------

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What is advertised now."""
        limit = self._limits.frames.append_literal
        found = advertised(self.phase, secure=self._secure, append_limit=limit, mechanisms=self._sasl.offered)
        return tuple(name for name in found if name not in self._withheld)

    @property
    def is_idling(self) -> bool:
        """Whether the client waits for news."""
        return self._idle is not None

    @property
    def is_over(self) -> bool:
        """Whether nothing is read any more."""
        return self.phase is Phase.OVER

    @property
    def is_full(self) -> bool:
        """Whether so much waits behind a running command that reading should stop."""
        frames = self._limits.frames
        most = frames.pipelined if self._framer.logged_in else frames.pipelined_before_login
        return self._running is not None and self._framer.pending > most

    # what happens --------------------------------------------------------------------------------------------------

    def receive(self, octets: bytes) -> None:
        """`octets` came from the peer."""
        if self.phase is not Phase.OVER:
            self._framer.feed(octets)

    def notice(self, change: Change) -> None:
        """The watched folder changed; the client learns of it when it may."""
        if self.view is not None:
            self.view.notice(change)
        else:
            self._early.append(change)

    def tls_started(self, party: Party | None = None) -> None:
        """The connection is encrypted, and it is known who the client is; `party` is our part in what it proves.

        Nothing that was said in the clear is left [RFC 3501 §6.2.1]. What waits in the framer came inside TLS: the
        first command may come with the last octets of the handshake, before the driver knows that it is done.
        """
        self._secure = True
        self._sasl.party = party or self._sasl.party
        self._running = None
        self._bad = 0

    def forget_view(self) -> None:
        """No folder is selected any more, though the command that ends that may still run."""
        self.view = None
        self._early = []
        if self.phase is Phase.SELECTED:
            self.phase = Phase.AUTHENTICATED

    def still_here(self) -> None:
        """An idling client is told that the server lives; a peer that is gone is found so [RFC 2177 §3]."""
        if self._idle is not None:
            self._say(r.Reply(r.Condition.OK, "Still here"))

    def bye(self, text: str, code: str | None = None) -> None:
        """The client is told why, and the connection is closed; what it sends is not read any more."""
        if self.phase is not Phase.OVER:
            self._say(r.Reply(r.Condition.BYE, text, code))
            self.phase = Phase.OVER

    def complete(self, command: c.Command, outcome: Done | ImapFault) -> None:
        """`command`, the one that was running, ended so."""
        assert command is self._running, "another command is running"  # noqa: S101 - a rule of the driver
        self._running = None
        if isinstance(outcome, Done):
            self._done(command, outcome)
        else:
            self._failed(command, outcome)

    def next(self) -> Step | None:
        """The next step; None when nothing is to be done before something happens."""
        while self._step is None and self._running is None and self.phase is not Phase.OVER:
            if self._idle is not None and self.view is not None and self.view.has_news():
                self._release(self._idle)
            if self.is_over or not self._take_event():
                break
        if not self._greeted:
            self._greet()
        if self._out:
            octets = b"".join(self._out)
            self._out.clear()
            return Write(octets)
        if self.phase is Phase.OVER:
            return Hangup()
        step, self._step = self._step, None
        return step

    def _greet(self) -> None:
        """The greeting stands before all else; who was sent away already gets the BYE alone [RFC 3501 §7.1.5]."""
        self._greeted = True
        if self.phase is Phase.ANONYMOUS:
            waiting, self._out = self._out, []
            self._say(r.Reply(r.Condition.OK, "mssante-sim ready.", codes.capability(self.capabilities)))
            self._out += waiting

    # reading -------------------------------------------------------------------------------------------------------

    def _take_event(self) -> bool:
        """One thing the peer sent is dealt with; False if there is none."""
        event = self._framer.next()
        match event:
            case None:
                return False
            case ContinuationNeeded():
                self._say(r.Continuation("OK"))
            case Refused():
                idling = self._idle.tag if self._idle is not None else None
                tag = self._sasl.tag or idling or event.tag  # the line may be an answer, and have no tag of its own
                self._sasl.forget()
                self._idle = None
                self._refused(tag, event.fault)
                if event.closes:
                    self.bye("Where the next command begins cannot be known.")
            case Frame():
                self._frame(event)
        return True

    def _frame(self, frame: Frame) -> None:
        try:
            if self._sasl.tag is not None:
                self._answer(self._sasl.tag, frame)
            elif self._idle is not None:
                self._end_idle(self._idle, frame)
            else:
                self._command(frame)
        except ImapFault as fault:
            if isinstance(fault, BadCharset) and fault.saving and self.view is not None:
                self.view.saved = []
            self._refused(read_tag(frame.lines[0]), fault)

    def _command(self, frame: Frame) -> None:
        command = parse(frame, utf8_names=Extension.REV2 in self.enabled)
        self._spoken = True
        self._bad = 0
        try:
            read_only = self.view is not None and self.view.read_only
            check(command, self.phase, secure=self._secure, read_only=read_only, enabled=self.enabled)
            if isinstance(command, c.Idle) and "IDLE" in self._withheld:
                raise UnknownCommand("There is no command `IDLE` here.")
            self._enable(frozenset(one for one in switched_on(command) if one.value not in self._withheld))
            if type(command) in ANSWERED_HERE:
                self._answer_here(command)
            else:
                self._run(command)
        except ImapFault as fault:
            self._sasl.forget()
            self._say(r.reply_to(command.tag, fault))
            self._count(fault)

    def _enable(self, extensions: frozenset[Extension]) -> None:
        """`extensions` are on; who turns to CONDSTORE is told where its mailbox stands [RFC 7162 §3.1]."""
        new = extensions - self.enabled
        self.enabled |= new
        if self.view is not None and Extension.CONDSTORE in new:
            self._say_modseq(self.view)
        if self.view is not None and Extension.REV2 in new:
            self.view.forget_recent()

    def _say_modseq(self, view: FolderView) -> None:
        self._say(r.Reply(r.Condition.OK, "Told up to here.", codes.highest_modseq(view.told_up_to)))

    def _run(self, command: c.Command) -> None:
        self._running = command
        self._step = Run(command)

    def _refused(self, tag: str | None, fault: ImapFault) -> None:
        """What could not be read is answered; who does not speak IMAP is not listened to for long."""
        self._say(r.reply_to(tag, fault))
        if isinstance(fault, NotImap) and not self._spoken:
            self.bye("This is an IMAP server.")
        if isinstance(fault, UnknownCommand) or self.phase is Phase.ANONYMOUS:
            self._bad += 1
        if self._bad >= self._limits.bad_commands:
            self.bye("Too many bad commands.")

    # commands answered here ----------------------------------------------------------------------------------------

    def _answer_here(self, command: c.Command) -> None:
        match command:
            case c.Authenticate():
                self._go_on(self._sasl.begin(command))
            case c.Idle():
                self._idle = command
                self._say(r.Continuation("idling"))
            case c.StartTls():
                self._start_tls(command)
            case c.Logout():
                self._say(r.Reply(r.Condition.BYE, "Logging out."))
                self._done(command, Done("Logout completed."))
            case c.Capability():
                self._done(command, Done("Capability completed.", untagged=(r.Capabilities(self.capabilities),)))
            case _:
                self._done(command, Done(f"{type(command).__name__} completed."))

    def _start_tls(self, command: c.StartTls) -> None:
        """The OK is the last thing in the clear.

        What the peer sent behind the command came in the clear, perhaps from somebody else: it must never
        run inside TLS, and an honest client waits for the OK.
        """
        if self._framer.pending:
            self.bye("Nothing may follow STARTTLS before its answer.")
            return
        self._say(r.Reply(r.Condition.OK, "Begin TLS negotiation now.", tag=command.tag))
        self._running = command
        self._step = Upgrade()

    def _end_idle(self, idle: c.Idle, frame: Frame) -> None:
        self._idle = None
        if frame.lines[0].upper() == b"DONE" and not frame.literals:
            self._done(idle, Done("Idle completed."))
        else:
            self._say(r.reply_to(idle.tag, SyntaxFault("Expected DONE.")))

    def _answer(self, tag: str, frame: Frame) -> None:
        try:
            self._go_on(self._sasl.answer(frame.lines[0]))
        except ImapFault as fault:
            self._sasl.forget()
            self._say(r.reply_to(tag, fault))
            self._count(fault)

    def _go_on(self, steps: tuple[r.Continuation | c.Login, ...]) -> None:
        """The client is challenged, or its login is tried."""
        for one in steps:
            if isinstance(one, c.Login):
                self._run(one)
            else:
                self._say(one)

    # answering -----------------------------------------------------------------------------------------------------

    def _done(self, command: c.Command, done: Done) -> None:
        for response in done.untagged:
            self._say(response)
        if done.view is not None:
            self.view = done.view
            for change in self._early:
                done.view.notice(change)
            self._early = []
        self._move(command, ok=True)
        code = done.code
        if isinstance(command, c.Login):
            self._framer.logged_in = True
            self._withheld = done.withheld
            code = codes.capability(self.capabilities)
        self._release(command)
        if done.removed and self.view is not None and Extension.QRESYNC in self.enabled:
            code = codes.highest_modseq(self.view.told_up_to)  # [RFC 7162 §3.2.7] [RFC 6851 §4.4]
        self._say(r.Reply(r.Condition.OK, done.text, code, command.tag))

    def _failed(self, command: c.Command, fault: ImapFault) -> None:
        if self._sasl.parting:
            self.phase = Phase.OVER
            return
        self._move(command, ok=False)
        self._release(command)
        self._say(r.reply_to(command.tag, fault))
        self._count(fault)

    def _count(self, fault: ImapFault) -> None:
        """Who has failed to log in too often is sent away."""
        if isinstance(fault, AuthenticationFailed):
            self._failed_logins += 1
            if self._failed_logins >= self._limits.failed_logins:
                self.bye("Too many failed logins.")

    def _move(self, command: c.Command, *, ok: bool) -> None:
        """The phase changes as the table says, unless goodbye was said while `command` ran."""
        if self.phase is not Phase.OVER:
            self.phase = phase_after(command, self.phase, ok=ok)

    def _release(self, command: c.Command) -> None:
        """The client is told what it may be told of its folder while `command` ends."""
        view = self.view
        if view is None or not (view.has_news() or view.is_ahead):
            return
        updates = view.release(expunges=may_send_expunge(command))
        for response in news(view, updates, self.enabled):
            self._say(response)
        if updates.gone:
            self.bye("The selected mailbox was deleted.")  # [RFC 2180 §3.3]
        elif Extension.CONDSTORE in self.enabled and (view.has_news() or view.is_ahead):
            # Something waits or is still to be heard of, though newer mod-sequences were told [RFC 7162 §3.2].
            self._say_modseq(view)

    def _say(self, response: r.Response) -> None:
        self._out.append(encode(response, utf8_names=Extension.REV2 in self.enabled))
