"""The settings of runs as flat text, and those in which runs differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segcore.errors import SegcoreError
from segcore.runs.run_record import RunRecord

if TYPE_CHECKING:
    from segcore.augment import Pipeline

NOT_SET, NONE = "not set", "none"
# Where files are and how fast they are read: nothing of these changes a result.
PLACES = frozenset({"out", "name", "launcher", "workers", "cache_mb", "checkpoint_minutes", "loggers"})
PIPELINE = "augment"
# What is asked for first; the others follow in their order.
FIRST = ("models", "loss", "lr", "batch_size", "image_size", "epochs", "encoder", PIPELINE)


@dataclass(frozen=True)
class Difference:
    """A setting that runs have different values of.

    Args:
        name: The setting, e.g. `lr`, or a value inside it, e.g. `augment.transforms.Rotate.p`.
        values: Its value in each run, in their order; `NOT_SET` where a run has none (a step that its augmentation
            lacks), None where it did not record the setting at all.
    """

    name: str
    values: tuple[str | None, ...]


def flat_settings(run: RunRecord) -> dict[str, str]:
    """A run's settings, nested ones by their path, values as text; with the code and the data that they met.

    Raises:
        RunError: when its `config.yaml` is missing or no YAML mapping.
    """
    info = run.summary
    met = {"code": info.git_commit or info.versions.get("segcore"), "data.fingerprint": info.dataset.fingerprint}
    flat = {name: text for setting, value in run.config.items() for name, text in _flat(setting, value)}
    return flat | {name: text for name, text in met.items() if text}


def pipeline_of(run: RunRecord) -> Pipeline | None:
    """The augmentation a run was trained with; None where its config can't be read, or it was not trained."""
    from segcore.augment import load_pipeline

    try:
        return load_pipeline(run.config.get(PIPELINE, "none")) if run.was_trained else None
    except SegcoreError:
        return None


def differences(settings: Sequence[Mapping[str, str]], pipelines: Sequence[Pipeline | None] = ()) -> list[Difference]:
    """The settings that runs recorded different values of, those of `FIRST` first.

    Those of `PLACES` change no result and are left out.

    A setting that a run did not record (an older run) does not differ by that alone.

    Args:
        settings: `flat_settings` of each run.
        pipelines: `pipeline_of` each run, for one row in words; without them, each parameter is a row.

    >>> differences([{"lr": "0.1", "epochs": "5"}, {"lr": "0.2", "epochs": "5", "init": "none"}])
    [Difference(name='lr', values=('0.1', '0.2'))]
    >>> differences([{"augment.Rotate.p": "0.5", "augment.Blur.p": "1"}, {"augment.Blur.p": "1"}])
    [Difference(name='augment.Rotate.p', values=('0.5', 'not set'))]
    """
    names = dict.fromkeys(name for values in settings for name in values if _root(name) not in PLACES)
    roots = [set(map(_root, values)) for values in settings]

    def value(run: int, name: str) -> str | None:
        text = settings[run].get(name, NOT_SET if _root(name) in roots[run] else None)
        return NOT_SET if text == NONE else text

    rows = [Difference(name, tuple(value(run, name) for run in range(len(settings)))) for name in names]
    rows = [row for row in rows if len({text for text in row.values if text is not None}) > 1]
    if pipelines and any(_root(row.name) == PIPELINE for row in rows):
        rows = [row for row in rows if _root(row.name) != PIPELINE] + [_pipeline_row(settings, pipelines)]
    return sorted(rows, key=lambda row: FIRST.index(row.name) if row.name in FIRST else len(FIRST))


def _pipeline_row(settings: Sequence[Mapping[str, str]], pipelines: Sequence[Pipeline | None]) -> Difference:
    """The augmentation of each run in words; as it was recorded where it can't be read."""
    from segcore.augment.pipeline_names import pipelines_in_words

    words = iter(pipelines_in_words([pipeline for pipeline in pipelines if pipeline is not None]))
    values = zip(settings, pipelines, strict=True)
    return Difference(PIPELINE, tuple(next(words) if pipeline else flat.get(PIPELINE) for flat, pipeline in values))


def _root(name: str) -> str:
    """The setting that a path is in."""
    return name.partition(".")[0]


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    """(path, text) of each plain value inside a setting; steps of a list are named by their only key, else numbered."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}", inner)
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        keys = [next(iter(item)) if isinstance(item, Mapping) and len(item) == 1 else None for item in value]
        for place, (key, item) in enumerate(zip(keys, value, strict=True)):
            named = key is not None and keys.count(key) == 1
            yield from _flat(name if named else f"{name}.{place + 1}", item)
    else:
        yield name, _text(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value)) or NONE
    return NONE if value is None or value == {} else str(value)
