"""What a pipeline does to the data: the panel, and the measuring that fills it."""

import json
from dataclasses import replace

import pytest
from fixtures.app import make_data, make_runs
from streamlit.testing.v1 import AppTest

from segcore.augment import Pipeline, Step, presets
from segcore.augment.effect import Effect
from segcore.data import open_dataset
from segcore.runs import load_run
from segcore.ui.augment import statistics_measurement
from segcore.ui.augment.statistics_measurement import is_complete, spread_samples
from segcore.ui.augment.statistics_panel import measured_line
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.dataset_cache import DataKey

CRUEL = Pipeline(
    (
        Step.create("HorizontalFlip"),
        Step.create("Affine", 1.0, scale=(1, 1), translate_percent=(0.5, 0.5), rotate=(0, 0)),
        Step.create("VerticalFlip", 1.0),
    )
)


def charts(app):
    return app.get("vega_lite_chart")


def make_view(data, runs=()):
    titles = {run.id: run.summary.model for run in runs}
    key = DataKey.of(str(data))
    return AppContext(key, open_dataset(str(data)), None, tuple(runs), tuple(runs), (), {}, titles, frozenset(), data)


def page():
    import streamlit as st

    from segcore.ui.augment.statistics_measurement import measure_for
    from segcore.ui.augment.statistics_panel import statistics_panel

    view, pipeline, seconds = st.session_state["given"]
    if seconds:
        measure_for(view, pipeline, seconds)
    statistics_panel(view, pipeline)


@pytest.fixture
def open_panel(data):
    """`open_panel(pipeline, seconds, runs)` measures so long, then draws; `again` goes on in the same session."""
    presets()["light"].check(8, 8)  # as the preview above the panel, which imports albumentations
    app = AppTest.from_function(page, default_timeout=60)

    def start(pipeline, seconds=0.0, runs=()):
        app.session_state["given"] = make_view(data, runs), pipeline, seconds
        app.run()
        assert not app.exception
        return app

    return start


def test_the_page_itself_measures_nothing(open_panel, page_text):
    app = open_panel(presets()["driving"])
    results = statistics_measurement.RESULTS
    assert results not in app.session_state or not app.session_state[results]
    assert app.get("progress")[0].proto.text == "Measuring: 0 of 200 examples"
    assert not charts(app)


def test_advice_that_needs_no_measuring_is_there_at_once(open_panel, page_text):
    assert "3. VerticalFlip turns streets upside down" in page_text(open_panel(CRUEL))


def test_a_complete_measurement_is_told_and_drawn(open_panel, page_text):
    app = open_panel(presets()["light"], 60)
    text = page_text(app)
    assert "200 examples of 4 training images at 224x320." in text
    assert "0.0 % of the labelled pixels lost" in text and "Every class stays in all of its images" in text
    assert "No label id invented" in text and "Augmentation takes" in text
    assert "Nothing here usually hurts masks or this data." in text
    assert len(charts(app)) == 3
    assert not app.get("progress")


def test_measured_advice_comes_with_the_measurement(open_panel, page_text):
    before, after = page_text(open_panel(CRUEL)), page_text(open_panel(CRUEL, 60))
    assert "of the labelled pixels are lost to padding" not in before
    assert "75 % of the labelled pixels are lost to padding" in after


def test_a_part_is_counted_and_not_shown(open_panel):
    app = open_panel(presets()["light"], 1e-6)
    assert app.get("progress")[0].proto.text == "Measuring: 1 of 200 examples"
    assert not charts(app)


def test_another_pipeline_shows_the_last_result_until_it_has_its_own_and_undo_finds_it_again(open_panel, page_text):
    open_panel(presets()["light"], 60)
    app = open_panel(CRUEL)
    assert app.get("progress") and "0.0 % of the labelled pixels lost" in page_text(app)
    assert "opacity: .45" in "".join(html.proto.body for html in app.get("html"))
    app = open_panel(presets()["light"])
    assert not app.get("progress") and "200 examples" in page_text(app)
    assert "opacity: .45" not in "".join(html.proto.body for html in app.get("html"))


