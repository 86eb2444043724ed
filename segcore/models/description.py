"""What a model is: its stages, their sizes and what feeds them. Plain values, readable without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Part = Literal["image", "encoder", "decoder", "head", "module"]


@dataclass(frozen=True)
class Stage:
    """One step of a model that a diagram shows.

    Args:
        name: Its path in the model, e.g. `decoder.blocks.0`; `encoder 3` is the encoder's feature of that number.
        part: Where it belongs; `module` in a model that has no encoder and decoder.
        kind: Its class.
        shape: `(channels, height, width)` of its output for one image; of tokens what there is.
        parameters: Number of its parameters.
        inputs: Names of the stages whose outputs it reads.
    """

    name: str
    part: Part
    kind: str
    shape: tuple[int, ...]
    parameters: int
    inputs: tuple[str, ...]

    @property
    def size(self) -> str:
        """Its output, as `128 x 45 x 60`."""
        return " x ".join(map(str, self.shape))


@dataclass(frozen=True)
class ModelDescription:
    """A built model, described.

    Args:
        title: Its name, as shown to people.
        summary: What sets the architecture apart; empty where nobody says.
        paper: The paper that introduced it; empty where nobody says.
        encoder: The encoder it was built on; empty for a model without one.
        size: (height, width) of the image that it was described for.
        classes: Channels of its scores.
        stride: Pixels of the image for one score, before the last upsampling.
        parameters: Number of parameters.
        macs: Multiplications with addition for one image.
        parts: Part -> (parameters, MACs).
        stages: In the order in which they run, the image first.
    """

    title: str
    summary: str
    paper: str
    encoder: str
    size: tuple[int, int]
    classes: int
    stride: int
    parameters: int
    macs: int
    parts: dict[str, tuple[int, int]]
    stages: tuple[Stage, ...]

    @property
    def facts(self) -> dict[str, str]:
        """Its numbers with their names, to list."""
        height, width = self.size
        return {
            "paper": self.paper,
            "encoder": self.encoder,
            "input": f"{height}x{width}, {self.classes} classes",
            "parameters": f"{self.parameters:,}" + self._shares(0),
            "MACs": f"{self.macs / 1e9:.2f} billion an image" + self._shares(1),
            "output stride": f"{self.stride}",
        }

    def _shares(self, index: int) -> str:
        total = sum(numbers[index] for numbers in self.parts.values())
        shares = [f"{part} {numbers[index] / total:.0%}" for part, numbers in self.parts.items() if total]
        return f" ({', '.join(shares)})" if len(shares) > 1 else ""
