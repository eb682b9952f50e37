"""Finding a pharmacy as a patient's application does: through the FHIR façade of the directory.

Only pharmacies with an organisational MSSanté mailbox come back; the address of
the mailbox is never typed, and never shown to the patient.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from mssante_sim.directory.model import PHARMACY_SECTORS
from mssante_sim.errors import SimulatorError

__all__ = ["Annuaire", "DirectoryUnreachable", "Pharmacy"]

_EMAIL_TYPE: Final = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-contact-point-email-type"
_METADATA: Final = "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-ext-mailbox-mss-metadata"
_FINESS_GEOGRAPHIC: Final = "FINEG"
_TIMEOUT_S: Final = 10.0


class DirectoryUnreachable(SimulatorError):
    """The directory did not answer, or not as it should."""

    exit_code = 5


@dataclass(frozen=True, slots=True)
class Pharmacy:
    """A pharmacy that can be written to."""

    finess: str
    name: str
    enseigne: str | None
    line: str
    postal_code: str
    town: str
    mailbox: str
    mailbox_name: str

    @property
    def label(self) -> str:
        """`NOM ( ENSEIGNE )`, as the picker shows it.  [ENS Messagerie V1.3]"""
        return f"{self.name} ( {self.enseigne} )" if self.enseigne else self.name


@dataclass(frozen=True, slots=True)
class Annuaire:
    """The directory's façade at `base` (up to and including ``/fhir/v2``)."""

    base: str
    api_key: str

    def search(self, name: str | None = None, place: str | None = None) -> list[Pharmacy]:
        """Pharmacies by name and place, in the directory's order; at least one is needed.

        A place is a town, or the beginning of a postal code.

        Raises:
            DirectoryUnreachable: no answer, or an error.
        """
        where = "address-postalcode" if place and place.strip().isdecimal() else "address-city"
        wanted = {"name:contains": name, where: place}
        return self._pharmacies({key: value for key, value in wanted.items() if value})

    def by_finess(self, finess: str) -> list[Pharmacy]:
        """The pharmacy of exactly that number, or none.  Raises: DirectoryUnreachable."""
        return self._pharmacies({"identifier": finess})

    def _pharmacies(self, wanted: Mapping[str, str]) -> list[Pharmacy]:
        query = {**wanted, "type": ",".join(sorted(PHARMACY_SECTORS)), "active": "true"}
        return [found for entry in self._organisations(query) if (found := _pharmacy(entry)) is not None]

    def _organisations(self, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Every entry of every page."""
        url: str | None = f"{self.base}/Organization"
        params: Mapping[str, str] | None = query
        with httpx.Client(headers={"ESANTE-API-KEY": self.api_key}, timeout=_TIMEOUT_S, trust_env=False) as client:
            while url is not None:
                bundle = self._get(client, url, params)
                yield from (entry["resource"] for entry in bundle.get("entry", ()))
                links = {link["relation"]: link["url"] for link in bundle.get("link", ())}
                url, params = links.get("next"), None

    def _get(self, client: httpx.Client, url: str, params: Mapping[str, str] | None) -> dict[str, Any]:
        try:
            answer = client.get(url, params=params)
            answer.raise_for_status()
            bundle: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise DirectoryUnreachable(
                f"The directory at {self.base} did not answer as it should: {error}. Is the stack up?",
                french=f"L'annuaire {self.base} ne répond pas correctement. Le serveur est-il lancé ?",
            ) from error
        return bundle


def _pharmacy(organisation: dict[str, Any]) -> Pharmacy | None:
    """The place and its preferred mailbox, which comes first; None without a mailbox."""
    finess = next(
        (
            identifier["value"]
            for identifier in organisation.get("identifier", ())
            for coding in identifier.get("type", {}).get("coding", ())
            if coding.get("code") == _FINESS_GEOGRAPHIC
        ),
        None,
    )
    address = _first(organisation.get("address"))
    mailbox = next(_mss_mailboxes(organisation), None)
    if finess is None or mailbox is None:
        return None
    return Pharmacy(
        finess=finess,
        name=organisation.get("name", ""),
        enseigne=next(iter(organisation.get("alias", ())), None),
        line=next(iter(address.get("line", ())), ""),
        postal_code=address.get("postalCode", ""),
        town=address.get("city", ""),
        mailbox=mailbox[0],
        mailbox_name=mailbox[1],
    )


def _first(elements: list[dict[str, Any]] | None) -> dict[str, Any]:
    return elements[0] if elements else {}


def _mss_mailboxes(organisation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Address and description of each ORG mailbox; an organisation may also carry a plain e-mail that is no mailbox."""
    for telecom in organisation.get("telecom", ()):
        extensions = {extension["url"]: extension for extension in telecom.get("extension", ())}
        if telecom.get("system") != "email" or _METADATA not in extensions:
            continue
        kind = extensions.get(_EMAIL_TYPE, {}).get("valueCoding", {}).get("code")
        parts = {part["url"]: part for part in extensions[_METADATA].get("extension", ())}
        box = _first(parts.get("type", {}).get("valueCodeableConcept", {}).get("coding")).get("code")
        if kind == "MSSANTE" and box == "ORG":
            yield telecom["value"], parts.get("description", {}).get("valueString", "")
