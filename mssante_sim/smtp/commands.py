"""Arguments of MAIL and RCPT, read once into values.  Pure.

Addresses are ASCII and become lower case: SMTPUTF8 is not offered, as no
address of the directory or of a patient needs it  [our choice].
"""

import re
from dataclasses import dataclass

from mssante_sim.smtp import replies
from mssante_sim.smtp.replies import Refusal

__all__ = ["Mail", "parse_mail", "parse_recipient"]

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ROUTE = r"(?:@[A-Za-z0-9.,@-]+:)?"  # must be taken and may be ignored  [RFC 5321 §4.1.1.3]
_LOCAL = rf'{_ATOM}(?:\.{_ATOM})*|"(?:[ !#-\[\]-~]|\\[ -~])*"'
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*|\[[ -Z^-~]+\]"
_PATH = re.compile(rf"<{_ROUTE}(?P<local>{_LOCAL})@(?P<domain>{_DOMAIN})>")
_BRACKETED = re.compile(r'<(?:[^"<>]|"(?:[^"\\]|\\.)*")*>')
_PARAMETER = re.compile(r"(?P<key>[A-Za-z0-9][A-Za-z0-9-]*)(?:=(?P<value>[!-<>-~]+))?")

_LOCAL_OCTETS = 64  # [RFC 5321 §4.5.3.1.1]
_PATH_OCTETS = 256  # with brackets  [RFC 5321 §4.5.3.1.3]


@dataclass(frozen=True, slots=True)
class Mail:
    """MAIL FROM, as far as it matters."""

    sender: str  # lower case; empty for the null sender
    size: int | None  # as declared  [RFC 1870 §6]


def parse_mail(argument: str) -> Mail | Refusal:
    """The argument of MAIL: `FROM:<address>` or `FROM:<>`, SIZE and BODY  [RFC 5321 §4.1.1.2, RFC 6152 §2].

    AUTH= is taken and ignored, as whoever offers AUTH must take it  [RFC 4954 §5].
    """
    split = _path_and_parameters("FROM:", argument)
    if isinstance(split, Refusal):
        return split
    path, words = split
    sender = "" if path == "<>" else _address(path)
    if isinstance(sender, Refusal):
        return sender
    parameters: dict[str, str] = {}
    for word in words:
        match = _PARAMETER.fullmatch(word)
        if match is None or match["key"].upper() in parameters:
            return replies.SYNTAX
        parameters[match["key"].upper()] = match["value"] or ""
    if parameters.keys() - {"SIZE", "BODY", "AUTH"}:
        return replies.UNKNOWN_PARAMETER
    size = parameters.get("SIZE", "0")
    if not re.fullmatch(r"[0-9]{1,20}", size) or parameters.get("BODY", "7BIT").upper() not in {"7BIT", "8BITMIME"}:
        return replies.SYNTAX
    return Mail(sender, int(size) if "SIZE" in parameters else None)


def parse_recipient(argument: str) -> str | Refusal:
    """The argument of RCPT: `TO:<address>`, no parameters; the address in lower case."""
    split = _path_and_parameters("TO:", argument)
    if isinstance(split, Refusal):
        return split
    path, words = split
    return replies.UNKNOWN_PARAMETER if words else _address(path)


def _path_and_parameters(keyword: str, argument: str) -> tuple[str, list[str]] | Refusal:
    if argument[: len(keyword)].upper() != keyword:
        return replies.SYNTAX
    rest = argument[len(keyword) :].lstrip(" ")  # QUIRK: a blank after the colon is wrong, and common
    match = _BRACKETED.match(rest)
    if match is None:
        return replies.MALFORMED_ADDRESS
    after = rest[match.end() :]
    return (match[0], after.split()) if not after or after[0] == " " else replies.SYNTAX


def _address(path: str) -> str | Refusal:
    match = _PATH.fullmatch(path)
    if match is None or len(path) > _PATH_OCTETS or len(match["local"]) > _LOCAL_OCTETS:
        return replies.MALFORMED_ADDRESS
    return f"{match['local']}@{match['domain']}".lower()
