"""Ranking images from counts alone, against hand counts and the metrics' own per-image scores."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segcore.errors import EvaluationError
from segcore.evaluation.image_ranking import (
    ImageScores,
    Mistake,
    Triage,
    best,
    class_scores,
    image_scores,
    lower_is_better,
    score_titles,
)
from segcore.labels import CAMVID11, LabelMap
from segcore.metrics import Reliability, boundary_scores, per_image
from segcore.runs import Evaluation
from segcore.runs.parquet_tables import SparseConfusion

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


def scored(counts=COUNTS, ids=IDS, labels=LABELS, entropy=None):
    image, truth, prediction = np.nonzero(counts)
    cells = SparseConfusion(
        image.astype(np.int32),
        truth.astype(np.uint8),
        prediction.astype(np.uint8),
        counts[image, truth, prediction].astype(np.int64),
    )
    columns = {"entropy": np.full(len(ids), np.nan) if entropy is None else np.asarray(entropy, np.float64)}
    return ImageScores.of(Evaluation(Path("/nowhere/test"), labels, tuple(ids), cells, pa.table(columns)))


@st.composite
def counted(draw, images=6, classes=3):
    cells = st.integers(0, 9).map(lambda pixels: max(0, pixels - 4))
    return np.array(draw(st.lists(cells, min_size=images * classes**2, max_size=images * classes**2))).reshape(
        images, classes, classes
    )


@given(counted())
@settings(max_examples=60, deadline=None)
def test_scores_and_sums_are_those_of_the_metrics(counts):
    result, wanted = scored(counts, tuple("abcdef")), per_image(counts)
    for name in ("miou", "pixel_accuracy", "mean_accuracy", "mean_dice", "frequency_weighted_iou"):
        np.testing.assert_allclose(result.score(name), wanted[name], equal_nan=True)
    for kind in ("iou", "dice", "precision", "accuracy"):
        for index, name in enumerate(LABELS.names):
            np.testing.assert_allclose(result.score(f"{kind}:{name}"), wanted[kind][:, index], equal_nan=True)
    assert (result.evaluation.total == counts.sum(axis=0)).all()
    assert (result.sums.true == counts.sum(axis=2)).all() and (result.sums.predicted == counts.sum(axis=1)).all()


def test_borders_and_calibration_rank_images_too(fake_run, tmp_path):
    evaluation = fake_run(tmp_path, "unet", extras=True).evaluation("test")
    result = ImageScores.of(evaluation)
    for place in range(len(evaluation.ids)):
        borders = boundary_scores(evaluation.boundary_counts[place])
        for name in ("boundary_iou", "boundary_iou_3px", "boundary_f1"):
            assert result.score(name)[place] == pytest.approx(getattr(borders, name))
        counts = evaluation.calibration_counts
        assert result.score("ece")[place] == pytest.approx(Reliability.of(counts.before[place]).ece)
        assert result.score("ece_scaled")[place] == pytest.approx(Reliability.of(counts.after[place]).ece)
        assert result.score("entropy")[place] == evaluation.of_images("entropy")[place]
    assert all(not result.lacks(name) for name in image_scores())
    known = Triage.of([result]).known
    assert set(image_scores()) - set(known) == {
        "miou_without_void",
        "pixel_accuracy_without_void",
    }  # void is no class here


def test_what_is_not_stored_is_not_offered_and_says_why(fake_run, tmp_path):
    old, new = (fake_run(tmp_path, name, extras=name == "new").evaluation("test") for name in ("old", "new"))
    first, second = ImageScores.of(old), ImageScores.of(new)
    assert "boundary_f1" not in Triage.of([first]).known and "ece" not in Triage.of([first]).known
    assert "boundary_f1" in Triage.of([first, second]).known  # one of them has it
    assert np.isnan(first.score("ece")).all()
    assert "stored without boundary scores, calibration" in first.lacks("ece") and "segcore evaluate" in first.lacks(
        "ece"
    )
    assert not first.lacks("miou") and not first.lacks("iou:Car")
    (new.path / "calibration.parquet").write_bytes(b"PAR1")
    cut = ImageScores.of(replace(new))
    assert "calibration.parquet" in cut.lacks("ece") and np.isnan(cut.score("ece")).all()
    ranking = Triage.of([first, second]).difference(0, 1, "boundary_f1")
    assert ranking.ids == () and ranking.left_out == len(old.ids)


def test_void_as_a_class_can_be_left_out(fake_run, tmp_path):
    labels = LabelMap("void", ("Sky", "Road", "Void"), ((1, 1, 1), (2, 2, 2), (0, 0, 0)))
    evaluation = fake_run(tmp_path, "unet", labels=labels).evaluation("test")
    result = ImageScores.of(evaluation)
    wanted = per_image(evaluation.counts, without=(2,))
    for name in ("miou", "pixel_accuracy"):
        np.testing.assert_allclose(result.score(f"{name}_without_void"), wanted[name])
    assert "miou_without_void" in Triage.of([result]).known


def test_a_run_evaluated_before_there_was_a_temperature_says_so(fake_run, tmp_path):
    evaluation = fake_run(tmp_path, "unet", extras=True).evaluation("test")
    evaluation.calibration_counts.temperature = None
    result = ImageScores.of(evaluation)
    assert np.isnan(result.score("ece_scaled")).all() and not result.lacks("ece")
    assert "evaluate val, then test again" in result.lacks("ece_scaled")


@pytest.mark.parametrize("score", [name for name in image_scores() if "void" not in name] + ["dice:Sky"])
def test_where_one_is_better_is_where_its_score_is(score, fake_run, tmp_path):
    runs = [fake_run(tmp_path, f"run{seed}", right=0.6 + 0.2 * seed, seed=seed, extras=True) for seed in range(2)]
    triage = Triage.of([ImageScores.of(run.evaluation("test")) for run in runs])
    ours, theirs = triage.scores(score)
    assert not np.isnan(ours[0]) and (ours != theirs).any()
    result = triage.difference(0, 1, score)
    sign = -1 if lower_is_better(score) else 1
    assert dict(zip(result.ids, result.values, strict=True)) == {
        sample_id: pytest.approx(sign * (a - b))
        for sample_id, a, b in zip(triage.ids, ours, theirs, strict=True)
        if a == a and b == b
    }
    assert (np.diff(result.values) <= 0).all()
    worst = triage.worst(0, score)
    assert (sign * np.diff(worst.values) >= 0).all()
    assert {name for name in image_scores() if lower_is_better(name)} == {"ece", "ece_scaled", "entropy"}


@given(counted(), counted(), st.sampled_from(["miou", "mean_dice", "precision:Car"]))
@settings(max_examples=60, deadline=None)
def test_orders_hold_together(one, other, score):
    ids = tuple("abcdef")
    triage = Triage.of([scored(one, ids), scored(other, ids)])
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
    triage = Triage.of([scored()])
    ranking = triage.worst(0, "miou")
    assert ranking.ids == ("b", "c", "a") and ranking.left_out == 1
    assert ranking.values == pytest.approx([(1 + 1 / 5) / 2, (1 / 2 + 4 / 5) / 2, 1])
    assert triage.worst(0, "iou:Car").ids == ("c",) and triage.worst(0, "iou:Car").left_out == 3
    assert triage.worst(0, "pixel_accuracy").ids == ("b", "c", "a")
    assert triage.in_order(triage.scores("miou")[0]).ids == IDS


def test_of_entropy_less_is_better():
    triage = Triage.of([scored(entropy=[0.1, 0.4, 0.2, 0.3]), scored(entropy=[0.2, 0.1, 0.2, np.nan])])
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
    triage = Triage.of([scored()])
    result = triage.mistaken(0, mistake)
    assert result.tolist() == pixels
    ranking = triage.ranked(result.astype(float), True, result > 0)
    assert ranking.values.tolist() == sorted((item for item in pixels if item), reverse=True)
    assert ranking.left_out == 0


def test_images_are_kept_by_class_and_runs_may_have_scored_others():
    other = scored(COUNTS[[1, 0]], ("b", "e"))
    triage = Triage.of([scored(), other])
    assert triage.ids == ("a", "b", "c", "d", "e")
    assert triage.present(1).tolist() == [True, True, False, False, True]
    assert triage.present(2).tolist() == [False, False, True, False, False]
    assert triage.worst(1, "miou", triage.present(1)).ids == ("b", "e")
    assert triage.worst(1, "miou", triage.present(1)).left_out == 1
    assert triage.difference(0, 1, "miou").ids == ("b",) and triage.difference(0, 1, "miou").values[0] == 0
    assert triage.mistaken(1, Mistake(1, 2)).tolist() == [0, 4, 0, 0, 0]
    assert Triage.of([]).ids == ()


def test_other_values_rank_only_the_images_they_know():
    triage = Triage.of([scored()])
    ranking = triage.most({"c": 0.5, "a": 0.5, "d": 0.7, "elsewhere": 1.0})
    assert ranking.ids == ("d", "a", "c") and ranking.left_out == 1


def test_rows_may_come_in_any_order():
    result = scored()
    cells = SparseConfusion(*(column[::-1] for column in result.evaluation.cells))
    again = ImageScores.of(replace(result.evaluation, cells=cells))
    assert (again.sums.right == result.sums.right).all() and (again.sums.predicted == result.sums.predicted).all()


def test_an_unknown_score_lists_the_choices():
    with pytest.raises(EvaluationError, match=r"No score of an image 'iou:Tree'.*miou, pixel_accuracy.*iou:Car"):
        scored().score("iou:Tree")
    assert score_titles(LABELS)["iou:Car"] == "IoU of Car"
    assert list(class_scores("Car").values()) == ["IoU of Car", "precision of Car", "recall of Car", "Dice of Car"]


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
