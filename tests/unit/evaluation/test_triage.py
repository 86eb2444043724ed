"""Ranking images from counts alone, against hand counts and the metrics' own per-image scores."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segcore.errors import EvaluationError
from segcore.evaluation.triage import Mistake, Tally, Triage, best, score_titles
from segcore.labels import CAMVID11, LabelMap
from segcore.metrics import per_image
from segcore.runs.tables import Cells

LABELS = LabelMap("toy", ("Sky", "Road", "Car"), ((1, 1, 1), (2, 2, 2), (3, 3, 3)))
IDS = ("a", "b", "c", "d")
# Four images of 10 pixels: all right; 4 of 5 Road taken for Car; no Road at all, half of Sky lost; nothing scored.
COUNTS = np.array(
    [
        [[5, 0, 0], [0, 5, 0], [0, 0, 0]],
        [[5, 0, 0], [0, 1, 4], [0, 0, 0]],
        [[3, 2, 1], [0, 0, 0], [0, 0, 4]],
        [[0, 0, 0], [0, 0, 0], [0, 0, 0]],
    ],
    np.int64,
)


def tally(counts=COUNTS, ids=IDS, labels=LABELS, entropy=None):
    image, truth, prediction = np.nonzero(counts)
    cells = Cells(
        image.astype(np.int32),
        truth.astype(np.uint8),
        prediction.astype(np.uint8),
        counts[image, truth, prediction].astype(np.int64),
    )
    columns = {"entropy": np.full(len(ids), np.nan) if entropy is None else np.asarray(entropy, np.float64)}
    return Tally.of(SimpleNamespace(ids=tuple(ids), labels=labels, cells=cells, of_images=columns.__getitem__))


@st.composite
def counted(draw, images=6, classes=3):
    cells = st.integers(0, 9).map(lambda pixels: max(0, pixels - 4))
    return np.array(draw(st.lists(cells, min_size=images * classes**2, max_size=images * classes**2))).reshape(
        images, classes, classes
    )


@given(counted())
@settings(max_examples=60, deadline=None)
def test_scores_and_sums_are_those_of_the_metrics(counts):
    found, wanted = tally(counts, tuple("abcdef")), per_image(counts)
    for name in ("miou", "pixel_accuracy"):
        np.testing.assert_allclose(found.score(name), wanted[name], equal_nan=True)
    for index, name in enumerate(LABELS.names):
        np.testing.assert_allclose(found.score(f"iou:{name}"), wanted["iou"][:, index], equal_nan=True)
    assert (found.total == counts.sum(axis=0)).all()
    assert (found.true == counts.sum(axis=2)).all() and (found.predicted == counts.sum(axis=1)).all()


@given(counted(), counted(), st.sampled_from(["miou", "pixel_accuracy", "iou:Car"]))
@settings(max_examples=60, deadline=None)
def test_orders_hold_together(one, other, score):
    ids = tuple("abcdef")
    triage = Triage.of([tally(one, ids), tally(other, ids)])
    ours, theirs = triage.scores(score)
    worst = triage.worst(0, score)
    assert (np.diff(worst.values) >= 0).all() and worst.left_out == np.isnan(ours).sum()
    better, worse = triage.difference(0, 1, score), triage.difference(1, 0, score)
    assert dict(zip(better.ids, better.values, strict=True)) == dict(zip(worse.ids, -worse.values, strict=True))
    assert (np.diff(better.values) <= 0).all()
    fails = triage.all_fail(score)
    assert (np.diff(fails.values) >= 0).all()
    assert set(fails.ids) == set(worst.ids) | set(triage.worst(1, score).ids)
    for sample_id, value in zip(fails.ids, fails.values, strict=True):
        place = ids.index(sample_id)
        assert value == np.nanmax([ours[place], theirs[place]])
    for ranking in (worst, better, worse, fails):  # of equal ones the earlier comes first
        for first, second, gap in zip(ranking.ids, ranking.ids[1:], np.diff(ranking.values), strict=False):
            assert gap or first < second


def test_the_worst_comes_first_and_an_image_without_the_score_is_left_out_and_counted():
    triage = Triage.of([tally()])
    ranking = triage.worst(0, "miou")
    assert ranking.ids == ("b", "c", "a") and ranking.left_out == 1
    assert ranking.values == pytest.approx([(1 + 1 / 5) / 2, (1 / 2 + 4 / 5) / 2, 1])
    assert triage.worst(0, "iou:Car").ids == ("c",) and triage.worst(0, "iou:Car").left_out == 3
    assert triage.worst(0, "pixel_accuracy").ids == ("b", "c", "a")
    assert triage.in_order(triage.scores("miou")[0]).ids == IDS


def test_of_entropy_less_is_better():
    triage = Triage.of([tally(entropy=[0.1, 0.4, 0.2, 0.3]), tally(entropy=[0.2, 0.1, 0.2, np.nan])])
    assert triage.worst(0, "entropy").ids == ("b", "d", "c", "a")
    assert triage.difference(0, 1, "entropy").ids == ("a", "c", "b")
    assert triage.all_fail("entropy").ids == ("d", "c", "a", "b")
    values, run = best(triage.scores("entropy"), "entropy")
    assert list(values) == [0.1, 0.1, 0.2, 0.3] and list(run) == [0, 1, 0, 0]
    assert list(best(np.full((2, 1), np.nan), "miou")[1]) == [-1]


@pytest.mark.parametrize(
    ("mistake", "pixels"),
    [(Mistake(1, 2), [0, 4, 0, 0]), (Mistake(0, None), [0, 0, 3, 0]), (Mistake(None, 2), [0, 4, 1, 0])],
)
def test_mistakes_are_counted_by_image(mistake, pixels):
    triage = Triage.of([tally()])
    found = triage.mistaken(0, mistake)
    assert found.tolist() == pixels
    ranking = triage.ranked(found.astype(float), True, found > 0)
    assert ranking.values.tolist() == sorted((each for each in pixels if each), reverse=True)
    assert ranking.left_out == 0


def test_images_are_kept_by_class_and_runs_may_have_scored_others():
    other = tally(COUNTS[[1, 0]], ("b", "e"))
    triage = Triage.of([tally(), other])
    assert triage.ids == ("a", "b", "c", "d", "e")
    assert triage.present(1).tolist() == [True, True, False, False, True]
    assert triage.present(2).tolist() == [False, False, True, False, False]
    assert triage.worst(1, "miou", triage.present(1)).ids == ("b", "e")
    assert triage.worst(1, "miou", triage.present(1)).left_out == 1
    assert triage.difference(0, 1, "miou").ids == ("b",) and triage.difference(0, 1, "miou").values[0] == 0
    assert triage.mistaken(1, Mistake(1, 2)).tolist() == [0, 4, 0, 0, 0]
    assert Triage.of([]).ids == ()


def test_other_values_rank_only_the_images_they_know():
    triage = Triage.of([tally()])
    ranking = triage.most({"c": 0.5, "a": 0.5, "d": 0.7, "elsewhere": 1.0})
    assert ranking.ids == ("d", "a", "c") and ranking.left_out == 1


def test_rows_may_come_in_any_order():
    found = tally()
    cells = Cells(*(column[::-1] for column in found.cells))
    unknown = np.full(len(IDS), np.nan)
    again = Tally.of(SimpleNamespace(ids=IDS, labels=LABELS, cells=cells, of_images=lambda _: unknown))
    assert (again.right == found.right).all() and (again.predicted == found.predicted).all()


def test_an_unknown_score_lists_the_choices():
    with pytest.raises(EvaluationError, match=r"No score of an image 'iou:Tree'.*miou, pixel_accuracy.*iou:Car"):
        tally().score("iou:Tree")
    assert score_titles(LABELS)["iou:Car"] == "IoU of Car"


@pytest.mark.parametrize("mistake", [Mistake(7, 1), Mistake(None, 3), Mistake(9, None)])
def test_a_mistake_survives_the_link(mistake):
    assert Mistake.parse(mistake.name(CAMVID11), CAMVID11) == mistake
    assert "taken for" in mistake.sentence(CAMVID11)


@pytest.mark.parametrize("text", ["", ":", "Fence", "Fence:Fence", "Moon:Road", "Fence:Road:Car"])
def test_nonsense_is_no_mistake(text):
    assert Mistake.parse(text, CAMVID11) is None


def test_names_may_hold_the_joint():
    labels = LabelMap("odd", ("a:b", "a", "b:c"), ((1, 1, 1), (2, 2, 2), (3, 3, 3)))
    for mistake in (Mistake(0, 1), Mistake(0, 2), Mistake(1, 0), Mistake(None, 2)):
        assert Mistake.parse(mistake.name(labels), labels) == mistake
