"""One training inside a worker of Ray. torch is imported in the function, once its threads are set."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segcore.errors import DatasetError, RunError, SegcoreError, plain
from segcore.runs import RunWriter, Status, run_files
from segcore.training.openmp import SPIN

if TYPE_CHECKING:
    from segcore.training.config import TrainConfig
    from segcore.training.engine import Session

# By these a process would take itself for one of several that train together.
_SEVERAL = ("SLURM_NTASKS", "TORCHELASTIC_RUN_ID", "WORLD_SIZE", "RANK", "LOCAL_RANK")


@dataclass(frozen=True)
class WorkerTask:
    """What a worker is to train.

    Args:
        config: Values of a `TrainConfig` of one model, seed and fold.
        run: Absolute path of the run's folder, which is there.
        folder: Where the user's command runs; relative paths of the config begin there.
        fingerprint: Of the data that the user's command found.
        origin: Of `provenance`.
        threads: Of the training.
    """

    config: Mapping[str, Any]
    run: Path
    folder: Path
    fingerprint: str
    origin: Mapping[str, str | None]
    threads: int


@dataclass(frozen=True)
class Result:
    """What a worker hands back; all else is in the run's files.

    Args:
        status: Of the run, as its files have it.
        said: Lines for the user.
        refused: Why the training could not begin, where it could not.
    """

    status: Status | None = None
    said: str = ""
    refused: str | None = None


def train_one(order: WorkerTask) -> Result:
    """Train, or go on where a worker that died had come to; on Ctrl-C the run is interrupted as anywhere."""
    prepare_process(order.threads, order.folder)
    with refusals() as found:
        check_folder(order.run)
        from rich.console import Console

        from segcore.training.config import build
        from segcore.training.distributed import World
        from segcore.training.engine import Session
        from segcore.training.ray.console import SilentReporter

        said = StringIO()
        session = Session(SilentReporter(Console(file=said, soft_wrap=True)), world=World(), origin=order.origin)
        with session.working():
            return Result(_train(session, build(order.config), order), said.getvalue())
    return Result(refused=found[0])


def prepare_process(threads: int, folder: Path) -> None:
    """Make a worker's process one that trains: to be called before torch is imported.

    Args:
        threads: Of the training.
        folder: Where the user's command runs.
    """
    os.environ["OMP_NUM_THREADS"] = str(threads)  # read when torch is loaded
    os.environ.setdefault(*SPIN)
    for name in _SEVERAL:
        os.environ.pop(name, None)
    if folder.is_dir():
        os.chdir(folder)
    import cv2

    cv2.setNumThreads(threads)


def check_folder(folder: Path) -> None:
    """Refuse where the folder that the user's command made is not to be seen.

    Raises:
        RunError: naming it.
    """
    if not folder.is_dir():
        raise RunError(f"{folder} is not there. Give --out a folder that every machine sees under the same path.")


@contextmanager
def refusals() -> Iterator[list[str]]:
    """Keep what a user is to be told, in place of raising it through Ray; the list has it after the block."""
    found: list[str] = []
    try:
        yield found
    except SegcoreError as error:
        found.append(f"On {socket.gethostname()}: {error}")
    except OSError as error:
        found.append(f"On {socket.gethostname()}: {plain(error)}")


def _train(session: Session, task: TrainConfig, order: WorkerTask) -> Status:
    from segcore.training.checkpoint import Checkpoint
    from segcore.training.loggers import TENSORBOARD

    writer = RunWriter(order.run)
    checkpoint = Checkpoint.read(order.run) if (order.run / run_files.CHECKPOINT).is_file() else None
    if (order.run / run_files.SUMMARY).is_file():  # a worker before this one died, perhaps with its last breath
        status = writer.record().summary.status
        if status == "failed" or (status == "finished" and not checkpoint):
            return status
    if not checkpoint:  # its rows come again
        (order.run / run_files.METRICS).unlink(missing_ok=True)
        shutil.rmtree(order.run / TENSORBOARD, ignore_errors=True)
    found = session.job(task, writer).dataset.fingerprint
    if found != order.fingerprint:
        raise DatasetError(
            f"the data {task.data} has fingerprint {found}, and {order.fingerprint} where the command runs. Give every "
            "machine the same images and masks."
        )
    return session.run(task, writer, checkpoint=checkpoint).summary.status
