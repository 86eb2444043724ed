"""Class names, palette and ignored classes: the meaning of the ids in a mask.

A `LabelMap` numbers its scored classes 0..C-1 in order. Ignored classes have a colour but no id: their
pixels decode to `IGNORE_INDEX` and are neither trained on nor scored.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html import escape
from typing import Any
from unicodedata import normalize

import numpy as np
import numpy.typing as npt

from segcore.arrays import U8
from segcore.errors import LabelError, unknown
from segcore.label_presets import (
    ADE150_NAMES,
    ALIASES,
    CAMVID11_COLORS,
    CAMVID32_COLORS,
    CITYSCAPES_COLORS,
    GROUPINGS,
    VOC21_NAMES,
    VOC_VOID,
)

IGNORE_INDEX = 255
MAX_CLASSES = 255  # ids 0..254; 255 is IGNORE_INDEX
Color = tuple[int, int, int]
# As `plain_name` has them. `background` is a real class for many, and `none` may be one.
VOID_NAMES = frozenset(
    {
        *("void", "voidlabel", "voidclass", "voidarea", "unlabeled", "unlabelled", "unlabeledarea", "notlabeled"),
        *("notlabelled", "nolabel", "unannotated", "notannotated", "ignore", "ignored", "ignorelabel", "ignoreindex"),
        *("ignoreclass", "ignoredclass", "ignorearea", "ignoreregion", "ignoreinscoring", "dontcare", "donotcare"),
        *("dontcarearea", "outofroi"),
    }
)

_UNKNOWN = 256  # marks colours that belong to no class in the lookup table


@dataclass(frozen=True)
class LabelMap:
    """Names and colours of the classes of a dataset.

    Args:
        name: Short name, e.g. `camvid11`.
        names: Scored classes; a class's id is its position.
        colors: RGB 0-255, one for each scored class.
        ignored: Classes whose pixels are never scored, as `(name, colour)`.
        merged: What was merged or renamed: (name of a class that masks are written in, name of its class here).

    Raises:
        LabelError: on no or too many classes, a repeated name or colour, or a colour out of range.
    """

    name: str
    names: tuple[str, ...]
    colors: tuple[Color, ...]
    ignored: tuple[tuple[str, Color], ...] = ()
    merged: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.names) <= MAX_CLASSES:
            raise LabelError(f"{self.name}: {len(self.names)} classes; expected 1 to {MAX_CLASSES}.")
        if len(self.names) != len(self.colors):
            raise LabelError(f"{self.name}: {len(self.names)} names but {len(self.colors)} colours; they must match.")
        seen_names: set[str] = set()
        seen_colors: dict[Color, str] = {}
        for name, color in self.entries:
            if name in seen_names:
                raise LabelError(f"{self.name}: class {name!r} is listed twice. Remove one of the two lines.")
            if len(color) != 3 or not all(0 <= channel <= 255 for channel in color):
                raise LabelError(f"{self.name}: class {name!r} has colour {color}; expected three of 0-255.")
            if color in seen_colors:
                raise LabelError(
                    f"{self.name}: classes {seen_colors[color]!r} and {name!r} share the colour {color}; "
                    "a mask could not tell them apart."
                )
            seen_names.add(name)
            seen_colors[color] = name

    @property
    def classes(self) -> int:
        """Number of scored classes C."""
        return len(self.names)

    @property
    def entries(self) -> tuple[tuple[str, Color], ...]:
        """(name, colour) of every class, the scored ones first."""
        return (*zip(self.names, self.colors, strict=True), *self.ignored)

    @cached_property
    def palette(self) -> U8:
        """`[256, 3]` uint8 RGB: row id = its colour; row 255 = the first ignored class, else black."""
        table = np.zeros((256, 3), np.uint8)
        table[: self.classes] = self.colors
        if self.ignored:
            table[IGNORE_INDEX] = self.ignored[0][1]
        table.flags.writeable = False
        return table

    @property
    def hex_colors(self) -> list[str]:
        """Colours of the scored classes as `#rrggbb`."""
        return [hex_color(color) for color in self.colors]

    def _repr_html_(self) -> str:
        """The classes with their colours, for notebooks; those that are never scored are struck out."""
        styles = "", "text-decoration:line-through"
        return " ".join(
            f'<span style="white-space:nowrap;margin-right:.8em"><span style="color:{hex_color(color)}">■</span> '
            f'<span style="{styles[place >= self.classes]}">{escape(name)}</span></span>'
            for place, (name, color) in enumerate(self.entries)
        )

    def index(self, name: str) -> int:
        """Id of a scored class.

        Raises:
            LabelError: when there is no such scored class.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise LabelError(unknown(f"class in {self.name}", name, self.names)) from None

    def to_rgb(self, mask: U8) -> U8:
        """Draw a mask: `[H, W]` uint8 ids -> `[H, W, 3]` uint8 RGB."""
        return self.palette.take(mask, axis=0)  # four times as fast as an index

    def to_ids(self, rgb: U8, *, source: str = "mask", tolerance: int = 0) -> U8:
        """Turn a mask of colours into ids, by one table lookup.

        Args:
            rgb: `[H, W, 3]` uint8 colours.
            source: Name of the file, for the error.
            tolerance: Largest per-channel distance at which an unknown colour takes its nearest class; of equally near
                ones the nearest in a straight line.

        Returns:
            `[H, W]` uint8; ignored classes become `IGNORE_INDEX`.

        Raises:
            LabelError: naming file, colour, pixel count and the nearest known colour.
        """
        packed = _pack(rgb)
        ids = np.take(_lookup_table(self), packed)
        missing = ids == _UNKNOWN
        if missing.any():
            for value, count in zip(*np.unique(packed[missing], return_counts=True), strict=True):
                ids[packed == value] = self._nearest_id(int(value), int(count), source, tolerance)
        return ids.astype(np.uint8)

    def _nearest_id(self, packed: int, count: int, source: str, tolerance: int) -> int:
        color = (packed & 255, packed >> 8 & 255, packed >> 16 & 255)
        known = np.array([entry_color for _, entry_color in self.entries])
        distance = np.abs(known - color).max(axis=1)
        # What is as far in one channel is told apart by the straight line.
        ranks = np.where(distance == distance.min(), np.square(known - color).sum(axis=1), np.inf)
        nearest = np.flatnonzero(ranks == ranks.min())
        best = int(nearest[0])
        ids = {int(place) if place < self.classes else IGNORE_INDEX for place in nearest}
        if distance[best] <= tolerance and len(ids) == 1:
            return ids.pop()
        if distance[best] <= tolerance:
            (one, _), (other, _) = (self.entries[place] for place in nearest[:2])
            raise LabelError(
                f"{source}: colour {color} ({count} pixels) is as far from {one} as from {other}. Correct the mask, or "
                "add the colour to the label file, for instance as a class Void."
            )
        name, near = self.entries[best]
        apart = np.abs(known[:, None] - known[None]).max(axis=2)
        closest = int(apart[apart > 0].min(initial=256))
        tolerance = int(distance[best])
        otherwise = (
            f"let such colours pass with a colour tolerance of {tolerance} (--color-tolerance {tolerance})"
            if 4 * tolerance <= closest  # a colour farther away is a guess
            else "save the mask without smoothed edges"
        )
        raise LabelError(
            f"{source}: colour {color} ({count} pixels) is no class of {self.name}; the nearest is {name} {near}. "
            f"Add it to the label file, or {otherwise}."
        )

    def with_ignored(self, ignored: Iterable[str]) -> LabelMap:
        """The same classes in the same order with exactly these ignored; `()` scores every class.

        Raises:
            LabelError: when a name is no class of this map.

        >>> CAMVID11.with_ignored(()).names[-1]
        'Void'
        """
        names = tuple(ignored)
        colors = dict(self.entries)
        for name in names:
            if name not in colors:
                raise LabelError(unknown(f"class in {self.name}", name, colors))
        scored = [name for name in colors if name not in names]
        return LabelMap(
            self.name,
            tuple(scored),
            tuple(colors[name] for name in scored),
            tuple((name, colors[name]) for name in names),
            self.merged,
        )

    def mapping_to(self, target: LabelMap) -> U8:
        """`[256]` uint8 table: id of this map -> id of `target`, by name or by one of the `GROUPINGS`.

        Raises:
            LabelError: when `target` has no class for one of this map's.

        >>> table = CAMVID32.mapping_to(CAMVID11)
        >>> CAMVID11.names[table[CAMVID32.index("Wall")]]
        'Building'
        """
        places = {name: index for index, name in enumerate(target.names)}
        places |= {name: IGNORE_INDEX for name, _ in target.ignored}
        same_class, merged = class_finder(places), dict(target.merged)
        groups = {
            plain_name(source): name for name, sources in GROUPINGS.get(target.name, {}).items() for source in sources
        }
        table = np.full(256, IGNORE_INDEX, np.uint8)
        for index, name in enumerate(self.names):
            wanted = merged.get(name, name)
            place = places.get(same_class(wanted) or groups.get(plain_name(wanted), ""))
            if place is None:
                raise LabelError(
                    f"Class {name!r} of {self.name} has no place in {target.name}; it knows {', '.join(places)}. "
                    "Leave out --labels to keep the dataset's own classes, or regroup them with --map instead."
                )
            table[index] = place
        return table

    def to_dict(self) -> dict[str, Any]:
        """The map as plain values for JSON or YAML, which `from_dict` reads."""
        values = {
            "name": self.name,
            "names": list(self.names),
            "colors": [list(color) for color in self.colors],
            "ignored": [[name, list(color)] for name, color in self.ignored],
        }
        return values | ({"merged": [list(pair) for pair in self.merged]} if self.merged else {})

    def to_csv(self) -> str:
        """`id,name,r,g,b`, a line a class, as `segcore data` reads it.

        >>> print(LabelMap("own", ("car, truck",), ((64, 0, 128),)).to_csv(), end="")
        id,name,r,g,b
        0,"car, truck",64,0,128
        """
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(("id", "name", "r", "g", "b"))
        rows.writerows((index, name, *color) for index, (name, color) in enumerate(self.entries))
        return text.getvalue()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LabelMap:
        """The map that `to_dict` turned into plain values."""
        return cls(
            values["name"],
            tuple(values["names"]),
            tuple(_color(color) for color in values["colors"]),
            tuple((name, _color(color)) for name, color in values["ignored"]),
            tuple((source, name) for source, name in values.get("merged", ())),
        )


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """A class name without case, spaces and punctuation, so that spellings of one name are equal.

    >>> plain_name("Traffic light") == plain_name("TrafficLight") == plain_name("traffic_light")
    True
    """
    letters = "".join(letter for letter in normalize("NFC", name).casefold() if letter.isalnum())
    return ALIASES.get(letters, letters) or name


