"""Opens a dataset by name or path: detects its layout and gives its masks the wanted labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from segcore.data.class_lists import CAMVID32_CLASSES, ClassList, apply_map
from segcore.data.dataset import Dataset
from segcore.data.file_source import is_folder
from segcore.data.image_depth import ImageDepth
from segcore.data.index.reopening import reopen, with_index
from segcore.data.layout_detection import FACTS_FILE, Layout, detect_layout
from segcore.data.left_out import unread_parts
from segcore.data.mask_coding import MaskCoding
from segcore.data.sample_records import FileRecord, RenumberedRecord
from segcore.data.stored_mask import MaskSample
from segcore.data.video import group_of, is_video, natural_key
from segcore.errors import DatasetError, LabelError, unknown
from segcore.labels import CAMVID32, PRESETS, LabelMap, is_void, plain_name

DRIVE = "drive"
DOUBTFUL_NAMES = ("none", "undefined", "unknown", "unclassified", "undetermined", "null", "na", "nodata", "invalid")
Void = Literal["ignore", "class"]
Video = Literal["auto", "yes", "no"]
VIDEO: Mapping[str, bool | None] = {"auto": None, "yes": True, "no": False}


def open_dataset(
    source: str | Path = DRIVE,
    *,
    labels: str | None = None,
    void: Void = "ignore",
    skip_incomplete: bool = False,
    color_tolerance: int = 0,
    video: Video = "auto",
    format: str | None = None,
    classes: str | None = None,
    map: str | None = None,
) -> Dataset:
    """Open a folder, a zip or the embedded drive; the layout is recognised (see `FORMATS`).

    Args:
        source: `drive`, or the path of a folder or zip (`./drive` for a folder of that name).
        labels: A key of `PRESETS` to regroup the classes, such as `camvid11`; None keeps the dataset's own.
        void: `ignore` leaves pixels of Void (Unlabeled, Ignore) out of training and scores, `class` counts them.
        skip_incomplete: Go on without images that have no mask and masks that have no image.
        color_tolerance: Largest per-channel distance at which an unknown mask colour takes its nearest class.
        video: `yes`, `no`, or `auto`: what its segcore.json or its layout says, else what its ids look like.
        format: The layout, a key of `FORMATS`, where it looks like several; None: the one that it looks like.
        classes: Path of a list of classes that beats those of the dataset and its layout.
        map: Path of a CSV with lines `from,to`, which renames classes, merges them, or ignores some; not with `labels`.

    Raises:
        DatasetError: when it is missing, empty, damaged, of no known layout or of several, or incomplete.
        LabelError: when the classes are badly listed or don't fit the wanted labels.

    >>> open_dataset("drive").splits["test"][0]
    'drive_0091'
    """
    options = {"labels": labels, "void": void, "skip_incomplete": skip_incomplete, "color_tolerance": color_tolerance}
    options |= {"video": video, "format": format, "classes": classes, "map": map}
    opened_with = tuple((name, value) for name, value in options.items() if value is not None)
    _check(labels, void, video, map)
    check_source(source)
    stored = None if str(source) == DRIVE else reopen(source, dict(opened_with))
    if stored is not None:
        return replace(stored, opened_with=opened_with)
    dataset = replace(_open(source, **options), opened_with=opened_with)  # type: ignore[arg-type]
    return dataset if str(source) == DRIVE else with_index(dataset)


def _check(labels: str | None, void: Void, video: Video, map: str | None) -> None:
    if void not in ("ignore", "class"):
        raise LabelError(unknown("treatment of void", void, ("ignore", "class")))
    if labels is not None and labels not in PRESETS:
        raise LabelError(unknown("labels", labels, PRESETS))
    if video not in VIDEO:
        raise DatasetError(unknown("answer to whether it is a video", video, VIDEO))
    if labels is not None and map is not None:
        raise LabelError(f"labels is {labels} and map is {map}: both regroup the classes. Leave one of them out.")


def _open(
    source: str | Path,
    labels: str | None,
    void: Void,
    skip_incomplete: bool,
    color_tolerance: int,
    video: Video,
    format: str | None,
    classes: str | None,
    map: str | None,
) -> Dataset:
    if str(source) == DRIVE:
        if classes is not None:
            raise LabelError("classes is given, and the drive has its own. Leave out --classes.")
        return _open_drive(labels, void, VIDEO[video], map)
    layout = detect_layout(source, skip_incomplete=skip_incomplete, format=format, classes=classes)
    detected, notes = layout.detected, layout.notes
    target = target_labels(detected.classes, labels, void, map)
    images = [pair.image for pair in layout.pairs if pair.image]
    notes = (*notes, *unread_parts(layout.listing.file_source, images), *_doubtful(target))
    if void == "class" and target_labels(detected.classes, labels, "ignore", map) == target:
        notes = (
            *notes,
            "void is 'class', and no class here is called Void (Unlabeled, Ignore): nothing changes by it.",
        )
    masks = [pair.mask for pair in layout.pairs if pair.mask]
    sample = MaskSample.spread(layout.listing.file_source, masks)
    coding = MaskCoding(detected.classes, target, detected.ids_only, color_tolerance, sample)
    records = _records(layout, coding)
    stated = detected.video if VIDEO[video] is None else VIDEO[video]
    filmed = is_video(dict.fromkeys(record.origin for record in records)) if stated is None else stated
    if filmed and stated is None:
        notes = (
            *notes,
            "Ids are numbered in constant steps: taken as a video, so validation is split by block. "
            f'If they are photos: --video no, or {{"video": false}} in {FACTS_FILE}.',
        )
    return Dataset(detected.name, str(source), coding.target, records, filmed, notes, stated, layout.title)


def check_source(source: str | Path) -> None:
    """Refuse a dataset that doesn't exist, without looking into it, so that a command can ask before it does anything.

    Raises:
        DatasetError: when the path is missing; the nearest is named.
    """
    if str(source) != DRIVE:
        is_folder(source)


def target_labels(classes: ClassList, labels: str | None, void: Void, map: str | None = None) -> LabelMap:
    """The labels of a dataset as it is opened.

    Args:
        classes: The dataset's own classes.
        labels: Preset to regroup them to; None keeps them.
        void: As `open_dataset`.
        map: Path of a CSV that regroups them; None keeps them.

    Raises:
        LabelError: when the classes don't fit the wanted preset or map.
    """
    native = classes.labels
    target = PRESETS[labels] if labels else apply_map(native, map) if map else native
    ignored = {name for name, _ in target.ignored} if map else set()
    if void == "ignore":
        ignored |= {name for name, _ in target.entries if is_void(name)}
        ignored |= {name for name in classes.unscored if name in target.names} if target is native else set()
    target = target.with_ignored(name for name, _ in target.entries if name in ignored)
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


def _doubtful(target: LabelMap) -> list[str]:
    """A note on each scored class whose name may mean "not labelled"."""
    return [
        f"Class {name!r} is scored. If it means not labelled, ignore it with a line '{name},ignore' in --map FILE.csv."
        for name in target.names
        if plain_name(name) in DOUBTFUL_NAMES
    ]


def _open_drive(labels: str | None, void: Void, stated: bool | None, map: str | None) -> Dataset:
    from segcore.data import drive

    native = CAMVID32.with_ignored(())
    target = target_labels(CAMVID32_CLASSES, labels, void, map)
    table = native.mapping_to(target).tobytes()
    records = tuple(RenumberedRecord(record, table) for record in drive.records())
    filmed = stated is not False
    return Dataset(DRIVE, DRIVE, target, records, video=filmed, stated=filmed)


def _records(layout: Layout, coding: MaskCoding) -> tuple[FileRecord, ...]:
    """A record of each sample, in time order, copies after their frames."""
    images = [pair.image for pair in layout.pairs if pair.image]
    depth = ImageDepth.spread(layout.listing.file_source, images)
    records = []
    for pair in layout.pairs:
        assert pair.image and pair.mask
        copy = layout.copies.get(pair.id)
        records.append(
            FileRecord(
                pair.id,
                pair.split,
                group_of(copy.source if copy else pair.id),
                layout.listing.file_source,
                pair.image,
                pair.mask,
                coding,
                origin=copy.source if copy else pair.id,
                copy=copy.number if copy else 0,
                depth=depth,
            )
        )
    return tuple(sorted(records, key=lambda record: (natural_key(record.origin), record.copy)))
