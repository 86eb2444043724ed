"""Runs against each other: who is better, who may be equal, and who can't be compared at all."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fixtures.runs import IDS, fake_run, fake_truth

from segcore.errors import EvaluationError
from segcore.evaluation.comparison import METRICS, Comparison, LabelSpace
from segcore.evaluation.comparison.comparable_sets import block_of, sequences, where
from segcore.evaluation.comparison.costs import COSTS, ProfiledRun, costs_of, speed_note
from segcore.evaluation.comparison.paired_differences import PairedDifference
from segcore.evaluation.comparison.rows import SpeedChoice
from segcore.evaluation.comparison.sentences import NO_INTERVAL, points, with_interval
from segcore.evaluation.comparison.table import ordered, to_csv
from segcore.evaluation.processor import processor_name
from segcore.evaluation.stored_counts import sums_of
from segcore.labels import CAMVID11, LabelMap
from segcore.runs import RunRecord, RunWriter, load_run
from segcore.runs.profile import Latency, Profile, write_profile
from segcore.runs.summary import InitInfo

PHOTOS = tuple("abcdefghijklmnop")  # no frames: each stands for itself

NO_CLIPS = (  # ids that don't look like frames of a clip
    [f"2007_{number:06}" for number in (32, 39, 63, 68, 121, 170, 241)],
    [f"img{number}" for number in (3, 4, 11, 12, 13, 25, 31, 40)],
    [*(f"a_{number}" for number in range(10)), "b", "c"],
    IDS,
)


def make(store, name, model="unet", right=0.8, seed=0, **options):
    options = {"ids": PHOTOS} | options
    return fake_run(store, name, model=model, right=right, seed=seed, **options)


def changed(run, **values):
    """The run with other values in the `dataset` of its summary."""
    file = run.path / "summary.json"
    summary = json.loads(file.read_text())
    summary["dataset"] |= values
    file.write_text(json.dumps(summary))
    return load_run(run.path)


@pytest.fixture
def three(store):
    """Two that can't be told apart, and a worse one."""
    return [
        make(store, "low", "fcn8s", 0.6),
        make(store, "one", "unet", 0.8, seed=1),
        make(store, "two", "pspnet", 0.8, seed=2),
    ]


def of(runs, metric="miou", **options):
    return Comparison.of(runs, "test", metric, **{"resamples": 400} | options)


def test_sums_are_those_of_the_counts(store):
    evaluation = make(store, "one").evaluation("test")
    sums = sums_of(evaluation)
    assert np.array_equal(sums.true, evaluation.counts.sum(axis=2))
    assert np.array_equal(sums.predicted, evaluation.counts.sum(axis=1))
    assert np.array_equal(sums.right, np.diagonal(evaluation.counts, axis1=1, axis2=2))
    without = sums_of(evaluation, without=(2, 3))
    assert without.true[:, [2, 3]].sum() == 0 and without.true[:, 4].sum() == sums.true[:, 4].sum()


def test_rows_are_ranked_and_say_what_is_better(three):
    result = of(three)
    assert [row.id for row in result.rows][2] == "low"
    for row, run in ((result.row(run.id), run) for run in three):
        assert row.scores["miou"] == pytest.approx(run.evaluation("test").scores.miou)
        assert row.interval.low < row.scores["miou"] < row.interval.high
    text = " ".join(result.sentences())
    assert "U-Net is better than FCN-8s by" in text and "PSPNet is better than FCN-8s by" in text
    assert "16 images are too few to show a difference between" in text
    assert result.tied_with_best(0) == {"one", "two"}


def test_a_pair_is_antisymmetric_and_a_run_equals_itself(three):
    result = of(three)
    forth, back = result.pair("one", "low"), result.pair("low", "one")
    assert forth.difference == -back.difference and forth.low == pytest.approx(-back.high)
    assert forth.probability == pytest.approx(1 - back.probability)
    assert forth.better == back.better == "one" and forth.images == len(PHOTOS)
    itself = result.pair("one", "one")
    assert (itself.difference, itself.low, itself.high, itself.probability, itself.better) == (0, 0, 0, 0.5, None)


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_ranks_or_says_nothing(three, metric):
    result = of(three, metric)
    for row in result.rows:
        value = row.scores[metric]
        assert value != value or row.interval is None or row.interval.value == pytest.approx(value)
    result.sentences(), result.caveats()


