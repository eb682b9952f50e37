"""Base subjects, sent dates and first addresses, as SORT compares them [RFC 5256 §2]."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.message.ordering import base_subject, first_mailbox, sent_date

RECEIVED = datetime(2026, 11, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw", "base", "is_reply"),
    [
        (b"", "", False),
        (b"Ordonnance", "ORDONNANCE", False),
        (b"  two\t  words\r\n here ", "TWO WORDS HERE", False),
        (b"Re: Ordonnance", "ORDONNANCE", True),
        (b"RE:re : Fwd:fw: Ordonnance", "ORDONNANCE", True),
        (b"Re[2]: Ordonnance", "ORDONNANCE", True),
        (b"Re [a] : Ordonnance", "ORDONNANCE", True),
        (b"[liste] Re: [b] Ordonnance", "ORDONNANCE", True),
        (b"[liste] [b] Ordonnance", "ORDONNANCE", False),
        (b"[liste]", "[LISTE]", False),
        (b"Re: [liste]", "[LISTE]", True),
        (b"[a] [b]", "[B]", False),
        (b"Ordonnance (fwd)", "ORDONNANCE", True),
        (b"Ordonnance (FWD) (fwd) ", "ORDONNANCE", True),
        (b"(fwd)", "", True),
        (b"[Fwd: Ordonnance]", "ORDONNANCE", True),
        (b"[fwd: Re: [b] Ordonnance (fwd)]", "ORDONNANCE", True),
        (b"Re: [Fwd: [Fwd: Ordonnance]]", "ORDONNANCE", True),
        (b"[Fwd: Ordonnance] et suite", "ET SUITE", False),
        (b"Reponse: Ordonnance", "REPONSE: ORDONNANCE", False),
        (b"Re", "RE", False),
        (b"Re:", "", True),
        (b"re[a: b", "RE[A: B", False),
        (b"=?utf-8?q?Re=3A_ordonnance_re=C3=A7ue?=", "ORDONNANCE REC\u0327UE", True),
        (b"=?iso-8859-1?q?r=E9ponse?=", "RE\u0301PONSE", False),
        ("Réponse".encode(), "RE\u0301PONSE", False),
    ],
)
def test_a_subject_loses_what_replies_and_forwards_put_around_it(raw, base, is_reply) -> None:
    found = base_subject(raw)
    assert (found.base, found.is_reply) == (base, is_reply)


@given(st.lists(st.sampled_from(["re", "Fwd", "[", "]", ":", " ", "(fwd)", "[fwd:", "x", "\t"]), max_size=20))
def test_a_base_subject_is_its_own_base(pieces) -> None:
    """Removing twice removes nothing more."""
    once = base_subject("".join(pieces).encode())
    assert base_subject(once.base.encode()).base == once.base


@pytest.mark.parametrize("piece", [b"[a]", b"re:", b"(fwd)", b"[fwd:", b"[a] re", b"re[", b" "])
def test_a_hostile_subject_costs_little(piece) -> None:
    started = time.process_time()
    base_subject(piece * 80_000)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("raw", "sent"),
    [
        (b"Sun, 31 Dec 2000 16:01:33 -0800", datetime(2001, 1, 1, 0, 1, 33, tzinfo=UTC)),
        (b"31 Dec 2000 16:01:33 -0000", datetime(2000, 12, 31, 16, 1, 33, tzinfo=UTC)),
        (b" 31 Dec 2000\r\n 16:01 GMT", datetime(2000, 12, 31, 16, 1, tzinfo=UTC)),
        (None, RECEIVED),
        (b"yesterday", RECEIVED),
        (b"31 Feb 2000 16:01:33 +0000", RECEIVED),
        (b"31 Dec 9999 23:59:00 -1400", RECEIVED),
    ],
)
def test_a_sent_date_is_in_utc_or_that_of_arrival(raw, sent) -> None:
    assert sent_date(raw, RECEIVED) == sent


@pytest.mark.parametrize(
    ("raw", "local"),
    [
        (b"", ""),
        (b"Dominique <dominique@patient.mssante.test>, b@c", "DOMINIQUE"),
        (b'"Pharmacie" <"a b"@officine.mssante.test>', "A B"),
        (b"equipe: a@b, c@d;", "EQUIPE"),
        (b"nobody", "NOBODY"),
    ],
)
def test_the_first_address_counts_by_its_local_part(raw, local) -> None:
    assert first_mailbox(raw) == local
