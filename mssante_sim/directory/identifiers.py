"""Identifiers of the French health world: strings that exist only when valid.

Each type is a `str` whose construction checks it, so whatever holds one needs
no second check.  `synthetic(number)` builds members of the ranges in which no
real person, company or establishment can exist; `require_fictitious` is the
guard that every generator and every import of synthetic data passes.

Safe ranges  [our choice]: FINESS 99… (no such department), SIREN 000…, RPPS
997009…, ADELI 99…, INS born in 99999 or 2A999 or 2B999 (no such communes).
"""

import re
from typing import ClassVar, Self, TypeVar

from mssante_sim.errors import SimulatorError

__all__ = [
    "PUBLISHED_FICTITIOUS_INS",
    "Adeli",
    "Finess",
    "IdNatPs",
    "IdNatStruct",
    "Identifier",
    "IdentifierError",
    "Ins",
    "Rpps",
    "Siren",
    "Siret",
    "ins_key",
    "luhn_digit",
    "luhn_valid",
    "require_fictitious",
]

PUBLISHED_FICTITIOUS_INS = frozenset({"279035121518989"})
"""Values outside the safe range that public documents give to an invented patient (DOMINIQUE PAT-TROIS)."""

_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")  # and the two digits of what exceeds 9 added up
_LA_POSTE = "356000000"
_SAFE_BIRTHPLACES = frozenset({"99999", "2A999", "2B999"})


class IdentifierError(SimulatorError):
    """The text is not an identifier of the wanted kind."""

    exit_code = 2


def luhn_valid(digits: str) -> bool:
    """Whether the Luhn sum of `digits` is a multiple of 10.  [ISO/IEC 7812-1, annex B]."""
    return _luhn_sum(digits) % 10 == 0


def luhn_digit(digits: str) -> str:
    """The digit that makes `digits` valid when appended."""
    return str(-_luhn_sum(digits + "0") % 10)


def _luhn_sum(digits: str) -> int:
    backwards = digits.encode("ascii")[::-1]
    return sum(backwards[::2]) + sum(backwards[1::2].translate(_DOUBLED)) - ord("0") * len(digits)


def ins_key(number: str) -> str:
    """The two key digits of a 13-character INS; 2A counts as 19, 2B as 18.  [INSEE, NIR]."""
    plain = number[:5] + number[5:7].replace("2A", "19").replace("2B", "18") + number[7:]
    return f"{97 - int(plain) % 97:02}"


class Identifier(str):
    """A string of one register's form.

    Raises:
        IdentifierError: the text has another length, character set or check digit.
    """

    __slots__ = ()
    label: ClassVar[str]
    form: ClassVar[re.Pattern[str]]
    safe: ClassVar[tuple[str, ...]] = ()  # how those begin that lie where no real one can

    def __new__(cls, value: str) -> Self:
        """`value`, checked."""
        if cls.form.fullmatch(value) is None or not cls._checks(value):
            raise IdentifierError(f"{value[:40]!r} is not a valid {cls.label} number.")
        return super().__new__(cls, value)

    @classmethod
    def _checks(cls, value: str) -> bool:
        return luhn_valid(value)

    @property
    def is_fictitious(self) -> bool:
        """Whether it lies where no real one can."""
        return self.startswith(self.safe)


_T = TypeVar("_T", bound=Identifier)


class Finess(Identifier):
    """A legal or geographic entity of the FINESS register: department and 7 characters.

    Published samples break the check digit, so the plain constructor looks at the form only.
    """

    __slots__ = ()
    label = "FINESS"
    form = re.compile(r"(?:[0-9]{2}|2[AB])[0-9]{7}")
    safe = ("99",)

    @classmethod
    def _checks(cls, value: str) -> bool:  # noqa: ARG003 - the form is all there is to check
        return True

    @classmethod
    def strict(cls, value: str) -> Self:
        """As the constructor, and the check digit is right; Corsica's A counts as 1, its B as 2."""
        finess = cls(value)
        if not luhn_valid(finess.replace("A", "1").replace("B", "2")):
            raise IdentifierError(f"{value!r} has a wrong FINESS check digit.")
        return finess

    @classmethod
    def synthetic(cls, number: int) -> Self:
        """The `number`-th of the safe range, 0 to 999,999."""
        return _fictitious(cls, cls.safe[0], number, 6)


class Siren(Identifier):
    """A legal unit of the Sirene register: 9 digits."""

    __slots__ = ()
    label = "SIREN"
    form = re.compile(r"[0-9]{9}")
    safe = ("000",)

    @classmethod
    def synthetic(cls, number: int) -> Self:
        """The `number`-th of the safe range, 0 to 99,999."""
        return _fictitious(cls, cls.safe[0], number, 5)


class Siret(Identifier):
    """An establishment of the Sirene register: SIREN and 5 digits."""

    __slots__ = ()
    label = "SIRET"
    form = re.compile(r"[0-9]{14}")
    safe = ("000",)

    @classmethod
    def _checks(cls, value: str) -> bool:
        return _siret_checks(value)

    @classmethod
    def synthetic(cls, siren: Siren, establishment: int = 1) -> Self:
        """The `establishment`-th place of `siren`, 0 to 9,999."""
        return _fictitious(cls, siren, establishment, 4)

    @property
    def siren(self) -> Siren:
        """The legal unit it belongs to."""
        return Siren(self[:9])


