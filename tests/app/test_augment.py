"""The augmentation lab."""

import re
from itertools import count

import numpy as np
import pytest
import yaml
from fixtures.app import as_read, codes, misled

from segcore.augment import CATALOG, Group, Pipeline, Step, presets
from segcore.ui.augment.pipeline_edits import History, lines_from_pipeline

CROPPED = (
    "RandomCrop can't take a picture of 60x80: it cuts out 4000x4000. Make that smaller, or let it pad "
    "(pad_if_needed: true)."
)
BAD = "version: 1\ntransforms:\n  - HorizontalFlip\n  - Rotate: {limit: [9, 1]}\n"


def shown(app):
    return Pipeline.from_yaml(next(text for text in codes(app) if text.startswith("version")))


def choose(app, preset):
    """Click a preset: its row has another key after every load."""
    row = next(item for item in app.button_group if (item.key or "").startswith("augment:preset:"))
    row.set_value(preset).run()


def put(app, *nodes, unfolded=(), first=1000):
    """The editor holds these nodes, with ids from `first` on in the order of `walk`."""
    ids = count(first)
    app.session_state["augment:history"] = History(lines_from_pipeline(Pipeline(nodes), ids.__next__))
    app.session_state["augment:open"] = frozenset(unfolded)
    return app.run()


def errors(app):
    return [as_read(error.value) for error in app.error]


def click(app, key):
    return app.button(key=key).click().run()


@pytest.fixture
def lab(open_app, data, runs):
    app = open_app(data, runs(), "augment")
    assert not app.exception
    return app


def test_begins_with_a_preset_and_draws_it(lab):
    assert shown(lab) == presets()["light"]
    table = next(html for html in lab.get("html") if "sc-table" in html.proto.body).proto.body
    assert "RandomBrightnessContrast" in table


def test_a_row_of_presets_is_good_for_one_load(monkeypatch):
    """Streamlit takes what a row that is gone said last for a click, on a busy machine seconds later."""
    from segcore.ui.augment import pipeline_editor

    loaded, state = [], {"augment:loads": 1, "row": "driving"}
    monkeypatch.setattr(pipeline_editor.st, "session_state", state)
    monkeypatch.setattr(pipeline_editor, "load", loaded.append)
    pipeline_editor.load_preset("row", "light", 0)  # clicked before, and loaded
    pipeline_editor.load_preset("row", "driving", 1)  # selected by itself, never clicked
    assert loaded == [] and state["augment:loads"] == 1
    pipeline_editor.load_preset("row", None, 1)
    assert loaded == [presets()["driving"]] and state["augment:loads"] == 2


def test_preset_replaces_the_list_and_undo_brings_it_back(lab):
    choose(lab, "none")
    assert shown(lab) == Pipeline()
    choose(lab, "driving")
    assert shown(lab) == presets()["driving"]
    click(lab, "icon-augment:undo")
    click(lab, "icon-augment:undo")
    assert shown(lab) == presets()["light"]
    assert lab.button(key="icon-augment:undo").disabled
    click(lab, "icon-augment:redo")
    assert shown(lab) == Pipeline()


def test_every_transform_has_widgets_that_keep_its_values(lab):
    """Unfolded and with every setting shown, in portions, since a pipeline has a limit and a page too."""
    names = list(CATALOG)
    for start in range(0, len(names), 20):
        portion = [Step.create(name, enabled=False) for name in names[start : start + 20]]
        first = 1000 + start
        put(lab, *portion, unfolded=range(first, first + 20), first=first)
        assert not lab.exception
        for toggle in [item for item in lab.toggle if item.key.endswith(":more")]:
            toggle.set_value(True)
        lab.run()
        assert not lab.exception
        assert {key.rpartition(":")[2] for key in misled(lab)} <= {"more"}  # set by hand here, so that a browser knows
        for index in range(len(portion)):  # whatever is moved, what is read from all widgets of the line is as it was
            lab.slider(key=f"augment:{first + index}:p").set_value(0.25)
        lab.run()
        assert not lab.exception and not errors(lab)
        assert shown(lab) == Pipeline(tuple(Step(item.name, 0.25, item.values, enabled=False) for item in portion))


