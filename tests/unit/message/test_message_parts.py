"""The MIME tree: offsets, limits, IMAP's part numbers, transfer encodings."""

import base64
import binascii
import email

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.message import parts
from mssante_sim.message.parts import MAX_DELIMITERS, MAX_DEPTH, Part, decoded, find, parse, section, walk


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def bodies(octets: bytes) -> list[tuple[str, bytes]]:
    return [(one.content_type, octets[one.body_start : one.end]) for one in walk(parse(octets)) if not one.children]


def multipart(body: str, boundary: str = "b", kind: str = "mixed") -> bytes:
    return crlf(f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n{body}')


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("--b\n\none\n--b\n\ntwo\n--b--\n", [b"one", b"two"]),
        ("preamble\n--b\n\none\n--b--\nepilogue\n--b\n\nlate\n", [b"one"]),
        ("--b\n\none\n--b\n\nno closing delimiter\n", [b"one", b"no closing delimiter\r\n"]),
        ("--b  \n\none\n--b \t\n\ntwo\n--b-- \n", [b"one", b"two"]),
        ("--bc\n--b\n\none\n--bc\n--b-\n--b--x\n -- b\n--b--\n", [b"one\r\n--bc\r\n--b-\r\n--b--x\r\n -- b"]),
        ("--b\n\n--b\n\n--b--", [b"", b""]),
        ("--b\n--b\n--b--", [b"", b""]),
        ("--b\n\n\n\nblank lines\n\n--b--", [b"\r\n\r\nblank lines\r\n"]),
        ("--b\nX: no empty line\n--b--", [b""]),
        ("--b\n\none\n--b", [b"one", b""]),
        ("--b--\n--b\n\nnever\n", None),
        ("nothing of the kind", None),
        ("", None),
    ],
)
def test_delimiters(body: str, expected: list[bytes] | None) -> None:
    octets = multipart(body)
    whole = [octets[parse(octets).body_start :]]
    assert [content for _, content in bodies(octets)] == (whole if expected is None else expected)


def test_bare_line_feeds_delimit_too() -> None:
    octets = multipart("--b\n\none\n\n--b\n\ntwo\n--b--\n").replace(b"\r\n", b"\n")
    assert [content for _, content in bodies(octets)] == [b"one\n", b"two"]


@pytest.mark.parametrize(("outer", "inner"), [("b", "bb"), ("bb", "b"), ("b", "b-"), ("a b", "a")])
def test_a_boundary_that_starts_like_another_is_no_trap(outer: str, inner: str) -> None:
    nested = f'--{outer}\nContent-Type: multipart/alternative; boundary="{inner}"\n\n'
    octets = multipart(f"{nested}--{inner}\n\nx\n--{inner}--\n--{outer}\n\ny\n--{outer}--\n", outer)
    assert [content for _, content in bodies(octets)] == [b"x", b"y"]


def test_an_inner_multipart_ends_where_its_parent_ends() -> None:
    octets = multipart("--b\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\nx\n--b\n\ny\n--i\nz\n--b--\n")
    assert [content for _, content in bodies(octets)] == [b"x", b"y\r\n--i\r\nz"]


def test_a_multipart_without_a_boundary_is_a_leaf() -> None:
    assert parse(crlf("Content-Type: multipart/mixed\n\n--\n\nx\n----\n")).children == ()


def test_parts_of_a_digest_are_messages() -> None:
    octets = multipart("--b\n\nSubject: x\n\ntext\n--b\nContent-Type: text/plain\n\ny\n--b--\n", kind="digest")
    first, second = parse(octets).children
    assert (first.content_type, second.content_type) == ("message/rfc822", "text/plain")
    assert octets[first.message.body_start : first.message.end] == b"text"


@pytest.mark.parametrize(("encoding", "opened"), [("7bit", True), (" 8BIT ", True), ("base64", False), ("x", False)])
def test_a_message_inside_is_opened_unless_it_is_encoded(encoding: str, opened: bool) -> None:
    root = parse(crlf(f"Content-Type: message/rfc822\nContent-Transfer-Encoding:{encoding}\n\nSubject: x\n\ny"))
    assert (root.message is not None) is opened


def test_lines_are_counted_where_imap_shows_them() -> None:
    octets = multipart(
        "--b\n\n1\n2\n--b\nContent-Type: a/b\n\n1\n2\n--b\nContent-Type: message/rfc822\n\n1\n2\n3\n--b--\n"
    )
    assert [one.lines for one in parse(octets).children] == [1, 0, 2]


def test_fields_of_one_name_count_once_but_addresses_are_joined() -> None:
    root = parse(b"To: a@x\r\nSubject: 1\r\nTO: b@x\r\nSubject: 2\r\nTo: c@x\r\n\r\n")
    assert (root.header["subject"], root.header["to"]) == (b" 1", b" a@x, b@x, c@x")


