"""How the masks of a dataset are written, and decoding them by the rule that their sample decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

from segcore.arrays import U8Mask
from segcore.data.decode import MaskPixels, read_mask
from segcore.data.mask_lookup import MaskLookup, apply_rule
from segcore.data.mask_rule import MaskRule, decide_rule, read_by_rule
from segcore.errors import DatasetError


class SomeMasks(Protocol):
    """Masks that decide the rule for all."""

    def read(self) -> list[MaskPixels]: ...


@dataclass(frozen=True)
class MaskCoding(MaskLookup):
    """How the masks of a dataset become ids of its labels.

    Args:
        sample: Masks that decide the rule for all; None: each mask decides for itself.
    """

    sample: SomeMasks | None = None

    @property
    def rule(self) -> MaskRule | None:
        """The rule of the dataset, decided when it is first asked for; None without a sample or a readable mask.

        Raises:
            DatasetError: when no rule fits the masks of the sample; two that contradict each other are named.
        """
        if isinstance(self._decision, DatasetError):
            raise self._decision
        return self._decision

    @cached_property
    def _decision(self) -> MaskRule | DatasetError | None:
        masks = self.sample.read() if self.sample else []
        try:
            return decide_rule(masks, self) if masks else None
        except DatasetError as error:
            return error

    @cached_property
    def counted(self) -> MaskCoding:
        """The same coding with every class counted, so that a void pixel differs from one that is not labelled."""
        labels = self.classes.labels
        return self if self.target == labels else replace(self, target=labels)


def decode_mask(data: bytes, where: str, coding: MaskCoding) -> U8Mask:
    """Decode a mask file of ids, palette indices or colours to ids of `coding.target`.

    Returns:
        `[H, W]` uint8.

    Raises:
        DatasetError: as `read_mask`; when it holds ids that are no class, or is written by another rule than the
            dataset's other masks.
        LabelError: when it holds a colour that is no class.
    """
    return to_ids(read_mask(data, where), coding)


def to_ids(mask: MaskPixels, coding: MaskCoding) -> U8Mask:
    """Turn the pixels of a mask into ids as `decode_mask` does, with the same errors."""
    try:
        rule = coding.rule
    except DatasetError:
        decide_rule([mask], coding)  # raises what is wrong with this mask, if anything is
        raise
    if rule is None:
        return apply_rule(decide_rule([mask], coding).name, mask, coding)
    return read_by_rule(rule, mask, coding)
