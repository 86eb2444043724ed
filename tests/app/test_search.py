"""The page of searches: with none, one, many, unfinished and broken ones."""

import os
import shlex
import time

import pytest
from fixtures.runs import fake_run
from fixtures.searches import SPACE, fake_search

from segcore.cli import main
from segcore.ui.search import trial_tables
from segcore.ui.shell import notices
from segcore.visual.search_axes import Setting

MIXED = ["complete", "pruned", "complete", "complete", "failed", "complete", "pruned", "complete"]


@pytest.fixture
def page(open_app, data, tmp_path, page_text):
    """`page(**query)` opens the page over `tmp_path / "runs"`; returns the app and what it says."""

    def start(**query):
        app = open_app(data, tmp_path / "runs", "search", **query)
        assert not app.exception
        return app, page_text(app).replace("\\", "")  # escapes of Markdown

    return start


@pytest.fixture
def search(tmp_path):
    def make(name, states, **options):
        return fake_search(tmp_path / "runs", name, states, **options)

    return make


def charts(app):
    return [item.proto.id for item in app.get("vega_lite_chart")]


def age(record, minutes):
    then = time.time() - 60 * minutes
    for path in (*record.path.iterdir(), record.path):
        os.utime(path, (then, then))


def test_no_search_says_what_one_is_and_how_to_start_it(page, data, tmp_path):
    _, text = page()
    assert "A search tries settings" in text and notices.SPACE in text
    assert f"segcore search --space space.yaml --trials 20 --folds 3 --data {data} --out {tmp_path / 'runs'}" in text


def test_the_command_for_a_first_search_is_one_that_search_takes(page, tmp_path, monkeypatch):
    plans = []
    monkeypatch.setattr("segcore.training.search.loop.search", plans.append)
    _, text = page()
    command = next(line for line in text.splitlines() if "segcore search --space" in line)  # a path may stand before it
    monkeypatch.chdir(tmp_path)
    (tmp_path / "space.yaml").write_text(notices.SPACE)
    assert main(shlex.split(command)[1:]) == 0
    assert list(plans[0].space.params) == ["lr", "loss", "freeze"]


@pytest.mark.parametrize(
    ("states", "wanted", "words"),
    [
        ([], 4, ["0 of 4 trials", "no trial complete yet"]),
        (["running"], 4, ["0 of 4 trials", "Training: trial 0. The page follows.", "no trial complete yet"]),
        (["failed", "failed"], 2, ["2 of 2 trials (2 failed)", "no trial complete"]),
        (["complete"], 1, ["1 of 1 trials", "(trial 0)", "Best settings", "Too few complete trials to say: 1 so far."]),
        (
            MIXED,
            8,
            ["8 of 8 trials (5 complete, 2 pruned, 1 failed)", "So few trials only hint at it.", "Settings together"],
        ),
        (["complete", "pruned", "complete"] * 20, 60, ["60 of 60 trials", "among the best quarter of 40 complete"]),
        (["complete", "running", "running"], 9, ["Training: trials 1, 2. The page follows."]),
        (["complete", "failed"], 9, ["Stopped after 2 of 9 trials. The command that started it continues it."]),
    ],
    ids=["begun", "running", "failed", "one", "mixed", "sixty", "two at once", "stopped"],
)
def test_every_stage_of_a_search(page, search, states, wanted, words):
    search("a", states, wanted=wanted)
    app, text = page()
    assert not app.error and not app.warning
    for item in words:
        assert item in text
    assert len(app.dataframe) == bool(states)
    if states:
        assert len(app.dataframe[0].value) == len(states)
    assert ("Best settings" in text) == ("complete" in states)


def test_one_setting_has_its_slice_and_no_parallel_axes(page, search):
    search("a", ["complete"] * 4, space={"lr": SPACE["lr"]})
    app, text = page()
    assert "Only one setting is searched" in text and "Settings one by one" in text
    assert "Settings together" not in text and len(charts(app)) == 2


def test_the_best_is_a_recipe_with_its_command_and_a_warning(page, search):
    record = search("a", MIXED)
    _, text = page()
    head, _, settings = record.best.read_text().partition("\n")
    assert settings in text and head.startswith("# Best of") and head not in text
    assert f"python train.py --config {record.best}" in text
    assert "reads too high" in text and "The test images took no part" in text


def test_searched_settings_stand_first_among_the_best(page, search):
    record = search("a", MIXED)
    record.best.write_text("# Best of a\ndata: street\nepochs: 3\n# searched\nlr: 0.002\nloss: ce\n")
    _, text = page()
    assert "# searched\nlr: 0.002\nloss: ce\n# the same in every trial\ndata: street\nepochs: 3\n" in text


def test_the_newest_comes_first_and_a_link_keeps_another(page, search):
    search("old", ["complete"], created="2026-01-01T00:00:00+00:00")
    search("new", ["complete"], created="2026-01-02T00:00:00+00:00")
    app, _ = page()
    (pills,) = [item for item in app.button_group if "old" in item.options]
    assert pills.options == ["new", "old"] and pills.value == "new"
    pills.set_value("old").run()
    assert app.query_params["search"] == "old"
    app, _ = page(search="old")
    assert next(item for item in app.button_group if "old" in item.options).value == "old"
    app, _ = page(search="gone")
    assert not app.error and "search" not in app.query_params


