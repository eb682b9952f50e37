"""A stack that stays up never lets its revocation lists run out."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from mssante_sim import stack as composition
from mssante_sim.clock import FixedClock
from mssante_sim.crypto.issuers import Issuers
from tests.mes.conftest import Inside

pytestmark = pytest.mark.slow  # a stack of its own

PATIENCE_S = 60


async def test_lists_are_new_each_day_without_a_restart_also_after_a_failure(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that jumps to the day before they end, and a disk that is full when they are first written anew.

    The copies that users import and that the pharmacy's client judges by are new too.
    """
    monkeypatch.setattr(composition, "_HOUR_S", 0.01)
    clock, full = FixedClock(datetime.now(UTC)), [True]
    publish = Issuers.publish

    def publish_or_fail(issuers: Issuers, *, at: datetime) -> None:
        if at == clock.now() and clock.now() > began and full:
            full.clear()
            raise OSError(28, "No space left on device")
        publish(issuers, at=at)

    began = clock.now()
    monkeypatch.setattr(Issuers, "publish", publish_or_fail)
    async with (
        inside(clock=clock) as stack,
        httpx.AsyncClient(timeout=PATIENCE_S) as client,
        asyncio.timeout(PATIENCE_S),
    ):

        async def ends() -> set[datetime | None]:
            urls = (f"{stack.running.http}/crl/{name}.crl" for name in ("root", "issuing"))
            lists = [x509.load_der_x509_crl((await client.get(url)).content) for url in urls]
            return {one.next_update_utc for one in lists}

        def copies_end() -> set[datetime | None]:
            file = Path(stack.running.crl_file)
            lists = [x509.load_der_x509_crl((file.parent / name).read_bytes()) for name in ("root.crl", "issuing.crl")]
            pem = [f"-----BEGIN{one}".encode() for one in file.read_text().split("-----BEGIN")[1:]]
            return {one.next_update_utc for one in (*lists, *map(x509.load_pem_x509_crl, pem))}

        month = began.replace(microsecond=0) + timedelta(days=30)
        assert await ends() == copies_end() == {month}
        clock.advance(timedelta(days=29))
        while await ends() != {month + timedelta(days=29)}:
            assert clock.now() < month
        while copies_end() != {month + timedelta(days=29)}:
            await ends()
    assert full == []