def calibrated(store, name, model, right, seed):
    """One whose confidence is right (0.9 where it is, 0.4 where not) at `right` 0.8, and worse the farther from it."""
    return make(store, name, model, right, seed, extras=True)


def test_the_lower_calibration_error_is_the_better_one(store):
    runs = [calibrated(store, "sure", "fcn8s", 0.3, 0), calibrated(store, "fine", "unet", 0.9, 1)]
    values = [run.evaluation("test").calibration.before.ece for run in runs]
    assert values[0] > values[1]
    result = of(runs, "ece")
    assert [row.id for row in result.rows] == ["fine", "sure"] and result.ranks(0) == {"fine": 1, "sure": 2}
    for row in result.rows:
        assert row.interval.value == pytest.approx(row.scores["ece"]) and row.interval.low < row.interval.high
    pair = result.pair("fine", "sure")
    assert pair.difference == pytest.approx(values[1] - values[0]) and pair.better == "fine" and not pair.tied
    assert pair.probability < 0.01  # of the higher value
    (text,) = result.sentences()
    half = pair.half_width
    assert text == f"U-Net is better than FCN-8s by {points(-pair.difference, half)} ± {points(half)} points."
    assert result.verdict(result.pair("sure", "fine")) == text
    assert result.tied_with_best(0) == {"fine"}
    twins = of([runs[1], calibrated(store, "twin", "pspnet", 0.9, 2)], "ece")
    assert twins.tied_with_best(0) == {"fine", "twin"} and "too few to show a difference" in twins.sentences()[0]


def test_what_the_temperature_leaves_open_is_said(store):
    runs = [calibrated(store, "one", "unet", 0.8, 0), calibrated(store, "two", "pspnet", 0.5, 1)]
    result = of(runs, "ece_scaled")
    for row in result.rows:
        after = next(run for run in runs if run.id == row.id).evaluation("test").calibration.after
        assert row.interval.value == pytest.approx(after.ece) == pytest.approx(row.scores["ece_scaled"])
    assert "The temperatures are fixed as fitted on validation" in " ".join(result.caveats())
    assert "temperature" not in " ".join(of(runs, "ece").caveats())
    assert "Scatter counts as error too" in of(runs, "ece").caveats()[0] and "Scatter" not in str(of(runs).caveats())
    for run in runs:
        (run.path / "evaluation" / "test").rename(run.path / "evaluation" / "val")
    fitted = Comparison.of(runs, "val", "ece_scaled", resamples=100)
    assert "The temperatures were fitted to these images, so these errors are too low." in fitted.caveats()


def test_nobody_is_better_by_a_score_that_has_no_better(three):
    assert METRICS["entropy"].higher_is_better is None
    for run in three:  # low is by far the most undecided
        file = run.path / "evaluation" / "test" / "images.parquet"
        images = pd.read_parquet(file)
        images["entropy"] = images["entropy"] * 0.2 + (0.5 if run.id == "low" else 0.0)
        images.to_parquet(file)
    result = of(three, "entropy")
    for row in result.rows:
        assert row.interval.value == pytest.approx(row.scores["entropy"]) and row.interval.low < row.interval.high
    pair = result.pair("low", "one")
    assert pair.low > 0 and not pair.tied and pair.better is None and pair.probability > 0.99
    assert result.verdict(pair).startswith("FCN-8s has the higher entropy than U-Net by ")
    assert result.verdict(result.pair("one", "low")) == result.verdict(pair)
    assert result.tied_with_best(0) == frozenset() and result.ranks(0) == {}
    assert not any("better" in text for text in result.sentences())
    assert result.pair("one", "two").tied and "too few to show a difference" in result.verdict(
        result.pair("one", "two")
    )


def test_of_many_rows_the_first_by_a_score_without_a_better_only_has_more_of_it(store):
    runs = [make(store, f"run{index}", "unet", 0.8, seed=index) for index in range(6)]
    result = of(runs, "entropy")
    assert not any("better" in text or "first by luck" in text for text in [*result.sentences(), *result.caveats()])
    assert any("If all 6 were equal, about 1 of their pairs" in text for text in result.caveats())
    few = of(runs[:5], "entropy")
    assert any("If all 5 were equal, one pair in 20 would" in text for text in few.caveats())  # not "about 0 of"


