import json
import math

import numpy as np
import pandas as pd
import pytest
from fixtures.charts import spec
from fixtures.searches import SPACE, fake_search
from hypothesis import given
from hypothesis import strategies as st

from segcore.visual import search_charts as charts
from segcore.visual.search_axes import Setting


@pytest.fixture
def trials(tmp_path):
    return fake_search(tmp_path, "a", ["complete", "pruned", "complete", "failed", "complete", "running"]).trials


@pytest.fixture
def settings(trials):
    return [Setting.of(name, space, trials[f"param.{name}"]) for name, space in SPACE.items()]


def rows(layer, whole):
    """The data of a layer, or what it shares with the others."""
    data = layer.get("data", whole.get("data"))
    return whole["datasets"][data["name"]]


def test_a_setting_takes_its_axis_from_the_space():
    numbers = Setting.of("lr", {"low": 1e-4, "high": 1e-2, "log": True}, pd.Series([1e-3, 1e-2]))
    assert (numbers.low, numbers.high, numbers.log, numbers.choices) == (1e-4, 1e-2, True, ())
    assert numbers.ticks == [1e-4, 1e-3, 1e-2]
    np.testing.assert_allclose(numbers.places(pd.Series([1e-4, 1e-3, 1e-2])), [0, 0.5, 1])
    choices = Setting.of("batch_size", [2, 4, 8], pd.Series([8.0, math.nan, 2.0]))
    assert choices.choices == ("2", "4", "8") and choices.label(2) == "8"
    np.testing.assert_array_equal(choices.numbers(pd.Series([8.0, math.nan, 2.0])), [2, math.nan, 0])
    np.testing.assert_allclose(choices.places(pd.Series([0.0, 1, 2])), [1 / 6, 1 / 2, 5 / 6])


def test_a_setting_holds_what_was_tried_outside_its_space():
    assert Setting.of("lr", {"low": 1.0, "high": 2.0}, pd.Series([0.5, 4.0])).high == 4
    assert Setting.of("loss", ["ce"], pd.Series(["ohem", "ce"])).choices == ("ce", "ohem")
    # Written by hand, or of a table that holds words where numbers belong: still an axis.
    assert Setting.of("lr", {"low": "a"}, pd.Series([1.0])).choices == ("1",)
    assert Setting.of("lr", {"low": 1, "high": 2}, pd.Series(["much"])).choices == ("much",)
    assert Setting.of("lr", None, pd.Series([math.nan])).choices == ()
    assert not Setting.of("lr", {"low": 0.0, "high": 1.0, "log": True}, pd.Series([0.5])).log


@pytest.mark.parametrize(
    ("offered", "read"),
    [
        ([True, False], [True, False]),
        ([True, False], ["True", "False"]),
        (["null", "auto"], ["null", "auto"]),
        ([1, 2], [1.0, 2.0]),
        ([20000, 0.5], [20000.0, 0.5]),
    ],
)
def test_a_choice_is_found_however_the_table_gives_it_back(offered, read):
    setting = Setting.of("x", offered, pd.Series(read))
    assert len(setting.choices) == 2
    assert setting.numbers(pd.Series(read)).tolist() == [0, 1]


@given(st.floats(1e-6, 1e6), st.floats(1.0, 1e6), st.booleans())
def test_ticks_stand_on_their_axis(low, factor, log):
    setting = Setting("x", low, low * factor, log=log)
    assert setting.ticks == sorted(setting.ticks) and 1 <= len(setting.ticks) <= 13
    places = setting.places(pd.Series(setting.ticks, dtype=float))
    assert places.between(-1e-6, 1 + 1e-6).all()


