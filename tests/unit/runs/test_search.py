"""The record of a search: what is written is what is read, and what can't be read says so."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from segcore.errors import RunError
from segcore.runs.search import SearchedData, SearchInfo, SearchStore, load_search

ROWS = [
    {"number": 1, "state": "running", "fold_0": 0.25, "value": 0.25, "param.lr": 2e-3, "param.loss": "null"},
    {
        "number": 0,
        "state": "complete",
        "value": 0.4,
        "spread": 0.1,
        "fold_0": 0.3,
        "fold_1": 0.5,
        "epochs": 4,
        "seconds": 2.5,
        "param.lr": 1e-3,
        "param.loss": "ce",
    },
]


def info(name="first", created="2026-01-01T00:00:00+00:00", **changes):
    values = {
        "name": name,
        "created": created,
        "folds": 2,
        "base": {"epochs": 4},
        "space": {"lr": {"low": 1e-4, "high": 1e-2, "log": True}, "loss": ["ce", "null"]},
        "dataset": SearchedData(name="drive", source="drive", fingerprint="0123456789abcdef"),
        "trials_wanted": 3,
    }
    return SearchInfo(**(values | changes))


def write(root, name="first", rows=ROWS, **changes):
    writer = SearchStore(root).create(name)
    writer.write_info(info(writer.path.name, **changes))
    writer.write_trials(info(), rows)
    return writer


def test_what_is_written_is_what_is_read(tmp_path):
    writer = write(tmp_path)
    writer.write_importance({"lr": 0.75, "loss": 0.25})
    writer.write_best("lr: 0.001\n")
    search = SearchStore(tmp_path).get("first")
    assert search.name == "first" and search.info == info() and search.path == tmp_path / "searches" / "first"
    assert search.trials.columns.tolist() == [
        *("number", "state", "value", "spread", "fold_0", "fold_1", "epochs", "seconds", "param.lr", "param.loss")
    ]
    assert search.trials["number"].tolist() == [0, 1] and search.trials["state"].tolist() == ["complete", "running"]
    assert search.trials["param.loss"].tolist() == ["ce", "null"]  # a choice called null is no missing value
    np.testing.assert_array_equal(search.trials["fold_1"], [0.5, np.nan])
    assert search.best_number == 0
    assert search.importance == {"lr": 0.75, "loss": 0.25} and search.best.read_text() == "lr: 0.001\n"
    assert sorted(path.name for path in search.path.iterdir() if path.name[0] != ".") == [
        *("best.yaml", "importance.json", "search.json", "trials.csv")
    ]


def test_a_search_that_has_only_begun(tmp_path):
    writer = SearchStore(tmp_path).create("first")
    writer.write_info(info())
    search = writer.record()
    assert search.trials.columns.tolist() == list(info().columns) and search.trials.empty
    assert search.importance == {} and search.best is None and search.best_number is None and search.runs.list() == []


def test_a_table_without_trials_is_no_table_of_text(tmp_path):
    table = write(tmp_path, rows=[]).record().trials
    assert table.empty and table["value"].dtype == np.float64


def test_version_moves_with_the_trials(tmp_path):
    writer = write(tmp_path)
    before = writer.record().version
    writer.write_trials(info(), ROWS[:1])
    assert writer.record().version != before


def test_a_change_is_seen_after_the_clock_was_put_back(tmp_path):
    writer = write(tmp_path)
    before = writer.record()
    writer.write_trials(info(), ROWS[:1])
    an_hour_ago = (writer.path / "search.json").stat().st_mtime - 3600
    for path in (writer.path, writer.path / "trials.csv"):
        os.utime(path, (an_hour_ago, an_hour_ago))
    after = writer.record()
    assert after.version != before.version and after.changed > an_hour_ago


def test_a_store_lists_by_time_and_names_problems(tmp_path):
    store = SearchStore(tmp_path)
    assert store.list() == [] and store.problems == ()
    write(tmp_path, "b", created="2026-01-01T00:00:00+00:00")
    write(tmp_path, "a", created="2026-01-02T00:00:00+00:00")
    (tmp_path / "searches" / "notes").mkdir()
    (write(tmp_path, "cut").path / "search.json").write_text('{"name')
    assert [search.name for search in store.list()] == ["b", "a"]
    (problem,) = store.problems
    assert problem.path.name == "cut" and "search.json is no JSON, perhaps cut off" in problem.message
    with pytest.raises(RunError, match=r"No search in .*searches 'bb'\. .*Choose one of a, b, cut\."):
        store.get("bb")
    with pytest.raises(RunError, match=r"there are none in .*\. Start one: segcore search --space FILE"):
        SearchStore(tmp_path / "elsewhere").get("a")


def test_names_become_folders(tmp_path):
    assert SearchStore(tmp_path).create("../my search").path == tmp_path / "searches" / "my-search"
    with pytest.raises(RunError, match=r"No search can be called '\.\.'; expected letters or digits\."):
        SearchStore(tmp_path).create("..")
    (tmp_path / "searches" / "file").write_text("")
    with pytest.raises(RunError, match=r"Can't make the folder .*file: File exists\. Choose another with --out\."):
        SearchStore(tmp_path).create("file")


def test_the_same_name_is_the_same_search(tmp_path):
    assert SearchStore(tmp_path).create("a") == SearchStore(tmp_path).create("a")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("search.json", "[]", "was not written by Segcore: it has no schema_version."),
        ("search.json", '{"schema_version": 2}', "is of schema 2; this Segcore reads schema 1. Update Segcore."),
        ("search.json", '{"schema_version": 1}', "name: Field required. Start the search again, or remove the folder"),
    ],
)
def test_foreign_searches(tmp_path, file, text, message):
    path = write(tmp_path).path
    (path / file).write_text(text)
    with pytest.raises(RunError, match=re.escape(message)):
        load_search(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no table (No columns to parse from file)."),
        ("number,state\n0,running\n", "has no column value, spread, fold_0"),
        (f"{','.join(info().columns)}\n0,complete,good,,,,,,,\n", "column value holds text; expected numbers."),
    ],
)
def test_foreign_trials(tmp_path, text, message):
    search = write(tmp_path).record()
    (search.path / "trials.csv").write_text(text)
    with pytest.raises(RunError, match=re.escape(message)):
        _ = search.trials


def test_foreign_importance(tmp_path):
    search = write(tmp_path).record()
    (search.path / "importance.json").write_text(json.dumps({"lr": "much"}))
    with pytest.raises(RunError, match=r"importance\.json holds no shares by setting\."):
        _ = search.importance


def test_missing_search(tmp_path):
    with pytest.raises(RunError, match=r"No search at .*: it has no search\.json\. Start one"):
        load_search(tmp_path)


def test_runs_of_a_trial(tmp_path, fake_run):
    search = write(tmp_path).record()
    for name in ("trial-0001-unet-fold0", "trial-0001-unet-fold1", "trial-0010-unet-fold0"):
        fake_run(search.runs, name, evaluated=False)
    assert [run.id for run in search.runs_of(1)] == ["trial-0001-unet-fold0", "trial-0001-unet-fold1"]
    assert search.runs_of(2) == []


_COUNT = """
import sys
from pathlib import Path
from segcore.runs.search import SearchWriter
writer, counter = SearchWriter(Path(sys.argv[1])), Path(sys.argv[1]) / "counter"
for _ in range(50):
    with writer.locked():
        counter.write_text(str(int(counter.read_text()) + 1))
"""


def test_one_process_at_a_time(tmp_path):
    (tmp_path / "counter").write_text("0")
    processes = [subprocess.Popen([sys.executable, "-c", _COUNT, str(tmp_path)]) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert (tmp_path / "counter").read_text() == "100"


def test_reading_needs_neither_torch_nor_optuna(tmp_path):
    write(tmp_path)
    code = f"""
import sys
from segcore.runs.search import SearchStore
(search,) = SearchStore({str(tmp_path)!r}).list()
search.trials, search.importance, search.best, search.runs.list()
print([name for name in ("torch", "optuna", "lightning", "albumentations") if name in sys.modules])
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
