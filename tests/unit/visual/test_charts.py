import json

import numpy as np
import pandas as pd
import pytest

from segcore.labels import CAMVID11
from segcore.visual import charts

COLORS = {"U-Net": "#112233", "PSPNet (b: 2.1)": "#445566"}


@pytest.fixture
def curves():
    rows = [
        {"run": run, "phase": phase, "x": epoch, "value": 0.1 * epoch + 0.05 * index}
        for index, run in enumerate(COLORS)
        for phase in ("train", "validation")
        for epoch in range(1, 4)
    ]
    return pd.DataFrame(rows)


def spec(chart):
    return json.loads(chart.to_json())


def test_history_has_one_color_a_run_dashes_train_and_names_every_run_on_hover(curves):
    best = curves[(curves["x"] == 3) & (curves["phase"] == "validation")]
    lines, points, rule, marks = spec(charts.history(curves, COLORS, title="Loss", x_title="epoch", best=best))["layer"]
    assert lines["encoding"]["color"]["scale"] == {"domain": list(COLORS), "range": list(COLORS.values())}
    assert lines["encoding"]["strokeDash"]["scale"]["range"] == [[3, 3], [1, 0]]
    titles = [tip["title"] for tip in rule["encoding"]["tooltip"]]
    assert titles == ["epoch", "U-Net", "U-Net train", "PSPNet (b: 2.1)", "PSPNet (b: 2.1) train"]
    assert marks["mark"]["shape"] == "diamond"
    assert points["mark"]["type"] == "circle"


def test_history_leaves_out_gaps(curves):
    curves.loc[0, "value"] = np.nan
    chart = spec(charts.history(curves, COLORS, title="mIoU", x_title="epoch", score=True))
    assert max(len(rows) for rows in chart["datasets"].values()) == len(curves) - 1


def test_smoothing_is_off_at_zero_and_keeps_the_first_value():
    values = pd.Series([1.0, 3.0, 5.0])
    assert charts.smoothed(values, 0).tolist() == [1, 3, 5]
    smooth = charts.smoothed(values, 0.5)
    assert smooth.iloc[0] == 1
    assert smooth.iloc[2] == pytest.approx((5 + 0.5 * 3 + 0.25 * 1) / 1.75)


def test_classes_on_which_runs_differ_come_first():
    rows = [("Road", 0.9, 0.91), ("Pole", 0.1, 0.5), ("Car", 0.5, 0.7), ("Fence", np.nan, np.nan)]
    table = pd.DataFrame(
        [
            {"class": name, "run": run, "value": value}
            for name, *values in rows
            for run, value in zip(COLORS, values, strict=True)
        ]
    )
    for layer in spec(charts.per_class(table, COLORS))["layer"]:
        assert layer["encoding"]["y"]["sort"] == ["Pole", "Car", "Road"]


def test_confusion_is_shares_of_true_pixels_and_puts_merely_predicted_classes_last():
    counts = np.zeros((11, 11), np.int64)
    counts[3, 3], counts[3, 0], counts[8, 8] = 75, 25, 10
    chart = spec(charts.confusion(counts, CAMVID11, hue="#123456"))
    assert chart["encoding"]["x"]["sort"] == ["Road", "Car", "Sky"]
    (rows,) = chart["datasets"].values()
    shares = {(row["truth"], row["prediction"]): row["share"] for row in rows}
    assert shares["Road", "Road"] == 0.75 and shares["Road", "Sky"] == 0.25 and shares["Car", "Car"] == 1
    assert charts.confusion_width(counts) == 170 + 3 * 2 * charts.CELL


def test_balance_orders_by_frequency_and_starts_a_log_axis_below_the_rarest():
    table = pd.DataFrame({"class": CAMVID11.names, "pixels": [0, 250, 90, *[1000 * index for index in range(1, 9)]]})
    chart = spec(charts.balance(table, CAMVID11, value="pixels", title="pixels", log=True))
    assert chart["encoding"]["y"]["sort"][0] == "Bicyclist" and "Sky" not in chart["encoding"]["y"]["sort"]
    assert chart["encoding"]["x"]["scale"] == {"type": "log", "domainMin": 10.0, "nice": False}


def test_trade_off_works_with_one_run():
    table = pd.DataFrame({"run": ["U-Net"], "parameters": [4.0], "miou": [0.6]})
    chart = spec(charts.trade_off(table, COLORS, x="parameters", y="miou", x_title="M", y_title="mIoU"))
    low, high = chart["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert low < 4 < high


def test_image_sizes_and_empty_tables_draw():
    spec(charts.image_sizes(pd.DataFrame({"width": [4], "height": [3], "images": [2]})))
    empty = pd.DataFrame({"class": pd.Series(dtype=str), "run": pd.Series(dtype=str), "value": pd.Series(dtype=float)})
    spec(charts.per_class(empty, COLORS))
    spec(charts.confusion(np.zeros((11, 11), np.int64), CAMVID11, hue="#000000"))
