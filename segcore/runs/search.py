"""Reading and writing searches for settings (files: docs/search.md). Needs neither torch nor optuna."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from segcore import atomic_files
from segcore.errors import RunError
from segcore.paths import local_path
from segcore.runs import run_files
from segcore.runs.csv_tables import read_csv_table, write_csv_table
from segcore.runs.json_documents import Document, read_document, read_json, write_document
from segcore.runs.run_record import RunRecord
from segcore.runs.run_store import RunProblem, RunStore, read_each

if TYPE_CHECKING:
    import pandas as pd

SEARCHES: Final = "searches"
INFO, TRIALS, IMPORTANCE, BEST, JOURNAL = "search.json", "trials.csv", "importance.json", "best.yaml", "study.journal"
SCHEMA_VERSION: Final = 1
STATES = ("running", "complete", "pruned", "failed")
PARAM = "param."  # before the name of a searched setting in `trials.csv`
_HINT = "Start the search again, or remove the folder {}."


class SearchedData(Document):
    """The dataset that the trials are trained on."""

    name: str
    source: str
    fingerprint: str


class SearchInfo(Document):
    """The whole of `search.json`.

    Args:
        created: ISO 8601 time with zone.
        metric: The column of `metrics.csv` that is maximised; a fold's value is that of its best epoch.
        folds: Number of parts of the training set; each is the validation set once.
        base: Settings that all trials share; the other settings have their defaults.
        space: The searched settings, as in the space file.
        sampler: `tpe`, `random` or `grid`.
        seed: The seed of the sampler.
        storage: Where Optuna's study is, without passwords; `study.journal` is the file in this folder.
        versions: Versions of Segcore, Optuna and torch.
        trials_wanted: The number of trials after which the search is finished.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str
    created: str
    metric: str = "val_miou"
    folds: Annotated[int, Field(ge=2)]
    base: dict[str, Any]
    space: dict[str, Any]
    dataset: SearchedData
    sampler: str = "tpe"
    seed: int = 0
    storage: str = JOURNAL
    versions: dict[str, str] = Field(default_factory=dict)
    trials_wanted: Annotated[int, Field(ge=1)]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of `trials.csv`."""
        folds = (f"fold_{fold}" for fold in range(self.folds))
        params = (f"{PARAM}{name}" for name in self.space)
        return ("number", "state", "value", "spread", *folds, "epochs", "seconds", *params)


@dataclass(frozen=True, eq=False)
class SearchRecord:
    """A search, finished or not. Every file but `search.json` is read on access.

    Args:
        path: The search's folder.
        info: The searched settings, the data and the folds.
        version: Another number after every change of its files. `name` and `version` are a key for caches.
        changed: When its files were last written, in s since 1970.
    """

    path: Path
    info: SearchInfo
    version: int
    changed: float

    @property
    def name(self) -> str:
        """The search's name in its store: the name of its folder."""
        return self.path.name

    @property
    def trials(self) -> pd.DataFrame:
        """The trials, in order of their numbers, with the columns `info.columns`.

        `value` is the mean of the finished folds (`fold_<k>`, NaN where unfinished), `spread` their sample standard
        deviation (NaN for one fold). Only rows of state `complete` have all folds.

        Raises:
            RunError: when `trials.csv` is no such table.
        """
        columns = self.info.columns
        numeric = [name for name in columns if name != "state" and not name.startswith(PARAM)]
        table = read_csv_table(self.path / TRIALS, columns, numeric, _HINT.format(self.path))
        return table.sort_values("number", ignore_index=True)

    @property
    def best_number(self) -> int | None:
        """Number of the complete trial with the highest value; `None` before a trial is complete."""
        best = best_row(self.trials)
        return None if best is None else int(best["number"])

    @property
    def importance(self) -> dict[str, float]:
        """Setting -> the share of the score differences that it explains; empty while there are few trials.

        Raises:
            RunError: when `importance.json` holds something else.
        """
        path = self.path / IMPORTANCE
        if not path.is_file():
            return {}
        values = read_json(path, _HINT.format(self.path))
        if not isinstance(values, dict) or not all(isinstance(share, int | float) for share in values.values()):
            raise RunError(f"{path} holds no shares by setting. {_HINT.format(self.path)}")
        return {str(name): float(share) for name, share in values.items()}

    @property
    def best(self) -> Path | None:
        """Path of the recipe of the best settings so far; `None` before a trial is complete."""
        path = self.path / BEST
        return path if path.is_file() else None

    @property
    def runs(self) -> RunStore:
        """The runs of all trials."""
        return RunStore(self.path / "runs")

    def runs_of(self, number: int) -> list[RunRecord]:
        """The runs of one trial, in order of their folds."""
        return [run for run in self.runs.read(archived=None)[0] if run.id.startswith(f"{run_prefix(number)}-")]


