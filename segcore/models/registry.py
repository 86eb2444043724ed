"""The models by name, whatever their source: titles, papers and defaults, readable without torch.

Besides the names in `MODELS`, a model is named by `hf:ID` or `hf:FOLDER` (Hugging Face), by `FILE.py:CLASS` (one's own
file), or by what an installed package announces in the entry points `segcore.models`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from segcore.errors import UnknownModel, nearest
from segcore.extensions import packages
from segcore.extensions.code_file import CodeName

DEFAULT_ENCODER = "tu-tf_efficientnet_lite0"
HUGGING_FACE = "hf:"
OTHER_NAMES = "hf:ID or hf:FOLDER (Hugging Face), FILE.py:CLASS (your own)"  # for messages
Source = Literal["segcore", "torchvision", "huggingface", "file", "package"]


@dataclass(frozen=True)
class Paper:
    """The paper that introduced an architecture."""

    title: str
    authors: str
    year: int


@dataclass(frozen=True)
class ModelSpec:
    """One model that can be created by name.

    Args:
        name: The name in commands and settings, e.g. `fcn8s`, `hf:nvidia/mit-b0` or `nets/my_net.py:MyNet`.
        title: The name shown to people, e.g. `FCN-8s` or `MyNet`.
        summary: One sentence on what sets it apart; empty where nothing is known.
        paper: The paper that introduced it, where known.
        builder: Where it comes from: `module:class`, `file.py:class`, or an id or folder of Hugging Face.
        stride: Pixels of the image for one score, before the last upsampling; None where unknown.
        options: Arguments of the class that are not its own defaults.
        dilated: Needs an encoder whose strides can be replaced with dilation.
        source: Whose it is, a key of `segcore.models.sources.SOURCES`.
        encoder: The encoder that it comes with, e.g. `resnet50`, or `own`; None where `--encoder` chooses it.
    """

    name: str
    title: str
    summary: str
    paper: Paper | None = None
    builder: str = ""
    stride: int | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    dilated: bool = False
    source: Source = "segcore"
    encoder: str | None = None

    @property
    def stored_name(self) -> str:
        """The name that runs keep: without the folders of this machine."""
        if self.source == "file":
            return self.builder.rpartition("/")[2]
        return (
            f"{HUGGING_FACE}{self.title}" if self.source == "huggingface" and Path(self.builder).is_dir() else self.name
        )

    def weights_of(self, encoder_weights: str) -> str:
        """What runs keep of the setting `encoder_weights`: its default means other things for models of others."""
        if encoder_weights != "imagenet" or self.source in ("segcore", "torchvision"):
            return encoder_weights
        return "pretrained" if self.source == "huggingface" else "own"

    @property
    def run_name(self) -> str:
        """The part of a run's name that stands for the model."""
        return self.name if self.name in MODELS else self.title


def _torchvision(name: str, title: str, summary: str, paper: Paper, stride: int) -> ModelSpec:
    encoder = name.partition("_")[2]
    return ModelSpec(name, title, summary, paper, stride=stride, source="torchvision", encoder=encoder)


_FCN = Paper("Fully Convolutional Networks for Semantic Segmentation", "Long, Shelhamer, Darrell", 2015)
_DEEPLAB_V3 = Paper(
    "Rethinking Atrous Convolution for Semantic Image Segmentation", "Chen, Papandreou, Schroff, Adam", 2017
)

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
        _DEEPLAB_V3,
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
    "fcn_resnet50": _torchvision(
        "fcn_resnet50",
        "FCN ResNet-50",
        "torchvision's FCN: a small head on a ResNet-50 dilated to output stride 8.",
        _FCN,
        8,
    ),
    "fcn_resnet101": _torchvision(
        "fcn_resnet101", "FCN ResNet-101", "As fcn_resnet50, on the deeper ResNet-101.", _FCN, 8
    ),
    "deeplabv3_resnet50": _torchvision(
        "deeplabv3_resnet50",
        "DeepLabV3 ResNet-50",
        "torchvision's DeepLabV3: atrous spatial pyramid pooling on a ResNet-50 dilated to output stride 8.",
        _DEEPLAB_V3,
        8,
    ),
    "deeplabv3_resnet101": _torchvision(
        "deeplabv3_resnet101",
        "DeepLabV3 ResNet-101",
        "As deeplabv3_resnet50, on the deeper ResNet-101.",
        _DEEPLAB_V3,
        8,
    ),
    "deeplabv3_mobilenet_v3_large": _torchvision(
        "deeplabv3_mobilenet_v3_large",
        "DeepLabV3 MobileNetV3",
        "torchvision's DeepLabV3 on the large MobileNetV3, at output stride 16.",
        _DEEPLAB_V3,
        16,
    ),
    "lraspp_mobilenet_v3_large": _torchvision(
        "lraspp_mobilenet_v3_large",
        "LR-ASPP MobileNetV3",
        "torchvision's Lite R-ASPP: the light head that MobileNetV3 was published with.",
        Paper(
            "Searching for MobileNetV3",
            "Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le, Adam",
            2019,
        ),
        8,
    ),
}


def model_names() -> tuple[str, ...]:
    """Every name of `MODELS`, and those that installed packages announce."""
    return (*MODELS, *(name for name in packages.announced(packages.MODELS) if name not in MODELS))


def model_spec(name: str) -> ModelSpec:
    """The entry of one model: of `MODELS`, or made for a name of another source. Runs no code and reads no network.

    Raises:
        UnknownModel: listing the nearest name and all of them.
        CodeError: when a file of code is missing, no Python, or lacks the class.
    """
    if name in MODELS:
        return MODELS[name]
    if name.startswith(HUGGING_FACE) and name != HUGGING_FACE:
        return _hugging_face(name)
    code = CodeName.parse(name)
    if code is not None:
        summary = code.check()
        return ModelSpec(
            name, code.name, summary, builder=f"{code.path.as_posix()}:{code.name}", source="file", encoder="own"
        )
    point = packages.announced(packages.MODELS).get(name)
    if point is not None:
        summary = f"From the package {packages.made_by(point)}."
        return ModelSpec(name, name, summary, builder=point.value, source="package", encoder="own")
    names = model_names()
    raise UnknownModel(f"No model {name!r}.{nearest(name, names)} Choose one of {', '.join(names)}; or {OTHER_NAMES}.")


def model_title(name: str) -> str:
    """The title of a model, which need not be there; a name of no known form is its own title.

    >>> model_title("fcn8s"), model_title("my_net.py:MyNet"), model_title("hf:nvidia/mit-b0")
    ('FCN-8s', 'MyNet', 'mit-b0')
    """
    if name in MODELS:
        return MODELS[name].title
    code = CodeName.parse(name)
    if code is not None:
        return code.name
    return Path(name.removeprefix(HUGGING_FACE)).name if name.startswith(HUGGING_FACE) else name


def _hugging_face(name: str) -> ModelSpec:
    place = name.removeprefix(HUGGING_FACE)
    summary = f"A model of Hugging Face's transformers, {place}."
    builder = str(Path(place).expanduser())
    return ModelSpec(name, model_title(name), summary, builder=builder, source="huggingface", encoder="own")
