"""Every setting of a training, for `--help`, validation and YAML recipes. Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from textwrap import indent
from typing import Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from segcore.augment import Pipeline, load_pipeline
from segcore.data import OpenOptions
from segcore.errors import ConfigError, nearest
from segcore.labels import PRESETS
from segcore.training.contradictions import AT_EPOCHS, check_together
from segcore.training.registry import CLASS_WEIGHTS, LOGGERS, LOSSES, OPTIMIZERS, SCHEDULES, check_choice, parse_loss
from segcore.training.setting_types import (
    DataSource,
    Factor,
    Fold,
    ImageListText,
    InitText,
    Loggers,
    Names,
    Options,
    PathText,
    Size,
    Sizes,
    SplitSeed,
    Stages,
    UserFile,
    Weights,
    WeightsText,
    flag,
)

DEFAULT_MODELS = ("fcn8s", "unet", "pspnet", "deeplabv3plus")
# Half of smp's widths: steps are faster and files smaller, and a small dataset does not need the full widths.
LIGHT_DECODERS: dict[str, dict[str, Any]] = {
    "unet": {"decoder_channels": [128, 64, 48, 32, 16]},
    "deeplabv3plus": {"decoder_channels": 128},
}

Named = TypeVar("Named", tuple[str, ...], dict[str, dict[str, Any]])  # names of models, alone or with options


class TrainConfig(BaseModel):
    """Settings of `train.py`, checked when the config is created. `build` raises errors that users can read.

    >>> TrainConfig(models="unet", epochs=3).epochs
    3
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), validate_default=True)

    data: DataSource = Field("drive", description="a folder, a zip, or drive (the embedded, drawn ride)")
    labels: str | None = Field(None, description=f"class set: {', '.join(PRESETS)}, or null for the dataset's own")
    classes: UserFile = Field(None, description="a list of classes (a file) that beats the dataset's own; null")
    map: UserFile = Field(
        None, description="CSV of lines 'from,to' that regroups, renames or ignores classes; null for none"
    )
    void: Literal["ignore", "class"] = Field("ignore", description="leave void pixels out, or count void as a class")
    skip_incomplete: bool = Field(False, description="go on without images that have no mask, and masks without image")
    color_tolerance: int = Field(
        0, ge=0, le=255, description="how far off a mask's colour may be, a channel, to be its nearest class"
    )
    video: Literal["auto", "yes", "no"] = Field(
        "auto", description="whether neighbouring ids are neighbours in time; auto: as the data says, else by ids"
    )
    format: str | None = Field(None, description="layout of the data, e.g. voc; null: the one that it looks like")
    split: Literal["auto", "given", "block", "frame", "augmented", "all"] = Field(
        "auto",
        description="how validation is taken: as given by the dataset, a block of time, single frames, the augmented "
        "set at random (copies of a frame on both sides: reads too high), or all: not at all, val is trained on too",
    )
    only: ImageListText = Field(None, description="train on these images alone: a tag, or a file of ids; null for all")
    val_fraction: float = Field(0.1, gt=0, lt=1, description="share of the training set that validates")
    copies: int = Field(0, ge=0, le=50, description="augmented copies a frame; 0 augments each frame afresh instead")
    augment: PathText | dict[str, Any] = Field("light", description="preset or file of the augmentation pipeline")

    models: Names = Field(
        DEFAULT_MODELS,
        description="trained one after another: names (segcore models lists them), hf:ID or hf:FOLDER, FILE.py:CLASS",
    )
    encoder: str = Field("tu-tf_efficientnet_lite0", description="backbone, by smp's name")
    encoder_weights: WeightsText = Field(
        "imagenet", description="imagenet, none (from scratch), or a file or folder of weights"
    )
    init: InitText = Field(
        None,
        description="start the whole model from a run (folder or id), a folder or file of weights, or hub:ID, in place "
        "of encoder_weights; class rows by name; of several, with commas, the mean of their weights; null for none",
    )
    model_options: Options = Field(LIGHT_DECODERS, description="extra arguments by architecture, as YAML")
    freeze: str = Field(
        "none", description="none, encoder, a number: that many of its first stages, or schedule: see unfreeze"
    )
    unfreeze: Stages = Field(
        {},
        description="freeze: schedule begins with the encoder frozen; from an epoch on, so many stages stay frozen, "
        "as {epoch, from 0: stages}; empty is three from a third of the epochs, none from two thirds",
    )
    cache_features: bool = Field(
        False,
        description="compute what a frozen encoder sees once, and keep it; each sample is then augmented the same "
        "way until the encoder thaws",
    )

    image_size: Size = Field((224, 320), description="HEIGHTxWIDTH that images are resized to")
    progressive: Sizes = Field(
        {}, description="other sizes to train at, as {epoch, from 0: HEIGHTxWIDTH}; validated at image_size"
    )
    epochs: int = Field(6, ge=1, le=10_000, description="passes over the training set")
    batch_size: int = Field(2, ge=1, le=1024, description="images a step, of all processes together")
    accumulate: int = Field(1, ge=1, le=1024, description="batches whose gradients one optimizer step averages")
    val_batch_size: int = Field(0, ge=0, le=1024, description="images a validation batch; 0 is twice batch_size")
    loss: str = Field("ce+dice", description=f"{', '.join(LOSSES)}, FILE.py:FUNCTION, or a sum such as ce+0.5*dice")
    class_weights: Weights = Field(
        "median", description=f"of weighted_ce: {', '.join(CLASS_WEIGHTS)}, or given as {{class: weight}}, others 1"
    )
    class_weight_limit: float = Field(10.0, ge=1, le=1000, description="largest weight of weighted_ce; 1/it the least")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="probability spread over the other classes by ce")
    focal_gamma: float = Field(2.0, ge=0, le=10, description="how much focal turns from pixels that are right already")
    ohem_threshold: float = Field(0.7, gt=0, le=1, description="ohem learns from pixels below this probability")
    ohem_keep: float = Field(0.0625, gt=0, le=1, description="least share of the pixels that ohem learns from")
    boundary_width: int = Field(3, ge=1, le=64, description="pixels on each side of a boundary for boundary_ce")
    boundary_weight: float = Field(4.0, ge=1, le=100, description="what a pixel at a boundary counts in boundary_ce")
    optimizer: str = Field("adamw", description=", ".join(OPTIMIZERS))
    lr: float = Field(4e-3, gt=0, le=10, description="highest learning rate, of decoder and head")
    encoder_lr_factor: float = Field(0.3, ge=0, le=10, description="the encoder's learning rate is lr times this")
    head_lr_factor: Factor = Field(
        None, description="lr times this for the rest; null is the model's own: 10 for deeplabv2, else 1"
    )
    schedule: str = Field("one-cycle", description=", ".join(SCHEDULES))
    warmup: float = Field(0.2, ge=0, lt=1, description="share of all steps in which the learning rate rises")
    poly_power: float = Field(0.9, gt=0, le=10, description="of the poly schedule")
    decay: float = Field(0.1, gt=0, le=1, description="what step and exponential multiply the rate by")
    decay_epochs: float = Field(10.0, gt=0, le=10_000, description="epochs in which step and exponential do that once")
    weight_decay: float = Field(0.01, ge=0, le=1, description="not applied to norms and biases")
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd and rmsprop")
    nesterov: bool = Field(True, description="look ahead in sgd's momentum")
    gradient_clip: float = Field(1.0, ge=0, le=1000, description="largest norm of the gradient; 0 does not clip")
    ema: float = Field(
        0.0, ge=0, lt=1, description="decay of averaged weights, validated and kept in place of the last; 0 is none"
    )
    early_stopping: int = Field(0, ge=0, le=10_000, description="stop after so many epochs without a better one; 0 off")

    seed: int = Field(0, ge=0, le=2**32 - 1, description="of everything random")
    split_seed: SplitSeed = Field(
        None, description="of the choice of validation; null: seed, of repeats the first; each: that of each repeat"
    )
    repeats: int = Field(1, ge=1, le=1000, description="trainings of each model, with seeds seed, seed + 1, ...")
    folds: int = Field(
        0, ge=0, le=100, description="k-fold cross-validation of the training set by blocks of time; 0 off"
    )
    fold: Fold = Field(None, description="train this one of the folds, from 0; null trains them all")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="cuda where there is one")
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="bf16 where the hardware has it")
    channels_last: bool = Field(True, description="memory layout; faster for convolutions")
    workers: int = Field(1, ge=0, le=64, description="processes that augment; 0 does it between steps")
    cache_mb: int = Field(2000, ge=0, le=1_000_000, description="memory for decoded, resized images")
    loggers: Loggers = Field((), description=f"beside metrics.csv: {', '.join(LOGGERS)}")
    checkpoint_minutes: float = Field(
        5.0, gt=0, le=10_000, description="at most so much is lost when it is killed; each epoch's end is kept too"
    )
    launcher: Literal["local", "ray"] = Field("local", description="where trainings run: here in turn, or on Ray")
    out: PathText = Field("checkpoints", description="folder of runs")
    name: str | None = Field(None, description="run names begin with it; null for the dataset's name")

    @field_validator("video", mode="before")
    @classmethod
    def _yes_or_no(cls, value: object) -> object:
        return {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value  # YAML's yes is true

    @field_validator("models", "model_options")
    @classmethod
    def _known_models(cls, value: Named) -> Named:
        from segcore.models.registry import model_spec

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

    @field_validator("optimizer", "schedule")
    @classmethod
    def _known_choice(cls, value: str, info: ValidationInfo) -> str:
        return check_choice(str(info.field_name), value, OPTIMIZERS if info.field_name == "optimizer" else SCHEDULES)

    @field_validator("encoder_weights", mode="before")
    @classmethod
    def _no_weights(cls, value: object) -> object:
        return "none" if value is None else value

    @field_validator("freeze", mode="before")
    @classmethod
    def _freezable(cls, value: object) -> str:
        text = str(value)
        if text not in ("none", "encoder", "schedule") and not re.fullmatch("[1-5]", text):
            raise ValueError("expected none, encoder, schedule, or a number of stages from 1 to 5")
        return text

    @field_validator("class_weights")
    @classmethod
    def _known_weights(cls, value: str | dict[str, float]) -> str | dict[str, float]:
        return check_choice("class weights", value, CLASS_WEIGHTS) if isinstance(value, str) else value

    @field_validator("loggers")
    @classmethod
    def _known_loggers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(check_choice("logger", name, LOGGERS) for name in value)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        check_together(self)
        return self

    @field_validator("augment")
    @classmethod
    def _readable_pipeline(cls, value: str | dict[str, Any]) -> str | dict[str, Any]:
        load_pipeline(value)
        return value

    @property
    def open_options(self) -> OpenOptions:
        """The options with which the data is opened."""
        return OpenOptions.of(self)

    @property
    def pipeline(self) -> Pipeline:
        """The augmentation pipeline."""
        return load_pipeline(self.augment)

    @property
    def names_by_setting(self) -> dict[str, tuple[str, ...]]:
        """The names of models and losses by the setting that gives them; some may be of files of code."""
        return {"models": self.models, "loss": tuple(name for _, name in parse_loss(self.loss))}

    def tasks(self) -> list[TrainConfig]:
        """The trainings of this config, each of one run: models x seeds x folds."""
        folds = [self.fold] if self.fold is not None or not self.folds else list(range(self.folds))
        seeds = range(self.seed, self.seed + self.repeats)
        return [self.for_run(model, seed, fold) for model in self.models for seed in seeds for fold in folds]

    def for_run(self, model: str, seed: int | None = None, fold: int | None = None) -> TrainConfig:
        """The config of a single training: one model with its options, and the pipeline's content instead of its file.

        Args:
            model: Name of the architecture.
            seed: Seed; None keeps the config's.
            fold: Fold; None keeps the config's.
        """
        changes = {
            "models": (model,),
            "model_options": {name: options for name, options in self.model_options.items() if name == model},
            "augment": self.pipeline.to_dict(),
            "seed": self.seed if seed is None else seed,
            "split_seed": seed if self.split_seed == "each" and seed is not None else self.plan_seed,
            "fold": self.fold if fold is None else fold,
            "repeats": 1,
            "launcher": "local",
        }
        return self.model_copy(update=changes)

    @property
    def plan_seed(self) -> int:
        """The seed of the split into training and validation."""
        return self.split_seed if isinstance(self.split_seed, int) else self.seed

    def run_name(self, dataset: str) -> str:
        """The name of this task's run, such as `camvid-unet-seed1-fold2`; a number may be added to make it unique."""
        from segcore.models.registry import model_spec

        seed = f"-seed{self.seed}" if self.seed else ""
        fold = f"-fold{self.fold}" if self.fold is not None else ""
        return f"{self.name or dataset}-{model_spec(self.models[0]).run_name}{seed}{fold}"

    def size_at(self, epoch: int) -> tuple[int, int]:
        """(height, width) of the training images in an epoch.

        >>> TrainConfig(epochs=9, image_size=(224, 320), progressive={0: "96x128", 5: "224x320"}).size_at(4)
        (96, 128)
        """
        starts = [start for start in self.progressive if start <= epoch]
        return self.progressive[max(starts)] if starts else self.image_size

    def frozen_at(self, epoch: int) -> str:
        """The frozen part in an epoch: `none`, `encoder`, or the number of frozen stages."""
        if self.freeze != "schedule":
            return self.freeze
        schedule = self.unfreeze or {-(-self.epochs // 3): 3, -(-2 * self.epochs // 3): 0}
        starts = [start for start in schedule if start <= epoch]
        stages = schedule[max(starts)] if starts else None
        return "encoder" if stages is None else "none" if stages == 0 else str(stages)

    def values(self) -> dict[str, Any]:
        """Plain values of every setting, for YAML; `build` accepts them."""
        plain = self.model_dump(mode="json")
        at_epochs = {name: {int(epoch): value for epoch, value in plain[name].items()} for name in AT_EPOCHS}
        return plain | at_epochs  # keys are text in JSON and whole numbers in YAML

    def to_yaml(self) -> str:
        """YAML of every setting, with its description as a comment."""
        lines = []
        for name, value in self.values().items():
            lines.append(f"# {describe(name)}")
            if name == "augment" and isinstance(value, dict):
                lines += [f"{name}:", indent(self.pipeline.to_yaml(), "  ").rstrip()]
            else:
                text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000)
                scalar = text.removesuffix("...\n").rstrip()  # YAML ends a scalar document with three dots
                lines.append(f"{name}: {scalar}")
        return "\n".join(lines) + "\n"


def describe(name: str) -> str:
    """A setting's description with its range."""
    field = TrainConfig.model_fields[name]
    bounds = {
        key: getattr(limit, key) for limit in field.metadata for key in ("ge", "gt", "le", "lt") if hasattr(limit, key)
    }
    low = str(bounds["ge"]) if "ge" in bounds else f"above {bounds['gt']}" if "gt" in bounds else ""
    high = str(bounds["le"]) if "le" in bounds else f"below {bounds['lt']}" if "lt" in bounds else ""
    return f"{field.description} ({low} to {high})" if low and high else str(field.description)


def build(values: Mapping[str, Any]) -> TrainConfig:
    """Create a checked config from plain values.

    >>> build({"epochs": "3", "image_size": "64x96"}).image_size
    (64, 96)

    Raises:
        ConfigError: names the first setting that is unknown (with the nearest), out of range, or not a choice.
        SegcoreError: from the check of a model, a loss or a pipeline, e.g. `UnknownModel`, `AugmentError`.
    """
    for name in values:
        if name not in TrainConfig.model_fields:
            known = ", ".join(TrainConfig.model_fields)
            raise ConfigError(f"No setting {name!r}.{nearest(name, TrainConfig.model_fields)} There are {known}.")
    try:
        return TrainConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        reason = first["msg"].removeprefix("Value error, ")
        if not first["loc"]:  # settings that contradict each other
            raise ConfigError(f"{reason}.") from None
        name, given = str(first["loc"][0]), str(values.get(str(first["loc"][0])))
        reason = ": ".join([part for part in first["loc"][1:] if isinstance(part, str) and part in given] + [reason])
        raise ConfigError(
            f"{name} ({flag(name)}) is {values.get(name)!r}: {reason}. Wanted: {describe(name)}."
        ) from None
