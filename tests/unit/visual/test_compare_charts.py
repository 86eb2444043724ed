import numpy as np
import pandas as pd
import pytest
from fixtures.charts import spec

from segcore.labels import CAMVID11
from segcore.visual import compare_charts as charts

COLORS = {"U-Net": "#112233", "PSPNet (b: 2.1)": "#445566"}


def rows_of(chart):
    return max(spec(chart)["datasets"].values(), key=len)


@pytest.fixture
def classes():
    rows = [("Road", 0.9, 0.91), ("Pole", 0.1, 0.5), ("Car", 0.5, 0.7), ("Fence", np.nan, np.nan)]
    return pd.DataFrame(
        [
            {"class": name, "run": run, "value": value, "low": value - 0.1, "high": np.nan}
            for name, *values in rows
            for run, value in zip(COLORS, values, strict=True)
        ]
    )


def test_classes_on_which_models_differ_come_first_with_their_intervals(classes):
    layers = spec(charts.per_class(classes, COLORS))["layer"]
    for layer in layers:
        assert layer["encoding"]["y"]["sort"] == ["Pole", "Car", "Road"]
    pole = next(row for row in rows_of(charts.per_class(classes, COLORS)) if row["class"] == "Pole")
    assert pole["low"] == 0 and pole["high"] == pole["value"] == 0.1  # no upper end known: none drawn


def test_the_front_holds_what_nothing_beats():
    table = pd.DataFrame({"x": [1, 2, 3, 3, 2], "y": [0.5, 0.7, 0.6, 0.9, 0.7]})
    assert charts.front(table, least=True).tolist() == [True, True, False, True, True]
    assert charts.front(table, least=True, higher=False).tolist() == [True, False, False, False, False]


@pytest.mark.parametrize(("most", "kind"), [(8.0, "linear"), (400.0, "log")])
def test_a_cost_that_spans_decades_has_a_logarithmic_axis(most, kind):
    table = pd.DataFrame(
        {"id": ["a", "b"], "run": list(COLORS), "x": [4.0, most], "y": [0.6, 0.7], "low": np.nan, "high": np.nan}
    )
    chart = spec(charts.trade_off(table.assign(chosen=[True, False]), COLORS, x_title="MB", y_title="mIoU"))
    scale = chart["layer"][-1]["encoding"]["x"]["scale"]
    assert scale["type"] == kind and scale["domain"][0] < 4 < most < scale["domain"][1]


def test_names_stand_inside_the_chart_and_small_costs_are_written_out():
    table = pd.DataFrame({"id": ["a", "b"], "run": list(COLORS), "x": [0.2, 20.0], "y": [0.6, 0.7], "low": np.nan})
    table = table.assign(high=np.nan, chosen=True)
    chart = spec(charts.trade_off(table, COLORS, x_title="parameters, M", y_title="mIoU"))
    assert {row["id"]: row["flip"] for row in chart["datasets"][chart["layer"][2]["data"]["name"]]} == {
        "a": False,
        "b": True,
    }
    assert chart["layer"][2]["mark"]["align"] == {"expr": "datum.flip ? 'right' : 'left'"}
    assert chart["layer"][-1]["encoding"]["x"]["axis"]["format"] == "~r"  # 0.2 and not "200m"


def brightness(color):
    return sum(int(color[at : at + 2], 16) for at in (1, 3, 5))


def test_on_a_dark_page_strong_cells_are_brighter_and_numbers_white():
    counts = np.zeros((11, 11), np.int64)
    counts[0, 0], counts[0, 1] = 3, 1
    light, dark = (
        spec(charts.confusion(counts, CAMVID11, hue="#3d7fd6", dark=on))["encoding"]["color"]["value"]
        for on in (False, True)
    )
    assert light == "#3d7fd6" and brightness(dark) > brightness(light) + 100
    less = np.zeros((11, 11), np.int64)
    less[0, 0], less[0, 1] = 1, 3
    for one, other in ((counts, less), (less, counts)):
        colors = [
            {
                row["color"]
                for row in rows_of(charts.confusion_difference(one, other, CAMVID11, names=("a", "b"), dark=on))
            }
            for on in (False, True)
        ]
        assert max(map(brightness, colors[0])) < max(map(brightness, colors[1]))
    table = pd.DataFrame(
        [
            {"row": "a", "column": "b", "points": points, "verdict": verdict, "says": "x"}
            for points, verdict in ((9.0, "better"), (1.0, "worse"), (0.5, "level"))
        ]
    )
    ink = [[row["ink"] for row in rows_of(charts.significance(table, ["a", "b"], dark=on))] for on in (False, True)]
    assert ink == [["white", "#333333", "gray"], ["white", "white", "gray"]]


