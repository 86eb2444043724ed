"""The pipeline editor."""

from segcore.augment import CATALOG, Pipeline, Step, presets
from segcore.ui.editor import Entry


def shown(app):
    return Pipeline.from_yaml(next(code.value for code in app.code if code.value.startswith("version")))


def test_begins_with_a_preset_and_draws_it(open_app, data, runs):
    app = open_app(data, runs(), "augment")
    assert not app.exception
    assert shown(app) == presets()["light"]
    table = next(html for html in app.get("html") if "sc-table" in html.proto.body).proto.body
    assert "RandomBrightnessContrast" in table


def test_preset_replaces_the_list(open_app, data, runs):
    app = open_app(data, runs(), "augment")
    app.button_group(key="augment:preset").set_value("none").run()
    assert shown(app) == Pipeline()
    app.button_group(key="augment:preset").set_value("driving").run()
    assert shown(app) == presets()["driving"]


def test_every_transform_has_widgets_that_keep_its_defaults(open_app, data, runs, monkeypatch):
    monkeypatch.setattr("segcore.ui.preview.DRAWS", 1)
    app = open_app(data, runs(), "augment")
    app.button_group(key="augment:preset").set_value("none").run()
    app.session_state["augment:entries"] = [Entry(index, Step.create(name)) for index, name in enumerate(CATALOG)]
    app.run()
    assert not app.exception
    assert shown(app) == Pipeline(tuple(Step.create(name) for name in CATALOG))


def test_add_set_move_switch_off_and_remove(open_app, data, runs):
    app = open_app(data, runs(), "augment")
    app.button_group(key="augment:preset").set_value("none").run()
    app.selectbox(key="augment:add").set_value("Rotate").run()
    app.selectbox(key="augment:add").set_value("HorizontalFlip").run()
    rotate, flip = (slider.key.split(":")[1] for slider in app.slider if slider.key.endswith(":p"))
    app.slider(key=f"augment:{rotate}:limit").set_value((-10, 45)).run()
    app.slider(key=f"augment:{flip}:p").set_value(1.0).run()
    app.button(key=f"augment:{flip}:arrow_upward").click().run()
    first, second = shown(app).steps
    assert (first.name, first.p) == ("HorizontalFlip", 1.0)
    assert second.name == "Rotate" and dict(second.values)["limit"] == (-10, 45)
    app.toggle(key=f"augment:{flip}:on").set_value(False).run()
    assert [step.name for step in shown(app).steps] == ["Rotate"]
    app.button(key=f"augment:{rotate}:delete").click().run()
    assert shown(app) == Pipeline()
    assert not app.exception


def test_pipeline_outlives_the_page(open_app, data, runs):
    app = open_app(data, runs(), "augment")
    app.button_group(key="augment:preset").set_value("strong").run()
    app.switch_page("pages/curves.py").run()
    app.switch_page("pages/augment.py").run()
    assert shown(app) == presets()["strong"]


def test_save_writes_what_augment_takes(open_app, data, runs, tmp_path, monkeypatch):
    app = open_app(data, runs(), "augment")
    monkeypatch.chdir(tmp_path)
    app.text_input(key="augment:name").set_value("my ../pipeline").run()
    next(button for button in app.button if button.label == "Save").click().run()
    assert not app.exception
    assert Pipeline.from_yaml(tmp_path / "pipelines" / "my-pipeline.yaml") == presets()["light"]
    assert any("python train.py --augment pipelines/my-pipeline.yaml" in code.value for code in app.code)

    app.button_group(key="augment:preset").set_value("strong").run()  # no longer what the file holds
    assert not any("my-pipeline.yaml" in code.value for code in app.code)
    assert any("Changed since it was saved" in caption.value for caption in app.caption)
