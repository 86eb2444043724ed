"""Opens a dataset from its index: what opening found, without listing and pairing its files again."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from segcore.data.class_lists import ClassList
from segcore.data.dataset import Dataset
from segcore.data.file_source import Archive, Folder
from segcore.data.image_depth import ImageDepth
from segcore.data.index.image_table import ImageTable
from segcore.data.index.index_files import FolderStamps, IndexFile, find_index
from segcore.data.mask_coding import MaskCoding
from segcore.data.sample_records import FileRecord
from segcore.data.stored_mask import MaskSample, files_of
from segcore.errors import DatasetError, LabelError, number
from segcore.labels import LabelMap
from segcore.paths import local_path, program
from segcore.reading import SHAPE_ERRORS

_NOTE = "The index "  # how notes on the index itself begin


def describe(dataset: Dataset, stamps: FolderStamps | None) -> dict[str, Any]:
    """What an index keeps of an opened dataset beside its images, as plain values.

    Args:
        dataset: The dataset.
        stamps: Its folders and files, taken before it was opened; None for an index that only counts.
    """
    facts: dict[str, Any] = {"coding": _coding(dataset)}
    records = dataset.records
    if stamps is None or not all(
        isinstance(record, FileRecord) and isinstance(record.stored_mask, str) for record in records
    ):
        return facts  # drawn, or composed of annotations, which only its layout can read
    first = records[0]
    assert isinstance(first, FileRecord)
    if not isinstance(first.file_source, Folder | Archive):
        return facts
    samples = [path for record in records if isinstance(record, FileRecord) for path in _files(record)]
    stamps = stamps.with_files(dataset.source, samples)
    sampled, depth = first.coding.sample, first.depth
    return facts | {
        "opened": {
            "name": dataset.name,
            "video": dataset.video,
            "notes": [note for note in dataset.notes if not note.startswith(_NOTE)],
            "stated": dataset.stated,
            "layout": dataset.layout,
        },
        "samples": len(records),
        "masks": sampled.items if isinstance(sampled, MaskSample) else [],
        "images": depth.items if depth else [],
        "folders": stamps.folders,
        "files": stamps.files,
    }


def reopen(source: str | Path, options: Mapping[str, Any]) -> Dataset | None:
    """Open a dataset from its index; None where there is none, or files were added, removed or changed their meaning.

    Files of samples that changed in themselves are found by their stamps, when something is asked of the index.

    Args:
        source: Path of a folder or zip.
        options: The arguments of `open_dataset`, without those that are None.
    """
    index = find_index(source, options)
    if index is None or not _complete(index):
        return None
    try:
        stamps = FolderStamps(
            {folder: (changed, names) for folder, (changed, names) in index.facts["folders"].items()},
            {path: (size, changed) for path, (size, changed) in index.facts["files"].items()},
        )
        return _dataset(source, index) if stamps.hold(source) else None
    except (*SHAPE_ERRORS, LabelError):  # written by something else
        return None


def with_index(dataset: Dataset) -> Dataset:
    """A dataset that was opened without its index, with the index where there is one, and a note what it lacks.

    The images whose files are as they were need not be read again; an index of masks that were read in another way is
    left out.
    """
    index = find_index(dataset.source, dict(dataset.opened_with))
    if index is None:
        return dataset
    ids, stored = set(dataset.ids), index.table.row.keys()
    lacking, gone = len(ids - stored), len(stored - ids)
    table: ImageTable | None = index.table
    if index.facts.get("coding") != _coding(dataset):
        table, what = None, "is left out: its masks were read in another way"
    elif lacking or gone:
        missing = f"lacks {lacking} of {number(len(ids), 'image')}" if lacking else ""
        what = " and ".join(filter(None, [missing, f"has {gone} that are gone" if gone else ""]))
    elif "opened" in index.facts:
        what = "is older than files beside the images"
    else:
        return replace(dataset, index=table)  # of a layout that is always opened anew
    command = shlex.join([program("segcore"), "data", "index", dataset.source, *_words(dataset)])
    return replace(dataset, index=table, notes=(*dataset.notes, f"{_NOTE}{what}. Bring it up to date: {command}"))


def _words(dataset: Dataset) -> list[str]:
    """The options it was opened with, as words of a command line."""
    words = []
    for name, value in dataset.opened_with:
        if value not in (False, 0, "auto", "ignore"):
            words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return words


def _complete(index: IndexFile) -> bool:
    return index.facts.get("samples") == len(index.table)


def _dataset(source: str | Path, index: IndexFile) -> Dataset:
    coding, opened, table = index.facts["coding"], index.facts["opened"], index.table.table
    path = local_path(source).resolve()
    files = Folder(str(path)) if path.is_dir() else Archive(str(path))
    mask_coding = MaskCoding(
        ClassList(
            LabelMap.from_dict(coding["classes"]["labels"]),
            tuple(coding["classes"]["values"]),
            coding["classes"]["colored"],
            tuple(coding["classes"]["unscored"]),
            coding["classes"]["numbered"],
        ),
        LabelMap.from_dict(coding["target"]),
        coding["ids_only"],
        coding["tolerance"],
        MaskSample(files, tuple(index.facts["masks"])),
    )
    depth = ImageDepth(files, tuple(index.facts["images"]))
    names = ("image", "mask", "origin", "copy")
    splits, groups = (map(sys.intern, table.column(name).to_pylist()) for name in ("split", "group"))  # few: one copy
    columns = [table.column(name).to_pylist() for name in names]
    records = tuple(
        FileRecord(sample_id, split, group, files, image, mask, mask_coding, origin or sample_id, copy, depth)
        for sample_id, split, group, image, mask, origin, copy in zip(
            index.table.ids, splits, groups, *columns, strict=True
        )
    )
    return Dataset(
        opened["name"],
        str(source),
        mask_coding.target,
        records,
        opened["video"],
        tuple(opened["notes"]),
        opened["stated"],
        opened["layout"],
        index=index.table,
    )


def _coding(dataset: Dataset) -> dict[str, Any] | None:
    """How the masks of a dataset become ids, as plain values: what decides the counts besides the files."""
    coding = getattr(dataset.records[0], "coding", None) if dataset.records else None
    if not isinstance(coding, MaskCoding):
        return None
    classes = coding.classes
    try:
        rule = coding.rule.name if coding.rule else ""
    except DatasetError:
        rule = ""
    return {
        "classes": {
            **{name: value for name, value in asdict(classes).items() if name != "labels"},
            "labels": classes.labels.to_dict(),
            "values": list(classes.values),
            "unscored": list(classes.unscored),
        },
        "target": coding.target.to_dict(),
        "ids_only": coding.ids_only,
        "tolerance": coding.tolerance,
        "rule": rule,
    }


def _files(record: FileRecord) -> tuple[str, ...]:
    return (record.image_path, *files_of(record.stored_mask))
