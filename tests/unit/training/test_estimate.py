"""How long a training will take, from its first steps."""

import io

import pytest
from rich.console import Console

from segcore.training.console import Reporter
from segcore.training.estimate import Estimate
from segcore.training.search.console import SearchReporter


class Clock:
    """Moves by hand."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def first(estimate, clock, seconds):
    """(number of steps, what it said) when an estimate first says something of steps of these seconds."""
    for count in range(1, 200):
        if (output := estimate.after_step()) is not None:
            return count, output
        clock.now += seconds
    return None


def test_it_waits_for_a_few_steps_and_counts_validation():
    clock = Clock()
    assert first(Estimate(100, 1000, 0.5, clock), clock, 1.0) == (5, pytest.approx(100 * 1.2))
    clock = Clock()  # quick steps: more of them
    assert first(Estimate(1000, 100_000, 0.0, clock), clock, 0.1) == (31, pytest.approx(100.0))
    clock = Clock()  # epochs of two steps: validation is between those timed
    assert first(Estimate(2, 200, 1.0, clock), clock, 2.0) == (5, pytest.approx(4.0))


def test_a_short_training_is_not_worth_it_and_nothing_is_said_twice():
    clock = Clock()
    assert first(Estimate(5, 20, 0.5, clock), clock, 1.0) is None
    clock, estimate = Clock(), None
    estimate = Estimate(100, 1000, 0.0, clock)
    assert first(estimate, clock, 1.0) and first(estimate, clock, 1.0) is None


def printed(reporter):
    text = reporter.console.file.getvalue()
    return " ".join(text.split())


def console():
    return Console(file=io.StringIO(), soft_wrap=True, highlight=False)


def test_a_training_says_so_for_itself_and_for_the_others():
    reporter = Reporter(console())
    with reporter.training("unet", epochs=45, steps=20, done=0, models_left=4):
        reporter.estimate(16.0, 45.0)
    assert printed(reporter) == (
        "U-Net will take about 12 min, 16 s an epoch; 4 models: about 48 min, if the others take as long, scoring "
        "aside."
    )


def test_a_search_says_so_once():
    reporter = SearchReporter(console())
    reporter.trials(2, 20)
    with reporter.trial(2, {"lr": 0.1}, 30):
        reporter.position(2, 0, 3, 0, 10)
        with reporter.training("unet", epochs=10, steps=20, done=0, models_left=1):
            reporter.estimate(12.0, 10.0)
        with reporter.training("unet", epochs=10, steps=20, done=0, models_left=1):
            reporter.step(20, 1.0, 0.0)
    assert printed(reporter) == (
        "A fold will take about 2 min, a trial of 3 folds 6 min, the 18 trials left 1 h 48 min at most: hopeless "
        "trials are pruned, and more processes with this command share them."
    )
