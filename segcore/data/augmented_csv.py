"""Reads, writes and checks augmented.csv: which samples of a dataset are augmented copies, and of which frames."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import PurePosixPath

from segcore.data.encode import image_suffix
from segcore.data.file_source import Listing
from segcore.errors import DatasetError, number

FILE = "augmented.csv"
_DIGITS = 20  # at most in a number: 64 bits; Python refuses to convert thousands of digits
_SHOWN = 60  # characters of a cell or header in a message
_WAY_OUT = "Put back the file as it was, or rename it if it is no list of augmented copies."
_NAME = re.compile(r"^(?P<origin>.+)_aug\d+$")


@dataclass(frozen=True)
class Copy:
    """An augmented copy: a row of augmented.csv.

    Args:
        copy: Id of the copy.
        source: Id of the frame it was made from.
        number: 1, 2, ... among the copies of this frame.
        seed: Seed that the pipeline was called with.
        applied: The transforms that were applied and their parameters, as JSON.
    """

    copy: str
    source: str
    number: int
    seed: int
    applied: str


COLUMNS = tuple(field.name for field in fields(Copy))


def copy_name(stem: str, count: int) -> str:
    """The name of a copy.

    >>> copy_name("0016E5_07959", 2)
    '0016E5_07959_aug2'
    """
    return f"{stem}_aug{count}"


def copy_files(sample_id: str, image: str, mask: str, count: int) -> tuple[str, str]:
    """Paths of a copy's image and mask, beside those of its frame; what a layout puts behind the name stays last.

    >>> copy_files("day__a", "day/a_leftImg8bit.jpg", "day/a_gtFine_color.bmp", 2)
    ('day/a_aug2_leftImg8bit.jpg', 'day/a_aug2_gtFine_color.png')
    """
    image_path, mask_path = PurePosixPath(image), PurePosixPath(mask)
    name = next(
        (sample_id[start:] for start in range(len(sample_id)) if image_path.stem.startswith(sample_id[start:])), ""
    )
    name = name or image_path.stem  # an id of another form
    stem = copy_name(name, count)
    image_name = stem + image_path.stem.removeprefix(name) + image_suffix(image)
    ending = mask_path.stem.removeprefix(name) if mask_path.stem.startswith(name) else ""
    return str(image_path.with_name(image_name)), str(mask_path.with_name(f"{stem}{ending}.png"))


def write_copies(rows: Iterable[Copy]) -> str:
    """The text of augmented.csv, which `read_copies` reads."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(astuple(row) for row in rows)
    return text.getvalue()


def read_copies(listing: Listing) -> dict[str, Copy]:
    """The copies listed in a dataset's augmented.csv, by id; none where there is no such file.

    Raises:
        DatasetError: naming the line that is not as `write_copies` writes it.
    """
    if FILE not in listing.files:
        return {}
    where = listing.where(FILE)
    copies: dict[str, Copy] = {}
    numbered: dict[tuple[str, int], int] = {}
    lines: dict[str, int] = {}
    for line, cells in _rows(listing.text(FILE), where):
        row = _copy(cells, f"{where}:{line}")
        if row.copy in copies:
            raise DatasetError(f"{where}:{line}: {row.copy} is already on line {lines[row.copy]}. Remove one of them.")
        before = numbered.setdefault((row.source, row.number), line)
        if before != line:
            raise DatasetError(f"{where}:{line}: copy {row.number} of {row.source} is already on line {before}.")
        copies[row.copy], lines[row.copy] = row, line
    for row in copies.values():
        if row.source in copies:
            raise DatasetError(
                f"{where}:{lines[row.copy]}: {row.copy} is made from {row.source}, which is a copy itself; expected "
                "the frame."
            )
    return copies


def check_copies(
    listing: Listing, copies: Mapping[str, Copy], splits: Mapping[str, str], skipped: Mapping[str, str]
) -> tuple[str, ...]:
    """Check the copies of a dataset, and return notes on them.

    Args:
        listing: The dataset's folder.
        copies: The result of `read_copies`.
        splits: Split of every sample, by id.
        skipped: Split of every sample that is left out because its image or mask is missing, by id.

    Raises:
        DatasetError: on a copy that is no sample or not in train, and on samples that look like copies but are not
            listed beside others.
    """
    where = listing.where(FILE)
    for name, copy in copies.items():
        split = splits.get(name, skipped.get(name))
        if split is None:
            raise DatasetError(
                f"{_listed(listing, name)}: {name} is no sample of this dataset. Remove the line, or put back the "
                f"{FILE} that belongs to these files."
            )
        if split != "train":
            raise DatasetError(
                f"{_listed(listing, name)}: {name} is in {split}; copies are only trained on. Put it where "
                f"{copy.source} was, or remove it with its line."
            )
    frames = {copy.source for copy in copies.values()} | splits.keys()
    looks = [name for name in splits if name not in copies and (hit := _NAME.match(name)) and hit["origin"] in frames]
    if looks and copies:
        raise DatasetError(
            f"{where}: {looks[0]} looks like a copy and is not in it ({len(looks)} are not). Put back the whole "
            f"{FILE}, or rename the {'image' if len(looks) == 1 else 'images'}."
        )
    if copies:
        here = [copy for name, copy in copies.items() if name in splits]
        sources = {copy.source for copy in here}
        missing = sum(source not in splits for source in sources)
        absent = f", {missing} of which are not here" if missing else ""
        trained = sum(split == "train" for split in splits.values())
        return (
            f"{len(here)} of {trained} training samples are augmented copies of {number(len(sources), 'frame')}"
            f"{absent}; a split keeps them together.",
        )
    if not looks:
        return ()
    return (
        f"{number(len(looks), 'sample')} ({looks[0]}, ...) look like augmented copies, but there is no {FILE}: each "
        "counts as a frame of its own, and may validate a model that was trained on its twin.",
    )


def _listed(listing: Listing, name: str) -> str:
    """The line of a copy, for messages: `augmented.csv:2`."""
    where = listing.where(FILE)
    return next(f"{where}:{line}" for line, cells in _rows(listing.text(FILE), where) if cells[0] == name)


def _rows(text: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """(line that it begins on, cells) of each row; a cell may span several lines."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            raise DatasetError(f"{where}:1: {_short(','.join(header))}; expected '{','.join(COLUMNS)}'. {_WAY_OUT}")
        begins = reader.line_num + 1
        for cells in reader:
            yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise DatasetError(f"{where}:{reader.line_num}: no valid CSV ({error}). {_WAY_OUT}") from None


def _copy(cells: list[str], where: str) -> Copy:
    if len(cells) != len(COLUMNS):
        raise DatasetError(f"{where}: {len(cells)} cells; expected {len(COLUMNS)}: {','.join(COLUMNS)}.")
    copy, source, count, seed, applied = cells
    if not copy or not source or copy == source:
        raise DatasetError(f"{where}: copy {copy!r} of {source!r}; expected the ids of two different samples.")
    if not _is_number(count) or int(count) < 1:
        raise DatasetError(f"{where}: number is {_short(count)}; expected 1 or more, of {_DIGITS} digits at most.")
    if not _is_number(seed):
        raise DatasetError(f"{where}: seed is {_short(seed)}; expected a number of {_DIGITS} digits at most.")
    return Copy(copy, source, int(count), int(seed), applied)


def _is_number(cell: str) -> bool:
    return cell.isdecimal() and len(cell) <= _DIGITS


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
