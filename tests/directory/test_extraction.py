"""The flat extraction: shape, round trip, an imported list beside the home's own, files that are none."""

import asyncio
import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from mssante_sim.directory.extraction import (
    MOST_ASIDE,
    ExtractionError,
    RealDirectory,
    extraction_name,
    import_extraction,
    text_octets,
    write_extraction,
)
from mssante_sim.directory.lines import HEADER, Line, line_of, mailbox_of, organisation_of, read_line
from mssante_sim.directory.model import Mailbox, MailboxKind, MailboxUser
from mssante_sim.directory.store import Directory, DirectoryError
from mssante_sim.directory.synthetic import Seeded
from mssante_sim.storage.rows import Row
from mssante_sim.storage.sqlite import DirectoryRows
from tests.directory.made_extraction import made_lines, made_text, zipped

AT = datetime(2026, 11, 25, 6, 10, tzinfo=UTC)


def export(directory: Directory, *, forced: bool = False) -> list[str]:
    """Lines of the text, header first."""
    octets = io.BytesIO()
    write_extraction(directory, octets, at=AT, forced=forced)
    with zipfile.ZipFile(octets) as archive:
        return archive.read(archive.namelist()[0]).decode().split("\n")


def imported(directory: Directory, folder: Path, octets: bytes, name: str = "list.zip") -> list[tuple[int, str, str]]:
    (folder / name).write_bytes(octets)
    return import_extraction(directory, folder / name, at=AT)[1].lines


@pytest.fixture
def empty(tmp_path: Path) -> Directory:
    (tmp_path / "empty").mkdir()
    return Directory(DirectoryRows.open(tmp_path / "empty"))


def test_the_file_has_the_shape_of_the_real_one(directory: Directory, seeded: Seeded) -> None:
    octets = io.BytesIO()
    count = write_extraction(directory, octets, at=AT)
    with zipfile.ZipFile(octets) as archive:
        assert archive.namelist() == ["Extraction_Correspondance_MSSante_202611250610.txt"]
        text = archive.read(archive.namelist()[0])
    header, *lines, end = text.decode("utf-8").split("\n")
    assert extraction_name(AT) == "Extraction_Correspondance_MSSante_202611250610"
    assert header == (
        "Type de BAL|Adresse BAL|Type Identifiant PP|Identifiant PP|Identification nationale PP|"
        "Type identifiant structure|Identification Structure|Service de rattachement|Civilité d'exercice|"
        "Nom d'exercice|Prénom d'exercice|Catégorie profession|Libellé de catégorie profession|Code Profession|"
        "Libellé Profession|Code savoir-faire|Libellé savoir-faire|Dématérialisation|Raison Sociale structure BAL|"
        "Enseigne commerciale structure BAL|L2COMPLEMENTLOCALISATION structure BAL|"
        "L3COMPLEMENTDISTRIBUTION structure BAL|L4NUMEROVOIE structure BAL|L4COMPLEMENTNUMEROVOIE structure BAL|"
        "NL4TYPEVOIE structure BAL|L4LIBELLEVOIE structure BAL|L5LIEUDITMENTION structure BAL|"
        "L6LIGNEACHEMINEMENT structure BAL|Code postal structure BAL|Département structure BAL|Pays structure BAL"
    )
    assert (len(header.split("|")), end, len(lines)) == (31, "", count)
    assert b"\r" not in text
    assert text[:3] == b"Typ"  # no mark before it
    assert {line.split("|")[0] for line in lines} == {"PER", "ORG"}
    assert all(line.count("|") == 30 for line in lines)
    lilas = next(read_line(line) for line in lines if "|pharmacie.lilas." in line)
    address = seeded.organisations[1].address
    number, *words = address.line.split(" ")
    assert lilas._replace(structure_register="", structure="") == Line(
        "ORG", "pharmacie.lilas.990000010@officine.mssante.test", *[""] * 16, "PHARMACIE FICTIVE DES LILAS",
        "LILAS SANTÉ", "", "", number, "", words[0], " ".join(words[1:]), "", "35000 Rennes", "35000",
        "Ille-et-Vilaine", "France",
    )  # fmt: skip


