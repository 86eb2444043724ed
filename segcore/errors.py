"""Every error that is shown to users, and helpers for its text: the problem, what was expected, the way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path


class SegcoreError(Exception):
    """Base of all errors that a user should read; commands show it without a traceback."""


class PathError(SegcoreError):
    """A path that a user gave is none of this machine."""


class DatasetError(SegcoreError):
    """An image, mask, folder, zip or split can't be used as it is."""


class LabelError(DatasetError):
    """Class names, colours or ids don't fit together."""


class FetchError(SegcoreError):
    """A download could not be finished."""


class AugmentError(SegcoreError):
    """An augmentation pipeline or transform can't be built or applied."""


class ModelError(SegcoreError):
    """An architecture or encoder can't be built as requested."""


class UnknownModel(ModelError):
    """There is no architecture of this name."""


class WeightsError(ModelError):
    """Encoder weights are not available or don't fit."""


class CodeError(SegcoreError):
    """A user's file or package of code can't be used, or is not trusted."""


class UntrustedCode(CodeError):
    """A run's model needs its copy of a file of code, which nobody on this machine has agreed to run.

    Args:
        message: What is shown where only text can be.
        path: The copy.
        run: The run's folder.
    """

    def __init__(self, message: str, path: Path, run: Path) -> None:
        super().__init__(message)
        self.path, self.run = path, run


class ConfigError(SegcoreError):
    """A setting is unknown, out of range or contradicts another."""


class TrainingError(SegcoreError):
    """A training can't go on, e.g. because its loss became NaN."""


class RunError(SegcoreError):
    """A run folder is missing, truncated, no run's, or of another schema."""


class EvaluationError(SegcoreError):
    """A prediction or score can't be computed."""


class ReportError(SegcoreError):
    """A report, table or export can't be made, or not at that place."""


def plain(error: OSError) -> str:
    """The file and reason of a system error: a full disk, a file that may not be read or written."""
    return f"{error.filename}: {error.strerror}." if error.filename and error.strerror else f"{error}."


def one_line(error: BaseException) -> str:
    """The message of an error on one line, cut after 200 characters."""
    return " ".join(str(error).split())[:200]


def first_line(error: BaseException) -> str:
    r"""The first line of an error's message; its type where the message is empty.

    >>> first_line(ValueError("one\ntwo")), first_line(KeyboardInterrupt())
    ('one', 'KeyboardInterrupt')
    """
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def typed_line(error: BaseException) -> str:
    r"""The type of an error and the first line of its message.

    >>> typed_line(ValueError("one\ntwo")), typed_line(KeyboardInterrupt())
    ('ValueError: one', 'KeyboardInterrupt')
    """
    name = type(error).__name__
    return f"{name}: {first_line(error)}" if str(error).strip() else name


def number(count: int, what: str) -> str:
    """A count with its noun.

    >>> number(1, "image"), number(3, "image")
    ('1 image', '3 images')
    """
    return f"{count} {what}{'' if count == 1 else 's'}"


def listed(names: Sequence[str], most: int, separator: str = ", ") -> str:
    """The first names, and how many more there are.

    >>> listed(["sky", "road", "car"], 2), listed(["sky", "road"], 2, "; ")
    ('sky, road and 1 more', 'sky; road')
    """
    more = len(names) - most
    return separator.join(names[:most]) + (f" and {more} more" if more > 0 else "")


def enumerated(names: Sequence[str], word: str = "and") -> str:
    """All names as one phrase; one name or more.

    >>> enumerated(["sky"]), enumerated(["sky", "road", "car"]), enumerated(["sky", "road"], "or")
    ('sky', 'sky, road and car', 'sky or road')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"


def nearest(name: str, choices: Iterable[str]) -> str:
    """` Did you mean 'unet'?` when one choice is close to `name`, else an empty string.

    >>> nearest("unett", ["unet", "fpn"])
    " Did you mean 'unet'?"
    """
    folded = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    return f" Did you mean {folded[close[0]]!r}?" if close else ""


def unknown(what: str, name: object, choices: Iterable[str]) -> str:
    """The message for a name that is not among the choices, which it lists.

    >>> unknown("model", "unett", ["unet", "fpn"])
    "No model 'unett'. Did you mean 'unet'? Choose one of unet, fpn."
    """
    names = list(choices)
    return f"No {what} {str(name)!r}.{nearest(str(name), names)} Choose one of {', '.join(names)}."
