"""Everything that the directory serves over HTTP."""

from collections.abc import Callable, Mapping

from starlette.routing import BaseRoute

from mssante_sim.clock import Clock
from mssante_sim.config import Settings
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.directory import http
from mssante_sim.directory.autoconfig import autoconfig_routes
from mssante_sim.directory.certificates import certificate_routes
from mssante_sim.directory.daily import DailyExtraction
from mssante_sim.directory.store import Directory
from mssante_sim.directory.trust_list import WhiteListService

__all__ = ["annuaire_routes"]


def annuaire_routes(
    directory: Directory,
    keystore: Keystore,
    settings: Settings,
    clock: Clock,
    *,
    api_key: str,
    ports: Callable[[], Mapping[str, int]],
) -> list[BaseRoute]:
    """FHIR façade, flat extraction, white list, certificates, autoconfig; `ports` are asked when all listen."""
    return [
        *http.routes(directory, api_key=api_key),
        *DailyExtraction(settings.home, clock).routes(),
        *WhiteListService(directory.rows, keystore, settings.domains, clock).routes(),
        *certificate_routes(directory, keystore, clock, api_key=api_key),
        *autoconfig_routes(directory, settings.domains, settings.host_name, ports),
    ]
