"""The predictions page: every view with no, one, four and eight models, what its links say, and what is missing."""

import base64
import json
import shutil
import zlib

import numpy as np
import pytest
from fixtures.app import make_runs
from fixtures.runs import fake_run
from PIL import Image

from segcore.data import open_dataset
from segcore.ui.predictions.view_options import VIEWS

FOUR = ("fcn8s", "unet", "pspnet", "deeplabv3plus")


def viewer(app):
    """What the viewer is given."""
    return json.loads(app.get("bidi_component")[0].proto.json)[0]


def titles(app):
    return [panel["title"] for panel in viewer(app)["panels"]]


def problems(app):
    return {panel["title"]: panel["problem"] for panel in viewer(app)["panels"] if panel["problem"]}


def control(app, label):
    return next(group for group in app.main.button_group if group.label == label)


def values(plane):
    """A plane as the browser unpacks it."""
    rows = np.frombuffer(zlib.decompress(base64.b64decode(plane["data"])), np.uint8)
    return np.cumsum(rows.reshape(plane["height"], plane["width"]), axis=0, dtype=np.uint8)


@pytest.fixture
def many(data, runs):
    """The folder of eight runs of four models."""
    folder = runs(*FOUR)
    for item in make_runs(folder, data, FOUR):
        assert item.id.endswith("-2")
    return folder


@pytest.mark.parametrize("models", [(), ("unet",), FOUR], ids=len)
def test_every_view_works(open_app, data, runs, models):
    app = open_app(data, runs(*models), "predictions")
    for view in VIEWS:
        control(app, "View").set_value(view).run()
        assert not app.exception and not app.error, view
        shown = titles(app)
        assert shown[:2] == ["test_01", "Ground truth"]
        assert ("Agreement" in shown) == (len(models) > 1 or (view == "disagreement" and len(models) == 1)), view
        assert len(viewer(app)["readings"]) == 1 + len(models)
        assert set(problems(app)) <= ({"Agreement"} if view == "disagreement" else set()) | (
            {"U-Net", "FCN-8s", "PSPNet", "DeepLabV3+"} if view == "confidence" else set()
        )


def test_eight_models_fit_and_the_models_begin_a_row(open_app, data, many):
    app = open_app(data, many, "predictions", view="disagreement", measure="entropy")
    assert not app.exception
    given = viewer(app)
    assert len(given["panels"]) == 11 and given["lead"] == 3
    assert all(panel["layer"] for panel in given["panels"][1:])
    assert [mark["text"] for mark in given["key"]] == [
        "All models agree: the photo, dimmed",
        "Agreement: votes are split",
        "Agreement: all make the same mistake",
    ]


def test_the_browser_reads_the_very_ids(open_app, data, runs):
    dataset = open_dataset(str(data))
    folder = runs("unet", "fcn8s")
    (record,) = make_runs(folder, data, ("pspnet",))
    app = open_app(data, folder, "predictions", image="test_02", hide="Car")
    truth, *models = viewer(app)["readings"]
    assert (values(truth["ids"]) == dataset.mask("test_02")).all()
    result = {item["name"]: values(item["ids"]) for item in models}
    assert set(result) == {"unet", "fcn8s", "pspnet"}
    assert (result["pspnet"] == record.evaluation("test").prediction("test_02")).all()


def test_confidence_goes_to_the_browser_and_its_lack_names_the_way_out(open_app, data, runs):
    folder = runs("unet")
    make_runs(folder, data, ("pspnet",), extras=True)
    app = open_app(data, folder, "predictions", view="confidence", threshold="0.8")
    assert not app.exception
    readings = {item["name"]: item for item in viewer(app)["readings"]}
    assert readings["unet"]["confidence"] is None and readings["unet"]["ids"] is not None
    assert set(np.unique(values(readings["pspnet"]["confidence"]))) == {40, 90}
    assert viewer(app)["threshold"] == 0.8
    assert f"Evaluate it again: segcore evaluate {folder / 'unet'} --split test" in problems(app)["U-Net"]
    assert [panel["doubt"] for panel in viewer(app)["panels"] if panel["doubt"]] == ["pspnet"]
    table = next(html for html in app.get("html") if "sc-table" in html.proto.body).proto.body
    assert "boundary IoU" in table and "boundary F1" in table


def test_disagreement_wants_two_models(open_app, data, runs):
    app = open_app(data, runs("unet"), "predictions", view="disagreement")
    assert problems(app) == {"Agreement": "Disagreement needs two models: tick another one."}
    assert viewer(app)["opacity"] is not None  # the model's answer is an overlay


