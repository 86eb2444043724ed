"""What layouts of annotation files share: reading JSON, classes by name with a background, and drawing masks."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
from PIL import Image, ImageDraw

from segcore.arrays import Bool
from segcore.data.class_lists import ClassList, find_class_list
from segcore.data.decode import MaskPixels
from segcore.data.file_source import FileSource, Listing, decode_text
from segcore.data.formats.class_choice import LABELS_NAME, OwnClasses, short_name
from segcore.errors import DatasetError, LabelError, one_line
from segcore.labels import IGNORE_INDEX, LabelMap, auto_palette, plain_name
from segcore.reading import DECODER_ERRORS, parse_json

BACKGROUND = "background"
OVERLAP = "Where objects overlap, the one that comes later in its file covers the earlier one."
Size = tuple[int, int]  # height, width
Point = Sequence[float]  # x, y in px


@dataclass(frozen=True)
class ClassNames:
    """The classes of masks that are drawn by name.

    Args:
        names: All of them; a pixel holds a position among them.
        listed: What lists them, for messages.
    """

    names: tuple[str, ...]
    listed: str

    @property
    def background(self) -> int:
        """The position that pixels without an annotation get; 255 where no class is called background."""
        return next((place for place, name in enumerate(self.names) if _is_background(name)), IGNORE_INDEX)

    def position(self, name: str, where: str) -> int:
        """The position of a class, by its name or another spelling of it.

        Raises:
            LabelError: when there is no such class.
        """
        if name in self.names:
            return self.names.index(name)
        alike = [place for place, known in enumerate(self.names) if plain_name(known) == plain_name(name)]
        if len(alike) != 1:
            raise LabelError(
                f"{where}: {name!r} is no class of {self.listed}, which has {', '.join(self.names)}. Add it there."
            )
        return alike[0]

    @property
    def notes(self) -> tuple[str, ...]:
        """What becomes of pixels without an annotation."""
        if self.background == IGNORE_INDEX:
            return (f"Pixels without an annotation are not labelled: {self.listed} has no class {BACKGROUND}.",)
        name = self.names[self.background]
        return (
            f"Pixels without an annotation are class {name!r}, which is scored. To leave them out: a line "
            f"'{name},ignore' in --map FILE.csv.",
        )


def named_classes(
    listing: Listing, names: Callable[[], Iterable[str]], tools_list: str = ""
) -> tuple[OwnClasses, ClassNames]:
    """The classes of the list beside the data, else those that the annotations name, with a background.

    Args:
        listing: The dataset's folder.
        names: Returns the names in the annotations; called where there is no list.
        tools_list: Name of the list that the tool writes into the folder, without a background of its own.

    Raises:
        LabelError: when the list has a bad line, or the annotations name no classes, or more than 255.
    """
    beside = find_class_list(listing, LABELS_NAME)
    if beside is None:
        composed = dict.fromkeys(normalize("NFC", name) for name in names())  # "ü" as one character and as two
        plain = sorted(composed, key=_is_background, reverse=True)
        if not plain:
            raise LabelError(f"{listing.where()}: the annotations name no class. Annotate objects, or give --classes.")
        labels = LabelMap(LABELS_NAME, tuple(plain), auto_palette(len(plain)))
        own = OwnClasses(short_name(listing), _with_background(ClassList.of(labels, colored=False)))
        return own, ClassNames(own.classes.labels.names, "the annotations")
    own = OwnClasses.of(listing, beside)
    if tools_list and Path(beside.where).absolute() == Path(listing.where(tools_list)).absolute():
        own = own._replace(classes=_with_background(own.classes))
    return own, ClassNames(own.classes.labels.names, beside.where)


def _is_background(name: str) -> bool:
    return plain_name(name) == BACKGROUND


def _with_background(classes: ClassList) -> ClassList:
    """The same classes after a class background, where they have none."""
    labels = classes.labels
    if any(map(_is_background, labels.names)):
        return classes
    colors = labels.colors if classes.colored else auto_palette(labels.classes + 1)[1:]
    free = next(color for color in auto_palette(IGNORE_INDEX + 1) if color not in colors)
    return ClassList.of(LabelMap(labels.name, (BACKGROUND, *labels.names), (free, *colors)), colored=classes.colored)


@contextmanager
def written_by(tool: str, where: str) -> Iterator[None]:
    """Turn whatever a document of another form raises into one `DatasetError`."""
    try:
        yield
    except KeyError as error:
        raise DatasetError(f"{where}: not as {tool} writes it, {error} is missing. Export it again.") from None
    except (AttributeError, *DECODER_ERRORS) as error:
        raise DatasetError(f"{where}: not as {tool} writes it ({one_line(error)}). Export it again.") from None


def load_document(file_source: FileSource, path: str, tool: str) -> dict[str, Any]:
    """An annotation file.

    Args:
        file_source: The folder or zip.
        path: The file's path in it.
        tool: What wrote it, for messages.

    Raises:
        DatasetError: when it is no JSON object.
    """
    where = f"{file_source.root}/{path}"
    with written_by(tool, where):
        document = parse_json(decode_text(file_source.read(path), where))
    if not isinstance(document, dict):
        raise DatasetError(f"{where}: not as {tool} writes it; expected a JSON object. Export it again.")
    return document


def paint(where: str, size: Size, background: int, regions: Iterable[tuple[int, Bool]]) -> MaskPixels:
    """A mask of regions, of which a later one covers those before.

    Args:
        where: Name of the file, for errors.
        size: Height and width in px.
        background: What pixels of no region hold.
        regions: (position of the class, `[H, W]` bool) of each object.
    """
    ids = np.full(size, background, np.uint8)
    for position, region in regions:
        ids[region] = position
    return MaskPixels(where, ids, named=True)


def region(size: Size, draw: Callable[[ImageDraw.ImageDraw], object]) -> Bool:
    """`[H, W]` bool: the pixels that Pillow draws with `fill` 1."""
    image = Image.new("L", size[::-1])
    draw(ImageDraw.Draw(image))
    return np.asarray(image) > 0


def stamp(size: Size, corner: Point, drawn: Bool) -> Bool:
    """`[H, W]` bool: a small picture `[h, w]` with its upper left corner at (x, y); what lies outside is cut off."""
    full = np.zeros(size, bool)
    left, top = (int(value) for value in corner)
    if left < 0 or top < 0:
        drawn = drawn[max(-top, 0) :, max(-left, 0) :]
        left, top = max(left, 0), max(top, 0)
    place = full[top : top + drawn.shape[0], left : left + drawn.shape[1]]
    place[:] = drawn[: place.shape[0], : place.shape[1]]
    return full


def picture(data: bytes) -> Bool:
    """`[h, w]` bool: the pixels of a small picture that are opaque, or that are not black where all are."""
    image = Image.open(io.BytesIO(data))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        return np.asarray(image.convert("RGBA"))[..., 3] > 0
    return np.asarray(image.convert("RGB")).max(axis=2) > 0


def points(corners: Iterable[Point]) -> list[tuple[float, float]]:
    """Corners as Pillow takes them."""
    return [(float(x), float(y)) for x, y in corners]


Drawing = Callable[[dict[str, Any]], tuple[Size, Iterable[tuple[str, Bool]]]]  # size, (class, region) of each object


@dataclass(frozen=True)
class DrawnMask:
    """A mask that is drawn from the annotation file of its image.

    Args:
        file: That file, a path inside the file source.
        classes: The classes.
        tool: What wrote the file, for messages.
        draw: Draws the objects of the document; a function that can be pickled.
    """

    file: str
    classes: ClassNames
    tool: str
    draw: Drawing

    @property
    def files(self) -> tuple[str, ...]:
        """The annotation file."""
        return (self.file,)

    def __str__(self) -> str:
        return self.file

    def read(self, file_source: FileSource) -> MaskPixels:
        """The pixels of the mask.

        Raises:
            DatasetError: when the file is not as its tool writes it.
            LabelError: when it names a class that is not listed.
        """
        where = f"{file_source.root}/{self.file}"
        document = load_document(file_source, self.file, self.tool)
        with written_by(self.tool, where):
            size, objects = self.draw(document)
            regions = ((self.classes.position(name, where), drawn) for name, drawn in objects)
            return paint(where, size, self.classes.background, regions)
