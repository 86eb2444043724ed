"""The data of runs in the dataset menu: opened as for their training."""

import pytest
from fixtures.app import make_data, make_runs

from segcore.runs import RunWriter


@pytest.fixture
def trained(tmp_path):
    """`trained(**settings)` writes a run on data of its own, which lacks a mask since; the folder of runs."""
    source, folder = make_data(tmp_path / "other"), tmp_path / "checkpoints"

    def make(model="unet", **settings):
        if not folder.exists():
            make_runs(folder, source, ("unet", "fcn8s"))
            (source / "train" / "masks" / "train_00.png").unlink()
        config = RunWriter(folder / model)
        config.write_config({"augment": "none", **settings})
        return folder

    return make


@pytest.fixture
def photos(tmp_path):
    """Data that no run was trained on."""
    return make_data(tmp_path / "photos")


def menu(app):
    (box,) = (box for box in app.sidebar.selectbox if box.label == "Dataset")
    return box.options


def test_it_is_opened_as_it_was_for_training(open_app, photos, trained):
    trained("fcn8s", skip_incomplete=True)
    app = open_app(photos, trained(skip_incomplete=True), "dataset", data="other")
    assert menu(app) == ["photos", "other"] and not app.error
    assert any("6 images, 4 classes" in caption.value for caption in app.sidebar.caption)
    (button,) = (button for button in app.main.button if button.label == "Compare them")
    assert button.help.endswith("--skip-incomplete")


def test_runs_that_read_the_same_data_otherwise_are_told_apart(open_app, photos, trained):
    trained("unet", skip_incomplete=True)
    app = open_app(photos, trained("fcn8s", skip_incomplete=True, color_tolerance=8, video="no"), "dataset")
    assert menu(app) == ["photos", "other", "other · skip incomplete · color tolerance 8 · video no"]


def test_flags_of_the_app_stand(open_app, photos, trained):
    trained("fcn8s", video="yes")
    app = open_app(photos, trained(video="yes"), "dataset", "--skip-incomplete", "--video", "no", data="other")
    (button,) = (button for button in app.main.button if button.label == "Compare them")
    assert button.help.endswith("--skip-incomplete --video no")


def test_settings_that_cannot_be_read_do_not_hide_it(open_app, photos, trained):
    folder = trained(skip_incomplete=True)
    for name in ("unet", "fcn8s"):
        (folder / name / "config.yaml").write_text("- nonsense\n")
    app = open_app(photos, folder, "dataset")
    assert menu(app) == ["photos", "other"] and not app.exception


def test_data_that_is_not_found_is_named_with_where_it_was(open_app, photos, trained, tmp_path):
    folder = trained()
    moved = tmp_path / "elsewhere" / "other"
    moved.parent.mkdir()
    (tmp_path / "other").rename(moved)
    app = open_app(photos, folder, "dataset")
    (note,) = (caption.value for caption in app.sidebar.caption if "is not at" in caption.value)
    words = note.replace("\\", "")
    assert words.startswith(
        f"other, the data of unet, fcn8s, is not at {tmp_path / 'other'}. Start the app with --data"
    )
    app = open_app(moved, folder, "dataset", "--skip-incomplete")
    assert not any("is not at" in caption.value for caption in app.sidebar.caption)
