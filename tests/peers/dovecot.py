"""A private Dovecot: the IMAP server we compare ourselves with."""

import grp
import os
import pwd
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.peers.certificates import ServerFiles
from tests.peers.debian import require
from tests.peers.loopback import free_ports, open_port, scratch, stop

__all__ = ["Dovecot", "TokenIssuer", "dovecot"]

_CONFIGURATION = """\
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
protocols = imap lmtp
listen = 127.0.0.1
{users}
default_client_limit = 12000
default_vsz_limit = 1024M
# the system's unused services are not wanted, and a benchmark opens many connections as one user
mail_max_userip_connections = 20000
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
  # "high-performance mode" of Dovecot's manual: login processes serve many connections
  service_count = 0
  process_min_avail = 2
  chroot =
}}
service imap {{
  process_limit = 8192
}}
service anvil {{
  chroot =
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
  process_min_avail = 2
}}
service auth {{
  inet_listener sasl {{
    port = {sasl}
  }}
}}
ssl = yes
ssl_cert = <{tls.certificate}
ssl_key = <{tls.key}
auth_mechanisms = plain login
{tokens}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = home={home}/mail/%u{owner} allow_all_users=yes
}}
mail_location = {format}:~/mail
# mail_fsync stays at its default ("optimized"): LMTP answers 250 after an fsync
protocol lmtp {{
  postmaster_address = postmaster@localhost
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Archive {{
    special_use = \\Archive
    auto = subscribe
  }}
  mailbox Drafts {{
    special_use = \\Drafts
    auto = subscribe
  }}
  mailbox Sent {{
    special_use = \\Sent
    auto = subscribe
  }}
  mailbox Trash {{
    special_use = \\Trash
    auto = subscribe
  }}
}}
mail_plugins = quota
plugin {{
  quota = count:User quota
  quota_rule = *:storage=2G
  quota_vsizes = yes
}}
protocol imap {{
  mail_plugins = quota imap_quota
}}
"""


_TOKENS = """\
auth_mechanisms = plain login scram-sha-256 oauthbearer xoauth2
auth_failure_delay = 0
passdb {{
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = {home}/oauth2.conf
}}
service anvil {{
  # each failure would make the next wait longer
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""
_OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={home}/keys/
username_attribute = sub
scope = mail
openid_configuration_url = {configuration}
"""


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Whose tokens are believed: JWT under HMAC-SHA-256 with `key`, of scope "mail", whose subject is the user."""

    key: bytes
    configuration: str  # URL of what refusals point to


@dataclass(frozen=True, slots=True)
class Dovecot:
    """A running instance.  Every user name exists, and `password` opens it; the mailbox begins empty."""

    imap: int  # STARTTLS
    imaps: int
    lmtp: int
    sasl: int  # Dovecot's authentication protocol, for Postfix
    password: str
    authority: Path
    home: Path
    master: subprocess.Popen[bytes]

    def log(self) -> str:
        """What it has logged so far."""
        return (self.home / "log").read_text(errors="replace")


@contextmanager
def dovecot(
    tls: ServerFiles, *, mail_format: Literal["sdbox", "maildir"] = "sdbox", issuer: TokenIssuer | None = None
) -> Iterator[Dovecot]:
    """A Dovecot that runs until the block ends; its mail is deleted then.

    With `issuer` it takes tokens and SCRAM too, and does not delay failures.

    Raises:
        RuntimeError: not installed, or it did not start (with its log).
    """
    require("dovecot", "/usr/lib/dovecot/lmtp")
    password = "open-sesame"
    with scratch("dovecot") as home:
        imap, imaps, lmtp, sasl = free_ports(4)
        users, owner = _users(home)
        configuration = home / "dovecot.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                home=home,
                users=users,
                owner=owner,
                imap=imap,
                imaps=imaps,
                lmtp=lmtp,
                sasl=sasl,
                tls=tls,
                password=password,
                format=mail_format,
                tokens="" if issuer is None else _tokens(home, issuer),
            )
        )
        program = shutil.which("dovecot", path="/usr/sbin:/usr/bin") or "dovecot"
        master = subprocess.Popen([program, "-F", "-c", configuration], start_new_session=True)
        try:
            for port in (imap, imaps, lmtp, sasl):
                open_port(port, master, home / "log")
            yield Dovecot(imap, imaps, lmtp, sasl, password, tls.authority, home, master)
        finally:
            stop(master)


def _tokens(home: Path, issuer: TokenIssuer) -> str:
    """Settings that make tokens of `issuer` good; its files are readable to Dovecot's users."""
    keys = home / "keys" / "default" / "HS256"
    keys.mkdir(parents=True)
    (keys / "default").write_bytes(b64encode(issuer.key))
    (home / "oauth2.conf").write_text(_OAUTH2.format(home=home, configuration=issuer.configuration))
    for path in (home / "oauth2.conf", home / "keys", *(home / "keys").rglob("*")):
        path.chmod(0o755)
    return _TOKENS.format(home=home)


def _users(home: Path) -> tuple[str, str]:
    """Settings that say who runs what: Debian's service users for root, else whoever started us."""
    if os.geteuid() == 0:
        mail = pwd.getpwnam("nobody")  # Dovecot refuses to touch mail as root
        (home / "mail").mkdir()
        shutil.chown(home / "mail", mail.pw_uid, mail.pw_gid)
        return "first_valid_uid = 1", f" uid={mail.pw_uid} gid={mail.pw_gid}"
    me = pwd.getpwuid(os.geteuid()).pw_name
    group = grp.getgrgid(os.getegid()).gr_name
    return f"default_internal_user = {me}\ndefault_login_user = {me}\ndefault_internal_group = {group}", ""