def class_finder(names: Iterable[str]) -> Callable[[str], str | None]:
    """A function from a class name to the one of `names` that means the same class, or to None.

    That is the same name, another spelling of it, or a void-like name for a void-like one.

    >>> same_class = class_finder(["Road", "Traffic light", "Void"])
    >>> same_class("TrafficLight"), same_class("unlabeled"), same_class("Tree")
    ('Traffic light', 'Void', None)
    """
    exact = list(names)
    alike = {plain_name(name): name for name in exact}
    void = next(filter(is_void, exact), None)

    def same_class(name: str) -> str | None:
        return name if name in exact else alike.get(plain_name(name), void if is_void(name) else None)

    return same_class


def is_void(name: str) -> bool:
    """Whether a class means "not labelled": by its whole name, or by each of several names in one.

    >>> is_void("Unlabeled"), is_void("Void / don't care"), is_void("background")
    (True, True, False)
    """
    return all(plain_name(part) in VOID_NAMES for part in re.split(r"[/|,;]|\bor\b", name))


def auto_palette(count: int) -> tuple[Color, ...]:
    """Distinct colours for classes that have none: the bit-reversal scheme of PASCAL VOC, black first.

    >>> auto_palette(4)
    ((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0))
    """
    colors = []
    for index in range(count):
        channels = [0, 0, 0]
        for bit in range(8):
            for channel in range(3):
                channels[channel] |= (index >> (3 * bit + channel) & 1) << (7 - bit)
        colors.append((channels[0], channels[1], channels[2]))
    return tuple(colors)