def test_a_person_stands_with_name_profession_and_number(directory: Directory) -> None:
    (line,) = (read_line(text) for text in export(directory)[1:-1] if "|dr.exemple@" in text)
    assert (line.person_register, line.person_national) == ("8", f"8{line.person}")
    assert (line.title, line.family_name, line.given_name) == ("DR", "EXEMPLE-FICTIF", "Camille")
    assert (line.category_label, line.profession_label, line.expertise_label) == (
        "Civil", "Médecin", "Médecine générale",
    )  # fmt: skip


def test_only_what_is_published_and_open_is_exported(directory: Directory, seeded: Seeded) -> None:
    text = "\n".join(export(directory))
    absent = {role for role, address in seeded.roles.items() if "@" in address and address not in text}
    assert absent == {"red-listed", "closed", "not-published", "app", "patient", "patient-not-activated"}
    directory.set_shown_in("990000010", "api")
    assert "pharmacie.lilas." not in "\n".join(export(directory))
    directory.set_shown_in("990000010", "extraction")
    assert "pharmacie.lilas." in "\n".join(export(directory))


def test_what_is_imported_is_exported_letter_for_letter(empty: Directory, tmp_path: Path) -> None:
    text = made_text(5_000)
    assert imported(empty, tmp_path, zipped(text)) == []
    assert export(empty, forced=True) == text.split("\n")
    assert imported(empty, tmp_path, text.encode(), "plain.txt") == []
    assert export(empty, forced=True) == text.split("\n")


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"),
        lambda text: text.removesuffix(b"\n"),
    ],
    ids=["BOM", "CRLF", "BOM and CRLF", "no last end"],
)
def test_what_an_editor_does_to_a_file_changes_no_line(
    empty: Directory, tmp_path: Path, rewrite: Callable[[bytes], bytes]
) -> None:
    text = made_text(70)
    for octets in (rewrite(text.encode()), zipped(rewrite(text.encode()))):
        assert imported(empty, tmp_path, octets) == []
        assert export(empty, forced=True) == text.split("\n")


def test_an_export_of_the_home_comes_back_as_it_left(directory: Directory, empty: Directory, tmp_path: Path) -> None:
    lines = export(directory)
    assert imported(empty, tmp_path, zipped("\n".join(lines))) == []
    assert export(empty, forced=True) == lines
    assert imported(directory, tmp_path, zipped("\n".join(lines))) == []  # beside the home's own of the same address
    assert sorted(export(directory, forced=True)) == sorted(lines)
    own = "pharmacie.lilas.990000010@officine.mssante.test"
    before = directory.mailbox(own)
    with pytest.raises(DirectoryError, match="of this home already"):
        directory.activate(own, MailboxUser(own, "titulaire", "Titulaire"))
    assert directory.mailbox(own) == before
    hits = directory.search("lilas", "rennes")
    assert [hit.mailbox.address for hit in hits] == [own] * len(hits) != []


@pytest.mark.parametrize("text", list(made_lines(60, seed=2)), ids=lambda text: text.split("|")[1][:20])
def test_a_mailbox_and_its_place_keep_what_a_line_says(text: str) -> None:
    line = read_line(text)
    assert line.to_text() == text
    again = line_of(mailbox_of(line), organisation_of(line))
    kept = line._replace(paperless=again.paperless)
    if not line.person_national:  # who has no national number is no person to the directory
        kept = kept._replace(title="", family_name="", given_name="", category="", category_label="", profession="",
                             profession_label="", expertise="", expertise_label="")  # fmt: skip
    if not line.structure:
        kept = kept._replace(**dict.fromkeys(Line._fields[18:], ""))
    assert again == kept


