"""Which temperature a stored evaluation was scaled by, and whether validation still asks for it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from segcore.errors import RunError, number
from segcore.runs import parquet_tables, run_files
from segcore.runs.cli_hints import evaluate_command
from segcore.runs.run_record import RunRecord
from segcore.runs.split_variant import SplitVariant

VALIDATION = "val"
_SAME = 1e-3  # of it: what two evaluations of the same weights may differ by, through other threads
_NAMED = 3  # commands in one sentence


def stored_temperature(run: RunRecord, split: str) -> float | None:
    """The temperature that a split's confidence was scaled by; None where there was none, or it can't be read."""
    path = run.path / run_files.EVALUATION / split / run_files.CALIBRATION
    try:
        table = parquet_tables.read_table(path, ("scaled", "temperature"), "")
    except RunError:
        return None
    scaled = parquet_tables.column(table, "temperature")[parquet_tables.column(table, "scaled") == 1]
    return float(scaled[0]) if len(scaled) else None


def fitted_on(split: str) -> str:
    """The split whose temperature another one is scaled by.

    >>> fitted_on("test"), fitted_on("test+flip")
    ('val', 'val+flip')
    """
    return str(SplitVariant.parse(split).of(VALIDATION))


def is_stale(run: RunRecord, split: str) -> bool:
    """Whether validation, evaluated since, asks for another temperature than a stored split was scaled by."""
    source = fitted_on(split)
    if split == source or split not in run.splits:
        return False
    wanted, taken = stored_temperature(run, source), stored_temperature(run, split)
    return wanted is not None and (taken is None or not math.isclose(wanted, taken, rel_tol=_SAME))


def stale_note(runs: Sequence[RunRecord], split: str, titles: dict[str, str] | None = None) -> str:
    """What to say beside "ECE, scaled" of these runs on a split; empty where all are of the temperature as it is now.

    Args:
        runs: In any order.
        split: Its name, of a variant too.
        titles: Id of a run -> what it is called; its id where none is given.
    """
    found = [run for run in runs if is_stale(run, split)]
    if not found:
        return ""
    names = ", ".join((titles or {}).get(run.id, run.id) for run in found[:_NAMED])
    rest = f" and {number(len(found) - _NAMED, 'other')}" if len(found) > _NAMED else ""
    told = f"ECE, scaled, of {names}{rest} on {split} is not of the temperature that validation asks for now."
    if not SplitVariant.parse(split).can_be_stored:
        return f"{told} Evaluate it again."
    commands = "; ".join(f"`{evaluate_command(run.path, split)}`" for run in found[:_NAMED])
    return f"{told} Evaluate {split} again: {commands}"


def after_evaluation(run: RunRecord, split: str) -> Iterator[str]:
    """What is to be run, so that "ECE, scaled" is told of the splits that this evaluation touches.

    Args:
        run: As it is now.
        split: What was evaluated.
    """
    if not SplitVariant.parse(split).can_be_stored:
        return
    source = fitted_on(split)
    if split == source:
        for other in run.splits:
            if (
                fitted_on(other) == source
                and SplitVariant.parse(other).can_be_stored
                and (note := stale_note([run], other))
            ):
                yield note
    elif stored_temperature(run, split) is None:
        yield (
            f"ECE, scaled, needs the temperature of {source}, which is not stored. Evaluate that, then {split} "
            f"again: `{evaluate_command(run.path, source)}`; `{evaluate_command(run.path, split)}`"
        )
