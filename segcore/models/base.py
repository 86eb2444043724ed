"""The base classes of every model: it accepts any image size and keeps frozen layers frozen."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from segmentation_models_pytorch.base import SegmentationModel
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase


class AnySize(nn.Module):
    """A segmentation model that takes images of any size.

    The image is padded on the right and at the bottom to a multiple of the model's stride, and the logits are cropped
    back, so the pixel grid never shifts. Padding repeats the last row and column: zeros would be an edge that no image
    has, and a mirrored border needs an image larger than itself.

    `EncoderDecoder` is the base of Segcore's own architectures, `Wrapped` holds networks of other makings.
    """

    _one_image_allowed = False
    zoo_name: str = ""  # the name it was created by; set by create_model and load_model
    minimum_cells: int = 1  # a side of the deepest features that the decoder needs
    head_lr_factor: float = 1.0  # learning rate of everything but the encoder, as the paper has it
    origin: str = ""  # what its weights were taken from, a sentence; empty where nothing is to be said
    cuts_after_encoder: bool = True  # `features` runs the encoder, and `decode` only what follows

    def forward(self, x: Tensor) -> Tensor:
        """Logits at the image's own size.

        Args:
            x: `[N, 3, H, W]` float, normalised as the model expects.

        Returns:
            `[N, classes, H, W]` logits.

        A batch of one image trains too: where a normalisation layer gets a single value a channel (globally pooled
        features), which has no variance, it uses its running statistics for that batch.
        """
        return self.decode(self.features(x), x.shape[-2:])

    @abstractmethod
    def features(self, x: Tensor) -> list[Tensor]:
        """The encoder's features of `[N, 3, H, W]`: one `[N, C, h, w]` a stage, the padded image first."""

    @abstractmethod
    def decode(self, features: list[Tensor], size: Sequence[int]) -> Tensor:
        """Logits `[N, classes, height, width]` from `features`, for an image of (height, width)."""

    @property
    @abstractmethod
    def encoder_part(self) -> nn.Module | None:
        """The encoder, which can be frozen and has a learning rate of its own; None where the model has none."""

    @property
    @abstractmethod
    def stored(self) -> nn.Module:
        """The module whose tensors a run keeps, by the names that they have there."""

    @abstractmethod
    def stored_config(self) -> dict[str, Any]:
        """Plain values from which the source of the model builds it again."""

    def stored_files(self) -> Mapping[str, bytes]:
        """Other files that a run keeps for it, by path in the run's folder."""
        return {}

    def _allow_one_image(self, x: Tensor) -> None:
        if self.training and x.shape[0] == 1 and not self._one_image_allowed:
            self._one_image_allowed = True
            for module in self.modules():
                # One with a forward of its own shares its statistics with other processes (`share_batch_statistics`).
                if isinstance(module, _BatchNorm) and "forward" not in vars(module):
                    module.register_forward_pre_hook(_stop_single_values)
                    module.register_forward_hook(_train_again, always_call=True)

    def _pad_to(self, x: Tensor, stride: int, *, square: bool = False) -> Tensor:
        height, width = (_round_up(max(side, self.minimum_cells * stride), stride) for side in x.shape[-2:])
        if square:
            height = width = max(height, width)
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


class EncoderDecoder(AnySize, SegmentationModel):
    """An architecture on any of smp's encoders, with `encoder`, `decoder` and `segmentation_head` as smp has them."""

    encoder: Any  # smp's classes have no types
    decoder: nn.Module
    segmentation_head: nn.Module
    config: Any  # set by smp: the arguments that it was built with

    def features(self, x: Tensor) -> list[Tensor]:
        self._allow_one_image(x)
        return list(self.encoder(self._pad_to(x, self.encoder.output_stride)))

    def decode(self, features: list[Tensor], size: Sequence[int]) -> Tensor:
        self._allow_one_image(features[0])
        height, width = size
        logits: Tensor = self.segmentation_head(self.decoder(features))
        return logits[..., :height, :width]

    @property
    def encoder_part(self) -> nn.Module:
        encoder: nn.Module = self.encoder
        return encoder

    @property
    def stored(self) -> nn.Module:
        return self

    def stored_config(self) -> dict[str, Any]:
        # No weights named: a rebuilt encoder gets the stored ones, and must not download others first.
        return {**self.config, "encoder_weights": None}


class Wrapped(AnySize):
    """A network of another making: `[N, 3, H, W]` -> logits, at the image's size or smaller.

    Its tensors keep the names of that making, so that a run's weights can be loaded there too.

    Args:
        network: The network. Smaller logits are enlarged bilinearly.
        config: Plain values from which it is built again.
        stride: Images are padded to a multiple of it.
        encoder: Name of the submodule that is its encoder; empty for none.
        square: Images are padded to a square, the only form that some networks take.
    """

    cuts_after_encoder = False

    def __init__(
        self, network: nn.Module, config: dict[str, Any], *, stride: int = 1, encoder: str = "", square: bool = False
    ) -> None:
        super().__init__()
        self.network, self.stride, self.square = network, stride, square
        self._config, self._encoder = config, encoder

    def logits(self, x: Tensor) -> Tensor:
        """`[N, 3, H, W]` padded -> logits of any size; what a source does beside calling the network."""
        logits: Tensor = self.network(x)
        return logits

    def features(self, x: Tensor) -> list[Tensor]:
        self._allow_one_image(x)
        return [self._pad_to(x, self.stride, square=self.square)]

    def decode(self, features: list[Tensor], size: Sequence[int]) -> Tensor:
        self._allow_one_image(features[0])
        height, width = size
        return self._enlarged(self.logits(features[0]), features[0])[..., :height, :width]

    @staticmethod
    def _enlarged(logits: Tensor, image: Tensor) -> Tensor:
        if logits.shape[-2:] == image.shape[-2:]:
            return logits
        return nn.functional.interpolate(logits, size=image.shape[-2:], mode="bilinear", align_corners=False)

    @property
    def encoder_part(self) -> nn.Module | None:
        return self.network.get_submodule(self._encoder) if self._encoder else None

    @property
    def stored(self) -> nn.Module:
        return self.network

    def stored_config(self) -> dict[str, Any]:
        return dict(self._config)


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