def test_the_last_import_replaces_the_one_before_and_leaves_the_home_alone(
    directory: Directory, seeded: Seeded, tmp_path: Path
) -> None:
    imported(directory, tmp_path, zipped(made_text(500)))
    second = "\n".join([HEADER, *(line.replace("medecin-fictif", "autre-fictif") for line in made_lines(100, seed=3))])
    imported(directory, tmp_path, zipped(second))
    lines = [line.to_text() for line in directory.listing.lines()]
    assert lines == second.split("\n")[1:]
    assert directory.mailboxes() == list(seeded.mailboxes)
    assert directory.organisations(limit=999) == list(seeded.organisations)
    directory.listing.forget()
    assert directory.listing.imported is None
    assert list(directory.listing.lines()) == []


def test_the_mark_tells_what_was_imported_and_forbids_the_export(directory: Directory, tmp_path: Path) -> None:
    assert directory.listing.imported is None
    aside = imported(directory, tmp_path, zipped(made_text(50) + "PER|x\n"))
    mark = directory.listing.imported
    assert mark is not None
    assert (mark.file, mark.lines, mark.set_aside, mark.at) == ("list.zip", 50, len(aside), AT.isoformat())
    with pytest.raises(RealDirectory, match="contains-real-directory"):
        export(directory)


def test_an_imported_mailbox_is_found_but_is_none_of_the_homes(directory: Directory, tmp_path: Path) -> None:
    imported(directory, tmp_path, zipped(made_text(400)))
    box = next(
        mailbox_of(read_line(line)) for line in made_lines(400) if line.startswith("ORG") and "PHARMACIE" in line
    )
    assert directory.mailbox(box.address) is None
    assert directory.user(box.address) is None
    place = directory.organisation_of(box)
    assert place is not None
    hits = directory.search(place.name, place.address.town)
    assert place in [hit.organisation for hit in hits]
    assert directory.mailboxes_of(place.finess)[0].kind is MailboxKind.ORG
    with pytest.raises(DirectoryError):
        directory.set_open(place.finess, on=False)


def test_activating_makes_it_a_mailbox_of_the_home(directory: Directory, tmp_path: Path) -> None:
    text = made_text(400)
    imported(directory, tmp_path, zipped(text))
    address = next(line.split("|")[1] for line in made_lines(400) if line.startswith("ORG"))
    user = MailboxUser(address, "titulaire", "Titulaire")
    activated = directory.activate(address.upper(), user)
    assert directory.mailbox(address) == activated
    assert directory.user(address) == (address, user)
    assert activated.organisation is not None
    assert [box.address for box in directory.mailboxes_of(activated.organisation)].count(address) == 1
    assert set(text.split("\n")) <= set(export(directory, forced=True))
    directory.set_red_listed(activated.organisation, on=True)
    assert address not in "\n".join(export(directory, forced=True))
    with pytest.raises(DirectoryError, match="of this home already"):
        directory.activate(address, user)  # it would be shown again
    with pytest.raises(DirectoryError, match="imported list holds no mailbox"):
        directory.activate("nobody@structure-fictive.test", user)


async def test_the_facade_shows_the_imported_too(
    client: httpx.AsyncClient, directory: Directory, tmp_path: Path
) -> None:
    imported(directory, tmp_path, zipped(made_text(400)))
    lines = [read_line(line) for line in made_lines(400)]
    doctor = next(line for line in lines if line.person_national and line.structure and line.kind == "PER")
    found = (await client.get("Practitioner", params={"identifier": doctor.person})).json()["entry"]
    assert [entry["resource"]["name"][0]["family"] for entry in found] == [doctor.family_name]
    by_box = (await client.get("PractitionerRole", params={"mailbox-mss": doctor.address})).json()["entry"]
    place = (await client.get(by_box[0]["resource"]["organization"]["reference"])).json()
    assert place["name"] == doctor.name
    siret = max((line for line in lines if line.structure_register == "SIRET"), key=lambda line: line.structure)
    found = (await client.get("Organization", params={"identifier": f"https://sirene.fr|{siret.structure}"})).json()
    assert {i["value"] for i in found["entry"][0]["resource"]["identifier"]} == {siret.structure, f"3{siret.structure}"}
    total = (await client.get("Organization?_total=accurate&_count=1")).json()["total"]
    places = {(line.structure_register, line.structure) for line in lines if line.structure}
    own = {organisation.finess for organisation in directory.organisations(limit=999)}
    assert total == len(own | {number for _, number in places})
    names = set()
    following = "Practitioner?_count=30"
    while following:
        page = (await client.get(following)).json()
        names |= {entry["resource"]["id"] for entry in page["entry"]}
        following = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
    assert len(names) == 2 + len({line.person_national for line in lines if line.person_national})


