"""Large results are what a join would give, whatever was guessed of their size."""

import pytest

from mssante_sim.crypto.algorithms import AES_256_CBC
from mssante_sim.crypto.content_encryption import CannotDecrypt, ContentEncryption
from mssante_sim.crypto.gathering import gathered

SMALL, LARGE = b"abc" * 100, bytes(range(256)) * 10_000


@pytest.mark.parametrize("pieces", [[], [b""], [SMALL, b"", SMALL], [SMALL, LARGE, SMALL], [memoryview(LARGE), LARGE]])
@pytest.mark.parametrize("guess", [0.0, 0.5, 1.0, 1.7])
def test_pieces_are_joined_whatever_was_guessed(pieces, guess):
    whole = b"".join(pieces)
    assert gathered(iter(pieces), int(len(whole) * guess)) == whole


@pytest.mark.parametrize("step", [1, 5, 15, 16, 17, 1000])
def test_a_content_that_came_in_pieces_of_any_size_is_decrypted(step):
    encryption, key, clear = ContentEncryption.fresh(AES_256_CBC), bytes(32), SMALL + b"\x01\x02"
    encrypted = memoryview(b"".join(encryption.encrypt(clear, key)))
    pieces = [encrypted[at : at + step] for at in range(0, len(encrypted), step)]
    assert encryption.decrypt_cbc(pieces, key) == clear
    with pytest.raises(CannotDecrypt):
        encryption.decrypt_cbc(pieces[:-1], key)
