"""Logs to TensorBoard, MLflow and Weights & Biases beside `metrics.csv`, through Lightning's loggers.

Only the first process of a training logs. The loggers are not given to a `Trainer`, which would log other values.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segcore.atomic_files import replacing
from segcore.errors import ConfigError, first_line
from segcore.log_level import log_level
from segcore.reading import SHAPE_ERRORS, parse_json, read_text
from segcore.runs import ScoreInfo, Summary
from segcore.training.registry import LOGGERS, check_choice

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

IDS = "loggers.json"  # in the run's folder: the ids of the run in MLflow and Weights & Biases, to resume it there
TENSORBOARD = "tensorboard"  # folder of event files in the run's folder
MLFLOW_DATABASE = "mlflow.db"  # beside the runs, when MLFLOW_TRACKING_URI is not set

_MLFLOW_STATUS = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
CONNECTION_HINTS = {
    "tensorboard": "Check the run's folder",
    "mlflow": "Check MLFLOW_TRACKING_URI",
    "wandb": "Check WANDB_API_KEY (wandb login), or set WANDB_MODE=offline",
}


def check_loggers(names: Sequence[str]) -> None:
    """Check that loggers exist and are installed. Imports nothing, so it is fast.

    Raises:
        ConfigError: when a logger is unknown, or its package is not installed.
    """
    for name in names:
        check_choice("logger", name, LOGGERS)
        spec = find_spec(name)
        if spec is None or spec.origin is None:  # a folder of this name without a package
            raise ConfigError(
                f"--loggers {name}: the package {name} is not installed. pip install 'segcore[{name}]', or leave "
                f"{name} out of --loggers."
            )


def create_loggers(
    names: Sequence[str], run_path: Path, config: Mapping[str, Any], summary: Summary, *, step: int = 0
) -> list[Logger]:
    """Create the run in every tracker, or resume it if `loggers.json` in the run's folder has its id.

    TensorBoard writes to `tensorboard/` in the run's folder. MLflow writes to MLFLOW_TRACKING_URI, or to `mlflow.db`
    beside the runs; its experiment has the dataset's name. Weights & Biases writes to the project WANDB_PROJECT
    (default: segcore), and only to the run's folder with WANDB_MODE=offline.

    Args:
        names: Names from `LOGGERS`.
        run_path: The run's folder.
        config: The run's settings, plain values.
        summary: The run's summary.
        step: Optimizer steps done before a training resumes; TensorBoard drops later values.

    Raises:
        ConfigError: when a package is not installed, or a tracker can't be reached.
    """
    check_loggers(names)
    create = {"tensorboard": _tensorboard, "mlflow": _mlflow, "wandb": _wandb}
    loggers: list[Logger] = []
    for name in dict.fromkeys(names):
        try:
            loggers.append(create[name](run_path, summary, config, step))
        except Exception as error:  # each tracker raises its own errors, and those of a database or a network
            for logger in loggers:
                _close(logger, "failed")
            raise ConfigError(
                f"--loggers {name}: {first_line(error).rstrip('.')}. {CONNECTION_HINTS[name]}, "
                f"or leave {name} out of --loggers."
            ) from error
    return loggers


def log_epoch(loggers: list[Logger], row: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Log a row of `metrics.csv` at its step.

    A tracker that fails, such as an unreachable server, is removed from the list and does not end the training.

    Args:
        loggers: From `create_loggers`; changed in place.
        row: The epoch's row, with `step`; None values are left out.
        say: Called with a message when a tracker fails.
    """
    values = {name: value for name, value in row.items() if name != "step" and value is not None}

    def log(logger: Logger) -> None:
        logger.log_metrics(values, step=row["step"])
        _flush(logger)

    _for_each(loggers, log, say)


