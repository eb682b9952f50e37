"""An example of each operation, so that tests can go through the whole table."""

from dataclasses import dataclass
from typing import Any

from mssante_sim.patient.table import TABLE, Operation
from tests.mes.visitor import PDF, form

__all__ = ["Things", "request_for"]


@dataclass(frozen=True, slots=True)
class Things:
    """Ids of what one patient has."""

    document: str = "1-1"
    draft: str = "1-1"
    message: str = "r1-1"
    finess: str = "990000010"
    patient: str = "279035121518989"
    n: str = "1"

    def path(self, operation: Operation) -> str:
        """The operation's path with these ids in it."""
        ids = {name: getattr(self, name) for name in self.__slots__}
        return operation.path.format_map(ids)


def request_for(operation: Operation, things: Things) -> dict[str, Any]:
    """Method, url and all that the operation needs to do what it is for."""
    return {"method": operation.method, "url": things.path(operation), **_more(operation.name, things)}


def _more(name: str, things: Things) -> dict[str, Any]:
    return {
        "sign_in": {"json": {"login": "personne@patient.mssante.test", "password": "faux"}},
        "change_state": {"json": {"state": "activated"}},
        "add_document": {"params": {"name": "a.pdf"}, "content": PDF},
        "deposit": {"params": {"patient": things.patient}, "content": PDF},
        "search_pharmacies": {"params": {"name": "pharmacie"}},
        "propose": {"params": {"document": things.document}},
        "write_draft": form({"answers": things.message, "text": "a", "document": things.document}),
        "keep_attachment": {"params": {"attachment": "1"}},
        "wait_for_news": {"params": {"after": "0-0"}},
    }.get(name, {})


assert len({one.name for one in TABLE}) == len(TABLE)