def test_history_marks_states_by_shape_and_keeps_those_without_a_score(trials, settings):
    whole = spec(charts.trial_history(trials, settings, title="mIoU"))
    spreads, steps, points, best, word = whole["layer"]
    scale = points["encoding"]["shape"]["scale"]
    assert scale["domain"] == ["complete", "pruned", "running", "failed"] and len(set(scale["range"])) > 2
    drawn = rows(points, whole)
    assert [row["number"] for row in drawn] == [0, 1, 2, 3, 4, 5]
    assert len({row["y"] for row in drawn if row["value"] is None}) == 1
    assert min(row["value"] for row in drawn if row["value"]) > next(row["y"] for row in drawn if row["value"] is None)
    line = [row["best"] for row in rows(steps, whole)]
    assert line == sorted(line) and line[-1] == trials["value"][trials["state"] == "complete"].max()
    assert [row["value"] for row in rows(best, whole)] == line[-1:]
    assert rows(word, whole)[0]["text"] == "no score"
    assert all(row["spread"] is not None for row in rows(spreads, whole))
    titles = [tip["title"] for tip in points["encoding"]["tooltip"] if "title" in tip]
    assert titles[-len(SPACE) :] == list(SPACE)


def test_best_so_far_never_falls_whatever_the_order(trials, settings):
    shuffled = trials.iloc[::-1]
    one, other = (spec(charts.trial_history(table, settings, title="mIoU")) for table in (trials, shuffled))
    assert rows(one["layer"][1], one) == rows(other["layer"][1], other)


def test_parallel_has_a_line_for_each_scored_or_pruned_trial(trials, settings):
    before = trials.copy()
    whole = spec(charts.parallel(trials, settings, title="mIoU"))
    pd.testing.assert_frame_equal(trials, before)
    drawn = next(layer for layer in whole["layer"] if layer["encoding"].get("strokeDash"))
    points = pd.DataFrame(rows(drawn, whole))
    assert set(points["number"]) == {0, 1, 2, 4}
    assert points["place"].between(0, 1).all()
    complete = points[points["state"] == "complete"].groupby("number").size()
    assert set(complete) == {len(SPACE) + 1}
    assert points["axis"].unique().tolist() == [*SPACE, "mIoU"]
    best = trials.loc[trials["value"].where(trials["state"] == "complete").idxmax(), "number"]
    assert points["number"].iloc[-1] == best  # drawn over the others
    faint = points.groupby("state")["strength"].max()
    assert faint["pruned"] < points.loc[points["state"] == "complete", "strength"].min()


def test_slices_share_their_y_axis_and_say_choices_in_words(trials, settings):
    made = {setting.name: spec(charts.slice_of(trials, setting, settings)) for setting in settings}
    domains = {tuple(item["layer"][0]["encoding"]["y"]["scale"]["domain"]) for item in made.values()}
    assert len(domains) == 1
    x = made["lr"]["layer"][0]["encoding"]["x"]
    assert x["scale"]["type"] == "log" and x["scale"]["domain"][0] < 1e-4 and x["scale"]["domain"][1] > 3e-2
    x = made["loss"]["layer"][0]["encoding"]["x"]
    assert '"ce+dice"' in x["axis"]["labelExpr"] and x["scale"]["type"] == "linear"


def test_every_choice_has_a_label_whatever_their_number(trials, settings):
    names = ("unet", "fcn8s", "pspnet", "deeplabv3plus")
    setting = Setting("models", choices=names, column="param.models")
    made = spec(charts.slice_of(trials.assign(**{"param.models": "fcn8s"}), setting, [setting]))
    axis = made["layer"][0]["encoding"]["x"]["axis"]
    assert axis["labelOverlap"] is False and axis["values"] == [0, 1, 2, 3]
    labels = json.loads(axis["labelExpr"].removesuffix("[datum.value]"))
    assert [label[-1] for label in labels] == list(names)
    assert len(labels[0]) != len(labels[1])  # neighbours stand in rows of their own


def test_importance_is_sorted(settings):
    whole = spec(charts.importance({"lr": 0.2, "loss": 0.8}))
    assert whole["layer"][0]["encoding"]["y"]["sort"] == ["loss", "lr"]
    assert [row["text"] for row in rows(whole["layer"][1], whole)] == ["80%", "20%"]


@pytest.mark.parametrize("states", [["running"], ["failed", "failed"], ["complete"], ["pruned", "pruned"]])
def test_the_history_of_little_is_drawn(tmp_path, states):
    table = fake_search(tmp_path, "a", states).trials
    settings = [Setting.of(name, space, table[f"param.{name}"]) for name, space in SPACE.items()]
    whole = spec(charts.trial_history(table, settings, title="mIoU"))
    low, high = whole["layer"][2]["encoding"]["y"]["scale"]["domain"]
    assert low < high
