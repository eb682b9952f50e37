"""Whose file a message belongs to: by INS, else by a person; and registers as programs really save them."""

from pathlib import Path

import pytest

from mssante_sim.clients.matching import Candidate, Claimed, RegisterUnusable, match, read_register
from mssante_sim.message.headers import Address

INS = "279035121518989"
OTHER = "185059999900181"
WRONG_KEY = "279035121518988"
PAT_TROIS = Claimed.by(Address("Dominique PAT-TROIS", f"{INS}@patient.mssante.test"))


@pytest.fixture
def register(tmp_path: Path) -> Path:
    return tmp_path / "registre.csv"


def lines(*rows: str) -> bytes:
    return "\r\n".join(("ins;nom;prenom;naissance", *rows, "")).encode()


def found(register: Path, octets: bytes, claimed: Claimed = PAT_TROIS) -> tuple[int | None, list[int]]:
    """Line of what was found without a doubt, lines of what is to be compared."""
    register.write_bytes(octets)
    matching = match(claimed, read_register(register))
    return matching.found.line if matching.found else None, [one.line for one in matching.candidates]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([f"{INS};PAT-TROIS;Dominique;28/03/1979"], (2, [])),
        ([f"{OTHER};AUTRE;Anne;1985-05-01", f"{INS};pat trois;dominique;1979-03-28"], (3, [])),
        (["2 79 03 51 215 189 89;PAT-TROIS;Dominique;"], (2, [])),
        ([f"{INS};TOUT-AUTRE;Zoé;"], (None, [2])),
        ([f"{INS};PAT-TROIS;Dominique;", f"{INS};PAT-TROIS;Dominique;"], (None, [2, 3])),
        ([";PAT-TROIS;Dominique;28/03/1979"], (None, [2])),
        ([f"{WRONG_KEY};PAT-TROIS;Dominique;"], (None, [2])),
        ([f"{OTHER};PAT-TROIX;Dominique;", f"{OTHER};Pat Trois;Dominique;"], (None, [3, 2])),
        ([f"{OTHER};MARTIN-FICTIF;Paul;"], (None, [])),
        ([";;;"], (None, [])),
    ],
    ids=[
        "the INS and the name", "among others, whatever the case", "blanks in the INS", "the INS, another name",
        "twice", "no INS", "a wrong key", "similar names, the closest first", "nobody like it", "an empty line",
    ],
)  # fmt: skip
def test_the_ins_decides_and_a_person_where_it_cannot(
    rows: list[str], expected: tuple[int | None, list[int]], register: Path
) -> None:
    assert found(register, lines(*rows)) == expected


def test_an_address_without_an_ins_matches_no_ins(register: Path) -> None:
    claimed = Claimed.by(Address("Dominique PAT-TROIS", "someone@patient.mssante.test"))
    assert found(register, lines(f"{INS};PAT-TROIS;Dominique;", ";PAT-TROIS;Dominique;"), claimed) == (None, [2, 3])


def test_what_the_number_is_made_of_is_shown_for_comparing() -> None:
    assert (PAT_TROIS.sex, PAT_TROIS.born) == ("femme", "03/79")
    assert (Claimed("", None).sex, Claimed("", None).born) == ("", "")


def test_a_wrong_key_is_told_with_its_line(register: Path) -> None:
    register.write_bytes(lines(f"{OTHER};A;B;", f"{WRONG_KEY};A;B;"))
    assert read_register(register).remarks == ("ligne 3 : INS de forme ou de clé fausse, non utilisé",)


@pytest.mark.parametrize(
    "octets",
    [
        "ins;nom;prenom;naissance\r\n;ÉTÉ-FICTIF;Zoé;1979-03-28\r\n".encode(),
        "\ufeffins;nom;prenom;naissance\n;ÉTÉ-FICTIF;Zoé;1979-03-28\n".encode(),
        "INS;Nom;Prénom;Naissance\r\n;ÉTÉ-FICTIF;Zoé;28/03/1979".encode("cp1252"),
        "naissance,prenom,nom,ins\n1979-03-28,Zoé,ÉTÉ-FICTIF,\n".encode(),
        'ins\tnom\tprenom\tnaissance\n\t"ÉTÉ-FICTIF"\tZoé\t28/03/1979\n'.encode(),
    ],
    ids=["UTF-8", "with its mark", "as Excel saves", "commas, another order", "tabulations"],
)
def test_a_register_is_read_as_programs_save_it(octets: bytes, register: Path) -> None:
    register.write_bytes(octets)
    assert read_register(register).candidates == (Candidate(2, None, "ÉTÉ-FICTIF", "Zoé", "28/03/1979"),)


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "colonne ins"),
        (b"ins;nom;prenom\r\n", "colonne naissance"),
        (b"PK\x03\x04\0\0", "pas du texte"),
        (b'ins;nom;prenom;naissance\r\n"' + b"a" * 200_000 + b'";b;c;d\r\n', "ligne"),
    ],
    ids=["empty", "a column is missing", "a workbook", "a cell without an end"],
)
def test_what_is_no_register_is_told_in_french(octets: bytes, words: str, register: Path) -> None:
    register.write_bytes(octets)
    with pytest.raises(RegisterUnusable) as error:
        read_register(register)
    assert words in error.value.french


def test_a_register_that_is_not_there_is_told_in_french(tmp_path: Path) -> None:
    with pytest.raises(RegisterUnusable) as error:
        read_register(tmp_path / "absent.csv")
    assert "inutilisable" in error.value.french
