"""Recognises the layout of a folder or zip, and checks that its images and masks fit together."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from segcore.data.augmented_csv import Copy, check_copies, read_copies
from segcore.data.class_lists import with_class_list
from segcore.data.decode import MASK_SUFFIXES, NEAREST_COLOUR
from segcore.data.file_source import Listing, is_archive, list_files
from segcore.data.formats import FORMATS
from segcore.data.formats.base import DetectedDataset, Format, ImageMaskPair
from segcore.data.formats.pairing import is_image
from segcore.data.formats.unread import how_to_go_on
from segcore.data.left_out import unread_files
from segcore.data.stored_mask import files_of
from segcore.data.table_source import TABLE_SUFFIXES
from segcore.errors import DatasetError, listed, number, one_line, unknown
from segcore.reading import parse_json

MAX_DEPTH = 4  # folders around a dataset that are searched
MAX_FOLDERS = 200  # folders that are searched, so that a home folder given by mistake is refused soon
MAX_LISTED = 10  # names in one message
FACTS_FILE = "segcore.json"  # in a dataset's folder: facts that its images and masks don't tell


@dataclass(frozen=True)
class Layout:
    """A folder or zip whose layout was recognised, before any image or mask is decoded.

    Args:
        listing: The folder with the samples.
        name: The layout that recognised it, a key of `FORMATS`.
        detected: What that layout found, incomplete pairs included.
        pairs: Samples that have both image and mask, each with a unique id.
        copies: Those of them that are augmented copies, by id.
        notes: Things a user should know.
    """

    listing: Listing
    name: str
    detected: DetectedDataset
    pairs: tuple[ImageMaskPair, ...]
    copies: Mapping[str, Copy]
    notes: tuple[str, ...]

    @property
    def format(self) -> Format:
        """The layout that recognised it."""
        return FORMATS[self.name]

    @property
    def title(self) -> str:
        """Its title and its name, `Roboflow (roboflow)`."""
        return f"{self.format.title} ({self.name})"


def detect_layout(
    source: str | Path, *, skip_incomplete: bool = False, format: str | None = None, classes: str | None = None
) -> Layout:
    """Recognise and check a folder or zip.

    Args:
        source: Its path.
        skip_incomplete: Go on without images that have no mask and masks that have no image.
        format: Layout that it has, a key of `FORMATS`; None: the one that it looks like.
        classes: Path of a list of classes that beats those of the dataset; None without one.

    Raises:
        DatasetError: when it is missing, empty, damaged, of no known layout or of several, or incomplete.
        LabelError: when the classes are badly listed.
    """
    everything = with_class_list(list_files(source), classes)
    if format is not None and format not in FORMATS:
        raise DatasetError(unknown("layout", format, FORMATS))
    listing, name = _recognise(everything, FORMATS if format is None else {format: FORMATS[format]})
    detected = _with_labelled_splits(FORMATS[name].read(listing), everything)
    if detected.file_source:
        listing, everything = (replace(part, file_source=detected.file_source) for part in (listing, everything))
    detected = _with_facts(listing, detected)
    complete, notes = _complete(detected.pairs, everything, skip_incomplete)
    _check_files(complete, everything)
    _check_splits(complete, detected, everything)
    pairs = unique_ids(complete, everything.where())
    copies = read_copies(listing)
    splits = {pair.id: pair.split for pair in pairs}
    # augmented.csv may also list copies that are skipped because their image or mask is missing.
    skipped = {key: pair.split for pair in detected.pairs for key in (pair.id, f"{pair.split}__{pair.id}")}
    notes = (*detected.notes, *notes, *unread_files(listing, detected))
    notes = (*notes, *check_copies(listing, copies, splits, skipped if skip_incomplete else {}))
    present = {sample_id: copies[sample_id] for sample_id in splits if sample_id in copies}
    return Layout(listing, name, detected, pairs, present, notes)


def _with_facts(listing: Listing, detected: DetectedDataset) -> DetectedDataset:
    """A detected dataset with what its segcore.json says of it; unknown entries of that file are ignored."""
    if FACTS_FILE not in listing.files:
        return detected
    where = listing.where(FACTS_FILE)
    try:
        facts = parse_json(listing.text(FACTS_FILE))
    except ValueError as error:
        raise DatasetError(f'{where}: no JSON ({one_line(error)}). Expected {{"video": true}}.') from None
    video = facts.get("video") if isinstance(facts, dict) else ""
    if not (video is None or isinstance(video, bool)):
        raise DatasetError(
            f'{where}: holds {json.dumps(facts)[:60]}; expected {{"video": true}} or {{"video": false}}.'
        )
    others = (*detected.others, listing.path(FACTS_FILE))
    return replace(detected, video=detected.video if video is None else video, others=others)


def _recognise(everything: Listing, layouts: Mapping[str, Format]) -> tuple[Listing, str]:
    """(the folder with the samples, the name of its layout); outer folders come before inner ones."""
    if not everything.files:
        raise DatasetError(f"{everything.where()}: empty, no files in it. {_known_layouts()}")
    folders = ["", *(folder for folder in everything.folders if folder.count("/") < MAX_DEPTH)]
    for folder in sorted(folders, key=lambda name: (name.count("/") + bool(name), name))[:MAX_FOLDERS]:
        listing = everything.below(folder) if folder else everything
        fitting = [name for name, layout in layouts.items() if layout.looks_like(listing)]
        names = [name for name in fitting if not layouts[name].general] or fitting
        if len(names) > 1:
            raise DatasetError(
                f"{listing.where()}: looks like {' and like '.join(names)}. Say which it is: --format {names[0]}."
            )
        if names:
            if folder:
                _check_alone(folder, everything)
            return listing, names[0]
    if len(layouts) == 1:
        ((name, layout),) = layouts.items()
        raise DatasetError(f"{everything.where()}: is not laid out as {name}, that is: {layout.tree}.")
    top = sorted({file.split("/")[0] + ("/" if "/" in file else "") for file in everything.files})
    packed = [file for file in everything.files if is_archive(file)]
    way_out = f"Unpack {packed[0]} and open its folder. " if packed else ""
    way_out += how_to_go_on(everything.files)
    raise DatasetError(
        f"{everything.where()}: unknown layout; it holds {listed(top, MAX_LISTED)}. {way_out}{_known_layouts()}"
    )


def _with_labelled_splits(detected: DetectedDataset, everything: Listing) -> DetectedDataset:
    """A detected dataset without the splits in which not one image has a mask, such as the test split of a contest."""
    labelled = {pair.split for pair in detected.pairs if pair.mask} | {"train"}
    bare = Counter(pair.split for pair in detected.pairs if pair.split not in labelled)
    if not bare:
        return detected
    notes = (f"Left out {split}: {number(count, 'image')} without masks." for split, count in bare.items())
    return replace(
        detected,
        pairs=tuple(pair for pair in detected.pairs if pair.split in labelled),
        splits=tuple(split for split in detected.splits if split in labelled),
        others=(*detected.others, *(file for pair in detected.pairs if pair.split in bare for file in pair.files)),
        notes=(*detected.notes, *notes),
    )


def _check_alone(folder: str, everything: Listing) -> None:
    """Refuse a folder that holds other images beside its dataset: it may not be the dataset that is meant."""
    parents = {"", *(str(parent) for parent in PurePosixPath(folder).parents if str(parent) != ".")}
    for file in everything.files:
        place = file.rpartition("/")[0]
        samples = "images" if is_image(file) else "tables" if file.endswith(TABLE_SUFFIXES) else ""
        if samples and place not in parents and not f"{place}/".startswith(f"{folder}/"):
            raise DatasetError(
                f"{everything.where()}: no dataset itself. It holds one in {folder}/, but {samples} elsewhere too, "
                f"such as {file}. Give the folder that is meant: {everything.where(folder)}\n{_known_layouts()}"
            )


def _known_layouts() -> str:
    return "Known layouts:\n" + "\n".join(f"  {name}: {layout.tree}" for name, layout in FORMATS.items())


def _complete(
    pairs: Sequence[ImageMaskPair], everything: Listing, skip: bool
) -> tuple[list[ImageMaskPair], tuple[str, ...]]:
    """(pairs that have both files, notes on those that are skipped)."""
    problems = []
    for what, other, files in (
        ("image", "mask", [pair.image for pair in pairs if pair.image and not pair.mask]),
        ("mask", "image", [str(pair.mask) for pair in pairs if pair.mask and not pair.image]),
    ):
        if files:
            problems.append(f"{number(len(files), what)} without {other}: {listed(files, MAX_LISTED)}")
    complete = [pair for pair in pairs if pair.image and pair.mask]
    if problems and (not skip or not complete):
        otherwise = "Add what is missing, or go on without them: --skip-incomplete."
        if not complete:
            both = len(problems) > 1  # images without mask, and masks without image
            otherwise = "Not one name fits: name each mask as its image." if both else "Add what is missing."
        raise DatasetError(f"{everything.where()}: {'; '.join(problems)}. {how_to_go_on(everything.files)}{otherwise}")
    return complete, tuple(f"Skipped {problem}." for problem in problems)


def _check_files(pairs: Iterable[ImageMaskPair], everything: Listing) -> None:
    """Refuse empty files, and masks in a format that changes values."""
    files = dict.fromkeys(file for pair in pairs for file in pair.files)
    empty = [file for file in files if everything.file_source.size(file) == 0]
    if empty:
        raise DatasetError(
            f"{everything.where()}: {number(len(empty), 'empty file')} (0 bytes): "
            f"{listed(empty, MAX_LISTED)}. Get them again."
        )
    for file in dict.fromkeys(file for pair in pairs if pair.mask for file in files_of(pair.mask)):
        if not file.lower().endswith((*MASK_SUFFIXES, ".json")):
            raise DatasetError(
                f"{everything.where(file)}: masks must be lossless ({', '.join(MASK_SUFFIXES)}); "
                f"compression changes their classes. Save it as PNG. {NEAREST_COLOUR}"
            )


def _check_splits(pairs: Iterable[ImageMaskPair], detected: DetectedDataset, everything: Listing) -> None:
    counts = Counter(pair.split for pair in pairs)
    for split in detected.splits:
        if not counts[split]:
            raise DatasetError(
                f"{everything.where()}: split {split!r} has no samples. Put images with masks into it, "
                "or remove its folder."
            )
    if not counts:
        raise DatasetError(f"{everything.where()}: no image with a mask. {_known_layouts()}")


def unique_ids(pairs: Sequence[ImageMaskPair], where: str) -> tuple[ImageMaskPair, ...]:
    """Pairs with unique ids: their split is put before them where an id occurs in several splits.

    Args:
        pairs: One or more.
        where: The dataset's path, for the error.

    Raises:
        DatasetError: when two pairs of one split have the same id.
    """
    if _repeated(pairs):  # train/0001.png and test/0001.png are two samples
        pairs = [replace(pair, id=f"{pair.split}__{pair.id}") for pair in pairs]
        if repeated := _repeated(pairs):
            raise DatasetError(f"{where}: ids that occur twice: {listed(repeated, MAX_LISTED)}. Rename or remove one.")
    return tuple(pairs)


def _repeated(pairs: Iterable[ImageMaskPair]) -> list[str]:
    return [sample_id for sample_id, count in Counter(pair.id for pair in pairs).items() if count > 1]