def test_of_a_quality_without_a_better_nothing_is_joined():
    table = pd.DataFrame({"id": ["a", "b"], "run": list(COLORS), "x": [4.0, 5.0], "y": [0.5, 0.6]})
    table = table.assign(low=np.nan, high=np.nan, chosen=True)

    def joined(higher):
        chart = spec(charts.trade_off(table, COLORS, x_title="MB", y_title="entropy", higher=higher))
        return len(chart["datasets"][chart["layer"][0]["data"]["name"]])

    assert joined(True) == 2 and joined(False) == 1 and joined(None) == 0


def test_confusion_is_shares_of_true_pixels_and_puts_merely_predicted_classes_last():
    counts = np.zeros((11, 11), np.int64)
    counts[3, 3], counts[3, 0], counts[8, 8] = 75, 25, 10
    chart = spec(charts.confusion(counts, CAMVID11, hue="#123456"))
    assert chart["encoding"]["x"]["sort"] == ["Road", "Car", "Sky"]
    (rows,) = chart["datasets"].values()
    shares = {(row["truth"], row["prediction"]): row["share"] for row in rows}
    assert shares["Road", "Road"] == 0.75 and shares["Road", "Sky"] == 0.25 and shares["Car", "Car"] == 1
    assert charts.confusion_width(counts) == 170 + 3 * 2 * charts.CELL


def test_a_difference_is_a_gain_on_and_off_the_diagonal_and_nothing_where_there_is_none():
    one, other = np.zeros((2, 11, 11), np.int64)
    one[3, 3], one[3, 0], one[8, 8] = 75, 25, 10
    other[3, 3], other[3, 0], other[8, 8] = 50, 50, 20
    rows = rows_of(charts.confusion_difference(one, other, CAMVID11, names=("a", "b")))
    gains = {(row["truth"], row["prediction"]): row["gain"] for row in rows}
    assert gains["Road", "Road"] == gains["Road", "Sky"] == 0.25  # right more often, wrong less often
    assert gains["Car", "Car"] == 0
    back = rows_of(charts.confusion_difference(other, one, CAMVID11, names=("b", "a")))
    assert [row["gain"] for row in back] == [-row["gain"] for row in rows]


def test_numbers_stand_in_small_matrices_alone():
    def layers(count):
        names = [str(index) for index in range(count)]
        rows = [
            {"row": one, "column": other, "points": 1.0, "verdict": "better", "says": "x"}
            for one in names
            for other in names
        ]
        return spec(charts.significance(pd.DataFrame(rows), names))["layer"]

    assert len(layers(3)) == 2 and len(layers(20)) == 1


def test_reliability_and_empty_tables_draw(classes):
    bins = pd.DataFrame({"run": ["U-Net"], "confidence": [0.9], "accuracy": [0.8], "share": [1.0]})
    assert len(spec(charts.reliability(bins, COLORS))["layer"]) == 3
    spec(charts.per_class(classes.iloc[:0], COLORS))
    zeros = np.zeros((11, 11), np.int64)
    spec(charts.confusion(zeros, CAMVID11, hue="#000000"))
    spec(charts.confusion_difference(zeros, zeros, CAMVID11, names=("a", "b")))
    nothing = pd.DataFrame({name: [] for name in ("id", "run", "x", "y", "low", "high", "chosen")})
    spec(charts.trade_off(nothing, COLORS, x_title="MB", y_title="mIoU"))