def test_without_an_interval_nothing_is_said_to_be_level(store):
    alone = [
        make(store, name, model, right, ids=("a",)) for name, model, right in (("a", "unet", 0.9), ("b", "fpn", 0.5))
    ]
    result = of(alone)  # one image: no interval
    assert not result.pair("a", "b").has_interval and result.tied_with_best(0) == {result.rows[0].id}
    assert result.sentences() == [NO_INTERVAL] and "no interval" in result.verdict(result.pair("a", "b"))


def test_a_run_is_level_with_itself_and_with_its_equal(three):
    itself, judged = of(three).pair("one", "one"), of(three).pair("one", "two")
    assert itself.tied and judged.tied and not of(three).pair("one", "low").tied


def test_a_run_that_has_not_counted_a_score_leaves_the_others_their_intervals(store):
    runs = [make(store, "old", right=0.5), make(store, "one", "fcn8s", 0.6, 1, extras=True)]
    runs.append(make(store, "two", "pspnet", 0.9, 2, extras=True))
    result = of(runs, "boundary_iou")
    assert [row.id for row in result.rows] == ["two", "one", "old"]
    for row in result.rows[:2]:
        assert row.interval.value == pytest.approx(row.scores["boundary_iou"]) and row.interval.low < row.interval.high
    assert result.rows[2].interval is None and not result.pair("one", "old").has_interval
    assert result.pair("one", "two").better == "two"


def test_many_rows_are_told_from_the_first(store):
    runs = [make(store, f"run{index}", "unet", 0.3 + 0.1 * index, seed=index) for index in range(6)]
    result = of(runs)
    (text,) = result.sentences()
    assert text.startswith("U-Net (run5) is better than U-Net (run4) by") and text.endswith("and 2 more.")
    assert any("is partly first by luck" in caveat for caveat in result.caveats())
    assert len(result.sentences(["run5", "run4"])) == 1


def test_frames_of_one_clip_are_drawn_in_blocks_and_say_so(store):
    ids = tuple(f"drive_{index:04}" for index in range(91, 102))
    runs = [make(store, "one", "unet", ids=ids), make(store, "two", "pspnet", 0.81, seed=1, ids=ids)]
    result = of(runs)
    assert result.block == 3 and result.pools[0].title == "fake, 11 classes, 11 frames of one clip"
    assert "11 frames of one clip are too few to show a difference between" in result.sentences()[0]
    assert any("of one clip" in text for text in result.caveats()) and any(
        "3 indep" in text for text in result.caveats()
    )


def test_seeds_of_one_recipe_are_one_row_with_their_spread(store):
    runs = [make(store, f"unet-{seed}", "unet", 0.7 + 0.05 * seed, seed=seed) for seed in range(3)]
    runs.append(make(store, "other", "pspnet", 0.5, seed=9))
    alone = of(runs)
    assert [group.runs for group in alone.recipes] == [("unet-0", "unet-1", "unet-2"), ("other",)]
    result = alone.by_recipe
    first, other = result.rows
    assert (first.title, first.runs, other.title) == ("U-Net, 3 seeds", ("unet-0", "unet-1", "unet-2"), "PSPNet")
    values = [alone.row(run_id).scores["miou"] for run_id in first.runs]
    assert first.scores["miou"] == pytest.approx(np.mean(values)) == pytest.approx(first.interval.value)
    assert first.spread == pytest.approx(np.std(values, ddof=1))
    single = alone.row("unet-1").interval
    assert first.interval.high - first.interval.low > single.high - single.low  # seeds differ more than images here
    assert result.pair("unet-2", "other").better == "unet-0"
    assert result.row("unet-2") is first


def test_a_recipe_is_more_than_the_model(store):
    runs = [make(store, "one"), make(store, "two", seed=1), make(store, "three", seed=2, epochs=3)]
    (runs[0].path / "config.yaml").write_text("- no mapping")
    assert [group.runs for group in of(runs).recipes] == [("one",), ("two",), ("three",)]


