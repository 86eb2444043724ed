"""Hugging Face `datasets`: Parquet shards as on the Hub, or Arrow files as `save_to_disk` writes them.

A row holds an image and its mask as encoded pictures, each a struct of `bytes` and `path` (`datasets.Image`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from segcore.data.class_lists import ClassList, find_class_list
from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset, ImageMaskPair
from segcore.data.formats.class_choice import LABELS_NAME, OwnClasses, listed, short_name
from segcore.data.formats.split_names import SPLIT_NAMES, split_of
from segcore.data.table_source import IMAGES, MASKS, TABLE_SUFFIXES, Table, TableSource, open_table, picture_columns
from segcore.errors import DatasetError, LabelError
from segcore.labels import LabelMap, auto_palette
from segcore.reading import SHAPE_ERRORS, parse_json

IMAGE_COLUMNS = ("image", "pixel_values", "img", "images", "picture", "photo")
MASK_COLUMNS = (
    *("label", "labels", "mask", "masks", "annotation", "annotations", "segmentation", "segmentation_mask"),
    *("segmentation_map", "semantic_segmentation", "seg", "seg_mask", "gt", "target"),
)
UNNAMED = ("", "data", "dataset")  # names of files that leave the split to their folder
_SHARD = re.compile(r"(?P<name>[^/]*?)-?(?:\d{4,5}(?P<of>-of-\d{4,5}(?:-\w+)?)?)?\.(?:parquet|arrow)")
_UNSAFE = re.compile(r"[^\w.-]+")  # an id is also a file name


def looks_like(listing: Listing) -> bool:
    """Whether there are numbered shards, `train-00000-of-00001.parquet`, or tables called after splits."""
    return next(_tables(listing), None) is not None


def read(listing: Listing) -> DetectedDataset:
    """The rows of all tables; a row's id is its number in its split, and the name of its image where there is one.

    Raises:
        DatasetError: when there are no tables, several sets of them, or no two columns of pictures.
        LabelError: when the list of classes has a bad line.
    """
    shards, notes = _by_split(listing)
    tables = {file: open_table(listing.file_source, file) for files in shards.values() for file in files}
    first = next((table for table in tables.values() if table.starts[-1]), None)
    if first is None:
        raise DatasetError(f"{listing.where()}: tables without rows. Save the dataset again.")
    image, mask = _columns(first)
    suffix = "jpg" if first.picture(0, image)[:2] == b"\xff\xd8" else "png"
    pairs: list[ImageMaskPair] = []
    placed: dict[str, tuple[tuple[str, int], ...]] = {}
    for split, files in shards.items():
        rows: list[tuple[str, bool]] = []
        places = []
        for file in files:
            places.append((file, len(rows)))
            rows += _rows(tables[file], image, mask)
        placed[split] = tuple(places)
        for row, (name, has_mask) in enumerate(rows):
            sample_id = "_".join(filter(None, (f"{row:06d}", _UNSAFE.sub("-", name))))
            picture = listing.path(f"{split}/{IMAGES}/{sample_id}.{suffix}")
            truth = listing.path(f"{split}/{MASKS}/{sample_id}.png") if has_mask else None
            pairs.append(ImageMaskPair(sample_id, split, picture, truth))
    notes.append(f"Samples are rows, numbered from 0 in each split: columns {image!r} and {mask!r}.")
    own = _classes(listing, first, mask)._replace(video=False)
    source = TableSource(listing.file_source, {IMAGES: image, MASKS: mask}, placed, listing.base)
    return replace(own.dataset(pairs, splits=shards, notes=notes), file_source=source)


def _tables(listing: Listing) -> Iterator[tuple[str, str]]:
    """(file, name of its split or subset) of each table that is named as one; `""` where its folder must tell."""
    for file in listing.files:
        if not file.endswith(TABLE_SUFFIXES) or file.count("/") > 1:
            continue
        folder, _, name = file.rpartition("/")
        match = _SHARD.fullmatch(name)
        subset = folder if match and match["name"] in UNNAMED else match["name"] if match else ""
        if match and (match["of"] or split_of(subset) or name == "dataset.arrow"):
            yield file, subset


def _by_split(listing: Listing) -> tuple[dict[str, list[str]], list[str]]:
    """(split -> its tables, notes on those that are left out).

    Raises:
        DatasetError: when there are none, none of a split, or several sets of them.
    """
    subsets: defaultdict[str, list[str]] = defaultdict(list)
    for file, subset in _tables(listing):
        subsets[subset or _stated_split(listing)].append(listing.path(file))
    if not subsets:
        raise DatasetError(f"{listing.where()}: no tables such as data/train-00000-of-00001.parquet.")
    used = {name: files for name, files in subsets.items() if split_of(name)} or dict(subsets)
    if len(used) > 1 and not any(map(split_of, used)):
        raise DatasetError(
            f"{listing.where()}: the tables are called {', '.join(used)}; none is a split's name. Call them train, "
            "val or test, or give a folder with one of them."
        )
    notes = [f"{name} is no split's name: its rows are train." for name in used if not split_of(name)]
    notes += [f"Left out the tables {name}: their name is no split's." for name in subsets if name not in used]
    shards: dict[str, list[str]] = {}
    for split in SPLIT_NAMES:
        files = [file for name, files in used.items() if (split_of(name) or "train") == split for file in files]
        folders = sorted({file.rpartition("/")[0] for file in files})
        if len(folders) > 1:
            raise DatasetError(
                f"{listing.where()}: {folders[0]}/ and {folders[1]}/ both hold {split}. Give the folder of the one "
                f"that is meant: {listing.file_source.root}/{folders[0]}"
            )
        if files:
            shards[split] = files
    return shards, notes


def _stated_split(listing: Listing) -> str:
    """The split of tables that lie in the dataset's own folder: that of `state.json`, else train."""
    try:
        state = parse_json(listing.text("state.json")) if "state.json" in listing.files else None
    except ValueError:
        state = None
    stated = state.get("_split") if isinstance(state, dict) else None
    return stated if isinstance(stated, str) and split_of(stated) else "train"


