"""The settings a dataset is opened with, as one value that commands, configs and caches pass on."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from segcore.label_presets import PRESET_NAMES
from segcore.paths import path_text

if TYPE_CHECKING:
    from segcore.data.dataset import Dataset
    from segcore.data.opening import Video, Void


class OpenOptions(NamedTuple):
    """How a dataset is opened: the keyword arguments of `open_dataset`, which checks and explains them.

    A tuple, which Streamlit's caches hash about five times faster than a dataclass.

    >>> OpenOptions(labels="camvid11").open("drive").labels.classes
    11
    """

    labels: str | None = None
    void: Void = "ignore"
    skip_incomplete: bool = False
    color_tolerance: int = 0
    video: Video = "auto"
    format: str | None = None
    classes: str | None = None
    map: str | None = None

    @classmethod
    def of(cls, settings: object) -> OpenOptions:
        """The options among the attributes of parsed arguments or of a training's settings."""
        return cls(*(getattr(settings, name) for name in cls._fields))

    @property
    def changed(self) -> Mapping[str, Any]:
        """The options that are not at their default, by name.

        >>> OpenOptions(video="no").changed
        {'video': 'no'}
        """
        return {name: value for name, value in self._asdict().items() if value != self._field_defaults[name]}

    @property
    def words(self) -> list[str]:
        """The same options as words of a command line.

        >>> OpenOptions(labels="camvid11", skip_incomplete=True).words
        ['--labels', 'camvid11', '--skip-incomplete']
        """
        words = []
        for name, value in self.changed.items():
            words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
        return words

    def with_defaults_from(self, trained: OpenOptions) -> OpenOptions:
        """These options, with those of `trained` in place of every one that is at its default.

        >>> dict(OpenOptions(video="no").with_defaults_from(OpenOptions(labels="camvid11", video="yes")).changed)
        {'labels': 'camvid11', 'video': 'no'}
        """
        return trained._replace(**self.changed)

    def open(self, source: str | Path) -> Dataset:
        """Open a dataset; raises what `open_dataset` raises."""
        from segcore.data.opening import open_dataset  # Pillow and numpy are not loaded to parse a command line

        return open_dataset(source, **self._asdict())


def add_open_arguments(parser: argparse.ArgumentParser, prefix: str = "") -> None:
    """Add an option for each field of `OpenOptions`.

    Args:
        parser: The parser of a command.
        prefix: Put before `classes` and `map`, in a command that has options of these names: `data-`.
    """
    parser.add_argument("--format", metavar="LAYOUT", help="layout of the data (default: the one that it looks like)")
    parser.add_argument("--labels", help=f"regroup the classes: {', '.join(PRESET_NAMES)} (default: the dataset's own)")
    # No argparse choices here: `open_dataset` refuses other values, with one message in commands and in the app.
    parser.add_argument(
        "--void", default="ignore", metavar="ignore|class", help="leave Void pixels out, or count Void as a class"
    )
    parser.add_argument(
        "--video",
        default="auto",
        metavar="auto|yes|no",
        help="whether neighbouring ids are neighbours in time (default: as the dataset's segcore.json says, else "
        "judged by its ids)",
    )
    add_class_list_argument(parser, prefix)
    parser.add_argument(
        f"--{prefix}map",
        dest="map",
        type=absolute,
        metavar="FILE.csv",
        help="regroup or rename classes: lines 'from,to'; 'to' is ignore for a class that is not scored; '*,ignore' "
        "ignores the rest",
    )
    add_repair_arguments(parser)


def absolute(path: str) -> str:
    """A path that a user gives, from the root, so that a run finds the file again from elsewhere."""
    return str(Path(path_text(path)).absolute())


def add_class_list_argument(parser: argparse.ArgumentParser, prefix: str = "") -> None:
    """Add `--classes`, as `add_open_arguments` does."""
    parser.add_argument(
        f"--{prefix}classes",
        dest="classes",
        type=absolute,
        metavar="FILE",
        help="a list of classes (classes.csv, labelmap.txt, ...) that beats the dataset's own",
    )


def add_repair_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options on files that are not as they should be, for commands that keep the dataset's own classes."""
    parser.add_argument("--skip-incomplete", action="store_true", help="leave out images and masks that lack a partner")
    parser.add_argument(
        "--color-tolerance",
        type=int,
        default=0,
        metavar="N",
        help="take a mask's colour as the nearest class when no channel differs by more than N (default: 0)",
    )