async def test_a_hospital_of_many_people_does_not_keep_others_waiting(
    client: httpx.AsyncClient, directory: Directory, tmp_path: Path
) -> None:
    people = [line for line in map(read_line, made_lines(400)) if line.kind == "PER" and line.person_national]
    staff = [line._replace(structure_register="FINESS", structure="990099999") for line in people]
    imported(directory, tmp_path, zipped("\n".join([HEADER, *(line.to_text() for line in staff)]) + "\n"))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    waiting = asyncio.create_task(others())
    query = "Organization?identifier=990099999&_revinclude=PractitionerRole:organization"
    page = (await client.get(query)).json()
    waiting.cancel()
    assert len(page["entry"]) == 1 + len({line.person_national for line in staff})
    assert turns >= len(staff) // 20


BAD_LINES = {
    "ORG|a@b.test": "2 columns",
    "|".join(["APP", "a@b.test", *[""] * 29]): "kind 'APP'",
    "|".join(["PER", "not an address", *[""] * 29]): "no mailbox address",
    "|".join(["PER", "a@b", *[""] * 29]): "no mailbox address",
    "|".join(["PER", "a@b.test", "8", "1", "899700900007", *[""] * 26]): "IdNatPS",
    "|".join(["ORG", "a@b.test", "", "", "", "FINESS", "12", *[""] * 24]): "FINESS",
    "|".join(["ORG", "a@b.test", "", "", "", "SIRET", "00000001800011", *[""] * 24]): "IdNatStruct",
    "|".join(["ORG", "a@b.test", "", "", "", "OTHER", "1", *[""] * 24]): "not known",
    "|".join(["ORG", "a@b.test", "x\x00", *[""] * 28]): "a character",
    "": "1 columns",
}


def test_bad_lines_are_told_by_number_and_set_aside_and_the_others_come_in(empty: Directory, tmp_path: Path) -> None:
    good = list(made_lines(40))
    text = "\n".join([HEADER, *good[:20], *BAD_LINES, *good[20:]]) + "\n"
    octets = text.encode().replace(b"Civil|10", b"Civil\xe9|10", 1)
    spoilt = next(number for number, line in enumerate(text.split("\n"), start=1) if "Civil|10" in line)
    aside = imported(empty, tmp_path, zipped(octets))
    assert [number for number, _, _ in aside] == [spoilt, *range(22, 22 + len(BAD_LINES))]
    for (_, reason, line), (bad, word) in zip(aside[1:], BAD_LINES.items(), strict=True):
        assert (line, word in reason) == (bad, True), reason
    assert "character" in aside[0][1]
    assert len(list(empty.listing.lines())) == 39


def bomb() -> bytes:
    return zipped(HEADER + "\n" + "A" * 60_000_000)


