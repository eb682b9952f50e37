"""The project's tests; a package so that they can share `tests.peers` and the runners."""
