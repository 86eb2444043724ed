"""Experiment trackers beside `metrics.csv`: TensorBoard, MLflow and Weights & Biases, through Lightning's loggers.

In the first process of a training only; not given to a `Trainer`, which would log and end them in its own way.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segcore.errors import ConfigError, first_line
from segcore.runs import ScoreInfo, Summary
from segcore.runs.run_files import replacing
from segcore.training.registry import LOGGERS, check_choice

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

IDS = "loggers.json"  # in the run's folder: what MLflow and Weights & Biases call the run, to go on with it
TENSORBOARD = "tensorboard"  # folder of event files in the run's folder
MLFLOW_DATABASE = "mlflow.db"  # beside the runs, where MLFLOW_TRACKING_URI names no server

_MLFLOW_STATUS = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
_SCORES = ("miou", "pixel_accuracy", "mean_accuracy", "mean_dice", "frequency_weighted_iou")
_CHECKS = {
    "tensorboard": "Check the run's folder",
    "mlflow": "Check MLFLOW_TRACKING_URI",
    "wandb": "Check WANDB_API_KEY (wandb login), or set WANDB_MODE=offline",
}


def check_loggers(names: Sequence[str]) -> None:
    """Refuse loggers that can't be had; imports nothing, so ask before reading data.

    Raises:
        ConfigError: when a name is no logger, or its package is not installed.
    """
    for name in names:
        check_choice("logger", name, LOGGERS)
        spec = find_spec(name)
        if spec is None or spec.origin is None:  # of no file: a mere folder of this name
            raise ConfigError(
                f"--loggers {name}: the package {name} is not installed. pip install 'segcore[{name}]', or leave "
                f"{name} out of --loggers."
            )


def create_loggers(
    names: Sequence[str], run_path: Path, config: Mapping[str, Any], summary: Summary, *, step: int = 0
) -> list[Logger]:
    """Begin the run in every tracker, or go on with it where the run's folder says that it was begun there.

    TensorBoard writes to `tensorboard/` in the run's folder. MLflow writes to MLFLOW_TRACKING_URI, or to `mlflow.db`
    beside the runs; the experiment is the dataset, the run is called as the run. Weights & Biases writes to the
    project WANDB_PROJECT (default: segcore), and to the run's folder alone with WANDB_MODE=offline.

    Args:
        names: Of `LOGGERS`.
        run_path: The run's folder.
        config: Its settings, plain values.
        summary: What it is.
        step: Optimizer steps done, where a training goes on: TensorBoard forgets what came after them.

    Raises:
        ConfigError: when a package is not installed, or a tracker can't be reached.
    """
    check_loggers(names)
    create = {"tensorboard": _tensorboard, "mlflow": _mlflow, "wandb": _wandb}
    found: list[Logger] = []
    for name in dict.fromkeys(names):
        try:
            found.append(create[name](run_path, summary, config, step))
        except Exception as error:  # each tracker has errors of its own, and a database's and a network's under them
            for logger in found:
                _close(logger, "failed")
            raise ConfigError(
                f"--loggers {name}: {first_line(error).rstrip('.')}. {_CHECKS[name]}, or leave {name} out of --loggers."
            ) from error
    return found


def log_epoch(loggers: list[Logger], row: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Hand on a row of `metrics.csv`, at its step.

    A tracker that fails, say a server that went away, is taken out of the list: it must not end the training.

    Args:
        loggers: From `create_loggers`; changed in place.
        row: With `step`; values that are None are left out.
        say: Told of a tracker that failed.
    """
    values = {name: value for name, value in row.items() if name != "step" and value is not None}

    def log(logger: Logger) -> None:
        logger.log_metrics(values, step=row["step"])
        _flush(logger)

    _each(loggers, log, say)


def log_end(loggers: list[Logger], summary: Summary, say: Callable[[str], None], *, step: int = 0) -> None:
    """Hand on the scores of the kept weights and how the run ended, and close the trackers.

    Args:
        loggers: From `create_loggers`; empty afterwards.
        summary: At the end.
        say: Told of a tracker that failed.
        step: Optimizer steps done.
    """
    values = _final(summary)

    def log(logger: Logger) -> None:
        from lightning.pytorch.loggers import TensorBoardLogger

        if isinstance(logger, TensorBoardLogger):
            # Its table of settings against scores wants both at once.
            logger.log_hyperparams(dict(logger.hparams), values, step)
        else:
            logger.log_metrics(values, step=step)
        _close(logger, summary.status)

    _each(loggers, log, say)
    loggers.clear()


def _final(summary: Summary) -> dict[str, float]:
    values: dict[str, float] = {"train_seconds": summary.train_seconds, "parameters": summary.parameters}
    if summary.best_epoch is not None:
        values["best_epoch"] = summary.best_epoch
    for split in ("val", "test"):
        found: ScoreInfo | None = getattr(summary, split)
        if found:  # at the ground truth's own size, which an epoch's val_miou is not
            values |= {f"final_{split}_{name}": getattr(found, name) for name in _SCORES}
    return values


