"""Who reads what: every form written by us and by each peer, read by the other; printed into README.

A row is a form, a cell what came of it: yes, no with what the program says, or
a dash where there is no way to ask the program for it.
"""

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mssante_sim.clock import SystemClock
from mssante_sim.crypto import cms_envelope, cms_sign, smime
from mssante_sim.crypto.algorithms import (
    AES_128_CBC,
    AES_128_GCM,
    AES_256_CBC,
    AES_256_GCM,
    SHA_256,
    SHA_384,
    SHA_512,
    Digest,
)
from mssante_sim.crypto.cms_envelope import EnvelopeForm
from mssante_sim.crypto.key_management import Transport
from mssante_sim.crypto.signatures import Scheme, ecdsa, pkcs1, pss
from mssante_sim.crypto.verify import FromMatches, verify
from mssante_sim.errors import SimulatorError
from tests.crypto.cast import Cast
from tests.crypto.conftest import ADDRESS
from tests.crypto.forgery import ENTITY
from tests.crypto.peers import Asn1Crypto, Gpgsm, NotThere, Nss, OpenSsl, Peer, Refused, Sealing, Signing

README: Final = Path(__file__).parents[2] / "README.md"
_HEAD: Final = "| form |"
_FOOT: Final = "\n</details>"
_NOW: Final = SystemClock().now()  # the programs look at the machine's clock
YES: Final = "yes"

Way = Signing | Sealing
Form = tuple[Way, ...]  # from the inside out


def _signatures(key: str, scheme: Callable[[Digest], Scheme]) -> list[Form]:
    digests = (SHA_256, SHA_384, SHA_512)
    return [(Signing(key, scheme(digest), opaque),) for digest in digests for opaque in (False, True)]


_RSA: Final = ("RSA-2048", "RSA-3072", "RSA-4096")
_CURVES: Final = ("P-256", "P-384")
_SIGNED: Final = Signing("RSA-2048", pkcs1())
_SEALED: Final = Sealing(("RSA-2048",), AES_256_CBC)
FORMS: Final[Mapping[str, Sequence[Form]]] = {
    **{f"signed, {key}, PKCS #1 v1.5": _signatures(key, pkcs1) for key in _RSA},
    **{f"signed, {key}, PSS": _signatures(key, pss) for key in _RSA},
    **{f"signed, ECDSA {key}": _signatures(key, ecdsa) for key in _CURVES},
    **{
        f"{cipher.name}, RSA {transport.value}": [(Sealing((key,), cipher, transport),) for key in _RSA]
        for cipher in (AES_128_CBC, AES_256_CBC, AES_128_GCM, AES_256_GCM)
        for transport in Transport
    },
    **{
        f"{cipher.name}, ECDH {key}": [(Sealing((key,), cipher),)]
        for cipher in (AES_128_CBC, AES_256_CBC, AES_128_GCM, AES_256_GCM)
        for key in _CURVES
    },
    "AES-256-CBC to three RSA keys": [(Sealing(_RSA, AES_256_CBC),)],
    "AES-256-CBC to RSA and P-256 at once": [(Sealing(("RSA-2048", "P-256"), AES_256_CBC),)],
    "AES-256-GCM to RSA and P-256 at once": [(Sealing(("RSA-2048", "P-256"), AES_256_GCM),)],
    "signed, then encrypted (what is written by default)": [(_SIGNED, _SEALED)],
    "signed, encrypted, signed again": [(_SIGNED, _SEALED, _SIGNED)],
}


@dataclass(frozen=True)
class Us:
    """This package, asked as a peer is."""

    cast: Cast

    def sign(self, content: bytes, way: Signing) -> bytes:
        return cms_sign.write_signed_data(
            content, self.cast.signing[way.key], at=_NOW, scheme=way.scheme, opaque=way.opaque
        )

    def encrypt(self, content: bytes, way: Sealing) -> bytes:
        certificates = [self.cast.receiving[key].certificate for key in way.keys]
        return b"".join(cms_envelope.encrypt(content, certificates, EnvelopeForm(way.cipher, way.transport)))

    def verify(self, cms: bytes, content: bytes, way: Signing) -> bytes:
        proved = verify(
            _entity(cms, content, way), self.cast.domain.trust(_NOW), FromMatches(ADDRESS), at=SystemClock().now()
        )
        assert proved.algorithm == f"{way.scheme.name}, {way.key}"
        return proved.content

    def decrypt(self, cms: bytes, key: str) -> bytes:
        return cms_envelope.decrypt(cms, [self.cast.receiving[key]])