def test_add_set_move_switch_off_double_and_remove(lab):
    choose(lab, "none")
    lab.selectbox(key="augment:add:").set_value("Rotate").run()
    lab.selectbox(key="augment:add:").set_value("HorizontalFlip").run()
    rotate, flip = (slider.key.split(":")[1] for slider in lab.slider if slider.key.endswith(":p"))
    lab.slider(key=f"augment:{rotate}:limit").set_value((-10, 45)).run()
    lab.slider(key=f"augment:{flip}:p").set_value(1.0).run()
    click(lab, f"icon-augment:{flip}:arrow_upward")
    first, second = shown(lab).steps
    assert (first.name, first.p) == ("HorizontalFlip", 1.0)
    assert second.name == "Rotate" and dict(second.values)["limit"] == (-10, 45)
    lab.checkbox(key=f"augment:{flip}:on").set_value(False).run()
    assert [step.enabled for step in shown(lab).steps] == [False, True]
    click(lab, f"icon-augment:{rotate}:content_copy")
    assert [step.name for step in shown(lab).steps] == ["HorizontalFlip", "Rotate", "Rotate"]
    click(lab, f"icon-augment:{rotate}:delete")
    assert [step.name for step in shown(lab).steps] == ["HorizontalFlip", "Rotate"]
    assert not lab.exception


def test_undo_moves_the_widgets_too(lab):
    put(lab, Step.create("Rotate"), unfolded=[1000])
    lab.slider(key="augment:1000:limit").set_value((-5, 5)).run()
    lab.slider(key="augment:1000:p").set_value(0.9).run()
    click(lab, "icon-augment:undo")
    click(lab, "icon-augment:undo")
    assert lab.slider(key="augment:1000:limit").value == (-30, 30)
    assert lab.slider(key="augment:1000:p").value == 0.5
    assert shown(lab) == Pipeline((Step.create("Rotate"),))
    click(lab, "icon-augment:redo")
    assert lab.slider(key="augment:1000:limit").value == (-5, 5)


def test_groups_hold_transforms_and_settings_of_their_own(lab):
    put(lab, Group.create("SomeOf", (Step.create("Rotate"), Step.create("ToGray"))), unfolded=[1000])
    lab.slider(key="augment:1000:n").set_value(2).run()
    lab.slider(key="augment:1000:p").set_value(0.4).run()
    lab.selectbox(key="augment:add:1000").set_value("RandomGamma").run()
    (group,) = shown(lab).steps
    assert (group.name, group.n, group.p) == ("SomeOf", 2, 0.4)
    assert [step.name for step in group.steps] == ["Rotate", "ToGray", "RandomGamma"]
    lab.selectbox(key="augment:add:").set_value("OneOf").run()
    assert shown(lab).steps[1] == Group.create("OneOf")
    assert not lab.exception


def test_nested_settings_begin_anew_with_another_kind(lab):
    put(lab, Step.create("AdditiveNoise", 1.0), unfolded=[1000])
    lab.pills(key="augment:1000:noise_type").set_value("gaussian").run()
    assert not lab.exception and not errors(lab)
    lab.slider(key="augment:1000:noise_params:gaussian:std_range").set_value((0.2, 0.3)).run()
    (step,) = shown(lab).to_dict()["transforms"]
    assert step["AdditiveNoise"]["noise_type"] == "gaussian"
    assert step["AdditiveNoise"]["noise_params"]["std_range"] == [0.2, 0.3]


def test_axes_come_apart(lab):
    put(lab, Step.create("Affine", 1.0), unfolded=[1000])
    lab.toggle(key="augment:1000:translate_percent:apart").set_value(True).run()
    lab.slider(key="augment:1000:translate_percent:y").set_value((0.2, 0.3)).run()
    (step,) = shown(lab).to_dict()["transforms"]
    assert step["Affine"]["translate_percent"] == {"x": [-0.1, 0.1], "y": [0.2, 0.3]}
    lab.toggle(key="augment:1000:translate_percent:apart").set_value(False).run()
    (step,) = shown(lab).to_dict()["transforms"]
    assert step["Affine"]["translate_percent"] == [-0.1, 0.1]
    assert not errors(lab)


def test_what_can_not_be_applied_is_said_and_nothing_is_lost(lab):
    crop = Step.create("RandomCrop", 1.0, height=4000, width=4000, pad_if_needed=False)
    put(lab, Step.create("HorizontalFlip"), crop)
    assert not lab.exception
    assert errors(lab) == [CROPPED]
    assert shown(lab).steps[1] == crop


def test_contradictions_keep_the_last_good_pipeline(lab):
    good = Step.create("RandomCropFromBorders", 1.0)
    put(lab, good, unfolded=[1000])
    for side in ("crop_left", "crop_right"):
        lab.slider(key=f"augment:1000:{side}").set_value(0.9).run()
    assert not lab.exception
    assert any("crop_left" in error for error in errors(lab))
    assert shown(lab).steps[0] != good  # the first of the two was fine
    lab.slider(key="augment:1000:crop_left").set_value(0.05).run()
    assert not errors(lab)
    assert dict(shown(lab).steps[0].values)["crop_right"] == 0.9


