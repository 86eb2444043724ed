import numpy as np
import pandas as pd
from fixtures.charts import spec

from segcore.labels import CAMVID11
from segcore.visual import augment_charts


def shares(**changes):
    before = np.array([0.3, 0.2, 0.002, 0.25, 0.1, 0.1, 0.02, 0.01, 0.01, 0.008, 0.0])
    after = before.copy()
    for name, value in changes.items():
        after[CAMVID11.index(name)] = value
    return pd.DataFrame({"class": CAMVID11.names, "before": before, "after": after, "seen": 9, "kept": 7})


def rows(chart):
    return {row["class"]: row for row in next(iter(chart["datasets"].values()))}


def test_classes_stand_by_their_share_and_absent_ones_are_left_out():
    chart = spec(augment_charts.class_shares(shares(), CAMVID11))
    for layer in chart["layer"]:
        assert layer["encoding"]["y"]["sort"][:3] == ["Sky", "Road", "Building"]
    assert "Bicyclist" not in rows(chart)
    scale = chart["layer"][2]["encoding"]["color"]["scale"]
    assert dict(zip(scale["domain"], scale["range"], strict=True))["Road"] == "#804080"


def test_a_class_that_is_gone_stands_at_the_left_end():
    chart = spec(augment_charts.class_shares(shares(Pole=0.0, Fence=0.013), CAMVID11))
    low = chart["layer"][0]["encoding"]["x"]["scale"]["domain"][0]
    assert low == 0.001
    pole, fence, sky = (rows(chart)[name] for name in ("Pole", "Fence", "Sky"))
    assert (pole["shown"], pole["after"], pole["change"], pole["pictures"]) == (low, 0, "gone", "7 of 9")
    assert (fence["change"], sky["change"]) == ("1.30 times", "the same")


def test_histograms_are_shares_over_the_bins_in_use():
    before, after = np.zeros(32, int), np.zeros(32, int)
    before[10], after[12], after[13] = 4, 3, 1
    chart = spec(augment_charts.histogram(np.linspace(0, 256, 33), before, after, title="brightness"))
    ground, line, touch = chart["layer"]
    assert ground["encoding"]["x"]["scale"]["domain"] == [72.0, 120.0]
    assert ground["encoding"]["y"]["scale"] == line["encoding"]["y"]["scale"]
    bins = chart["datasets"][touch["data"]["name"]]
    assert sum(row["before"] for row in bins) == sum(row["after"] for row in bins) == 1


def test_nothing_measured_draws_too():
    table = shares()
    table[["before", "after"]] = 0.0
    spec(augment_charts.class_shares(table, CAMVID11))
    none = np.zeros(32, int)
    spec(augment_charts.histogram(np.linspace(0, 256, 33), none, none, title="brightness"))