def _each(loggers: list[Logger], act: Callable[[Logger], None], say: Callable[[str], None]) -> None:
    for logger in list(loggers):
        try:
            act(logger)
        except Exception as error:  # as in `create_loggers`
            loggers.remove(logger)
            say(f"Nothing more goes to {type(logger).__name__}, the training goes on: {first_line(error).rstrip('.')}")


def _tensorboard(run_path: Path, summary: Summary, config: Mapping[str, Any], step: int) -> TensorBoardLogger:
    from lightning.pytorch.loggers import TensorBoardLogger

    forget = step + 1 if step else None
    logger = TensorBoardLogger(run_path, name=TENSORBOARD, version="", default_hp_metric=False, purge_step=forget)
    logger.log_hyperparams(dict(config))  # kept until `log_end`
    _ = logger.experiment  # so that a folder that can't be written is met here
    return logger


def _mlflow(run_path: Path, summary: Summary, config: Mapping[str, Any], step: int) -> MLFlowLogger:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it would report its use over the network
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # its 7 keep a user waiting for minutes
    from lightning.pytorch.loggers import MLFlowLogger
    from mlflow import MlflowClient

    folder = run_path.parent.resolve()
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(folder / MLFLOW_DATABASE).as_posix()}"
    with _quiet():  # not before the import, which sets levels of its own
        client = MlflowClient(uri)
        found = _begun(client, _read_ids(run_path).get("mlflow"))
        if not found:
            _make_experiment(client, summary.dataset.name, folder / "mlartifacts")
        tags = {
            "model": summary.model,
            "encoder": summary.encoder,
            "fingerprint": summary.dataset.fingerprint,
            "split_fingerprint": summary.dataset.split_fingerprint,
        }
        logger = MLFlowLogger(summary.dataset.name, run_name=summary.run_id, tracking_uri=uri, tags=tags, run_id=found)
        if found:
            client.update_run(found, status="RUNNING")
        else:
            _write_id(run_path, "mlflow", str(logger.run_id))
            logger.log_hyperparams(dict(config))
    return logger


def _begun(client: Any, run_id: str | None) -> str | None:  # noqa: ANN401 - an MlflowClient, which has no types
    """The id itself, where this server or database still has it."""
    from mlflow.exceptions import MlflowException

    try:
        return run_id if run_id and client.get_run(run_id).info.lifecycle_stage == "active" else None
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def _make_experiment(client: Any, name: str, artifacts: Path) -> None:  # noqa: ANN401 - as above
    from mlflow.exceptions import MlflowException

    if client.get_experiment_by_name(name) is None:
        local = None if os.environ.get("MLFLOW_TRACKING_URI") else artifacts.as_uri()
        with suppress(MlflowException):  # made by another training meanwhile; whatever else it was comes again
            client.create_experiment(name, artifact_location=local)


def _wandb(run_path: Path, summary: Summary, config: Mapping[str, Any], step: int) -> WandbLogger:
    from lightning.pytorch.loggers import WandbLogger

    logger = WandbLogger(
        name=summary.run_id,
        save_dir=run_path,
        id=_read_ids(run_path).get("wandb"),
        project=os.environ.get("WANDB_PROJECT") or "segcore",
        group=summary.dataset.name,
        tags=[summary.model, summary.encoder],
    )
    logger.log_hyperparams({**config, "fingerprint": summary.dataset.fingerprint})
    _write_id(run_path, "wandb", logger.experiment.id)
    return logger


def _flush(logger: Logger) -> None:
    """Let a reader see the epoch now; TensorBoard would keep it for two minutes."""
    from lightning.pytorch.loggers import TensorBoardLogger

    if isinstance(logger, TensorBoardLogger):
        logger.experiment.flush()


def _close(logger: Logger, status: str) -> None:
    from lightning.pytorch.loggers import MLFlowLogger, WandbLogger

    if isinstance(logger, WandbLogger):
        logger.experiment.finish(exit_code=0 if status == "finished" else 1)  # or the next model would join this run
    else:
        logger.finalize(_MLFLOW_STATUS[status] if isinstance(logger, MLFlowLogger) else status)


def _read_ids(run_path: Path) -> dict[str, str]:
    try:
        return {str(name): str(value) for name, value in json.loads((run_path / IDS).read_text("utf-8")).items()}
    except (FileNotFoundError, ValueError, AttributeError):  # or foreign: the run is begun anew
        return {}


def _write_id(run_path: Path, name: str, value: str) -> None:
    with replacing(run_path / IDS) as path:
        path.write_text(json.dumps(_read_ids(run_path) | {name: value}, indent=2) + "\n", "utf-8")


@contextmanager
def _quiet() -> Iterator[None]:
    """No news of database tables being made; warnings and errors still come."""
    found = [logging.getLogger(name) for name in ("mlflow", "alembic", "lightning.pytorch.loggers.mlflow")]
    levels = [logger.level for logger in found]
    for logger in found:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(found, levels, strict=True):
            logger.setLevel(level)
