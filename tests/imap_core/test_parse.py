"""Commands, by a table of octets and meanings, and the bounds that no table shows."""

from pathlib import Path

import pytest

from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core import faults
from mssante_sim.imap.core.faults import ImapFault, LimitReached, SyntaxFault
from mssante_sim.imap.core.parse import parse
from mssante_sim.imap.core.parse_search import DEEPEST
from tests.imap_core.shown import shown
from tests.imap_core.wire import frame

VECTORS = [
    line.split("\t")
    for line in Path(__file__).with_name("parse_vectors.tsv").read_text(encoding="utf-8").splitlines()
    if not line.startswith("# ")
]


@pytest.mark.parametrize(("sent", "understood"), VECTORS, ids=[sent for sent, _ in VECTORS])
def test_a_command_is_understood_or_refused(sent: str, understood: str) -> None:
    octets = sent.encode().decode("unicode_escape").encode("latin-1") if "\\" in sent else sent.encode()
    try:
        found = shown(parse(frame(octets + b"\r\n")))
    except ImapFault as fault:
        found = f"{type(fault).__name__}: {fault.public}"
    assert found == understood


def test_every_type_of_command_is_in_the_table() -> None:
    kinds = {kind.__name__ for kind in c.Command.__subclasses__()}
    assert kinds <= {understood.partition("(")[0] for _, understood in VECTORS}


def test_every_fault_of_a_parser_is_in_the_table() -> None:
    seen = {understood.partition(":")[0] for _, understood in VECTORS}
    assert {"SyntaxFault", "NotImap", "UnknownCommand", "Cannot", "BadCharset"} <= seen


@pytest.mark.parametrize("command", ["LOGIN marie {0}", "LOGIN {0} x(", "AUTHENTICATE PLAIN {0}$", "LOGIN {0}"])
def test_a_fault_near_credentials_quotes_nothing(command: str) -> None:
    octets = command.format('"mot-de-passe').encode()
    with pytest.raises(SyntaxFault) as caught:
        parse(frame(b"a " + octets + b"\r\n"))
    assert "mot-de-passe" not in caught.value.public + caught.value.detail


@pytest.mark.parametrize("command", ["LOGIN marie mot-de-passe", "AUTHENTICATE PLAIN AG1hcmllAG1vdC1kZS1wYXNzZQ=="])
def test_a_command_shows_no_password(command: str) -> None:
    assert "mot-de-passe" not in repr(parse(frame(b"a " + command.encode() + b"\r\n")))


def test_what_is_quoted_back_is_short_and_printable() -> None:
    with pytest.raises(SyntaxFault) as caught:
        parse(frame(b"a NOOP \x1b]0;" + b"x" * 5_000 + b"\r\n"))
    assert len(caught.value.public) < 120
    assert caught.value.public.isprintable()


def test_every_text_for_a_client_is_printable_ascii() -> None:
    """Whatever else it is, it would reach the client as question marks."""
    for _, understood in VECTORS:
        kind, _, public = understood.partition(": ")
        if hasattr(faults, kind):
            assert public.isascii()


NESTINGS = [b"(%s)", b"NOT %s", b"OR ALL %s", b"OR %s ALL"]


@pytest.mark.parametrize("nesting", NESTINGS)
def test_search_keys_nest_so_deep_and_no_deeper(nesting: bytes) -> None:
    def nested(depth: int) -> bytes:
        key = b"ALL"
        for _ in range(depth):
            key = nesting % key
        return b"a SEARCH " + key + b"\r\n"

    parse(frame(nested(DEEPEST)))
    for depth in (DEEPEST + 1, 5_000):
        with pytest.raises(LimitReached):
            parse(frame(nested(depth)))


def test_a_line_full_of_ranges_is_one_set() -> None:
    ranges = ",".join(f"{n}:{n + 1}" for n in range(1, 12_000, 3))
    found = parse(frame(f"a UID FETCH {ranges} UID\r\n".encode()))
    assert isinstance(found, c.Fetch)
    assert str(found.targets) == ranges


def test_a_message_is_not_changed_on_its_way() -> None:
    message = bytes(range(1, 256)) + b"\n.\r\n\r" * 3
    found = parse(frame(b"a APPEND INBOX {%d+}\r\n%s\r\n" % (len(message), message)))
    assert isinstance(found, c.Append)
    assert found.uploads[0].octets == message


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (b'SELECT "Envoy\xc3\xa9s"', "Envoyés"),
        (b"SELECT {8+}\r\nEnvoy\xc3\xa9s", "Envoyés"),
        (b"SELECT A&B", "A&B"),
        (b"SELECT Envoy&AOk-s", "Envoy&AOk-s"),
        (b'SELECT "e\xcc\x81"', "e\u0301"),
        (b"SELECT inbox", "INBOX"),
    ],
)
def test_names_are_utf8_once_imap4rev2_is_enabled(sent: bytes, name: str) -> None:
    found = parse(frame(b"a " + sent + b"\r\n"), utf8_names=True)
    assert isinstance(found, c.Select)
    assert found.mailbox == name


def test_a_name_in_broken_utf8_is_refused() -> None:
    with pytest.raises(SyntaxFault):
        parse(frame(b'a SELECT "Envoy\xe9s"\r\n'), utf8_names=True)


def test_modified_utf7_in_another_normal_form_is_the_same_name() -> None:
    found = parse(frame(b"a SELECT e&AwE-\r\n"))
    assert isinstance(found, c.Select)
    assert found.mailbox == "é"
