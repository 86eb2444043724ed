"""The compare page with no, one, two, four and many runs, and with runs that can't be compared."""

import json
import shutil

import pytest
from fixtures.app import LABELS
from fixtures.runs import fake_profile, fake_run

from segcore.evaluation.comparison import LabelSpace
from segcore.labels import CAMVID11, LabelMap
from segcore.runs import load_run
from segcore.ui.compare import chart_tables
from segcore.ui.compare.leaderboard import MANY
from segcore.ui.shell.app_context import MAX_CHOSEN

PHOTOS = ("one", "two", "three")


def board(app):
    """The data of the leaderboard: columns and pools of rows."""
    (result,) = [item for item in app.get("bidi_component") if item.key != "keyboard"]
    return json.loads(result.proto.json)[0]


def rows(app):
    return [row for pool in board(app)["pools"] for row in pool["rows"]]


def select(app, label):
    return next(box for box in app.main.selectbox if box.label == label)


@pytest.mark.parametrize("models", [("unet",), ("fcn8s", "unet")], ids=len)
def test_few_runs_are_ranked_and_judged(open_app, data, runs, models, page_text):
    app = open_app(data, runs(*models), "compare")
    assert not app.exception and not app.error
    result = rows(app)
    assert [row["title"] for row in result] == ["U-Net", "FCN-8s"][: len(models)]
    assert all(row["low"] <= row["cells"]["miou"] <= row["high"] and row["chosen"] for row in result)
    assert ("Is it real?" in page_text(app)) == (len(models) > 1)


def test_no_run_chosen_still_ranks(open_app, data, runs, page_text):
    app = open_app(data, runs("fcn8s", "unet"), "compare")
    for box in app.sidebar.checkbox:
        box.uncheck()
    app.run()
    for box in [box for box in app.sidebar.checkbox if box.value]:
        box.uncheck().run()
    assert not any(row["chosen"] for row in rows(app)) and len(rows(app)) == 2
    assert "Tick a run to see its classes" in page_text(app)


def test_sixty_runs(open_app, data, tmp_path, page_text):
    folder = tmp_path / "many"
    shared = {"ids": PHOTOS, "epochs": 1, "dataset": "far", "source": "/nowhere"}
    for index in range(60):
        model = ("unet", "fcn8s", "pspnet")[index % 3]
        fake_run(folder, f"far-{model}-seed{index}", model=model, right=0.3 + 0.01 * index, seed=index, **shared)
    app = open_app(data, folder, "compare")  # of data that is not on this machine
    assert not app.exception
    result = rows(app)
    chosen = [row for row in result if row["chosen"]]
    assert len(result) == 60 > MANY and len(chosen) == MAX_CHOSEN
    assert len({row["color"] for row in chosen}) == MAX_CHOSEN
    assert len(app.sidebar.checkbox) == MAX_CHOSEN
    assert "PSPNet (seed59)" in page_text(app)
    # A run beyond the sidebar's is added once there is room.
    app.sidebar.checkbox[0].uncheck().run()
    added = app.sidebar.selectbox(key=f"run-added:{MAX_CHOSEN - 1}")
    added.select(added.options[0]).run()
    assert sum(row["chosen"] for row in rows(app)) == MAX_CHOSEN and not app.exception
    # Seeds of a recipe are one line each.
    app.toggle(key="widget:seeds").set_value(True).run()
    assert not app.exception
    assert sorted(row["title"] for row in rows(app)) == ["FCN-8s", "PSPNet", "U-Net"]
    assert app.query_params["seeds"] == ["True"] or app.query_params["seeds"] == "True"


def test_of_very_many_runs_the_best_are_compared_and_the_filter_finds_others(
    open_app, data, tmp_path, page_text, monkeypatch
):
    monkeypatch.setattr(chart_tables, "MOST_COMPARED", 9)
    for index in range(12):
        model = ("unet", "fcn8s")[index % 2]
        fake_run(tmp_path, f"{model}-{index}", model=model, ids=PHOTOS, epochs=1, right=0.3 + 0.05 * index, seed=index)
    app = open_app(data, tmp_path, "compare")
    assert {row["id"] for row in rows(app)} == {f"{('unet', 'fcn8s')[index % 2]}-{index}" for index in range(3, 12)}
    assert "9 of 12 runs are compared: the best by test mIoU, and the chosen ones. A name" in page_text(app)
    app = open_app(data, tmp_path, "compare", find="u-net unet-0", runs="fcn8s-11")
    assert {row["id"] for row in rows(app)} == {"unet-0", "fcn8s-11"}
    assert "2 of 12 runs are compared: the best that the filter finds" in page_text(app)
    app = open_app(data, tmp_path, "compare", find="u-net unet-0", runs="fcn8s-11", seeds="True")
    assert [row["sub"].partition(":")[0] for row in rows(app)] == ["6 seeds"] * 2  # found and chosen as a whole
    assert not app.exception


