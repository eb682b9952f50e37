"""Mon espace santé, put together: every operation of the table with the part of the house that does it."""

from starlette.routing import BaseRoute

from mssante_sim.patient import http
from mssante_sim.patient.calls import Call, Content, Handlers
from mssante_sim.patient.history import History
from mssante_sim.patient.house import House
from mssante_sim.patient.keys import Keys
from mssante_sim.patient.letters import Letters
from mssante_sim.patient.news import News
from mssante_sim.patient.openapi import description
from mssante_sim.patient.picker import Picker
from mssante_sim.patient.reading import Reading
from mssante_sim.patient.reception import Reception
from mssante_sim.patient.sessions import Sessions
from mssante_sim.patient.shelf import Shelf
from mssante_sim.patient.writing import Writing

__all__ = ["MonEspaceSante"]


class MonEspaceSante:
    """The service of one stack."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._sessions = Sessions(house.clock, minutes=house.settings.session_minutes, most=house.limits.sessions)
        keys = Keys(house)
        letters = Letters(house, keys)
        history = History(house, letters)
        shelf = Shelf(house, keys)
        picker = Picker(house)
        self._news = News(house, letters)
        self._parts = (
            Reception(house, self._sessions),
            shelf,
            picker,
            Writing(house, keys, shelf=shelf, picker=picker, letters=letters, history=history),
            history,
            Reading(house, keys, letters, history, shelf),
            self._news,
        )

    def routes(self) -> list[BaseRoute]:
        """To be mounted at the root."""
        handlers: Handlers = {"describe": self._describe}
        for part in self._parts:
            handlers = {**handlers, **part.handlers()}
        return http.routes(self._house, self._sessions, handlers)

    def close(self) -> None:
        """Nobody is kept waiting any more."""
        self._news.close()

    async def _describe(self, _call: Call) -> Content:
        return Content((description(),), "application/json")
