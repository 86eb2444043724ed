"""Searches for settings, in `checkpoints/searches/`: what was tried, what it scored. Needs neither torch nor optuna.

A search is a folder:

```
searches/<name>/
  search.json       what is searched on which data
  trials.csv        one row a trial: number, state, value, spread, fold_0 ..., epochs, seconds, param.<setting> ...
  importance.json   {setting: share of the differences it explains}; empty while there are few trials
  best.yaml         the best settings so far, a recipe for train.py --config
  study.journal     the study itself, unless it is kept elsewhere
  runs/             a run for every fold of every trial; an ordinary store of runs
```
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from segcore.errors import RunError, one_line, unknown
from segcore.runs import run_files
from segcore.runs.file_locks import lock
from segcore.runs.run_record import RunRecord
from segcore.runs.run_store import RunProblem, RunStore, read_each

if TYPE_CHECKING:
    import pandas as pd

SEARCHES: Final = "searches"
INFO, TRIALS, IMPORTANCE, BEST, JOURNAL = "search.json", "trials.csv", "importance.json", "best.yaml", "study.journal"
SCHEMA_VERSION: Final = 1
STATES = ("running", "complete", "pruned", "failed")
PARAM = "param."  # before the name of a searched setting in `trials.csv`
_AGAIN = "Start the search again, or remove the folder {}."


class SearchedData(BaseModel):
    """What the trials train on."""

    model_config = ConfigDict(frozen=True)

    name: str
    source: str
    fingerprint: str


class SearchInfo(BaseModel):
    """The whole of `search.json`.

    Args:
        created: ISO 8601 time with zone.
        metric: What `value` is the mean of over the folds: the best epoch's of this column of `metrics.csv`.
        folds: Parts of the training set; each validates once.
        base: Settings that all trials share; those that are not named have their defaults.
        space: What is searched, as written in the space file.
        sampler: `tpe`, `random` or `grid`.
        seed: Of the sampler.
        storage: Where the study is, without passwords; `study.journal` is the file in this folder.
        versions: Of Segcore, Optuna and torch.
        trials_wanted: Trials that end the search.
    """

    model_config = ConfigDict(frozen=True)

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
    versions: dict[str, str] = {}
    trials_wanted: Annotated[int, Field(ge=1)]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of `trials.csv`."""
        folds = (f"fold_{fold}" for fold in range(self.folds))
        params = (f"{PARAM}{name}" for name in self.space)
        return ("number", "state", "value", "spread", *folds, "epochs", "seconds", *params)


@dataclass(frozen=True, eq=False)
class SearchRecord:
    """A search, finished or not. Reads a file when it is asked for.

    Args:
        path: Its folder.
        info: What is searched on which data.
        version: Newest change of its files in ns; with `name` a key for caches.
    """

    path: Path
    info: SearchInfo
    version: int

    @property
    def name(self) -> str:
        """The folder's name, which is how a store knows it."""
        return self.path.name

    @property
    def trials(self) -> pd.DataFrame:
        """One row a trial, in order of their numbers: `info.columns`.

        `value` is the mean over the folds that are finished (`fold_<k>`, NaN where not), `spread` their sample standard
        deviation (NaN for one). Only rows of state `complete` have all folds.

        Raises:
            RunError: when `trials.csv` is no such table.
        """
        import pandas as pd

        path, columns = self.path / TRIALS, self.info.columns
        if not path.is_file():
            return pd.DataFrame({name: pd.Series(dtype="object" if name == "state" else "float64") for name in columns})
        try:
            table = pd.read_csv(path, keep_default_na=False, na_values=[""])  # a setting may be called "null"
        except (ValueError, UnicodeDecodeError) as error:  # pandas' ParserError and EmptyDataError are ValueErrors
            raise RunError(f"{path} is no table ({one_line(error)}). {_AGAIN.format(self.path)}") from None
        missing = [name for name in columns if name not in table.columns]
        if missing:
            raise RunError(f"{path} has no column {', '.join(missing)}. {_AGAIN.format(self.path)}")
        numbers = [name for name in columns if name != "state" and not name.startswith(PARAM)]
        if table.empty:  # no value to tell a column's type by
            return table.astype(dict.fromkeys(numbers, "float64"))
        text = [name for name in numbers if not pd.api.types.is_numeric_dtype(table[name])]
        if text:
            raise RunError(f"{path}: column {', '.join(text)} holds text; expected numbers. {_AGAIN.format(self.path)}")
        return table.sort_values("number", ignore_index=True)

    @property
    def best_number(self) -> int | None:
        """Number of the complete trial with the highest value, `None` before one is complete."""
        best = best_row(self.trials)
        return None if best is None else int(best["number"])

    @property
    def importance(self) -> dict[str, float]:
        """Share of the differences between trials that each setting explains; empty while there are few trials.

        Raises:
            RunError: when `importance.json` holds something else.
        """
        path = self.path / IMPORTANCE
        if not path.is_file():
            return {}
        values = _json(path)
        if not isinstance(values, dict) or not all(isinstance(share, int | float) for share in values.values()):
            raise RunError(f"{path} holds no shares by setting. {_AGAIN.format(self.path)}")
        return {str(name): float(share) for name, share in values.items()}

    @property
    def best(self) -> Path | None:
        """The recipe of the best settings so far, `None` before a trial is complete."""
        path = self.path / BEST
        return path if path.is_file() else None

    @property
    def runs(self) -> RunStore:
        """The runs of all trials."""
        return RunStore(self.path / "runs")

    def runs_of(self, number: int) -> list[RunRecord]:
        """The runs of one trial, in order of their folds."""
        return [run for run in self.runs.list() if run.id.startswith(f"{run_prefix(number)}-")]


