"""The base class of every model: it accepts any image size and keeps frozen layers frozen."""

from __future__ import annotations

from collections.abc import Sequence

from segmentation_models_pytorch.base import SegmentationModel
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from segcore.errors import ModelError


class AnySize(SegmentationModel):
    """A segmentation model that takes images of any size.

    The image is padded on the right and at the bottom to a multiple of the encoder's stride, and the logits
    are cropped back, so the pixel grid never shifts. Padding repeats the last row and column: zeros would be an
    edge that no image has, and a mirrored border needs an image larger than itself.
    """

    zoo_name: str = ""  # its name in MODELS; set by create_model and load_model
    minimum_cells: int = 1  # a side of the deepest features that the decoder needs
    head_lr_factor: float = 1.0  # learning rate of everything but the encoder, as the paper has it

    def forward(self, x: Tensor) -> Tensor:
        """Logits at the image's own size.

        Args:
            x: `[N, 3, H, W]` float, normalised for the encoder.

        Returns:
            `[N, classes, H, W]` logits.

        Raises:
            ModelError: when training on one image gives a normalisation layer a single value.
        """
        try:
            return self.decode(self.features(x), x.shape[-2:])
        except ValueError as error:
            if "Expected more than 1 value per channel" not in str(error):
                raise
            raise ModelError(
                f"{type(self).__name__} can't train on a batch of {x.shape[0]} image of {x.shape[-2]}x{x.shape[-1]}: "
                "batch normalisation of globally pooled features needs two or more. Use a batch size of at least 2, "
                "and drop a last batch of one."
            ) from None

    def features(self, x: Tensor) -> list[Tensor]:
        """The encoder's features of `[N, 3, H, W]`: one `[N, C, h, w]` a stage, the padded image first."""
        return list(self.encoder(self._pad(x)))

    def decode(self, features: list[Tensor], size: Sequence[int]) -> Tensor:
        """Logits `[N, classes, height, width]` from `features`, for an image of (height, width)."""
        height, width = size
        logits: Tensor = self.segmentation_head(self.decoder(features))
        return logits[..., :height, :width]

    def _pad(self, x: Tensor) -> Tensor:
        stride = self.encoder.output_stride
        height, width = (_round_up(max(side, self.minimum_cells * stride), stride) for side in x.shape[-2:])
        bottom, right = height - x.shape[-2], width - x.shape[-1]
        if bottom == 0 and right == 0:
            return x
        return nn.functional.pad(x, (0, right, 0, bottom), mode="replicate")

    def train(self, mode: bool = True) -> AnySize:
        """As `nn.Module.train`, but a normalisation layer with frozen weights also keeps its statistics."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, _NormBase) and module.weight is not None and not module.weight.requires_grad:
                module.eval()
        return self


def _round_up(size: int, step: int) -> int:
    return -(-size // step) * step
