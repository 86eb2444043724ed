"""Leak reports on disk: beside the data where that is a folder that may be written, else in the user's cache."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import platformdirs

from segcore.data.dataset import Dataset
from segcore.data.leaks.leak_report import LeakReport
from segcore.data.plan import SplitPlan, own_plan

FILE = "leaks.json"
MOST_KEPT = 12  # reports of one dataset: other labels and other splits of the same files


def stored(dataset: Dataset, plan: SplitPlan | None = None) -> LeakReport | None:
    """The newest report on a dataset as it is now; None when there is none, or only of other images, masks or splits.

    Args:
        dataset: Stamped, so every file of it is read once, where there is a report at all.
        plan: How it is split; None takes the dataset's own splits.
    """
    # Planned only where there is a report at all.
    return _newest(dataset, lambda: (plan or own_plan(dataset)).fingerprint)


def stored_of(dataset: Dataset, split_fingerprint: str) -> LeakReport | None:
    """`stored` of a split that only its fingerprint is known of, such as a run's."""
    return _newest(dataset, lambda: split_fingerprint)


def stored_for(sources: Iterable[str], fingerprint: str, split_fingerprint: str) -> LeakReport | None:
    """The newest report on data and a split that only their fingerprints are known of; no file of the data is read.

    Args:
        sources: Where the data may be; those that aren't on this machine are left out.
        fingerprint: Of the data.
        split_fingerprint: Of the split.
    """
    for source in dict.fromkeys(sources):
        if not _is_here(source):
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


def _is_here(source: str) -> bool:
    if source == "drive":
        return True
    try:
        return Path(source).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # no path at all, such as a name of another machine's
        return False


@lru_cache(maxsize=64)
def _reports(path: str, _changed: int, _size: int) -> tuple[LeakReport, ...]:
    """All in a file that can be read, newest first; kept while the file stays as it is."""
    found = []
    for values in _read(Path(path)):
        with suppress(KeyError, TypeError, ValueError, AttributeError):  # of another version
            found.append(LeakReport.from_dict(values))
    return tuple(found)


def _newest(dataset: Dataset, split_fingerprint: Callable[[], str]) -> LeakReport | None:
    found = [values for path in _places(dataset.source) for values in _read(path)]
    if not found:
        return None
    wanted = split_fingerprint()
    for values in found:
        try:
            report = LeakReport.from_dict(values)
        except (KeyError, TypeError, ValueError, AttributeError):  # of another version
            continue
        same = report.split_fingerprint == wanted and report.video == dataset.stated
        if same and report.fingerprint == dataset.fingerprint:
            return report
    return None


def store(report: LeakReport) -> Path | None:
    """Keep a report for `stored`, in place of one on the same dataset and split; None where nothing may be written."""
    mine = (report.fingerprint, report.split_fingerprint)
    for path in _places(report.source):
        others = [each for each in _read(path) if (each.get("fingerprint"), each.get("split_fingerprint")) != mine]
        try:
            _write(path, [report.to_dict(), *others][:MOST_KEPT])
        except OSError:  # a folder that may only be read
            continue
        return path
    return None


def _places(source: str) -> Iterator[Path]:
    """Where a report may be, the better place first."""
    folder = Path(source).expanduser()
    if source != "drive" and folder.is_dir():
        yield folder / FILE
    cache = Path(os.environ.get("SEGCORE_CACHE") or platformdirs.user_cache_dir("segcore"))
    # The path, so that a dataset's reports are found before its files are stamped; what is found is checked.
    whole = source if source == "drive" else str(folder.absolute())
    yield cache / "leaks" / f"{hashlib.sha256(whole.encode()).hexdigest()[:16]}.json"


def _read(path: Path) -> list[dict[str, Any]]:
    """The reports in a file, newest first; none where it is missing, cut off or something else."""
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return []
    reports = values.get("reports") if isinstance(values, dict) else None
    return [each for each in reports if isinstance(each, dict)] if isinstance(reports, list) else []


def _write(path: Path, reports: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"segcore": "leak reports, newest first", "reports": reports}, file, indent=1)
        temporary.chmod(0o644)  # a temporary file is private; the data may be read by colleagues
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