def rubbish() -> bytes:
    """Small, and far more bad lines than anybody would look at."""
    return zipped(HEADER + "\n" + "x\n" * (MOST_ASIDE // 200) + made_text(5))


def two_members() -> bytes:
    octets = io.BytesIO()
    with zipfile.ZipFile(octets, "w") as archive:
        archive.writestr("a.txt", "x")
        archive.writestr("b.txt", "x")
    return octets.getvalue()


def lying() -> bytes:
    """A zip whose directory says that the text is short."""
    octets = zipped(made_text(2_000))
    size = zipfile.ZipFile(io.BytesIO(octets)).infolist()[0].file_size
    return octets.replace(size.to_bytes(4, "little"), (900).to_bytes(4, "little"))


def encrypted() -> bytes:
    octets = bytearray(zipped(made_text(5)))
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        octets[octets.index(signature) + at] |= 1
    return bytes(octets)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (bomb, "more than any extraction"),
        (rubbish, "too many bad lines, the first is line 2: 1 columns"),
        (two_members, "exactly one .txt"),
        (lambda: zipped("x", "list.exe"), "exactly one .txt"),
        (lambda: zipped(made_text(500))[:-2_000], "cut off"),
        (lambda: zipped(made_text(500))[:600] + b"\x00" * 40 + zipped(made_text(500))[640:], "damaged zip"),
        (lying, "damaged zip|in the middle|31 columns"),
        (encrypted, "of a kind that is not read"),
        (lambda: b"", "31 columns"),
        (lambda: b"\x00" * 1000, "31 columns"),
        (lambda: made_text(50).encode("latin-1"), "not UTF-8"),
        (lambda: made_text(50).encode("utf-16"), "not UTF-8|31 columns"),
        (lambda: made_text(50).replace("\n", "\r").encode(), "31 columns"),
        (lambda: made_text(50).encode()[:-40], "in the middle of line 51"),
        (lambda: zipped(made_text(50).encode()[:-40]), "in the middle of line 51"),
        (lambda: made_text(50).replace(HEADER, "a|b|c").encode(), "31 columns"),
        (lambda: made_text(50).replace("|", ";").encode(), "31 columns"),
        (lambda: b"\n".join([HEADER.encode(), *[b"x"] * 20, *map(str.encode, made_lines(5))]), "more bad lines"),
        (lambda: zipped(f"{HEADER}\n{'A' * 100_000}"), "has no end"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_changes_nothing(
    directory: Directory, tmp_path: Path, make: Callable[[], bytes], word: str
) -> None:
    imported(directory, tmp_path, zipped(made_text(60)))
    before = export(directory, forced=True)
    with pytest.raises(ExtractionError, match=word):
        imported(directory, tmp_path, make())
    assert export(directory, forced=True) == before
    assert directory.listing.imported is not None
    assert directory.listing.imported.lines == 60


def test_a_file_that_is_not_there_is_told(directory: Directory, tmp_path: Path) -> None:
    with pytest.raises(ExtractionError, match=r"absent\.zip cannot be read: No such file"):
        import_extraction(directory, tmp_path / "absent.zip", at=AT)


def test_others_see_the_list_of_before_until_the_new_one_is_whole(directory: Directory, tmp_path: Path) -> None:
    imported(directory, tmp_path, zipped(made_text(60)))
    other = Directory(DirectoryRows.open(tmp_path / "home"))
    seen: list[int] = []
    steps: list[int] = []

    def told(octets: int) -> None:
        steps.append(octets)
        seen.append(len(list(other.listing.lines())))

    text = made_text(4_500).encode()
    (tmp_path / "big.zip").write_bytes(zipped(text))
    assert text_octets(tmp_path / "big.zip") == len(text)
    import_extraction(directory, tmp_path / "big.zip", at=AT, progress=told)
    assert (len(steps), sum(steps)) == (3, len(text))  # after 2,000 lines, 4,000, and all
    assert set(seen) == {60}
    assert len(list(other.listing.lines())) == 4_500
    other.close()


def test_an_imported_place_does_not_take_the_place_of_the_homes_own(directory: Directory, tmp_path: Path) -> None:
    line = "ORG|autre@structure-fictive.test||||FINESS|990000010|||||||||||O|AUTRE NOM FICTIF" + "|" * 12
    imported(directory, tmp_path, zipped(f"{HEADER}\n{line}\n"))
    place = directory.organisation("990000010")
    assert place is not None
    assert place.name == "PHARMACIE FICTIVE DES LILAS"
    assert [box.address for box in directory.mailboxes_of("990000010")][
        -1
    ] == "pharmacie.lilas.990000010@officine.mssante.test"


def test_a_mailbox_written_by_an_earlier_version_is_read(directory: Directory) -> None:
    box = directory.mailboxes()[0]
    text = directory.rows.get("mailbox", box.address) or ""
    earlier = text.replace(',"person":null,"shown_in":"both"', "")
    assert earlier != text
    directory.rows.put_many([Row("mailbox", box.address, earlier)])
    assert directory.mailbox(box.address) == Mailbox(**{name: getattr(box, name) for name in Mailbox.__slots__})
