"""Hugging Face's semantic-segmentation models, from the hub or a folder, by the package transformers (extra `hf`).

Models of `AutoModelForSemanticSegmentation` (SegFormer, UPerNet, DPT ...) give logits. MaskFormer and Mask2Former give
classes and masks of queries; their semantic output (Cheng et al. 2021, "Per-Pixel Classification is Not All You Need
for Semantic Segmentation") is a sum over the queries, and its logarithm serves as logits. Code of a hub repository is
never run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from segcore.errors import ModelError, WeightsError, first_line
from segcore.models.base import Wrapped
from segcore.models.encoder_weights import hub_reachable
from segcore.models.encoders import Normalization
from segcore.models.registry import ModelSpec
from segcore.reading import parse_json, read_text

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

_BGR = "_segcore_bgr"  # in config.json: the network takes blue first
_SET_HERE = frozenset(
    {"num_labels", "id2label", "label2id", "architectures", "model_type", "dtype", "use_auxiliary_head"}
)
_ENCODERS = ("model.pixel_level_module.encoder", "backbone")  # where an encoder lies, beside `base_model_prefix`
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_SQUARE = ("dpt",)  # its reassembling takes the root of the number of patches for both sides
_PADDED = 32  # pixels: hierarchical encoders halve the image five times
_LEAST = 1e-6  # of a semantic output, whose logarithm is taken


class HuggingFaceModel(Wrapped):
    """One of transformers' models."""

    def logits(self, x: Tensor) -> Tensor:
        """`[N, 3, H, W]` -> `[N, classes, h, w]` logits."""
        output = self.network(pixel_values=x.flip(1) if self._config.get(_BGR) else x)
        if hasattr(output, "logits"):
            logits: Tensor = output.logits
            return logits
        classes = output.class_queries_logits.softmax(dim=-1)[..., :-1]  # without "no object"
        scores: Tensor = torch.einsum("nqc,nqhw->nchw", classes, output.masks_queries_logits.sigmoid())
        return scores.clamp(min=_LEAST).log()


def options(spec: ModelSpec) -> dict[str, Any]:
    """The settings of the model's configuration."""
    return {name: value for name, value in _read_config(spec).to_dict().items() if name not in _SET_HERE}


def normalization(spec: ModelSpec, encoder: str, weights: str | None) -> Normalization:
    """That of the image processor stored with the model; ImageNet's where none is."""
    processor = _processor(spec)
    scale = 255 * processor.get("rescale_factor", 1 / 255) if processor.get("do_rescale", True) else 255.0
    if not processor.get("do_normalize", True):
        return Normalization(*(_triple([value] * 3, scale) for value in (0.0, 1.0)))
    mean, std = (
        processor.get(f"image_{name}") or given for name, given in zip(("mean", "std"), _IMAGENET, strict=True)
    )
    return Normalization(_triple(mean, scale), _triple(std, scale))


def check(spec: ModelSpec, encoder: str, weights: str | None, options: Mapping[str, Any]) -> HuggingFaceModel:
    """A model to hold to the contract."""
    return create(spec, encoder, weights, 7, options)


def create(
    spec: ModelSpec, encoder: str, weights: str | Path | None, classes: int, options: Mapping[str, Any]
) -> HuggingFaceModel:
    """A model with the weights of the id or folder, except rows of other classes; random ones for `none`."""
    config = _read_config(spec)
    for name, value in {"num_labels": classes, "use_auxiliary_head": False, **options}.items():
        if hasattr(config, name):
            setattr(config, name, value)
    if weights is None or str(weights) == "none":
        model = _wrap(_build(spec, config), spec)
    elif str(weights) in ("imagenet", "pretrained"):
        network, origin = _pretrained(spec, config)
        model = _wrap(network, spec)
        model.origin = origin
    else:
        raise WeightsError(
            f"--encoder-weights is {weights} and {spec.name} brings its own. Leave it out, write none to start from "
            "random weights, or give the folder of the weights as the model: hf:FOLDER."
        )
    return model


def restore(spec: ModelSpec, config: dict[str, Any]) -> HuggingFaceModel:
    """The model that `stored_config` describes, with random weights."""
    mapping = _transformers(spec).CONFIG_MAPPING
    bgr = bool(config.pop(_BGR, False))
    try:
        network = _build(spec, mapping[config["model_type"]].from_dict(config))
    except (KeyError, TypeError) as error:
        raise ModelError(f"{spec.name}: this version of transformers can't build it ({first_line(error)}).") from error
    return _model(network, bgr)


def _wrap(network: Any, spec: ModelSpec) -> HuggingFaceModel:  # noqa: ANN401 - transformers is optional
    return _model(network, bool(_processor(spec).get("do_flip_channel_order", False)))


def _model(network: Any, bgr: bool) -> HuggingFaceModel:  # noqa: ANN401
    network.config.architectures, network.config.dtype = [type(network).__name__], "float32"
    config = json.loads(network.config.to_json_string()) | ({_BGR: True} if bgr else {})
    square = network.config.model_type in _SQUARE
    model = HuggingFaceModel(network, config, stride=_stride(network.config), encoder=_encoder(network), square=square)
    model.train()
    return model


def _stride(config: PreTrainedConfig) -> int:
    """Images are padded to a multiple of it: 32, or of a patch that does not divide 32."""
    patch = getattr(getattr(config, "backbone_config", None) or config, "patch_size", 1)
    patch = patch if isinstance(patch, int) else 1
    return _PADDED if _PADDED % patch == 0 else patch


def _encoder(network: Any) -> str:  # noqa: ANN401
    for name in (*_ENCODERS, network.base_model_prefix):
        module: object = network
        for part in name.split("."):
            module = getattr(module, part, None)
        if name and isinstance(module, nn.Module):
            return name
    return ""


