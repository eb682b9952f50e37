"""Being told of answers as they arrive, without opening them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mssante_sim.clients.espace.answers import Misused
from mssante_sim.clients.espace.service import EspaceSante
from mssante_sim.patient import api

__all__ = ["News", "wait"]

_WAIT_S: Final = 50  # less than what a proxy on the way takes for dead


@dataclass(frozen=True, slots=True)
class News:
    """A message that arrived, or one sent of which something became known; and its conversation."""

    message: api.MessageLine
    conversation: api.ConversationLine


def wait(espace: EspaceSante) -> Iterator[News | None]:
    """First None: from then on nothing is missed.  Then each thing that happens; it never ends by itself."""
    after = espace.news().after
    yield None
    while True:
        news = espace.news(after, _WAIT_S)
        after = news.after
        for message in (*news.messages, *news.updated):
            try:
                found = espace.conversation(message)
            except Misused:
                continue  # removed meanwhile
            yield from (News(line, found.conversation) for line in found.messages if line.id == message)
