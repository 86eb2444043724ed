"""Writes a dataset with augmented copies of its training frames to disk, in the layout of its source."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path, PurePosixPath

import segcore
from segcore.atomic_files import replacing_folder
from segcore.augment.pipeline import Pipeline
from segcore.augment.seed import draw_seed
from segcore.data import Dataset, Item, Record, open_dataset
from segcore.data.augmented_csv import FILE, Copy, copy_files, copy_name, write_copies
from segcore.data.background import usable_cores
from segcore.data.class_lists import CLASS_FILES, ClassList
from segcore.data.encode import MaskKind, encode_image, encode_mask, mask_kind
from segcore.data.file_source import FileSource, decode_text
from segcore.data.formats.base import ImageMaskPair
from segcore.data.layout_detection import FACTS_FILE, Layout, detect_layout, unique_ids
from segcore.data.mask_coding import MaskCoding
from segcore.data.opening import DRIVE
from segcore.data.sample_records import FileRecord, RenumberedRecord
from segcore.errors import AugmentError, DatasetError, number, plain
from segcore.labels import CAMVID32
from segcore.paths import local_path

PIPELINE_FILE = "pipeline.yaml"
INFO_FILE = "augmented.json"
_SCHEMA = 1
Progress = Callable[[str, int, int], None]  # (what, done, total)


@dataclass(frozen=True)
class Expansion:
    """The result of `expand`.

    Args:
        path: The written folder.
        frames: Number of training frames of the source.
        kept: Number of training frames that were written too: all, or none with `copies_only`.
        copies: Number of augmented copies.
        others: Split -> number of samples, for the splits that are copied unchanged.
    """

    path: Path
    frames: int
    kept: int
    copies: int
    others: Mapping[str, int]


@dataclass(frozen=True)
class _Picture:
    """Where an image and its mask are written."""

    id: str
    image: str
    mask: str


@dataclass(frozen=True)
class _Task:
    """A frame and the pictures that are made from it.

    Args:
        record: The frame: its image, and its mask as ids of `coding.classes.labels`.
        coding: Coding of the written masks.
        frame: Name of the frame in augmented.csv.
        copies: Where copy 1, 2, ... are written.
        itself: Where the frame itself is written, if its files can't be copied.
    """

    record: Record
    coding: MaskCoding
    frame: str
    copies: tuple[_Picture, ...]
    itself: _Picture | None = None


@dataclass(frozen=True)
class _Plan:
    """Everything that will be written, by path, and what must be read back from it.

    Args:
        source: The folder or zip that holds `files`.
        files: Written path -> path in the source; copied byte by byte.
        texts: Written path -> text.
        tasks: Pictures to make.
        samples: Id -> (split, frame, copy) of every sample.
    """

    source: FileSource | None
    files: Mapping[str, str]
    texts: Mapping[str, str]
    tasks: tuple[_Task, ...]
    samples: Mapping[str, tuple[str, str, int]]


def expand(
    source: str | Path,
    pipeline: Pipeline,
    *,
    copies: int,
    out: str | Path,
    seed: int = 0,
    copies_only: bool = False,
    skip_incomplete: bool = False,
    color_tolerance: int = 0,
    classes: str | None = None,
    progress: Progress | None = None,
) -> Expansion:
    """Write a dataset in the layout of its source, with `copies` augmented copies beside each training frame.

    All other files of the source are copied byte by byte. Masks of copies have the coding of their frame's mask, with
    all of its classes: pixels that a transform uncovers become the void class in colours, and 255 in ids. The embedded
    drive, and data whose masks are no pictures, become a folder of the layout `folder`. augmented.csv lists for each
    copy its frame, its seed and what was applied; pipeline.yaml and augmented.json hold the pipeline and the source.
    The same call writes the same bytes. Copy n of a frame has the seed that training gives it in its first epoch.

    Args:
        source: `drive`, or the path of a folder or zip.
        pipeline: The augmentation.
        copies: Number of copies of each frame, 1 or more.
        out: Folder to write; new, or empty.
        seed: Seed of everything random.
        copies_only: Leave the training frames themselves out.
        skip_incomplete: Go on without images that have no mask; their files are copied all the same.
        color_tolerance: As `open_dataset`.
        classes: As `open_dataset`; this list is written in place of the source's own.
        progress: Called with (what, done, total).

    Raises:
        AugmentError: when the pipeline does nothing, or can't be applied to a frame.
        DatasetError: when the source can't be read or is expanded already, when `out` is taken or can't be written, or
            when a copy's name or its uncovered pixels have no place in the source's layout or classes. Nothing is left
            behind.
    """
    if copies < 1:
        raise DatasetError(f"copies is {copies}; expected 1 or more.")
    if not pipeline.active:
        raise AugmentError("The pipeline has no transform that does anything: its copies would be the frames again.")
    folder = _free_folder(out, source)
    dataset = open_dataset(source, skip_incomplete=skip_incomplete, color_tolerance=color_tolerance, classes=classes)
    if dataset.copies:
        raise DatasetError(
            f"{dataset.source}: holds {sum(map(len, dataset.copies.values()))} augmented copies already. Expand the "
            "data that they were made from."
        )
    frames = dataset.splits.get("train", ())
    if not frames:
        raise DatasetError(f"{dataset.name} has no train split to augment; it has {', '.join(dataset.splits)}.")
    if all(isinstance(record, FileRecord) and record.has_own_files for record in dataset.records):
        layout = detect_layout(source, skip_incomplete=skip_incomplete, classes=classes)
        plan = _with_class_list(_plan_files(dataset, layout, copies, copies_only), layout)
    else:
        plan = _plan_pictures(dataset, copies, copies_only)
    info = {
        "schema_version": _SCHEMA,
        "source": {"name": dataset.name, "source": dataset.source, "fingerprint": dataset.fingerprint},
        "frames": len(frames),
        "copies": copies,
        "copies_only": copies_only,
        "seed": seed,
        "versions": {"segcore": segcore.__version__, "albumentations": version("albumentations")},
    }
    with _atomic_folder(folder) as work:
        _copy_files(plan, work, progress)
        rows = _make_pictures(plan.tasks, pipeline, seed, work, progress)
        _write(work / FILE, write_copies(rows).encode())
        _write(work / PIPELINE_FILE, pipeline.to_yaml().encode())
        _write(work / INFO_FILE, (json.dumps(info, indent=2, ensure_ascii=False) + "\n").encode())
        _check(plan, work, folder, skip_incomplete)
    others = {split: len(ids) for split, ids in dataset.splits.items() if split != "train"}
    return Expansion(folder, len(frames), 0 if copies_only else len(frames), len(rows), others)


def _free_folder(out: str | Path, source: str | Path) -> Path:
    """Check that the output folder is new or empty and not inside of the source, and return it."""
    folder = local_path(out).resolve()
    if folder.is_dir() and any(folder.iterdir()):
        raise DatasetError(f"{folder}: not empty, and nothing is overwritten. Give --out a new folder.")
    if folder.exists() and not folder.is_dir():
        raise DatasetError(f"{folder}: a file, and nothing is overwritten. Give --out a new folder.")
    if str(source) != DRIVE and local_path(source).resolve() in folder.parents:
        raise DatasetError(
            f"{folder}: lies inside of the source {source}, whose layout it would change. Put it beside."
        )
    return folder


@contextmanager
def _atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes `folder` when the block succeeds, and is removed when it fails."""
    try:
        with replacing_folder(folder, over=False) as work:  # of the same name, which some layouts are known by
            yield work
    except OSError as error:
        reason = error.strerror if error.filename == str(folder) else plain(error).rstrip(".")
        raise DatasetError(f"{folder}: can't be written ({reason}). Nothing is left behind.") from error


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _plan_files(dataset: Dataset, layout: Layout, copies: int, copies_only: bool) -> _Plan:
    """Plan the expansion of a folder or zip: its own files, and copies beside the training frames."""
    listing = layout.listing
    start = len(listing.path("x")) - 1  # of a path in the listing
    bare = {pair.image: pair.id for pair in layout.detected.pairs}  # ids without the split that `unique_ids` adds
    records = {record.image_path: record for record in dataset.records if isinstance(record, FileRecord)}
    dropped: set[str] = set()
    written: list[ImageMaskPair] = []
    sources: list[tuple[str, int]] = []  # for each of `written`: image of its frame, copy
    for pair in layout.pairs:
        image, mask = pair.files
        if pair.split == "train" and copies_only:
            dropped |= {image, mask}
        else:
            written.append(replace(pair, id=bare[image]))
            sources.append((image, 0))
        for count in range(1, copies + 1 if pair.split == "train" else 1):
            names = copy_files(bare[image], image, mask, count)
            written.append(ImageMaskPair(copy_name(bare[image], count), pair.split, *names))
            sources.append((image, count))
    _refuse_existing(written, sources, {listing.path(file) for file in listing.files}, listing.where())
    named = unique_ids(written, listing.where())
    frames = {image: pair.id for pair, (image, count) in zip(named, sources, strict=True) if not count}
    frames = {image: frames.get(image, record.id) for image, record in records.items()}
    made: dict[str, list[_Picture]] = {}
    listed: dict[str, list[tuple[str, str]]] = {}
    for pair, (image, count) in zip(named, sources, strict=True):
        picture = _Picture(pair.id, *(file[start:] for file in pair.files))
        listed.setdefault(image[start:], []).append((picture.image, picture.mask))
        if count:
            made.setdefault(image, []).append(picture)
    coding = next(iter(records.values())).coding
    counted = coding.counted
    kept = [file for pair in layout.detected.pairs for file in pair.files if file not in dropped]
    train = {record.image_path[start:] for record in records.values() if record.split == "train"}
    lines = {image: names for image, names in listed.items() if image in train}
    texts = {file: layout.format.add_to_list(listing.text(file), lines) for file in layout.detected.train_lists}
    files = {file[start:]: file for file in (*layout.detected.others, *kept)}
    return _Plan(
        listing.file_source,
        {file: path for file, path in files.items() if file not in texts},
        texts,
        tuple(
            _Task(replace(records[image], coding=counted), counted, frames[image], tuple(pictures))
            for image, pictures in made.items()
        ),
        {pair.id: (pair.split, frames[image], count) for pair, (image, count) in zip(named, sources, strict=True)},
    )


