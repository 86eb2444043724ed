"""Storing the probabilities of imported predictions, from which an ensemble is averaged: 8 bits each, compressed.

A frame of 960x720 with 31 classes takes about 1.2 MB, compared with 86 MB as float32. Nearly all values are 0 or 1,
so they compress well; 16 bits would take eight times as much, since the lower eight are noise.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path

import numpy as np

from segcore.arrays import F32Logits
from segcore.errors import RunError, one_line
from segcore.runs import run_files
from segcore.runs.cli_hints import again
from segcore.runs.run_record import RunRecord
from segcore.runs.split_variant import SplitVariant

_STEPS = 255
# What a stored 0 is taken for, since zero has no logarithm. Half a step for each of 150 classes would sum to 0.3.
_FLOOR = 1e-4


def encode_probabilities(logits: F32Logits) -> bytes:
    """The file of `[C, h, w]` logits whose softmax are the probabilities."""
    shares = np.exp(logits - logits.max(axis=0))
    array = io.BytesIO()
    np.save(array, np.rint(shares * (_STEPS / shares.sum(axis=0))).astype(np.uint8))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("probabilities.npy", array.getvalue())
    return file.getvalue()


def read_probabilities(evaluation: Path, sample_id: str) -> F32Logits:
    """Read stored probabilities as logits: their logarithms, which are enlarged as a model's logits are.

    Args:
        evaluation: The folder `evaluation/<split>` of a run.
        sample_id: Id of the image.

    Returns:
        `[C, h, w]` float32, at the size that they were imported with.

    Raises:
        RunError: when the file is missing or broken.
    """
    path = evaluation / run_files.PROBABILITIES / run_files.file_name(sample_id, ".npz")
    hint = again(evaluation.parent.parent, evaluation.name)
    if not path.is_file():
        raise RunError(f"No stored probabilities of {sample_id!r} at {path}. {hint}")
    try:
        with np.load(path, allow_pickle=False) as file:
            stored = file["probabilities"]
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise RunError(f"{path} holds no readable probabilities ({one_line(error)}). {hint}") from None
    if stored.dtype != np.uint8 or stored.ndim != 3:
        raise RunError(f"{path} holds {stored.dtype} {list(stored.shape)}; expected uint8 [C, h, w]. {hint}")
    return np.log(np.maximum(np.arange(_STEPS + 1, dtype=np.float32) / _STEPS, np.float32(_FLOOR)))[stored]


def why_ids_only(run: RunRecord) -> str:
    """Why a run gives only the class of each pixel and no probabilities, in words; empty where it gives them.

    Raises:
        RunError: when the settings of an imported model can't be read.
    """
    imported = run.summary.imported
    if run.summary.by_vote:
        return "its members vote"
    if imported is None:
        return ""
    if imported.file is not None:
        return "its model gives ids" if run.config.get("description", {}).get("output") == "ids" else ""
    folders = [run.path / run_files.EVALUATION / split for split in own_splits(run)]
    without = [folder for folder in folders if not (folder / run_files.PROBABILITIES).is_dir()]
    if not without:
        return ""
    if any((folder / run_files.CONFIDENCE).is_dir() for folder in without):
        return "it was imported before probabilities were kept: import it again"
    return f"its predictions of {' and '.join(folder.name for folder in without)} are masks"


def own_splits(run: RunRecord) -> list[str]:
    """The splits of its own data that a run was scored on in the plain way."""
    return [split for split in run.splits if not SplitVariant.parse(split).suffix]