@dataclass(frozen=True)
class SearchWriter:
    """Writes files of one search, each whole or not at all."""

    path: Path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time read the study and rewrite the files, so that no trial is lost.

        The system frees the lock of a process that was killed.
        """
        from filelock import FileLock

        self.path.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path / ".lock"):
            yield

    def write_info(self, info: SearchInfo) -> None:
        """Write `search.json`."""
        write_document(self.path / INFO, info)

    def write_trials(self, info: SearchInfo, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write all of `trials.csv`; values that are missing, NaN or `None` are left empty."""
        write_csv_table(self.path / TRIALS, info.columns, rows)

    def write_importance(self, shares: Mapping[str, float]) -> None:
        """Write `importance.json`."""
        atomic_files.write_text(self.path / IMPORTANCE, json.dumps(dict(shares), indent=2) + "\n")

    def write_best(self, recipe: str) -> None:
        """Write `best.yaml`."""
        atomic_files.write_text(self.path / BEST, recipe)

    def record(self) -> SearchRecord:
        """The search as a reader sees it now.

        Raises:
            RunError: when `search.json` has not been written yet.
        """
        return load_search(self.path)


class SearchStore:
    """The searches in a folder of runs.

    Args:
        root: The folder of runs; the searches are in its folder `searches`, which may be missing.
    """

    def __init__(self, root: str | Path = "checkpoints") -> None:
        self.root = local_path(root, RunError) / SEARCHES

    def list(self) -> list[SearchRecord]:
        """Every readable search, oldest first."""
        searches, _ = read_each(run_files.folders_with((INFO,), self.root), load_search)
        return sorted(searches, key=lambda search: (search.info.created, search.name))

    @property
    def problems(self) -> tuple[RunProblem, ...]:
        """The folders that look like searches but can't be read."""
        return read_each(run_files.folders_with((INFO,), self.root), load_search)[1]

    def get(self, name: str) -> SearchRecord:
        """One search.

        Raises:
            RunError: when there is none of this name (the choices are listed), or it can't be read.
        """
        folders = run_files.folders_with((INFO,), self.root)
        none = f"No search {name!r}: there are none in {self.root}. Start one: segcore search --space FILE"
        return load_search(run_files.named_folder(name, folders, f"search in {self.root}", none))

    def create(self, name: str) -> SearchWriter:
        """Make the folder of a search, or use the one that exists: several processes may work on one search.

        Characters that don't belong in a folder's name become dashes.

        Raises:
            RunError: when nothing is left of the name, or the folder can't be made.
        """
        path = run_files.folder_of(self.root, name, "search")
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"Can't make the folder {path}: {error.strerror}. Choose another with --out.") from None
        return SearchWriter(path)


def best_row(trials: pd.DataFrame) -> pd.Series | None:
    """The complete trial with the highest value, from `SearchRecord.trials`; the first of equal ones."""
    complete = trials[(trials["state"] == "complete") & trials["value"].notna()]
    return None if complete.empty else complete.iloc[int(complete["value"].argmax())]


def run_prefix(number: int) -> str:
    """The beginning of the names of a trial's runs.

    >>> run_prefix(7)
    'trial-0007'
    """
    return f"trial-{number:04}"


def load_search(path: str | Path) -> SearchRecord:
    """Open a search by its folder; only `search.json` is read.

    Raises:
        RunError: when there is no search, or it is truncated, foreign or of another schema.
    """
    folder = local_path(path, RunError)
    file = folder / INFO
    if not file.is_file():
        raise RunError(f"No search at {path}: it has no {INFO}. Start one: segcore search --space FILE")
    info = read_document(file, SearchInfo, _HINT.format(folder))
    written = [file.stat().st_mtime_ns]
    for path in (folder, *(folder / name for name in (TRIALS, IMPORTANCE, BEST))):
        with suppress(FileNotFoundError):
            written.append(path.stat().st_mtime_ns)
    return SearchRecord(folder, info, hash(tuple(written)), max(written) / 1e9)
