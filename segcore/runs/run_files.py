"""File names inside a run folder."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from segcore.errors import RunError, unknown
from segcore.reading import open_file

SUMMARY = "summary.json"
CONFIG = "config.yaml"
METRICS = "metrics.csv"
SHEET = "dataset.jpg"
NOTE = "note.txt"
ONLY = "only.txt"
ARCHIVED = "archived"  # an empty file: the run is not listed
CARD = "README.md"
MODEL = "config.json"
WEIGHTS = "model.safetensors"
CHECKPOINT = "last.ckpt"
EVALUATION = "evaluation"
IMAGES = "images.parquet"
CONFUSION = "confusion.parquet"
BOUNDARY = "boundary.parquet"
CALIBRATION = "calibration.parquet"
PREDICTIONS = "predictions"
CONFIDENCE = "confidence"
PROBABILITIES = "probabilities"
# First settings in the config of runs that were not trained.
BY_ENSEMBLE, BY_IMPORT, BY_MODEL_FILE = "ensemble", "import", "model_file"
MARKS = (SUMMARY, CONFIG, METRICS, MODEL, WEIGHTS)  # a folder that holds one of these is taken for a run

_UNSAFE = re.compile(r'[%/\\:*?"<>|\x00-\x1f]|^\.')  # refused or special in a file name somewhere


def file_name(sample_id: str, suffix: str = ".png") -> str:
    """A sample id as a file name; `sample_id` reads it back.

    >>> file_name("seq/0016E5_07961")
    'seq%2F0016E5_07961.png'
    """
    return _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", sample_id) + suffix


def sample_id(name: str, suffix: str = ".png") -> str:
    """The sample id that `file_name` made a file name of.

    >>> sample_id("seq%2F0016E5_07961.png")
    'seq/0016E5_07961'
    """
    return unquote(name.removesuffix(suffix))


def made_by(folder: Path) -> str:
    """`BY_ENSEMBLE`, `BY_IMPORT`, `BY_MODEL_FILE`, or for a trained run "", as the first line of its config tells."""
    with suppress(OSError, UnicodeDecodeError), open_file(folder / CONFIG) as file:
        first = file.readline(200).decode("utf-8").partition(":")[0]
        return first if first in (BY_ENSEMBLE, BY_IMPORT, BY_MODEL_FILE) else ""
    return ""


def folder_name(text: str) -> str:
    """Turn text into the name of a folder: what is no letter, mark or digit of any script becomes dashes.

    Empty when nothing is left.

    >>> folder_name("my street, U-Net"), folder_name("Größe 日本"), folder_name("हिन्दी!")
    ('my-street-U-Net', 'Größe-日本', 'हिन्दी')
    """
    normal = unicodedata.normalize("NFC", text)
    kept = (char if char in "_.-" or unicodedata.category(char)[0] in "LMN" else " " for char in normal)
    return re.sub(" +", "-", "".join(kept)).strip("-.")


def folder_of(root: Path, name: str, what: str) -> Path:
    """The folder of the run or search (`what`) of a name, which need not be there.

    Versions before 2026-12 wrote letters of other scripts as dashes; a folder of theirs is found, too.

    Raises:
        RunError: when nothing is left of the name.
    """
    path = root / checked_folder_name(name, what)
    former = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")
    return root / former if former and not path.exists() and (root / former).exists() else path


def checked_folder_name(text: str, what: str) -> str:
    """Turn the name of a run or a search (`what`) into the name of its folder.

    Raises:
        RunError: when nothing is left of the name.
    """
    name = folder_name(text)
    if not name:
        raise RunError(f"No {what} can be called {text!r}; expected letters or digits.")
    return name


def folders_with(names: Iterable[str], root: Path) -> list[Path]:
    """The folders in `root`, sorted, that hold a file of one of these names; none where `root` is missing."""
    if not root.is_dir():
        return []
    names = tuple(names)
    # Plain strings: of a thousand runs, making Path objects takes longer than looking.
    with os.scandir(root) as entries:
        folders = sorted(entry.name for entry in entries if entry.name[0] != "." and os.path.isdir(entry.path))  # noqa: PTH112
    return [root / name for name in folders if any(os.path.exists(f"{root}/{name}/{mark}") for mark in names)]  # noqa: PTH110


def named_folder(name: str, folders: Sequence[Path], what: str, none: str) -> Path:
    """The folder of this name.

    Raises:
        RunError: when there is none; the message lists what there is, or is `none` where there are no folders.
    """
    folder = next((folder for folder in folders if folder.name == name), None)
    if folder is None:
        raise RunError(unknown(what, name, [folder.name for folder in folders]) if folders else none)
    return folder
