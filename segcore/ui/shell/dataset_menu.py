"""The sidebar's dataset menu: the dataset of the command line and those that the runs were trained on."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from segcore.data import Dataset, OpenOptions
from segcore.errors import SegcoreError, listed
from segcore.labels import PRESETS
from segcore.runs import RunRecord
from segcore.runs.data_places import find_data, places_of
from segcore.ui.shell import dataset_cache, run_cache, url_state
from segcore.ui.shell.app_context import fits
from segcore.ui.shell.command_line import Arguments
from segcore.ui.shell.dataset_cache import DataKey
from segcore.ui.shell.markdown import escape_markdown


class DatasetOption(NamedTuple):
    """One entry of the dataset menu."""

    source: str
    options: OpenOptions

    @property
    def title(self) -> str:
        """What the menu shows and the link names."""
        name, options = Path(self.source).name or self.source, self.options
        return " · ".join([name, *filter(None, [options.labels, "void" * (options.void == "class")])])

    @property
    def long_title(self) -> str:
        """The title with every option that is not at its default, for data that stands in the menu twice."""
        others = {name: value for name, value in self.options.changed.items() if name not in ("labels", "void")}
        settings = [f"{name.replace('_', ' ')}{'' if value is True else f' {value}'}" for name, value in others.items()]
        return " · ".join([self.title, *settings])


def dataset_options(arguments: Arguments, runs: Sequence[RunRecord]) -> list[DatasetOption]:
    """List the datasets to choose from, the first one being the default.

    The dataset of the command line comes first, then those of the runs whose files are found. Without one on the
    command line, a dataset that runs were trained on comes before the embedded drive.
    """
    requested = DatasetOption(arguments.data or "drive", arguments.options)
    options = [requested]
    try:
        opened: Dataset | None = dataset_cache.dataset(DataKey.of(*requested))
    except SegcoreError:
        opened = None
    places: dict[tuple[str, str], str | None] = {}  # each place is looked for once
    for run in runs:
        info = run.summary.dataset
        if opened is not None and fits(run, opened):
            continue
        place = info.source, info.fingerprint
        if place not in places:
            places[place] = find_data(info)
        if source := places[place]:
            option = DatasetOption(source, _options_as_trained(run, arguments.options))
            if option not in options:
                options.append(option)
    known = opened is None or any(fits(run, opened) for run in runs)
    if arguments.data is None and not known and len(options) > 1:
        return [*options[1:], requested]
    return options


def _by_data(runs: Sequence[RunRecord]) -> list[list[RunRecord]]:
    """Group runs of the same data and classes, so that each is looked for once."""
    groups: dict[Hashable, list[RunRecord]] = {}
    for run in runs:
        info = run.summary.dataset
        key = (info.source, info.name, info.fingerprint, run.labels.names)
        groups.setdefault(key, []).append(run)
    return list(groups.values())


def _options_as_trained(run: RunRecord, given: OpenOptions) -> OpenOptions:
    """The options that a run's training opened its data with, except where the app's command line sets others.

    Classes and void are always the run's, because its predictions are of them.
    """
    try:
        trained = run_cache.open_options(run)
    except SegcoreError:  # its settings can't be read, but its summary can
        trained = OpenOptions(run.labels.name if run.labels.name in PRESETS else None, run.summary.dataset.void)
    return given._replace(labels=None, void="ignore", classes=None, map=None).with_defaults_from(trained)


def missing_data(runs: Sequence[RunRecord], dataset: Dataset | None) -> list[str]:
    """A sentence on each dataset of runs that has moved: neither found nor the open one. Packed runs came without."""
    by_place: dict[tuple[str, ...], list[RunRecord]] = {}
    for alike in _by_data(runs):
        info = alike[0].summary.dataset
        if (
            Path(info.source).is_absolute()
            and find_data(info) is None
            and not (dataset is not None and fits(alike[0], dataset))
        ):
            by_place.setdefault((info.name, *places_of(info)), []).extend(alike)
    return [
        f"{name}, the data of {listed([run.id for run in its], 3)}, is not at {' or '.join(places)}. Start the app "
        "with --data PATH, or evaluate a run with --data PATH, which is kept for the next time."
        for (name, *places), its in by_place.items()
    ]


def dataset_menu(options: Sequence[DatasetOption]) -> DatasetOption:
    """Draw the menu, or the one dataset's name; return the choice."""
    titles: list[str] = []
    for option in options:
        titles.append(option.long_title if option.title in titles else option.title)
    url_state.get("data", titles[0], titles)
    if len(titles) == 1:
        st.markdown(f"**{escape_markdown(titles[0])}**")
        return options[0]
    bound = url_state.bound("data", titles[0], titles, menu=True)

    def choose_other(*names: str) -> None:
        bound["on_change"](*names)
        url_state.forget("runs")  # another dataset begins with its own runs; by a link it comes with those of the link

    title = st.selectbox("Dataset", titles, **bound | {"on_change": choose_other})
    return options[titles.index(title)]