def test_other_data_is_ranked_apart_and_named(store):
    toy = LabelMap("toy", ("Sky", "Road", "Car"), ((1, 1, 1), (2, 2, 2), (3, 3, 3)))
    runs = [make(store, "one"), make(store, "two", "pspnet", labels=toy, dataset="elsewhere")]
    result = of(runs)
    assert len(result.pools) == 2 and result.sentences() == []
    text = " ".join(result.differences)
    assert "scored on different data" in text and "elsewhere, 3 classes: PSPNet" in text
    assert result.pair("one", "two").problem.startswith("one was scored on fake, 11 classes")


def test_other_classes_and_another_void_policy_of_one_dataset_are_named(store):
    fewer = LabelMap("ten", CAMVID11.names[:10], CAMVID11.colors[:10])
    (text,) = [
        item for item in of([make(store, "one"), make(store, "two", labels=fewer)]).differences if "class sets" in item
    ]
    assert text == "Their class sets of fake differ in: Bicyclist."
    runs = [make(store, "three"), changed(make(store, "four"), void="class")]
    assert any("another void policy" in item for item in of(runs).differences)


def test_other_images_are_compared_where_both_have_them(store):
    runs = [make(store, "one"), make(store, "few", "pspnet", 0.5, ids=PHOTOS[:6], seed=1)]
    result = of(runs)
    assert len(result.pools) == 2
    pair = result.pair("one", "few")
    assert pair.images == 6 and pair.better == "one"
    assert any("compared on the images that both have" in text for text in result.differences)


def test_images_of_another_ground_truth_are_not_shared(store):
    other = [fake_truth(index + 1) for index in range(len(PHOTOS))]
    result = of([make(store, "one"), make(store, "two", "pspnet", truths=other)])
    assert "share no image" in result.pair("one", "two").problem
    assert [pool.title for pool in result.pools] == [
        f"fake, 11 classes, 16 images, ground truth {number} of 2" for number in (1, 2)
    ]


def test_no_two_pools_are_called_the_same(store):
    changed_names = LabelMap("new", (*CAMVID11.names[:10], "Rider"), CAMVID11.colors)
    turned = LabelMap("turned", CAMVID11.names[::-1], CAMVID11.colors[::-1])
    one, two = make(store, "one"), make(store, "two", labels=changed_names)
    result = of([one, two])
    assert [pool.name for pool in result.pools] == [
        "fake, 11 classes (with Bicyclist)",
        "fake, 11 classes (with Rider)",
    ]
    assert "one was scored on fake, 11 classes (with Bicyclist)" in result.pair("one", "two").problem
    assert "fake, 11 classes (with Rider): U-Net" in " ".join(result.differences)
    runs = [one, make(store, "turned", labels=turned)]
    called = [[pool.name for pool in of(item).pools] for item in (runs, runs[::-1])]
    assert (
        sorted(called[0]) == ["fake, 11 classes (1 of 2)", "fake, 11 classes (2 of 2)"] and called[1] == called[0][::-1]
    )
    assert len({LabelSpace.of(run).key for run in (*runs, two)}) == 3
    elsewhere = make(store, "else", ids=tuple(f"x{name}" for name in PHOTOS))
    assert [pool.title for pool in of([one, elsewhere]).pools] == [
        "fake, 11 classes, 16 images from a",
        "fake, 11 classes, 16 images from xa",
    ]


def test_the_order_of_images_does_not_matter(store):
    order = list(range(len(PHOTOS)))[::-1]
    turned = make(
        store, "two", "pspnet", ids=[PHOTOS[index] for index in order], truths=[fake_truth(index) for index in order]
    )
    result = of([make(store, "one"), turned])
    assert len(result.pools) == 1
    assert result.row("two").interval.value == pytest.approx(turned.evaluation("test").scores.miou)


def test_another_version_of_the_data_with_the_same_truth_is_compared_and_said(store):
    odd = changed(make(store, "odd", "pspnet", seed=3), fingerprint="other", split_fingerprint="another")
    result = of([make(store, "one"), make(store, "two", "fcn8s", seed=1), odd])
    assert len(result.pools) == 1
    assert sum(text.startswith("PSPNet: trained on a different ") for text in result.differences) == 2


def test_a_row_of_seeds_tells_what_speaks_against_any_of_them(store):
    runs = [make(store, f"unet-{seed}", "unet", 0.7, seed=seed) for seed in range(3)]
    runs = [runs[0], *(changed(run, leaks={"test": "It measures memory."}) for run in runs[1:])]
    result = of(runs)
    assert result.leak(result.row("unet-0")) == ""
    (row,) = result.by_recipe.rows
    assert result.leak(row) == "It measures memory."


