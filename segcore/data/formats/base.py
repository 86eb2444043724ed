"""The types of a layout: how it is told from others, and the dataset that it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from segcore.data.class_lists import ClassList
from segcore.data.file_source import FileSource, Listing
from segcore.data.formats.split_names import add_to_list
from segcore.data.stored_mask import StoredMask, files_of


@dataclass(frozen=True)
class ImageMaskPair:
    """An image and its mask inside the file source; one of them may be missing.

    Args:
        id: Unique in its split.
        split: `train`, `val` or `test`.
        image: Path of the image.
        mask: Path of the mask, or what it is composed of.
    """

    id: str
    split: str
    image: str | None
    mask: StoredMask | None

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of those that exist."""
        return (*((self.image,) if self.image else ()), *(files_of(self.mask) if self.mask else ()))


@dataclass(frozen=True)
class DetectedDataset:
    """A dataset whose layout was recognised, before any of its files is decoded.

    Args:
        name: Short name, e.g. `cam101`.
        classes: Classes, ids and colours that its masks are written in.
        pairs: Its samples; several may share an id, in different splits.
        video: Whether neighbouring ids are neighbours in time; None: judged by the ids.
        ids_only: Palette masks hold ids, whatever their palette says.
        splits: Splits that the layout has a folder for, even an empty one.
        others: Files that belong to no pair and are part of the dataset: class lists, split lists, unused frames.
        train_lists: Files in the dataset's folder that list the training samples; they are among `others` too.
        notes: Things a user should know.
        file_source: Where the pairs' files are read from; None: the folder or zip that holds the dataset.
    """

    name: str
    classes: ClassList
    pairs: tuple[ImageMaskPair, ...]
    video: bool | None = None
    ids_only: bool = False
    splits: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    train_lists: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    file_source: FileSource | None = None


@dataclass(frozen=True)
class Format:
    """A layout.

    Args:
        title: Its name for people.
        tree: The files and folders it consists of, for people.
        looks_like: Whether a folder may have this layout, judged by the names of its files and folders alone.
        read: Returns the dataset in a folder; raises a `DatasetError` when the folder has another layout.
        add_to_list: Adds copies to one of `train_lists`, as `split_names.add_to_list` does.
        general: Whether it is taken only where no other layout looks like the folder.
    """

    title: str
    tree: str
    looks_like: Callable[[Listing], bool]
    read: Callable[[Listing], DetectedDataset]
    add_to_list: Callable[[str, Mapping[str, Sequence[tuple[str, str]]]], str] = add_to_list
    general: bool = False
