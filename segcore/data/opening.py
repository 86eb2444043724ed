"""Opening a dataset by name or path: recognise its layout, check it, and give its masks the wanted labels."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from segcore.data.augmented_copies import Copy, check_copies, read_copies
from segcore.data.class_lists import is_void
from segcore.data.dataset import Dataset, Record
from segcore.data.decode import MASK_SUFFIXES, MaskCoding
from segcore.data.file_source import Listing, is_folder, list_tree
from segcore.data.formats import FORMATS, Format
from segcore.data.formats.base import DetectedDataset, ImageMaskPair, is_image
from segcore.data.sample_records import FileRecord, RenumberedRecord
from segcore.data.video import group_of, is_video, natural_key
from segcore.errors import DatasetError, LabelError, number, one_line, unknown
from segcore.labels import CAMVID32, PRESETS, LabelMap

DRIVE = "drive"
MAX_DEPTH = 4  # folders around a dataset that are looked into
MAX_FOLDERS = 200  # of them, so that a home folder given by mistake is refused soon
MAX_LISTED = 10  # names in one message
Void = Literal["ignore", "class"]
Video = Literal["auto", "yes", "no"]
VIDEO: Mapping[str, bool | None] = {"auto": None, "yes": True, "no": False}
FACTS_FILE = "segcore.json"  # in a dataset's folder: what its files can't tell


def open_dataset(
    source: str | Path = DRIVE,
    *,
    labels: str | None = None,
    void: Void = "ignore",
    skip_incomplete: bool = False,
    color_tolerance: int = 0,
    video: Video = "auto",
) -> Dataset:
    """Open a folder, a zip or the embedded drive; the layout is recognised (see `FORMATS`).

    Args:
        source: `drive`, or the path of a folder or zip (`./drive` for a folder of that name).
        labels: `camvid32` or `camvid11` to regroup the classes; None keeps the dataset's own.
        void: `ignore` leaves pixels of Void (Unlabeled, Ignore) out of training and scores, `class` counts them.
        skip_incomplete: Go on without images that have no mask and masks that have no image.
        color_tolerance: Largest per-channel distance at which an unknown mask colour takes its nearest class.
        video: `yes`, `no`, or `auto`: what its segcore.json or its layout says, else what its ids look like.

    Raises:
        DatasetError: when it is missing, empty, damaged, of no known layout, or incomplete.
        LabelError: when the classes are badly listed or don't fit the wanted labels.
    """
    if void not in ("ignore", "class"):
        raise LabelError(unknown("treatment of void", void, ("ignore", "class")))
    if labels is not None and labels not in PRESETS:
        raise LabelError(unknown("labels", labels, PRESETS))
    if video not in VIDEO:
        raise DatasetError(unknown("answer to whether it is a video", video, VIDEO))
    if str(source) == DRIVE:
        return _open_drive(labels, void, VIDEO[video])
    layout = open_layout(source, skip_incomplete=skip_incomplete)
    found = layout.found
    coding = MaskCoding(
        found.classes, target_labels(found.classes.labels, labels, void), found.ids_only, color_tolerance
    )
    records = _records(layout, coding)
    notes = layout.notes
    frames = dict.fromkeys(record.origin for record in records)
    stated = found.video if VIDEO[video] is None else VIDEO[video]
    filmed = is_video(frames) if stated is None else stated
    if filmed and stated is None:
        notes = (
            *notes,
            "Ids are numbered in constant steps: taken as a video, so validation is split by block. "
            f'If they are photos: --video no, or {{"video": false}} in {FACTS_FILE}.',
        )
    return Dataset(found.name, str(source), coding.target, records, filmed, notes, stated)


@dataclass(frozen=True)
class Layout:
    """A folder or zip that was recognised, before anything of it is decoded.

    Args:
        listing: The folder in it that the samples are in.
        format: Its layout.
        found: All that the layout says.
        pairs: Samples with image and mask, each with an id of its own.
        copies: Those of them that are augmented copies, by id.
        notes: Things a user should know.
    """

    listing: Listing
    format: Format
    found: DetectedDataset
    pairs: tuple[ImageMaskPair, ...]
    copies: Mapping[str, Copy]
    notes: tuple[str, ...]


def open_layout(source: str | Path, *, skip_incomplete: bool = False) -> Layout:
    """Recognise and check a folder or zip.

    Raises:
        DatasetError: as `open_dataset`.
        LabelError: when the classes are badly listed.
    """
    listing = list_tree(_path(source))
    below, layout, found = _recognise(listing)
    found = _with_facts(below, found)
    complete, notes = _complete(found.pairs, listing, skip_incomplete)
    _check_files(complete, listing)
    _check_splits(complete, found, listing)
    pairs = unique_ids(complete, listing.tree.root)
    copies = read_copies(below)
    # Of a copy that is skipped, the line is right all the same.
    skipped = {name: pair.split for pair in found.pairs for name in (pair.id, f"{pair.split}__{pair.id}")}
    splits = {pair.id: pair.split for pair in pairs}
    notes = (*found.notes, *notes, *check_copies(below, copies, splits, skipped if skip_incomplete else {}))
    return Layout(below, layout, found, pairs, {name: copies[name] for name in splits if name in copies}, notes)


def _with_facts(below: Listing, found: DetectedDataset) -> DetectedDataset:
    """What is found, with what its segcore.json says of it; other entries are left alone."""
    if FACTS_FILE not in below.files:
        return found
    where = below.where(FACTS_FILE)
    try:
        facts = json.loads(below.text(FACTS_FILE))
    except ValueError as error:
        raise DatasetError(f'{where}: no JSON ({one_line(error)}). Expected {{"video": true}}.') from None
    stated = facts.get("video") if isinstance(facts, dict) else ""
    if not (stated is None or isinstance(stated, bool)):
        raise DatasetError(
            f'{where}: holds {json.dumps(facts)[:60]}; expected {{"video": true}} or {{"video": false}}.'
        )
    others = (*found.others, below.path(FACTS_FILE))
    return replace(found, video=found.video if stated is None else stated, others=others)


def check_source(source: str | Path) -> None:
    """Refuse a dataset that isn't there; looks at nothing in it, so that a command can ask before it does anything.

    Raises:
        DatasetError: when the path is missing; the nearest is named.
    """
    if str(source) != DRIVE:
        is_folder(_path(source))


def _path(source: str | Path) -> Path:
    try:
        return Path(source).expanduser()
    except RuntimeError as error:  # ~nobody
        raise DatasetError(f"{source}: no usable path ({error}).") from None


def target_labels(native: LabelMap, labels: str | None, void: Void) -> LabelMap:
    """The labels to hand out for a dataset whose own classes are `native` (every class counted).

    Raises:
        LabelError: when the classes don't fit the wanted preset.
    """
    target = PRESETS[labels] if labels else native
    target = target.with_ignored(name for name, _ in target.entries if is_void(name) and void == "ignore")
    try:
        native.mapping_to(target)
    except LabelError as error:
        if labels == "camvid32" and native.name == "camvid11":
            raise LabelError(
                "camvid11 can't be opened as camvid32: its 11 classes are merged from the 32 and can't be told apart "
                "again. Leave out --labels, or open the original 32-colour masks."
            ) from None
        raise error
    return target


def _open_drive(labels: str | None, void: Void, stated: bool | None) -> Dataset:
    from segcore.data import drive

    native = CAMVID32.with_ignored(())
    target = target_labels(native, labels, void)
    table = native.mapping_to(target).tobytes()
    records = tuple(RenumberedRecord(record, table) for record in drive.records())
    filmed = stated is not False
    return Dataset(DRIVE, DRIVE, target, records, video=filmed, stated=filmed)


def _recognise(listing: Listing) -> tuple[Listing, Format, DetectedDataset]:
    """(the folder with the samples, its layout, what was found)."""
    if not listing.files:
        raise DatasetError(f"{listing.where()}: empty, no files in it. {_known_layouts()}")
    folders = ["", *(folder for folder in listing.folders if folder.count("/") < MAX_DEPTH)]
    for folder in sorted(folders, key=lambda name: (name.count("/") + bool(name), name))[:MAX_FOLDERS]:
        below = listing.below(folder) if folder else listing
        for layout in FORMATS.values():
            found = layout.recognise(below)
            if found is not None:
                if folder:
                    _check_alone(folder, listing)
                return below, layout, found
    top = sorted({file.split("/")[0] + ("/" if "/" in file else "") for file in listing.files})
    raise DatasetError(f"{listing.where()}: unknown layout; it holds {_some(top)}. {_known_layouts()}")


def _check_alone(folder: str, listing: Listing) -> None:
    """Refuse a dataset that is one thing of many in a folder: that it is what was meant can't be told."""
    around = {"", *(str(parent) for parent in PurePosixPath(folder).parents if str(parent) != ".")}
    for file in listing.files:
        place = file.rpartition("/")[0]
        if is_image(file) and place not in around and not f"{place}/".startswith(f"{folder}/"):
            raise DatasetError(
                f"{listing.where()}: no dataset itself. It holds one in {folder}/, but images elsewhere too, such as "
                f"{file}. Give the folder that is meant: {listing.where(folder)}\n{_known_layouts()}"
            )


