"""A search on Ray: workers that share the trials of one study, as processes of the same command do."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from segcore.errors import TrainingError
from segcore.runs.search import PARAM, SearchRecord
from segcore.training.provenance import origin
from segcore.training.ray.cluster import (
    THREADS,
    Work,
    check_ray,
    connected,
    machines,
    share,
    shared,
)
from segcore.training.ray.worker import (
    Result,
    check_folder,
    prepare_process,
    refusals,
)
from segcore.training.search.console import SearchReporter, words
from segcore.training.search.loop import SearchPlan, begun, search
from segcore.training.signals import Interrupts

if TYPE_CHECKING:
    from segcore.training.search.study import Study


@dataclass(frozen=True)
class _Order:
    """What a worker is to search; as `ray_worker.Order`."""

    plan: SearchPlan
    folder: Path
    origin: Mapping[str, str | None]
    threads: int


def search_on_ray(plan: SearchPlan, reporter: SearchReporter | None = None) -> SearchRecord:
    """Search as `search` does, with as many trials at once as the cluster has room for.

    Args:
        plan: What is asked for; the folder of runs, or the storage, must be reachable by all machines.
        reporter: Where progress is told.

    Returns:
        The search as its files have it.

    Raises:
        SegcoreError: of `search`, and when there is no Ray to be used.
        KeyboardInterrupt: on Ctrl-C, after everything is stored and told.
    """
    check_ray()
    from segcore.training.engine import Session

    session = Session(reporter or SearchReporter(), remote=True)
    device = plan.space.config(plan.space.example).device
    with begun(plan, session) as (study, told), connected() as ray:
        left = study.info.trials_wanted - study.done
        each = share(machines(), max(1, left), device, os.environ.get(THREADS))
        for line in (f"{ray}: {each}.", *shared(study.writer.path, each)):
            told.tell(line)
        order = _Order(replace(plan, out=str(Path(plan.out).absolute())), Path.cwd(), origin(), each.cpus)
        count = max(0, min(each.at_once, left))
        watch = _Watch(study, told)
        names = [f"{study.info.name}-{number}" for number in range(count)]
        with told.drawing(), Interrupts().listening() as stop:
            Work(_search_one, [(order,)] * count, names, each).run(watch, stop)
            watch.tick()
    if stop.times:
        told.tell("Interrupted; the same command goes on.")
        raise KeyboardInterrupt
    if watch.refused:
        raise TrainingError(watch.refused[0])
    return study.writer.record()


def _search_one(order: _Order) -> Result:
    """Train trials until there are enough."""
    prepare_process(order.threads, order.folder)
    with refusals() as found:
        check_folder(Path(order.plan.out))
        from rich.console import Console

        from segcore.training.distributed import World
        from segcore.training.engine import Session

        reporter = SearchReporter(
            Console(quiet=True)
        )  # what trials come to is in the study, where the command reads it
        search(order.plan, Session(reporter, world=World(), origin=order.origin))
        return Result("finished")
    return Result(refused=found[0])


@dataclass
class _Watch:
    """Tells of the trials by the study."""

    study: Study
    told: SearchReporter
    seen: set[int] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.seen = {int(row["number"]) for row in self.study.rows() if row["state"] != "running"}

    def tick(self) -> None:
        for row in self.study.rows():
            if row["state"] != "running" and row["number"] not in self.seen:
                self.seen.add(row["number"])
                self.told.tell(self._line(row))
        self.told.trials(self.study.done, self.study.info.trials_wanted)

    def gained(self, index: int) -> Hashable:
        return self.study.done

    def ended(self, index: int, result: Result) -> bool:
        if result.refused:
            self.failed(index, result.refused)
        return True

    def failed(self, index: int, reason: str) -> None:
        self.refused.append(reason)
        self.told.tell(f"[red]worker {index + 1}[/]: {escape(reason)}")

    def died(self, index: int, reason: str) -> None:
        self.told.tell(f"[yellow]worker {index + 1}[/]: {reason}. Another takes its trial over.")

    def stopped(self, index: int) -> None:
        """Its trial comes back when the same command is given again."""

    def _line(self, row: Mapping[str, Any]) -> str:
        number, state, folds = row["number"], row["state"], range(self.study.info.folds)
        settings = escape(words({name.removeprefix(PARAM): row[name] for name in row if name.startswith(PARAM)}))
        if state == "failed":
            reason = self.study.optuna.get_trials(deepcopy=False)[number].user_attrs.get("failed")
            return f"[red]trial {number} failed[/]: {escape(str(reason))} ({settings})"
        if state == "pruned":
            return f"trial {number}: pruned, {settings}"
        each = ", ".join(f"{row[f'fold_{fold}']:.3f}" for fold in folds)
        best = self.study.best
        mark = " *" if best is not None and best.number == number else "  "
        return f"trial {number}: {row['value']:.3f}{mark} ± {row['spread']:.3f} ({each}), {settings}"