def test_runs_of_other_data_are_ranked_apart(open_app, data, runs, page_text):
    folder = runs("unet", "fcn8s")
    for name in ("far-a", "far-b"):
        fake_run(folder, name, model="pspnet", labels=CAMVID11, dataset="far", source="/nowhere", seed=len(name))
    app = open_app(data, folder, "compare", runs="unet,fcn8s,far-a")
    assert not app.exception
    titles = [pool["title"] for pool in board(app)["pools"]]
    assert titles == ["toy, 4 classes, 3 images", "far, 11 classes, 4 images"]
    assert [len(pool["rows"]) for pool in board(app)["pools"]] == [2, 2]  # far-b belongs to what far-a is ranked in
    assert "scored on different data" in page_text(app)
    parts = next(group for group in app.button_group if group.label == "Data")
    assert parts.options == ["toy, 4 classes", "far, 11 classes"]
    far, toy = (LabelSpace.of(load_run(folder / name)).key for name in ("far-a", "unet"))
    parts.set_value(far).run()
    assert app.query_params["part"] == far
    assert not app.exception and select(app, "Model").options == ["PSPNet (a)"]
    parts = next(group for group in app.button_group if group.label == "Data")
    parts.set_value(toy).run()
    assert not app.exception and select(app, "Model").options == ["FCN-8s", "U-Net"]  # the later one is better


def test_two_sets_of_classes_of_one_size_can_both_be_chosen(open_app, data, runs):
    folder = runs("unet")
    other = LabelMap("other", ("Sky", "Road", "Car", "Moon"), LABELS.colors)
    fake_run(folder, "moon", model="pspnet", labels=other, dataset="toy", source="/nowhere")
    app = open_app(data, folder, "compare", runs="unet,moon")
    group = next(group for group in app.button_group if group.label == "Data")
    assert group.options == [r"toy, 4 classes \(with Tree\)", r"toy, 4 classes \(with Moon\)"]  # escaped for Markdown
    titles = [pool["title"] for pool in board(app)["pools"]]
    assert titles == ["toy, 4 classes (with Tree), 3 images", "toy, 4 classes (with Moon), 4 images"]
    moon = LabelSpace.of(load_run(folder / "moon")).key
    app = open_app(data, folder, "compare", runs="unet,moon", part=moon)
    assert select(app, "Model").options == ["PSPNet"] and app.query_params["part"] == moon and not app.exception


def test_unevaluated_and_broken_runs_are_lines_without_a_score(open_app, data, runs, page_text):
    folder = runs("unet", "fcn8s", "pspnet")
    shutil.rmtree(folder / "fcn8s" / "evaluation")
    (folder / "pspnet" / "evaluation" / "test" / "images.parquet").write_bytes(b"PAR1")
    app = open_app(data, folder, "compare")
    last = board(app)["pools"][-1]
    assert last["title"] == "No scores on test" and {row["title"] for row in last["rows"]} == {"FCN-8s", "PSPNet"}
    assert f"segcore evaluate {folder / 'fcn8s'} --split test" in page_text(app)


def test_a_link_reproduces_the_choices(open_app, data, runs, page_text):
    link = {
        "metric": "pixel_accuracy",
        "order": "title",
        "find": "net",
        "score": "dice",
        "of": "unet",
        "minus": "pspnet",
    }
    app = open_app(data, runs("fcn8s", "unet", "pspnet"), "compare", **link, cost="minutes", quality="miou")
    assert not app.exception
    data_sent = board(app)
    assert (data_sent["sort"], data_sent["filter"]) == ("title", "net")
    assert data_sent["columns"][1]["key"] == "pixel_accuracy"
    assert (select(app, "Model").value, select(app, "Against").value) == ("unet", "pspnet")
    assert (select(app, "Cost").value, select(app, "Quality").value) == ("minutes", "miou")
    assert "U-Net does better, more often right" in page_text(app)
    for name, value in link.items():
        assert app.query_params[name] in (value, [value])


def test_the_best_model_that_is_fast_enough_is_one_choice(open_app, data, runs, page_text):
    folder = runs("fcn8s", "unet", "pspnet")
    for name, milliseconds in (("fcn8s", 20.0), ("unet", 25.0), ("pspnet", 200.0)):
        fake_profile(load_run(folder / name), milliseconds)
    app = open_app(data, folder, "compare", fps="30")
    assert not app.exception
    words = page_text(app).replace("\\", "")
    assert "Best at 30 frames/s or more: U-Net, mIoU 0." in words
    assert "40.0 frames/s through the fastest exact backend, on here." in words
    select(app, "Speed").set_value("60").run()
    assert "No model predicts 60 frames/s; the fastest, FCN-8s, predicts 50.0." in page_text(app).replace("\\", "")
    select(app, "Cost").set_value("fps").run()
    assert not app.exception and set(app.query_params) == {"fps", "cost"}


def test_what_was_left_alone_follows_the_ranking(open_app, data, runs):
    app = open_app(data, runs("fcn8s", "unet"), "compare")
    assert board(app)["sort"] == "-miou"
    select(app, "Ranked by").set_value("image_miou").run()
    assert (board(app)["sort"], select(app, "Quality").value) == ("-image_miou", "image_miou")
    select(app, "Ranked by").set_value("pixel_accuracy").run()
    assert (board(app)["sort"], select(app, "Quality").value) == ("-pixel_accuracy", "pixel_accuracy")
    assert set(app.query_params) == {"metric"}
    select(app, "Quality").set_value("mean_dice").run()
    select(app, "Ranked by").set_value("miou").run()
    assert (board(app)["sort"], select(app, "Quality").value) == ("-miou", "mean_dice")  # what was chosen stays


def test_nonsense_in_the_link_is_ignored(open_app, data, runs):
    link = {"metric": "luck", "order": "-x", "columns": "a,b", "minus": "unet", "part": "z", "pairs": "q", "cost": "c"}
    assert not open_app(data, runs("fcn8s", "unet"), "compare", **link).exception
