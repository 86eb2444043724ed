"""Runs one training in a Ray worker. torch is imported inside functions, after the number of threads is set."""

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
from segcore.runs.run_lock import SILENT, writing
from segcore.training.openmp import SPIN

if TYPE_CHECKING:
    from segcore.training.config import TrainConfig
    from segcore.training.session import Session

# With these set, a process would believe that it is one of several that train together.
_DISTRIBUTED_VARIABLES = ("SLURM_NTASKS", "TORCHELASTIC_RUN_ID", "WORLD_SIZE", "RANK", "LOCAL_RANK")


@dataclass(frozen=True)
class WorkerTask:
    """One training for a worker.

    Args:
        config: Values of a `TrainConfig` of one model, seed and fold.
        run: Absolute path of the run's folder, which exists.
        folder: Working folder of the user's command; relative paths of the config start there.
        fingerprint: Fingerprint of the data that the user's command opened.
        origin: Commit and command from `provenance.origin`.
        threads: Threads of the training.
    """

    config: Mapping[str, Any]
    run: Path
    folder: Path
    fingerprint: str
    origin: Mapping[str, str | None]
    threads: int


@dataclass(frozen=True)
class Result:
    """What a worker returns; everything else is in the run's files.

    Args:
        status: Status of the run, as its files have it.
        output: Lines to print for the user.
        refused: Why the training could not start; None when it started.
    """

    status: Status | None = None
    output: str = ""
    refused: str | None = None


def train_one(task: WorkerTask) -> Result:
    """Train, or resume where a worker that died stopped. On Ctrl-C the run is marked as interrupted."""
    prepare_process(task.threads, task.folder)
    with refusals() as messages:
        check_folder(task.run)
        from segcore.text_console import TextConsole
        from segcore.training.config import build
        from segcore.training.distributed import World
        from segcore.training.ray.console import SilentReporter
        from segcore.training.session import Session

        output = StringIO()
        session = Session(SilentReporter(TextConsole(file=output, soft_wrap=True)), world=World(), origin=task.origin)
        with session.working():
            return Result(_train(session, build(task.config), task), output.getvalue())
    return Result(refused=messages[0])


def prepare_process(threads: int, folder: Path) -> None:
    """Set a worker's threads, and enter the working folder of the user's command. Must run before torch is imported."""
    os.environ["OMP_NUM_THREADS"] = str(threads)  # read when torch is loaded
    os.environ.setdefault(*SPIN)
    for name in _DISTRIBUTED_VARIABLES:
        os.environ.pop(name, None)
    if folder.is_dir():
        os.chdir(folder)
    import cv2

    cv2.setNumThreads(threads)


def check_folder(folder: Path) -> None:
    """Check that this machine sees the folder that the user's command made.

    Raises:
        RunError: when it does not; the message names the folder.
    """
    if not folder.is_dir():
        raise RunError(f"{folder} is not there. Give --out a folder that every machine sees under the same path.")


@contextmanager
def refusals() -> Iterator[list[str]]:
    """Collect the message of a user error instead of raising it through Ray; after the block, the list contains it."""
    messages: list[str] = []
    try:
        yield messages
    except (SegcoreError, OSError) as error:
        messages.append(f"On {socket.gethostname()}: {plain(error) if isinstance(error, OSError) else error}")


def _train(session: Session, config: TrainConfig, task: WorkerTask) -> Status:
    # A worker that died on another machine is known as dead once its heartbeat is silent.
    with writing(task.run, "trains it", wait=SILENT):
        return _train_alone(session, config, task)


def _train_alone(session: Session, config: TrainConfig, task: WorkerTask) -> Status:
    from segcore.training.checkpoint import Checkpoint
    from segcore.training.loggers import TENSORBOARD

    writer = RunWriter(task.run)
    checkpoint = Checkpoint.read(task.run) if (task.run / run_files.CHECKPOINT).is_file() else None
    if (task.run / run_files.SUMMARY).is_file():  # an earlier worker died, perhaps just after it had ended the run
        status = writer.record().summary.status
        if status == "failed" or (status == "finished" and not checkpoint):
            return status
    if not checkpoint:  # the training starts again, and so do its rows
        (task.run / run_files.METRICS).unlink(missing_ok=True)
        shutil.rmtree(task.run / TENSORBOARD, ignore_errors=True)
    fingerprint = session.prepare(config, resumed=checkpoint is not None).dataset.fingerprint
    if fingerprint != task.fingerprint:
        raise DatasetError(
            f"the data {config.data} has fingerprint {fingerprint}, and {task.fingerprint} where the command runs. "
            "Give every machine the same images and masks."
        )
    return session.run(config, writer, checkpoint=checkpoint).summary.status