def test_depth_of_multiparts_is_bounded() -> None:
    octets = b"x"
    for level in range(2 * MAX_DEPTH):
        octets = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n%b\r\n--b%d--" % (
            level,
            level,
            octets,
            level,
        )
    assert len(list(walk(parse(octets)))) == MAX_DEPTH + 1


def test_blanks_at_the_end_of_a_boundary_do_not_count() -> None:
    octets = multipart("--b\n\nx\n--b--\n", boundary="b ")
    assert [content for _, content in bodies(octets)] == [b"x"]


def test_depth_is_bounded() -> None:
    octets = b"".join(b"Content-Type: message/rfc822\r\n\r\n" for _ in range(10 * MAX_DEPTH)) + b"x"
    assert len(list(walk(parse(octets)))) == MAX_DEPTH + 1


def test_delimiters_are_bounded_and_the_rest_is_one_leaf() -> None:
    octets = multipart("--b\n\nx\n" * (MAX_DELIMITERS + 100))
    children = parse(octets).children
    assert len(children) == MAX_DELIMITERS
    assert children[-1].end == len(octets)
    assert octets[children[-1].body_start : children[-1].end].count(b"--b") == 100


def test_lines_that_only_start_like_a_delimiter_use_up_the_same_bound() -> None:
    octets = multipart("--b\n\nx\n" + "--bx\n" * MAX_DELIMITERS + "--b\n\ny\n--b--\n")
    assert len(parse(octets).children) == 1


def test_only_the_first_part_of_an_endless_header_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_HEADER_OCTETS", 20)
    assert set(parse(b"A: 12345678\r\nB: 1\r\nC: 1\r\n\r\n").header) == {"a", "b"}


NESTED = crlf("""\
From: a@x
Content-Type: multipart/mixed; boundary=m

--m

one
--m
Content-Type: multipart/alternative; boundary=a

--a

two-one
--a
Content-Type: text/html

two-two
--a--
--m
Content-Type: message/rfc822

Subject: three
Content-Type: multipart/mixed; boundary=i

--i

three-one
--i--
--m
Content-Type: message/rfc822

Subject: four

four-one
--m--
""")


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ((), "", NESTED),
        ((), "HEADER", b"From: a@x\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n"),
        ((), "TEXT", NESTED.partition(b"\r\n\r\n")[2]),
        ((), "MIME", None),
        ((1,), "", b"one"),
        ((1,), "MIME", b"\r\n"),
        ((1,), "HEADER", None),
        ((1,), "TEXT", None),
        ((1, 1), "", None),
        ((2,), "MIME", b"Content-Type: multipart/alternative; boundary=a\r\n\r\n"),
        ((2,), "HEADER", None),
        ((2, 1), "", b"two-one"),
        ((2, 2), "", b"two-two"),
        ((2, 2), "MIME", b"Content-Type: text/html\r\n\r\n"),
        ((2, 3), "", None),
        ((3,), "MIME", b"Content-Type: message/rfc822\r\n\r\n"),
        ((3,), "HEADER", b"Subject: three\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n"),
        ((3,), "TEXT", b"--i\r\n\r\nthree-one\r\n--i--"),
        ((3, 1), "", b"three-one"),
        ((3, 1, 1), "", None),
        ((4,), "", b"Subject: four\r\n\r\nfour-one"),
        ((4,), "HEADER", b"Subject: four\r\n\r\n"),
        ((4, 1), "", b"four-one"),
        ((4, 1), "MIME", b"Subject: four\r\n\r\n"),
        ((4, 1), "TEXT", None),
        ((4, 2), "", None),
        ((0,), "", None),
        ((5,), "", None),
    ],
)
def test_sections_of_a_nested_message(path: tuple[int, ...], kind: parts.SectionKind, expected: bytes | None) -> None:
    found = section(parse(NESTED), path, kind)
    assert (found and NESTED[slice(*found)]) == expected


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ((1,), "", b"body"), ((1,), "MIME", b"Subject: x\r\n\r\n"), ((1,), "TEXT", None), ((2,), "", None),
        ((1, 1), "", None), ((), "TEXT", b"body"), ((), "", b"Subject: x\r\n\r\nbody"),
    ],
)  # fmt: skip
def test_sections_of_a_message_of_one_part(
    path: tuple[int, ...], kind: parts.SectionKind, expected: bytes | None
) -> None:
    octets = b"Subject: x\r\n\r\nbody"
    found = section(parse(octets), path, kind)
    assert (found and octets[slice(*found)]) == expected


def test_a_message_that_is_a_message_has_it_as_part_1() -> None:
    octets = crlf("Content-Type: message/rfc822\n\nSubject: in\n\nx")
    root = parse(octets)
    assert find(root, (1,)) is root
    assert octets[slice(*section(root, (1,), "HEADER"))] == b"Subject: in\r\n\r\n"
    assert octets[slice(*section(root, (1, 1)))] == b"x"


