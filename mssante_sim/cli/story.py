"""The life of one prescription, both ways, over the real ports with real clients; each step is told with its time."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from mssante_sim.cli.directory import opened_directory
from mssante_sim.cli.story_checks import StoryFailed, checked_with_openssl, identical, refusal_of
from mssante_sim.clients.answering import Answer, Closing, send_reply, write_reply
from mssante_sim.clients.correspondence import filed_message, set_state, told_by
from mssante_sim.clients.desk import Desk
from mssante_sim.clients.espace.answers import NotTaken
from mssante_sim.clients.espace.service import EspaceSante
from mssante_sim.clients.mailbox import INBOX, MailboxClient
from mssante_sim.clients.orders import preparation_list
from mssante_sim.clients.prescribing import archive, specimen_order
from mssante_sim.clients.running import Account, Running
from mssante_sim.clients.states import OrderState
from mssante_sim.clients.templates import COURTEOUS_END, template
from mssante_sim.clock import Clock
from mssante_sim.patient import api
from mssante_sim.patient.xdm import XDM_NAME

__all__ = ["Story", "StoryFailed"]

_T = TypeVar("_T")
_PATIENCE_S = 30


@dataclass(slots=True)
class Story:
    """Plays and tells; `tell` gets each finished line."""

    running: Running
    home: Path
    clock: Clock
    tell: Callable[[str], None]
    _began: float = field(default_factory=time.monotonic)
    _number: int = 0

    async def play(self) -> None:
        """A prescription went from the prescriber to the pharmacy, answers came back, the exchange is closed.

        Raises:
            StoryFailed: something did not happen as the story tells it.
            SimulatorError: a client could not do its part.
        """
        desk = Desk.of(self.running, self.running.roles["pharmacy"])
        client = await MailboxClient.connect(desk.access())
        try:
            await asyncio.to_thread(self._deposit)
            with await asyncio.to_thread(self._sign_in) as espace:
                act = _Act(self, desk, client, espace)
                await act.share()
                await act.prepare()
                await act.answer()
                await act.hand_over()
                await act.close()
        finally:
            await client.close()
        await asyncio.to_thread(self._refusals)

    def step(self, who: str, what: str, at: float | None = None) -> None:
        """Tells the next step, which happened `at` (time.monotonic), or now."""
        self._number += 1
        self.tell(f"{self._number:2} +{(at or time.monotonic()) - self._began:.3f} {who:<12} {what}")

    def _deposit(self) -> None:
        account = self.running.account(self.running.roles["per"])
        with opened_directory(self.home) as directory:
            mailbox = directory.mailbox(account.address)
            profile = directory.patient(self.running.account(self.running.roles["patient"]).address)
            place = None if mailbox is None else directory.organisation_of(mailbox)
        if mailbox is None or place is None or profile is None:
            raise StoryFailed("The people of the story are not in the directory; was this home seeded otherwise?")
        at = self.clock.now()
        octets = archive(specimen_order("ordonnance", profile, at), profile, mailbox, place, at)
        with _signed_in(self.running, account) as office:
            deposited = office.deposit(octets, patient=str(profile.ins), name=XDM_NAME)
        self.step("prescripteur", f"{mailbox.name} dépose « {deposited.title} » ({XDM_NAME}, CDA 57833-6)")

    def _sign_in(self) -> EspaceSante:
        patient = self.running.account(self.running.roles["patient"])
        espace = _signed_in(self.running, patient)
        self.step("patient", f"{patient.display_name} se connecte : profil activé")
        return espace

    def _refusals(self) -> None:
        unknown = f"inconnu@{self.running.domains['operator']}"
        person = self.running.roles["per"]
        told = [
            f"{person.split('@')[0]} (PER): {refusal_of(self.running, person, self.clock.now())}",
            f"inconnu: {refusal_of(self.running, unknown, self.clock.now())}",
        ]
        self.step("refused", " · ".join(told))


def _signed_in(running: Running, account: Account) -> EspaceSante:
    """Mon espace santé as `account` sees it; blocks, as all of it does."""
    login = account.logins[0]
    with EspaceSante(running.http) as door:
        return EspaceSante(running.http, door.sign_in(login.login, login.password).token)


@dataclass(slots=True)
class _Act:
    """What the patient and the pharmacy do, in turn."""

    story: Story
    desk: Desk
    client: MailboxClient
    espace: EspaceSante
    _uid: int = 0  # of the prescription in the pharmacy's INBOX
    _answered: str = ""  # id of the pharmacy's latest answer, on the patient's side

    async def share(self) -> None:
        """The document is with the pharmacy, which was woken and opened it."""
        document = (await self._ask(self.espace.documents)).documents[0]
        found = (await self._ask(self.espace.search, "lilas", "Rennes")).pharmacies
        if not found:
            raise StoryFailed("The pharmacy of the story is not in the directory; was this home seeded otherwise?")
        self._tell("annuaire", f"« lilas », Rennes : {found[0].label}, FINESS {found[0].finess}")
        proposal = await self._ask(self.espace.propose, [document.id])
        self._tell("patient", f"« Partager le document » : {document.name}, « {proposal.subject} » pré-rempli")
        draft = await self._ask(
            lambda: self.espace.write_draft(
                text=proposal.text, pharmacy=found[0].finess, documents=[document.id], subject=proposal.subject
            )
        )
        known = max(await self.client.uids(), default=0)
        idling = asyncio.create_task(self.client.wait_for_arrival())
        await self.client.idling()
        sent = await self._ask(self.espace.send_draft, draft.id)
        answered_at = time.monotonic()
        await asyncio.wait_for(idling, _PATIENCE_S)
        self._tell_sending(sent, answered_at)
        self._uid = (await self.client.uids(known + 1))[0]
        await self._open(await self._ask(self.espace.content, document.id))

    def _tell_sending(self, sent: api.Sent, answered_at: float) -> None:
        before = 1000 * (answered_at - self.client.announced_at)
        self._tell("smtp", f"{sent.tls}, AUTH, RCPT 250 2.1.5 (ORG, published, open, certificate valid)", answered_at)
        self._tell("sealing", "signed RSA-2048 SHA-256, encrypted AES-256-CBC to pharmacy and patient", answered_at)
        self._tell("storage", f"committed, then {sent.reply}", answered_at)
        self._tell(
            "imap",
            f"* EXISTS to the idling client, {before:.1f} ms before the patient is told",
            self.client.announced_at,
        )

    async def _open(self, paper: bytes) -> None:
        filed = await filed_message(self.client, self.desk, self._uid, at=self._now())
        opened = filed.require_opened()
        if not opened.encrypted or opened.signer is None or [a.content for a in opened.attachments] != [paper]:
            raise StoryFailed(f"The message is not as it was sent: {opened.doubt or 'other content, or not sealed'}.")
        sender = opened.sender.name if opened.sender else ""
        self._tell("pharmacie", f"Nouveau message de {sender} : déchiffré, signature valide")
        octets = await self.client.fetch(self._uid) or b""
        agrees = await asyncio.to_thread(checked_with_openssl, self.desk, octets)
        self._tell("check", f"{agrees}; {identical(paper)}")

    async def prepare(self) -> None:
        """The order is in preparation, which Thunderbird and the whole team see."""
        await set_state(self.client, self._uid, OrderState.EN_PREPARATION)
        orders = await preparation_list(self.client, self.desk, at=self._now())
        waiting = [one for one in orders if one.to_prepare]
        if not any(one.uid == self._uid and one.state is OrderState.EN_PREPARATION for one in waiting):
            raise StoryFailed("The preparation list does not hold the order.")
        self._tell("pharmacie", f"En préparation ({OrderState.EN_PREPARATION.keyword}) ; à préparer : {len(waiting)}")

    async def answer(self) -> None:
        """The patient has read that the order is ready; the pharmacy knows."""
        await self._reply(Answer(template(OrderState.PRETE), receipt=True, state=OrderState.PRETE))
        self._tell("pharmacie", f"« Prête » : réponse scellée, accusé de lecture demandé, {self.desk.signature}")
        known = max(await self.client.uids(), default=0)
        message = await self._ask(self.espace.message, self._answered)
        if message.signer is None or message.receipt != "returned":
            raise StoryFailed("The answer is not signed, or no receipt was returned.")
        await asyncio.wait_for(self.client.wait_for_arrival(), _PATIENCE_S)
        said = message.text.splitlines()[2].partition(" :")[0]  # after the greeting
        self._tell("patient", f"Averti par {message.pharmacy.label}, lit « {said} »")
        receipt = await filed_message(self.client, self.desk, (await self.client.uids(known + 1))[0], at=self._now())
        told = told_by(receipt)
        if told is None:
            raise StoryFailed("What came back is no receipt.")
        self._tell("pharmacie", f"Réponse : {told.sentence}")

    async def hand_over(self) -> None:
        """The order is delivered; the pharmacy is one that the patient has visited."""
        await set_state(self.client, self._uid, OrderState.DELIVREE)
        visited = await self._ask(self.espace.visited)
        if not visited:
            raise StoryFailed("The pharmacy does not count as visited after the delivery.")
        self._tell("pharmacie", f"Délivrée ({OrderState.DELIVREE.keyword})")
        self._tell("patient", f"Pharmacies que j'ai déjà fréquentées : {visited[0].label}")

    async def close(self) -> None:
        """The pharmacy closed the exchange, and the patient's answer is refused with the reason."""
        draft = await self._ask(lambda: self.espace.write_draft(text="Merci !", answers=self._answered))
        await self._reply(Answer(COURTEOUS_END, closing=Closing.EXCHANGE))
        self._tell("pharmacie", "Clôt cet échange (X-MSS-MES: FIN)")
        try:
            await self._ask(self.espace.send_draft, draft.id)
        except NotTaken as refused:
            self._tell("refused", f"{refused.word} : {refused.french.partition('. ')[0]}.")
        else:
            raise StoryFailed("The patient could answer in an exchange that is closed.")
        await self._ask(self.espace.remove_draft, draft.id)

    async def _reply(self, answer: Answer) -> None:
        """`answer` is on the patient's side, who was waiting for it."""
        after = (await self._ask(self.espace.news)).after
        waiting = asyncio.create_task(self._ask(self.espace.news, after, _PATIENCE_S))
        await self.client.select(INBOX)
        original = await filed_message(self.client, self.desk, self._uid, at=self._now())
        reply = write_reply(self.desk, original, answer, at=self._now())
        await send_reply(self.desk, self.client, reply, uid=self._uid, at=self._now())
        await self.client.select(INBOX)
        arrived = (await waiting).messages
        if not arrived:
            raise StoryFailed("Nobody told the patient of the answer.")
        self._answered = arrived[0]

    def _tell(self, who: str, what: str, at: float | None = None) -> None:
        self.story.step(who, what, at)

    def _now(self) -> datetime:
        return self.story.clock.now()

    async def _ask(self, question: Callable[..., _T], *arguments: object) -> _T:
        return await asyncio.to_thread(question, *arguments)
