"""Copies a run to hand on: its model and its scores, without pictures of its data and without paths of this machine."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

import yaml
from PIL import Image

from segcore.atomic_files import replacing_folder, write_text
from segcore.errors import RunError, plain
from segcore.extensions.code_file import CODE_FOLDER
from segcore.reading import DECODER_ERRORS, open_file
from segcore.runs import run_files
from segcore.runs.json_documents import write_document
from segcore.runs.profile import PROFILE_FILE
from segcore.runs.run_record import RunRecord, load_run
from segcore.runs.summary import Summary

_KEPT: Final = (run_files.METRICS, run_files.ONLY, run_files.MODEL, run_files.WEIGHTS, PROFILE_FILE, CODE_FOLDER)
_LARGE: Final = (run_files.CONFIDENCE, run_files.PROBABILITIES)  # ten times as large as the predictions


def pack_run(
    run: RunRecord,
    folder: Path,
    card: Callable[[RunRecord], str],
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> RunRecord:
    """Copy a run to `folder / run.id`.

    Left out are what shows the data (the contact sheet, pictures of a training), the note, the checkpoint, files of
    trackers, confidence maps and probabilities. Paths of this machine become their last part, and predictions are
    compressed as far as PNG goes.

    Args:
        run: A training that has ended.
        folder: The folder of runs to copy it to.
        card: Makes the model card of the copy, in Markdown.
        progress: Called with how many predictions are copied, and of how many.

    Returns:
        The copy.

    Raises:
        RunError: when the run is in training, there is such a folder already, or the disk refuses.
    """
    if run.summary.status == "training":
        raise RunError(f"Run {run.id!r} is in training. Pack it when it has ended.")
    target = folder / run.id
    try:
        with replacing_folder(target, over=False) as fresh:
            for name in _KEPT:
                _copy(run.path / name, fresh / name)
            parts = [Path(run_files.EVALUATION) / split for split in run.splits]
            images = sum(1 for part in parts for _ in (run.path / part).glob(f"{run_files.PREDICTIONS}/*.png"))
            copied = count(1)

            def copy_counted(source: str, target: str) -> None:
                _copy_smaller(source, target)
                if source.endswith(".png"):
                    progress(next(copied), images)

            for part in parts:
                shutil.copytree(run.path / part, fresh / part, ignore=_left_out, copy_function=copy_counted)
            write_document(fresh / run_files.SUMMARY, _summary(run))
            write_text(fresh / run_files.CONFIG, yaml.safe_dump(_portable(dict(run.config)), sort_keys=False))
            write_text(fresh / run_files.CARD, card(load_run(fresh)))
    except OSError as error:
        there = f"{target} is there already; choose another folder." if target.exists() else plain(error)
        raise RunError(f"Run {run.id!r} can't be packed: {there}") from None
    return load_run(target)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.is_file():
        shutil.copyfile(source, target)


def _copy_smaller(source: str, target: str) -> None:
    """Copy a file; a prediction of 480x360 keeps pixels and palette in two thirds of the bytes, in 13 ms."""
    if source.endswith(".png"):
        with (
            suppress(*DECODER_ERRORS, Image.DecompressionBombError),
            open_file(source) as stream,
            Image.open(stream) as image,
        ):
            image.save(target, optimize=True)
            return
    shutil.copyfile(source, target)


def _left_out(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in _LARGE or name.startswith(".")]


def _summary(run: RunRecord) -> Summary:
    """The summary without paths; names of classes are kept, whatever they begin with."""
    values = run.summary.model_dump(mode="json")
    command = shlex.join(map(_word, shlex.split(run.summary.command))) if run.summary.command else None
    return Summary.model_validate({**_portable(values), "labels": values["labels"], "command": command})


def _portable(value: Any) -> Any:  # noqa: ANN401 - plain values of JSON and YAML
    """A value in which absolute paths are their last part."""
    if isinstance(value, dict):
        return {name: _portable(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_portable(part) for part in value]
    if isinstance(value, str) and (value.startswith("~") or Path(value).is_absolute()):
        return Path(value).name
    return value


def _word(word: str) -> str:
    """A word of a command: `--out=/runs` is an option and its value."""
    option, equals, value = word.partition("=")
    return f"{option}={_portable(value)}" if equals and option.startswith("--") else str(_portable(word))
