"""Causes, in words."""

import errno
from pathlib import Path

import pytest
import torch

from segcore.errors import AugmentError, typed_line
from segcore.training.error_messages import cause

WORKER = (
    "AugmentError: Caught AugmentError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n"
)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AugmentError("too small"), "too small"),
        (AugmentError(WORKER + '  File "x.py"\nsegcore.errors.AugmentError: crop: too small'), "crop: too small"),
        (OSError(errno.ENOSPC, "full", "/data/runs/a/last.ckpt"), "The disk of /data/runs/a is full. Make room. Go on"),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."), "A process that augments images died"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "Out of memory."),
        (MemoryError(), "Out of memory."),
        (torch.OutOfMemoryError("CUDA out of memory"), "Out of memory. Take fewer images a step (--batch-size"),
    ],
)
def test_a_known_cause_has_words(error, words):
    assert cause(error, Path("checkpoints/a")).startswith(words)


def test_an_unknown_one_has_none():
    assert cause(KeyError("x"), Path("a")) is None
    assert typed_line(ValueError("one\ntwo")) == "ValueError: one" and typed_line(ValueError()) == "ValueError"
