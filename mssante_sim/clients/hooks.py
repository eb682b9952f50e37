"""A command of the user's that runs for each arrival, with the facts in its environment.

Nothing of a message ever stands in the command line: values go by the
environment only, where a shell does not read them as commands.
"""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from mssante_sim.clients.correspondence import Filed, ins_of
from mssante_sim.errors import reason_in_french

__all__ = ["arrival_facts", "run_hook"]

_LONGEST: Final = 4_096  # characters of one value; systems bound the environment
_MOST_FILES_OCTETS: Final = 65_536


def arrival_facts(filed: Filed, *, files: Sequence[Path], home: Path) -> dict[str, str]:
    """Variables that say what arrived; empty where nothing is known, also of what cannot be decrypted.

    MSSANTE_FILES holds one path a line; our own names of files hold no line end.
    """
    opened, sender = filed.opened, filed.sender
    values = {
        "UID": str(filed.uid),
        "FROM": sender.address if sender else "",
        "FROM_NAME": sender.name if sender else "",
        "INS": (ins_of(sender.address) or "") if sender and filed.from_patient else "",
        "SUBJECT": opened.subject if opened else "",
        "MESSAGE_ID": filed.message_id or "",
        "SIGNER": (opened.signer or "") if opened else "",
        "ENCRYPTED": "1" if opened is None or opened.encrypted else "0",
        "ATTACHMENTS": str(len(opened.attachments)) if opened else "0",
        "HOME": str(home),
    }
    facts = {f"MSSANTE_{name}": harmless_value(value) for name, value in values.items()}
    facts["MSSANTE_FILES"] = _lines(files)
    return facts


def harmless_value(value: str) -> str:
    """`value` on one line, without control characters, of a bounded length."""
    line = "".join(c if c.isprintable() else " " for c in value[:_LONGEST])
    return line.encode("utf-8", "replace").decode()


def _lines(files: Sequence[Path]) -> str:
    text = "\n".join(str(one.absolute()) for one in files)
    return text if len(text.encode("utf-8", "replace")) <= _MOST_FILES_OCTETS else ""


async def run_hook(command: str, facts: Mapping[str, str], *, timeout_s: float) -> str | None:
    """`command` has run in the user's shell; what went wrong, in French, or None.

    After `timeout_s` it is ended, with all that it started.
    """
    try:
        process = await asyncio.create_subprocess_shell(
            command,
            stdin=DEVNULL,
            env={**os.environ, **facts},
            executable=os.environ.get("SHELL") if os.name == "posix" else None,
            start_new_session=True,
        )
    except OSError as error:
        return f"la commande n'a pas pu être lancée : {reason_in_french(error)}"
    try:
        status = await asyncio.wait_for(process.wait(), timeout_s)
    except TimeoutError:
        return f"la commande durait plus de {timeout_s:g} s : elle a été arrêtée"
    finally:
        await _end(process)
    return f"la commande s'est terminée avec le statut {status}" if status else None


async def _end(process: Process) -> None:
    """Neither the command nor what it started runs any more."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            if sys.platform == "win32":  # pragma: no cover  (not run on Windows yet)
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
