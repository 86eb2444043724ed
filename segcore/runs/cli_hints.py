"""The commands that messages name, so that each of them works when it is typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

_BACKENDS = ("openvino", "onnxruntime")
_TTA = ("flip",)
_STORED = re.compile(r"(train|val|test)(\+(openvino|onnxruntime)(-bf16)?|\+bf16|\+flip|\+\d+x\d+)*")


def may_be_made(split: str) -> bool:
    """Whether `segcore evaluate` can store something under this name, of the data that a run was trained on.

    >>> may_be_made("test+flip"), may_be_made("trian")
    (True, False)
    """
    return _STORED.fullmatch(split) is not None


def evaluate_command(path: str | Path, split: str, others: Sequence[str | Path] = (), name: str = "") -> str:
    """What makes a stored evaluation, however it was predicted.

    Args:
        path: Folder of the run; of an ensemble that is to be made, of its first member.
        split: The name it is stored under.
        others: Folders of the other members of an ensemble that is to be made.
        name: What that ensemble is called.

    >>> evaluate_command("checkpoints/unet", "test")
    'segcore evaluate checkpoints/unet --split test'
    >>> evaluate_command("unet", "val+openvino-bf16+flip+512x512")
    'segcore evaluate unet --split val --backend openvino --precision bf16 --tta flip --window 512x512'
    """
    plain, *variants = split.split("+")
    words = ["segcore", "evaluate", str(path)]
    if others:
        words += ["--with", *map(str, others), *(["--name", name] if name else [])]
    words += ["--split", plain]
    for variant in filter(None, variants):
        backend, _, precision = variant.partition("-")
        if backend in _BACKENDS:
            words += ["--backend", backend, *(["--precision", precision] if precision else [])]
        elif variant in _TTA:
            words += ["--tta", variant]
        elif variant[0].isdigit():
            words += ["--window", variant]
        else:
            words += ["--precision", variant]
    return shlex.join(words)
