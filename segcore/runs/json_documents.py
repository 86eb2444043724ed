"""JSON files with a schema version, read into checked pydantic models and written whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from segcore import atomic_files
from segcore.errors import RunError, one_line
from segcore.reading import parse_json, read_text


class Document(BaseModel):
    """A frozen JSON object. A whole file has a field `schema_version` whose default is the version read here."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())


D = TypeVar("D", bound=Document)


def read_document(path: Path, model: type[D], hint: str) -> D:
    """Read a file and check it against its model.

    Args:
        path: The JSON file.
        model: A document with a `schema_version`.
        hint: What the user can do when the file can't be read; it ends the messages.

    Raises:
        RunError: when the file is truncated, foreign or of another schema.
    """
    values = read_json(path, hint)
    known = model.model_fields["schema_version"].default
    schema = values.get("schema_version") if isinstance(values, dict) else None
    if schema is None:
        raise RunError(f"{path} was not written by Segcore: it has no schema_version. {hint}")
    if schema != known:
        newer = " Update Segcore." if isinstance(schema, int) and schema > known else ""
        raise RunError(f"{path} is of schema {schema!r}; this Segcore reads schema {known}.{newer} {hint}")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunError(f"{path}: {where}: {first['msg']}. {hint}") from None


def read_json(path: Path, hint: str) -> Any:  # noqa: ANN401 - JSON may be anything
    """Read any JSON file.

    Raises:
        RunError: when it is no JSON; `hint` ends the message.
    """
    try:
        return parse_json(read_text(path))
    except OSError as error:
        raise RunError(f"{path} can't be read ({error.strerror or error}). {hint}") from None
    except ValueError as error:
        raise RunError(f"{path} is no JSON, perhaps cut off ({one_line(error)}). {hint}") from None


def write_document(path: Path, document: Document) -> None:
    """Write a document, whole or not at all."""
    atomic_files.write_text(path, document.model_dump_json(indent=2) + "\n")
