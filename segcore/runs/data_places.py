"""Where the data of runs is now: a note in the user's cache of each place that a user named after it had moved."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from segcore import atomic_files
from segcore.data.open_options import absolute
from segcore.paths import cache_folder, path_exists
from segcore.reading import parse_json, read_text
from segcore.runs.summary import DatasetInfo

MOST_KEPT = 5  # places of one dataset


def places_file() -> Path:
    """The file of places: fingerprint of a dataset -> paths, the newest first."""
    return cache_folder() / "data-places.json"


def remember(info: DatasetInfo, source: str) -> None:
    """Note that a run's data is at `source`, which was opened and has its fingerprint; nothing where it always was."""
    place = absolute(source)
    if source == "drive" or info.source in (source, place):
        return
    places = _read()
    kept = [place, *(path for path in places.get(info.fingerprint, []) if path != place)]
    with suppress(OSError):  # a folder that can't be written: it is asked for again
        atomic_files.write_text(places_file(), json.dumps(places | {info.fingerprint: kept[:MOST_KEPT]}, indent=1))


def places_of(info: DatasetInfo) -> tuple[str, ...]:
    """Where a run's data may be: its place of the training, then those remembered, the newest first."""
    return tuple(dict.fromkeys([info.source, *_read().get(info.fingerprint, [])]))


def find_data(info: DatasetInfo) -> str | None:
    """The first of `places_of` that exists; None where none does."""
    if info.source == "drive" or path_exists(info.source):
        return info.source
    return next((place for place in places_of(info) if path_exists(place)), None)


def below(source: str, info: DatasetInfo) -> str | None:
    """The folder or zip inside `source` that has the name of a run's data; None where there is none."""
    place = Path(source) / Path(info.source).name
    return str(place) if info.source != "drive" and path_exists(place) else None


def _read() -> dict[str, list[str]]:
    """The noted places; none where the file is missing or no such file."""
    with suppress(OSError, ValueError):
        values = parse_json(read_text(places_file()))
        if isinstance(values, dict):
            return {key: [str(path) for path in paths] for key, paths in values.items() if isinstance(paths, list)}
    return {}