@dataclass(frozen=True)
class SearchWriter:
    """Writes into one search's folder. Each file appears whole or not at all.

    Args:
        path: The folder.
    """

    path: Path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time is inside: read the study and write it as a table in one go, and no row is lost."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("a+b") as handle:
            lock(handle)
            yield

    def write_info(self, info: SearchInfo) -> None:
        """Write `search.json`."""
        self._write(INFO, info.model_dump_json(indent=2) + "\n")

    def write_trials(self, info: SearchInfo, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write all of `trials.csv`; what a row lacks, or is NaN or `None`, is left empty."""
        with run_files.replacing(self.path / TRIALS) as path, path.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(info.columns)
            writer.writerows([_cell(row.get(name)) for name in info.columns] for row in rows)

    def write_importance(self, shares: Mapping[str, float]) -> None:
        """Write `importance.json`."""
        self._write(IMPORTANCE, json.dumps(dict(shares), indent=2) + "\n")

    def write_best(self, recipe: str) -> None:
        """Write `best.yaml`."""
        self._write(BEST, recipe)

    def record(self) -> SearchRecord:
        """The search as a reader sees it now.

        Raises:
            RunError: when `search.json` has not been written yet.
        """
        return load_search(self.path)

    def _write(self, name: str, text: str) -> None:
        with run_files.replacing(self.path / name) as path:
            path.write_text(text, "utf-8")


class SearchStore:
    """The searches below a folder of runs.

    Args:
        root: The folder of runs; without `searches` in it the store is empty.
    """

    def __init__(self, root: str | Path = "checkpoints") -> None:
        self.root = Path(root) / SEARCHES

    def list(self) -> list[SearchRecord]:
        """Every readable search, oldest first."""
        found, _ = read_each(_folders(self.root), load_search)
        return sorted(found, key=lambda search: (search.info.created, search.name))

    @property
    def problems(self) -> tuple[RunProblem, ...]:
        """The folders that look like searches but can't be read."""
        _, problems = read_each(_folders(self.root), load_search)
        return problems

    def get(self, name: str) -> SearchRecord:
        """One search.

        Raises:
            RunError: when there is none of this name (the choices are listed), or it can't be read.
        """
        folders = _folders(self.root)
        for path in folders:
            if path.name == name:
                return load_search(path)
        if not folders:
            raise RunError(f"No search {name!r}: there are none in {self.root}. Start one: segcore search --space FILE")
        raise RunError(unknown(f"search in {self.root}", name, [path.name for path in folders]))

    def create(self, name: str) -> SearchWriter:
        """Make the folder of a search, or take the one of that name: several processes may work on one search.

        Characters that don't belong in a folder's name become dashes.

        Raises:
            RunError: when nothing is left of the name, or the folder can't be made.
        """
        base = run_files.folder_name(name)
        if not base:
            raise RunError(f"No search can be called {name!r}; expected letters or digits.")
        path = self.root / base
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"Can't make the folder {path}: {error.strerror}. Choose another with --out.") from None
        return SearchWriter(path)


def best_row(trials: pd.DataFrame) -> pd.Series | None:
    """Of `SearchRecord.trials`, the complete trial with the highest value, the first of several."""
    complete = trials[(trials["state"] == "complete") & trials["value"].notna()]
    return None if complete.empty else complete.iloc[int(complete["value"].argmax())]


def run_prefix(number: int) -> str:
    """What the names of a trial's runs begin with.

    >>> run_prefix(7)
    'trial-0007'
    """
    return f"trial-{number:04}"


def load_search(path: str | Path) -> SearchRecord:
    """Read a search from its folder; only `search.json` is opened.

    Raises:
        RunError: when there is no search, or it is truncated, foreign or of another schema.
    """
    folder = Path(path)
    file = folder / INFO
    if not file.is_file():
        raise RunError(f"No search at {path}: it has no {INFO}. Start one: segcore search --space FILE")
    values = _json(file)
    schema = values.get("schema_version") if isinstance(values, dict) else None
    if schema != SCHEMA_VERSION:
        newer = " Update Segcore." if isinstance(schema, int) and schema > SCHEMA_VERSION else ""
        raise RunError(f"{file} is of schema {schema!r}; this Segcore reads schema {SCHEMA_VERSION}.{newer}")
    try:
        info = SearchInfo.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunError(f"{file}: {where}: {first['msg']}. {_AGAIN.format(folder)}") from None
    watched = (folder, *(folder / name for name in (INFO, TRIALS, IMPORTANCE, BEST)))
    return SearchRecord(folder, info, max(path.stat().st_mtime_ns for path in watched if path.exists()))


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.name[0] != "." and (path / INFO).exists())


def _json(path: Path) -> Any:  # noqa: ANN401 - JSON may be anything
    try:
        return json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        what = f"is no JSON, perhaps cut off ({one_line(error)})"
        raise RunError(f"{path} {what}. {_AGAIN.format(path.parent)}") from None


def _cell(value: object) -> object:
    return json.dumps(value) if isinstance(value, dict | list | tuple) else run_files.cell(value)
