"""What a search may change: a YAML file of ranges and choices over a recipe, checked before anything is trained."""

from __future__ import annotations

import math
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import yaml

from segcore.augment import load_pipeline, presets
from segcore.errors import ConfigError, SegcoreError, nearest
from segcore.training.config import TrainConfig, build, flag, read_mapping, read_settings

Value = str | int | float | bool | None  # what Optuna stores
_KEYS = ("base", "space")
_RANGE = ("low", "high", "step", "log")
_SCORED = "it decides what is scored, and the values of trials could not be compared"
_FAST = "it changes how fast scores come, not the scores"
_OWN = "the search decides it"
REFUSED: Mapping[str, str] = {
    **dict.fromkeys(
        ("data", "labels", "void", "skip_incomplete", "color_tolerance", "video", "split", "val_fraction"), _SCORED
    ),
    "image_size": f"validation is scored at this size: {_SCORED}",
    **dict.fromkeys(("device", "precision", "channels_last", "workers", "cache_mb", "val_batch_size"), _FAST),
    **dict.fromkeys(("loggers", "checkpoint_minutes", "launcher"), _FAST),
    "seed": "the best of several seeds is luck",
    **dict.fromkeys(("folds", "fold", "repeats", "name", "out"), _OWN),
}
_DRAWS = 1000
# What a base recipe may say and a search says otherwise: a run's config.yaml names them all.
_DROPPED = ("folds", "fold", "name", "out")
# Where the data is and what it costs to train may change between two sittings of one search; its fingerprint may not.
_FREE = ("data", "skip_incomplete", "device", "workers", "cache_mb", "loggers", "checkpoint_minutes", "val_batch_size")


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Args:
        step: Between two of them, from `low`; None is any number.
        log: Drawn evenly by order of magnitude.
        whole: Whole numbers, as the setting's type is.
    """

    low: float
    high: float
    step: float | None
    log: bool
    whole: bool

    def value(self, drawn: Value) -> int | float:
        """A drawn number as it is used: six digits are plenty, and read better in a recipe."""
        assert isinstance(drawn, int | float)
        return int(drawn) if self.whole else min(max(float(f"{drawn:.6g}"), self.low), self.high)

    @property
    def ends(self) -> dict[str, int | float]:
        """What is checked before a search."""
        return {"low": self.value(self.low), "high": self.value(self.high)}

    @property
    def grid(self) -> tuple[int | float, ...] | None:
        """All its numbers; None when they can't be counted."""
        step = self.step or (1 if self.whole else None)
        if step is None:
            return None
        return tuple(self.value(self.low + index * step) for index in range(round((self.high - self.low) / step) + 1))

    def plain(self) -> dict[str, Any]:
        """As the space file has it."""
        bounds: dict[str, Any] = dict(self.ends)
        if self.step is not None:
            bounds["step"] = int(self.step) if self.whole else self.step
        return bounds | ({"log": True} if self.log else {})


@dataclass(frozen=True)
class Choice:
    """One of several values.

    Args:
        values: What is set, by the name that the study, the table and the app know it by: itself where it is a word or
            a number, its YAML in one line else.
    """

    values: Mapping[Value, Any]

    @property
    def grid(self) -> tuple[Value, ...]:
        """All names."""
        return tuple(self.values)

    def plain(self) -> list[Value]:
        """As the space file has it."""
        return list(self.values)


@dataclass(frozen=True)
class Space:
    """A recipe and what is searched beside it.

    Args:
        base: Settings all trials share, as plain values; the others have their defaults.
        params: What is searched, by setting.
    """

    base: Mapping[str, Any]
    params: Mapping[str, Range | Choice]

    def settings(self, drawn: Mapping[str, Value]) -> dict[str, Any]:
        """What a trial sets beside the base, from what was drawn for it."""
        found: dict[str, Any] = {}
        for name, param in self.params.items():
            found[name] = param.values[drawn[name]] if isinstance(param, Choice) else param.value(drawn[name])
        return found

    def shown(self, drawn: Mapping[str, Value]) -> dict[str, Value]:
        """The same for a table: a choice by its name, and null in YAML's word, since an empty cell is no value."""
        found: dict[str, Value] = {}
        for name, param in self.params.items():
            if name in drawn:
                value = drawn[name]
                found[name] = param.value(value) if isinstance(param, Range) else "null" if value is None else value
        return found

    def config(self, drawn: Mapping[str, Value], **decided: Any) -> TrainConfig:  # noqa: ANN401 - any setting's value
        """The config of a trial.

        Raises:
            SegcoreError: when what was drawn does not go together.
        """
        return build({**self.base, **self.settings(drawn), **decided})

    @cached_property
    def example(self) -> dict[str, Value]:
        """A draw of bounds and choices that go together, the first ones where they do.

        Raises:
            SegcoreError: why the first does not, when none of the first `_DRAWS` does.
        """
        ends = (param.ends.values() if isinstance(param, Range) else param.grid for param in self.params.values())
        refused: SegcoreError | None = None
        for values in islice(product(*ends), _DRAWS):
            drawn = dict(zip(self.params, values, strict=True))
            try:
                self.config(drawn)
            except SegcoreError as error:
                refused = refused or error
            else:
                return drawn
        assert refused is not None
        raise refused

    @cached_property
    def most_epochs(self) -> int:
        """Of any trial."""
        epochs = self.params.get("epochs")
        if epochs is None:
            return build(self.base).epochs
        values = (epochs.high,) if isinstance(epochs, Range) else epochs.values.values()
        return max(int(value) for value in values)

    def plain(self) -> dict[str, Any]:
        """The searched settings as the space file has them."""
        return {name: param.plain() for name, param in self.params.items()}

    def identity(self) -> dict[str, Any]:
        """All that decides what a trial of this space is worth; the same for the same study."""
        return {
            "space": self.plain(),
            "values": {  # what a choice's name stands for may change behind it, e.g. in a pipeline's file
                name: {str(label): value for label, value in param.values.items() if label != value}
                for name, param in self.params.items()
                if isinstance(param, Choice)
            },
            "base": {name: value for name, value in self.base.items() if name not in _FREE},
        }


