"""Says what of a dataset is left out: files and folders that are not read, and what images hold beside 8-bit RGB."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from PIL import Image

from segcore.data.class_lists import CLASS_FILES
from segcore.data.decode import IMAGE_SUFFIXES, MASK_SUFFIXES, readable, stored_mode
from segcore.data.evenly_spread import SAMPLED, spread
from segcore.data.file_source import FileSource, Listing
from segcore.data.formats.base import DetectedDataset
from segcore.data.formats.unread import is_export_list
from segcore.errors import DatasetError, number

NAMED = 6  # kinds of files that a note names
# What explains a dataset or makes one, and what Segcore itself writes into its folder, is no part of the data.
_PAPER = re.compile(
    r".*\.(?:md|rst|html?|pdf|cff|py|sh)|(?:readme|licen[cs]e|citation|changelog|copying|notice|authors)\b.*"
    r"|augmented\.(?:csv|json)|pipeline\.yaml|leaks\.json",
    re.IGNORECASE,
)


def unread_files(listing: Listing, detected: DetectedDataset) -> tuple[str, ...]:
    """A note on the files that nothing was made of, by kind and folder; none where there are no such files.

    Images beside those of samples are not counted: the layout itself says why it left them out, or refuses them.

    Args:
        listing: The dataset's folder.
        detected: What its layout found in it.
    """
    if detected.file_source:
        return ()  # its samples are no files; its layout says what it left out
    used = {file for pair in detected.pairs for file in pair.files} | set(detected.others)
    folders = {file.rpartition("/")[0] for file in used}
    read_from = {file.partition("/")[0] for file in listing.files if listing.path(file) in used}
    counts: Counter[tuple[str, str]] = Counter()
    for file in listing.files:
        path = listing.path(file)
        if path in used:
            continue
        suffix = PurePosixPath(file).suffix.lower()
        picture = suffix in IMAGE_SUFFIXES or suffix in MASK_SUFFIXES
        folder, _, name = file.rpartition("/")
        explained = path.rpartition("/")[0] in folders if picture else name.lower() in CLASS_FILES or _PAPER.match(name)
        if not explained and not is_export_list(listing, file):
            top = folder.partition("/")[0]
            inside = "/".join(folder.split("/")[:2])  # beside folders that are read: a split, misnamed?
            place = inside if picture and top in read_from else top
            counts[place, suffix or "without a suffix"] += 1
    if not counts:
        return ()
    if len(counts) > NAMED:
        joined: Counter[tuple[str, str]] = Counter()
        for (folder, kind), count in counts.items():
            joined[folder.partition("/")[0], kind] += count
        counts = joined
    kinds = [f"{count} {kind}" + (f" in {folder}/" if folder else "") for (folder, kind), count in counts.most_common()]
    more = f" and {number(len(kinds) - NAMED, 'other kind')}" if len(kinds) > NAMED else ""
    left = "1 file that is" if counts.total() == 1 else f"{counts.total()} files that are"
    return (f"Left out {left} not read: {', '.join(kinds[:NAMED])}{more}.",)


def unread_parts(file_source: FileSource, images: Sequence[str]) -> tuple[str, ...]:
    """Notes on what images hold that is not read, judged by the headers of a few spread over the dataset.

    Args:
        file_source: The folder or zip with the images.
        images: Their paths in it.
    """
    sample = spread(images, SAMPLED)
    counts = Counter(part for path in sample for part in _parts(file_source, path))
    return tuple(f"{part} ({count} of {number(len(sample), 'image')} looked at)." for part, count in counts.items())


def _parts(file_source: FileSource, path: str) -> list[str]:
    try:
        with (
            file_source.open(path) as stream,
            readable(stream, path),
            Image.open(stream) as image,
        ):
            fourth = image.has_transparency_data or image.mode == "RGBX"
            pages = image.format != "MPO" and getattr(image, "n_frames", 1) > 1
            deep = image.mode.startswith("I") or ";16" in stored_mode(image)
    except DatasetError:
        return []  # raised when it is read itself
    parts = {
        "Transparency, or a fourth band, of images is left out": fourth,
        "Images have several pages or frames: the first is read": pages,
        "Images have 16 bits a channel: 8 of them are kept": deep,
    }
    return [part for part, there in parts.items() if there]