def test_a_missing_prediction_and_one_of_another_size_leave_the_others(open_app, data, runs):
    folder = runs(*FOUR)
    kept = "evaluation/test/predictions/test_01.png"
    (folder / "fcn8s" / kept).unlink()
    with Image.open(folder / "unet" / kept) as picture:
        small = picture.crop((0, 0, 40, 30))
    small.save(folder / "unet" / kept)
    app = open_app(data, folder, "predictions")
    for view in VIEWS:
        control(app, "View").set_value(view).run()
        assert not app.exception, view
        result = problems(app)
        assert "No stored prediction of 'test_01'" in result["FCN-8s"]
        assert "is 30x40, the ground truth of 'test_01' 60x80; they must match" in result["U-Net"]
        assert f"segcore evaluate {folder / 'unet'} --split test" in result["U-Net"]
        drawn = {panel["title"] for panel in viewer(app)["panels"] if panel["layer"] or panel["doubt"]}
        assert "Agreement" in drawn
        assert [item["ids"] is None for item in viewer(app)["readings"]] == [False, True, True, False, False]


def test_two_of_three_without_a_prediction_leave_nobody_to_differ(open_app, data, runs):
    folder = runs("fcn8s", "unet")
    shutil.rmtree(folder / "fcn8s" / "evaluation/test/predictions")
    app = open_app(data, folder, "predictions", view="disagreement")
    assert "Fewer than two of the models have a stored prediction" in problems(app)["Agreement"]


def test_a_dataset_of_another_size_is_said(open_app, data, runs):
    folder = runs("unet")
    for kind in ("images", "masks"):
        for path in (data / "test" / kind).glob("*.png"):
            with Image.open(path) as picture:
                half = picture.resize((40, 30), Image.Resampling.NEAREST)
            half.save(path)
    app = open_app(data, folder, "predictions", view="error")
    assert not app.exception
    assert "The stored prediction is 60x80, the image 30x40; they must match." in problems(app)["U-Net"]
    evaluation = folder / "unet" / "evaluation"
    shutil.copytree(evaluation / "test", evaluation / "test+flip")
    app = open_app(data, folder, "predictions", view="error", split="test+flip")
    again = f"Evaluate it again: segcore evaluate {folder / 'unet'} --split test --tta flip"
    assert again in problems(app)["U-Net"]


def test_a_link_holds_every_choice(open_app, data, runs):
    link = {
        "view": "boundary",
        "band": "diagonal",
        "swipe": "True",
        "left": "image",
        "right": "unet",
        "image": "test_00",
    }
    app = open_app(data, runs("fcn8s", "unet"), "predictions", **link)
    assert titles(app) == ["test_00", "U-Net"] and viewer(app)["swipe"]
    assert len(viewer(app)["readings"]) == 3  # the line reads all of them
    assert {name: app.query_params[name] for name in link} == link
    app = open_app(data, runs("pspnet"), "predictions", view="error", errors="verdict", swipe="True", right="gone")
    assert titles(app) == ["Ground truth", "FCN-8s"]
    assert "Wrong" in [mark["text"] for mark in viewer(app)["key"]]


def test_a_link_lights_one_kind_of_mistake(open_app, data, runs):
    app = open_app(data, runs("unet"), "predictions", view="error", lit="Car:Road", image="test_00")
    chip = next(button for button in app.main.button if "taken for" in button.label)
    assert chip.label == "Car taken for Road"
    (panel,) = (panel for panel in viewer(app)["panels"] if panel["title"] == "U-Net")
    assert panel["note"].endswith(" px")
    assert app.query_params["lit"] == "Car:Road"
    chip.click().run()
    assert "lit" not in app.query_params and control(app, "Wrong pixels").value == "class"
    for nonsense in ("Moon:Road", "Car:Car"):  # the errors page knows neither
        app = open_app(data, runs(), "predictions", view="error", lit=nonsense)
        assert not app.exception and "lit" not in app.query_params
    app = open_app(data, runs(), "predictions", view="error", lit=":Road")
    assert "another class taken for Road" in [button.label for button in app.main.button]  # as the errors page says


def test_splits_that_were_evaluated_can_be_chosen(open_app, data, runs):
    folder = runs("unet")
    app = open_app(data, folder, "predictions")
    assert not [group for group in app.main.button_group if group.label == "Split"]
    shutil.copytree(folder / "unet/evaluation/test", folder / "unet/evaluation/train")
    app = open_app(data, folder, "predictions")
    assert control(app, "Split").options == ["test", "train"]
    control(app, "Split").set_value("train").run()
    assert not app.exception and app.query_params["split"] == "train"


def test_a_run_of_other_classes_is_left_out_and_named(open_app, data, runs, page_text):
    folder = runs("unet")
    fake_run(folder, "elsewhere", model="pspnet", dataset="camvid", source="/nowhere")
    app = open_app(data, folder, "predictions", runs="unet,elsewhere", view="disagreement")
    assert not app.exception
    assert "Left out, trained on other data: PSPNet" in page_text(app)
    assert "PSPNet" not in titles(app)
