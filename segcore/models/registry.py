"""The architectures by name: titles, papers and defaults, readable without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from segcore.errors import UnknownModel, unknown

if TYPE_CHECKING:
    from segcore.models.base import AnySize

DEFAULT_ENCODER = "tu-tf_efficientnet_lite0"


@dataclass(frozen=True)
class Paper:
    """The paper that introduced an architecture."""

    title: str
    authors: str
    year: int


@dataclass(frozen=True)
class ModelSpec:
    """One architecture.

    Args:
        name: The name in commands and settings, e.g. `fcn8s`.
        title: The name shown to people, e.g. `FCN-8s`.
        summary: One sentence on what sets it apart.
        paper: The paper that introduced it.
        builder: `module:class`, imported when a model is built, since that needs torch.
        stride: Pixels of the image for one score, before the last upsampling.
        options: Arguments of the class that are not its own defaults.
        dilated: Needs an encoder whose strides can be replaced with dilation.
    """

    name: str
    title: str
    summary: str
    paper: Paper
    builder: str
    stride: int
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    dilated: bool = False

    @property
    def architecture(self) -> type[AnySize]:
        """The class that builds it (imports torch)."""
        module, _, name = self.builder.partition(":")
        loaded: type[AnySize] = getattr(import_module(module), name)
        return loaded


_FCN = Paper("Fully Convolutional Networks for Semantic Segmentation", "Long, Shelhamer, Darrell", 2015)

MODELS: dict[str, ModelSpec] = {
    "fcn32s": ModelSpec(
        "fcn32s",
        "FCN-32s",
        "Scores the deepest features and upsamples them 32 times; the coarsest and simplest.",
        _FCN,
        "segcore.models.fcn:FCN",
        stride=32,
        options={"stride": 32},
    ),
    "fcn16s": ModelSpec(
        "fcn16s",
        "FCN-16s",
        "Adds the scores of a finer layer to FCN-32s's before upsampling 16 times.",
        _FCN,
        "segcore.models.fcn:FCN",
        stride=16,
        options={"stride": 16},
    ),
    "fcn8s": ModelSpec(
        "fcn8s",
        "FCN-8s",
        "Sums the scores of three layers, from coarse to fine, before upsampling 8 times.",
        _FCN,
        "segcore.models.fcn:FCN",
        stride=8,
        options={"stride": 8},
    ),
    "deeplabv2": ModelSpec(
        "deeplabv2",
        "DeepLabV2",
        "Sums the scores of four dilated convolutions (atrous spatial pyramid pooling) at output stride 8.",
        Paper(
            "DeepLab: Semantic Image Segmentation with Deep Convolutional Nets, Atrous Convolution, "
            "and Fully Connected CRFs",
            "Chen, Papandreou, Kokkinos, Murphy, Yuille",
            2017,
        ),
        "segcore.models.deeplabv2:DeepLabV2",
        stride=8,
        dilated=True,
    ),
    "unet": ModelSpec(
        "unet",
        "U-Net",
        "Climbs back to full size step by step, joining the encoder's features of each size.",
        Paper("U-Net: Convolutional Networks for Biomedical Image Segmentation", "Ronneberger, Fischer, Brox", 2015),
        "segcore.models.smp_architectures:Unet",
        stride=1,
    ),
    "unetplusplus": ModelSpec(
        "unetplusplus",
        "U-Net++",
        "A U-Net whose skip connections are themselves nested, dense decoders.",
        Paper(
            "UNet++: A Nested U-Net Architecture for Medical Image Segmentation",
            "Zhou, Siddiquee, Tajbakhsh, Liang",
            2018,
        ),
        "segcore.models.smp_architectures:UnetPlusPlus",
        stride=1,
    ),
    "pspnet": ModelSpec(
        "pspnet",
        "PSPNet",
        "Averages features over grids of four sizes to see the whole scene; here on three encoder stages, so fast.",
        Paper("Pyramid Scene Parsing Network", "Zhao, Shi, Qi, Wang, Jia", 2017),
        "segcore.models.smp_architectures:PSPNet",
        stride=8,
    ),
    "deeplabv3": ModelSpec(
        "deeplabv3",
        "DeepLabV3",
        "Joins dilated convolutions and global pooling over features at output stride 8.",
        Paper("Rethinking Atrous Convolution for Semantic Image Segmentation", "Chen, Papandreou, Schroff, Adam", 2017),
        "segcore.models.smp_architectures:DeepLabV3",
        stride=8,
        dilated=True,
    ),
    "deeplabv3plus": ModelSpec(
        "deeplabv3plus",
        "DeepLabV3+",
        "DeepLabV3 with a small decoder that sharpens edges from a finer layer.",
        Paper(
            "Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation",
            "Chen, Zhu, Papandreou, Schroff, Adam",
            2018,
        ),
        "segcore.models.smp_architectures:DeepLabV3Plus",
        stride=4,
        # The paper's rates at output stride 16; smp's default of 12/24/36 is the one for output stride 8.
        options={"decoder_atrous_rates": (6, 12, 18)},
        dilated=True,
    ),
    "fpn": ModelSpec(
        "fpn",
        "FPN",
        "Merges features from coarse to fine and sums the predictions of every level.",
        Paper("Panoptic Feature Pyramid Networks", "Kirillov, Girshick, He, Dollár", 2019),
        "segcore.models.smp_architectures:FPN",
        stride=4,
    ),
    "linknet": ModelSpec(
        "linknet",
        "LinkNet",
        "A light U-Net that adds the encoder's features instead of joining them.",
        Paper(
            "LinkNet: Exploiting Encoder Representations for Efficient Semantic Segmentation",
            "Chaurasia, Culurciello",
            2017,
        ),
        "segcore.models.smp_architectures:Linknet",
        stride=1,
    ),
    "manet": ModelSpec(
        "manet",
        "MA-Net",
        "A U-Net with attention over positions and over channels.",
        Paper("MA-Net: A Multi-Scale Attention Network for Liver and Tumor Segmentation", "Fan, Wang, Li, Wang", 2020),
        "segcore.models.smp_architectures:MAnet",
        stride=1,
    ),
    "pan": ModelSpec(
        "pan",
        "PAN",
        "Pyramid attention over the deepest features guides the upsampling of finer ones.",
        Paper("Pyramid Attention Network for Semantic Segmentation", "Li, Xiong, An, Wang", 2018),
        "segcore.models.smp_architectures:PAN",
        stride=4,
        dilated=True,
    ),
    "upernet": ModelSpec(
        "upernet",
        "UPerNet",
        "Pyramid pooling on the deepest features, then a feature pyramid fused at a quarter of the size.",
        Paper("Unified Perceptual Parsing for Scene Understanding", "Xiao, Liu, Zhou, Jiang, Sun", 2018),
        "segcore.models.smp_architectures:UPerNet",
        stride=4,
    ),
    "segformer": ModelSpec(
        "segformer",
        "SegFormer",
        "Projects the features of every stage to one width, joins them and scores them; made for mit_b0 to mit_b5.",
        Paper(
            "SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers",
            "Xie, Wang, Yu, Anandkumar, Alvarez, Luo",
            2021,
        ),
        "segcore.models.smp_architectures:Segformer",
        stride=4,
    ),
}


def model_names() -> tuple[str, ...]:
    """Every name that `create_model` takes."""
    return tuple(MODELS)


def model_spec(name: str) -> ModelSpec:
    """The entry of one model.

    Raises:
        UnknownModel: listing the nearest name and all of them.
    """
    try:
        return MODELS[name]
    except KeyError:
        raise UnknownModel(unknown("model", name, MODELS)) from None


def model_title(name: str) -> str:
    """The title of a model; a name that is not in the catalogue is its own title.

    >>> model_title("fcn8s")
    'FCN-8s'
    """
    return MODELS[name].title if name in MODELS else name
