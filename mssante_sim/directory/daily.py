"""The extraction of the day, as the real service offers it: made once a day, downloaded by whoever wants it.

A change of the directory shows in the next one, or in one that is asked for
(`mssante-sim directory export --publish`).
"""

import asyncio
import os
from pathlib import Path
from threading import RLock
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from mssante_sim.clock import Clock
from mssante_sim.directory.extraction import RealDirectory, extraction_name, is_extraction_name, write_extraction
from mssante_sim.directory.store import Directory
from mssante_sim.storage.errors import StoreError
from mssante_sim.storage.sqlite.directory import DirectoryRows

__all__ = ["DailyExtraction"]

_PATH: Final = "/annuaire-sante-webservices/V300/services/extraction/Extraction_Correspondance_MSSante"


class DailyExtraction:
    """Zips in `<home>/extractions`; reads the directory by a connection of its own, so that any thread may call."""

    def __init__(self, home: Path, clock: Clock) -> None:
        self._home = home
        self._folder = home / "extractions"
        self._clock = clock
        self._making = RLock()

    def current(self) -> Path:
        """The newest of today, made now if there is none.  Raises: RealDirectory, StoreError, OSError."""
        today = extraction_name(self._clock.now())[:-4]
        with self._making:  # whoever comes while it is made waits for it
            made = sorted(file for file in self._folder.glob(f"{today}*.zip") if is_extraction_name(file.name))
            return made[-1] if made else self.publish()

    def publish(self) -> Path:
        """A new one; those of before are gone.  Raises: RealDirectory, StoreError, OSError."""
        at = self._clock.now()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        file = self._folder / f"{extraction_name(at)}.zip"
        new = self._folder / f"new-{os.getpid()}"  # a command may publish while the stack does
        with self._making:
            directory = Directory(DirectoryRows.open(self._home), self._clock)
            try:
                with new.open("wb") as octets:
                    write_extraction(directory, octets, at=at)
                new.replace(file)
            finally:
                directory.close()
                new.unlink(missing_ok=True)
            for old in self._folder.glob("*.zip"):
                if old != file:
                    old.unlink(missing_ok=True)
        return file

    def routes(self) -> list[Route]:
        """Free of access, as the real one."""
        return [Route(_PATH, self._download, methods=["GET", "HEAD"])]

    async def _download(self, request: Request) -> Response:
        try:
            file = await asyncio.to_thread(self.current)
        except RealDirectory as error:
            return PlainTextResponse(error.public, 403)
        except (StoreError, OSError):
            return PlainTextResponse("The extraction cannot be made now; try again later.", 503)
        disposition = f"attachment; filename={file.name}"
        return FileResponse(file, media_type="application/zip", headers={"Content-Disposition": disposition})
