"""Pipelines as files and in links: saves and loads them, and names those that runs were trained with."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from segcore.atomic_files import replacing
from segcore.augment import Pipeline, presets
from segcore.augment.pipeline_names import FOLDER, pipeline_names
from segcore.errors import AugmentError
from segcore.runs import RunRecord
from segcore.runs.run_files import folder_name

MAX_FILE_SIZE = 1  # MB


class NameTaken(AugmentError):
    """Another pipeline is saved under this name."""


def save(name: str, pipeline: Pipeline, *, replace: bool = False) -> Path:
    """Write a pipeline into `pipelines/`, as a file that `--augment` takes.

    Raises:
        NameTaken: when another pipeline has the name, unless it may be replaced.
        AugmentError: when the name has no letters or digits, or the folder can't be written.
    """
    clean = folder_name(name)
    if not clean:
        raise AugmentError(f"No pipeline can be called {name!r}; expected letters or digits.")
    path = FOLDER / f"{clean}.yaml"
    if not replace and path.exists() and not _holds(path, pipeline):
        raise NameTaken(f"{path} holds another pipeline. Replace it, or choose another name.")
    try:
        with replacing(path) as temporary:
            temporary.write_text(pipeline.to_yaml(), encoding="utf-8")
    except OSError as error:
        raise AugmentError(f"Can't write {path}: {error.strerror or error}.") from None
    return path


def _holds(path: Path, pipeline: Pipeline) -> bool:
    try:
        return Pipeline.from_yaml(path) == pipeline
    except AugmentError:
        return False


def parse_upload(name: str, data: bytes) -> Pipeline:
    """Parse an uploaded file.

    Raises:
        AugmentError: when the file is no pipeline; the message names the line.
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


def to_link(pipeline: Pipeline) -> str:
    """A pipeline as a parameter of a link: a preset's name, or its YAML, deflated, in letters that links may hold."""
    for name, preset in presets().items():
        if preset == pipeline:
            return name
    return base64.urlsafe_b64encode(zlib.compress(pipeline.to_yaml().encode(), 9)).decode().rstrip("=")


def from_link(text: str) -> Pipeline:
    """Read what `to_link` wrote.

    Raises:
        AugmentError: when it is no pipeline.
    """
    if preset := presets().get(text):
        return preset
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), MAX_FILE_SIZE << 20)
    except (ValueError, zlib.error):
        data = b""
    if not unpacker.eof:
        raise AugmentError("The pipeline in this link is cut off or damaged. Copy the whole link.")
    return parse_upload("The pipeline in this link", data)


class PipelineRuns(NamedTuple):
    """Runs of one dataset that were trained with one pipeline.

    Args:
        title: The pipeline's name.
        is_current: Whether it is the editor's pipeline.
        runs: The runs.
    """

    title: str
    is_current: bool
    runs: tuple[RunRecord, ...]


def group_by_pipeline(trained: Sequence[tuple[RunRecord, Pipeline | None]], current: Pipeline) -> list[PipelineRuns]:
    """Group runs by their pipeline, the current one first; runs without a readable pipeline are left out."""
    names = pipeline_names()
    runs_of: dict[Pipeline, list[RunRecord]] = {}
    for run, pipeline in trained:
        if pipeline is not None:
            runs_of.setdefault(pipeline, []).append(run)
    groups = [
        PipelineRuns(names.get(pipeline, "its own"), pipeline == current, tuple(runs))
        for pipeline, runs in runs_of.items()
    ]
    return sorted(groups, key=lambda group: (not group.is_current, group.title))
