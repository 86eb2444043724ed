"""CSV tables of a run or a search, read into checked data frames and written whole."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segcore import atomic_files
from segcore.errors import RunError, one_line
from segcore.reading import read_text

if TYPE_CHECKING:
    import pandas as pd


MOST_COLUMNS = 1000  # a search has one for each setting


def read_csv_table(path: Path, columns: Sequence[str], numeric: Sequence[str], hint: str) -> pd.DataFrame:
    """Read a table that has these columns, and perhaps more. A missing file is a table without rows.

    A last line that doesn't end is left out, as its last number may lack digits; `attrs["cut_off"]` says so.

    Args:
        path: The CSV file.
        columns: Columns that it must have.
        numeric: Those of them that must hold numbers; an empty cell is NaN.
        hint: What the user can do when the file can't be read; it ends the messages.

    Raises:
        RunError: when the file is no such table.
    """
    import pandas as pd

    if not path.is_file():
        return pd.DataFrame({name: pd.Series(dtype="float64" if name in numeric else "object") for name in columns})
    try:
        text = read_text(path)
        whole = text[: text.rfind("\n") + 1] or text
        if any(line.count(",") > MOST_COLUMNS for line in whole.split("\n")):
            raise ValueError(f"a line has more than {MOST_COLUMNS} columns")
        table = pd.read_csv(io.StringIO(whole), keep_default_na=False, na_values=[""])  # a setting may be called "null"
    except (ValueError, OSError) as error:  # pandas' ParserError and EmptyDataError are ValueErrors
        raise RunError(f"{path} is no table ({one_line(error)}). {hint}") from None
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise RunError(f"{path} has no column {', '.join(missing)}. {hint}")
    if table.empty:  # no value to tell a column's type by
        return table.astype(dict.fromkeys(numeric, "float64"))
    wrong = [name for name in numeric if not pd.api.types.is_numeric_dtype(table[name])]
    if wrong:
        raise RunError(f"{path}: column {', '.join(wrong)} holds text; expected numbers. {hint}")
    table.attrs["cut_off"] = len(whole) < len(text)
    return table


def write_csv_table(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows, whole or not at all; a value that a row lacks is left empty, a value of no column is left out."""
    with atomic_files.replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(columns), restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: csv_cell(value) for name, value in row.items()} for row in rows)


def csv_cell(value: object) -> object:
    """A value of a CSV table: `None` and NaN are left empty, lists and dicts are written as JSON.

    >>> csv_cell(None), csv_cell(0.5), csv_cell([1, 2])
    ('', 0.5, '[1, 2]')
    """
    if isinstance(value, dict | list | tuple):
        return json.dumps(value)
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else value


def spreadsheet_cell(value: object) -> object:
    """As `csv_cell`, for a file that people open in a spreadsheet: a text that it would run as a formula stays a text.

    OWASP, CSV Injection: such a text begins with one of `= + - @`, a tab or a return; an apostrophe goes before it.

    >>> spreadsheet_cell("=1+1"), spreadsheet_cell(-1.5), spreadsheet_cell("unet")
    ("'=1+1", -1.5, 'unet')
    """
    cell = csv_cell(value)
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
