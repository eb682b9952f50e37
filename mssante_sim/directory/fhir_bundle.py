"""What surrounds resources: bundles, outcomes, the capability statement.  [Annuaire Santé FHIR v2]"""

from collections.abc import Mapping, Sequence

from mssante_sim.directory.fhir import Resource, without_empty
from mssante_sim.directory.fhir_types import INCLUDES, TYPES

__all__ = ["bundle", "capabilities", "outcome"]


def bundle(
    base: str,
    matches: Sequence[Resource],
    others: Sequence[Resource] = (),
    *,
    itself: str,
    following: str | None,
    total: int | None,
) -> Resource:
    """One page of a search; `others` are what was included; `total` only where it is known."""
    links = [{"relation": "next", "url": following}] if following else []
    entries = [_entry(base, each, "match") for each in matches] + [_entry(base, each, "include") for each in others]
    page: Resource = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": total,
        "link": [*links, {"relation": "self", "url": itself}],
        "entry": entries,
    }
    return without_empty({name: value for name, value in page.items() if value is not None})


def _entry(base: str, resource: Resource, mode: str) -> Resource:
    url = f"{base}/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}


def outcome(diagnostics: str, *, code: str = "processing") -> Resource:
    """One error, in the server's form."""
    issue = {"severity": "error", "code": code, "diagnostics": diagnostics}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def capabilities(*, version: str) -> Resource:
    """What the façade can do."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-25",
        "kind": "instance",
        "software": {"name": "mssante-sim", "version": version},
        "implementation": {"description": "Simulateur de l'Annuaire Santé : données fictives"},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [{"mode": "server", "resource": [_type(name) for name in TYPES]}],
    }


def _type(name: str) -> Resource:
    kinds: Mapping[str, str] = {key: parameter.kind for key, parameter in TYPES[name].parameters.items()}
    included = [key for key in INCLUDES if key.startswith(f"{name}:")]
    referring = [key for key, (_, target) in INCLUDES.items() if target == name]
    return without_empty(
        {
            "type": name,
            "profile": TYPES[name].profile,
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "searchInclude": included,
            "searchRevInclude": referring,
            "searchParam": [{"name": key, "type": kind} for key, kind in kinds.items()],
        }
    )
