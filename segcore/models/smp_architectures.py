"""smp's architectures, made to take any image size.

Each keeps the name of smp's class, which `save_pretrained` writes into config.json: `smp.from_pretrained` can
therefore read a run's folder too.
"""

from __future__ import annotations

import segmentation_models_pytorch as smp

from segcore.models.base import EncoderDecoder


class Unet(EncoderDecoder, smp.Unet):
    """U-Net (Ronneberger et al. 2015)."""


class UnetPlusPlus(EncoderDecoder, smp.UnetPlusPlus):
    """U-Net++ (Zhou et al. 2018)."""


class PSPNet(EncoderDecoder, smp.PSPNet):
    """PSPNet (Zhao et al. 2017) on the encoder's first three stages."""


class DeepLabV3(EncoderDecoder, smp.DeepLabV3):
    """DeepLabV3 (Chen et al. 2017)."""


class DeepLabV3Plus(EncoderDecoder, smp.DeepLabV3Plus):
    """DeepLabV3+ (Chen et al. 2018)."""


class FPN(EncoderDecoder, smp.FPN):
    """Semantic FPN (Kirillov et al. 2019)."""


class Linknet(EncoderDecoder, smp.Linknet):
    """LinkNet (Chaurasia and Culurciello 2017)."""


class MAnet(EncoderDecoder, smp.MAnet):
    """MA-Net (Fan et al. 2020)."""


class PAN(EncoderDecoder, smp.PAN):
    """PAN (Li et al. 2018)."""

    minimum_cells = 8  # its pyramid halves the deepest features three times


class UPerNet(EncoderDecoder, smp.UPerNet):
    """UPerNet (Xiao et al. 2018)."""


class Segformer(EncoderDecoder, smp.Segformer):
    """SegFormer (Xie et al. 2021)."""