def _known_layouts() -> str:
    return "Known layouts:\n" + "\n".join(f"  {name}: {layout.summary}" for name, layout in FORMATS.items())


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    rest = f" and {len(listed) - MAX_LISTED} more" if len(listed) > MAX_LISTED else ""
    return ", ".join(listed[:MAX_LISTED]) + rest


def _complete(
    pairs: Iterable[ImageMaskPair], listing: Listing, skip: bool
) -> tuple[list[ImageMaskPair], tuple[str, ...]]:
    pairs = list(pairs)
    complete = [pair for pair in pairs if pair.image and pair.mask]
    problems = []
    for what, other, files in (
        ("image", "mask", [pair.image for pair in pairs if pair.image and not pair.mask]),
        ("mask", "image", [pair.mask for pair in pairs if pair.mask and not pair.image]),
    ):
        if files:
            problems.append(f"{number(len(files), what)} without {other}: {_some(files)}")
    if problems and not skip:
        raise DatasetError(
            f"{listing.tree.root}: {'; '.join(problems)}. "
            "Add what is missing, or go on without them: --skip-incomplete."
        )
    return complete, tuple(f"Skipped {problem}." for problem in problems)


def _check_files(pairs: Iterable[ImageMaskPair], listing: Listing) -> None:
    files = [file for pair in pairs for file in (pair.image, pair.mask) if file]
    empty = [file for file in files if listing.tree.size(file) == 0]
    if empty:
        raise DatasetError(
            f"{listing.tree.root}: {number(len(empty), 'empty file')} (0 bytes): {_some(empty)}. Get them again."
        )
    for pair in pairs:
        if pair.mask and Path(pair.mask).suffix.lower() not in MASK_SUFFIXES:
            raise DatasetError(
                f"{listing.tree.root}/{pair.mask}: masks must be lossless ({', '.join(MASK_SUFFIXES)}); "
                "compression changes their classes. Save it as PNG."
            )


