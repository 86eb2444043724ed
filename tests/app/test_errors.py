"""The errors page: every order, with no, one and many runs, and with what can go wrong."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from fixtures.app import LABELS, make_data, make_runs
from fixtures.runs import fake_run
from PIL import Image

from segcore.data.tags import change_tag
from segcore.evaluation.image_ranking import Mistake
from segcore.labels import CAMVID11, LabelMap
from segcore.ui.errors.ranking_query import ORDERS
from segcore.ui.widgets.confusion_matrix import FEW, MOST, matrix_cells

FOUR = ("fcn8s", "unet", "pspnet", "deeplabv3plus")  # the later ones are better


def component(app, name):
    for one in app.get("bidi_component"):
        if one.proto.component_name.endswith(name):
            return json.loads(one.proto.json)[0]
    return None


def controls(app):
    """The menus above the images, without the one that tags them."""
    return [box for box in app.selectbox if box.key != "tagging:name"]


def gallery(app):
    """(ids, notes) of the thumbnails, in order."""
    items = component(app, "gallery")["items"]
    return [item["id"] for item in items], [item["note"] for item in items]


def sort_box(app):
    return next(box for box in app.selectbox if box.label == "Sort by")


def score(note):
    return float(note.split()[0].replace("−", "-"))


@pytest.fixture
def page_text(page_text):
    """What the page says, without the backslashes that keep Markdown from reading names."""
    return lambda app: page_text(app).replace("\\", "")


@pytest.fixture
def errors(open_app, data, runs):
    """`errors(*models, **link)` opens the page."""

    def start(*models, **link):
        return open_app(data, runs(*models), "errors", **link)

    return start


def test_every_order_of_four_runs(errors, page_text):
    app = errors(*FOUR)
    for rank in ORDERS:
        sort_box(app).set_value(rank).run()
        assert not app.exception and not app.error and not app.info, rank
        ids, notes = gallery(app)
        assert sorted(ids) == ["test_00", "test_01", "test_02"], rank
        values = [float(note.rstrip(" %")) if rank == "disagreement" else score(note) for note in notes]
        if rank in ("worst", "all-fail"):
            assert values == sorted(values)
        elif rank in ("difference", "disagreement"):
            assert values == sorted(values, reverse=True)
        else:
            assert ids == sorted(ids)
        if rank == "all-fail":
            assert all(note.endswith("DeepLabV3+") for note in notes)
        if rank == "difference":
            assert "DeepLabV3+ is ahead of PSPNet in 3 of 3 images" in page_text(app)
            next(button for button in app.main.button if button.help == "Swap the two runs").click().run()
            assert "PSPNet is ahead of DeepLabV3+ in 0 of 3 images" in page_text(app)
            assert [score(note) for note in gallery(app)[1]] == sorted(-value for value in values)[::-1]


def score_box(app):
    return next(box for box in app.selectbox if box.label == "Score")


def test_images_are_sorted_by_every_stored_score(open_app, data, tmp_path, page_text):
    make_runs(tmp_path / "runs", data, ("unet", "pspnet"), extras=True)
    app = open_app(data, tmp_path / "runs", "errors", of="unet", than="pspnet")
    offered = score_box(app).options
    assert {"Dice", "mean accuracy", "fwIoU", "boundary IoU", "boundary IoU, 3 px", "boundary F1", "ECE"} <= set(
        offered
    )
    assert not any("of Car" in one for one in offered)
    for name in ("mean_dice", "frequency_weighted_iou", "boundary_iou", "boundary_f1", "ece", "ece_scaled", "entropy"):
        sort_box(app).set_value("worst").run()
        score_box(app).set_value(name).run()
        assert not app.exception and app.query_params["score"] == name
        values = [score(note) for note in gallery(app)[1]]
        less = name in ("ece", "ece_scaled", "entropy")
        assert values == sorted(values, reverse=less) and len(values) == 3
        assert f"the {'highest' if less else 'lowest'} " in page_text(app)
        sort_box(app).set_value("difference").run()
        gaps = [score(note) for note in gallery(app)[1]]
        assert gaps == sorted(gaps, reverse=True)
        ahead = sum(gap > 0 for gap in gaps)
        more = "is more certain than" if name == "entropy" else "is ahead of"
        assert f"U-Net {more} PSPNet in {ahead} of 3 images" in page_text(app)
        assert ("(less is better)" in page_text(app)) == (less and name != "entropy")
        sort_box(app).set_value("all-fail").run()
        assert not app.exception and len(gallery(app)[0]) == 3


def test_the_scores_of_a_class_go_with_the_class(errors, page_text):
    app = errors("unet", "pspnet", **{"class": "Car"})
    assert {"IoU of Car", "precision of Car", "recall of Car", "Dice of Car"} <= set(score_box(app).options)
    score_box(app).set_value("dice:Car").run()
    assert app.query_params["score"] == "dice:Car" and "the lowest Dice of Car of" in page_text(app)
    class_box = next(box for box in app.selectbox if box.label == "With class")
    class_box.set_value("Road").run()
    assert score_box(app).value == "dice:Road" and app.query_params["score"] == "dice:Road"
    assert not any("of Car" in one for one in score_box(app).options)
    class_box = next(box for box in app.selectbox if box.label == "With class")
    class_box.set_value("all").run()
    assert score_box(app).value == "miou" and "score" not in app.query_params and not app.exception
    linked = errors("unet", score="accuracy:Tree")  # a class's score needs no class chosen
    assert score_box(linked).value == "accuracy:Tree" and linked.query_params["score"] == "accuracy:Tree"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("iou:Moon", "This link asks for score=iou:Moon, which there isn't."),
        ("beauty", "This link asks for score=beauty, which there isn't."),
        (
            "ece",
            "No run here has stored ECE. This evaluation was stored without boundary scores, calibration, confidence.",
        ),
        ("miou_without_void", "No run here has stored mIoU, no void."),
    ],
)
def test_a_score_that_a_link_asks_for_in_vain_is_named(errors, page_text, name, reason):
    app = errors("unet", score=name)
    assert reason in page_text(app) and score_box(app).value == "miou" and not app.exception
    assert len(gallery(app)[0]) == 3 and "score" not in app.query_params
    assert "Not stored with these runs: boundary IoU" in score_box(app).help


def test_a_run_without_a_score_that_another_has_says_so(open_app, data, tmp_path, page_text):
    make_runs(tmp_path / "runs", data, ("unet",))
    make_runs(tmp_path / "runs", data, ("pspnet",), extras=True)
    app = open_app(data, tmp_path / "runs", "errors", score="boundary_f1", of="unet")
    assert "U-Net has no boundary F1. This evaluation was stored without boundary scores" in page_text(app)
    assert "segcore evaluate" in page_text(app)
    sort_box(app).set_value("all-fail").run()
    assert len(gallery(app)[0]) == 3 and all(note.endswith("PSPNet") for note in gallery(app)[1])


@pytest.mark.parametrize("rank", ["difference", "all-fail", "disagreement"])
def test_one_run_alone_says_what_the_order_needs(errors, page_text, rank):
    app = errors("unet", rank=rank)
    assert f"The order “{ORDERS[rank]}” needs two runs with scores on test; there is only U-Net." in page_text(app)
    assert len(gallery(app)[0]) == 3 and not app.exception
    assert [box.label for box in controls(app)] == ["Sort by", "Score", "With class"]


def test_a_link_shows_the_same(errors, page_text):
    link = {"rank": "difference", "of": "fcn8s", "than": "unet", "score": "iou:Car", "class": "Car", "by": "all"}
    app = errors(*FOUR, **link)
    assert [box.value for box in controls(app)] == ["difference", "iou:Car", "fcn8s", "unet", "Car"]
    assert {name: app.query_params[name] for name in link} == link
    lit = errors(*FOUR, lit="Car:Road", rank="lit", of="fcn8s")
    assert "**Car taken for Road**" in page_text(lit)
    assert component(lit, "matrix")["picked"] == "Car:Road"
    assert [note.endswith(" px") for note in gallery(lit)[1]] == [True] * 3
    assert lit.query_params["lit"] == "Car:Road" and lit.query_params["rank"] == "lit"
    next(button for button in lit.main.button if button.label == "Show all").click().run()
    assert "lit" not in lit.query_params and "rank" not in lit.query_params


def test_nonsense_in_a_link_is_ignored(errors):
    app = errors("unet", rank="x", of="y", than="z", score="iou:Moon", lit="Moon:Road", sheet="-2", by="q", split="v")
    assert not app.exception and len(gallery(app)[0]) == 3
    assert dict(app.query_params) == {"of": "y"}  # asked for where there are two runs


def test_another_question_begins_on_the_first_page(open_app, tmp_path):
    data = make_data(tmp_path / "toy", test=30)
    make_runs(tmp_path / "runs", data, ("unet",))
    app = open_app(data, tmp_path / "runs", "errors", sheet="2")
    assert len(gallery(app)[0]) == 6 and app.query_params["sheet"] == "2"
    sort_box(app).set_value("time").run()
    assert gallery(app)[0][0] == "test_00" and "sheet" not in app.query_params


def test_without_the_dataset_the_images_are_listed(open_app, runs, tmp_path, page_text):
    app = open_app(tmp_path / "gone", runs("fcn8s", "unet"), "errors", rank="disagreement")
    assert not app.exception
    assert "The dataset can't be opened." in page_text(app)
    table = app.dataframe[0].value
    assert list(table.columns) == ["image", "value", "U-Net", "FCN-8s"] and len(table) == 3
    assert component(app, "matrix") is not None


def test_runs_of_other_data_are_left_out(open_app, data, runs, page_text):
    folder = runs("unet")
    fake_run(folder, "elsewhere", model="pspnet", labels=CAMVID11, dataset="camvid", source="/nowhere")
    app = open_app(data, folder, "errors", runs="unet,elsewhere")
    assert "Left out, trained on other data: PSPNet" in page_text(app) and len(gallery(app)[0]) == 3
    app = open_app(data, folder, "errors", runs="elsewhere")
    assert not app.exception and component(app, "gallery") is None


def test_broken_files_are_said_and_the_rest_is_ranked(open_app, data, runs, page_text):
    folder = runs(*FOUR)
    (folder / "fcn8s" / "evaluation" / "test" / "confusion.parquet").write_bytes(b"PAR1")
    shutil.rmtree(folder / "unet" / "evaluation")
    masks = folder / "pspnet" / "evaluation" / "test" / "predictions"
    (masks / "test_00.png").unlink()
    Image.fromarray(np.zeros((4, 4), np.uint8)).convert("P").save(masks / "test_01.png")
    app = open_app(data, folder, "errors", of="pspnet")
    text = page_text(app)
    assert "confusion" in text and f"segcore evaluate {folder / 'unet'} --split test" in text
    notes = dict(zip(*gallery(app), strict=True))
    assert notes["test_00"].startswith("unreadable · 0.") and notes["test_01"].startswith("unreadable · 0.")
    assert not notes["test_02"].startswith("unreadable")
    sort_box(app).set_value("disagreement").run()
    assert not app.exception and gallery(app)[0] == ["test_02"]
    assert "2 are not compared" in page_text(app)


def test_what_no_image_has_is_said(open_app, data, runs, page_text):
    folder = runs("unet", "pspnet")
    for run in ("unet", "pspnet"):
        path = folder / run / "evaluation" / "test"
        confusion, images = (pd.read_parquet(path / f"{name}.parquet") for name in ("confusion", "images"))
        confusion[confusion["truth"] != 3].to_parquet(path / "confusion.parquet")
        images.assign(entropy=np.nan).to_parquet(path / "images.parquet")
    app = open_app(data, folder, "errors", **{"class": "Tree"})
    assert "No image of test has Tree." in page_text(app) and "Classes that never occur in test: Tree." in page_text(
        app
    )
    app = open_app(data, folder, "errors", score="iou:Tree")
    assert "No image has the score to sort by: IoU of Tree." in page_text(app)
    assert "entropy" not in score_box(app).options  # of no image
    app = open_app(data, folder, "errors", lit="Tree:Car", rank="lit")
    assert "No image is left with Tree taken for Car." in page_text(app) and not app.exception


def test_cells_say_shares_of_the_class_or_of_all_mistakes():
    counts = np.array([[50, 0, 0, 0], [0, 90, 10, 0], [0, 30, 0, 10], [0, 0, 0, 0]])
    result = matrix_cells(counts, LABELS, "class")
    assert [row["name"] for row in result["rows"]] == ["Sky", "Road", "Car"]
    assert [column["name"] for column in result["columns"]] == ["Sky", "Road", "Car", "Tree"]  # Tree was only predicted
    road, car = result["rows"][1]["cells"], result["rows"][2]["cells"]
    assert [cell["text"] for cell in road] == ["", "", "10", ""] and [cell["text"] for cell in car] == [
        "",
        "75",
        "",
        "25",
    ]
    assert car[1]["value"] > car[3]["value"] > road[2]["value"] > 0
    assert car[1]["pick"] == Mistake(2, 1).name(LABELS) and car[0]["pick"] == "" and car[2]["own"]
    assert "30 pixels, 75.0 % of Car" in car[1]["title"]
    assert result["rows"][0]["pick"] == ""  # no pixel of Sky was mistaken
    assert [cell["text"] for cell in matrix_cells(counts, LABELS, "all")["rows"][2]["cells"]] == ["", "60", "", "20"]


def test_of_very_many_classes_the_most_mistaken_are_shown():
    names = tuple(f"c{index}" for index in range(90))
    labels = LabelMap("many", names, tuple((index, 0, 1) for index in range(90)))
    counts = np.diag(np.full(90, 5))
    counts[80, 85] = 3
    result = matrix_cells(counts, labels, "class")
    assert len(result["columns"]) == MOST and result["many"] and len(result["columns"]) > FEW
    assert {"c80", "c85"} <= {column["name"] for column in result["columns"]}
    assert matrix_cells(np.zeros((90, 90), np.int64), labels, "class")["rows"] == []


def test_a_tag_filters_the_ranked_images(open_app, runs, data):
    change_tag(data, "night", add=["test_02", "test_00"])
    change_tag(data, "day", add=["train_00"])
    folder = runs("fcn8s", "unet")
    app = open_app(data, folder, "errors", tag="night", rank="time")
    assert not app.exception and gallery(app)[0] == ["test_00", "test_02"]
    app = open_app(data, folder, "errors", tag="without night")
    assert gallery(app)[0] == ["test_01"]
    app = open_app(data, folder, "errors", tag="day")
    assert not app.exception and any("No image of test is tagged day" in one.value for one in app.info)
