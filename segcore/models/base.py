"""The base class of every model: it accepts any image size and keeps frozen layers frozen."""

from __future__ import annotations

from collections.abc import Sequence

from segmentation_models_pytorch.base import SegmentationModel
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase


class AnySize(SegmentationModel):
    """A segmentation model that takes images of any size.

    The image is padded on the right and at the bottom to a multiple of the encoder's stride, and the logits
    are cropped back, so the pixel grid never shifts. Padding repeats the last row and column: zeros would be an
    edge that no image has, and a mirrored border needs an image larger than itself.
    """

    _one_image_allowed = False
    zoo_name: str = ""  # its name in MODELS; set by create_model and load_model
    minimum_cells: int = 1  # a side of the deepest features that the decoder needs
    head_lr_factor: float = 1.0  # learning rate of everything but the encoder, as the paper has it

    def forward(self, x: Tensor) -> Tensor:
        """Logits at the image's own size.

        Args:
            x: `[N, 3, H, W]` float, normalised for the encoder.

        Returns:
            `[N, classes, H, W]` logits.

        A batch of one image trains too: where a normalisation layer gets a single value a channel (globally pooled
        features), which has no variance, it uses its running statistics for that batch.
        """
        return self.decode(self.features(x), x.shape[-2:])

    def features(self, x: Tensor) -> list[Tensor]:
        """The encoder's features of `[N, 3, H, W]`: one `[N, C, h, w]` a stage, the padded image first."""
        self._allow_one_image(x)
        return list(self.encoder(self._pad(x)))

    def decode(self, features: list[Tensor], size: Sequence[int]) -> Tensor:
        """Logits `[N, classes, height, width]` from `features`, for an image of (height, width)."""
        self._allow_one_image(features[0])
        height, width = size
        logits: Tensor = self.segmentation_head(self.decoder(features))
        return logits[..., :height, :width]

    def _allow_one_image(self, x: Tensor) -> None:
        if self.training and x.shape[0] == 1 and not self._one_image_allowed:
            self._one_image_allowed = True
            for module in self.modules():
                # One with a forward of its own shares its statistics with other processes (`share_batch_statistics`).
                if isinstance(module, _BatchNorm) and "forward" not in vars(module):
                    module.register_forward_pre_hook(_stop_single_values)
                    module.register_forward_hook(_train_again, always_call=True)

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


def _stop_single_values(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Before a layer's forward pass: take its running statistics if each channel has one value."""
    if module.training and inputs[0].numel() == inputs[0].shape[1]:
        module.training = False
        vars(module)["single_value"] = True


def _train_again(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor | None) -> None:
    """After the pass, what `_stop_single_values` changed."""
    if vars(module).pop("single_value", False):
        module.training = True


def _round_up(size: int, step: int) -> int:
    return -(-size // step) * step
