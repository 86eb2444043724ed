"""What the file of a model can't say itself: how an image is fed to it, and what its output means."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from segcore.errors import EvaluationError, one_line
from segcore.paths import local_path
from segcore.reading import SHAPE_ERRORS, parse_json, parse_yaml, read_text

EXAMPLE: Final = """\
classes: [road, car, sky]       # in the order of the model's channels or ids
size: 512x1024                  # height x width, or "any"; not needed where the file fixes it
channels: RGB                   # or BGR
range: 0..1                     # what 0..255 becomes before mean and std; or 0..255
mean: [0.485, 0.456, 0.406]     # in the order of channels; 0 where nothing is subtracted
std: [0.229, 0.224, 0.225]      # in the order of channels; 1 where nothing is divided
layout: NCHW                    # or NHWC
output: logits                  # or probabilities, or ids
"""
_HINT = "A description has the lines classes, size, channels, range, mean, std, layout and output: docs/importing.md."


def _size(value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
    """`512x1024`, a list of two numbers, or one number for a square; `any` is None."""
    if value == "any":
        return None
    if isinstance(value, str):
        value = [int(side) if side.isdecimal() else side for side in value.lower().split("x")]
    return [value, value] if isinstance(value, int) else value


def _three(value: Any) -> Any:  # noqa: ANN401
    """One number stands for all three channels."""
    return [value] * 3 if isinstance(value, int | float) else value


def _names(value: Any) -> Any:  # noqa: ANN401
    """Names of classes, or objects that have a name, as exports list them."""
    return [item["name"] if isinstance(item, dict) and "name" in item else item for item in value or ()]


Side = Annotated[int, Field(ge=1)]
Three = Annotated[tuple[FiniteFloat, FiniteFloat, FiniteFloat], BeforeValidator(_three)]
Layout = Literal["NCHW", "NHWC"]


class FileDescription(BaseModel):
    """How a model in a file is fed, and what it gives.

    Args:
        classes: Names of its classes, in the order of its channels or ids.
        size: (height, width) of its input; None for any.
        channels: Order of the colours.
        range: Values of a pixel before mean and std.
        mean: Subtracted from the channels, in their order.
        std: What the channels are divided by.
        layout: Order of the axes of its input.
        output: What it gives for a pixel: `logits` or `probabilities` of the classes, or their `ids`.
        output_layout: Order of the axes of its output; None where it is that of the input.
        output_name: Name of the output; None where there is only one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: Annotated[tuple[str, ...], BeforeValidator(_names), Field(min_length=1, max_length=255)]
    size: Annotated[tuple[Side, Side] | None, BeforeValidator(_size)] = None
    channels: Literal["RGB", "BGR"]
    range: Literal["0..1", "0..255"]
    mean: Three
    std: Three
    layout: Layout
    output: Literal["logits", "probabilities", "ids"]
    output_layout: Layout | None = None
    output_name: str | None = None

    @model_validator(mode="after")
    def _can_be_used(self) -> FileDescription:
        if not all(self.std):
            raise ValueError(f"std is {list(self.std)}; expected numbers other than 0")
        twice = sorted({name for name in self.classes if self.classes.count(name) > 1})
        if twice:
            raise ValueError(f"classes names {twice[0]!r} twice")
        return self

    @property
    def states_size(self) -> bool:
        """Whether the description says a size or `any`."""
        return "size" in self.model_fields_set


def read_description(path: str | Path) -> FileDescription:
    """Read a description: YAML or JSON of its fields, or the JSON file that `segcore export` writes beside a model.

    Raises:
        EvaluationError: when it can't be read, or a field is missing, unknown or of another kind.
    """
    file = local_path(path, EvaluationError)
    try:
        text = read_text(file)
        values = parse_json(text) if file.suffix.lower() == ".json" else parse_yaml(text)
    except OSError as error:
        raise EvaluationError(f"{file}: the description can't be read ({error.strerror}). {_HINT}") from None
    except ValueError as error:
        raise EvaluationError(f"{file}: no YAML or JSON ({one_line(error)}). {_HINT}") from None
    if not isinstance(values, dict):
        raise EvaluationError(f"{file}: holds no `name: value` lines. {_HINT}")
    return check_description(_of_export(values, file) if "weights_sha256" in values else values, str(file))


def check_description(values: object, where: str) -> FileDescription:
    """A description of plain values.

    Args:
        values: Names of fields and their values.
        where: The file that they are from, for messages.

    Raises:
        EvaluationError: when a field is missing, unknown or of another kind.
    """
    try:
        return FileDescription.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise EvaluationError(f"{where}: {f'{name}: ' if name else ''}{first['msg']}. {_HINT}") from None


def _of_export(note: dict[str, Any], file: Path) -> dict[str, Any]:
    """The description that the JSON file beside an export amounts to."""
    try:
        fed, rule = note["input"], note["input"]["normalization"]
        return {
            "classes": note["classes"],
            "size": fed["shape"][2:],
            "channels": "RGB",
            "range": "0..1",
            "mean": 0 if rule["inside"] else rule["mean"],
            "std": 1 if rule["inside"] else rule["std"],
            "layout": fed["layout"],
            "output": note["output"]["name"],
        }
    except SHAPE_ERRORS as error:
        raise EvaluationError(f"{file}: an export's JSON file without {error}. Export the model again.") from None
