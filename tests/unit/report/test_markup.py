"""Markup, axes and which images are shown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore.report import charts
from segcore.report.axis import Axis
from segcore.report.image_selection import choose
from segcore.report.markup import Html, el


def test_text_and_attributes_are_escaped_and_markup_is_not():
    made = el("p", "<b>", Html("<i>x</i>"), [1, None, 2.5], class_="a\"b'", hidden=True, title=None)
    assert made == '<p class="a&quot;b&#x27;" hidden>&lt;b&gt;<i>x</i>12.5</p>'


@given(st.lists(st.integers(-(10**7), 10**7).map(lambda value: value / 1e4), min_size=1, max_size=6))
def test_an_axis_holds_its_values_and_has_few_ticks(values):
    axis = Axis.around(values)
    slack = 1e-6 * max(1.0, axis.high - axis.low)
    assert axis.low - slack <= min(values) and max(values) <= axis.high + slack
    assert 2 <= len(axis.ticks) <= 8
    assert len({axis.label(tick) for tick in axis.ticks}) == len(axis.ticks)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [([0.348, 0.598], (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)), ([3], (2.6, 2.8, 3.0, 3.2, 3.4)), ([], None)],
)
def test_ticks(values, ticks):
    found = Axis.around(values).ticks
    assert ticks is None or np.allclose(found, ticks)


def test_images_are_chosen_by_rule_and_shown_once():
    values = np.array(
        [[0.5, 0.2, 0.9, 0.6, np.nan, 0.40], [0.5, 0.3, 0.8, 0.2, 0.1, 0.45], [0.5, 0.1, 0.9, 0.5, 0.5, 0.40]]
    )
    found = choose(values, ["a", "b", "c"], 9)
    assert [(each.rule, each.place) for each in found[:4]] == [
        ("Typical", 3),
        ("Hardest", 1),
        ("Most different", 2),
        ("Most spread", 5),
    ]
    assert sorted(each.place for each in found) == [0, 1, 2, 3, 5]  # the one without a score is never shown
    assert "between a and b, the two best by validation" in found[2].detail
    assert [each.place for each in choose(values, ["a", "b", "c"], 2)] == [3, 1]
    assert choose(values, ["a", "b", "c"], 0) == []
    assert [each.rule for each in choose(values[:1], ["a"], 3)] == ["Typical", "Hardest", "Easiest"]


def test_of_a_difference_the_hue_tells_who_does_better_and_the_words_the_sign():
    found = charts.matrix(np.array([[0.1, -0.2], [0.3, -0.4]]), ["Car", "Tree"], "x", against=True)
    cells = [each.partition("<")[0] for each in found.split("<title>")[1:]]
    assert cells == [
        "Car taken for Car: +10.0 points",
        "Car taken for Tree: -20.0 points",
        "Tree taken for Car: +30.0 points",
        "Tree taken for Tree: -40.0 points",
    ]
    hues = [each.partition('"')[0] for each in found.split('class="cell-')[1:]]
    assert hues == ["more", "more", "less", "less"]  # right more often, wrong less often: both are better