TREES = st.recursive(
    st.binary(max_size=30).map(base64.b64encode),
    lambda children: st.lists(children, min_size=1, max_size=3),
    max_leaves=12,
)


def build(tree: bytes | list, path: str = "b") -> bytes:
    """An entity; boundaries of children start like that of their parent."""
    if isinstance(tree, bytes):
        return b"Content-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n" + tree
    inner = b"".join(b"--%b\r\n%b\r\n" % (path.encode(), build(one, f"{path}{n}")) for n, one in enumerate(tree))
    return b"Content-Type: multipart/x; boundary=%b\r\n\r\n%b--%b--" % (path.encode(), inner, path.encode())


def shape(octets: bytes, part: Part) -> bytes | list:
    return [shape(octets, one) for one in part.children] if part.children else base64.b64encode(decoded(octets, part))


@given(TREES)
def test_what_is_built_is_found_again(tree: bytes | list) -> None:
    octets = build(tree)
    assert shape(octets, parse(octets)) == tree


PIECES = st.lists(
    st.sampled_from([
        "Content-Type: multipart/mixed; boundary=b", "Content-Type: multipart/digest; boundary=c",
        "Content-Type: message/rfc822", "--b", "--b--", "--c", "--c--", "", "text", "From: a@x", " folded",
    ]),
    max_size=40,
)  # fmt: skip


@given(PIECES, st.sampled_from(["\n", "\r\n"]), st.integers(0, 30))
def test_offsets_hold_for_any_octets(lines: list[str], newline: str, cut: int) -> None:
    octets = newline.join(lines).encode()[cut:]
    for part in walk(parse(octets)):
        assert 0 <= part.header_start <= part.body_start <= part.end <= len(octets)
        edges = [part.body_start, *(edge for one in part.children for edge in (one.header_start, one.end)), part.end]
        assert edges == sorted(edges)
        decoded(octets, part)


@given(PIECES)
def test_well_formed_leaves_agree_with_the_standard_library(lines: list[str]) -> None:
    body = "\n".join(line for line in lines if line.startswith("t")) or "x"
    octets = multipart(f"--b\n\n{body}\n--b\nContent-Type: text/html\n\n{body}\n--b--\n")
    theirs = [one.get_payload(decode=True) for one in email.message_from_bytes(octets).walk() if not one.is_multipart()]
    assert [content for _, content in bodies(octets)] == theirs


def part_with(encoding: str, body: bytes) -> tuple[bytes, Part]:
    octets = f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body
    return octets, parse(octets)


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        ("base64", b"QUJD\r\nREVG\r\n", b"ABCDEF"),
        ("BASE64 (comment)", b"QUI=", b"AB"),
        ("base64", b"QUI", b"AB"),
        ("base64", b"Q!U@I\0=", b"AB"),
        ("base64", b"QUI=\r\nQ0Q=\r\n", b"ABCD"),
        ("base64", b"QUI=QUI", b"ABAB"),
        ("base64", b"QUJDR", b"ABC"),
        ("base64", b"QUI=\r\n\r\n-- \r\nlist footer", b"AB" + base64.b64decode("listfooter==")),
        ("base64", b"====", b""),
        ("base64", b"", b""),
        ("quoted-printable", b"a=3D=\r\nb =E9\r\nc  \r\nd\t", b"a=b \xe9\r\nc\r\nd"),
        ("Quoted-Printable", b"a=\nb=zz", b"ab=zz"),
        ("7bit", b"a=3D", b"a=3D"),
        ("x-unknown", b"a=3D", b"a=3D"),
        ("", b"a", b"a"),
    ],
)
def test_transfer_encodings(encoding: str, body: bytes, expected: bytes) -> None:
    assert decoded(*part_with(encoding, body)) == expected


@given(st.binary())
def test_what_others_encode_is_decoded(content: bytes) -> None:
    assert decoded(*part_with("base64", base64.encodebytes(content).replace(b"\n", b"\r\n"))) == content
    assert decoded(*part_with("quoted-printable", binascii.b2a_qp(content, quotetabs=True, istext=False))) == content


@pytest.mark.parametrize(
    ("fields", "name", "disposition"),
    [
        ("Content-Disposition: ATTACHMENT; filename=a.pdf", "a.pdf", "attachment"),
        ("Content-Disposition: inline\nContent-Type: a/b; name*=utf-8''%C3%A9.pdf", "é.pdf", "inline"),
        ("Content-Disposition: attachment; filename=a\nContent-Type: a/b; name=b", "a", "attachment"),
        ("Content-Type: a/b; name==?utf-8?q?=C3=A9?=", "é", None),
        ("Content-Disposition:", None, None),
        ("X: y", None, None),
    ],
)
def test_names_of_attachments(fields: str, name: str | None, disposition: str | None) -> None:
    part = parse(crlf(fields + "\n\n"))
    assert (part.filename, part.disposition) == (name, disposition)
