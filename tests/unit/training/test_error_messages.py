"""Causes, in words."""

import errno
from pathlib import Path

import pytest
import torch

from segcore.errors import AugmentError, ConfigError, TrainingError, typed_line
from segcore.training.error_messages import cause

WORKER = (
    "AugmentError: Caught AugmentError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n"
)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AugmentError("too small"), "too small"),
        (AugmentError(WORKER + '  File "x.py"\nsegcore.errors.AugmentError: crop: too small'), "crop: too small"),
        (OSError(errno.ENOSPC, "full", "/data/runs/a/last.ckpt"), "The disk of /data/runs/a is full. Make room. Train"),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."), "A process that augments images died"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "Out of memory."),
        (MemoryError(), "Out of memory."),
        (torch.OutOfMemoryError("CUDA out of memory"), "Out of memory. Take fewer images a step (--batch-size"),
    ],
)
def test_a_known_cause_has_words(error, words):
    assert cause(error, Path("checkpoints/a")).startswith(words)


def wrapped(outer: BaseException, inner: BaseException) -> BaseException:
    """As libraries do: the inner error is what was being handled."""
    try:
        try:
            raise inner
        except BaseException:
            raise outer  # noqa: B904 - no `from`, as they do
    except BaseException as error:
        return error


def test_a_full_disk_behind_torchs_words(tmp_path):
    torchs = RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0")
    full = OSError(errno.ENOSPC, "No space left on device")
    assert cause(wrapped(torchs, full), tmp_path) == (
        f"The disk of {tmp_path} is full. Make room. Train it again: python train.py --config {tmp_path}/config.yaml"
    )
    (tmp_path / "last.ckpt").touch()
    assert cause(wrapped(torchs, full), tmp_path).endswith(f"Go on with it: python train.py --resume {tmp_path}")
    assert cause(wrapped(ValueError("x"), wrapped(torchs, full)), Path("a")).startswith("The disk of a is full")
    rust = RuntimeError('IoError(Os { code: 28, kind: StorageFull, message: "No space left on device" })')
    assert cause(rust, Path("runs/a")).startswith("The disk of runs/a is full.")


def test_torchs_words_alone_ask_the_disk(tmp_path, monkeypatch):
    error = RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0")
    assert "can't be written, most likely because its disk was full" in cause(error, tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 0}))
    assert cause(error, tmp_path).startswith(f"The disk of {tmp_path} is full.")
    (tmp_path / "file").touch()
    assert "is a file, no folder" in cause(error, tmp_path / "file" / "run")


@pytest.mark.parametrize("error", [TrainingError("It diverges."), ConfigError("Too large."), MemoryError()])
def test_what_would_fail_again_is_trained_again_with_other_settings(tmp_path, error):
    run = tmp_path / "my runs"
    run.mkdir()
    (run / "last.ckpt").touch()
    text = cause(error, run)
    assert text.endswith(f"Train it again, changed so: python train.py --config '{run}/config.yaml'")
    assert "--resume" not in text


def test_a_read_only_disk_is_named():
    error = OSError(errno.EROFS, "Read-only file system", "/data/runs/a/last.ckpt")
    assert cause(error, Path("a")).startswith("/data/runs/a/last.ckpt: Read-only file system. Make it writable")


def test_an_unknown_one_has_none():
    assert cause(KeyError("x"), Path("a")) is None
    assert typed_line(ValueError("one\ntwo")) == "ValueError: one" and typed_line(ValueError()) == "ValueError"
