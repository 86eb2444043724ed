"""Runs a search on Ray: its workers share the trials of one study, as several processes of the command do."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from segcore.errors import TrainingError
from segcore.runs.provenance import origin
from segcore.runs.search import PARAM, SearchRecord
from segcore.training.ray.cluster import TaskPool, allocate_cluster, check_ray, connected, shared_folder_notes
from segcore.training.ray.worker import Result, check_folder, prepare_process, refusals
from segcore.training.search.console import SearchReporter, complete_line, words
from segcore.training.search.loop import SearchPlan, opened, search
from segcore.training.signals import Interrupts

if TYPE_CHECKING:
    from segcore.training.search.study import Study


@dataclass(frozen=True)
class _SearchTask:
    """The search and the process settings of a worker; see `ray.worker.WorkerTask`."""

    plan: SearchPlan
    folder: Path
    origin: Mapping[str, str | None]
    threads: int


def search_on_ray(plan: SearchPlan, reporter: SearchReporter | None = None) -> SearchRecord:
    """Search as `search` does, with as many trials at the same time as fit on the cluster.

    Args:
        plan: The arguments of the search; every machine must reach the folder of runs, or the storage.
        reporter: Prints progress; None prints to the terminal.

    Returns:
        The search, read from its files.

    Raises:
        SegcoreError: as `search` does, and when Ray can't be used.
        KeyboardInterrupt: on Ctrl-C, after everything is stored and printed.
    """
    check_ray()
    from segcore.training.session import Session

    session = Session(reporter or SearchReporter(), remote=True)
    device = plan.space.config(plan.space.example).device
    with opened(plan, session) as (study, output), connected() as ray:
        left = study.info.trials_wanted - study.done
        allocation = allocate_cluster(max(1, left), device)
        for line in (f"{ray}: {allocation}.", *shared_folder_notes(study.writer.path, allocation)):
            output.say_search(line)
        task = _SearchTask(replace(plan, out=str(Path(plan.out).absolute())), Path.cwd(), origin(), allocation.cpus)
        count = max(0, min(allocation.at_once, left))
        watcher = _SearchWatcher(study, output)
        names = [f"{study.info.name}-{number}" for number in range(count)]
        with output.drawing(), Interrupts().listening() as interrupts:
            TaskPool(_search_one, [(task,)] * count, names, allocation).run(watcher, interrupts)
            watcher.tick()
    if interrupts.count:
        output.say_search("Interrupted; the same command goes on.")
        raise KeyboardInterrupt
    if watcher.refused:
        raise TrainingError(watcher.refused[0])
    return study.writer.record()


def _search_one(task: _SearchTask) -> Result:
    """Train trials in a worker until there are as many as wanted."""
    prepare_process(task.threads, task.folder)
    with refusals() as messages:
        check_folder(Path(task.plan.out))
        from segcore.text_console import TextConsole
        from segcore.training.distributed import World
        from segcore.training.session import Session

        reporter = SearchReporter(TextConsole(quiet=True))  # the user's command reads the trials from the study
        search(task.plan, Session(reporter, world=World(), origin=task.origin))
        return Result("finished")
    return Result(refused=messages[0])


@dataclass
class _SearchWatcher:
    """Prints the trials that workers have ended, from the study."""

    study: Study
    reporter: SearchReporter
    printed: set[int] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.printed = {int(row["number"]) for row in self.study.rows() if row["state"] != "running"}

    def tick(self) -> None:
        for row in self.study.rows():
            if row["state"] != "running" and row["number"] not in self.printed:
                self.printed.add(row["number"])
                self.reporter.say_search(self._line(row))
        self.reporter.trials(self.study.done, self.study.info.trials_wanted)

    def progress(self, index: int) -> Hashable:
        return self.study.done

    def ended(self, index: int, result: Result) -> bool:
        if result.refused:
            self.failed(index, result.refused)
        return True

    def failed(self, index: int, reason: str) -> None:
        self.refused.append(reason)
        self.reporter.say_search(f"[red]worker {index + 1}[/]: {escape(reason)}")

    def died(self, index: int, reason: str) -> None:
        self.reporter.say_search(f"[yellow]worker {index + 1}[/]: {reason}. Another takes its trial over.")

    def stopped(self, index: int) -> None:
        """Print nothing: the same command trains its trial again."""

    def _line(self, row: Mapping[str, Any]) -> str:
        """The line printed for a trial that has ended."""
        number, state, folds = row["number"], row["state"], range(self.study.info.folds)
        settings = escape(words({name.removeprefix(PARAM): row[name] for name in row if name.startswith(PARAM)}))
        if state == "failed":
            reason = self.study.optuna.get_trials(deepcopy=False)[number].user_attrs.get("failed")
            return f"[red]trial {number} failed[/]: {escape(str(reason))} ({settings})"
        if state == "pruned":
            return f"trial {number}: pruned, {settings}"
        best = self.study.best
        is_best = best is not None and best.number == number
        return complete_line(number, [row[f"fold_{fold}"] for fold in folds], settings, best=is_best)
