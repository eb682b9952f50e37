"""Which Debian packages bring the programs that the tests drive."""

import shutil
from pathlib import Path

__all__ = ["PACKAGES", "require"]

PACKAGES = {
    "dovecot": "dovecot-imapd",
    "/usr/lib/dovecot/lmtp": "dovecot-lmtpd",
    "postfix": "postfix",
    "thunderbird": "thunderbird",
    "Xvfb": "xvfb",
    "openssl": "openssl",
    "certutil": "libnss3-tools",
    "javac": "default-jdk-headless",
    "/usr/share/java/javax.mail.jar": "libmail-java",
    "/usr/share/java/javax.activation.jar": "libmail-java",
    "/usr/share/java/jakarta-mail.jar": "libjakarta-mail-java",
    "/usr/share/java/jakarta-activation.jar": "libjakarta-mail-java",
}
"""A command, or a file where it is not a command, and the package that brings it."""


def require(*programs: str) -> None:
    """Every one of `programs` (keys of `PACKAGES`) is installed.

    Raises:
        RuntimeError: one is not; the sentence names what to install.  A test that
            lacks its program fails, it is never skipped.
    """
    missing = {PACKAGES[name] for name in programs if not (shutil.which(name, path=_PATH) or Path(name).is_file())}
    if missing:
        raise RuntimeError(f"These tests drive other programs: sudo apt-get install {' '.join(sorted(missing))}")


_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
