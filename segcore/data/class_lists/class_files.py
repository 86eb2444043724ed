"""The files in which tools list classes, how each is read, and which of those beside the data is taken."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from segcore.data.class_lists.class_list import ClassList, Row, make_class_list
from segcore.data.class_lists.columns import parse_color
from segcore.data.class_lists.documents import load_json, read_json, read_nnunet, read_yaml, without_ids
from segcore.data.class_lists.text_tables import content_lines, is_comment, read_table
from segcore.data.file_source import Listing, decode_text
from segcore.errors import DatasetError, LabelError
from segcore.labels import CAMVID32, IGNORE_INDEX, Color, is_void, plain_name
from segcore.paths import local_path
from segcore.reading import read_bytes

MAX_DEPTH = 2  # folders below the dataset's own in which a list is looked for
Reader = Callable[[str, str], list[Row]]  # (text, the file's full path for messages) -> classes


@dataclass(frozen=True)
class ClassFile:
    """A file in which some tool lists classes.

    Args:
        read: Reads its text.
        holds: What its text must hold where its name alone says little; None where the name is enough.
        instead_of: Files of the same tool that it makes superfluous.
    """

    read: Reader
    holds: str | None = None
    instead_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class FoundClasses:
    """A list of classes that stands beside the data, or that the user gave.

    Args:
        classes: What it lists.
        where: Its full path.
        files: Its path inside the dataset's file source; empty where it is elsewhere.
    """

    classes: ClassList
    where: str
    files: tuple[str, ...] = ()


def read_cvat(text: str, where: str) -> list[Row]:
    """CVAT's labelmap.txt: `name:r,g,b:parts:actions`; another file of that name is a plain list.

    Raises:
        LabelError: naming file and line.
    """
    lines = [(number, line) for number, line in content_lines(text, where)[0] if not is_comment(line)]
    matches = [re.fullmatch(r"\s*(.*?)\s*:([\d\s,.]*):[^:]*:[^:]*", line) for _, line in lines]
    if not lines or not any(matches):
        return read_table(text, where)
    rows = []
    for (number, line), match in zip(lines, matches, strict=True):
        if match is None:
            raise LabelError(f"{where}:{number}: {line.strip()!r}; expected 'name:r,g,b:parts:actions'.")
        color = parse_color(match[2], f"{where}:{number}", line) if match[2].strip() else None
        rows.append(Row(match[1], color, None, number))
    return rows


def read_fastai(text: str, where: str) -> list[Row]:
    """fast.ai's codes.txt: one name a line, its id is the line; CamVid's colours if all names are CamVid's.

    Raises:
        LabelError: naming file and line.
    """
    rows = read_table(text, where)
    known = {plain_name(name): (name, color) for name, color in CAMVID32.entries}
    if not all(row.color is None and plain_name(row.name) in known for row in rows):
        return rows
    return [replace(row, color=known[plain_name(row.name)][1]) for row in rows]


def read_ade20k(text: str, where: str) -> list[Row]:
    """ADE20K's objectInfo150.txt: each class by the first of its names; 0 in the masks is not labelled.

    Raises:
        LabelError: naming file and line.
    """
    rows = read_table(text, where)
    first = [re.split(r"[,;]", row.name)[0].strip() for row in rows]
    if len(set(first)) == len(first):
        rows = [replace(row, name=name) for row, name in zip(rows, first, strict=True)]
    if rows and all(row.value not in (None, 0) for row in rows):
        rows.append(Row("Void", None, 0, rows[-1].line + 1))
    return rows


# By name, in any case; where several lie beside the data, the first one is read.
CLASS_FILES: Mapping[str, ClassFile] = {
    "label_colors.txt": ClassFile(read_table),  # CamVid, CVAT's CamVid
    "classes.csv": ClassFile(read_table),
    "classes.json": ClassFile(read_json),
    "classes.txt": ClassFile(read_table),
    "class_dict.csv": ClassFile(read_table),  # Semantic-Segmentation-Suite, Kaggle
    "_classes.csv": ClassFile(read_table),  # Roboflow
    "labelmap.txt": ClassFile(read_cvat),  # CVAT
    "class_names.txt": ClassFile(read_table),  # labelme
    "codes.txt": ClassFile(read_fastai),  # fast.ai
    "labels.txt": ClassFile(read_table),  # labelme, MATLAB
    "id2label.json": ClassFile(read_json),  # Hugging Face
    "obj_class_to_machine_color.json": ClassFile(read_json, instead_of=("meta.json",)),  # Supervisely's masks
    "objectinfo150.txt": ClassFile(read_ade20k),
    "dataset.json": ClassFile(read_nnunet, "labels"),  # nnU-Net
    "meta.json": ClassFile(without_ids(load_json), "classes"),  # Supervisely
    "data.yaml": ClassFile(read_yaml, "names"),  # YOLO
    "data.yml": ClassFile(read_yaml, "names"),
    "config.json": ClassFile(read_json, '"(labels|id2label)"'),  # Mapillary Vistas, Hugging Face's models
}
_BY_SUFFIX: Mapping[str, Reader] = {".json": read_json, ".yaml": read_yaml, ".yml": read_yaml}


def with_class_list(listing: Listing, path: str | Path | None) -> Listing:
    """A listing whose classes are those of a file anywhere on disk; the same listing for None.

    Raises:
        LabelError: when there is no such file.
    """
    if path is None:
        return listing
    file = local_path(path, LabelError).absolute()
    if not file.is_file():
        raise LabelError(f"{file}: no such file (--classes). Give a list of classes, such as a classes.csv.")
    return replace(listing, class_list=str(file))


def find_class_list(listing: Listing, name: str) -> FoundClasses | None:
    """The list of classes of a dataset: the user's, else the one that lies highest among its files; None without one.

    Of several beside each other, the first of `CLASS_FILES` is taken; rather one with ids where that has colours alone.

    Args:
        listing: The dataset's folder.
        name: Short name of the label map.

    Raises:
        LabelError: as `read_classes`, or when another list beside it can't be read, or has other names, colours or
            ids; both are named.
    """
    if listing.class_list is not None:
        return FoundClasses(read_classes(listing, listing.class_list, name), listing.class_list)
    files = _lists_in(listing)
    if not files:
        return None
    lists: dict[str, ClassList] = {}
    for file in files:
        try:
            lists[file] = read_classes(listing, file, name)
        except DatasetError as error:
            if not lists:
                raise
            raise LabelError(
                f"{error} If it is no list of classes, say which one is: --classes {listing.where(files[0])}"
            ) from None
    first = files[0]
    if lists[first].colored and not lists[first].numbered:
        first = next((file for file, other in lists.items() if other.colored and other.numbered), first)
    for file, other in lists.items():
        check_agreement(listing.where(first), lists[first], listing.where(file), other)
    return FoundClasses(lists[first], listing.where(first), (listing.path(first),))


def check_agreement(
    where: str, classes: ClassList, other_where: str, other: ClassList, *, shared: bool = False
) -> None:
    """Refuse two lists of classes that say different things.

    Args:
        where: Full path of the first list.
        classes: What it lists.
        other_where: Full path of the second.
        other: What that lists.
        shared: Whether only classes that both lists name must agree.

    Raises:
        LabelError: naming both files and the first difference.
    """
    if difference := _difference(classes, other, shared):
        raise LabelError(f"{where} and {other_where} disagree: {difference}. Say which one holds: --classes {where}")


def read_classes(listing: Listing, file: str, name: str) -> ClassList:
    """Read a list of classes; its name tells the form, or else its suffix: `.json`, `.yaml`, or lines of text.

    Args:
        listing: The dataset's folder.
        file: The list's path in it, or `class_list` of the listing, the user's own.
        name: Short name of the label map.

    Raises:
        LabelError: naming file and line, on a bad line, a repeated name, colour or id, or columns that are not clear.
    """
    short = file.rpartition("/")[2].lower()
    known = CLASS_FILES.get(short)
    suffix = f".{short.rpartition('.')[2]}"
    where, text = _text(listing, file)
    read = known.read if known else _BY_SUFFIX.get(suffix, read_table)
    classes = make_class_list(read(text, where), where, name)
    if read is read_fastai and not any(row.color for row in read_table(text, where)):
        return replace(classes, colored=False)  # the colours are CamVid's, to be seen
    return classes


def read_codes(listing: Listing, file: str, name: str) -> ClassList:
    """Read a list as fast.ai's codes.txt, whatever its name.

    Raises:
        LabelError: naming file and line of a repeated name, or when there are no names.
    """
    where, text = _text(listing, file)
    return make_class_list(read_fastai(text, where), where, name)


def _text(listing: Listing, file: str) -> tuple[str, str]:
    """(full path, text) of a list."""
    if file != listing.class_list:
        return listing.where(file), listing.text(file)
    try:
        return file, decode_text(read_bytes(file), file)
    except OSError as error:
        raise LabelError(f"{file}: can't be read ({error.strerror or error}).") from None


def _lists_in(listing: Listing) -> list[str]:
    """The lists of the highest folder that has any, in the order of `CLASS_FILES`."""
    named: dict[int, list[str]] = {}
    for file in listing.files:
        if file.count("/") > MAX_DEPTH:
            continue
        short = file.rpartition("/")[2].lower()
        if short in CLASS_FILES and _holds(listing, file, CLASS_FILES[short].holds):
            named.setdefault(file.count("/"), []).append(file)
    files = named[min(named)] if named else []
    order = list(CLASS_FILES)
    files.sort(key=lambda file: (order.index(file.rpartition("/")[2].lower()), file))
    superfluous = set()
    for file in files:
        folder, slash, short = file.lower().rpartition("/")
        superfluous |= {folder + slash + other for other in CLASS_FILES[short].instead_of}
    return [file for file in files if file.lower() not in superfluous]


def _holds(listing: Listing, file: str, pattern: str | None) -> bool:
    if pattern is None:
        return True
    try:
        return re.search(pattern, listing.text(file)) is not None
    except DatasetError:
        return False


def _difference(one: ClassList, other: ClassList, shared: bool) -> str | None:
    """What two lists say differently of the classes that count: names, colours or ids.

    Ids that are only positions count where not both lists have colours.
    """
    mine, theirs = _described(one), _described(other)
    colored, numbered = one.colored and other.colored, one.numbered and other.numbered
    for name in (*mine, *theirs):
        if name not in mine or name not in theirs:
            if shared:
                continue
            return f"only one has {(mine.get(name) or theirs[name])[0]!r}"
        (spelled, color, value), (_, other_color, other_value) = mine[name], theirs[name]
        if colored and color != other_color:
            return f"{spelled!r} has colour {color} and {other_color}"
        if value != other_value and (numbered or not colored):
            return f"{spelled!r} has id {value} and {other_value}"
    return None


def _described(classes: ClassList) -> dict[str, tuple[str, Color, int]]:
    """Plain name -> (name, colour, id) of each class that counts."""
    entries = zip(classes.labels.names, classes.labels.colors, classes.values, strict=True)
    return {
        plain_name(name): (name, color, value)
        for name, color, value in entries
        if not is_void(name) and value != IGNORE_INDEX
    }
