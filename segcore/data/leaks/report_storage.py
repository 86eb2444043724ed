"""Stores and finds leak reports: in the dataset's folder where that is writable, else in the user's cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from segcore.atomic_files import write_text
from segcore.data.dataset import Dataset
from segcore.data.leaks.leak_report import LeakReport
from segcore.data.plan import SplitPlan, own_plan
from segcore.paths import cache_folder, local_path, path_exists
from segcore.reading import SHAPE_ERRORS, parse_json, read_text

FILE = "leaks.json"
MOST_KEPT = 12  # reports of one dataset: other labels and other splits of the same files


def stored(dataset: Dataset, plan: SplitPlan | None = None) -> LeakReport | None:
    """The newest report on a dataset as it is now; None when there is none, or only of other images, masks or splits.

    Args:
        dataset: Where there is any report, its fingerprint is computed, which reads every file once.
        plan: How it is split; None takes the dataset's own splits.
    """
    return _newest(dataset, lambda: (plan or own_plan(dataset)).fingerprint)


def stored_for_fingerprints(sources: Iterable[str], fingerprint: str, split_fingerprint: str) -> LeakReport | None:
    """The newest report on data and a split that are known by their fingerprints; no file of the data is read.

    Args:
        sources: Paths where the data may be; those that don't exist on this machine are left out.
        fingerprint: The dataset's.
        split_fingerprint: The split plan's.
    """
    for source in dict.fromkeys(sources):
        if source != "drive" and not path_exists(source):
            continue
        for path in _places(source):
            try:
                status = path.stat()
            except OSError:
                continue
            for report in _reports(str(path), status.st_mtime_ns, status.st_size):
                if (report.fingerprint, report.split_fingerprint) == (fingerprint, split_fingerprint):
                    return report
    return None


@lru_cache(maxsize=64)
def _reports(path: str, _changed: int, _size: int) -> tuple[LeakReport, ...]:
    """The readable reports in a file, newest first; cached by the file's time and size."""
    return tuple(report for values in _read(Path(path)) if (report := _parsed(values)))


def _parsed(values: dict[str, Any]) -> LeakReport | None:
    """The report; None where it was written by another version."""
    try:
        return LeakReport.from_dict(values)
    except SHAPE_ERRORS:
        return None


def _newest(dataset: Dataset, split_fingerprint: Callable[[], str]) -> LeakReport | None:
    """The newest report whose split, data and `stated` are these; nothing is computed where there is no report."""
    reports = [report for path in _places(dataset.source) for values in _read(path) if (report := _parsed(values))]
    if not reports:
        return None
    wanted = split_fingerprint()
    for report in reports:
        same = report.split_fingerprint == wanted and report.video == dataset.stated
        if same and report.fingerprint == dataset.fingerprint:
            return report
    return None


def store(report: LeakReport) -> Path | None:
    """Write a report, in place of one on the same dataset and split; `stored` finds it.

    Returns:
        The file it is in; None where none can be written.
    """
    key = (report.fingerprint, report.split_fingerprint)
    for path in _places(report.source):
        others = [
            values for values in _read(path) if (values.get("fingerprint"), values.get("split_fingerprint")) != key
        ]
        try:
            _write(path, [report.to_dict(), *others][:MOST_KEPT])
        except OSError:  # a read-only folder
            continue
        return path
    return None


def _places(source: str) -> Iterator[Path]:
    """Files that a report may be in, the preferred one first."""
    folder = local_path(source)
    if source != "drive" and folder.is_dir():
        yield folder / FILE
    # Named by path, since the fingerprint takes long to compute; it is compared once a report is found.
    path = source if source == "drive" else str(folder.absolute())
    yield cache_folder() / "leaks" / f"{hashlib.sha256(path.encode()).hexdigest()[:16]}.json"


def _read(path: Path) -> list[dict[str, Any]]:
    """The reports in a file as plain values, newest first; none where it is missing, cut off or no report file."""
    try:
        content = parse_json(read_text(path))
    except (OSError, ValueError):
        return []
    reports = content.get("reports") if isinstance(content, dict) else None
    return [values for values in reports if isinstance(values, dict)] if isinstance(reports, list) else []


def _write(path: Path, reports: list[dict[str, Any]]) -> None:
    write_text(path, json.dumps({"segcore": "leak reports, newest first", "reports": reports}, indent=1))