def hex_color(color: Iterable[int]) -> str:
    """A colour as CSS writes it.

    >>> hex_color((128, 0, 255))
    '#8000ff'
    """
    return f"#{bytes(color).hex()}"


def _color(values: Iterable[int]) -> Color:
    red, green, blue = values
    return int(red), int(green), int(blue)


def _pack(rgb: U8) -> npt.NDArray[np.uint32]:
    """`[H, W, 3]` -> `[H, W]` uint32, red in the low byte: one 32-bit read a pixel instead of three multiplications."""
    padded = np.zeros((*rgb.shape[:2], 4), np.uint8)
    padded[..., :3] = rgb
    return padded.view("<u4")[..., 0]


@lru_cache(maxsize=4)  # 32 MB each
def _lookup_table(labels: LabelMap) -> npt.NDArray[np.uint16]:
    table = np.full(1 << 24, _UNKNOWN, np.uint16)
    for index, (_, (red, green, blue)) in enumerate(labels.entries):
        table[red | green << 8 | blue << 16] = index if index < labels.classes else IGNORE_INDEX
    return table


def _preset(name: str, text: str) -> LabelMap:
    """A map of lines `R G B name`; `Void` is ignored."""
    rows = [line.split(maxsplit=3) for line in text.strip().splitlines()]
    entries = [(row[3], _color(map(int, row[:3]))) for row in rows]
    return LabelMap(name, *zip(*entries, strict=True)).with_ignored(entry for entry, _ in entries if entry == "Void")


def _names(text: str) -> tuple[str, ...]:
    return tuple(" ".join(name.split()) for name in text.split(","))


CAMVID32 = _preset("camvid32", CAMVID32_COLORS)
CAMVID11 = _preset("camvid11", CAMVID11_COLORS)

# All labels by labelId; the 19 that are evaluated, in the order of their trainIds.
CITYSCAPES34 = _preset("cityscapes34", CITYSCAPES_COLORS.replace("*", ""))
CITYSCAPES19 = _preset(
    "cityscapes19",
    "\n".join(line for line in CITYSCAPES_COLORS.strip().splitlines() if not line.endswith("*")) + "\n0 0 0 Void",
)

# The palette of VOC is the one that `auto_palette` makes.
VOC21 = LabelMap("voc21", _names(VOC21_NAMES), auto_palette(21), (("void", VOC_VOID),))

# In ADE20K's own palette road and skyscraper share a colour, so these are the colours of `auto_palette`, by id.
ADE150 = LabelMap("ade150", _names(ADE150_NAMES), auto_palette(151)[1:], (("Void", (0, 0, 0)),))

PRESETS: Mapping[str, LabelMap] = {preset.name: preset for preset in (CAMVID32, CAMVID11, CITYSCAPES19, VOC21, ADE150)}
