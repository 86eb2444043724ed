"""Reads YAML recipes of settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from segcore.errors import ConfigError, SegcoreError, nearest
from segcore.paths import local_path
from segcore.reading import LARGEST_RECIPE, YamlError, parse_yaml, read_text
from segcore.training.config import build


def read_settings(path: str | Path) -> dict[str, Any]:
    """Read the settings of a YAML recipe; names may have dashes or underscores.

    Raises:
        ConfigError: when the file can't be read, is not a YAML mapping, or has an unknown setting.
    """
    settings = {name.replace("-", "_"): value for name, value in read_mapping(path).items()}
    try:
        build(settings)
    except SegcoreError as error:
        raise type(error)(f"{Path(path).name}: {error}") from None
    return settings


def read_mapping(path: str | Path, what: str = "recipe", line: str = "epochs: 10") -> dict[str, Any]:
    """Read the names and values of a YAML file.

    Args:
        path: The file.
        what: The kind of file, for error messages.
        line: An example line, for error messages.

    Raises:
        ConfigError: when the file can't be read or is not a YAML mapping.
    """
    file = local_path(path, ConfigError)
    try:
        values = parse_yaml(read_text(file, LARGEST_RECIPE))
    except OSError as error:
        folders = [folder for folder in (file.parent, Path("configs")) if folder.is_dir()]
        meant = nearest(str(path), [str(other) for folder in folders for other in folder.glob("*.y*ml")])
        raise ConfigError(f"Can't read the {what} {str(path)!r}: {error.strerror}.{meant}") from None
    except YamlError as error:
        where = f", line {error.line}" if error.line else ""
        raise ConfigError(f"{file.name}{where}: not YAML: {error.problem}.") from None
    except ValueError as error:
        raise ConfigError(f"{file.name}: not YAML: {error}.") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{file.name}: not a {what}; expected lines such as {line!r}.")
    return {str(name): value for name, value in values.items()}
