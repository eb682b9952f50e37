"""`watch --exec`: facts in the environment, never in the command line; a bad command harms nobody else."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mssante_sim.clients.correspondence import Filed
from mssante_sim.clients.hooks import arrival_facts, harmless_value, run_hook
from mssante_sim.clients.reading import open_message
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.message.headers import Address

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ADDRESS = Address("Dominique\r\nPAT-TROIS", "279035121518989@patient.mssante.test")
MESSAGE = b"Message-ID: <1@x>\r\nSubject: =?utf-8?q?=24=28touch_x=29=0A=00?=\r\n\r\nBonjour\r\n"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="commands of a POSIX shell")


def filed(octets: bytes = MESSAGE, *, opened: bool = True) -> Filed:
    read = open_message(octets, (), TrustContext([]), at=NOW)
    return Filed(7, frozenset(), NOW, read.header, ADDRESS, read if opened else None, True, octets)


def test_the_facts_of_an_arrival_are_each_one_line(tmp_path: Path) -> None:
    files = [tmp_path / "a.pdf", tmp_path / "b c.pdf"]
    assert arrival_facts(filed(), files=files, home=tmp_path) == {
        "MSSANTE_UID": "7",
        "MSSANTE_FROM": ADDRESS.address,
        "MSSANTE_FROM_NAME": "Dominique  PAT-TROIS",
        "MSSANTE_INS": "279035121518989",
        "MSSANTE_SUBJECT": "$(touch x)  ",
        "MSSANTE_MESSAGE_ID": "<1@x>",
        "MSSANTE_SIGNER": "",
        "MSSANTE_ENCRYPTED": "0",
        "MSSANTE_ATTACHMENTS": "0",
        "MSSANTE_FILES": f"{tmp_path / 'a.pdf'}\n{tmp_path / 'b c.pdf'}",
        "MSSANTE_HOME": str(tmp_path),
    }


def test_of_what_cannot_be_opened_the_outside_is_told(tmp_path: Path) -> None:
    facts = arrival_facts(filed(opened=False), files=[], home=tmp_path)
    assert (facts["MSSANTE_SUBJECT"], facts["MSSANTE_ENCRYPTED"], facts["MSSANTE_FROM"]) == ("", "1", ADDRESS.address)


def test_a_value_has_no_control_character_and_an_end() -> None:
    assert harmless_value("a\0b\rc\nd\x1b[31me\u202ef") == "a b c d [31me f"
    assert len(harmless_value("x" * 1_000_000)) == 4_096
    assert harmless_value("a\ud800") == "a "


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """Read to its end, it tells that whoever had it open has ended."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


async def test_the_command_sees_the_facts_and_nothing_is_run_of_them(tmp_path: Path) -> None:
    facts = {"MSSANTE_SUBJECT": f"$(touch {tmp_path}/run); `touch {tmp_path}/run`"}
    command = f'printf %s "$MSSANTE_SUBJECT" > {tmp_path}/seen'
    assert await run_hook(command, facts, timeout_s=20) is None
    assert (tmp_path / "seen").read_text() == facts["MSSANTE_SUBJECT"]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("command", "words"), [("exit 3", "statut 3"), ("no-such-command-of-mssante 2>/dev/null", "statut 127")]
)
async def test_a_command_that_fails_is_reported(command: str, words: str) -> None:
    assert words in (await run_hook(command, {}, timeout_s=20) or "")


async def test_a_command_that_cannot_be_started_is_reported() -> None:
    complaint = await run_hook("true", {"MSSANTE_SUBJECT": "x" * 10_000_000}, timeout_s=20)
    assert "n'a pas pu être lancée" in (complaint or "")


async def test_a_slow_command_is_ended_with_what_it_started(fifo: Path) -> None:
    everything_ended = asyncio.create_task(asyncio.to_thread(fifo.read_text))
    complaint = await run_hook(f"exec 3>{fifo}; echo up >&3; sleep 300 & wait", {}, timeout_s=1.0)
    assert "arrêtée" in (complaint or "")
    assert await everything_ended == "up\n"


async def test_a_command_ends_with_the_watch(fifo: Path) -> None:
    hook = asyncio.create_task(run_hook(f"exec 3>{fifo}; echo up >&3; sleep 300 & wait", {}, timeout_s=300))
    with await asyncio.to_thread(fifo.open) as held:
        assert await asyncio.to_thread(held.readline) == "up\n"
        hook.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hook
        assert await asyncio.to_thread(held.read) == ""
