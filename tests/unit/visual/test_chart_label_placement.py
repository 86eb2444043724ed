import numpy as np
import pandas as pd

from segcore.visual.chart_label_placement import place_names


def placed(rows, domain=(0, 10), log=False):
    table = pd.DataFrame(rows, columns=["run", "x", "y"]).assign(low=np.nan, high=np.nan, chosen=True)
    return list(place_names(table, domain, log=log).itertuples(index=False, name=None))


def test_names_stand_towards_the_middle():
    assert placed([("a", 1, 0.4), ("b", 9, 0.6)]) == [(True, False, False), (True, True, False)]


def test_a_name_keeps_clear_of_another_dot():
    rows = [("DeepLab", 7, 0.55), ("FCN", 6, 0.56), ("U-Net", 1, 0.3)]
    first, *_ = placed(rows)
    assert first == (True, False, False)  # to the right, away from the dot beside it
    rows = [("DeepLab", 9.5, 0.55), ("FCN", 8, 0.56), ("U-Net", 1, 0.3)]
    first, *_ = placed(rows)
    assert first == (True, True, True)  # no room there: below


def test_no_name_lies_on_another_and_the_best_are_named_first():
    rows = [(f"model {index}", 5 + 0.01 * index, 0.5 + 1e-4 * index) for index in range(6)] + [("far", 1, 0.1)]
    named = [name for name, *_ in placed(rows)]
    assert named[5] and named[6] and sum(named[:6]) < 6


def test_only_chosen_dots_are_named():
    table = pd.DataFrame({"run": ["a", "b"], "x": [1, 2], "y": [1, 2], "low": np.nan, "high": np.nan})
    assert place_names(table.assign(chosen=[True, False]), (0, 3), log=False)["named"].tolist() == [True, False]
    assert place_names(table.assign(chosen=True)[:0], (0, 1), log=False).empty