def test_a_leak_check_made_meanwhile_stands_in_the_csv(store, monkeypatch):
    result = of([make(store, "one")])
    assert "It measures memory." not in to_csv(result)
    monkeypatch.setattr(RunRecord, "leak", lambda run, split: "It measures memory.")
    assert "It measures memory." in to_csv(result)


def test_runs_without_scores_come_last_with_the_reason(store):
    broken = make(store, "broken", "fcn8s")
    (broken.path / "evaluation" / "test" / "confusion.parquet").write_bytes(b"PAR1")
    result = of([make(store, "none", "pspnet", evaluated=False), broken, make(store, "one")])
    assert [row.id for row in result.rows] == ["one", "none", "broken"]
    assert result.row("none").problem == "not evaluated on test" and "no Parquet" in result.row("broken").problem
    assert "PSPNet: not evaluated on test" in result.pair("one", "none").problem
    assert result.row("none").cost["parameters"] > 0


def timed(machine="here", median=10.0, height=48, load=None):
    return Latency(
        backend="openvino",
        precision="bf16",
        machine=machine,
        height=height,
        width=64,
        median_ms=median,
        p95_ms=2 * median,
        peak_memory_mb=900 + median,
        repeats=9,
        load=load,
        measured=f"2026-01-01T00:00:{height % 60:02}+00:00",
    )


def profiled(run, *latencies):
    sized = {"height": 48, "width": 64, "model_mb": 8.0, "train_minutes": 1.0}
    write_profile(run.path, Profile(parameters=5, macs=2_000_000_000, latencies=latencies, **sized))


@pytest.mark.parametrize(
    ("difference", "low", "high", "text"),
    [
        (0.012, 0.002, 0.041, "1.2 points (0.2 to 4.1)"),
        (-0.012, -0.041, -0.002, "1.2 points (0.2 to 4.1)"),
        (0.03, -0.004, 0.041, "3.0 points (-0.4 to 4.1)"),
        (0.031, 0.019, 0.043, "3.1 ± 1.2 points"),
        (-0.01, -0.03, 0.012, "1.0 ± 2.1 points"),
    ],
)
def test_a_lopsided_interval_is_never_contradicted(difference, low, high, text):
    assert with_interval(PairedDifference("a", "b", difference, low, high)) == text


def test_minutes_of_a_model_that_went_on_from_another_are_not_known(three):
    summary = three[0].summary.model_copy(
        update={"init": InitInfo(source="a run", tensors=1, taken=1), "train_seconds": 150.0}
    )
    went_on, whole = ProfiledRun(replace(three[0], summary=summary), None), ProfiledRun(three[1], None)
    assert "minutes" not in costs_of(went_on, COSTS)
    assert costs_of(whole, COSTS)["minutes"] == three[1].summary.train_seconds / 60


def test_latencies_of_other_image_sizes_and_of_a_busy_machine_are_left_out(three):
    profiled(three[0], timed(median=10.0), timed(median=90.0, height=119))  # the newer one, of larger images
    profiled(three[1], timed(median=20.0))
    profiled(three[2], timed(median=70.0, load=0.9))
    result = of([load_run(run.path) for run in three])
    assert "at 48x64" in result.costs["openvino_bf16_median"].help
    values = [result.row(run.id).cost.get("openvino_bf16_median") for run in three]
    assert values == [10.0, 20.0, None]
    assert [result.row(run.id).cost.get("openvino_bf16_memory") for run in three] == [910, 920, None]
    assert "on here" in result.costs["openvino_bf16_memory"].help


def fast(backend, precision, image_ms, *pictures, machine="here", load=0.0):
    sizes = [{"height": h, "width": w, "median_ms": ms, "p95_ms": ms} for h, w, ms in pictures]
    changes = {"backend": backend, "precision": precision, "image_ms": image_ms, "pictures": sizes}
    return Latency(**timed(machine, load=load).model_dump() | changes)


