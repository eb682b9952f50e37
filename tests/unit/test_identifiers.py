"""Identifiers: published and computed values, wrong digits, safe ranges."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.directory.identifiers import (
    Adeli,
    Finess,
    Identifier,
    IdentifierError,
    IdNatPs,
    IdNatStruct,
    Ins,
    Rpps,
    Siren,
    Siret,
    ins_key,
    luhn_digit,
    luhn_valid,
    require_fictitious,
)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Finess, "990000010"),
        (Finess, "990000028"),
        (Finess, "990000036"),
        (Finess, "990000011"),
        (Finess, "2A0000014"),
        (Siren, "000000018"),
        (Siren, "356000000"),
        (Siret, "00000001800010"),
        (Siret, "35600000000048"),
        (Ins, "185059999900181"),
        (Ins, "290029999901218"),
        (Ins, "255072A99901194"),
        (Ins, "279035121518989"),
        (IdNatStruct, "1990000010"),
        (IdNatStruct, "300000001800010"),
        (IdNatStruct, "2000000018"),
        (IdNatStruct, "49970090000601"),
        (IdNatStruct, "099000001800"),
        (Adeli, "990000010"),
        (Adeli, "2A0000014"),
        (IdNatPs, "0990000010"),
        (IdNatPs, "899700900006"),
        (IdNatPs, "3990000010/A-12"),
        (IdNatPs, "500000001800010/7"),
    ],
)
def test_valid_values_are_taken_as_they_are(kind: type[Identifier], value: str) -> None:
    made = kind(value)
    assert made == value
    assert type(made) is kind


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Finess, "99000001"),
        (Finess, "2C0000014"),
        (Finess, "9900000100"),
        (Finess, "99000001٠"),
        (Finess, ""),
        (Finess, "990000010\n"),
        (Finess, " 990000010"),
        (Siren, "000000019"),
        (Siren, "00000001A"),
        (Siret, "00000001800011"),
        (Siret, "00000001900018"),
        (Rpps, "99700900001"),
        (Rpps, "9970090000"),
        (Ins, "185059999900182"),
        (Ins, "255072B99901194"),
        (Ins, "985059999900181"),
        (Ins, "185052C99900181"),
        (IdNatStruct, "2000000019"),
        (IdNatStruct, "5990000010"),
        (Adeli, "990000011"),
        (Adeli, "99000001"),
        (IdNatPs, "899700900007"),
        (IdNatPs, "0990000011"),
        (IdNatPs, "7990000010"),
        (IdNatPs, "3990000010"),
        (IdNatPs, "500000001800011/7"),
        (IdNatStruct, "300000001800011"),
    ],
)
def test_wrong_values_are_refused_with_the_register_named(kind: type[Identifier], value: str) -> None:
    with pytest.raises(IdentifierError) as refused:
        kind(value)
    assert kind.label in refused.value.public


def test_finess_check_digit_counts_in_strict_mode_only() -> None:
    assert Finess.strict("990000010") == Finess("990000010")
    assert Finess.strict("2A0000014") == "2A0000014"
    with pytest.raises(IdentifierError):
        Finess.strict("990000011")


def test_la_poste_may_break_luhn_but_not_its_own_rule() -> None:
    assert not luhn_valid("35600000000001")
    assert Siret("35600000000001").siren == "356000000"  # sum of digits 15
    with pytest.raises(IdentifierError):
        Siret("35600000000002")


def test_corsican_keys_count_2a_as_19_and_2b_as_18() -> None:
    assert ins_key("255072A999011") == "94"
    assert ins_key("255072B999011") == f"{97 - 2550718999011 % 97:02}"


@given(st.text("0123456789", min_size=1, max_size=20))
def test_exactly_one_digit_completes_a_luhn_number(body: str) -> None:
    assert [d for d in "0123456789" if luhn_valid(body + d)] == [luhn_digit(body)]


@given(st.integers(0, 9_999))
def test_generated_identifiers_are_valid_and_fictitious(number: int) -> None:
    siren = Siren.synthetic(number)
    siret = Siret.synthetic(siren, number)
    finess = Finess.synthetic(number)
    for made in (
        siren,
        siret,
        finess,
        Finess.strict(finess),
        Rpps.synthetic(number),
        Adeli.synthetic(number),
        IdNatPs.of(Rpps.synthetic(number)),
        IdNatPs.of(Adeli.synthetic(number)),
        IdNatStruct.of(siren),
        IdNatStruct.of(siret),
        IdNatStruct.of(finess),
    ):
        assert require_fictitious(made) is made
    assert siret.siren == siren


@given(
    st.sampled_from([1, 2]),
    st.integers(1900, 2099),
    st.integers(1, 12),
    st.integers(1, 999),
    st.sampled_from(["99999", "2A999", "2B999"]),
)
def test_generated_ins_is_valid_and_born_nowhere(sex: int, year: int, month: int, order: int, place: str) -> None:
    made = Ins.synthetic(sex=sex, year=year, month=month, order=order, birthplace=place)
    assert Ins(str(made)).birthplace == place
    assert made.is_fictitious


@pytest.mark.parametrize(
    "make",
    [
        lambda: Finess.synthetic(1_000_000),
        lambda: Finess.synthetic(-1),
        lambda: Siren.synthetic(100_000),
        lambda: Rpps.synthetic(10_000),
        lambda: Siret.synthetic(Siren("356000000"), 1),
        lambda: Ins.synthetic(sex=1, year=1980, month=1, order=1, birthplace="35238"),
        lambda: Ins.synthetic(sex=1, year=1980, month=1, order=0),
    ],
)
def test_nothing_is_generated_outside_the_safe_ranges(make) -> None:
    with pytest.raises(IdentifierError):
        make()


@pytest.mark.parametrize(
    "real",
    [
        Finess("350000010"),
        Siren("356000000"),
        Siret("35600000000048"),
        Ins("185053523800101"),
        Ins("185059935000154"),  # born abroad: department 99 alone is not safe
        Rpps("10000000009"),
        IdNatPs("810000000009"),
        Adeli("350000014"),
        IdNatStruct("2356000000"),
        IdNatStruct("1350000010"),
    ],
    ids=lambda one: one.label,
)
def test_what_a_real_person_or_company_could_bear_does_not_pass_the_guard(real: Identifier) -> None:
    with pytest.raises(IdentifierError, match=f"{real.label} {real} lies outside the range"):
        require_fictitious(real)


def test_the_published_fictitious_patient_is_allowed() -> None:
    assert require_fictitious(Ins("279035121518989")).birthplace == "51215"


def test_identifiers_survive_copy_and_pickle() -> None:
    made = Finess("990000010")
    assert type(pickle.loads(pickle.dumps(made))) is Finess  # noqa: S301 - our own octets
    assert type(copy.deepcopy(made)) is Finess
