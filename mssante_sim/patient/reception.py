"""Signing in and out, and the state of one's own profile."""

import asyncio
import re
from typing import Final

from mssante_sim.directory.attempts import Attempts
from mssante_sim.directory.model import Mailbox, MailboxKind, PatientProfile
from mssante_sim.patient import api
from mssante_sim.patient.calls import Call, Handlers
from mssante_sim.patient.faults import Fault
from mssante_sim.patient.house import House
from mssante_sim.patient.sessions import Held, Sessions

__all__ = ["Reception"]

_INS: Final = re.compile(r"[0-9][0-9A-Za-z]{14}")
_PROFESSIONALS: Final = (MailboxKind.PER, MailboxKind.ORG)


class Reception:
    """Opens sessions, and changes profiles."""

    def __init__(self, house: House, sessions: Sessions) -> None:
        self._house = house
        self._sessions = sessions
        self._attempts = Attempts(house.clock, a_minute=house.limits.attempts_a_minute)

    def handlers(self) -> Handlers:
        """Its operations."""
        return {
            "sign_in": self.sign_in,
            "show_session": self.show_session,
            "sign_out": self.sign_out,
            "show_profile": self.show_profile,
            "change_state": self.change_state,
        }

    async def sign_in(self, call: Call) -> api.SessionOpened:
        """A new session; a wrong password takes as long as an unknown login."""
        given: api.SignIn = call.given
        login = self._login(given.login)
        user = login if self._house.directory.user(login) else "unknown"  # it may be a password, typed too early
        if not self._attempts.admit(login):
            self._house.audit.record("mes.sign-in", user=user, result="too-many-attempts")
            raise Fault("too-many-attempts")
        address = await self._house.authenticator.check(login, given.password)
        if address is None:
            self._house.audit.record("mes.sign-in", user=user, result="bad-credentials")
            await asyncio.sleep(self._house.limits.failed_login_s)
            raise Fault("bad-credentials")
        self._attempts.forgive(login)
        return self._open(login, address)

    async def show_session(self, call: Call) -> api.Session:
        """Whose it is."""
        held = _held(call)
        return api.Session(held.expires, self._profile(held))

    async def sign_out(self, call: Call) -> None:
        """The session is over."""
        self._sessions.close(call.token)
        self._house.audit.record("mes.sign-out", user=_held(call).login, result="done")

    async def show_profile(self, call: Call) -> api.Profile:
        """The patient's."""
        return _patient(call.patient)

    async def change_state(self, call: Call) -> api.Profile:
        """Activated, or opposed: then nothing is received, and what is there stays."""
        given: api.StateChange = call.given
        directory, address = self._house.directory, call.account
        if given.state == "activated":
            changed = directory.set_activated(address, on=True)
        else:
            changed = directory.set_opposed(address)
        self._house.audit.record("mes.profile", user=address, result=given.state)
        return _patient(changed)

    def _login(self, typed: str) -> str:
        """An INS stands for its address."""
        login = typed.strip().lower()
        return f"{login}@{self._house.settings.domains.patients}" if _INS.fullmatch(login) else login

    def _open(self, login: str, address: str) -> api.SessionOpened:
        profile = self._house.directory.patient(address)
        mailbox = self._house.directory.mailbox(address)
        if profile is None and (mailbox is None or mailbox.kind not in _PROFESSIONALS):
            self._house.audit.record("mes.sign-in", user=login, result="not-for-this-account")
            raise Fault("not-for-this-account")
        token, held = self._sessions.open(login, address, is_patient=profile is not None)
        self._house.audit.record("mes.sign-in", user=login, result="done")
        return api.SessionOpened(token, held.expires, self._profile(held))

    def _profile(self, held: Held) -> api.Profile:
        profile = self._house.directory.patient(held.account)
        return _patient(profile) if profile else _professional(self._house.directory.mailbox(held.account))


def _held(call: Call) -> Held:
    assert call.held is not None  # noqa: S101  the table asks for a session
    return call.held


def _patient(profile: PatientProfile) -> api.Profile:
    state: api.State = "activated" if profile.activated else "opposed" if profile.opposed else "not-activated"
    return api.Profile("patient", profile.display_name, str(profile.ins), state)


def _professional(mailbox: Mailbox | None) -> api.Profile:
    return api.Profile("professional", mailbox.name if mailbox else "", None, None)