def test_frames_a_second_are_those_of_the_fastest_backend_with_these_scores(three):
    """Models of any size share the pictures; bf16 and another size fed have other scores; busy times say nothing."""
    profiled(
        three[0],
        fast("torch", "fp32", 10.0, (480, 640, 50.0)),
        fast("openvino", "fp32", 9.0, (480, 640, 40.0)),
        fast("openvino", "bf16", 5.0, (480, 640, 20.0)),
        fast("onnxruntime", "fp32", 5.0, (480, 640, 10.0), load=0.9),
        fast("onnxruntime", "fp32", 1.0, (480, 640, 5.0)).model_copy(update={"height": 24}),
    )
    profiled(three[1], fast("torch", "fp32", 8.0, (480, 640, 25.0), machine="there"))
    profiled(three[2], fast("torch", "fp32", 8.0, (480, 640, 100.0)))
    runs = [load_run(run.path) for run in three]
    result = of(runs)
    assert [result.row(run.id).cost.get("fps") for run in runs] == [25.0, None, 10.0]
    assert "480x640" in result.costs["fps"].help and result.costs["fps"].help.endswith("exact backend, on here.")
    names = {kind: [row.id for row in rows] for kind, rows in SpeedChoice.of(result.rows, 20)._asdict().items()}
    assert names == {"fast": [runs[0].id], "slow": [runs[2].id], "unmeasured": [runs[1].id]}
    assert [row.id for row in ordered(result, 0, "fps")] == [runs[0].id, runs[2].id, runs[1].id]
    for run in runs:
        shutil.copytree(run.path / "evaluation" / "test", run.path / "evaluation" / "test+openvino-bf16")
        shutil.copytree(run.path / "evaluation" / "test", run.path / "evaluation" / "test+flip")
    again = Comparison.of(runs, "test+openvino-bf16")
    assert [again.row(run.id).cost.get("fps") for run in runs] == [50.0, None, None]
    assert "fps" not in Comparison.of(runs, "test+flip").costs


def test_this_machine_comes_first_and_busy_times_of_it_count_with_a_word(three):
    """Who measured here asks about here, and has no other machine; elsewhere a busy time says nothing."""
    here = f"{processor_name()}, 2 threads"
    profiled(three[0], fast("torch", "fp32", 10.0, (480, 640, 50.0), machine=here, load=0.9))
    profiled(three[1], fast("torch", "fp32", 8.0, (480, 640, 25.0), machine="there, 2 threads"))
    profiled(three[2], fast("torch", "fp32", 8.0, (480, 640, 20.0), machine="there, 2 threads"))
    runs = [load_run(run.path) for run in three]
    result = of(runs)
    assert [result.row(run.id).cost.get("fps") for run in runs] == [20.0, None, None]
    assert speed_note(result.costs["fps"]).startswith("Some were measured while other programs used this machine")
    others = of(runs[1:])
    assert [others.row(run.id).cost.get("fps") for run in runs[1:]] == [40.0, 50.0]
    assert speed_note(others.costs["fps"]).startswith("These speeds are not this machine's")


def test_a_profile_is_read_once_for_all_costs(three, monkeypatch):
    for run in three:
        profiled(run, timed())
    requested = []
    result = RunRecord.profile
    monkeypatch.setattr(RunRecord, "profile", property(lambda run: requested.append(run.id) or result.fget(run)))
    of([load_run(run.path) for run in three]).rows  # noqa: B018
    assert sorted(requested) == sorted(run.id for run in three)


def test_costs_take_latencies_of_the_machine_that_most_were_timed_on(three):
    for run, machine, median in zip(three, ("here", "here", "there"), (10.0, 20.0, 1.0), strict=True):
        profiled(run, timed(machine, median))
    result = of([load_run(run.path) for run in three])
    assert "on here" in result.costs["openvino_bf16_median"].help
    assert result.row("low").cost["openvino_bf16_median"] == 10 and result.row("one").cost["openvino_bf16_p95"] == 40
    assert "openvino_bf16_median" not in result.row("two").cost and result.row("two").cost["macs"] == 2


