"""DeepLabV2 (Chen, Papandreou, Kokkinos, Murphy, Yuille 2017) on any encoder that can be dilated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from segmentation_models_pytorch.base.hub_mixin import supports_config_loading
from segmentation_models_pytorch.encoders import get_encoder
from torch import Tensor, nn

from segcore.models.base import EncoderDecoder

OUTPUT_STRIDE = 8


class SummedAtrousPyramid(nn.Module):
    """DeepLabV2's ASPP: one dilated 3x3 convolution a rate scores the features, and the scores are summed.

    No normalisation, no activation and no image pooling: those came with DeepLabV3.

    Args:
        encoder_channels: Channels of the encoder's features; the last are scored.
        classes: Channels of the scores.
        rates: Dilation of each convolution.
    """

    def __init__(self, encoder_channels: Sequence[int], classes: int, rates: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList([_score(encoder_channels[-1], classes, rate) for rate in rates])

    def forward(self, features: list[Tensor]) -> Tensor:
        """The encoder's features -> `[N, classes, H / 8, W / 8]` scores."""
        return torch.stack([branch(features[-1]) for branch in self.branches]).sum(dim=0)


def _score(channels: int, classes: int, rate: int) -> nn.Conv2d:
    score = nn.Conv2d(channels, classes, 3, padding=rate, dilation=rate)
    nn.init.normal_(score.weight, std=0.01)
    if score.bias is not None:
        nn.init.zeros_(score.bias)
    return score


class DeepLabV2(EncoderDecoder):
    """DeepLabV2 with the large field of view: output stride 8, rates 6, 12, 18 and 24, bilinear upsampling.

    Left out of the paper's system: the CRF and the fusion of several image scales, which are steps around the
    network. The paper trains this head at ten times the encoder's learning rate; `parameter_groups` does.

    Args:
        encoder_name: One of smp's encoders whose last two strides can be replaced with dilation.
        encoder_weights: Handed to smp.
        decoder_atrous_rates: Dilation of the branches.
        in_channels: Channels of the image.
        classes: Channels of the logits.
    """

    head_lr_factor = 10.0

    @supports_config_loading
    def __init__(
        self,
        encoder_name: str = "resnet101",
        encoder_weights: str | None = "imagenet",
        decoder_atrous_rates: Sequence[int] = (6, 12, 18, 24),
        in_channels: int = 3,
        classes: int = 1,
        **kwargs: Any,  # noqa: ANN401 - what smp hands to timm
    ) -> None:
        super().__init__()
        self.encoder = get_encoder(
            encoder_name,
            in_channels=in_channels,
            depth=5,
            weights=encoder_weights,
            output_stride=OUTPUT_STRIDE,
            **kwargs,
        )
        self.decoder = SummedAtrousPyramid(self.encoder.out_channels, classes, decoder_atrous_rates)
        self.segmentation_head = nn.Upsample(scale_factor=OUTPUT_STRIDE, mode="bilinear", align_corners=False)
        self.classification_head = None
        self.name = f"deeplabv2-{encoder_name}"