def _columns(table: Table) -> tuple[str, str]:
    """The columns of images and of masks.

    Raises:
        DatasetError: when it is not clear which they are.
    """
    pictures = picture_columns(table)
    image = next((name for known in IMAGE_COLUMNS for name in pictures if name.lower() == known), None)
    others = [name for name in pictures if name != image]
    masks = [name for name in others if name.lower() in MASK_COLUMNS] or others
    if image is None or len(masks) != 1:
        raise DatasetError(
            f"{table.where}: pictures in columns {', '.join(pictures) or 'none'}, of {', '.join(table.schema.names)}; "
            "expected one column 'image' and one column 'label' of pictures. With `datasets`: "
            "dataset.rename_column(...), dataset.select_columns(['image', 'label']).save_to_disk('FOLDER')."
        )
    return image, masks[0]


def _rows(table: Table, image: str, mask: str) -> Iterator[tuple[str, bool]]:
    """(name, whether there is a mask) of each row of a table."""
    lacking = [name for name in (image, mask) if name not in table.schema.names]
    if lacking:
        raise DatasetError(f"{table.where}: no column {lacking[0]!r}, which other tables of the dataset have.")
    return zip(table.names(image), table.present(mask), strict=True)


def _classes(listing: Listing, table: Table, mask: str) -> OwnClasses:
    """The classes of a list beside the tables, else those that the features of the dataset name."""
    beside = find_class_list(listing, LABELS_NAME)
    if beside is not None:
        return OwnClasses.of(listing, beside)
    names = _feature_names(table, mask)
    if not names:
        return listed(listing)  # raises: there is no list
    try:
        labels = LabelMap(LABELS_NAME, tuple(names), auto_palette(len(names)))
    except LabelError as error:
        raise LabelError(f"{table.where}: the classes in its features: {error}") from None
    return OwnClasses(short_name(listing), ClassList.of(labels, colored=False), table.where)


def _feature_names(table: Table, mask: str) -> Sequence[str]:
    """The names of the mask's own feature, or of the only feature that lists several classes of a row."""
    try:
        features = parse_json((table.schema.metadata or {})[b"huggingface"])["info"]["features"]
        lists = [names for feature in features.values() if (names := _names(_inner(feature)))]
        return _names(features.get(mask)) or (lists[0] if len(lists) == 1 else ())
    except SHAPE_ERRORS:
        return ()


def _inner(feature: Any) -> Any:  # noqa: ANN401 - JSON
    """What a list feature holds; a class of the whole picture, as a single ClassLabel is, says nothing of masks."""
    return feature[0] if isinstance(feature, list) else feature.get("feature") if isinstance(feature, dict) else None


def _names(feature: Any) -> Sequence[str]:  # noqa: ANN401 - JSON
    names = feature.get("names") if isinstance(feature, Mapping) else None
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else ()
