"""Every error a user may meet. Texts are for people: what, what was got, what was expected, the way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SegcoreError(Exception):
    """Base of all errors that are meant to be read by a user; shown without a traceback."""


class DatasetError(SegcoreError):
    """Images, masks, folders, zips and splits that can't be used as they are."""


class LabelError(DatasetError):
    """Class names, colours and ids that don't fit together."""


class FetchError(SegcoreError):
    """A download that could not be finished."""


class AugmentError(SegcoreError):
    """A pipeline or transform that can't be built or applied."""


class ModelError(SegcoreError):
    """An architecture or encoder that can't be built as asked."""


class UnknownModel(ModelError):
    """A name that is not in the zoo."""


class WeightsError(ModelError):
    """Encoder weights that can't be had or don't fit."""


class ConfigError(SegcoreError):
    """A setting that is unknown, out of range or contradicts another."""


class TrainingError(SegcoreError):
    """A training that can't go on, e.g. because its loss is no number any more."""


class RunError(SegcoreError):
    """A run folder that is missing, truncated, foreign or of another schema."""


class EvaluationError(SegcoreError):
    """A prediction or score that can't be computed."""


class ReportError(SegcoreError):
    """A report, table or export that can't be made, or not there."""


def plain(error: OSError) -> str:
    """What the system refused, for people: a full disk, a file that may not be read or written."""
    return f"{error.filename}: {error.strerror}." if error.filename and error.strerror else f"{error}."


def one_line(error: BaseException) -> str:
    """All that an error says, on one line of at most 200 characters."""
    return " ".join(str(error).split())[:200]


def first_line(error: BaseException) -> str:
    r"""The first line of what an error says; its type where it says nothing.

    >>> first_line(ValueError("one\ntwo")), first_line(KeyboardInterrupt())
    ('one', 'KeyboardInterrupt')
    """
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def typed_line(error: BaseException) -> str:
    r"""The same with the type before it.

    >>> typed_line(ValueError("one\ntwo")), typed_line(KeyboardInterrupt())
    ('ValueError: one', 'KeyboardInterrupt')
    """
    name, said = type(error).__name__, str(error).strip()
    return f"{name}: {first_line(error)}" if said else name


def number(count: int, what: str) -> str:
    """A count with its noun.

    >>> number(1, "image"), number(3, "image")
    ('1 image', '3 images')
    """
    return f"{count} {what}{'' if count == 1 else 's'}"


def nearest(name: str, choices: Iterable[str]) -> str:
    """` Did you mean 'unet'?` when one choice is close to `name`, else an empty string."""
    folded = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    return f" Did you mean {folded[close[0]]!r}?" if close else ""


def unknown(what: str, name: object, choices: Iterable[str]) -> str:
    """The one wording for a name that is not among the choices: what, nearest, all."""
    names = list(choices)
    return f"No {what} {str(name)!r}.{nearest(str(name), names)} Choose one of {', '.join(names)}."
