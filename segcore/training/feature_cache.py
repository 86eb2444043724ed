"""Caches a frozen encoder's features, so that only the decoder runs while the encoder is frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from segcore.errors import ConfigError
from segcore.models.base import AnySize


class FeatureCache:
    """Encoder features of each item, kept in memory in the encoder's output type (bf16 under autocast).

    Args:
        budget: Most bytes to keep.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._kept: dict[int, list[Tensor]] = {}

    def get(self, positions: Tensor) -> list[Tensor] | None:
        """Features of a batch of items, one `[N, C, h, w]` per stage; None when nothing is cached."""
        if not self._kept:
            return None
        items = [self._kept[position] for position in positions.tolist()]
        return [torch.cat(stage) for stage in zip(*items, strict=True)]

    def drop(self) -> None:
        """Delete all features, because the encoder is unfrozen."""
        self._kept.clear()

    @torch.no_grad()
    def fill(self, model: AnySize, batches: Iterable[tuple[Tensor, Tensor]], progress: Callable[[int], object]) -> None:
        """Run the encoder on every item, in order, so that a resumed training has the same features.

        Args:
            model: The model; its encoder runs in `eval()`, as a frozen encoder always does.
            batches: `[N, 3, H, W]` normalised images and `[N]` positions of their items.
            progress: Called with the number of items done.

        Raises:
            ConfigError: when the features exceed the budget.
        """
        if model.encoder_part is not None:
            model.encoder_part.eval()
        for images, positions in batches:
            stages = model.features(images)
            for row, position in enumerate(positions.tolist()):
                self._kept[position] = [stage[row : row + 1].clone() for stage in stages]
            size = sum(stage.nbytes for kept in self._kept.values() for stage in kept)
            if size > self.budget:
                raise ConfigError(
                    f"--cache-features: {len(self._kept)} images fill {size / 1e6:.0f} MB and --cache-mb allows "
                    f"{self.budget / 1e6:.0f} MB. Give it more, a smaller --image-size, or leave it out."
                )
            progress(len(self._kept))
