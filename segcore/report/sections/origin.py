"""The parts of a report about where its numbers come from: how they are counted, the runs, the data, the commands."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from segcore.errors import RunError
from segcore.evaluation.comparison import METRICS
from segcore.metrics import POLICY
from segcore.report.charts import who
from segcore.report.leaderboard import problems
from segcore.report.markup import Html, el, inner
from segcore.report.report_data import Subject
from segcore.report.stored_evaluations import evaluate_command

if TYPE_CHECKING:
    from segcore.runs import RunRecord


def counted(subject: Subject) -> Html:
    """The policy, and a sentence on each score."""
    comparison = subject.comparison
    terms = [(METRICS[key].title, METRICS[key].help) for key in comparison.metrics]
    blocks = []
    for _, pool in subject.pools():
        each = f"{len(pool.ids)} images" if pool.block == 1 else f"{len(pool.ids)} frames in blocks of {pool.block}"
        blocks.append(f"{each} ({pool.kind.dataset})" if len(comparison.pools) > 1 else each)
    drawn = (
        f"Intervals and probabilities: {comparison.resamples:,} times, as many images as there are were drawn anew "
        f"({'; '.join(blocks)}; neighbouring frames look alike, so they are drawn together), the same for every model, "
        "and all was scored again."
    )
    return inner(
        el("p", POLICY),
        el("p", drawn),
        el("dl", [(el("dt", title), el("dd", _without_name(text))) for title, text in terms]),
    )


def _without_name(text: str) -> str:
    """A sentence of `HELP` without the name before its colon."""
    name, colon, rest = text.partition(": ")
    return rest[0].upper() + rest[1:] if colon and len(name) < 40 and rest else text


def differences(subject: Subject) -> Html | None:
    """What keeps runs from being compared, and runs without scores."""
    said = problems(subject.comparison)
    return el("ul", [el("li", text) for text in said]) if said else None


def compared(subject: Subject) -> Html:
    """The data, the runs, and the versions they were trained with."""
    return inner(_data(subject), _runs(subject), _versions(subject))


def _data(subject: Subject) -> Html:
    found = []
    for _, pool in subject.pools():
        run = next(run for run in subject.runs if run.id == pool.runs[0])
        info = run.summary.dataset
        names = ", ".join(name for name, _ in run.labels.ignored) or "none"
        found += [
            (el("dt", "dataset"), el("dd", f"{info.name} ({info.source}), fingerprint {info.fingerprint}")),
            (el("dt", "scored on"), el("dd", f"{subject.comparison.split}: {pool.where}")),
            (el("dt", "classes"), el("dd", f"{run.labels.classes} ({run.labels.name}); ignored: {names}")),
            (
                el("dt", "images"),
                el("dd", f"{info.train} training, {info.val} validation, {info.test} test; split: {info.split}"),
            ),
        ]
    return el("dl", found)


def _runs(subject: Subject) -> Html:
    facts = {run.id: _facts(run) for run in subject.runs}
    titles = [name for name in next(iter(facts.values())) if any(each[name] for each in facts.values())]
    rows = []
    for row in subject.comparison.rows:
        for run in subject.runs_of(row):
            called = [who(subject.color(row), row.title), el("br"), el("code", run.id)]
            rows.append(
                el("tr", el("th", called, scope="row"), [el("td", facts[run.id][name] or "–") for name in titles])
            )
    head = el("tr", [el("th", title, scope="col") for title in ("run", *titles)])
    return el("div", el("table", el("thead", head), el("tbody", rows)), class_="scroll")


def _facts(run: RunRecord) -> dict[str, str]:
    """What is told of each run; a column of which no run knows anything is left out."""
    info = run.summary
    kept = "" if info.best_epoch is None else f", kept {info.best_epoch + 1}"
    state = "" if info.status == "finished" else f" ({info.status})"
    return {
        "encoder": f"{info.encoder.removeprefix('tu-')}, weights: {info.encoder_weights or 'none'}",
        "input": f"{info.input.height}x{info.input.width}" if info.input.height else "as it is",
        "epochs": "" if info.members else f"{info.epochs}{kept}{state}",
        "seed": "" if info.members else str(info.seed),
        "trained": info.created[:10],
        "on": f"{info.device}, {info.precision}",
        "commit": info.git_commit or "",
    }


def _versions(subject: Subject) -> Html:
    """Versions that all share in one line, and those that differ run by run."""
    found: dict[str, Counter[str]] = {}
    for run in subject.runs:
        for name, version in run.summary.versions.items():
            found.setdefault(name, Counter())[version] += 1
    shared = [f"{name} {next(iter(kinds))}" for name, kinds in found.items() if len(kinds) == 1]
    differ = [f"{name} {', '.join(kinds)}" for name, kinds in found.items() if len(kinds) > 1]
    said = [f"Trained with {', '.join(shared)}." if shared else "Versions were not written down."]
    said += [f"The runs differ in {'; '.join(differ)}."] if differ else []
    return el("p", " ".join(said), class_="note")


def commands(subject: Subject) -> Html:
    """What to type to have all this again."""
    split = subject.comparison.split
    train = dict.fromkeys(
        trained.summary.command or f"python train.py --config {shlex.quote(str(trained.path / 'config.yaml'))}"
        for run in subject.runs
        for trained in _trained(run)
    )
    evaluate = [evaluate_command(run, split) for run in subject.runs]
    return inner(
        el("h3", "Train"),
        el("pre", "\n".join(train)),
        el("h3", "Evaluate"),
        el("pre", "\n".join(evaluate)),
        el("h3", "Check for leaks, and make this page"),
        el("pre", "\n".join([*_checks(subject), subject.command])),
    )


def _trained(run: RunRecord) -> Sequence[RunRecord]:
    """The run, or the members of an ensemble as far as they are here."""
    if not run.summary.members:
        return (run,)
    try:
        return run.members
    except RunError:
        return ()


def _checks(subject: Subject) -> list[str]:
    """One for each split: a check of another division says nothing of a run's scores."""
    runs = {(run.summary.dataset.source, run.summary.dataset.split_fingerprint): run.path for run in subject.runs}
    return [
        f"segcore data check --data {shlex.quote(source)} --run {shlex.quote(str(path))}"
        for (source, _), path in runs.items()
    ]