def test_too_many_transforms_are_refused_in_words(lab):
    put(lab, *(Step.create("HorizontalFlip", enabled=False) for _ in range(60)))
    lab.selectbox(key="augment:add:").set_value("Rotate").run()
    assert any("at most 60" in error for error in errors(lab))
    assert len(shown(lab).steps) == 60


def test_pipeline_outlives_the_page(lab):
    choose(lab, "strong")
    lab.switch_page("pages/curves.py").run()
    lab.switch_page("pages/augment.py").run()
    assert shown(lab) == presets()["strong"]


def test_save_writes_what_augment_takes(lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lab.text_input(key="augment:name").set_value("my ../pipeline").run()
    click(lab, "augment:save")
    assert not lab.exception
    assert Pipeline.from_yaml(tmp_path / "pipelines" / "my-..-pipeline.yaml") == presets()["light"]
    assert any("python train.py --augment pipelines/my-..-pipeline.yaml" in text for text in codes(lab))

    choose(lab, "strong")  # no longer what the file holds
    assert not any("my-..-pipeline.yaml" in text for text in codes(lab))
    assert any("Changed since it was saved" in caption.value for caption in lab.caption)
    click(lab, "augment:load:my-..-pipeline.yaml")
    assert shown(lab) == presets()["light"]


def test_a_saved_file_that_is_no_pipeline_any_more_is_named(lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "mine.yaml").write_text(BAD)
    lab.run()
    click(lab, "augment:load:mine.yaml")
    assert errors(lab) == ["mine.yaml, line 4: Rotate: limit is [9, 1]; the smaller end comes first: [1, 9]."]
    assert shown(lab) == presets()["light"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("mine.yaml", BAD.encode(), r"^mine\.yaml, line 4: Rotate: limit is \[9, 1\]; the smaller end comes first"),
        ("photo.yaml", b"\x89PNG\r\n\x1a\n\xff", r"^photo\.yaml is no text file; expected a pipeline in YAML\.$"),
        ("none.yaml", b" \n", r"^none\.yaml is empty; expected a pipeline in YAML\.$"),
        (
            "text.yaml",
            b"hello",
            r"^text\.yaml, line 1: Not a pipeline: expected 'version' and 'transforms'; got 'hello'\.$",
        ),
    ],
)
def test_a_file_is_loaded_or_refused_with_its_line(lab, name, content, message):
    lab.file_uploader(key="augment:file").set_value((name, content, "application/yaml")).run()
    assert not lab.exception
    assert len(errors(lab)) == 1 and re.search(message, errors(lab)[0])
    assert shown(lab) == presets()["light"]


def test_a_good_file_is_loaded_once(lab):
    text = presets()["strong"].to_yaml()
    lab.file_uploader(key="augment:file").set_value(("strong.yaml", text.encode(), "application/yaml")).run()
    assert shown(lab) == presets()["strong"] and not errors(lab)
    choose(lab, "none")
    assert shown(lab) == Pipeline()


def test_own_picture_with_its_mask(lab, picture_file):
    image = np.full((50, 70, 3), 90, np.uint8)
    lab.file_uploader(key="augment:image").set_value(("street.png", picture_file(image), "image/png")).run()
    assert not lab.exception and not errors(lab)
    assert any("no mask" in caption.value for caption in lab.caption)
    mask = picture_file(np.ones((50, 70), np.uint8))
    lab.file_uploader(key="augment:mask").set_value(("street_L.png", mask, "image/png")).run()
    assert not lab.exception and not errors(lab)
    assert not any("no mask" in caption.value for caption in lab.caption)
    lab.file_uploader(key="augment:mask").set_value(("small.png", picture_file(np.ones((5, 7), np.uint8)), "image/png"))
    lab.run()
    assert not lab.exception and "small.png" in errors(lab)[0]


def test_a_mask_with_smoothed_edges_is_read_with_the_tolerance_that_its_error_names(lab, picture_file):
    """The drive's road is (128, 64, 128), its sky (128, 128, 128)."""
    colors = np.full((50, 70, 3), (128, 64, 131), np.uint8)
    colors[:20] = (128, 128, 128)
    lab.file_uploader(key="augment:image").set_value(("street.png", picture_file(colors), "image/png")).run()
    lab.file_uploader(key="augment:mask").set_value(("street_L.png", picture_file(colors), "image/png")).run()
    assert "a colour tolerance of 3" in errors(lab)[0]
    lab.number_input(key="augment:tolerance").set_value(3).run()
    assert not lab.exception and not errors(lab)
    lab.number_input(key="augment:tolerance").set_value(2).run()
    assert "a colour tolerance of 3" in errors(lab)[0]