Reader = Us | Peer


def _entity(cms: bytes, content: bytes, way: Way) -> bytes:
    if isinstance(way, Signing):
        return smime.wrap_opaque(cms) if way.opaque else smime.wrap_signed(content, cms, "sha-256")
    kind = b"authEnveloped-data" if way.cipher.authenticated else b"enveloped-data"
    return smime._mime_fields(kind) + b"".join(smime.base64_lines.encode((cms,)))


def outcome(form: Form, writer: Reader, reader: Reader) -> str:
    """What comes of it when `reader` is given what `writer` wrote in `form`."""
    layers: list[tuple[bytes, bytes]] = []  # CMS, and what is in it
    content = ENTITY
    try:
        for way in form:
            cms = writer.sign(content, way) if isinstance(way, Signing) else writer.encrypt(content, way)
            layers.append((cms, content))
            content = _entity(cms, content, way)
        for way, (cms, inside) in zip(reversed(form), reversed(layers), strict=True):
            if isinstance(way, Signing):
                assert reader.verify(cms, inside, way) == inside
            else:
                assert all(reader.decrypt(cms, key) == inside for key in way.keys)
    except NotThere as reason:
        return f"–: {reason}"
    except Refused as said:
        return f"no: {said}"
    except SimulatorError as error:
        return f"no: {error.detail or error.public}"
    return YES


def cell(forms: Sequence[Form], writer: Reader, reader: Reader) -> str:
    """The one outcome of all `forms`; if they differ, which comes of which."""
    by_outcome: dict[str, list[str]] = {}
    for form in forms:
        by_outcome.setdefault(outcome(form, writer, reader), []).append(" ".join(map(str, form)))
    if len(by_outcome) == 1:
        return next(iter(by_outcome))
    return "partly: " + "; ".join(f"not {', '.join(names)}: {one}" for one, names in by_outcome.items() if one != YES)


Cells = dict[tuple[str, str], str]


def measured(cast: Cast, everyone: Sequence[Peer]) -> Cells:
    """By form and column."""
    us, cells = Us(cast), {}
    for name, forms in FORMS.items():
        for peer in everyone:
            cells[name, f"{peer.name} reads ours"] = cell(forms, us, peer)
            if not isinstance(peer, Asn1Crypto):
                cells[name, f"we read {peer.name}'s"] = cell(forms, peer, us)
    return cells


@contextmanager
def peers(cast: Cast, folder: Path) -> Iterator[tuple[Peer, ...]]:
    with Gpgsm.at_work(cast, folder / "gpgsm") as gpg:
        yield OpenSsl(cast), gpg, Nss.at_work(cast, folder / "nss"), Asn1Crypto(cast)


def as_markdown(cells: Cells) -> str:
    """The table, and below it each reason once."""
    columns = list(dict.fromkeys(column for _, column in cells))
    reasons: dict[str, int] = {}

    def shown(found: str) -> str:
        word, _, reason = found.partition(": ")
        return f"{word} [{reasons.setdefault(reason, len(reasons) + 1)}]" if reason else word

    lines = [f"{_HEAD} {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(shown(cells[name, one]) for one in columns)} |" for name in FORMS]
    return "\n".join([*lines, "", *(f"{number}. {reason}" for reason, number in reasons.items()), ""])


def in_markdown(text: str) -> Cells:
    """The cells of a table that `as_markdown` wrote."""
    table, _, notes = text.partition("\n\n")
    reasons = dict(line.split(". ", 1) for line in notes.splitlines())
    (_, *columns), _, *rows = ([one.strip() for one in line.split("|")[1:-1]] for line in table.splitlines())
    return {
        (name, column): re.sub(r" \[(\d+)\]", lambda found: f": {reasons[found[1]]}", one)
        for name, *cells in rows
        for column, one in zip(columns, cells, strict=True)
    }


def in_readme() -> tuple[str, str, str]:
    """README before the table, the table, and after it."""
    before, head, rest = README.read_text(encoding="utf-8").partition(_HEAD)
    table, foot, after = rest.partition(_FOOT)
    return before, head + table, foot + after


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        cast = Cast.assembled(Path(folder), _NOW)
        with peers(cast, Path(folder)) as everyone:
            table = as_markdown(measured(cast, everyone))
    before, _, after = in_readme()
    README.write_text(before + table + after, encoding="utf-8")


if __name__ == "__main__":
    main()
