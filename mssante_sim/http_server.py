"""One uvicorn in our loop, on sockets that are already bound, that leaves signals to the caller."""

import asyncio
import contextlib
import socket
from collections.abc import Generator, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute

__all__ = ["HttpServer", "bind"]


def bind(host: str, port: int) -> socket.socket:
    """A TCP socket bound to `host` and `port` (0: a free one), not yet listening.  Raises: OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        if not hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # on Windows it would share the port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


class _Server(uvicorn.Server):
    """uvicorn replaces the process's signal handlers; the stack has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """No signal handler is touched."""
        yield


class HttpServer:
    """Serves `routes` on `sockets` from `start` to `stop`."""

    def __init__(self, routes: Sequence[BaseRoute], sockets: Sequence[socket.socket]) -> None:
        config = uvicorn.Config(
            Starlette(routes=list(routes)),
            lifespan="off",
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        self._server = _Server(config)
        self._sockets = list(sockets)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Requests are answered from here on."""
        self._task = asyncio.create_task(self._server.serve(sockets=self._sockets))
        while not self._server.started:
            if self._task.done():
                await self._task
            await asyncio.sleep(0.005)  # uvicorn has no event for it

    async def stop(self) -> None:
        """No request is answered any more; those under way had two seconds."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
