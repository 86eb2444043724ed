"""Every setting of a training, in one place: what drives `--help`, validation and the YAML. Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from textwrap import indent
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, field_validator

from segcore.augment import Pipeline, load_pipeline
from segcore.errors import ConfigError, SegcoreError, nearest
from segcore.labels import PRESETS
from segcore.training.choices import LOSSES, OPTIMIZERS, SCHEDULES, check_choice, parse_loss

DEFAULT_MODELS = ("fcn8s", "unet", "pspnet", "deeplabv3plus")
# Half of smp's widths: quicker steps and smaller files; the small sets of a first try don't fill the full ones.
LIGHT_DECODERS: dict[str, dict[str, Any]] = {
    "unet": {"decoder_channels": [128, 64, 48, 32, 16]},
    "deeplabv3plus": {"decoder_channels": 128},
}


def _size(value: object) -> object:
    """`224x320` -> (224, 320); anything else is left for pydantic."""
    match = re.fullmatch(r"(\d+)x(\d+)", value.strip()) if isinstance(value, str) else None
    if isinstance(value, str) and match is None:
        raise ValueError("expected HEIGHTxWIDTH, e.g. 224x320")
    return (int(match[1]), int(match[2])) if match else value


def _names(value: object) -> object:
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


def _flow(value: object) -> object:
    """YAML text from a command line -> the value it means."""
    try:
        return yaml.safe_load(value) if isinstance(value, str) else value
    except yaml.YAMLError:
        raise ValueError("expected YAML, e.g. '{unet: {decoder_channels: [128, 64, 48, 32, 16]}}'") from None


Side = Annotated[int, Field(ge=32, le=8192)]
Size = Annotated[tuple[Side, Side], BeforeValidator(_size), PlainSerializer(lambda size: f"{size[0]}x{size[1]}")]
Names = Annotated[tuple[str, ...], BeforeValidator(_names), Field(min_length=1)]
Options = Annotated[dict[str, dict[str, Any]], BeforeValidator(_flow)]


class TrainConfig(BaseModel):
    """Settings of `train.py`. A value is checked when the config is made; see `build` for errors people can read."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), validate_default=True)

    data: str = Field("drive", description="a folder, a zip, or drive (the embedded, drawn ride)")
    labels: str | None = Field(None, description="class set: camvid32, camvid11, or null for the dataset's own")
    void: Literal["ignore", "class"] = Field("ignore", description="leave void pixels out, or count void as a class")
    skip_incomplete: bool = Field(False, description="go on without images that have no mask, and masks without image")

    color_tolerance: int = Field(
        0, ge=0, le=255, description="how far off a mask's colour may be, a channel, to be its nearest class"
    )

    split: Literal["auto", "given", "block", "frame", "augmented"] = Field(
        "auto",
        description="how validation is taken: as given by the dataset, a block of time, single frames, or the "
        "augmented set at random (copies of a frame on both sides: reads too high)",
    )
    val_fraction: float = Field(0.1, gt=0, lt=1, description="share of the training set that validates")
    copies: int = Field(0, ge=0, le=50, description="augmented copies a frame; 0 augments each frame afresh instead")
    augment: str | dict[str, Any] = Field("light", description="preset or file of the augmentation pipeline")

    models: Names = Field(DEFAULT_MODELS, description="architectures, trained one after another")
    encoder: str = Field("tu-tf_efficientnet_lite0", description="backbone, by smp's name")
    encoder_weights: str = Field("imagenet", description="imagenet, none (from scratch), or a file")
    model_options: Options = Field(LIGHT_DECODERS, description="extra arguments by architecture, as YAML")
    freeze: str = Field("none", description="none, encoder, or a number: that many of its first stages")

    image_size: Size = Field((224, 320), description="HEIGHTxWIDTH that images are resized to")
    epochs: int = Field(6, ge=1, le=10_000, description="passes over the training set")
    batch_size: int = Field(2, ge=1, le=1024, description="images a step")
    loss: str = Field("ce+dice", description=f"{', '.join(LOSSES)}, or a sum such as ce+0.5*dice")
    class_weight_limit: float = Field(10.0, ge=1, le=1000, description="largest weight of weighted_ce; 1/it the least")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="probability spread over the other classes by ce")
    optimizer: str = Field("adamw", description=", ".join(OPTIMIZERS))
    lr: float = Field(4e-3, gt=0, le=10, description="highest learning rate, of decoder and head")
    encoder_lr_factor: float = Field(0.3, ge=0, le=10, description="the encoder's learning rate is lr times this")
    schedule: str = Field("one-cycle", description=", ".join(SCHEDULES))
    warmup: float = Field(0.2, ge=0, lt=1, description="share of all steps in which the learning rate rises")
    weight_decay: float = Field(0.01, ge=0, le=1, description="not applied to norms and biases")
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd and rmsprop")
    gradient_clip: float = Field(1.0, ge=0, le=1000, description="largest norm of the gradient; 0 does not clip")

    seed: int = Field(0, ge=0, le=2**32 - 1, description="of everything random")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="cuda where there is one")
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="bf16 where the hardware has it")
    channels_last: bool = Field(True, description="memory layout; faster for convolutions")
    workers: int = Field(0, ge=0, le=64, description="processes that augment; 0 does it between steps")
    cache_mb: int = Field(2000, ge=0, le=1_000_000, description="memory for decoded, resized images")
    out: str = Field("checkpoints", description="folder of runs")
    name: str | None = Field(None, description="run names begin with it; null for the dataset's name")

    @field_validator("models")
    @classmethod
    def _known_models(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        from segcore.models.catalog import model_spec

        for name in value:
            model_spec(name)
        return value

    @field_validator("labels")
    @classmethod
    def _known_labels(cls, value: str | None) -> str | None:
        if value in (None, "none", "null"):
            return None
        return check_choice("class set", str(value), PRESETS)

    @field_validator("loss")
    @classmethod
    def _known_loss(cls, value: str) -> str:
        parse_loss(value)
        return value

    @field_validator("optimizer")
    @classmethod
    def _known_optimizer(cls, value: str) -> str:
        return check_choice("optimizer", value, OPTIMIZERS)

    @field_validator("schedule")
    @classmethod
    def _known_schedule(cls, value: str) -> str:
        return check_choice("schedule", value, SCHEDULES)

    @field_validator("encoder_weights", mode="before")
    @classmethod
    def _no_weights(cls, value: object) -> object:
        return "none" if value is None else value

    @field_validator("freeze", mode="before")
    @classmethod
    def _freezable(cls, value: object) -> str:
        text = str(value)
        if text not in ("none", "encoder") and not re.fullmatch("[1-5]", text):
            raise ValueError("expected none, encoder, or a number of stages from 1 to 5")
        return text

    @field_validator("augment")
    @classmethod
    def _readable_pipeline(cls, value: str | dict[str, Any]) -> str | dict[str, Any]:
        load_pipeline(value)
        return value

    @field_validator("model_options")
    @classmethod
    def _options_of_known_models(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        from segcore.models.catalog import model_spec

        for name in value:
            model_spec(name)
        return value

    @property
    def pipeline(self) -> Pipeline:
        """The augmentation."""
        return load_pipeline(self.augment)

    def for_run(self, model: str) -> TrainConfig:
        """What trains this one model again: its name alone, its options alone, the pipeline's text in place."""
        options = {name: options for name, options in self.model_options.items() if name == model}
        changes = {"models": (model,), "model_options": options, "augment": self.pipeline.to_dict()}
        return self.model_copy(update=changes)

    def values(self) -> dict[str, Any]:
        """Plain values of every setting, for YAML; `build` takes them back."""
        return self.model_dump(mode="json")

    def to_yaml(self) -> str:
        """YAML of every setting with its description beside it."""
        lines = []
        for name, value in self.values().items():
            lines.append(f"# {describe(name)}")
            if name == "augment" and isinstance(value, dict):
                lines += [f"{name}:", indent(self.pipeline.to_yaml(), "  ").rstrip()]
            else:
                text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000)
                scalar = text.removesuffix("...\n").rstrip()  # YAML closes a bare scalar with three dots
                lines.append(f"{name}: {scalar}")
        return "\n".join(lines) + "\n"


def flag(name: str) -> str:
    """`batch_size` -> `--batch-size`."""
    return "--" + name.replace("_", "-")


def describe(name: str) -> str:
    """A setting's description with its range."""
    found = TrainConfig.model_fields[name]
    bounds = {
        key: getattr(limit, key) for limit in found.metadata for key in ("ge", "gt", "le", "lt") if hasattr(limit, key)
    }
    low = str(bounds["ge"]) if "ge" in bounds else f"above {bounds['gt']}" if "gt" in bounds else ""
    high = str(bounds["le"]) if "le" in bounds else f"below {bounds['lt']}" if "lt" in bounds else ""
    return f"{found.description} ({low} to {high})" if low and high else str(found.description)


def build(values: Mapping[str, Any]) -> TrainConfig:
    """A checked config.

    Raises:
        ConfigError: on the first setting that is unknown (the nearest is named), out of range or no such choice.
        SegcoreError: of the room that knows better, e.g. `UnknownModel`, `AugmentError`.
    """
    for name in values:
        if name not in TrainConfig.model_fields:
            known = ", ".join(TrainConfig.model_fields)
            raise ConfigError(f"No setting {name!r}.{nearest(name, TrainConfig.model_fields)} There are {known}.")
    try:
        return TrainConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        reason = first["msg"].removeprefix("Value error, ")
        raise ConfigError(
            f"{name} ({flag(name)}) is {values.get(name)!r}: {reason}. Wanted: {describe(name)}."
        ) from None


def read_settings(path: str | Path) -> dict[str, Any]:
    """Settings of a YAML recipe; dashes in names are as good as underscores.

    Raises:
        ConfigError: when the file can't be read, is no YAML mapping, or has a key that is no setting.
    """
    file = Path(path)
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"Can't read the recipe {str(path)!r}: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{file.name}{line}: not YAML: {getattr(error, 'problem', None) or error}.") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{file.name}: not a recipe; expected lines such as 'epochs: 10'.")
    settings = {str(name).replace("-", "_"): value for name, value in values.items()}
    try:
        build(settings)
    except SegcoreError as error:
        raise type(error)(f"{file.name}: {error}") from None
    return settings