def read_space(path: str | Path, given: Mapping[str, Any] | None = None) -> Space:
    """Read a space file and check every bound and every choice of it.

    Args:
        path: YAML with `space: {setting: range or list of choices}` and, optionally, `base: recipe`. The recipe and
            pipelines named in choices are found beside the file.
        given: Settings that go before those of the base recipe.

    Raises:
        ConfigError: naming the key that is unknown (with the nearest), refused, or out of range.
        SegcoreError: of the room that knows better, for a model, a loss, a pipeline.
    """
    file = Path(path)
    content = read_mapping(file, "search space", "space: {lr: {low: 0.0001, high: 0.01, log: true}}")
    for key in content:
        if key not in _KEYS:
            raise ConfigError(f"{file.name}: No key {key!r}.{nearest(key, _KEYS)} There are {', '.join(_KEYS)}.")
    written = content.get("space")
    if not isinstance(written, dict) or not written:
        raise ConfigError(
            f"{file.name}: space is {written!r}; expected settings to search, such as "
            "space: {lr: {low: 0.0001, high: 0.01, log: true}, loss: [ce, ce+dice]}."
        )
    space = Space(_base(file, content.get("base"), given or {}, written), {})
    params: dict[str, Range | Choice] = {}
    for key, value in written.items():
        name = str(key).replace("-", "_")
        where = f"{file.name}: space.{key}"
        _check_name(name, where)
        params[name] = _choice(name, value, where, file) if isinstance(value, list) else _range(name, value, where)
    space = Space(space.base, params)
    _check_values(space, file)
    try:
        _ = space.example
    except SegcoreError as error:
        raise type(error)(f"{file.name}: No choices of the space go together: {error}") from None
    return space


