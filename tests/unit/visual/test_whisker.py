import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore.visual.whisker import Whisker, common_ends

NAN = math.nan


@given(st.lists(st.integers(-(10**7), 10**7).map(lambda value: value / 1e4), min_size=1, max_size=6))
def test_an_axis_holds_its_values_with_room(values):
    low, high = common_ends([*values, NAN])
    assert low < min(values) and max(values) < high
    assert all(0 < Whisker.between((low, high), "#112233", value, NAN, NAN).value < 1 for value in values)


def test_without_values_there_is_an_axis_too():
    assert common_ends([NAN]) == (0, 1)


@pytest.mark.parametrize(
    ("value", "low", "high", "drawn"),
    [
        (0.5, 0.4, 0.7, ('<i class="range" style="left:40.0%;width:30.0%">', '<i class="value" style="left:50.0%">')),
        (0.5, NAN, NAN, ('<i class="range" style="left:50.0%;width:0.0%">', '<i class="value" style="left:50.0%">')),
        (NAN, NAN, NAN, ('<span class="track"></span>',)),
    ],
)
def test_only_what_is_known_is_drawn(value, low, high, drawn):
    bar = Whisker.between((0.0, 1.0), "#112233", value, low, high).to_html()
    assert all(part in bar for part in drawn)
