"""The directory's values as JSON text, and back."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from enum import Enum
from typing import Any, TypeVar

from mssante_sim.directory.identifiers import Finess, IdNatPs, IdNatStruct, Ins, Rpps, Siren, Siret
from mssante_sim.directory.model import (
    Attachment,
    AttachmentKind,
    Mailbox,
    MailboxKind,
    MailboxUser,
    Organisation,
    OrganisationKind,
    PatientProfile,
    Person,
    PostalAddress,
    Structure,
)

__all__ = ["mailbox_from", "organisation_from", "patient_from", "text_of"]

_A = TypeVar("_A")
_B = TypeVar("_B")


def text_of(value: Organisation | Mailbox | PatientProfile) -> str:
    """One line of JSON that the reader of its kind turns back into an equal value."""
    return json.dumps(asdict(value), ensure_ascii=False, separators=(",", ":"), default=_plain)


def organisation_from(text: str) -> Organisation:
    """The organisation that `text_of` wrote."""
    fields = json.loads(text)
    return Organisation(
        **fields
        | {
            "kind": OrganisationKind(fields["kind"]),
            "finess": _structure(fields["finess"]),
            "siren": _maybe(Siren, fields["siren"]),
            "siret": _maybe(Siret, fields["siret"]),
            "part_of": _maybe(_structure, fields["part_of"]),
            "address": PostalAddress(**fields["address"]),
        }
    )


def mailbox_from(text: str) -> Mailbox:
    """The mailbox that `text_of` wrote."""
    fields = json.loads(text)
    return Mailbox(
        **fields
        | {
            "kind": MailboxKind(fields["kind"]),
            "attachment": _maybe(_attachment, fields["attachment"]),
            "organisation": _maybe(_structure, fields["organisation"]),
            "responsible": _maybe(Rpps, fields["responsible"]),
            "users": tuple(MailboxUser(**user) for user in fields["users"]),
            "person": _maybe(_person, fields.get("person")),  # absent before 0.2
        }
    )


def patient_from(text: str) -> PatientProfile:
    """The profile that `text_of` wrote."""
    fields = json.loads(text)
    return PatientProfile(**fields | {"ins": Ins(fields["ins"]), "born": date.fromisoformat(fields["born"])})


def _attachment(fields: dict[str, Any]) -> Attachment:
    return Attachment(AttachmentKind(fields["kind"]), fields["value"])


def _structure(number: str) -> Structure:
    return Finess(number) if len(number) == 9 else IdNatStruct(number)


def _person(fields: dict[str, Any]) -> Person:
    return Person(**fields | {"number": IdNatPs(fields["number"])})


def _maybe(read: Callable[[_A], _B], value: _A | None) -> _B | None:
    return None if value is None else read(value)


def _plain(value: object) -> str:
    """What JSON has no form for."""
    match value:
        case Enum():
            return str(value.value)
        case date():
            return value.isoformat()
    raise TypeError(type(value).__name__)
