"""Trains several models one after another, and resumes a run that was stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from segcore.errors import ConfigError, DatasetError, RunError
from segcore.extensions.code_file import check_unchanged, require_agreement
from segcore.runs import RunRecord, RunStore, RunWriter, find_run, load_run, run_files
from segcore.runs.cli_hints import train_again
from segcore.runs.data_places import remember
from segcore.runs.model_required import require_training
from segcore.runs.reproduce import trained_source
from segcore.runs.run_lock import check_free, writing
from segcore.training.checkpoint import Checkpoint
from segcore.training.config import TrainConfig, build
from segcore.training.console import Reporter
from segcore.training.distributed import World
from segcore.training.session import Session, check_pipeline, check_samples, decode, opening_lines
from segcore.training.setting_types import flag

# What a training may change when it is resumed: where files are and how fast they are read. Nothing changes a result.
# A list of classes and a map may have moved; the fingerprint of the data tells whether they still say the same.
CHANGEABLE = (
    *("data", "classes", "map", "workers", "cache_mb", "checkpoint_minutes", "loggers", "out", "name"),
    "skip_incomplete",
)


def train(config: TrainConfig, reporter: Reporter | None = None) -> list[RunRecord]:
    """Train every model, seed and fold of the config, and score the kept epoch of each on validation and test.

    When one model fails, its run says why and the others are still trained. Ctrl-C ends the training after the
    current step; the epoch kept so far is scored.

    Args:
        config: The settings.
        reporter: Prints progress; None prints to the terminal.

    Returns:
        A run for every training that started.

    Raises:
        SegcoreError: when nothing could start: data, encoder, device.
        KeyboardInterrupt: on Ctrl-C before the first model, and on a second one.
    """
    if config.launcher == "ray":
        from segcore.training.ray.launcher import train_on_ray

        return train_on_ray(config, reporter)
    session, tasks = Session(reporter), config.tasks()
    world = session.world(config)
    store = RunStore(config.out)
    if world.first:
        store.check_writable()
    job = session.prepare_all(tasks)
    session.reporter.opening(
        opening_lines(job, config), (*job.dataset.notes, *job.plan.warnings, *config.pipeline.notes)
    )
    runs: list[RunRecord] = []
    with session.working():
        check_pipeline(config)
        decode(job)
        session.check_classes(job)
        check_samples(job, "test")
        session.reporter.estimates(session.estimates(tasks))
        for index, task in enumerate(tasks):
            (stop,) = world.any_rank(session.stop.requested)
            if stop:
                session.stop.requested = True  # in every process, whichever received the signal
                break
            session.ready(task)  # may take long, and what fails here leaves no folder
            name = task.run_name(job.dataset.name)
            writer = RunWriter(Path(world.broadcast(str(store.create(name).path) if world.first else "")))
            runs.append(session.run(task, writer, models_left=len(tasks) - index))
            if world.size > 1 and runs[-1].summary.status == "failed":
                break
    if runs:
        session.reporter.closing(runs)
    not_trained = ", ".join(task.run_name(job.dataset.name) for task in tasks[len(runs) :])
    if not_trained or session.stop.requested:
        reason = (
            "Interrupted."
            if session.stop.requested
            else "Stopped: the processes may not be at the same point any more."
        )
        session.reporter.say(f"{reason}{' Not trained: ' + not_trained + '.' if not_trained else ''}")
    return runs


def resume(run: str, changes: Mapping[str, Any], reporter: Reporter | None = None) -> RunRecord:
    """Resume a run from its `last.ckpt`; the result is the same, bit by bit, as without the stop.

    Args:
        run: The run's folder, or its id in the folder of runs.
        changes: Settings from the command line; only those in `CHANGEABLE` may differ from the run's own.
        reporter: Prints progress; None prints to the terminal.

    Raises:
        ConfigError: when a changed setting would change the result.
        CodeError: when a file of the user's code is missing or has changed.
        DatasetError: when the data is not the data that the run was trained on.
        EvaluationError: when the run is an ensemble or was imported.
        RunError: when the run is finished, has no checkpoint, or is being written by another process.
    """
    record = find_run(run, changes.get("out", TrainConfig.model_fields["out"].default))
    require_training(record, "be resumed", "Its members are runs of their own: {}.")
    check_free(record.path)
    config = build({name: value for name, value in record.config.items() if name in TrainConfig.model_fields})
    _check_changes(record, config, changes)
    names = [name for names in config.names_by_setting.values() for name in names]
    check_unchanged(record.path, names)
    require_agreement(names, record.path / run_files.CONFIG)
    source = changes["data"] if "data" in changes else trained_source(record)
    kept = record.path / run_files.ONLY  # the list itself may have changed, or be elsewhere
    given = {"only": str(kept)} if config.only and kept.is_file() else {}
    if config.precision == "auto" and record.summary.precision in (
        "fp32",
        "bf16",
    ):  # also on another machine
        given["precision"] = record.summary.precision
    config = build({**config.values(), **changes, **given, "data": source, "out": config.out, "name": config.name})
    session = Session(reporter)
    with _trained_alone(record, session.world(config)):
        return _resume(load_run(record.path), config, session)


@contextmanager
def _trained_alone(record: RunRecord, world: World) -> Iterator[None]:
    """Let no other process write a run inside the block; the first process of a training locks it for all of them.

    Raises:
        RunError: in every process, when another one writes the run.
    """
    with ExitStack() as stack:
        refusal = ""
        if world.first:
            try:
                stack.enter_context(writing(record.path, "trains it"))
            except RunError as error:
                refusal = str(error)
        refusal = world.broadcast(refusal)
        if refusal:
            raise RunError(refusal)
        yield


def _resume(record: RunRecord, config: TrainConfig, session: Session) -> RunRecord:
    """Do what `resume` does, once no other process can write the run."""
    _require_unfinished(record)
    checkpoint = Checkpoint.read(record.path)
    job = session.prepare(config, resumed=True)
    trained = record.summary.dataset
    if (job.dataset.fingerprint, job.plan.fingerprint) != (trained.fingerprint, trained.split_fingerprint):
        raise DatasetError(
            f"Run {record.id!r} was trained on {trained.name} ({trained.source}, fingerprint {trained.fingerprint}, "
            f"split {trained.split_fingerprint}); {job.dataset.source} is {job.dataset.name} with fingerprint "
            f"{job.dataset.fingerprint}, split {job.plan.fingerprint}. Give --data the same images and masks."
        )
    remember(trained, job.dataset.source)
    if job.hardware.device != record.summary.device:
        session.reporter.note(
            f"{record.id} was trained on {record.summary.device} so far and goes on on {job.hardware.device}: the "
            "result is not the same bit by bit."
        )
    position = checkpoint.position
    session.reporter.opening(opening_lines(job, config), ())
    batches = f" and {position.batches} batches" if position.batches else ""
    scoring = "; what is missing of its scores is made now" if checkpoint.progress["ended"] else ""
    session.reporter.say(
        f"Going on with {record.id} after {position.epoch} of {config.epochs} epochs{batches}{scoring}."
    )
    with session.working():
        if not checkpoint.progress["ended"]:
            session.reporter.estimates(session.estimates([config], checkpoint))
        resumed = session.run(config, RunWriter(record.path), checkpoint=checkpoint)
    session.reporter.closing([resumed])
    return resumed


def _check_changes(record: RunRecord, config: TrainConfig, changes: Mapping[str, Any]) -> None:
    wanted = build({**config.values(), **changes})
    for name in changes:
        before, now = config.values()[name], wanted.values()[name]
        if name not in CHANGEABLE and before != now:
            raise ConfigError(
                f"{flag(name)} is {now!r} and run {record.id!r} was trained with {before!r}: going on with it would be "
                f"another training. Leave it out, or begin anew without --resume."
            )
    _require_unfinished(record)


def _require_unfinished(record: RunRecord) -> None:
    if record.summary.status == "finished":
        raise RunError(
            f"Run {record.id!r} is finished after {record.summary.epochs} epochs; there is nothing to go on with. To "
            f"train longer, begin anew: {train_again(record.path)} --epochs MORE"
        )
