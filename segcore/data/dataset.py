"""A dataset: samples with ids, in splits, read on demand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, overload

from segcore.arrays import U8Image, U8Mask
from segcore.data.evenly_spread import spread
from segcore.data.sample import Sample
from segcore.errors import DatasetError, number, unknown
from segcore.labels import LabelMap

if TYPE_CHECKING:
    import altair as alt

    from segcore.data.index.image_table import ImageTable

SPLITS = ("train", "val", "test")
Stamp = tuple[int, int, int, int]  # (bytes, version) of the image and of the mask; both change with the content


class Record(Protocol):
    """One sample, read on demand. Picklable, so that a loader worker can read it."""

    @property
    def id(self) -> str: ...
    @property
    def split(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def origin(self) -> str:
        """Id of the frame it shows: its own, or that of the frame an augmented copy was made from."""
        ...

    @property
    def copy(self) -> int:
        """0 for a frame, 1, 2, ... for its augmented copies on disk."""
        ...

    def image(self) -> U8Image:
        """Decode the image, `[H, W, 3]` RGB uint8."""
        ...

    def mask(self) -> U8Mask:
        """Decode the mask, `[H, W]` uint8 ids of the dataset's labels."""
        ...

    def size(self) -> tuple[int, int]:
        """(height, width), read from the header alone."""
        ...

    def size_and_mask(self) -> tuple[tuple[int, int], U8Mask]:
        """Both, with one look at the files; raises where one of them can't be read."""
        ...

    def checksum(self) -> str:
        """Size and checksum of the stored bytes, the same for the same data anywhere."""
        ...

    def stamp(self) -> Stamp:
        """What tells, without reading the files, that they are as they were; the sums over those of a mask."""
        ...


