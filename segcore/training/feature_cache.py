"""What a frozen encoder sees, computed once: while it is frozen, only the decoder has to run."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from segcore.errors import ConfigError
from segcore.models.base import AnySize


class FeatureCache:
    """Features of each item, in memory, as the encoder gave them (bf16 under autocast).

    Args:
        budget: Bytes.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._kept: dict[int, list[Tensor]] = {}

    def get(self, positions: Tensor) -> list[Tensor] | None:
        """Features of a batch of items, a `[N, C, h, w]` a stage; None where none are kept."""
        if not self._kept:
            return None
        found = [self._kept[position] for position in positions.tolist()]
        return [torch.cat(stage) for stage in zip(*found, strict=True)]

    def drop(self) -> None:
        """Forget them: the encoder thaws."""
        self._kept.clear()

    @torch.no_grad()
    def fill(self, model: AnySize, batches: Iterable[tuple[Tensor, Tensor]], progress: Callable[[int], object]) -> None:
        """Run the encoder over every item, in order, so that a training that goes on later has the same features.

        Args:
            model: Its encoder is run in `eval()`, as a frozen one always is.
            batches: `[N, 3, H, W]` normalised images and `[N]` positions of their items.
            progress: Called with the number of items done.

        Raises:
            ConfigError: when they don't fit the budget.
        """
        model.encoder.eval()
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