def log_end(loggers: list[Logger], summary: Summary, say: Callable[[str], None], *, step: int = 0) -> None:
    """Log the scores of the best weights and the final status after `step` optimizer steps, and close the trackers.

    A tracker that fails is skipped, and `say` is called with a message. The list is empty afterwards.
    """
    values = _final(summary)

    def log(logger: Logger) -> None:
        from lightning.pytorch.loggers import TensorBoardLogger

        if isinstance(logger, TensorBoardLogger):
            # TensorBoard's table of settings and scores needs both in one call.
            logger.log_hyperparams(dict(logger.hparams), values, step)
        else:
            logger.log_metrics(values, step=step)
        _close(logger, summary.status)

    _for_each(loggers, log, say)
    loggers.clear()


def _final(summary: Summary) -> dict[str, float]:
    values: dict[str, float] = {"train_seconds": summary.train_seconds or 0, "parameters": summary.parameters or 0}
    if summary.best_epoch is not None:
        values["best_epoch"] = summary.best_epoch
    for split in ("val", "test"):
        score: ScoreInfo | None = getattr(summary, split)
        if score:  # at ground-truth size, unlike an epoch's val_miou
            values |= {f"final_{split}_{name}": value for name, value in score.values.items()}
    return values


def _for_each(loggers: list[Logger], act: Callable[[Logger], None], say: Callable[[str], None]) -> None:
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
    logger.log_hyperparams(dict(config))  # stored in the logger until `log_end`
    _ = logger.experiment  # fails here if the folder can't be written
    return logger


def _mlflow(run_path: Path, summary: Summary, config: Mapping[str, Any], step: int) -> MLFlowLogger:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it would send usage data over the network
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # with its default of 7, a user waits for minutes
    from lightning.pytorch.loggers import MLFlowLogger
    from mlflow import MlflowClient

    folder = run_path.parent.resolve()
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(folder / MLFLOW_DATABASE).as_posix()}"
    # After the import, which sets log levels. Messages about created database tables are left out.
    with log_level(logging.WARNING, "mlflow", "alembic", "lightning.pytorch.loggers.mlflow"):
        client = MlflowClient(uri)
        run_id = _existing_id(client, _read_ids(run_path).get("mlflow"))
        if not run_id:
            _make_experiment(client, summary.dataset.name, folder / "mlartifacts")
        tags = {
            "model": summary.model,
            "encoder": summary.encoder,
            "fingerprint": summary.dataset.fingerprint,
            "split_fingerprint": summary.dataset.split_fingerprint,
        }
        logger = MLFlowLogger(summary.dataset.name, run_name=summary.run_id, tracking_uri=uri, tags=tags, run_id=run_id)
        if run_id:
            client.update_run(run_id, status="RUNNING")
        else:
            _write_id(run_path, "mlflow", str(logger.run_id))
            logger.log_hyperparams(dict(config))
    return logger


def _existing_id(client: Any, run_id: str | None) -> str | None:  # noqa: ANN401 - an MlflowClient, which has no types
    """The run's id if the server or database still has that run, else None."""
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
        with suppress(MlflowException):  # another training made it meanwhile; other errors occur again on its use
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
    """Write an epoch's values now; TensorBoard would buffer them for two minutes."""
    from lightning.pytorch.loggers import TensorBoardLogger

    if isinstance(logger, TensorBoardLogger):
        logger.experiment.flush()


def _close(logger: Logger, status: str) -> None:
    from lightning.pytorch.loggers import MLFlowLogger, WandbLogger

    if isinstance(logger, WandbLogger):
        logger.experiment.finish(exit_code=0 if status == "finished" else 1)  # else the next model joins this run
    else:
        logger.finalize(_MLFLOW_STATUS[status] if isinstance(logger, MLFlowLogger) else status)


def _read_ids(run_path: Path) -> dict[str, str]:
    try:
        return {str(name): str(value) for name, value in parse_json(read_text(run_path / IDS)).items()}
    except (FileNotFoundError, *SHAPE_ERRORS):  # missing or damaged: a new run is created
        return {}


def _write_id(run_path: Path, name: str, value: str) -> None:
    with replacing(run_path / IDS) as path:
        path.write_text(json.dumps(_read_ids(run_path) | {name: value}, indent=2) + "\n", "utf-8")
