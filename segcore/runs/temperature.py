"""Finding stored evaluations whose confidence was scaled by an outdated temperature."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from segcore.errors import RunError, number
from segcore.runs import parquet_tables, run_files
from segcore.runs.remake import remake_command
from segcore.runs.run_record import RunRecord
from segcore.runs.split_variant import SplitVariant

VALIDATION = "val"
_TOLERANCE = 1e-3  # relative; two evaluations of the same weights may differ so much between numbers of threads
_MAX_NAMED = 3  # runs and commands in one sentence


def fitted_temperature(run: RunRecord, validation: str) -> float | None:
    """The temperature fitted in the stored evaluation `validation`; None where it is missing or can't be read."""
    try:
        evaluation = run.evaluation(validation)
        calibration = None if evaluation is None else evaluation.calibration
    except RunError:
        return None
    return None if calibration is None else calibration.temperature


def stored_temperature(run: RunRecord, split: str) -> float | None:
    """The temperature by which a split's confidence was scaled; None where there is none or the file can't be read."""
    path = run.path / run_files.EVALUATION / split / run_files.CALIBRATION
    try:
        table = parquet_tables.read_table(path, ("scaled", "temperature"), "")
    except RunError:
        return None
    scaled = parquet_tables.column(table, "temperature")[parquet_tables.column(table, "scaled") == 1]
    return float(scaled[0]) if len(scaled) else None


def temperature_split(split: str) -> str:
    """The validation split on which the temperature for a split is fitted.

    >>> temperature_split("test"), temperature_split("test+flip")
    ('val', 'val+flip')
    """
    return str(SplitVariant.parse(split).of(VALIDATION))


def is_stale(run: RunRecord, split: str) -> bool:
    """Whether validation was evaluated again and its temperature differs from the one a stored split was scaled by."""
    source = temperature_split(split)
    if split == source or split not in run.splits:
        return False
    current, used = stored_temperature(run, source), stored_temperature(run, split)
    return current is not None and (used is None or not math.isclose(current, used, rel_tol=_TOLERANCE))


def stale_note(runs: Sequence[RunRecord], split: str, titles: dict[str, str] | None = None) -> str:
    """A note beside "ECE, scaled" that names the runs with an outdated temperature; empty where there are none.

    Args:
        runs: Runs that were evaluated on the split, or not.
        split: The name of the evaluation, such as `test` or `test+flip`.
        titles: Id of a run -> its title; the id itself is the default.
    """
    stale = [run for run in runs if is_stale(run, split)]
    if not stale:
        return ""
    names = ", ".join((titles or {}).get(run.id, run.id) for run in stale[:_MAX_NAMED])
    rest = f" and {number(len(stale) - _MAX_NAMED, 'other')}" if len(stale) > _MAX_NAMED else ""
    note = f"ECE, scaled, of {names}{rest} on {split} uses another temperature than the one now fitted on validation."
    if not SplitVariant.parse(split).can_be_stored:
        return f"{note} Evaluate it again."
    commands = "; ".join(f"`{remake_command(run, split)}`" for run in stale[:_MAX_NAMED])
    return f"{note} Evaluate {split} again: {commands}"


def after_evaluation(run: RunRecord, split: str) -> Iterator[str]:
    """Name the commands still needed so that "ECE, scaled" is current on the splits concerned by an evaluation.

    Args:
        run: The run as it is now.
        split: The name of the evaluation that was made.
    """
    if not SplitVariant.parse(split).can_be_stored:
        return
    source = temperature_split(split)
    if split == source:
        for other in run.splits:
            if (
                temperature_split(other) == source
                and SplitVariant.parse(other).can_be_stored
                and (note := stale_note([run], other))
            ):
                yield note
    elif run.summary.dataset.val and _has_confidence(run, split) and stored_temperature(run, split) is None:
        yield (
            f"ECE, scaled, needs the temperature fitted on {source}, which is not stored. Evaluate {source} first, "
            f"then {split} again: `{remake_command(run, source)}`; `{remake_command(run, split)}`"
        )


def _has_confidence(run: RunRecord, split: str) -> bool:
    """Whether the confidence of a split was counted, as it is unless only classes were predicted."""
    return (run.path / run_files.EVALUATION / split / run_files.CALIBRATION).is_file()