class Rpps(Identifier):
    """A professional of the RPPS: 11 digits."""

    __slots__ = ()
    label = "RPPS"
    form = re.compile(r"[0-9]{11}")
    safe = ("997009",)

    @classmethod
    def synthetic(cls, number: int) -> Self:
        """The `number`-th of the safe range, 0 to 9,999."""
        return _fictitious(cls, cls.safe[0], number, 4)


class Adeli(Identifier):
    """A professional of the former ADELI register: department and 7 digits, the last a check digit."""

    __slots__ = ()
    label = "ADELI"
    form = re.compile(r"(?:[0-9]{2}|2[AB])[0-9]{7}")
    safe = ("99",)

    @classmethod
    def _checks(cls, value: str) -> bool:
        return luhn_valid(value.replace("A", "1").replace("B", "2"))

    @classmethod
    def synthetic(cls, number: int) -> Self:
        """The `number`-th of the safe range, 0 to 999,999."""
        return _fictitious(cls, cls.safe[0], number, 6)


class Ins(Identifier):
    """A national health identity: sex, year and month of birth, place, order, key (15 characters)."""

    __slots__ = ()
    label = "INS"
    form = re.compile(r"[1-478][0-9]{4}(?:[0-9]{2}|2[AB])[0-9]{8}")

    @classmethod
    def _checks(cls, value: str) -> bool:
        return value[13:] == ins_key(value[:13])

    @classmethod
    def synthetic(cls, *, sex: int, year: int, month: int, order: int, birthplace: str = "99999") -> Self:
        """A person of `sex` (1 man, 2 woman) born in `year` and `month` where nobody is.

        Raises:
            IdentifierError: an order outside 1 to 999, a birthplace that exists.
        """
        if not 1 <= order <= 999:
            raise IdentifierError(f"The order {order} of an INS must lie between 1 and 999.")
        number = f"{sex}{year % 100:02}{month:02}{birthplace}{order:03}"
        return require_fictitious(cls(number + ins_key(number)))

    @property
    def birthplace(self) -> str:
        """The code of the commune or country of birth."""
        return self[5:10]

    @property
    def is_fictitious(self) -> bool:
        """Whether it lies where no real one can, or was published as an invented patient's."""
        return self.birthplace in _SAFE_BIRTHPLACES or self in PUBLISHED_FICTITIOUS_INS


class IdNatStruct(Identifier):
    """The national number of a structure: a digit that names the register, and its number there.

    0 practice of an ADELI number · 1 FINESS · 2 SIREN · 3 SIRET · 4 practice of an RPPS number.
    [Annuaire Santé FHIR v2] for 1 and 3; the others stand in extractions.
    """

    __slots__ = ()
    label = "IdNatStruct"
    form = re.compile(r"0(?:[0-9]{2}|2[AB])[0-9]{7,9}|1(?:[0-9]{2}|2[AB])[0-9]{7}|2[0-9]{9}|3[0-9]{14}|4[0-9]{11,14}")
    safe = ("099", "199", "2000", "3000", "4997009")

    @classmethod
    def _checks(cls, value: str) -> bool:
        match value[0]:
            case "2":
                return luhn_valid(value[1:])
            case "3":
                return _siret_checks(value[1:])
        return True

    @classmethod
    def of(cls, identifier: "Finess | Siren | Siret | IdNatStruct") -> Self:
        """The number of the structure that `identifier` names."""
        if isinstance(identifier, IdNatStruct):
            return cls(identifier)
        register = "1" if isinstance(identifier, Finess) else "2" if isinstance(identifier, Siren) else "3"
        return cls(register + identifier)


class IdNatPs(Identifier):
    """The national number of a professional: `0` and an ADELI, `8` and an RPPS number, or an employer's.

    3 FINESS · 4 SIREN · 5 SIRET of the employer, a slash and its own number of the person.
    """

    __slots__ = ()
    label = "IdNatPS"
    form = re.compile(
        r"0(?:[0-9]{2}|2[AB])[0-9]{7}|8[0-9]{11}"
        r"|(?:3(?:[0-9]{2}|2[AB])[0-9]{7}|4[0-9]{9}|5[0-9]{14})/[A-Za-z0-9.-]{1,30}"
    )
    safe = ("099", "399", "4000", "5000", "8997009")

    @classmethod
    def _checks(cls, value: str) -> bool:
        kind, number = value[0], value[1:].partition("/")[0]
        if kind == "5":
            return _siret_checks(number)
        return kind == "3" or luhn_valid(number.replace("A", "1").replace("B", "2"))

    @classmethod
    def of(cls, identifier: "Adeli | Rpps") -> Self:
        """The number of the professional that `identifier` names."""
        return cls(("0" if isinstance(identifier, Adeli) else "8") + identifier)


def require_fictitious(identifier: _T) -> _T:
    """`identifier` itself, which is certain to name nobody real.

    Raises:
        IdentifierError: a real person or company could bear it.
    """
    if not identifier.is_fictitious:
        raise IdentifierError(f"{identifier.label} {identifier} lies outside the range kept for fictitious data.")
    return identifier


def _siret_checks(value: str) -> bool:
    if value.startswith(_LA_POSTE) and sum(map(int, value)) % 5 == 0:
        return True  # its many offices outgrew the Luhn numbers
    return luhn_valid(value) and luhn_valid(value[:9])


def _fictitious(cls: type[_T], prefix: str, number: int, width: int) -> _T:
    """`prefix`, `number` in `width` digits, and the check digit."""
    if not 0 <= number < 10**width:
        raise IdentifierError(f"The safe range of {cls.label} numbers ends before {number}.")
    body = f"{prefix}{number:0{width}}"
    return require_fictitious(cls(body + luhn_digit(body)))
