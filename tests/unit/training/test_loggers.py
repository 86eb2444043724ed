"""What the trackers were told, read back with their own readers."""

import logging
import socket
import sys

import pytest
from mlflow import MlflowClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from segcore.errors import ConfigError
from segcore.training import loggers as module
from segcore.training.loggers import check_loggers, create_loggers, log_end, log_epoch
from segcore.training.registry import LOGGERS

CONFIG = {"models": ["unet"], "lr": 0.004, "labels": None, "model_options": {"unet": {"decoder_channels": [64, 32]}}}


def row(epoch):
    values = {"train_loss": 2.0 - epoch, "val_loss": 2.5 - epoch, "train_miou": 0.3, "val_miou": 0.25 + 0.125 * epoch}
    return {"epoch": epoch, "step": 10 * (epoch + 1), **values, "val_pixel_accuracy": None, "lr": 1e-3, "seconds": 3.5}


def refused(text):
    raise AssertionError(text)


@pytest.fixture
def run(tmp_path, fake_run, monkeypatch):
    """A run in a folder with a space in its name, and no tracker elsewhere."""
    for name in ("MLFLOW_TRACKING_URI", "WANDB_PROJECT", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    return fake_run(tmp_path / "my runs", "fake-unet")


def scalars(run):
    result = EventAccumulator(str(run.path / "tensorboard")).Reload()
    return {tag: [(event.step, event.value) for event in result.Scalars(tag)] for tag in result.Tags()["scalars"]}


def test_every_logger_of_the_settings_can_be_created():
    check_loggers(())
    assert set(LOGGERS) == {"tensorboard", "mlflow", "wandb"} == set(module.CONNECTION_HINTS)


def test_tensorboard_files_read_back(run):
    loggers = create_loggers(["tensorboard"], run.path, CONFIG, run.summary)
    log_epoch(loggers, row(0), refused)
    assert scalars(run)["val_miou"] == [(10, 0.25)]  # while it trains, not only at the end
    log_epoch(loggers, row(1), refused)
    log_end(loggers, run.summary, refused, step=20)
    assert loggers == []
    result = scalars(run)
    assert result["val_miou"] == [(10, 0.25), (20, 0.375)]
    assert result["train_loss"] == [(10, 2.0), (20, 1.0)]
    assert {"val_loss", "train_miou", "lr", "seconds", "epoch"} <= result.keys()
    assert not {"val_pixel_accuracy", "step", "hp_metric"} & result.keys()
    assert result["final_test_miou"] == [(20, pytest.approx(run.summary.test.miou))]
    plugins = EventAccumulator(str(run.path / "tensorboard")).Reload().Tags()
    assert plugins["tensors"] == [] and not (run.path / "tensorboard" / "hparams.yaml").exists()


def test_tensorboard_goes_on_and_forgets_what_comes_again(run):
    first = create_loggers(["tensorboard"], run.path, CONFIG, run.summary)
    for epoch in range(3):  # killed after the third
        log_epoch(first, row(epoch), refused)
    second = create_loggers(["tensorboard"], run.path, CONFIG, run.summary, step=20)
    log_epoch(second, row(2) | {"val_miou": 0.75}, refused)
    log_end(second, run.summary, refused, step=30)
    assert scalars(run)["val_miou"] == [(10, 0.25), (20, 0.375), (30, 0.75)]


def test_mlflow_database_reads_back_and_a_resumed_run_goes_on(run, capfd, caplog):
    caplog.set_level(logging.INFO)
    log = create_loggers(["mlflow"], run.path, CONFIG, run.summary)
    log_epoch(log, row(0), refused)
    client = MlflowClient(f"sqlite:///{run.path.parent / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(run.summary.dataset.name)
    (begun,) = client.search_runs([experiment.experiment_id])
    assert begun.info.status == "RUNNING"
    log_end(log, run.summary.model_copy(update={"status": "interrupted", "test": None}), refused, step=10)
    assert client.get_run(begun.info.run_id).info.status == "KILLED"

    log = create_loggers(["mlflow"], run.path, CONFIG, run.summary, step=10)
    assert client.get_run(begun.info.run_id).info.status == "RUNNING"
    log_epoch(log, row(1), refused)
    log_end(log, run.summary, refused, step=20)
    (ended,) = client.search_runs([experiment.experiment_id])
    assert (ended.info.run_id, ended.info.run_name, ended.info.status) == (begun.info.run_id, "fake-unet", "FINISHED")
    tags = {name: value for name, value in ended.data.tags.items() if not name.startswith("mlflow.")}
    assert tags == {
        "model": "unet",
        "encoder": "tu-tf_efficientnet_lite0",
        "fingerprint": "0123456789abcdef",
        "split_fingerprint": "fedcba9876543210",
    }
    assert ended.data.params["lr"] == "0.004"
    assert ended.data.params["model_options/unet/decoder_channels"] == "[64, 32]"
    history = client.get_metric_history(ended.info.run_id, "val_miou")
    assert [(point.step, point.value) for point in history] == [(10, 0.25), (20, 0.375)]
    assert ended.data.metrics["final_test_miou"] == pytest.approx(run.summary.test.miou)
    assert ended.data.metrics["best_epoch"] == run.summary.best_epoch

    (run.path / "loggers.json").write_text('{"mlflow": "gone"}')  # the database was lost, or it is another one
    log_end(create_loggers(["mlflow"], run.path, CONFIG, run.summary), run.summary, refused)
    assert len(client.search_runs([experiment.experiment_id])) == 2
    assert "Creating" not in "".join(capfd.readouterr()) + caplog.text


def test_mlflow_failing_runs_are_marked(run, monkeypatch, tmp_path):
    uri = f"sqlite:///{tmp_path / 'theirs.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    failed = run.summary.model_copy(update={"status": "failed", "test": None, "val": None})
    log_end(create_loggers(["mlflow"], run.path, CONFIG, failed), failed, refused)
    assert not (run.path.parent / "mlflow.db").exists()
    client = MlflowClient(uri)
    (result,) = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    assert result.info.status == "FAILED"


def test_a_tracker_that_can_not_be_reached_is_said(run, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # free once it is closed
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(ConfigError, match=r"--loggers mlflow: .*Check MLFLOW_TRACKING_URI, or leave mlflow out of"):
        create_loggers(["tensorboard", "mlflow"], run.path, CONFIG, run.summary)


def test_a_tracker_that_fails_does_not_end_the_training(run):
    loggers = create_loggers(["tensorboard"], run.path, CONFIG, run.summary)

    class Broken(type(loggers[0])):
        def log_metrics(self, metrics, step=None):
            raise ConnectionError("the server went away.\nand more")

    output = []
    loggers.insert(0, Broken(run.path, name="broken"))
    log_epoch(loggers, row(0), output.append)
    assert output == ["Nothing more goes to Broken, the training goes on: the server went away"]
    log_epoch(loggers, row(1), output.append)
    log_end(loggers, run.summary, output.append, step=20)
    assert len(output) == 1
    assert scalars(run)["val_miou"] == [(10, 0.25), (20, 0.375)]


@pytest.mark.parametrize("name", LOGGERS)
def test_a_missing_package_is_said_with_the_way_out(monkeypatch, name, run):
    monkeypatch.setattr(module, "find_spec", lambda package: None if package == name else sys.__spec__)
    message = rf"--loggers {name}: the package {name} is not installed\. pip install 'segcore\[{name}\]', or leave"
    with pytest.raises(ConfigError, match=message):
        check_loggers([name])
    with pytest.raises(ConfigError, match=message):
        create_loggers([name], run.path, CONFIG, run.summary)


def test_a_folder_called_like_a_package_is_no_package(tmp_path, monkeypatch):
    (tmp_path / "wandb").mkdir()  # as wandb itself leaves behind
    monkeypatch.setattr(sys, "path", [str(tmp_path), *(entry for entry in sys.path if "site-packages" not in entry)])
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    with pytest.raises(ConfigError, match="the package wandb is not installed"):
        check_loggers(["wandb"])


def test_an_unknown_logger_lists_the_choices():
    with pytest.raises(ConfigError, match=r"No logger 'mlfow'\. Did you mean 'mlflow'\? Choose one of tensorboard"):
        check_loggers(["mlfow"])
