"""Mapillary Vistas: `training/images training/v1.2/labels` (or v2.0, or `training/labels`), config.json.

Neuhold, Ollmann, Rota Bulò, Kontschieder: The Mapillary Vistas Dataset, 2017.
"""

from __future__ import annotations

from segcore.data.class_lists import check_agreement, find_class_list, read_classes
from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset
from segcore.data.formats.class_choice import LABELS_NAME, OwnClasses
from segcore.data.formats.pairing import pair_splits
from segcore.data.formats.split_names import split_folders
from segcore.errors import DatasetError

# Folder of the masks -> the file that lists their classes; the newest release first.
VERSIONS = {
    "{split}/v2.0/labels": "config_v2.0.json",
    "{split}/v1.2/labels": "config_v1.2.json",
    "{split}/labels": "config.json",
}


def looks_like(listing: Listing) -> bool:
    """Whether the masks of a release and its list of classes are there."""
    return _version(listing) is not None


def read(listing: Listing) -> DetectedDataset:
    """The newest release of the masks: palette PNGs, whose indices are the positions in the list of classes.

    Raises:
        DatasetError: when there are no such folders.
        LabelError: when the list of classes is no such list.
    """
    pattern = _version(listing)
    if pattern is None:
        raise DatasetError(f"{listing.where()}: no folders training/images and training/v1.2/labels with its config.")
    masks, file = split_folders(listing, pattern), VERSIONS[pattern]
    beside = find_class_list(listing, LABELS_NAME)
    if beside is None or beside.where == listing.where(file):
        classes = beside.classes if beside else read_classes(listing, file, LABELS_NAME)
        own = OwnClasses("vistas", classes, listing.where(file), (listing.path(file),))
    else:
        own = OwnClasses.of(listing, beside)
        if listing.class_list is None:
            classes = read_classes(listing, file, LABELS_NAME)
            check_agreement(beside.where, beside.classes, listing.where(file), classes, shared=True)
    return own.dataset(pair_splits(split_folders(listing, "{split}/images"), masks), splits=masks, ids_only=True)


def _version(listing: Listing) -> str | None:
    return next(
        (pattern for pattern, file in VERSIONS.items() if file in listing.files and split_folders(listing, pattern)),
        None,
    )
