"""Commands to name in messages, complete and quoted, so that each works when it is pasted into a shell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from segcore.runs.split_variant import SplitVariant


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
