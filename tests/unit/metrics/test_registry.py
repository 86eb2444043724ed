"""A new score needs one record in `SCORES`: this test adds one and finds it wherever scores are computed or shown."""

import csv
import io
import math

import numpy as np
import pytest

from segcore.cli import main
from segcore.evaluation.comparison import Comparison
from segcore.evaluation.comparison.table import to_csv
from segcore.evaluation.image_ranking import ImageScores, Triage, score_titles
from segcore.metrics import SCORES, Score, bootstrap, per_image, statistic
from segcore.report.leaderboard import markdown
from segcore.runs import RunStore

IDS = tuple("abcdefghijkl")


def pixel_error_terms(sums):
    """Wrong pixels, all pixels, and all pixels again: the terms of a share of wrong pixels."""
    pixels = sums.true.sum(axis=1, keepdims=True)
    return pixels - sums.right.sum(axis=1, keepdims=True), pixels, pixels


@pytest.fixture
def pixel_error(monkeypatch):
    """The one record that adds a score."""
    share = SCORES["pixel_accuracy"].formula
    score = Score(
        "pixel_error",
        "pixel error",
        "Pixel error: the share of scored pixels whose class is wrong.",
        pixel_error_terms,
        share,
        higher_is_better=False,
    )
    monkeypatch.setitem(SCORES, score.key, score)
    return score


@pytest.fixture
def runs(fake_run, store):
    return [
        fake_run(store, name, model=model, right=right, seed=seed, ids=IDS)
        for seed, (name, model, right) in enumerate([("low", "fcn8s", 0.5), ("high", "unet", 0.9)])
    ]


def test_it_is_computed_with_the_other_scores(pixel_error, runs):
    counts = runs[0].evaluation("test").counts
    wrong = 1 - np.array([np.trace(image) / image.sum() for image in counts])
    np.testing.assert_allclose(per_image(counts)["pixel_error"], wrong)
    assert statistic("pixel_error").value(counts) == pytest.approx(1 - np.trace(counts.sum(axis=0)) / counts.sum())


def test_it_has_an_interval(pixel_error, runs):
    counts = runs[0].evaluation("test").counts
    error = bootstrap(counts, metric="pixel_error", resamples=200)
    accuracy = bootstrap(counts, metric="pixel_accuracy", resamples=200)
    assert error.low < error.value < error.high
    assert (error.low, error.high) == (pytest.approx(1 - accuracy.high), pytest.approx(1 - accuracy.low))


def test_runs_are_ranked_by_it(pixel_error, runs):
    comparison = Comparison.of(runs, "test", "pixel_error", resamples=200)
    assert "pixel_error" in comparison.metrics
    assert comparison.ranks(0) == {"high": 1, "low": 2}
    assert comparison.pair("low", "high").better == "high"
    (text,) = comparison.sentences()
    assert text.startswith("U-Net is better than FCN-8s by ")


def test_it_is_a_column_of_leaderboards(pixel_error, runs):
    comparison = Comparison.of(runs, "test", "pixel_error", resamples=200)
    rows = list(csv.DictReader(io.StringIO(to_csv(comparison))))
    assert [row["run"] for row in rows] == ["high", "low"] and rows[0]["ranked_by"] == "pixel_error"
    for row in rows:
        assert float(row["pixel_error"]) == pytest.approx(1 - float(row["pixel_accuracy"]))
        assert float(row["low"]) < float(row["value"]) < float(row["high"])
    assert "pixel error" in markdown(comparison)


def test_images_are_ranked_by_it(pixel_error, runs):
    scores = ImageScores.of(runs[0].evaluation("test"))
    assert score_titles(scores.labels)["pixel_error"] == "pixel error"
    ranking = Triage.of([scores]).worst(0, "pixel_error")
    assert len(ranking.ids) == len(IDS) and ranking.values[0] == max(ranking.values)


def test_the_command_line_takes_it(pixel_error, runs, store, capsys):
    RunStore(store.root)
    assert main(["leaderboard", "--runs", str(store.root), "--metric", "pixel_error", "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["run"] for row in rows] == ["high", "low"] and not math.isnan(float(rows[0]["value"]))
