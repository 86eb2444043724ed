"""The name of a stored evaluation: which split it scores, and how the predictions were made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from segcore.data import SPLITS

EXACT = "fp32"
PLAIN = "torch"  # the backend that no name says; for an imported file its own runtime
PRECISIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"torch": (EXACT, "bf16"), "openvino": (EXACT, "bf16", "int8"), "onnxruntime": (EXACT,)}
)  # backend -> the precisions it computes in
TTA = ("flip",)  # kinds of test-time augmentation


@dataclass(frozen=True)
class SplitVariant:
    """A split and the way its predictions were made, written as `test+openvino-bf16+flip+512x512`.

    This name is a folder in `evaluation/`, a value in links and an argument of commands. The plain prediction (torch,
    or for an imported file its own runtime; fp32, one view of the whole image) adds nothing to the name of its split.

    Args:
        split: `train`, `val` or `test`; for data the run was not trained on the dataset's name comes first.
        backend: A key of `PRECISIONS`.
        precision: One of the backend's.
        tta: One of `TTA`, or None for one view.
        window: (height, width) in pixels of a sliding window, or None for the whole image.
        unknown: The part of a name that this version of Segcore can't read, `+` included.

    >>> name = SplitVariant.parse("test+openvino-bf16+flip")
    >>> name.split, name.backend, name.precision, name.tta, name.window
    ('test', 'openvino', 'bf16', 'flip', None)
    >>> str(name.of("val")), str(SplitVariant("val", window=(360, 480)))
    ('val+openvino-bf16+flip', 'val+360x480')
    """

    split: str
    backend: str = PLAIN
    precision: str = EXACT
    tta: str | None = None
    window: tuple[int, int] | None = None
    unknown: str = ""

    @classmethod
    def parse(cls, name: str) -> SplitVariant:
        """Read a name; `str()` of the result is `name` again."""
        split, *words = name.split("+")
        backend, precision = _WORDS[words.pop(0)] if words and words[0] in _WORDS else (PLAIN, EXACT)
        tta = words.pop(0) if words and words[0] in TTA else None
        sides = _WINDOW.fullmatch(words[0]) if words else None
        window = (int(sides[1]), int(sides[2])) if sides else None
        unknown = "".join(f"+{word}" for word in words[1 if sides else 0 :])
        return cls(split, backend, precision, tta, window, unknown)

    def __str__(self) -> str:
        return self.split + self.suffix

    @property
    def suffix(self) -> str:
        """What follows the split, e.g. `+openvino-bf16+flip`; empty for the plain prediction."""
        window = "x".join(map(str, self.window)) if self.window else ""
        words = (_backend_word(self.backend, self.precision), self.tta, window)
        return "".join(f"+{word}" for word in words if word) + self.unknown

    @property
    def description(self) -> str:
        """The suffix for people; empty for the plain prediction.

        >>> SplitVariant.parse("test+openvino+flip+720x960").description
        'with flip, in windows of 720x960, through openvino'
        """
        parts = [
            f"with {self.tta}" if self.tta else "",
            "in windows of {}x{}".format(*self.window) if self.window else "",
            f"through {self.backend}" if self.backend != PLAIN else "",
            f"in {self.precision}" if self.precision != EXACT else "",
        ]
        return ", ".join(filter(None, parts))

    @property
    def can_be_stored(self) -> bool:
        """Whether `segcore evaluate` stores results under this name for the data that a run was trained on.

        >>> SplitVariant.parse("test+flip").can_be_stored, SplitVariant.parse("trian").can_be_stored
        (True, False)
        """
        return self.split in SPLITS and not self.unknown

    @property
    def flags(self) -> tuple[str, ...]:
        """Arguments of `segcore evaluate` that make this evaluation.

        >>> " ".join(SplitVariant.parse("val+bf16+512x512").flags)
        '--split val --precision bf16 --window 512x512'
        """
        if self.unknown:
            return "--split", str(self)
        return (
            *("--split", self.split),
            *(("--backend", self.backend) if self.backend != PLAIN else ()),
            *(("--precision", self.precision) if self.precision != EXACT else ()),
            *(("--tta", self.tta) if self.tta else ()),
            *(("--window", "{}x{}".format(*self.window)) if self.window else ()),
        )

    def of(self, split: str) -> SplitVariant:
        """Another split, predicted in the same way."""
        return replace(self, split=split)


def _backend_word(backend: str, precision: str) -> str:
    """The word for a backend and a precision, e.g. `openvino-bf16`; empty for the defaults."""
    names = (backend if backend != PLAIN else "", precision if precision != EXACT else "")
    return "-".join(filter(None, names))


_WORDS = {_backend_word(backend, name): (backend, name) for backend, names in PRECISIONS.items() for name in names}
del _WORDS[""]
_WINDOW = re.compile(r"([1-9][0-9]*)x([1-9][0-9]*)")
