"""The summary and the settings of a run that was imported: predictions of another program, or the file of a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from segcore.labels import is_void
from segcore.runs import run_files
from segcore.runs.provenance import now, provenance
from segcore.runs.summary import DatasetInfo, Imported, InputInfo, Summary

if TYPE_CHECKING:
    from segcore.data.dataset import Dataset

AS_IT_IS = InputInfo(height=None, width=None, mean=(0, 0, 0), std=(1, 1, 1))


def imported_summary(
    path: Path, name: str, dataset: Dataset, imported: Imported, fed: InputInfo = AS_IT_IS
) -> tuple[Summary, dict[str, Any]]:
    """Make the summary and the config of a new imported run.

    Args:
        path: Its future folder.
        name: The model's name, as people know it.
        dataset: The data that it is scored on.
        imported: Where it comes from.
        fed: The model's input; predictions have none.
    """
    from segcore.data.plan import own_plan

    counts_void = any(map(is_void, dataset.labels.names))
    summary = Summary(
        run_id=path.name,
        status="finished",
        created=now(),
        model=name,
        imported=imported,
        encoder=None,
        encoder_weights=None,
        parameters=None,
        labels=dataset.labels.to_dict(),
        dataset=DatasetInfo.of(dataset, own_plan(dataset), void="class" if counts_void else "ignore", leaks=None),
        input=fed,
        epochs=None,
        train_seconds=None,
        device=None,
        precision=None,
        seed=None,
        **provenance(),
    )
    made_by = run_files.BY_MODEL_FILE if imported.file else run_files.BY_IMPORT
    return summary, {
        made_by: imported.source,
        "name": name,
        "data": dataset.source,
        **dict(dataset.opened_with),
    }
