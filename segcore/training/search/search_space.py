"""The settings a search varies: ranges and lists of choices over a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product
from typing import Any

from segcore.errors import ConfigError, SegcoreError
from segcore.training.config import TrainConfig, build

Value = str | int | float | bool | None  # the types that Optuna stores
_DRAWS = 1000
# Settings that may change when a search is continued: they do not change a score. The data's fingerprint may not.
_FREE = (
    *("data", "classes", "map", "skip_incomplete", "device", "workers", "cache_mb", "loggers", "checkpoint_minutes"),
    "val_batch_size",
)


@dataclass(frozen=True)
class Range:
    """A range of numbers from `low` to `high`, both included.

    Args:
        low: The smallest number.
        high: The largest number.
        step: Distance between two numbers, starting at `low`; None allows any number.
        log: Whether numbers are drawn evenly on a logarithmic scale.
        whole: Whether the numbers are whole, as the setting's type requires.
    """

    low: float
    high: float
    step: float | None
    log: bool
    whole: bool

    def value(self, drawn: Value) -> int | float:
        """Round a drawn number to six digits, which read better in a recipe.

        >>> Range(0.0001, 0.01, step=None, log=True, whole=False).value(0.00123456789)
        0.00123457
        """
        assert isinstance(drawn, int | float)
        return int(drawn) if self.whole else min(max(float(f"{drawn:.6g}"), self.low), self.high)

    @property
    def ends(self) -> dict[str, int | float]:
        """The lowest and the highest number, by `low` and `high`."""
        return {"low": self.value(self.low), "high": self.value(self.high)}

    @property
    def grid(self) -> tuple[int | float, ...] | None:
        """All numbers of the range; None when it is continuous."""
        step = self.step or (1 if self.whole else None)
        if step is None:
            return None
        return tuple(self.value(self.low + index * step) for index in range(round((self.high - self.low) / step) + 1))

    def plain(self) -> dict[str, Any]:
        """The range as the space file has it."""
        bounds: dict[str, Any] = dict(self.ends)
        if self.step is not None:
            bounds["step"] = int(self.step) if self.whole else self.step
        return bounds | ({"log": True} if self.log else {})


@dataclass(frozen=True)
class Choice:
    """A list of values to choose from.

    Args:
        values: The values by the name that the study, the table and the app use: a word or number is its own name,
            other values are named by their YAML on one line.
    """

    values: Mapping[Value, Any]

    def value(self, drawn: Value) -> Any:  # noqa: ANN401 - any setting's value
        """The value behind a name."""
        return self.values[drawn]

    @property
    def grid(self) -> tuple[Value, ...]:
        """The names of all choices."""
        return tuple(self.values)

    def plain(self) -> list[Value]:
        """The names as the space file has them."""
        return list(self.values)


@dataclass(frozen=True)
class Space:
    """A base recipe and the settings that are searched.

    Args:
        base: Settings that all trials share, as plain values; other settings have their defaults.
        params: The range or choices of each searched setting.
    """

    base: Mapping[str, Any]
    params: Mapping[str, Range | Choice]

    def settings(self, drawn: Mapping[str, Value]) -> dict[str, Any]:
        """The values of the searched settings from the drawn names and numbers."""
        return {name: param.value(drawn[name]) for name, param in self.params.items()}

    def shown(self, drawn: Mapping[str, Value]) -> dict[str, Value]:
        """The drawn values as a table shows them: choices by name, None as `null` (an empty cell has no value)."""
        cells: dict[str, Value] = {}
        for name, param in self.params.items():
            if name in drawn:
                value = drawn[name]
                cells[name] = param.value(value) if isinstance(param, Range) else "null" if value is None else value
        return cells

    def config(self, drawn: Mapping[str, Value], **decided: Any) -> TrainConfig:  # noqa: ANN401 - any setting's value
        """The config of a trial.

        Args:
            drawn: The drawn number or name of each searched setting.
            decided: Settings that the search decides, such as `folds`.

        Raises:
            SegcoreError: when the drawn settings contradict each other.
        """
        return build({**self.base, **self.settings(drawn), **decided})

    @cached_property
    def example(self) -> dict[str, Value]:
        """The first combination of bounds and choices that is a valid config.

        Raises:
            SegcoreError: the first combination's error, when none of the first `_DRAWS` combinations is valid.
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
        """The largest number of epochs of any trial."""
        epochs = self.params.get("epochs")
        if epochs is None:
            return build(self.base).epochs
        values = (epochs.high,) if isinstance(epochs, Range) else epochs.values.values()
        return max(int(value) for value in values)

    def plain(self) -> dict[str, Any]:
        """The searched settings as the space file has them."""
        return {name: param.plain() for name, param in self.params.items()}

    def identity(self) -> dict[str, Any]:
        """Everything that decides a trial's score; two searches with equal identities can share a study."""
        return {
            "space": self.plain(),
            "values": {  # the value behind a name may change, e.g. in a pipeline's file
                name: {str(label): value for label, value in param.values.items() if label != value}
                for name, param in self.params.items()
                if isinstance(param, Choice)
            },
            "base": {name: value for name, value in self.base.items() if name not in _FREE},
        }


def combinations(space: Space) -> list[tuple[Value, ...]]:
    """Every combination of a space's values.

    Raises:
        ConfigError: names a range that has no step.
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
