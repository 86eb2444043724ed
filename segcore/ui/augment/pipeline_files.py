"""Pipelines as files: the ones saved from the app, loading one, and the runs that were trained with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from segcore.augment import Pipeline, presets
from segcore.errors import AugmentError, SegcoreError
from segcore.runs import RunRecord
from segcore.runs.run_files import folder_name, replacing

FOLDER = Path("pipelines")
LARGEST_FILE = 1  # MB


class Taken(AugmentError):
    """A name under which another pipeline is saved."""


def save(name: str, wanted: Pipeline, *, replace: bool = False) -> Path:
    """Write a pipeline into `pipelines/`, as a file that `--augment` takes.

    Raises:
        Taken: when another one has the name, unless it may be replaced.
        AugmentError: when the name has no letters or digits, or the folder can't be written.
    """
    clean = folder_name(name)
    if not clean:
        raise AugmentError(f"No pipeline can be called {name!r}; expected letters or digits.")
    path = FOLDER / f"{clean}.yaml"
    if not replace and path.exists() and not _holds(path, wanted):
        raise Taken(f"{path} holds another pipeline. Replace it, or choose another name.")
    try:
        with replacing(path) as temporary:
            temporary.write_text(wanted.to_yaml(), encoding="utf-8")
    except OSError as error:
        raise AugmentError(f"Can't write {path}: {error.strerror or error}.") from None
    return path


def _holds(path: Path, wanted: Pipeline) -> bool:
    try:
        return Pipeline.from_yaml(path) == wanted
    except AugmentError:
        return False


def saved() -> list[Path]:
    """The files in `pipelines/`, by name."""
    return sorted(FOLDER.glob("*.yaml")) if FOLDER.is_dir() else []


def uploaded(name: str, data: bytes) -> Pipeline:
    """A pipeline from a file somebody chose.

    Raises:
        AugmentError: when it is none; with the line where the fault stands.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise AugmentError(f"{name} is no text file; expected a pipeline in YAML.") from None
    if not text.strip():
        raise AugmentError(f"{name} is empty; expected a pipeline in YAML.")
    try:
        return Pipeline.from_yaml(text if "\n" in text else f"{text}\n")
    except AugmentError as error:
        raise AugmentError(f"{name}, {error}") from None


class Trained(NamedTuple):
    """Runs of one dataset that were trained with one pipeline."""

    title: str
    mine: bool
    runs: tuple[RunRecord, ...]


def trained(runs: Sequence[tuple[RunRecord, Pipeline | None]], own: Pipeline) -> list[Trained]:
    """Runs by their pipeline, the given one first; runs without a readable one are left out."""
    names: dict[Pipeline, str] = {preset: name for name, preset in presets().items()}
    for path in saved():
        try:
            names.setdefault(Pipeline.from_yaml(path), path.stem)
        except SegcoreError:
            continue
    found: dict[Pipeline, list[RunRecord]] = {}
    for run, used in runs:
        if used is not None:
            found.setdefault(used, []).append(run)
    rows = [Trained(names.get(each, "its own"), each == own, tuple(group)) for each, group in found.items()]
    return sorted(rows, key=lambda row: (not row.mine, row.title))