@dataclass(frozen=True, repr=False)
class Dataset:
    """Samples by id. Records are in time order where the data is a video.

    Args:
        name: Short name used in run ids, e.g. `drive`, `cam101`, `camvid`.
        source: Path or name that was opened; `open_dataset(source)` opens it again.
        labels: Class names, palette and ignored classes of its masks.
        records: One per sample.
        video: Whether neighbouring records are neighbouring frames; splits then go by block.
        notes: Things a user should know (samples skipped, ...).
        stated: Whether it is a video, where the data or its user says so; None where `video` is a guess from the ids.
        layout: The layout it was recognised as, `Roboflow (roboflow)`; None for drawn data.
        opened_with: (name, value) of each option that `open_dataset` was called with.
        index: What is stored about its images (`segcore data index`); None without an index that fits.
    """

    name: str
    source: str
    labels: LabelMap
    records: Sequence[Record]
    video: bool = False
    notes: tuple[str, ...] = ()
    stated: bool | None = None
    layout: str | None = None
    opened_with: tuple[tuple[str, str | int], ...] = ()
    index: ImageTable | None = field(default=None, compare=False)

    def __getstate__(self) -> dict[str, object]:
        """The fields without the index: cached properties are computed again, and a mapping proxy can't be pickled."""
        return {one.name: getattr(self, one.name) for one in fields(self)} | {"index": None}

    @cached_property
    def _by_id(self) -> Mapping[str, Record]:
        return {record.id: record for record in self.records}

    @cached_property
    def splits(self) -> Mapping[str, tuple[str, ...]]:
        """Ids by split, in the dataset's own order; only splits that have samples."""
        splits = {split: tuple(record.id for record in self.records if record.split == split) for split in SPLITS}
        return MappingProxyType({split: ids for split, ids in splits.items() if ids})

    def frames(self, split: str) -> tuple[str, ...]:
        """Ids of the different frames of a split, including frames that only have copies on disk."""
        return tuple(dict.fromkeys(record.origin for record in self.records if record.split == split))

    @cached_property
    def copies(self) -> Mapping[str, tuple[str, ...]]:
        """Ids of the augmented copies on disk, by the frame they were made from; the frame may be missing."""
        copies: dict[str, tuple[str, ...]] = {}
        for record in self.records:
            if record.copy:
                copies[record.origin] = (*copies.get(record.origin, ()), record.id)
        return MappingProxyType(copies)

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids, in the dataset's own order."""
        return tuple(record.id for record in self.records)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits over the labels and every sample's id, split, checksum and, for a copy, its frame."""
        digest = hashlib.sha256(repr(self.labels.to_dict()).encode())
        known = self.index.checksums(self.records) if self.index is not None else {}
        for record in self.records:
            copy = f"\t{record.origin}\t{record.copy}" if record.copy else ""
            digest.update(f"{record.id}\t{record.split}\t{known.get(record.id) or record.checksum()}{copy}\n".encode())
        return digest.hexdigest()[:16]

    def examples(self, count: int = 4) -> tuple[str, ...]:
        """Ids of at most `count` samples of each split, spread over it."""
        return tuple(sample_id for ids in self.splits.values() for sample_id in spread(ids, count))

    def record(self, sample_id: str) -> Record:
        """The record of one sample.

        Raises:
            DatasetError: when there is none.
        """
        try:
            return self._by_id[sample_id]
        except KeyError:
            some = (*self.ids[:3], "...")
            raise DatasetError(unknown(f"sample in {self.name}", sample_id, some)) from None

    @property
    def mask_rule(self) -> str | None:
        """By what rule all masks are read, in words; None where they are not read from files.

        Raises:
            DatasetError: when the masks contradict each other.
        """
        coding = getattr(self.records[0], "coding", None) if self.records else None
        return str(coding.rule) if coding and coding.rule else None

    def image(self, sample_id: str) -> U8Image:
        """The image alone, `[H, W, 3]` RGB uint8."""
        return self.record(sample_id).image()

    def mask(self, sample_id: str) -> U8Mask:
        """The mask alone, `[H, W]` uint8 ids."""
        return self.record(sample_id).mask()

    def size(self, sample_id: str) -> tuple[int, int]:
        """(height, width) of a sample without decoding it."""
        return self.record(sample_id).size()

    def __getitem__(self, sample_id: str) -> Sample:
        record = self.record(sample_id)
        return Sample(record.id, record.image(), record.mask(), record.split, record.group, self.labels)

    def __len__(self) -> int:
        return len(self.records)

    def plot_samples(self, count: int = 2, *, width: int = 620) -> alt.LayerChart:
        """Draw image, mask and overlay of a few samples of each split, and the classes that they show.

        Args:
            count: Samples of each split, spread over it.
            width: Width of the chart in px.

        Raises:
            DatasetError: when a sample can't be read.
        """
        from segcore.visual.picture_grid import sample_sheet

        return sample_sheet([self[sample_id] for sample_id in self.examples(count)], self.labels, width=width)

    def __repr__(self) -> str:
        splits = ", ".join(f"{len(ids)} {split}" for split, ids in self.splits.items()) or "no samples"
        return f"<Dataset {self.name}: {splits}; classes: {self.labels.classes}>"

    def _repr_html_(self) -> str:
        """Splits and classes, for notebooks."""
        import pandas as pd

        counts = pd.DataFrame({split: [len(ids)] for split, ids in self.splits.items()}, index=[self.name])
        return f"{counts.to_html(border=0)}{self.labels._repr_html_()}"

    def split(self, name: str) -> SplitView:
        """A split as a lazy sequence of samples.

        Raises:
            DatasetError: when the dataset has no such split.
        """
        if name not in self.splits:
            raise DatasetError(unknown(f"split in {self.name}", name, self.splits))
        return SplitView(self, self.splits[name])


@dataclass(frozen=True, repr=False)
class SplitView(Sequence[Sample]):
    """A split as a sequence of samples, read on access; nothing is cached."""

    dataset: Dataset
    ids: tuple[str, ...]

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> SplitView: ...
    def __getitem__(self, index: int | slice) -> Sample | SplitView:
        if isinstance(index, slice):
            return SplitView(self.dataset, self.ids[index])
        return self.dataset[self.ids[index]]

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Sample]:
        return (self.dataset[sample_id] for sample_id in self.ids)

    def __repr__(self) -> str:
        return f"<{number(len(self), 'sample')} of {self.dataset.name}>"
