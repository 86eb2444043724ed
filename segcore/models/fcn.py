"""Fully convolutional networks (Long, Shelhamer, Darrell 2015) on any encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from segmentation_models_pytorch.base import initialization
from segmentation_models_pytorch.base.hub_mixin import supports_config_loading
from segmentation_models_pytorch.encoders import get_encoder
from segmentation_models_pytorch.encoders.vgg import VGGEncoder
from torch import Tensor, nn

from segcore.errors import ModelError
from segcore.models.base import EncoderDecoder

VGG_HEAD_CHANNELS = 4096


def bilinear_kernel(factor: int) -> Tensor:
    """Weights with which a transposed convolution of stride `factor` interpolates linearly.

    Returns:
        `[2 * factor, 2 * factor]` float32, summing to `factor ** 2`.
    """
    position = torch.arange(2 * factor, dtype=torch.float32)
    line = 1 - (position - (factor - 0.5)).abs() / factor
    return line[:, None] * line[None, :]


class BilinearUpsample(nn.Module):
    """Bilinear upsampling, fixed or learned.

    Learned, it is a transposed convolution of kernel 2f and stride f without bias that starts as interpolation, one
    kernel a class: the paper's layer has a full classes x classes kernel, but starts diagonal. Fixed, it is the
    interpolation itself: the same away from the border, where it repeats the edge instead of fading to zero, and a
    transposed convolution of one group a class takes a fifth of FCN-8s's training step on a CPU.

    Args:
        classes: Channels in and out.
        factor: Times the size grows, exactly.
        learn: Train the kernel; else there is no parameter.
    """

    weight: nn.Parameter | None

    def __init__(self, classes: int, factor: int, *, learn: bool = False) -> None:
        super().__init__()
        self.classes = classes
        self.factor = factor
        weight = nn.Parameter(bilinear_kernel(factor).expand(classes, 1, -1, -1).clone()) if learn else None
        self.register_parameter("weight", weight)

    def forward(self, scores: Tensor) -> Tensor:
        """`[N, classes, h, w]` -> `[N, classes, h * factor, w * factor]`."""
        if self.weight is None:
            return nn.functional.interpolate(scores, scale_factor=self.factor, mode="bilinear", align_corners=False)
        return nn.functional.conv_transpose2d(
            scores, self.weight, stride=self.factor, padding=self.factor // 2, groups=self.classes
        )


class FCNDecoder(nn.Module):
    """Scores at strides 32, 16 and 8, summed from coarse to fine.

    Args:
        encoder_channels: Channels of the encoder's features at strides 1, 2, 4, 8, 16 and 32.
        classes: Channels of the scores.
        stride: Finest scored: 32, 16 or 8.
        vgg: Features of strides 4 and 8 are VGG's blocks before pooling; pooled, they are the paper's pool3 and pool4.
        head_channels: Width of the paper's fc6 (7x7) and fc7 (1x1) over the deepest features; 0 for none.
        dropout: After fc6 and fc7.
        learn_upsampling: Train the x2 upsampling between strides.
    """

    def __init__(
        self,
        encoder_channels: Sequence[int],
        classes: int,
        *,
        stride: int,
        vgg: bool,
        head_channels: int,
        dropout: float,
        learn_upsampling: bool,
    ) -> None:
        super().__init__()
        self.vgg = vgg
        self.skip_count = {32: 0, 16: 1, 8: 2}[stride]
        deepest = encoder_channels[5]
        self.head = nn.Sequential()
        if head_channels:
            self.head = nn.Sequential(
                nn.Conv2d(deepest, head_channels, 7, padding=3),
                nn.ReLU(inplace=True),
                nn.Dropout2d(dropout),
                nn.Conv2d(head_channels, head_channels, 1),
                nn.ReLU(inplace=True),
                nn.Dropout2d(dropout),
            )
            initialization.initialize_decoder(self.head)
        self.score = nn.Conv2d(head_channels or deepest, classes, 1)
        initialization.initialize_head(self.score)
        coarse_to_fine = [encoder_channels[index] for index in ((3, 2) if vgg else (4, 3))[: self.skip_count]]
        self.skips = nn.ModuleList([_zero_score(channels, classes) for channels in coarse_to_fine])
        self.upsample = nn.ModuleList([BilinearUpsample(classes, 2, learn=learn_upsampling) for _ in self.skips])

    def forward(self, features: list[Tensor]) -> Tensor:
        """The encoder's features -> `[N, classes, H / stride, W / stride]` scores."""
        scores: Tensor = self.score(self.head(features[5]))
        for index, (skip, upsample) in enumerate(zip(self.skips, self.upsample, strict=True)):
            feature = nn.functional.max_pool2d(features[3 - index], 2) if self.vgg else features[4 - index]
            scores = upsample(scores) + skip(feature)
        return scores


def _zero_score(channels: int, classes: int) -> nn.Conv2d:
    """A 1x1 convolution that starts at zero, so that a finer net starts as the coarser one."""
    score = nn.Conv2d(channels, classes, 1)
    nn.init.zeros_(score.weight)
    if score.bias is not None:
        nn.init.zeros_(score.bias)
    return score


class FCN(EncoderDecoder):
    """FCN-32s, FCN-16s and FCN-8s.

    1x1 convolutions score the features of strides 32, 16 and 8; scores are summed after bilinear upsampling
    (transposed convolution 4/2), and the sum is upsampled to the image (64/32, 32/16 or 16/8).

    On a VGG the features are the paper's pool5, pool4 and pool3, and fc6 and fc7 follow pool5; smp's ImageNet weights
    come without them, so they start random. At their 4096 they are 120 of FCN's 134 million parameters;
    `head_channels=512` leaves 13 million. Other encoders score their own features: their last stage is made for that.

    Args:
        encoder_name: Any of smp's encoders.
        encoder_weights: Handed to smp.
        stride: 32, 16 or 8.
        head_channels: Width of fc6 and fc7; None is 4096 on a VGG and none elsewhere; 0 is none.
        head_dropout: Dropout after each of them.
        learn_upsampling: Train the upsampling kernels; the paper's comparison found no significant difference.
        in_channels: Channels of the image.
        classes: Channels of the logits.

    Raises:
        ModelError: on another stride.
    """

    @supports_config_loading
    def __init__(
        self,
        encoder_name: str = "vgg16_bn",
        encoder_weights: str | None = "imagenet",
        stride: Literal[8, 16, 32] = 8,
        head_channels: int | None = None,
        head_dropout: float = 0.5,
        learn_upsampling: bool = False,
        in_channels: int = 3,
        classes: int = 1,
        **kwargs: Any,  # noqa: ANN401 - what smp hands to timm
    ) -> None:
        super().__init__()
        if stride not in (8, 16, 32):
            raise ModelError(f"FCN has stride {stride!r}; expected 8, 16 or 32.")
        self.encoder = get_encoder(encoder_name, in_channels=in_channels, depth=5, weights=encoder_weights, **kwargs)
        vgg = isinstance(self.encoder, VGGEncoder)
        if head_channels is None:
            head_channels = VGG_HEAD_CHANNELS if vgg else 0
        self.decoder = FCNDecoder(
            self.encoder.out_channels,
            classes,
            stride=stride,
            vgg=vgg,
            head_channels=head_channels,
            dropout=head_dropout,
            learn_upsampling=learn_upsampling,
        )
        self.segmentation_head = BilinearUpsample(classes, stride, learn=learn_upsampling)
        self.classification_head = None
        self.name = f"fcn{stride}s-{encoder_name}"
