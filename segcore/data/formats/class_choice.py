"""Chooses the classes of a dataset: those of a list beside it, or those of the public dataset that it certainly is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from segcore.data.class_lists import CLASS_FILES, ClassList, FoundClasses, find_class_list
from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset, ImageMaskPair
from segcore.errors import DatasetError

LABELS_NAME = "custom"  # not the folder's name: the same data elsewhere has the same fingerprint
_CAMVID_FRAME = re.compile(r"(?:^|_)(?:0001TP|0006R0|0016E5|Seq05VD)_")


class OwnClasses(NamedTuple):
    """The classes of a dataset, and what follows from where they come from.

    Args:
        name: Short name of the dataset.
        classes: Its classes.
        file: Full path of the list of classes; None where the classes are a public dataset's.
        others: The path of that list inside the file source, where it lies there.
        video: True for CamVid, None where it is not known.
        notes: Things a user should know.
    """

    name: str
    classes: ClassList
    file: str | None = None
    others: tuple[str, ...] = ()
    video: bool | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, listing: Listing, beside: FoundClasses) -> OwnClasses:
        """The classes of a list, for the dataset in a folder."""
        return cls(short_name(listing), beside.classes, beside.where, beside.files)

    def dataset(
        self,
        pairs: Iterable[ImageMaskPair],
        *,
        splits: Iterable[str] = (),
        others: Iterable[str] = (),
        notes: Iterable[str] = (),
        ids_only: bool = False,
        train_lists: Iterable[str] = (),
    ) -> DetectedDataset:
        """The dataset of these pairs with these classes; the arguments are those of `DetectedDataset`."""
        return DetectedDataset(
            self.name,
            self.classes,
            tuple(pairs),
            self.video,
            ids_only,
            tuple(splits),
            (*self.others, *others),
            tuple(train_lists),
            (*notes, *self.notes),
        )


def listed(listing: Listing, labels_name: str = LABELS_NAME) -> OwnClasses:
    """The classes of the list beside the data.

    Raises:
        DatasetError: when there is no list of classes.
        LabelError: when it has a bad line.
    """
    beside = find_class_list(listing, labels_name)
    if beside is None:
        raise DatasetError(
            f"{listing.where()}: images and masks, but no list of classes. Add classes.csv ('name,r,g,b' a line, or "
            "'name' alone where masks hold ids), or give one: --classes FILE (--labels regroups listed "
            "classes, it lists none). Files known by name: "
            f"{', '.join(CLASS_FILES)}."
        )
    return OwnClasses.of(listing, beside)


def public_or_listed(listing: Listing, name: str, labels: ClassList, certain: bool) -> OwnClasses:
    """The classes of the list beside the data, else those of a public dataset where it is certainly that one.

    Args:
        listing: The dataset's folder.
        name: Short name of the public dataset.
        labels: Its classes.
        certain: Whether more than the names of folders says that it is that dataset.

    Raises:
        DatasetError: when there is neither.
        LabelError: when the list has a bad line.
    """
    beside = find_class_list(listing, name) if certain else None
    if beside is None:
        return OwnClasses(name, labels) if certain else listed(listing)
    return OwnClasses.of(listing, beside)


def camvid_or_listed(
    listing: Listing, classes: ClassList, pairs: Sequence[ImageMaskPair], name: str = "camvid"
) -> OwnClasses:
    """The classes of the list beside the data, else CamVid's where most of its frames have CamVid's names.

    Args:
        listing: The dataset's folder.
        classes: CamVid's classes, as this layout's masks hold them.
        pairs: The samples.
        name: Short name of the dataset where it is CamVid.

    Raises:
        DatasetError: when there is neither.
        LabelError: when the list has a bad line.
    """
    certain = 2 * sum(bool(_CAMVID_FRAME.search(pair.id)) for pair in pairs) > len(pairs)
    chosen = public_or_listed(listing, name, classes, certain)
    if not certain:
        return chosen
    colours = (f"No list of classes: the {classes.labels.classes} colours of CamVid are taken.",)
    notes = colours if chosen.file is None and classes.labels.name == "camvid32" else ()
    return chosen._replace(name=name, video=True, notes=(*chosen.notes, *notes))


def short_name(listing: Listing) -> str:
    """The name of a dataset after its folder or zip."""
    name = PurePosixPath(listing.where()).name.lower().replace(" ", "-")
    return name.removesuffix(".zip") or "folder"  # a folder may be called data.v2