def test_of_machines_that_equally_many_were_timed_on_the_last_one_counts(three):
    """Runs that come with the profile of another machine are compared by the one that a person made here."""
    for run in three:
        shipped = fast("torch", "fp32", 10.0, machine="there"), fast("openvino", "fp32", 5.0, machine="there")
        later = fast("torch", "fp32", 20.0, (480, 640, 40.0)).model_copy(
            update={"measured": "2026-02-01T00:00:00+00:00"}
        )
        profiled(run, *shipped, later)
    result = of([load_run(run.path) for run in three])
    assert result.costs["fps"].help.endswith("on here.") and result.rows[0].cost["fps"] == 25.0
    assert "torch_fp32_median" in result.rows[0].cost and "openvino_fp32_median" not in result.rows[0].cost


def test_seeds_of_a_recipe_cost_what_those_measured_cost_on_average(store):
    seeds = [make(store, f"a{seed}", model="unet", seed=seed) for seed in (1, 2, 3)]
    for run, median in zip(seeds[1:], (10.0, 20.0), strict=True):  # the first was never measured
        profiled(run, timed(median=median))
    result = of([load_run(run.path) for run in seeds], by_seed=True)
    assert len(result.rows) == 1 and result.rows[0].cost["openvino_bf16_median"] == 15


def test_an_unreadable_profile_costs_nothing(three):
    (three[0].path / "profile.json").write_text("{")
    assert "macs" not in of([load_run(three[0].path)]).rows[0].cost


def test_classes_have_intervals(three):
    result = of(three).classes(["one", "low"])
    assert list(result) == ["one", "low"] and len(result["one"]) == 11
    scores = three[1].evaluation("test").scores.iou
    assert (
        result["one"][4].value == pytest.approx(scores[4])
        and result["one"][4].low <= scores[4] <= result["one"][4].high
    )


def test_nothing_one_and_an_unknown_metric(store):
    assert of([]).rows == () and of([]).sentences() == [] and of([]).block == 1
    alone = of([make(store, "one")])
    assert alone.sentences() == [] and alone.tied_with_best(0) == {"one"}
    with pytest.raises(EvaluationError, match=r"No metric 'miuo'. Did you mean 'miou'\?"):
        of([], "miuo")
    with pytest.raises(EvaluationError, match="No run in this comparison 'two'"):
        alone.row("two")


def test_words():
    assert where([f"0001TP_{number:06}" for number in range(8550, 8670, 30)]) == "4 frames of one clip"
    assert where([f"ride_{number}" for number in range(0, 60, 2)]) == "30 frames of one clip"
    few = ("drive_1", "drive_2", "b_1", "b_2")  # of each, to be clips
    assert sequences(few) == few
    camvid = [f"{clip}{30 * number:05}" for clip in ("0001TP_", "test__Seq05VD_f") for number in range(9)]
    assert where(camvid) == "18 frames of 2 clips"


@pytest.mark.parametrize("ids", NO_CLIPS)
def test_what_the_data_says_decides_over_the_looks_of_ids(ids):
    assert sequences(ids, False) == tuple(ids) and where(ids, False) == f"{len(ids)} images"
    assert block_of(ids, np.linspace(0, 1, len(ids))[None], False) == 1
    assert "frames of" in where(ids, True)


def test_runs_of_one_pool_are_drawn_as_their_data_said(store):
    ids = [f"ride_{number}" for number in range(8)]
    old, new = (fake_run(store, name, ids=ids, seed=seed) for seed, name in enumerate(("old", "new")))

    def pool_of(run):
        return Comparison.of([run], "street-test", resamples=400).pools[0]

    def pool(**output):
        dataset = new.summary.dataset.model_copy(update=output)
        RunWriter(new.path).write_summary(new.summary.model_copy(update={"dataset": dataset}))
        return of([old, load_run(new.path)]).pools[0]

    assert (pool().where, pool().block) == ("8 images", 1)
    ride = pool(video=True)  # one of them knows
    assert ride.where == "8 frames of one clip" and ride.block > 1
    assert pool(video=False).where == "8 images"
    shutil.move(new.path / "evaluation" / "test", new.path / "evaluation" / "street-test")
    assert pool_of(load_run(new.path)).video is None  # other data


@pytest.mark.parametrize("ids", NO_CLIPS)
def test_numbered_photos_are_images_and_drawn_one_by_one(ids):
    assert where(ids) == f"{len(ids)} images" and sequences(ids) == tuple(ids)
    assert block_of(ids, np.linspace(0, 1, len(ids))[None]) == 1
    assert points(0.0312, 0.012) == "3.1"
