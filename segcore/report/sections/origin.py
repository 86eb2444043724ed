"""The parts of a report about where its numbers come from: how they are counted, the data, the runs, the commands."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from segcore.errors import RunError
from segcore.evaluation.comparison import METRICS
from segcore.metrics import POLICY
from segcore.report.leaderboard import problems
from segcore.report.report_data import ReportData
from segcore.runs.cli_hints import leak_check_command
from segcore.runs.remake import remake_command

if TYPE_CHECKING:
    from segcore.runs import RunRecord
    from segcore.runs.summary import Imported

FACTS = ("encoder", "input", "epochs", "seed", "trained", "on", "commit", "imported")  # columns of the table of runs


def counted(data: ReportData) -> dict[str, Any]:
    """The policy, how intervals are drawn, and a sentence on each score."""
    comparison = data.comparison
    drawn = []
    for pool in comparison.pools:
        images = f"{len(pool.ids)} images" if pool.block == 1 else f"{len(pool.ids)} frames in blocks of {pool.block}"
        drawn.append(f"{images} ({pool.label_space.dataset})" if len(comparison.pools) > 1 else images)
    return {
        "policy": POLICY,
        "resamples": comparison.resamples,
        "drawn": drawn,
        "scores": [(METRICS[key].title, _without_name(METRICS[key].help)) for key in comparison.metrics],
    }


def _without_name(text: str) -> str:
    """A sentence of `HELP` without the name before its colon.

    >>> _without_name("mIoU: the mean of the classes."), _without_name("A mean.")
    ('The mean of the classes.', 'A mean.')
    """
    name, colon, rest = text.partition(": ")
    return rest[0].upper() + rest[1:] if colon and len(name) < 40 and rest else text


def differences(data: ReportData) -> dict[str, Any] | None:
    """Reasons why some runs can't be compared, and runs without scores."""
    sentences = problems(data.comparison)
    return {"sentences": sentences} if sentences else None


def compared(data: ReportData) -> dict[str, Any]:
    """The data, the runs, and the versions they were trained with."""
    facts = {run.id: _facts(run) for run in data.runs}
    return {
        "datasets": [fact for pool, _ in data.pools() for fact in _dataset(data, pool)],
        "runs": [(row, run.id) for row in data.comparison.rows for run in data.runs_of(row)],
        "facts": facts,
        "columns": [name for name in FACTS if any(known[name] for known in facts.values())],
        "versions": _versions([run for run in data.runs if run.summary.imported is None]),
    }


def _dataset(data: ReportData, pool: int) -> list[tuple[str, str]]:
    run = data.first_run(pool)
    info = run.summary.dataset
    ignored = ", ".join(name for name, _ in run.labels.ignored) or "none"
    return [
        ("dataset", f"{info.name} ({info.source}), fingerprint {info.fingerprint}"),
        ("scored on", f"{data.comparison.split}: {data.comparison.pools[pool].where}"),
        ("classes", f"{run.labels.classes} ({run.labels.name}); ignored: {ignored}"),
        ("images", f"{info.train} training, {info.val} validation, {info.test} test; split: {info.split}"),
    ]


def _facts(run: RunRecord) -> dict[str, str]:
    """Cells of the table of runs for one run, by column; empty where something is not known."""
    info = run.summary
    if info.imported is not None:
        return _imported_facts(info.imported)
    kept = "" if info.best_epoch is None else f", kept {info.best_epoch + 1}"
    state = "" if info.status == "finished" else f" ({info.status})"
    return {
        "encoder": f"{(info.encoder or '').removeprefix('tu-')}, weights: {info.first_weights}",
        "input": f"{info.input.height}x{info.input.width}" if info.input.height else "as it is",
        "epochs": "" if info.members else f"{info.epochs}{kept}{state}",
        "seed": "" if info.members else str(info.seed),
        "trained": info.created[:10],
        "on": f"{info.device}, {info.precision}",
        "commit": info.git_commit or "",
        "imported": "",
    }


def _imported_facts(imported: Imported) -> dict[str, str]:
    """The cells of a run whose predictions were made elsewhere: only where from, and how they were read."""
    size = "" if imported.resized is None else f", resized from {imported.resized[0]}x{imported.resized[1]}"
    return dict.fromkeys(FACTS, "") | {"imported": f"{imported.source}, {imported.rule}{size}"}


def _versions(runs: Sequence[RunRecord]) -> str:
    """Versions that all runs share, and those in which they differ."""
    versions: dict[str, Counter[str]] = {}
    for run in runs:
        for name, version in run.summary.versions.items():
            versions.setdefault(name, Counter())[version] += 1
    shared = [f"{name} {next(iter(kinds))}" for name, kinds in versions.items() if len(kinds) == 1]
    differ = [f"{name} {', '.join(kinds)}" for name, kinds in versions.items() if len(kinds) > 1]
    sentences = [f"Trained with {', '.join(shared)}." if shared else "Versions were not written down."]
    sentences += [f"The runs differ in {'; '.join(differ)}."] if differ else []
    return " ".join(sentences)


def commands(data: ReportData) -> dict[str, Any]:
    """The commands that make everything again."""
    train = dict.fromkeys(
        trained.summary.command or f"python train.py --config {shlex.quote(str(trained.path / 'config.yaml'))}"
        for run in data.runs
        for trained in _trained(run)
    )
    return {
        "Train": list(train),
        "Evaluate": [remake_command(run, data.comparison.split) for run in data.runs],
        "Check for leaks, and make this page": [*_leak_checks(data.runs), data.command],
    }


def _trained(run: RunRecord) -> Sequence[RunRecord]:
    """The run, or the members of an ensemble as far as they are here; none for imported predictions."""
    if run.summary.imported is not None:
        return ()
    if not run.summary.members:
        return (run,)
    try:
        return run.members
    except RunError:
        return ()


def _leak_checks(runs: Sequence[RunRecord]) -> list[str]:
    """One command for each split: a check of another split tells nothing about a run's scores."""
    known = [run for run in runs if not run.training_unknown]
    paths = {(run.summary.dataset.source, run.summary.dataset.split_fingerprint): run.path for run in known}
    return list(map(leak_check_command, paths.values()))
