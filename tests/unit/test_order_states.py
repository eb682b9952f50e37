"""The state of an order, read off the flags of its message."""

import pytest

from mssante_sim.clients.states import OrderState, state_of


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        ([], None),
        (["\\Seen", "$label1"], None),
        (["\\Seen", "$mss_recue"], OrderState.RECUE),
        (["$mss_prete", "$mss_recue", "$mss_prepa"], OrderState.PRETE),
        (["$MSS_Delivree"], OrderState.DELIVREE),
    ],
)
def test_the_state_furthest_along_counts(flags: list[str], state: OrderState | None) -> None:
    assert state_of(flags) is state


def test_a_keyword_is_an_atom_in_small_letters() -> None:
    # Thunderbird folds the keywords that it reads
    assert all(state.keyword.isascii() and state.keyword == state.keyword.lower() for state in OrderState)
    assert all(state.keyword.startswith("$mss_") for state in OrderState)
