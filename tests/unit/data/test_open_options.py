"""How a dataset is opened, as one value."""

import argparse
import inspect

import pytest
from fixtures import layouts
from fixtures.runs import fake_run

from segcore.data import OpenOptions, open_dataset
from segcore.data.open_options import add_open_arguments
from segcore.runs import RunWriter
from segcore.runs.reproduce import open_data, open_options_of
from segcore.training.command_line import parse
from segcore.training.config import TrainConfig

EVERY = OpenOptions("camvid11", "class", skip_incomplete=True, color_tolerance=3, video="no")


def test_the_options_are_the_keywords_of_open_dataset():
    parameters = inspect.signature(open_dataset).parameters
    keywords = {name: parameter.default for name, parameter in parameters.items() if name != "source"}
    assert keywords == OpenOptions()._asdict()


def test_every_option_reaches_open_dataset(monkeypatch):
    given = {}
    monkeypatch.setattr("segcore.data.opening.open_dataset", lambda source, **options: given.update(options))
    EVERY.open("drive")
    assert given == EVERY._asdict()


@pytest.mark.parametrize(
    "options",
    [
        OpenOptions(),
        EVERY,
        OpenOptions(classes="/x/classes.csv", map="/x/map.csv"),
        *(OpenOptions(**{name: value}) for name, value in EVERY._asdict().items()),
    ],
)
def test_commands_and_training_read_the_words_back(options):
    parser = argparse.ArgumentParser()
    add_open_arguments(parser)
    assert OpenOptions.of(parser.parse_args(options.words)) == options
    assert parse(options.words)[0].open_options == options
    assert TrainConfig(**options._asdict()).open_options == options


def test_a_run_opens_its_data_as_it_was_trained(tmp_path):
    root = layouts.cam101(tmp_path / "cam")
    next((root / "test").glob("*_L.png")).unlink()
    run = fake_run(tmp_path / "runs", "unet")
    info = run.summary.dataset.model_copy(update={"source": str(root), "void": "class"})
    RunWriter(run.path).write_summary(run.summary.model_copy(update={"dataset": info}))
    RunWriter(run.path).write_config(TrainConfig(**EVERY._asdict()).values())
    again = type(run)(run.path, run.summary.model_copy(update={"dataset": info}), run.version)
    assert open_options_of(again) == EVERY
    assert open_data(again).stated is False and len(open_data(again)) == 19


def test_a_run_from_before_the_options_opens_its_data_as_then(tmp_path):
    run = fake_run(tmp_path / "runs", "unet")
    RunWriter(run.path).write_config({})
    assert open_options_of(run) == OpenOptions(labels="camvid11")