def _check_splits(pairs: Iterable[ImageMaskPair], found: DetectedDataset, listing: Listing) -> None:
    counts = Counter(pair.split for pair in pairs)
    for split in found.splits:
        if not counts[split]:
            raise DatasetError(
                f"{listing.tree.root}: split {split!r} has no samples. Put images with masks into it, "
                "or remove its folder."
            )
    if not counts:
        raise DatasetError(f"{listing.tree.root}: no image with a mask. {_known_layouts()}")


def unique_ids(pairs: Sequence[ImageMaskPair], where: str) -> tuple[ImageMaskPair, ...]:
    """Pairs with their split before their id where ids repeat.

    Raises:
        DatasetError: when two of one split have the same id.
    """
    if max(Counter(pair.id for pair in pairs).values()) > 1:  # train/0001.png and test/0001.png are two samples
        pairs = [replace(pair, id=f"{pair.split}__{pair.id}") for pair in pairs]
    repeated = [sample_id for sample_id, count in Counter(pair.id for pair in pairs).items() if count > 1]
    if repeated:
        raise DatasetError(f"{where}: ids that occur twice: {_some(repeated)}. Rename or remove one.")
    return tuple(pairs)


def _records(layout: Layout, coding: MaskCoding) -> tuple[Record, ...]:
    """In time order, copies behind their frames."""
    tree = layout.listing.tree
    records = []
    for pair in layout.pairs:
        if pair.image and pair.mask:
            copy = layout.copies.get(pair.id)
            origin, count = (copy.source, copy.number) if copy else (pair.id, 0)
            files = (pair.image, pair.mask)
            records.append(FileRecord(pair.id, pair.split, group_of(origin), tree, *files, coding, origin, count))
    return tuple(sorted(records, key=lambda record: (natural_key(record.origin), record.copy, natural_key(record.id))))
