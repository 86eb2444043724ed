"""A sample: one image with its mask, checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from segcore.arrays import U8Image, U8Mask
from segcore.errors import DatasetError

if TYPE_CHECKING:
    from segcore.labels import LabelMap


@dataclass(frozen=True, eq=False, repr=False)
class Sample:
    """One image and its mask.

    Args:
        id: Name without suffix, unique in its dataset, e.g. `0016E5_07961`.
        image: `[H, W, 3]` RGB uint8. Kept as a read-only view.
        mask: `[H, W]` uint8 class ids of the dataset's `LabelMap`; 255 is ignored. Kept as a read-only view.
        split: `train`, `val` or `test`.
        group: Frames that belong together (a sequence, or copies of one frame).
        labels: What the ids mean, for pictures; None where it is not known.

    Raises:
        DatasetError: when shapes or dtypes don't fit.
    """

    id: str
    image: U8Image
    mask: U8Mask
    split: str
    group: str = ""
    labels: LabelMap | None = None

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            got = f"{self.image.dtype} {list(self.image.shape)}"
            raise DatasetError(f"{self.id}: image is {got}; expected uint8 [H, W, 3] RGB.")
        if self.mask.ndim != 2 or self.mask.dtype != np.uint8:
            got = f"{self.mask.dtype} {list(self.mask.shape)}"
            raise DatasetError(f"{self.id}: mask is {got}; expected uint8 [H, W] class ids.")
        if self.image.shape[:2] != self.mask.shape:
            (height, width), (mask_height, mask_width) = self.image.shape[:2], self.mask.shape
            raise DatasetError(
                f"{self.id}: mask is {mask_height}x{mask_width}, image is {height}x{width}; they must match."
            )
        for field in ("image", "mask"):
            view = getattr(self, field).view()
            view.flags.writeable = False
            object.__setattr__(self, field, view)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width = self.mask.shape
        return height, width

    def __repr__(self) -> str:
        height, width = self.size
        return f"<Sample {self.id} ({self.split}): {height}x{width}, {len(np.unique(self.mask))} ids in its mask>"

    def _repr_html_(self) -> str:
        """Image, mask and overlay side by side, for notebooks."""
        from segcore.visual.picture_grid import sample_html

        return sample_html(self)
