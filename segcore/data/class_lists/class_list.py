"""The classes that a dataset's masks are written in, made of the rows of a list and checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from segcore.errors import LabelError
from segcore.labels import (
    ADE150,
    CAMVID32,
    CITYSCAPES19,
    CITYSCAPES34,
    IGNORE_INDEX,
    MAX_CLASSES,
    VOC21,
    Color,
    LabelMap,
    auto_palette,
    plain_name,
)

LABELME_HEAD = ("__ignore__", "_background_")  # ids of labelme begin with -1, which is 255 in 8 bits
_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")


@dataclass(frozen=True)
class ClassList:
    """The classes that a dataset's masks are written in.

    Args:
        labels: All classes, none of them ignored.
        values: The pixel value of each class in an id mask.
        colored: Whether the list gives colours, so that a mask may hold colours.
        unscored: Names of classes that the list itself leaves out of scores (`evaluate: false`).
        numbered: Whether the list gives the values, which are positions otherwise.
    """

    labels: LabelMap
    values: tuple[int, ...]
    colored: bool = True
    unscored: tuple[str, ...] = ()
    numbered: bool = False

    @classmethod
    def of(cls, labels: LabelMap, *, colored: bool = True) -> ClassList:
        """Classes whose pixel value is their position in `labels`; ignored ones come last."""
        counted = labels.with_ignored(())
        return cls(counted, tuple(range(counted.classes)), colored)


@dataclass(frozen=True)
class Row:
    """One class of a list: its name, and what else the list says of it.

    Args:
        name: As written.
        color: None where the list gives none.
        value: Its pixel value; None where that is its position.
        line: 1-based line in the file; 0 where the file has no lines.
        scored: False where the list leaves it out of scores.
    """

    name: str
    color: Color | None = None
    value: int | None = None
    line: int = 0
    scored: bool = True


CAMVID32_CLASSES = ClassList.of(CAMVID32)
# Cityscapes' labelIds; those that are not evaluated are ignored, which leaves the 19 in the order of their trainIds.
CITYSCAPES_IDS = ClassList(
    CITYSCAPES34,
    tuple(range(CITYSCAPES34.classes)),
    unscored=tuple(name for name in CITYSCAPES34.names if name not in CITYSCAPES19.names),
)
# The same 19 as labelTrainIds; void is 255 there.
CITYSCAPES_TRAIN_IDS = ClassList(CITYSCAPES19.with_ignored(()), (*range(CITYSCAPES19.classes), IGNORE_INDEX))
VOC21_CLASSES = ClassList(VOC21.with_ignored(()), (*range(VOC21.classes), IGNORE_INDEX))
# ADE20K's annotations: 1 to 150, and 0 where nothing is labelled.
ADE150_CLASSES = ClassList(ADE150.with_ignored(()), (*range(1, 151), 0), colored=False)


def at(where: str, line: int) -> str:
    """A place for messages: `file:line`, or the file alone where it has no lines."""
    return f"{where}:{line}" if line else where


def make_class_list(rows: Sequence[Row], where: str, name: str) -> ClassList:
    """The classes of a list's rows.

    Args:
        rows: In the order of the file.
        where: The file, for messages.
        name: Short name of the label map.

    Raises:
        LabelError: naming file and line, on no or too many classes, a repeated name, colour or id, or a class that
            lacks a colour or an id that the others have.
    """
    if not 1 <= len(rows) <= MAX_CLASSES:
        raise LabelError(f"{where}: {len(rows)} classes; expected 1 to {MAX_CLASSES}.")
    _check(rows, where)
    colored = all(row.color is not None for row in rows)
    colors = tuple(row.color for row in rows if row.color is not None) if colored else auto_palette(len(rows))
    numbered = all(row.value is not None for row in rows)
    values = tuple(row.value for row in rows if row.value is not None) if numbered else tuple(range(len(rows)))
    if not numbered and tuple(row.name for row in rows[:2]) == LABELME_HEAD:
        values = (IGNORE_INDEX, *range(len(rows) - 1))
    labels = LabelMap(name, tuple(row.name for row in rows), colors)
    unscored = tuple(row.name for row in rows if not row.scored)
    if not numbered and _spelled(labels) == _spelled(CAMVID32):
        # The same 32 classes in any order are one label map, so that runs and fingerprints agree.
        places = {plain_name(entry): place for place, entry in enumerate(labels.names)}
        order = tuple(places[plain_name(entry)] for entry, _ in CAMVID32.entries)
        return ClassList(CAMVID32.with_ignored(()), order, colored)
    return ClassList(labels, values, colored, unscored, numbered)


def _spelled(labels: LabelMap) -> set[tuple[str, Color]]:
    return {(plain_name(name), color) for name, color in labels.entries}


def _check(rows: Sequence[Row], where: str) -> None:
    for row in rows:
        if not row.name:
            raise LabelError(f"{at(where, row.line)}: a class without a name. Give it one, or remove its line.")
        if row.name.lower().endswith(_IMAGE_SUFFIXES):
            raise LabelError(f"{at(where, row.line)}: {row.name!r} is an image; expected the name of a class.")
    for what, values in (
        ("class {!r}", [row.name for row in rows]),
        ("colour {}", [row.color for row in rows]),
        ("id {}", [row.value for row in rows]),
    ):
        _refuse_repeats(what, values, rows, where)
    for what, given in (
        ("colour", [row.color is not None for row in rows]),
        ("id", [row.value is not None for row in rows]),
    ):
        if any(given) and not all(given):
            lacking = rows[given.index(False)]
            raise LabelError(f"{at(where, lacking.line)}: class {lacking.name!r} has no {what}; the others have one.")


def _refuse_repeats(what: str, values: Iterable[object], rows: Sequence[Row], where: str) -> None:
    first: dict[object, Row] = {}
    for value, row in zip(values, rows, strict=True):
        if value is None:
            continue
        if value in first:
            before = f"line {first[value].line}" if row.line else f"class {first[value].name!r}"
            raise LabelError(
                f"{at(where, row.line)}: {what.format(value)} is already on {before}. Every class needs its own."
            )
        first[value] = row
