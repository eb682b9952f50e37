"""A private Postfix: in front of a private Dovecot, as most operators run them, or an operator that hands over mail.

What was chosen, so that the comparison with the pair is fair to it:

- Postfix's own durability: the queue file is synced before the 250, delivery is
  a second hop over LMTP to Dovecot, which syncs too (`mail_fsync` default).
- No content filter, no DNS look-up, no chroot, no rewriting by the submitter.
- Submission as an administrator sets it up: STARTTLS, SASL by Dovecot.
- Static answers for who exists, so no table look-up counts against it.
- Postfix's own concurrency and flow control: 5 or 64 LMTP connections instead of
  20 made no difference on two cores. Of Dovecot's formats sdbox was the faster
  (370 delivered a second against 260 with Maildir), so it is the one compared with.
- Log to a file by Postfix's own `postlogd`, since no syslog may be touched.
"""

import os
import shutil
import smtplib
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.peers.certificates import ServerFiles
from tests.peers.debian import require
from tests.peers.dovecot import Dovecot
from tests.peers.loopback import free_ports, open_port, scratch, stop

__all__ = ["Operator", "Postfix", "handing_over", "needs_root", "postfix"]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="Postfix's master process must be started by root")
"""For tests that use `postfix`: the one thing no package can bring."""

_COMMON = """\
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/log
maillog_file_prefixes = {home}
myhostname = localhost
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
message_size_limit = 26214400
smtpd_peername_lookup = no
"""

_FRONT = """\
# every address is a mailbox of the Dovecot behind
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:all
virtual_transport = lmtp:inet:127.0.0.1:{dovecot.lmtp}
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = {tls.certificate}
smtpd_tls_key_file = {tls.key}
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{dovecot.sasl}
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_relay_restrictions = permit_sasl_authenticated, reject
"""

_OPERATOR = """\
# all mail goes to one server, which is believed by its name, and sees our certificate
relayhost = {to}
smtp_host_lookup = native
smtp_tls_security_level = verify
smtp_tls_verify_cert_match = hostname
smtp_tls_CAfile = {authority}
smtp_tls_cert_file = {identity}
smtp_tls_key_file = {identity}
# what comes back stays here
notify_classes =
bounce_notice_recipient = nobody
transport_maps = inline:{{ ailleurs.test=discard }}
"""

_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n  -  n  60     1  pickup
cleanup   unix  n  -  n  -      0  cleanup
qmgr      unix  n  -  n  300    1  qmgr
tlsmgr    unix  -  -  n  1000?  1  tlsmgr
rewrite   unix  -  -  n  -      -  trivial-rewrite
bounce    unix  -  -  n  -      0  bounce
defer     unix  -  -  n  -      0  bounce
trace     unix  -  -  n  -      0  bounce
verify    unix  -  -  n  -      1  verify
flush     unix  n  -  n  1000?  0  flush
proxymap  unix  -  -  n  -      -  proxymap
proxywrite unix -  -  n  -      1  proxymap
smtp      unix  -  -  n  -      -  smtp
showq     unix  n  -  n  -      -  showq
error     unix  -  -  n  -      -  error
retry     unix  -  -  n  -      -  error
discard   unix  -  -  n  -      -  discard
lmtp      unix  -  -  n  -      -  lmtp
anvil     unix  -  -  n  -      1  anvil
scache    unix  -  -  n  -      1  scache
postlog   unix-dgram n - n  -    1  postlogd
"""


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running instance; mail for any address goes to the Dovecot given to `postfix`."""

    submission: int  # STARTTLS, AUTH PLAIN
    home: Path

    def log(self) -> str:
        """What it has logged so far."""
        return (self.home / "log").read_text(errors="replace")


@dataclass(slots=True)
class Operator:
    """A running instance that hands over all its mail to one server."""

    port: int
    home: Path
    _seen: int = 0

    def submit(self, sender: str, recipient: str, octets: bytes) -> None:
        """The message is in its queue."""
        with smtplib.SMTP("localhost", self.port, "client") as client:
            client.sendmail(sender, [recipient], octets)

    def bounced(self, *, within_s: float = 60.0) -> str:
        """What it logs when it gives the next message up.

        Raises:
            TimeoutError: it did not; carries what it logged.
        """
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            found = [line for line in (self.home / "log").read_text(errors="replace").splitlines() if _GIVEN_UP in line]
            if len(found) > self._seen:
                self._seen += 1
                return found[self._seen - 1]
            time.sleep(0.02)
        raise TimeoutError((self.home / "log").read_text(errors="replace")[-2000:])


_GIVEN_UP = "status=bounced"


@contextmanager
def postfix(tls: ServerFiles, behind: Dovecot) -> Iterator[Postfix]:
    """A Postfix that runs until the block ends; its queue is deleted then.

    Raises:
        RuntimeError: not installed, or it did not start, as without root's rights.
    """
    with scratch("postfix") as home, _running(home, _FRONT.format(dovecot=behind, tls=tls)) as port:
        yield Postfix(port, home)


@contextmanager
def handing_over(to: str, authority: Path, identity: Path) -> Iterator[Operator]:
    """A Postfix that takes mail from this machine and hands it over to `to`, with `identity` as its certificate.

    Raises:
        RuntimeError: as `postfix`.
    """
    with scratch("operator") as home:
        settings = _OPERATOR.format(to=to, authority=authority, identity=identity)
        with _running(home, settings) as port:
            yield Operator(port, home)


@contextmanager
def _running(home: Path, settings: str) -> Iterator[int]:
    """A Postfix with `settings` in `home`, and its port."""
    require("postfix")
    (port,) = free_ports(1)
    configuration = home / "etc"
    configuration.mkdir()
    (configuration / "main.cf").write_text(_COMMON.format(home=home) + settings)
    (configuration / "master.cf").write_text(_MASTER.format(port=port))
    (configuration / "dynamicmaps.cf").touch()
    (home / "queue").mkdir()
    (home / "data").mkdir()
    shutil.chown(home / "data", "postfix")
    program = shutil.which("postfix", path="/usr/sbin") or "postfix"
    master = subprocess.Popen(
        [program, "-c", configuration, "start-fg"],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )
    try:
        open_port(port, master, home / "log")
        yield port
    finally:
        # start-fg leaves a shell as our child: only this command reaches the master behind it
        subprocess.run([program, "-c", configuration, "stop"], check=False, capture_output=True)
        stop(master)
