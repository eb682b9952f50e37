"""A renewed certificate counts at once, and old messages stay readable."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mssante_sim.clients.prescription import Letter
from mssante_sim.crypto.smime import recipients_of
from mssante_sim.testing import Mssante

pytestmark = pytest.mark.slow


def renew(mssante: Mssante, address: str) -> subprocess.CompletedProcess[str]:
    home = Path(mssante.running.ca_file).parents[1]
    return subprocess.run(
        [sys.executable, "-m", "mssante_sim", "certs", "renew", address],
        env={**os.environ, "MSSANTE_SIM_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def submit(mssante: Mssante, letter: Letter) -> None:
    with mssante.smtp("patient") as smtp:
        smtp.sendmail(letter.sender, [letter.recipient], letter.octets)


def test_what_came_before_and_after_a_renewal_is_read_with_the_new_pkcs12(
    mssante: Mssante, write: Callable[..., Letter]
) -> None:
    submit(mssante, write(text="Avant.\n"))
    for who in ("pharmacy", "patient"):
        assert renew(mssante, mssante.account(who).address).returncode == 0
    submit(mssante, write(text="Après.\n"))
    imap = mssante.imap("pharmacy")
    before, after = (imap.fetch(str(number), "(BODY.PEEK[])")[1][0][1] for number in (1, 2))
    opened = [mssante.open(octets, "pharmacy") for octets in (before, after)]
    assert [one.text for one in opened] == ["Avant.\r\n", "Après.\r\n"]
    assert [one.signer for one in opened] == [mssante.account("patient").address] * 2
    assert not set(recipients_of(before)) & set(recipients_of(after))


def test_nobody_is_renewed_who_is_not_there(mssante: Mssante) -> None:
    outcome = renew(mssante, "inconnu@officine.mssante.test")
    assert outcome.returncode == 3
    assert "inconnu@officine.mssante.test" in outcome.stderr
