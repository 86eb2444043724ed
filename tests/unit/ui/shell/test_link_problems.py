"""Sentences on what a link names that doesn't exist."""

import pytest

from segcore.ui.shell.link_problems import PARAMETERS, check_listed, describe_missing, describe_unknown


def test_many_missing_values_are_cut_and_counted():
    sentence = describe_missing("runs", [f"run{index}" for index in range(11)] + ["x" * 100])
    assert sentence.startswith("This link names runs that are not listed here: run0, run1,")
    assert sentence.endswith("run7 and 4 more.")
    assert "x" * 60 + "…" in describe_missing("runs", ["x" * 100])


def test_options_are_listed_while_they_are_few():
    assert describe_missing("x", ["hours"], ["epoch", "step"]) == "This link asks for x=hours; there is epoch, step."
    assert describe_missing("x", ["z"], list("abcdefghi")) == "This link asks for x=z, which there isn't."
    assert describe_missing("x", ["z"], [""]) == "This link asks for x=z, which there isn't."
    assert "True, False" in describe_missing("seeds", ["yes"], [True, False])  # no range of numbers


def test_a_parameter_of_another_page_is_unknown():
    assert "threshold" in PARAMETERS["predictions"]
    assert describe_unknown("curves", ["threshold"]) == "This link sets threshold, which this page doesn't have."
    assert describe_unknown("curves", ["smoothing", "runs"]) == ""
    assert describe_unknown("no such page", ["threshold"]) == ""


def test_a_choice_that_links_are_not_told_of_is_refused():
    check_listed("curves", "smoothing")
    check_listed("curves", "runs")
    with pytest.raises(ValueError, match=r"PARAMETERS of link_problems\.py lists no 'sample' for the page 'curves'"):
        check_listed("curves", "sample")