def _with_class_list(plan: _Plan, layout: Layout) -> _Plan:
    """A plan that writes the list of classes that the user gave, under a name that is known."""
    given = layout.listing.class_list
    if given is None:
        return plan
    name = Path(given).name.lower()
    known = {".csv": "classes.csv", ".json": "classes.json", ".yaml": "data.yaml", ".yml": "data.yaml"}
    place = name if name in CLASS_FILES else known.get(Path(name).suffix, "classes.txt")
    return replace(plan, texts={**plan.texts, place: decode_text(Path(given).read_bytes(), given)})


def _refuse_existing(
    written: Sequence[ImageMaskPair], sources: Sequence[tuple[str, int]], there: set[str], where: str
) -> None:
    for pair, (image, count) in zip(written, sources, strict=True):
        taken = there.intersection(pair.files) if count else ()
        if taken:
            raise DatasetError(
                f"{where}: {min(taken)} is there already, and is what copy {count} of {image} would be called. "
                "Rename it."
            )


def _plan_pictures(dataset: Dataset, copies: int, copies_only: bool) -> _Plan:
    """Plan the expansion of the embedded drive, or of masks without files, to split/images and split/masks."""
    read = next((record.coding.classes for record in dataset.records if isinstance(record, FileRecord)), None)
    classes = ClassList.of(read.labels if read else CAMVID32)
    coding = MaskCoding(classes, classes.labels)  # of the written masks
    tasks: list[_Task] = []
    samples: dict[str, tuple[str, str, int]] = {}
    for record in dataset.records:
        if isinstance(record, FileRecord):  # its mask with all classes, also those that are ignored
            counted: Record = replace(record, coding=record.coding.counted)
        else:
            assert isinstance(record, RenumberedRecord)
            counted = record.record
        count = copies if record.split == "train" else 0
        names = [record.id, *(copy_name(record.id, number) for number in range(1, count + 1))]
        itself, *made = [
            _Picture(name, f"{record.split}/images/{name}.png", f"{record.split}/masks/{name}.png") for name in names
        ]
        left_out = copies_only and record.split == "train"
        tasks.append(_Task(counted, coding, record.id, tuple(made), None if left_out else itself))
        samples |= {
            name: (record.split, record.id, number) for number, name in enumerate(names) if number or not left_out
        }
    colors = "".join(f"{red} {green} {blue}\t{name}\n" for name, (red, green, blue) in coding.classes.labels.entries)
    facts = {} if dataset.stated is None else {FACTS_FILE: json.dumps({"video": dataset.stated}) + "\n"}
    return _Plan(None, {}, {"label_colors.txt": colors, **facts}, tuple(tasks), samples)


