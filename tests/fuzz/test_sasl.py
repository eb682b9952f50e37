"""What clients say in exchanges of SASL, torn apart and put together again."""

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.targets import sasl
from tests.unit.sasl.parties import ACCOUNT, TOKEN

PIECES = [
    *(b"n,,", b"y,,", b"p=tls-server-end-point,,", b"a=user,", b"n=user,", b"r=x", b",p=", b"c=biws,", b"=2C", b"=3D"),
    *(b"auth=", b"Bearer ", b"host=localhost", b"user=", ACCOUNT.encode(), TOKEN.encode(), b"\0", b"\1", b"\xfe"),
]


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=8), max_size=12).map(b"".join))
def test_a_client_may_say_anything(octets: bytes) -> None:
    sasl(octets)