def _base(file: Path, recipe: object, given: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values of the settings that the base recipe or the command line give."""
    if recipe is not None and not isinstance(recipe, str):
        raise ConfigError(f"{file.name}: base is {recipe!r}; expected the name of a recipe, such as cam101.yaml.")
    for name in given:
        if name in _DROPPED:
            raise ConfigError(f"{flag(name)} is for the search itself, before `--`: {_OWN} for its trainings.")
    settings = (read_settings(file.parent / recipe) if recipe else {}) | dict(given)
    settings = {name: value for name, value in settings.items() if name not in _DROPPED}
    config = build(settings)
    if config.repeats > 1 or config.launcher != "local":
        name = "repeats" if config.repeats > 1 else "launcher"
        raise ConfigError(
            f"{name} is {getattr(config, name)!r} in the base of the search: {_OWN}. Leave it out. Several processes "
            "share a search when each is started with the same command."
        )
    if "models" not in written and len(config.models) > 1:
        raise ConfigError(
            f"A trial trains one model, and the base of the search has {', '.join(config.models)}. Name one (-- "
            f"--models {config.models[0]}), or search among them (models: [{', '.join(config.models)}])."
        )
    plain = {name: value for name, value in config.values().items() if name in settings}
    if isinstance(config.augment, str) and config.augment not in presets():
        plain["augment"] = config.pipeline.to_dict()  # a file: the recipe of the best must not depend on it
    return plain


def _check_name(name: str, where: str) -> None:
    if name not in TrainConfig.model_fields:
        known = [each for each in TrainConfig.model_fields if each not in REFUSED]
        raise ConfigError(f"{where}: No setting {name!r}.{nearest(name, known)} There are {', '.join(known)}.")
    if name in REFUSED:
        raise ConfigError(f"{where} can't be searched: {REFUSED[name]}.")


def _range(name: str, value: object, where: str) -> Range:
    kind = _number_type(name)
    if not isinstance(value, dict):
        raise ConfigError(
            f"{where} is {value!r}; expected "
            + ("{low: ..., high: ...} or " if kind else "")
            + "a list of choices. To fix it for all trials, put it into the base."
        )
    if kind is None:
        raise ConfigError(f"{where} is {value!r}, and {name} is no number; expected a list of choices.")
    for key in value:
        if key not in _RANGE:
            close = nearest(str(key), _RANGE)
            raise ConfigError(f"{where}: No key {str(key)!r}.{close} There are {', '.join(_RANGE)}.")
    for key in ("low", "high"):
        if key not in value:
            raise ConfigError(f"{where} has no {key}; expected {{low: ..., high: ...}}.")
    log = value.get("log", False)
    if not isinstance(log, bool):
        raise ConfigError(f"{where}.log is {log!r}; expected true or false.")
    low, high = (_number(value[key], f"{where}.{key}", kind) for key in ("low", "high"))
    step = _number(value["step"], f"{where}.step", kind) if value.get("step") is not None else None
    if low >= high:
        raise ConfigError(f"{where}: low is {low:g} and high is {high:g}; expected low below high.")
    if log and (low <= 0 or step is not None):
        what = "a step" if step is not None else f"low is {low:g}"
        raise ConfigError(f"{where}: log is true and {what}; expected log with low above 0 and without step.")
    if step is not None and step <= 0:
        raise ConfigError(f"{where}.step is {step:g}; expected a number above 0.")
    if step is not None and abs((high - low) / step - round((high - low) / step)) > 1e-6:
        last = low + (high - low) // step * step
        raise ConfigError(f"{where}: high is {high:g} and the last step below it is {last:g}; expected high to be one.")
    return Range(low, high, step, log, kind is int)


def _number_type(name: str) -> type[int] | type[float] | None:
    """`int` or `float` for settings that are numbers."""
    annotation = TrainConfig.model_fields[name].annotation
    union = get_origin(annotation) in (Union, types.UnionType)
    for each in get_args(annotation) if union else (annotation,):
        bare = get_args(each)[0] if get_origin(each) is Annotated else each
        if bare is int or bare is float:
            return bare
    return None


def _as_number(text: str) -> str | float:
    """YAML reads 1e-4 as text, for want of a point."""
    try:
        return float(text)
    except ValueError:
        return text


def _number(value: object, where: str, kind: type[int] | type[float]) -> float:
    number = _as_number(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise ConfigError(f"{where} is {value!r}; expected a number.")
    if kind is int and not float(number).is_integer():
        raise ConfigError(f"{where} is {value!r}; expected a whole number, as the setting is.")
    return float(number)


def _choice(name: str, choices: Sequence[object], where: str, file: Path) -> Choice:
    values: dict[Value, Any] = {}
    for written in choices:
        label = written if isinstance(written, Value) else _flow(written)
        if isinstance(label, str) and _number_type(name):
            label = _as_number(label)
        if any(label == other for other in values):
            raise ConfigError(f"{where} has {label!r} twice; expected each choice once.")
        values[label] = label if isinstance(written, Value) else written
        if name == "augment" and isinstance(label, str) and label not in presets():
            beside = file.parent / label
            values[label] = load_pipeline(beside if beside.is_file() else values[label]).to_dict()
    if len(values) < 2:
        raise ConfigError(
            f"{where} is {choices!r}; expected two or more. To fix it for all trials, put it into the base."
        )
    return Choice(values)


def _flow(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).strip()


def _check_values(space: Space, file: Path) -> None:
    """Build a config with every bound and choice.

    Settings may depend on each other (`freeze` wants pretrained weights), so a value passes when it goes with the base,
    or with the first or the last values of the other settings.
    """
    for name, key, value in _values(space):
        others = [{}, *(_setting(space, index, without=name) for index in (0, -1))]
        refused: SegcoreError | None = None
        for other in others:
            try:
                config = build({**space.base, **other, name: value})
            except SegcoreError as error:
                refused = refused or error
            else:
                if len(config.models) > 1 and name == "models":
                    models = ", ".join(config.models)
                    raise ConfigError(f"{file.name}: {key} is {models}; expected one model a choice.")
                break
        else:
            assert refused is not None
            raise type(refused)(f"{file.name}: {key}: {refused}") from None


def _values(space: Space) -> Iterator[tuple[str, str, Any]]:
    """(setting, its place in the file, value) of every bound and choice."""
    for name, param in space.params.items():
        if isinstance(param, Range):
            yield from ((name, f"space.{name}.{end}", value) for end, value in param.ends.items())
        else:
            yield from ((name, f"space.{name}, choice {label!r}", value) for label, value in param.values.items())


def _setting(space: Space, index: int, without: str) -> dict[str, Any]:
    """The first (0) or last (-1) value of every setting but one."""
    ends = {
        name: [*(param.ends if isinstance(param, Range) else param.values).values()]
        for name, param in space.params.items()
    }
    return {name: values[index] for name, values in ends.items() if name != without}


def combinations(space: Space) -> list[tuple[Value, ...]]:
    """Every combination of a space that can be counted.

    Raises:
        ConfigError: naming a range that has no step.
    """
    grids = []
    for name, param in space.params.items():
        if param.grid is None:
            raise ConfigError(
                f"A grid needs a step for every range, and {name} has none. Write step: ..., or a list of choices, or "
                "take --sampler tpe or random."
            )
        grids.append(param.grid)
    return list(product(*grids))
