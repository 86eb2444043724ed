"""Types of settings that a command line or YAML gives as text, such as `224x320` or `{10: 3}`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from segcore.data.open_options import absolute
from segcore.data.tags import is_file
from segcore.errors import PathError
from segcore.paths import path_exists, path_text
from segcore.reading import parse_yaml


def _size(value: object) -> object:
    """`224x320` -> (224, 320); pydantic checks anything else."""
    match = re.fullmatch(r"(\d+)x(\d+)", value.strip()) if isinstance(value, str) else None
    if isinstance(value, str) and match is None:
        raise ValueError("expected HEIGHTxWIDTH, e.g. 224x320")
    return (int(match[1]), int(match[2])) if match else value


def _names(value: object) -> object:
    """`a, b` -> ["a", "b"]."""
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


def _flow(value: object) -> object:
    """YAML text from a command line -> its value."""
    try:
        return parse_yaml(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError("expected YAML, e.g. '{unet: {decoder_channels: [128, 64, 48, 32, 16]}}'") from None


def _weights(value: object) -> object:
    """YAML text of weights by class -> a dict; the name of a method stays as it is."""
    return _flow(value) if isinstance(value, str) and ":" in value else value


def _null(value: object) -> object:
    """`null` and `none` -> None."""
    return None if value in ("null", "none") else value


def _absolute(value: object) -> object:
    """A path from the root, so that a run finds the file again from another folder."""
    return absolute(value) if isinstance(value, str) and _null(value) else _null(value)


def _image_list(value: object) -> object:
    """A file from the root; the name of a tag stays as it is."""
    return _absolute(value) if isinstance(value, str) and is_file(value) else _null(value)


def initial_places(text: str) -> list[str]:
    """`a, b` -> ["a", "b"]; the path of something that exists is one place, whatever its name holds."""
    return [text] if path_exists(text) else [place.strip() for place in text.split(",")]


def _initial(value: object) -> object:
    """Paths to weights from the root where they exist here; a run's id and `hub:ID` stay as they are."""
    given = _null(value)
    places = initial_places(given) if isinstance(given, str) else given
    if not isinstance(places, list) or not all(isinstance(place, str) for place in places):
        return given
    return ",".join(absolute(place) if path_exists(place) else str(_path(place)) for place in places)


def _weights_file(value: object) -> object:
    """The path of encoder weights from the root where it exists here; a bare word, such as `imagenet`, stays."""
    value = _path(value)
    path = Path(value) if isinstance(value, str) else Path()
    is_path = bool(path.suffix) or len(path.parts) > 1
    return absolute(value) if isinstance(value, str) and is_path and path_exists(value) else value


def _source(value: object) -> object:
    """The path of a dataset from the root where it exists here, so that a run finds it from another folder."""
    value = _path(value)
    return absolute(value) if isinstance(value, str) and value != "drive" and path_exists(value) else value


def _path(value: object) -> object:
    """A path as this machine has it; a pipeline's content (a dict) stays as it is."""
    try:
        return path_text(value) if isinstance(value, str) else value
    except PathError as error:
        raise ValueError(str(error).rstrip(".")) from None


ImageListText = Annotated[str | None, BeforeValidator(_image_list)]
InitText = Annotated[str | None, BeforeValidator(_initial)]
DataSource = Annotated[str, AfterValidator(_source)]
WeightsText = Annotated[str, AfterValidator(_weights_file)]
PathText = Annotated[str, AfterValidator(_path)]  # a file, a folder or a name, e.g. of a preset
Side = Annotated[int, Field(ge=32, le=8192)]
Size = Annotated[tuple[Side, Side], BeforeValidator(_size), PlainSerializer(lambda size: f"{size[0]}x{size[1]}")]
Epoch = Annotated[int, Field(ge=0, le=10_000)]
Sizes = Annotated[dict[Epoch, Size], BeforeValidator(_flow)]
Stages = Annotated[dict[Epoch, Annotated[int, Field(ge=0, le=5)]], BeforeValidator(_flow)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names), Field(min_length=1)]
Loggers = Annotated[tuple[str, ...], BeforeValidator(_names)]
Options = Annotated[dict[str, dict[str, Any]], BeforeValidator(_flow)]
Factor = Annotated[Annotated[float, Field(gt=0, le=100)] | None, BeforeValidator(_null)]
Fold = Annotated[Annotated[int, Field(ge=0, le=99)] | None, BeforeValidator(_null)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
SplitSeed = Annotated[Seed | Literal["each"] | None, BeforeValidator(_null)]
UserFile = Annotated[str | None, BeforeValidator(_absolute)]
Weight = Annotated[float, Field(ge=0, le=1000)]
Weights = Annotated[str | dict[str, Weight], BeforeValidator(_weights)]


def flag(name: str) -> str:
    """The command-line flag of a setting.

    >>> flag("batch_size")
    '--batch-size'
    """
    return "--" + name.replace("_", "-")
