import numpy as np
import pandas as pd
import pytest
from fixtures.charts import spec

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


def test_history_has_one_color_a_run_dashes_train_and_names_every_run_on_hover(curves):
    kept = (curves["x"] == 3) & (curves["phase"] == "validation")
    table = curves.assign(kept=kept)
    lines, points, rule, marks = spec(charts.history(table, COLORS, title="Loss", x_title="epoch"))["layer"]
    assert lines["encoding"]["color"]["scale"] == {"domain": list(COLORS), "range": list(COLORS.values())}
    assert lines["encoding"]["strokeDash"]["scale"]["range"] == [[3, 3], [1, 0]]
    titles = [tip["title"] for tip in rule["encoding"]["tooltip"]]
    assert titles == ["epoch", "U-Net", "U-Net train", "PSPNet (b: 2.1)", "PSPNet (b: 2.1) train"]
    assert marks["mark"]["shape"] == "diamond"
    assert points["mark"]["type"] == "circle"


def test_history_leaves_out_gaps(curves):
    """The line is broken there, and nothing is pointed at."""
    curves.loc[1, "value"], curves.loc[2, "value"] = np.nan, np.inf
    chart = spec(charts.history(curves, COLORS, title="mIoU", x_title="epoch", score=True))
    line, points = (chart["datasets"][layer["data"]["name"]] for layer in chart["layer"][:2])
    assert [row["value"] for row in line[:4]] == [0.1, None, None, 0.1] and len(line) == len(curves)
    assert len(points) == len(curves) - 2
    assert chart["layer"][0]["mark"]["invalid"] == "break-paths-show-domains"


def test_a_curve_that_would_draw_the_others_flat_gets_a_logarithmic_axis(curves):
    plain = spec(charts.history(curves, COLORS, title="Loss", x_title="epoch"))
    assert plain["title"]["text"] == "Loss" and "type" not in plain["layer"][0]["encoding"]["y"]["scale"]
    curves.loc[2, "value"] = 400
    wide = spec(charts.history(curves, COLORS, title="Loss", x_title="epoch"))
    assert wide["title"]["text"] == "Loss (log scale)"
    assert wide["layer"][0]["encoding"]["y"]["scale"] == {"type": "log", "domain": [0.1, 400.0], "nice": False}
    curves.loc[2, "value"] = 1e30
    cut = spec(charts.history(curves, COLORS, title="Loss", x_title="epoch"))
    assert cut["title"]["text"] == "Loss (log scale, cut at 1,000)"
    assert cut["layer"][0]["encoding"]["y"]["scale"]["domain"] == [0.1, 1000.0] and cut["layer"][0]["mark"]["clip"]


def test_smoothing_keeps_gaps():
    smooth = charts.smoothed(pd.Series([1.0, np.nan, 3.0]), 0.5)
    assert smooth.isna().tolist() == [False, True, False]


def test_smoothing_is_off_at_zero_and_keeps_the_first_value():
    values = pd.Series([1.0, 3.0, 5.0])
    assert charts.smoothed(values, 0).tolist() == [1, 3, 5]
    smooth = charts.smoothed(values, 0.5)
    assert smooth.iloc[0] == 1
    assert smooth.iloc[2] == pytest.approx((5 + 0.5 * 3 + 0.25 * 1) / 1.75)


def test_balance_orders_by_frequency_and_starts_a_log_axis_below_the_rarest():
    table = pd.DataFrame({"class": CAMVID11.names, "pixels": [0, 250, 90, *[1000 * index for index in range(1, 9)]]})
    chart = spec(charts.balance(table, CAMVID11, value="pixels", title="pixels", log=True))
    assert chart["encoding"]["y"]["sort"][0] == "Bicyclist" and "Sky" not in chart["encoding"]["y"]["sort"]
    assert chart["encoding"]["x"]["scale"] == {"type": "log", "domainMin": 10.0, "nice": False}


def test_image_sizes_draw():
    spec(charts.image_sizes(pd.DataFrame({"size": ["4x3"], "width": [4], "height": [3], "images": [2]})))