def _copy_files(plan: _Plan, work: Path, progress: Progress | None) -> None:
    for file, text in plan.texts.items():
        _write(work / file, text.encode())
    if plan.source is None:
        return
    for done, (file, path) in enumerate(plan.files.items(), 1):
        _write(work / file, plan.source.read(path))
        if progress:
            progress("copying files", done, len(plan.files))


def _make_pictures(
    tasks: Sequence[_Task], pipeline: Pipeline, seed: int, work: Path, progress: Progress | None
) -> list[Copy]:
    """Make the pictures in threads, one frame each: decoding, OpenCV and PNG release the interpreter lock."""
    total = sum(len(task.copies) + bool(task.itself) for task in tasks)
    rows: list[Copy] = []
    done = 0
    pool = ThreadPoolExecutor(usable_cores())
    try:
        for task, made in zip(tasks, pool.map(partial(_make, pipeline, seed, work), tasks), strict=True):
            rows += made
            done += len(task.copies) + bool(task.itself)
            if progress:
                progress("augmenting", done, total)
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C or a full disk must not wait for the rest
    return rows


def _make(pipeline: Pipeline, seed: int, work: Path, task: _Task) -> list[Copy]:
    record = task.record
    image, mask = record.image(), record.mask()
    kind: MaskKind = "palette"
    if isinstance(record, FileRecord) and isinstance(record.stored_mask, str):
        kind = mask_kind(record.file_source.read(record.stored_mask), task.coding)
    if task.itself:
        _write(work / task.itself.image, encode_image(image, ".png"))
        _write(work / task.itself.mask, encode_mask(mask, kind, task.coding, task.itself.mask))
    rows = []
    for count, picture in enumerate(task.copies, 1):
        drawn = draw_seed(seed, 0, Item(record.id, count))
        try:
            augmented, labelled, applied_transforms = pipeline.apply(image, mask, drawn)
        except AugmentError as error:
            raise AugmentError(f"{record.id}: {error}") from error
        _write(work / picture.image, encode_image(augmented, PurePosixPath(picture.image).suffix))
        _write(work / picture.mask, encode_mask(labelled, kind, task.coding, picture.mask))
        applied = [
            {"step": transform.step, "name": transform.name, "values": transform.values}
            for transform in applied_transforms
        ]
        rows.append(Copy(picture.id, task.frame, count, drawn, json.dumps(applied, ensure_ascii=False)))
    return rows


def _check(plan: _Plan, work: Path, folder: Path, skip_incomplete: bool) -> None:
    """Read the written folder back and compare; an unusual source may pair its files differently."""
    try:
        records = open_dataset(work, skip_incomplete=skip_incomplete).records
    except DatasetError as error:
        if FILE not in str(error):  # the list of copies was just written: where it doesn't fit, samples are other ones
            reason = str(error).replace(str(work), str(folder))
            raise DatasetError(f"The frames with their copies would be no dataset that opens: {reason}") from None
        records = ()
    read = {record.id: (record.split, record.origin, record.copy) for record in records}
    different = sorted(name for name in read.keys() | plan.samples if read.get(name) != plan.samples.get(name))
    if different:
        raise DatasetError(
            f"{folder}: {number(len(different), 'sample')} would not be read back as meant ({different[0]}): the "
            "files of the source share names or folders between splits. Give each split folders and names of its own."
        )
