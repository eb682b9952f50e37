"""The two systems that are measured, each started for the benchmark alone."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from tests.load.submit import Submission
from tests.load.targets import Account, Target
from tests.peers.certificates import Trust
from tests.peers.dovecot import dovecot
from tests.peers.loopback import scratch
from tests.peers.postfix import postfix

__all__ = ["ours", "postfix_and_dovecot"]

_ACCOUNTS = 20


@contextmanager
def postfix_and_dovecot(mailboxes: int = _ACCOUNTS) -> Iterator[Target]:
    """Debian's pair, without S/MIME, `mailboxes` receiving; `tests.peers.postfix` says what was chosen."""
    with scratch("tls") as folder:
        tls = Trust(folder).server()
        with dovecot(tls) as store, postfix(tls, store) as front:

            def accounts(name: str, count: int) -> tuple[Account, ...]:
                return tuple(Account(a, store.password, a) for a in (f"{name}{n}@peer.test" for n in range(count)))

            yield Target(
                "Postfix+Dovecot", front.submission, store.imaps, str(tls.authority),
                accounts("patient", _ACCOUNTS), accounts("pharmacie", mailboxes), store.master.pid,
            )  # fmt: skip


@contextmanager
def ours(mailboxes: int = _ACCOUNTS) -> Iterator[Target]:
    """The whole simulator, in a process of its own, sealing everything: patients write to `mailboxes` pharmacies."""
    from mssante_sim.testing import ephemeral_stack  # noqa: PLC0415 - the peers can be measured without the package

    with ephemeral_stack(["--pharmacies", str(mailboxes + 20), "--patients", str(_ACCOUNTS)]) as running:
        submission = running.ports["submission"]

        def accounts(kind: str) -> tuple[Account, ...]:
            return tuple(
                Account(one.logins[0].login, one.logins[0].password, one.address)
                for one in running.accounts
                if one.kind == kind and one.activated and one.sealing and one.logins
            )

        patients = accounts("patient")
        asking = Submission(submission, ssl.create_default_context(cafile=running.ca_file), patients[0])
        pharmacies = tuple(one for one in accounts("ORG") if asking.accepts(patients[0].address, one.address))
        asking.close()
        yield Target(
            "mssante-sim (sealed)", submission, running.ports["imap_tls"], running.ca_file,
            patients, pharmacies[:mailboxes], running.pid,
        )  # fmt: skip
