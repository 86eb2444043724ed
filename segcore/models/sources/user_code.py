"""Networks of users: a class in a file (`my_net.py:MyNet`), or what a package announces in `segcore.models`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from segcore.errors import CodeError, ModelError, first_line, typed_line
from segcore.extensions import packages
from segcore.extensions.code_file import CODE_FOLDER, CodeName
from segcore.models.base import Wrapped
from segcore.models.encoder_weights import EncoderFit, load_encoder_state
from segcore.models.encoders import Normalization
from segcore.models.registry import ModelSpec
from segcore.models.state_dict_file import read_tensors

CODE = "_segcore_code"  # in config.json: file and SHA-256
_IMAGENET = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class UserModel(Wrapped):
    """A user's network; its class may state `output_stride` (images are padded to it) and have an `encoder`."""

    files: Mapping[str, bytes] = {}

    def logits(self, x: Tensor) -> Tensor:
        """`[N, 3, H, W]` -> `[N, classes, H, W]`.

        Raises:
            ModelError: when the network gives anything else.
        """
        logits: Tensor = self.network(x)
        if not isinstance(logits, Tensor):
            keys = f" with {', '.join(map(str, logits))}" if isinstance(logits, dict) else ""
            raise ModelError(
                f"{type(self.network).__name__} gives a {type(logits).__name__}{keys}; expected one tensor of logits "
                "[N, C, H, W]."
            )
        if logits.ndim != 4 or logits.shape[-2:] != x.shape[-2:]:
            raise ModelError(
                f"{type(self.network).__name__} gives {list(logits.shape)} for an image {list(x.shape)}; expected "
                f"logits [N, C, H, W] at its size. Enlarge them: torch.nn.functional.interpolate(logits, "
                "size=x.shape[-2:], mode='bilinear')."
            )
        return logits

    def stored_files(self) -> Mapping[str, bytes]:
        """The file that the class is in."""
        return self.files


def options(spec: ModelSpec) -> dict[str, Any] | None:
    """The arguments of the class beside `classes`, with their defaults; None where it takes any."""
    parameters = list(_signature(_made(spec)).parameters.values())
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return {
        parameter.name: ... if parameter.default is parameter.empty else parameter.default
        for parameter in parameters
        if parameter.name != "classes" and parameter.kind is not parameter.VAR_POSITIONAL
    }


def normalization(spec: ModelSpec, encoder: str, weights: str | None) -> Normalization:
    """What the class states as `input_mean` and `input_std`, three numbers each for RGB in 0..1; else ImageNet's."""
    made = _made(spec)
    mean, std = getattr(made, "input_mean", _IMAGENET.mean), getattr(made, "input_std", _IMAGENET.std)
    try:
        (red, green, blue), (red_std, green_std, blue_std) = map(float, mean), map(float, std)
    except (TypeError, ValueError):
        raise ModelError(
            f"{spec.name}: input_mean is {mean!r} and input_std {std!r}; expected three numbers each, for RGB in 0..1."
        ) from None
    return Normalization((red, green, blue), (red_std, green_std, blue_std))


def check(spec: ModelSpec, encoder: str, weights: str | None, options: Mapping[str, Any]) -> UserModel:
    """A model to hold to the contract."""
    return create(spec, encoder, weights, 7, options)


def create(
    spec: ModelSpec, encoder: str, weights: str | Path | None, classes: int, options: Mapping[str, Any]
) -> UserModel:
    """The class, called with `classes` and the options; a file of weights goes into its `encoder`."""
    model = _build(spec, classes, options)
    if weights is not None and str(weights) not in ("none", "imagenet"):
        part = model.encoder_part
        if part is None:
            raise ModelError(
                f"--encoder-weights is {weights} and {spec.title} has no attribute `encoder` to load it into. Leave it "
                "out, or load the weights in the class."
            )
        state = read_tensors(weights)
        load_encoder_state(part, state, str(weights))
        model.origin = f"{weights}: {EncoderFit.of(part, state)}."
    return model


def restore(spec: ModelSpec, config: dict[str, Any]) -> UserModel:
    """The model that `stored_config` describes, with random weights."""
    stated = config.pop(CODE, {}).get("sha256")
    code = CodeName.parse(spec.name)
    if code is not None and code.digest() != stated:
        raise CodeError(
            f"{code.path} is not the file that the run was trained with: its SHA-256 is {code.digest()[:12]}..., and "
            f"config.json says {str(stated)[:12]}... Put the right one back."
        )
    return _build(spec, config.pop("classes"), config)


def _build(spec: ModelSpec, classes: int, options: Mapping[str, Any]) -> UserModel:
    made = _made(spec)
    try:
        network = made(classes=classes, **options)
    except Exception as error:  # whatever a user's class raises
        needed = [
            name
            for name, parameter in _signature(made).parameters.items()
            if parameter.default is parameter.empty
            and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            and name not in {"classes", *options}
        ]
        if needed:
            raise ModelError(
                f"{spec.title} needs {', '.join(needed)} beside classes. Give a default in the class, or an option: "
                f"--model-options '{{{spec.name}: {{{needed[0]}: ...}}}}'."
            ) from error
        call = ", ".join([f"classes={classes}", *(f"{name}={value!r}" for name, value in options.items())])
        raise ModelError(
            f"{spec.title}({call}) fails: {typed_line(error)}. It is called with classes= (the number of classes) and "
            "the model options."
        ) from error
    if not isinstance(network, nn.Module):
        raise ModelError(f"{spec.title}(classes={classes}) is a {type(network).__name__}; expected a torch.nn.Module.")
    stride = getattr(network, "output_stride", 1)
    if isinstance(stride, bool) or not isinstance(stride, int) or stride < 1:
        raise ModelError(f"{spec.title}.output_stride is {stride!r}; expected a whole number of pixels, 1 or more.")
    config: dict[str, Any] = {"classes": classes, **options}
    code = CodeName.parse(spec.name)
    if code is not None:
        config[CODE] = {"file": code.path.name, "sha256": code.digest()}
    has_encoder = isinstance(getattr(network, "encoder", None), nn.Module)
    model = UserModel(network, config, stride=stride, encoder="encoder" if has_encoder else "")
    model.files = {f"{CODE_FOLDER}/{code.path.name}": code.read()} if code is not None else {}
    return model


def _made(spec: ModelSpec) -> Any:  # noqa: ANN401 - a user's class, or a function that makes a module
    code = CodeName.parse(spec.name)
    made = code.load() if code is not None else packages.load(packages.announced(packages.MODELS)[spec.name])
    if not callable(made):
        raise ModelError(f"{spec.name} is a {type(made).__name__}; expected a class of torch.nn.Module.")
    return made


def _signature(made: Any) -> inspect.Signature:  # noqa: ANN401
    try:
        return inspect.signature(made)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{made!r} can't be called: {first_line(error)}.") from error
