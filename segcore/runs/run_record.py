"""One run, read from its folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from segcore.errors import RunError, one_line
from segcore.labels import LabelMap
from segcore.models import model_title
from segcore.runs import run_files
from segcore.runs.ensemble import (
    ENSEMBLE,
    ensemble_profile,
    ensemble_title,
    member_path,
    members_of,
)
from segcore.runs.profile import Profile, read_profile
from segcore.runs.split_variant import SplitVariant
from segcore.runs.summary import SCHEMA_VERSION, Summary

if TYPE_CHECKING:
    import pandas as pd

    from segcore.data.leaks import LeakReport
    from segcore.runs.evaluation import Evaluation

HISTORY_COLUMNS = (
    "epoch",
    "step",
    "train_loss",
    "val_loss",
    "train_miou",
    "train_pixel_accuracy",
    "val_miou",
    "val_pixel_accuracy",
    "lr",
    "seconds",
)
COVERED = ("val", "test")  # splits that a leak check says something of


@dataclass(frozen=True, eq=False)
class RunRecord:
    """A trained (or training) model with its record. Reads a file when it is asked for.

    Args:
        path: The run's folder.
        summary: What it is, what it scored, what it cost.
        version: Newest change in the folder, of an ensemble also in what is read of its members, in ns; with `id` a key
            for caches.
    """

    path: Path
    summary: Summary
    version: int

    @property
    def id(self) -> str:
        """The folder's name, which is how a store knows it."""
        return self.path.name

    @property
    def title(self) -> str:
        """The model's name for people, e.g. `FCN-8s`, or `Ensemble of U-Net and FCN-8s`."""
        members = self.summary.members
        return ensemble_title(member.model for member in members) if members else model_title(self.summary.model)

    @property
    def members(self) -> tuple[RunRecord, ...]:
        """The runs of an ensemble; none of any other run.

        Raises:
            RunError: when one is missing, can't be read, or was trained again since.
        """
        return tuple(members_of(self))

    @cached_property
    def labels(self) -> LabelMap:
        """The classes it predicts."""
        return LabelMap.from_dict(self.summary.labels)

    @property
    def config(self) -> dict[str, Any]:
        """Every setting it was trained with.

        Raises:
            RunError: when `config.yaml` is missing or no YAML mapping.
        """
        import yaml

        path = self._file(run_files.CONFIG)
        try:
            # libyaml's loader where it is built in: ten times as fast, and as safe.
            values = yaml.load(path.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise RunError(f"{path} is no YAML ({one_line(error)}). {recovery_hint(self.path)}") from None
        if not isinstance(values, dict):
            raise RunError(f"{path} holds no settings; expected `name: value` lines. {recovery_hint(self.path)}")
        return values

    @property
    def history(self) -> pd.DataFrame:
        """One row an epoch (`HISTORY_COLUMNS` and extras); no rows before the first epoch ended.

        Raises:
            RunError: when `metrics.csv` is no such table.
        """
        import pandas as pd

        path = self.path / run_files.METRICS
        if not path.is_file():
            return pd.DataFrame({name: pd.Series(dtype="float64") for name in HISTORY_COLUMNS})
        try:
            table = pd.read_csv(path)
        except (ValueError, UnicodeDecodeError) as error:  # pandas' ParserError and EmptyDataError are ValueErrors
            raise RunError(f"{path} is no table ({one_line(error)}). {recovery_hint(self.path)}") from None
        missing = [name for name in HISTORY_COLUMNS if name not in table.columns]
        if missing:
            raise RunError(f"{path} has no column {', '.join(missing)}. {recovery_hint(self.path)}")
        text = [name for name in HISTORY_COLUMNS if not pd.api.types.is_numeric_dtype(table[name])]
        if text:
            raise RunError(f"{path}: column {', '.join(text)} holds text; expected numbers. {recovery_hint(self.path)}")
        return table

    @property
    def profile(self) -> Profile | None:
        """What its model costs: size, operations and latency by backend; None where `segcore profile` never ran.

        Of an ensemble, what its members cost together.

        Raises:
            RunError: when `profile.json` is cut off, foreign or of another schema.
        """
        return ensemble_profile(self) if self.summary.members else read_profile(self.path)

    @property
    def weights(self) -> Path:
        """Path of `model.safetensors`.

        Raises:
            RunError: when it is missing, or the run is an ensemble.
        """
        if self.summary.members:
            names = ", ".join(member.id for member in self.summary.members)
            raise RunError(f"Run {self.id!r} is an ensemble and has no weights of its own, only its members: {names}.")
        return self._file(run_files.WEIGHTS)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits with a stored evaluation."""
        folder = self.path / run_files.EVALUATION
        if not folder.is_dir():
            return ()
        return tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != "."))

    def leak(self, split: str, *sources: str) -> str | None:
        """The sentence that must stand beside a score on `val` or `test`; `None` when nothing is known against it.

        What speaks against `test` speaks against `test+flip` too: the images are the same. What `segcore data check`
        found of the data since takes the place of what training found.

        Args:
            split: Its name.
            sources: Where the data may be, beside where it was trained on.
        """
        report = self.leak_report(*sources)
        if report is not None:
            return report.sentence(SplitVariant.parse(split).split)
        return (self.summary.dataset.leaks or {}).get(SplitVariant.parse(split).split)

    def leak_report(self, *sources: str) -> LeakReport | None:
        """What `segcore data check` stored of this very data and split, its pictures compared; None without it.

        Args:
            sources: Where the data may be, beside where it was trained on.
        """
        from segcore.data.leaks.report_storage import stored_for

        info = self.summary.dataset
        found = stored_for((*sources, info.source), info.fingerprint, info.split_fingerprint)
        return found if found is not None and found.pictures else None

    def evaluation(self, split: str) -> Evaluation | None:
        """The stored evaluation of a split, `None` when there is none.

        Raises:
            RunError: when its files are missing, truncated or foreign.
        """
        from segcore.runs.evaluation import Evaluation

        folder = self.path / run_files.EVALUATION / split
        return Evaluation.read(folder, self.labels) if folder.is_dir() else None

    def _file(self, name: str) -> Path:
        path = self.path / name
        if not path.is_file():
            raise RunError(f"Run {self.id!r} has no {name}. {recovery_hint(self.path)}")
        return path


def load_run(path: str | Path) -> RunRecord:
    """Read a run from its folder; only `summary.json` is opened.

    Raises:
        RunError: when the folder is missing or its summary is missing, truncated, foreign or of another schema.
    """
    folder = Path(path)
    if folder.name in ("", ".."):  # `segcore evaluate .`
        folder = folder.resolve()
    if not folder.is_dir():
        raise RunError(f"No run at {path}; expected a folder that train.py wrote. `segcore runs` lists what there is.")
    file = folder / run_files.SUMMARY
    if not file.is_file():
        raise RunError(f"Run {folder.name!r} has no {run_files.SUMMARY}. {recovery_hint(folder)}")
    try:
        values = json.loads(file.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RunError(f"{file} is no JSON, perhaps cut off ({one_line(error)}). {recovery_hint(folder)}") from None
    summary = _summary(values, file)
    # What an ensemble costs is read from its members, whose files are replaced by renaming.
    others = [_changed(member_path(folder, member)) for member in summary.members]
    return RunRecord(folder, summary, max([version(folder), *others]))


def _summary(values: Any, file: Path) -> Summary:  # noqa: ANN401 - JSON may be anything
    schema = values.get("schema_version") if isinstance(values, dict) else None
    if schema is None:
        raise RunError(f"{file} is not a Segcore summary: it has no schema_version. {recovery_hint(file.parent)}")
    if schema != SCHEMA_VERSION:
        newer = isinstance(schema, int) and schema > SCHEMA_VERSION
        raise RunError(
            f"{file} is of schema {schema!r}; this Segcore reads schema {SCHEMA_VERSION}. "
            + ("Update Segcore. " if newer else "")
            + recovery_hint(file.parent)
        )
    try:
        return Summary.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunError(f"{file}: {where}: {first['msg']}. {recovery_hint(file.parent)}") from None


def version(folder: Path) -> int:
    """Newest modification time of the run's files and folders, in ns."""
    # Plain strings: with 60 runs a page looks at 600 files, and making paths of them takes longer than asking for them.
    newest = os.stat(folder).st_mtime_ns  # noqa: PTH116
    for path in _watched(str(folder)):
        with suppress(FileNotFoundError, NotADirectoryError):
            newest = max(newest, os.stat(path).st_mtime_ns)  # noqa: PTH116
    return newest


def _changed(folder: Path) -> int:
    """When a file was put into a folder or taken out, in ns; 0 where there is no such folder."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return folder.stat().st_mtime_ns
    return 0


def _watched(folder: str) -> Iterator[str]:
    yield from (f"{folder}/{name}" for name in run_files.MARKS)
    evaluation = f"{folder}/{run_files.EVALUATION}"
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(evaluation) as splits:
        yield evaluation
        for split in splits:
            yield split.path
            yield from (
                f"{split.path}/{name}" for name in (run_files.IMAGES, run_files.CONFUSION, run_files.PREDICTIONS)
            )


def _is_ensemble(config: Path) -> bool:
    with suppress(OSError, UnicodeDecodeError):
        return config.read_text("utf-8").startswith(f"{ENSEMBLE}:")
    return False


def recovery_hint(folder: Path) -> str:
    """What to do about a run that can't be read."""
    config = folder / run_files.CONFIG
    if config.is_file() and _is_ensemble(config):
        return f"Remove the folder {folder}, and make the ensemble again: segcore evaluate RUN --with RUN"
    if config.is_file():
        return f"Train it again: python train.py --config {config}"
    if not any((folder / mark).exists() for mark in run_files.MARKS):  # somebody's folder: nothing to remove
        return "Give a folder that train.py wrote; `segcore runs` lists what there is."
    return f"Remove the folder {folder}, or put the file back."
