"""A few items spread evenly over many."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segcore.data.evenly_spread import spread


@given(st.integers(0, 40), st.integers(1, 12))
def test_steps_are_even_from_the_first_to_the_last(total, count):
    taken = spread(range(total), count)
    assert len(taken) == min(total, count)
    if len(taken) > 1:
        assert (taken[0], taken[-1]) == (0, total - 1)
        steps = np.diff(taken)
        assert steps.min() > 0 and steps.max() - steps.min() <= 1
