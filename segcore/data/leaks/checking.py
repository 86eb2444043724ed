"""The leak check itself: what the splits of a dataset, or of a plan, share."""

from __future__ import annotations

from segcore.data.balance import Progress
from segcore.data.dataset import Dataset
from segcore.data.leaks.neighbours import plan_findings
from segcore.data.leaks.report import LeakReport, weight
from segcore.data.leaks.storage import stored
from segcore.data.split import Item, SplitPlan

OWN = "own"


def check(
    dataset: Dataset,
    plan: SplitPlan | None = None,
    progress: Progress | None = None,
    *,
    pictures: bool = True,
    fps: float | None = None,
) -> LeakReport:
    """Find what training, validation and test share, and what else makes a score on them say less than it seems to.

    Args:
        dataset: What to check.
        plan: How it is split, copies included; None takes the dataset's own splits.
        progress: Called with (done, total) after every sample that is read.
        pictures: Compare pictures and masks; without, only ids and frame numbers are looked at, at once.
        fps: Frames a second that the frame numbers count; None where only the rates that are known are used.
    """
    plan = plan or own_plan(dataset)
    items = {"train": plan.train, "val": plan.val, "test": plan.test}
    found = plan_findings(dataset, items, fps)
    return LeakReport(
        dataset=dataset.name,
        source=dataset.source,
        fingerprint=dataset.fingerprint,
        split=plan.method,
        split_fingerprint=plan.fingerprint,
        samples={split: len(plan.scored(split)) for split in items},
        findings=tuple(sorted(found, key=weight)),
        pictures=pictures,
        fps=fps,
    )


def own_plan(dataset: Dataset) -> SplitPlan:
    """The dataset's own splits as a plan; validation may be missing, unlike in one that is trained by."""
    items: dict[str, list[Item]] = {"train": [], "val": [], "test": []}
    for record in dataset.records:
        items[record.split].append(Item(record.id, 0, record.origin if record.copy else ""))
    return SplitPlan(OWN, tuple(items["train"]), tuple(items["val"]), tuple(items["test"]))


def leak_sentences(dataset: Dataset, plan: SplitPlan) -> dict[str, str]:
    """What must stand beside scores on `val` and `test` of a plan, where something must; no picture is read.

    A report of the same plan that is stored with the dataset, which has looked at pictures, is taken where there is
    one.
    """
    report = stored(dataset, plan) or check(dataset, plan, pictures=False)
    return report.sentences