def test_no_height_is_kept_for_classes_that_do_not_occur(data, open_panel):
    with (data / "classes.csv").open("a") as file:
        file.write("".join(f"absent {index},{index},1,2\n" for index in range(60)))
    styles = ["".join(html.proto.body for html in open_panel(presets()["light"], wait).get("html")) for wait in (0, 60)]
    assert ".st-key-effect-shares { min-height: 300px; }" in styles[0]  # less than a screen while it is measured
    assert ".st-key-effect-shares { min-height: 0px; }" in styles[1]


def test_results_are_bounded(open_panel, monkeypatch):
    monkeypatch.setattr(statistics_measurement, "MAX_RESULTS", 2)
    for p in (0.1, 0.2, 0.3):
        app = open_panel(Pipeline((Step.create("HorizontalFlip", p),)), 1e-6)
    assert len(app.session_state[statistics_measurement.RESULTS]) == 2


def test_nothing_switched_on(open_panel, page_text):
    text = page_text(open_panel(Pipeline((Step.create("VerticalFlip", enabled=False),))))
    assert "Nothing is switched on" in text and "streets" not in text


def test_a_pipeline_that_never_works_is_given_up(open_panel, page_text, monkeypatch):
    from segcore.errors import AugmentError

    def fails(*_, **__):
        raise AugmentError("RandomCrop can't take a picture of 224x320.")

    monkeypatch.setattr(Pipeline, "__call__", fails)
    app = open_panel(presets()["light"], 60)
    assert "3 of 3 examples failed: RandomCrop can't take a picture" in page_text(app).replace("\\", "")
    assert not charts(app)


def test_a_sample_that_cannot_be_read_is_a_failed_draw(open_panel, data, page_text):
    (data / "train" / "images" / "train_01.png").write_bytes(b"no picture")
    assert "50 of 200 examples failed: " in page_text(open_panel(presets()["light"], 60)).replace("\\", "")


def test_a_slow_pipeline_is_measured_a_few_times_only(open_panel, page_text, monkeypatch):
    slow = replace(Effect.empty(3), seconds=(1.4,))
    assert not is_complete(sum([slow] * 11, Effect.empty(3))) and is_complete(sum([slow] * 12, Effect.empty(3)))
    fast = replace(Effect.empty(3), seconds=(0.05,) * 199)
    assert not is_complete(fast) and is_complete(fast + replace(fast, seconds=(0.05,)))

    def measure(*given):
        return replace(real(*given), seconds=(1.4,))

    real = statistics_measurement.measure
    monkeypatch.setattr(statistics_measurement, "measure", measure)
    text = page_text(open_panel(presets()["light"], 60)).replace("\\", "")
    assert "12 examples of 4 training images at 224x320." in text and "takes 1,400 ms an image" in text
    line = measured_line(sum([slow] * 12, Effect.empty(3)), 60, (8, 10))
    assert line.startswith("12 examples of 12 training images")


def test_size_and_speed_are_the_runs(data, open_panel, page_text, tmp_path):
    (run,) = make_runs(tmp_path / "runs", data, ("unet",))
    path = run.path / "summary.json"
    summary = json.loads(path.read_text())
    summary["input"] |= {"height": 30, "width": 40}
    path.write_text(json.dumps(summary | {"images_per_second": 5e6}))
    text = page_text(open_panel(presets()["assignment"], 60, [load_run(run.path)])).replace("\\", "")
    assert "at 30x40." in text and "unet trained at 5,000,000, which takes" in text
    assert "Train with --workers" in text


def test_the_default_size_is_the_trainings():
    from segcore.training.config import TrainConfig

    assert TrainConfig.model_fields["image_size"].default == statistics_measurement.DEFAULT_SIZE


def test_samples_are_spread_without_copies_and_within_the_memory(tmp_path):
    view = make_view(make_data(tmp_path / "many", train=100, test=1))
    ids = view.dataset.splits["train"]
    result = spread_samples(view, (224, 320))
    assert len(set(result)) == 60
    first = sorted(ids.index(item) for item in result[:6])
    assert first[0] < 25 and first[-1] >= 75
    assert len(spread_samples(view, (2000, 4000))) == 2
    vars(view.dataset)["copies"] = {ids[0]: tuple(ids[50:])}
    assert set(spread_samples(view, (224, 320))) == set(ids[:50])
