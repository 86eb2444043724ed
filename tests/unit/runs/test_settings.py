from fixtures.runs import fake_run

from segcore.runs import RunWriter, load_run
from segcore.runs.settings import NOT_SET, Difference, differences, flat_settings


def configured(tmp_path, name, config, **update):
    run = fake_run(tmp_path, name, evaluated=False)
    RunWriter(run.path).write_config(config)
    RunWriter(run.path).write_summary(run.summary.model_copy(update=update))
    return load_run(run.path)


def test_nested_settings_are_named_by_their_path(tmp_path):
    config = {
        "models": ["unet"],
        "nesterov": False,
        "init": None,
        "augment": {"transforms": [{"Blur": {"p": 0.1}}, {"Rotate": {"limit": [-5, 5]}}, {"Blur": {"p": 0.2}}]},
        "model_options": {},
    }
    assert flat_settings(configured(tmp_path, "one", config, git_commit="abc123")) == {
        "models": "unet",
        "nesterov": "no",
        "init": "none",
        "augment.transforms.1.Blur.p": "0.1",
        "augment.transforms.Rotate.limit": "-5, 5",
        "augment.transforms.3.Blur.p": "0.2",
        "model_options": "none",
        "code": "abc123",
        "data.fingerprint": "0123456789abcdef",
    }


def test_only_what_differs_and_matters_is_left():
    first = {"lr": "0.1", "out": "a", "epochs": "3", "model_options": "none"}
    second = {"lr": "0.1", "out": "b", "epochs": "4", "model_options.unet.width": "8", "init": "none"}
    assert differences([first, second]) == [
        Difference("epochs", ("3", "4")),
        Difference("model_options.unet.width", (NOT_SET, "8")),
    ]
    assert differences([first]) == differences([]) == []
