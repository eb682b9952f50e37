"""`mssante-sim pharmacy` : le poste de la pharmacie, au clavier."""

import asyncio
import json
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Final

import click

from mssante_sim.cli.answering import close_exchange, reply, set_order_state
from mssante_sim.cli.display import plain, size
from mssante_sim.cli.francais import FrenchGroup
from mssante_sim.cli.options import as_json_option
from mssante_sim.cli.orders import list_orders, match_patient
from mssante_sim.cli.pharmacy_history import show_history
from mssante_sim.cli.reading import list_messages, open_one, protection, sender_of, summary
from mssante_sim.cli.thunderbird import thunderbird
from mssante_sim.cli.workplace import at_desk, now
from mssante_sim.clients.correspondence import Filed, as_filed, told_by
from mssante_sim.clients.desk import Desk, NotSaved
from mssante_sim.clients.fetched import Stored
from mssante_sim.clients.hooks import arrival_facts, run_hook
from mssante_sim.clients.watching import Arrival, Interruption, Listening, watch

__all__ = ["pharmacy"]


@click.group(cls=FrenchGroup)
def pharmacy() -> None:
    """La pharmacie : être alertée, lire, préparer, répondre, retrouver."""


# Each further command is one line here.
pharmacy.add_command(list_messages)
pharmacy.add_command(open_one)
pharmacy.add_command(reply)
pharmacy.add_command(set_order_state)
pharmacy.add_command(close_exchange)
pharmacy.add_command(list_orders)
pharmacy.add_command(match_patient)
pharmacy.add_command(show_history)
pharmacy.add_command(thunderbird)


@pharmacy.command("watch", short_help="Attend les ordonnances.")
@at_desk
@click.option("--once", is_flag=True, help="S'arrête après le premier message.")
@click.option("--save", type=click.Path(file_okay=False, path_type=Path), help="Enregistre les pièces dans ce dossier.")
@click.option(
    "--exec", "command", metavar="CMD", help="Lance cette commande à chaque arrivée ; les faits sont dans MSSANTE_…"
)
@click.option(
    "--exec-timeout",
    "timeout_s",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="Secondes laissées à cette commande.",
)
@as_json_option
def watch_mailbox(
    desk: Desk, once: bool, save: Path | None, command: str | None, timeout_s: float, as_json: bool
) -> None:
    """Attend les ordonnances et affiche chacune dès son arrivée (Ctrl-C pour arrêter).

    La commande de --exec lit MSSANTE_UID, MSSANTE_FROM, MSSANTE_FROM_NAME, MSSANTE_INS, MSSANTE_SUBJECT,
    MSSANTE_MESSAGE_ID, MSSANTE_SIGNER, MSSANTE_ENCRYPTED, MSSANTE_ATTACHMENTS, MSSANTE_FILES (avec --save, un chemin
    par ligne) et MSSANTE_HOME dans son environnement.
    """
    home = click.get_current_context().params["home"]
    asyncio.run(_Watching(desk, home, save, command, timeout_s, as_json).run(once=once))


class _Watching:
    """One run of `watch`: what arrives is shown at once; its command waits its turn, and delays nothing."""

    def __init__(
        self, desk: Desk, home: Path, save: Path | None, command: str | None, timeout_s: float, as_json: bool
    ) -> None:
        self._desk = desk
        self._home = home
        self._save = save
        self._command = command
        self._timeout_s = timeout_s
        self._as_json = as_json
        self._turns: asyncio.Queue[dict[str, str] | None] = asyncio.Queue()

    async def run(self, *, once: bool) -> None:
        """Until the first arrival has been dealt with, or for ever."""
        hooks = asyncio.create_task(self._run_hooks())
        try:
            async with aclosing(watch(self._desk.access())) as events:
                async for event in events:
                    match event:
                        case Listening():
                            account = self._desk.account
                            self._say(f"À l'écoute de {account.display_name} <{account.address}>.")
                        case Interruption(reason, pause_s):
                            click.echo(f"{reason.french} Nouvel essai dans {pause_s:.0f} s.", err=True)
                        case Arrival(uid, octets):
                            self._arrived(uid, octets)
                            if once:
                                break
            self._turns.put_nowait(None)
            await hooks
        finally:
            hooks.cancel()
            with suppress(asyncio.CancelledError):
                await hooks

    def _say(self, sentence: str) -> None:
        click.echo(sentence, err=self._as_json)

    def _arrived(self, uid: int, octets: bytes) -> None:
        filed = as_filed(self._desk, Stored(uid, frozenset(), now(), octets), at=now())
        files = self._saved(filed)
        if self._as_json:
            click.echo(json.dumps({**summary(filed), "enregistré": [str(one) for one in files]}, ensure_ascii=False))
        else:
            _print_arrival(filed)
        if self._command is not None:
            self._turns.put_nowait(arrival_facts(filed, files=files, home=self._home))

    def _saved(self, filed: Filed) -> list[Path]:
        if self._save is None or filed.opened is None:
            return []
        try:
            return self._desk.save(filed.opened, self._save)
        except NotSaved as error:
            click.echo(f"{filed.uid:5}  {error.french}", err=True)
            return []

    async def _run_hooks(self) -> None:
        while (facts := await self._turns.get()) is not None:
            complaint = await run_hook(self._command or "", facts, timeout_s=self._timeout_s)
            if complaint:
                click.echo(f"{facts['MSSANTE_UID']:>5}  --exec : {complaint}.", err=True)


_UNREADABLE: Final = "Le message ne peut pas être déchiffré avec les clés de cette messagerie."


def _print_arrival(filed: Filed) -> None:
    opened = filed.opened
    if opened is None:
        click.echo(f"{filed.uid:5}  {_UNREADABLE}")
    elif (told := told_by(filed)) is not None:
        click.echo(f"{filed.uid:5}  Avis de {sender_of(filed)} : message {told.sentence}")
    else:
        subject = plain(opened.subject)
        click.echo(f"{filed.uid:5}  Nouveau message de {sender_of(filed)} : {protection(opened)} · {subject}")
        for attachment in opened.attachments:
            click.echo(f"       {plain(attachment.name)} ({size(len(attachment.content))})")