def test_an_upload_that_is_no_picture_is_refused_in_words(lab):
    lab.file_uploader(key="augment:image").set_value(("street.png", b"no picture", "image/png")).run()
    assert not lab.exception
    assert errors(lab)[0].startswith("street.png: ")


def test_runs_trained_with_this_pipeline_come_first(open_app, data, runs):
    folder = runs("unet", "fcn8s")
    config = folder / "fcn8s" / "config.yaml"
    config.write_text(config.read_text() + yaml.safe_dump({"augment": presets()["light"].to_dict()}))
    lab = open_app(data, folder, "augment")
    tables = [html.proto.body for html in lab.get("html") if "mIoU, validation" in html.proto.body]
    assert tables[0].index("light (this one)") < tables[0].index("FCN-8s") < tables[0].index("U-Net")
    choose(lab, "strong")
    tables = [html.proto.body for html in lab.get("html") if "mIoU, validation" in html.proto.body]
    assert "(this one)" not in tables[0]
    assert any("No run on this dataset was trained with this pipeline" in caption.value for caption in lab.caption)


def test_the_kinds_of_a_setting_have_widgets_of_their_own(lab):
    """laplace and beta noise both have a scale; one must not show the other's."""
    put(lab, Step.create("AdditiveNoise", 1.0, noise_type="laplace"), unfolded=[1000])
    lab.slider(key="augment:1000:noise_params:laplace:scale_range").set_value((0.2, 0.25)).run()
    lab.pills(key="augment:1000:noise_type").set_value("beta").run()
    before = shown(lab).to_dict()["transforms"][0]["AdditiveNoise"]["noise_params"]
    assert list(lab.slider(key="augment:1000:noise_params:beta:scale_range").value) == before["scale_range"]
    lab.slider(key="augment:1000:noise_params:beta:alpha_range").set_value((1.0, 1.1)).run()
    after = shown(lab).to_dict()["transforms"][0]["AdditiveNoise"]["noise_params"]
    assert after == before | {"alpha_range": [1.0, 1.1]}


def test_axes_begin_where_the_range_stands_and_come_together_again(lab):
    put(lab, Step.create("Affine", 1.0), unfolded=[1000])
    lab.slider(key="augment:1000:translate_percent").set_value((0.1, 0.2)).run()
    lab.toggle(key="augment:1000:translate_percent:apart").set_value(True).run()
    assert lab.slider(key="augment:1000:translate_percent:y").value == (0.1, 0.2)
    lab.slider(key="augment:1000:translate_percent:x").set_value((0.3, 0.4)).run()
    lab.toggle(key="augment:1000:translate_percent:apart").set_value(False).run()
    assert lab.slider(key="augment:1000:translate_percent").value == (0.3, 0.4)
    assert shown(lab).to_dict()["transforms"][0]["Affine"]["translate_percent"] == [0.3, 0.4]


def test_another_pipeline_of_the_same_name_is_replaced_only_when_asked(lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    click(lab, "augment:save")
    choose(lab, "strong")
    click(lab, "augment:save")
    path = tmp_path / "pipelines" / "my-pipeline.yaml"
    assert Pipeline.from_yaml(path) == presets()["light"]
    assert any("holds another pipeline" in warning.value for warning in lab.warning)
    click(lab, "augment:replace")
    assert Pipeline.from_yaml(path) == presets()["strong"]
    assert not lab.warning and not lab.exception


def test_own_picture_waits_while_other_pages_are_looked_at(lab, picture_file):
    image = np.full((50, 70, 3), 90, np.uint8)
    lab.file_uploader(key="augment:image").set_value(("street.png", picture_file(image), "image/png")).run()
    lab.switch_page("pages/curves.py").run()
    lab.switch_page("pages/augment.py").run()
    assert any("no mask" in caption.value for caption in lab.caption)
    click(lab, "augment:back")
    assert not any("no mask" in caption.value for caption in lab.caption)
    assert not lab.exception


def test_training_size_is_what_training_is_fed(lab):
    crop = Step.create("RandomCrop", 1.0, height=50, width=50, pad_if_needed=False)
    put(lab, crop)
    assert not errors(lab)
    lab.segmented_control(key="widget:augment:size").set_value("training size").run()
    assert not lab.exception and not errors(lab)  # the toy's 60x80 is fed at 224x320
    put(lab, Step.create("RandomCrop", 1.0, height=100, width=100, pad_if_needed=False), first=2000)
    assert not errors(lab)
    lab.segmented_control(key="widget:augment:size").set_value("full size").run()
    assert "it cuts out 100x100" in errors(lab)[0]
