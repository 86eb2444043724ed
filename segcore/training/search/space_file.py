"""Reads a search's YAML file of ranges and choices, and checks it before anything is trained."""

from __future__ import annotations

import math
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import yaml

from segcore.augment import load_pipeline, presets
from segcore.data import OpenOptions
from segcore.errors import ConfigError, SegcoreError, nearest
from segcore.paths import local_path
from segcore.training.config import TrainConfig, build
from segcore.training.recipe_file import read_mapping, read_settings
from segcore.training.search.search_space import Choice, Range, Space, Value
from segcore.training.setting_types import flag

_KEYS = ("base", "space")
_RANGE = ("low", "high", "step", "log")
_SCORED = "it decides what is scored, and the values of trials could not be compared"
_FAST = "it changes how fast scores come, not the scores"
_OWN = "the search decides it"
REFUSED: Mapping[str, str] = {
    **dict.fromkeys(
        (*OpenOptions._fields, "data", "split", "split_seed", "val_fraction"),
        _SCORED,
    ),
    "image_size": f"validation is scored at this size: {_SCORED}",
    **dict.fromkeys(("device", "precision", "channels_last", "workers", "cache_mb", "val_batch_size"), _FAST),
    **dict.fromkeys(("loggers", "checkpoint_minutes", "launcher"), _FAST),
    "seed": "the best of several seeds is luck",
    **dict.fromkeys(("folds", "fold", "repeats", "name", "out"), _OWN),
}
# Settings of a base recipe that the search decides itself; they are ignored, because a run's config.yaml has them all.
_DROPPED = ("folds", "fold", "name", "out")


def read_space(path: str | Path, given: Mapping[str, Any] | None = None) -> Space:
    """Read a space file, and check every bound and every choice in it.

    Args:
        path: YAML with `space: {setting: range or list of choices}` and optionally `base: recipe`. Paths of the recipe
            and of pipelines are relative to the file's folder.
        given: Settings that override those of the base recipe.

    Raises:
        ConfigError: names the key that is unknown (with the nearest), can't be searched, or is out of range.
        SegcoreError: from the check of a model, a loss or a pipeline.
    """
    file = local_path(path, ConfigError)
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
    """Plain values of the settings given by the base recipe or the command line."""
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
        plain["augment"] = config.pipeline.to_dict()  # a file, on which the best recipe must not depend
    return plain


def _check_name(name: str, where: str) -> None:
    """Check that a setting exists and may be searched."""
    if name not in TrainConfig.model_fields:
        known = [field for field in TrainConfig.model_fields if field not in REFUSED]
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
    """`int` or `float` for a setting that is a number, else None."""
    annotation = TrainConfig.model_fields[name].annotation
    union = get_origin(annotation) in (Union, types.UnionType)
    for option in get_args(annotation) if union else (annotation,):
        bare = get_args(option)[0] if get_origin(option) is Annotated else option
        if bare is int or bare is float:
            return bare
    return None


def _as_number(text: str) -> str | float:
    """Convert text to a number if possible: YAML reads 1e-4, which has no decimal point, as text."""
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
            path = file.parent / label
            values[label] = load_pipeline(path if path.is_file() else values[label]).to_dict()
    if len(values) < 2:
        raise ConfigError(
            f"{where} is {choices!r}; expected two or more. To fix it for all trials, put it into the base."
        )
    return Choice(values)


def _flow(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).strip()


def _check_values(space: Space, file: Path) -> None:
    """Build a config with every bound and choice.

    Settings may depend on each other (`freeze` needs pretrained weights), so a value is accepted when it is valid with
    the base alone, or with the first or the last values of the other settings.
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
    """(setting, place in the file, value) of every bound and choice."""
    for name, param in space.params.items():
        if isinstance(param, Range):
            yield from ((name, f"space.{name}.{end}", value) for end, value in param.ends.items())
        else:
            yield from ((name, f"space.{name}, choice {label!r}", value) for label, value in param.values.items())


def _setting(space: Space, index: int, without: str) -> dict[str, Any]:
    """The first (0) or last (-1) value of every setting except one."""
    ends = {
        name: [*(param.ends if isinstance(param, Range) else param.values).values()]
        for name, param in space.params.items()
    }
    return {name: values[index] for name, values in ends.items() if name != without}
