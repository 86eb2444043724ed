"""Commands to name in messages, complete and quoted, so that each works when it is pasted into a shell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from segcore.runs import run_files
from segcore.runs.split_variant import SplitVariant

IMPORT = "segcore import PREDICTIONS --data DATA --split SPLIT --name NAME"
IMPORT_MODEL = "segcore import MODEL.onnx --description FILE --data DATA --name NAME"


def import_command(
    data: str, split: str, folder: Path, predictions: str = "PREDICTIONS", options: Sequence[str] = ()
) -> str:
    """The `segcore import` command that makes an evaluation of the imported run in `folder`.

    >>> import_command("my data", "val", Path("runs/SegFormer-B5"))
    "segcore import PREDICTIONS --data 'my data' --split val --name SegFormer-B5 --out runs --add"
    """
    words = ["segcore", "import", predictions, "--data", data, "--split", split, "--name", folder.name, *options]
    there = (folder / run_files.EVALUATION / split).is_dir()
    return shlex.join([*words, "--out", str(folder.parent), "--replace" if there else "--add"])


def again(folder: Path, split: str) -> str:
    """How to make a stored evaluation of the run in `folder` again, as a sentence."""
    if run_files.made_by(folder) == run_files.BY_IMPORT:
        return f"Import the predictions again, with --scores where there are probabilities: {IMPORT} --replace"
    return f"Evaluate it again: {evaluate_command(folder, split)}"


def go_on(folder: Path) -> str:
    """How to go on with a training that was stopped, or to begin it again where it left no checkpoint, as a sentence.

    >>> go_on(Path("my runs/unet"))
    "Train it again: python train.py --config 'my runs/unet/config.yaml'"
    """
    begin = "Go on with it" if (folder / run_files.CHECKPOINT).is_file() else "Train it again"
    return f"{begin}: {go_on_command(folder)}"


def go_on_command(folder: Path) -> str:
    """The command of `go_on`."""
    if (folder / run_files.CHECKPOINT).is_file():
        return shlex.join(["python", "train.py", "--resume", str(folder)])
    return train_again(folder)


def train_again(folder: Path) -> str:
    """The command that trains the run in `folder` again, as a new run."""
    return shlex.join(["python", "train.py", "--config", str(folder / run_files.CONFIG)])


def restore_command(runs: str | Path) -> str:
    """The command that brings an archived run back to the list of a folder of runs.

    >>> restore_command("checkpoints"), restore_command("my runs")
    ('segcore runs restore RUN', "segcore runs restore RUN --runs 'my runs'")
    """
    where = [] if str(runs) == "checkpoints" else ["--runs", str(runs)]
    return shlex.join(["segcore", "runs", "restore", "RUN", *where])


def evaluate_command(path: str | Path, split: str, others: Sequence[str | Path] = (), name: str = "") -> str:
    """The `segcore evaluate` command that makes a stored evaluation.

    Args:
        path: Folder of the run, or of the first member of an ensemble that does not exist yet.
        split: The name of the evaluation, such as `test+flip`.
        others: Folders of the other members of that ensemble.
        name: The name of that ensemble; empty for the default.

    >>> evaluate_command("checkpoints/unet", "test")
    'segcore evaluate checkpoints/unet --split test'
    >>> evaluate_command("unet", "val+openvino-bf16+flip+512x512")
    'segcore evaluate unet --split val --backend openvino --precision bf16 --tta flip --window 512x512'
    """
    words = ["segcore", "evaluate", str(path)]
    if others:
        words += ["--with", *map(str, others), *(["--name", name] if name else [])]
    return shlex.join([*words, *SplitVariant.parse(split).flags])


def profile_command(path: str | Path, split: str) -> str:
    """The `segcore profile` command that measures the speed of what was evaluated.

    >>> profile_command("checkpoints/unet", "test"), profile_command("unet", "test+openvino-int8")
    ('segcore profile checkpoints/unet', 'segcore profile unet --backends openvino:int8')
    """
    variant, words = SplitVariant.parse(split), ["segcore", "profile", str(path)]
    way = f"{variant.backend}:{variant.precision}"
    return shlex.join([*words, *([] if way == "torch:fp32" else ["--backends", way])])


def leak_check_command(folder: str | Path) -> str:
    """The `segcore data check` command for the data and split of a run, with the labels and void setting it had.

    >>> leak_check_command("my runs/unet")
    "segcore data check --run 'my runs/unet'"
    """
    return shlex.join(["segcore", "data", "check", "--run", str(folder)])


def recovery(folder: Path) -> str:
    """Say what the user can do about a run that can't be read."""
    config = folder / run_files.CONFIG
    made_by = run_files.made_by(folder)
    if made_by == run_files.BY_ENSEMBLE:
        return f"Remove the folder {folder}, and make the ensemble again: segcore evaluate RUN --with RUN"
    if made_by == run_files.BY_IMPORT:
        return f"Remove the folder {folder}, and import the predictions again: {IMPORT}"
    if made_by == run_files.BY_MODEL_FILE:
        return f"Remove the folder {folder}, and import the model again: {IMPORT_MODEL}"
    if config.is_file():
        return f"Train it again: {train_again(folder)}"
    if not any((folder / mark).exists() for mark in run_files.MARKS):  # not a run's folder, so nothing is to be removed
        return "Give a folder that train.py wrote; `segcore runs` lists what there is."
    return f"Remove the folder {folder}, or put the file back."
