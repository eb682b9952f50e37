"""`python -m mssante_sim` is `mssante-sim`."""

from mssante_sim.cli.main import run

run()
