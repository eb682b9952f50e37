"""Every script against every server."""

from pathlib import Path

import pytest

from tests.scenarios.runner import play
from tests.scenarios.script import read_script

SCRIPTS = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.imap"))}


@pytest.mark.interop
@pytest.mark.parametrize("name", [name for name, path in SCRIPTS.items() if not read_script(path).not_for_dovecot])
async def test_dovecot_behaves_as_the_script_says(name, dovecot_server):
    await play(read_script(SCRIPTS[name]), dovecot_server)