def _transformers(spec: ModelSpec) -> Any:  # noqa: ANN401
    try:
        import transformers
    except ImportError as error:
        raise ModelError(
            f"{spec.name} needs the package transformers, which is not installed. Install it: pip install "
            "'segcore[hf]'. "
        ) from error
    return transformers


def _local_only(spec: ModelSpec) -> bool:
    return not Path(spec.builder).is_dir() and not hub_reachable()


def _read_config(spec: ModelSpec) -> PreTrainedConfig:
    library, local = _transformers(spec), _local_only(spec)
    try:
        config: PreTrainedConfig = library.AutoConfig.from_pretrained(
            spec.builder, local_files_only=local, trust_remote_code=False
        )
    except Exception as error:  # OSError, ValueError, KeyError and those of the hub's client
        raise _unavailable(spec, error, local, "config.json") from error
    _head(spec, config)
    channels = getattr(config, "num_channels", 3)
    if channels != 3:
        raise ModelError(f"{spec.name} takes images of {channels} channels; expected 3 (RGB).")
    return config


def _unavailable(spec: ModelSpec, error: Exception, local: bool, file: str) -> WeightsError:
    place = Path(spec.builder)
    if place.is_dir() and not (place / "config.json").is_file():
        return WeightsError(f"{place} has no config.json. Expected a folder that save_pretrained wrote.")
    if local:
        why = "huggingface.co can't be reached, and it is not in the local cache"
        return WeightsError(
            f"No model {spec.builder!r}: {why}. Download it where there is a network (hf download {spec.builder} "
            "--local-dir FOLDER), then give hf:FOLDER."
        )
    return WeightsError(f"{spec.name}: its {file} can't be used: {first_line(error)}")


def _head(spec: ModelSpec, config: PreTrainedConfig) -> Any:  # noqa: ANN401
    """Transformers' class for semantic segmentation with this configuration."""
    library = _transformers(spec)
    semantic = library.MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING
    masks = {
        getattr(library, f"{name}Config"): getattr(library, architecture)
        for name, architecture in (
            ("Mask2Former", "Mask2FormerForUniversalSegmentation"),
            ("MaskFormer", "MaskFormerForInstanceSegmentation"),
        )
    }
    if type(config) in semantic:
        return semantic[type(config)]
    if type(config) in masks:
        return masks[type(config)]
    kinds = sorted({kind.model_type for kind in (*semantic, *masks)})
    raise ModelError(
        f"{spec.name} is a {config.model_type}, which transformers does not use for semantic segmentation. Kinds that "
        f"work: {', '.join(kinds)}."
    )


def _build(spec: ModelSpec, config: PreTrainedConfig) -> Any:  # noqa: ANN401
    """A network with random weights."""
    try:
        return _head(spec, config)(config)
    except ModelError:
        raise
    except Exception as error:  # each architecture raises its own
        raise ModelError(
            f"{spec.name} can't be built: {first_line(error)}. Look at its config.json, and the options given."
        ) from error


def _pretrained(spec: ModelSpec, config: PreTrainedConfig) -> tuple[Any, str]:
    """The network with the stored weights, and a sentence on what they cover."""
    local = _local_only(spec)
    try:
        network, info = _head(spec, config).from_pretrained(
            spec.builder,
            config=config,
            ignore_mismatched_sizes=True,  # rows of other classes; what begins fresh is counted below
            output_loading_info=True,
            local_files_only=local,
            dtype=torch.float32,
        )
    except Exception as error:  # OSError, ValueError, RuntimeError and those of the hub's client
        if Path(spec.builder).is_dir() and (Path(spec.builder) / "config.json").is_file():
            raise WeightsError(
                f"{spec.builder}: its weights can't be used ({first_line(error)}). Start from random weights instead: "
                "--encoder-weights none."
            ) from error
        raise _unavailable(spec, error, local, "weights") from error
    names = [name for name, _ in network.named_parameters()]
    fresh = [*info["missing_keys"], *(key[0] for key in info["mismatched_keys"])]
    fresh = sorted(set(fresh).intersection(names))
    if 2 * len(fresh) > len(names):
        raise WeightsError(
            f"{spec.builder}: {len(names) - len(fresh)} of the {len(names)} tensors of {type(network).__name__} are "
            f"there; missing or of another shape are {fresh[0]} ... These are weights of another architecture."
        )
    rest = f"; {len(fresh)} begin fresh, first {fresh[0]}" if fresh else ""
    return network, f"{spec.builder}: {len(names) - len(fresh)} of the model's {len(names)} tensors{rest}."


def _processor(spec: ModelSpec) -> dict[str, Any]:
    """The settings of the image processor stored with a model; empty where there are none."""
    import huggingface_hub

    name, place = "preprocessor_config.json", Path(spec.builder)
    try:
        if place.is_dir():
            path = place / name
        else:
            path = Path(huggingface_hub.hf_hub_download(spec.builder, name, local_files_only=_local_only(spec)))
        stored = parse_json(read_text(path))
    except (OSError, huggingface_hub.errors.EntryNotFoundError):
        return {}
    except ValueError as error:
        raise ModelError(f"{spec.name}: its {name} is no JSON ({first_line(error)}).") from error
    return dict(stored)


def _triple(values: Any, scale: float) -> tuple[float, float, float]:  # noqa: ANN401 - three numbers, or one for all
    red, green, blue = values if isinstance(values, (list, tuple)) else [values] * 3
    return tuple(
        round(float(value) / scale, 9) if not math.isclose(scale, 1) else float(value) for value in (red, green, blue)
    )  # type: ignore[return-value]