def test_many_searches_are_a_menu(page, search):
    for index in range(9):
        search(f"s{index}", ["complete"], created=f"2026-01-0{index + 1}T00:00:00+00:00")
    app, _ = page()
    (menu,) = [box for box in app.selectbox if box.label == "Search"]
    assert menu.value == "s8" and len(menu.options) == 9


def test_broken_files_are_said_and_the_rest_is_shown(page, search):
    record = search("a", MIXED)
    (record.path / "importance.json").write_text("[1]")
    (record.path / "best.yaml").write_bytes(b"\xff\xfe\xfa")
    app, text = page()
    assert "holds no shares by setting" in text and len(app.dataframe) == 1
    assert "best.yaml can't be read" in text

    (record.path / "trials.csv").write_text("number,state\n0,complete\n")
    app, text = page()
    assert "has no column value" in text and not app.dataframe

    other = search("b", ["complete"], created="2025-01-01T00:00:00+00:00")
    (record.path / "search.json").write_text('{"name')
    app, text = page()
    assert "search.json is no JSON, perhaps cut off" in text and str(other.best) in text

    (other.path / "search.json").write_text('{"schema_version": 7}')
    _, text = page()
    assert "Update Segcore." in text and "No searches in" in text


def test_odd_values_are_no_traceback(page, search):
    record = search("a", MIXED)
    path = record.path / "trials.csv"
    lines = path.read_text().splitlines()
    first = lines[1].split(",")
    first[2] = "inf"
    strange = ["9", "weird", *lines[4].split(",")[2:]]
    nameless = ["", *lines[4].split(",")[1:]]
    path.write_text("\n".join([lines[0], ",".join(first), *lines[2:], ",".join(strange), ",".join(nameless)]) + "\n")
    app, text = page()
    assert not app.error and "8 of 8 trials" not in text
    assert len(app.dataframe[0].value) == 9


def test_a_trial_that_failed_says_why(page, search):
    record = search("a", ["complete", "failed"])
    fake_run(record.runs, "trial-0001-fold-0", status="failed", evaluated=False)
    _, text = page()
    assert "Trial 1 failed: The loss became NaN in epoch 2" in text


def test_a_search_that_has_been_silent_says_so(page, search):
    age(search("a", ["complete", "running"], wanted=4), minutes=300)
    _, text = page()
    assert "Training: trial 1, but nothing new for 5 h: it may have been stopped." in text


def test_table_is_best_first_and_follows_what_is_picked(search):
    record = search("a", [*MIXED, "running"])
    trials = trial_tables.read_trials(record)
    settings = trial_tables.settings(record, trials)
    table = trial_tables.trial_table(record, trials, settings)
    assert table["state"].tolist() == ["complete"] * 5 + ["pruned"] * 2 + ["running", "failed"]
    scores = table["value"][table["state"] == "complete"]
    assert scores.is_monotonic_decreasing and table["number"][0] == record.best_number
    assert set(table["param.batch_size"]) <= {"2", "4", "8"}
    assert table.columns[0] == "number" and list(trial_tables.column_config(record, settings)) == [
        name for name in table.columns if name != "state"
    ]
    picked = trial_tables.trial_table(record, trials, settings, [2, 5])
    assert sorted(picked["number"]) == [2, 5]


def test_the_most_important_setting_is_the_first_axis(search):
    record = search("a", MIXED, importance={"freeze": 0.6, "loss": 0.3, "lr": 0.1})
    names = [setting.name for setting in trial_tables.settings(record, trial_tables.read_trials(record))]
    assert names[:3] == ["freeze", "loss", "lr"] and set(names) == set(SPACE)


def test_trials_within_the_spread_of_the_best_are_counted(search):
    trials = trial_tables.read_trials(search("a", ["complete"] * 3))
    assert trial_tables.ties(trials.assign(value=[0.5, 0.48, 0.3], spread=[0.03, 0.0, 0.0])).startswith(
        "1 more trial lies"
    )
    assert trial_tables.ties(trials.assign(value=[0.5, 0.48, 0.48], spread=0.03)).startswith("2 more trials lie")
    assert trial_tables.ties(trials.assign(value=[0.5, 0.4, 0.4], spread=0.03)) == ""
    assert trial_tables.ties(trials.assign(spread=float("nan"))) == ""


def test_a_grid_ends_with_its_last_combination(search):
    space = {"loss": ["ce", "ohem"], "batch_size": {"low": 2, "high": 8, "step": 2}}
    record = search("a", ["complete"] * 8, space=space, wanted=50)
    assert trial_tables.planned_trials(record) == 50
    changed = record.info.model_copy(update={"sampler": "grid"})
    assert trial_tables.planned_trials(type(record)(record.path, changed, 0, 0.0)) == 8


def test_settings_of_a_search_that_has_only_begun(search):
    record = search("a", [])
    settings = trial_tables.settings(record, trial_tables.read_trials(record))
    assert [type(setting) for setting in settings] == [Setting] * len(SPACE)
