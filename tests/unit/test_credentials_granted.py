"""Passwords that a service gets for whoever is signed in to it: once, for a minute."""

from mssante_sim.directory.credentials import Authenticator, Verifier

LOGIN, ADDRESS = "patient@patient.mssante.test", "patient@patient.mssante.test"


class Book:
    def account(self, login: str) -> tuple[str, Verifier] | None:
        known = Verifier.create("pencil", b"0123456789abcdef", iterations=1)
        return (ADDRESS, known) if login == LOGIN else None


def authenticator(seconds: list[float]) -> Authenticator:
    return Authenticator(Book(), iterations=1, now=lambda: seconds[0])


async def test_a_granted_password_opens_once_beside_the_own_one() -> None:
    auth = authenticator([0.0])
    granted = auth.grant(LOGIN)
    assert await auth.check(LOGIN, "pencil") == ADDRESS
    assert await auth.check(LOGIN, granted) == ADDRESS
    assert await auth.check(LOGIN, granted) is None
    assert await auth.check(LOGIN, "pencil") == ADDRESS


async def test_several_hold_at_once_and_each_for_its_login() -> None:
    auth = authenticator([0.0])
    first, second = auth.grant(LOGIN), auth.grant(LOGIN)
    assert await auth.check("other@patient.mssante.test", first) is None
    assert await auth.check(LOGIN, second) == ADDRESS
    assert await auth.check(LOGIN, first) == ADDRESS


async def test_it_holds_for_a_minute_and_leaves_nothing() -> None:
    seconds = [0.0]
    auth = authenticator(seconds)
    in_time, late = auth.grant(LOGIN), auth.grant(LOGIN)
    seconds[0] = 59.9
    assert await auth.check(LOGIN, in_time) == ADDRESS
    seconds[0] = 60.0
    assert await auth.check(LOGIN, late) is None
    assert late not in repr(vars(auth))
    auth.grant("another")
    assert LOGIN not in auth._granted


async def test_for_a_login_that_does_not_exist_it_opens_nothing() -> None:
    auth = authenticator([0.0])
    assert await auth.check("nobody", auth.grant("nobody")) is None
