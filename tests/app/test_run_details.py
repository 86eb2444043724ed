"""The dialog on a run: opened from its name or a link, on any page, also where there is no model."""

import subprocess
import sys

import pytest
from fixtures.app import PAGES
from fixtures.runs import fake_ensemble

from segcore.models import create_model, save_model
from segcore.runs import RunStore, RunWriter
from segcore.runs.summary import Imported, InitInfo


def button(app, run_id):
    return app.button(key=f"icon-about:{run_id}")


@pytest.fixture
def words(page_text):
    """Everything a page shows, tables too, as one text without Markdown's escapes."""

    def collect(app):
        return (
            page_text(app)
            + "".join(part.value for part in app.text)
            + "".join(part.proto.body for part in app.get("html"))
        ).replace("\\", "")

    return collect


def changed(folder, name, **update):
    """A run with another summary."""
    run = RunStore(folder).get(name)
    RunWriter(run.path).write_summary(run.summary.model_copy(update=update))
    return run


@pytest.mark.parametrize("page", PAGES)
def test_it_opens_from_a_runs_name_on_every_page(open_app, data, runs, words, page):
    app = open_app(data, runs("unet"), page)
    assert "Settings" not in [tab.label for tab in app.tabs]
    button(app, "unet").click().run()
    assert not app.exception
    assert [tab.label for tab in app.tabs][-3:] == ["Model", "Settings", "Name and note"]
    assert app.query_params["about"] == "unet"
    assert "Made with segcore 0.1.0." in words(app)


def test_a_model_is_drawn_with_its_numbers(open_app, data, runs, words):
    folder = runs("fcn32s")
    model = create_model("fcn32s", encoder="resnet18", encoder_weights=None, classes=4)
    save_model(model, folder / "fcn32s")
    app = open_app(data, folder, "home", about="fcn32s")
    assert not app.exception
    text = words(app)
    assert "Scores the deepest features" in text and "MACs" in text and "data:image/svg+xml" in text
    assert "encoder 5" in text and "decoder.score" in text


def test_a_run_whose_model_cannot_be_read_says_why(open_app, data, runs, words):
    folder = runs("unet")
    assert "No diagram: " in words(open_app(data, folder, about="unet"))
    (folder / "unet" / "model.safetensors").unlink()
    assert "model.safetensors" in words(open_app(data, folder, about="unet"))


def test_an_ensemble_names_its_members_and_an_imported_run_its_source(open_app, data, runs, words):
    folder = runs("unet", "fpn")
    fake_ensemble(RunStore(folder).list(), "both")
    text = words(open_app(data, folder, about="both"))
    assert "has no model of its own" in text and "unet (unet)" in text
    changed(folder, "fpn", imported=Imported(source="/data/nnunet", rule="ids"))
    text = words(open_app(data, folder, about="fpn"))
    assert "imported from /data/nnunet" in text and "There is no model here" in text
    changed(folder, "fpn", imported=Imported(source="/data/net.onnx", rule="ONNX, ids", file="model.onnx"))
    RunWriter(folder / "fpn").write_config({"model_file": "/data/net.onnx", "description": {"layout": "NHWC"}})
    text = words(open_app(data, folder, about="fpn"))
    assert "imported from /data/net.onnx and is for prediction only" in text and "NHWC" in text


def test_what_it_started_from_is_said(open_app, data, runs, words):
    folder = runs("unet")
    init = InitInfo(
        source="drive-unet",
        tensors=9,
        taken=7,
        classes={"Road": "road"},
        fresh=("Car",),
        not_taken=("a is not there", "b is not there"),
    )
    changed(folder, "unet", init=init)
    text = words(open_app(data, folder, about="unet"))
    assert "Started from drive-unet: 7 of 9 tensors taken" in text and "Fresh: Car" in text
    assert "b is not there" in text


def test_a_link_to_a_run_that_is_not_there_opens_nothing(open_app, data, runs, words):
    app = open_app(data, runs("unet"), "compare", about="gone")
    assert not app.exception and "a run that is not listed here" in words(app)
    assert "Settings" not in [tab.label for tab in app.tabs]


def test_settings_are_listed_and_their_differences_compared(open_app, data, runs, words):
    folder = runs("unet", "fpn")
    base = {"lr": 0.01, "out": "a", "augment": {"transforms": [{"Rotate": {"p": 0.5, "limit": [-5, 5]}}]}}
    RunWriter(folder / "unet").write_config(base)
    RunWriter(folder / "fpn").write_config(
        base | {"lr": 0.02, "out": "b", "augment": {"transforms": [{"Rotate": {"p": 0.9, "limit": [-5, 5]}}]}}
    )
    text = words(open_app(data, folder, "compare"))
    table = next(part for part in text.split("<table") if ">lr<" in part)
    assert "0.01" in table and "0.02" in table and table.index(">lr<") < table.index(">augment<")
    assert "custom: 1 transform (Rotate between -5 and 5 degrees, half the time)" in table
    assert "custom: 1 transform (Rotate between -5 and 5 degrees, 90 % of the time)" in table
    assert "limit" not in table and ">out<" not in table
    text = words(open_app(data, folder, "home", about="unet"))
    assert "augment.transforms.Rotate.limit" in text and "-5, 5" in text


def test_pages_need_no_torch_until_a_model_is_looked_at(open_app, data, runs):
    code = (
        "import sys, segcore.ui.run_details.dialog, segcore.ui.compare.settings_differences; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_name_and_note_are_changed_where_the_folder_may_be_written(open_app, data, runs, words):
    folder = runs("unet", "fcn8s")
    app = open_app(data, folder, "compare")
    button(app, "unet").click().run()
    next(box for box in app.text_input if box.label == "Name").set_value("night only")
    next(box for box in app.text_area if box.label == "Note").set_value("trained on dusk")
    next(button for button in app.button if button.label == "Save").click().run()
    assert not app.exception and RunStore(folder).get("night-only").note == "trained on dusk"
    assert app.query_params["about"] == "night-only" and "trained on dusk" in words(app)


def test_a_run_is_archived_and_put_back(open_app, data, runs):
    folder = runs("unet", "fcn8s")
    app = open_app(data, folder, "compare")
    button(app, "unet").click().run()
    next(button for button in app.button if button.label == "Archive").click().run()
    assert not app.exception and [run.id for run in RunStore(folder).list()] == ["fcn8s"]
    assert len(app.sidebar.checkbox) == 1 and "about" not in app.query_params
    next(box for box in app.sidebar.selectbox if box.label == "Put back").select("unet").run()
    assert not app.exception and len(app.sidebar.checkbox) == 2 and RunStore(folder).archived == ()
