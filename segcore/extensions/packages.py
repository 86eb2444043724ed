"""Models and losses of installed packages, which announce them by entry points."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

from segcore.errors import CodeError, typed_line

MODELS = "segcore.models"  # groups of entry points
LOSSES = "segcore.losses"


@lru_cache(maxsize=8)
def announced(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name; of two with one name, the first that Python finds."""
    points: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        points.setdefault(point.name, point)
    return points


def load(point: EntryPoint) -> object:
    """What an entry point stands for.

    Raises:
        CodeError: when its package can't be imported or lacks it.
    """
    try:
        return point.load()
    except Exception as error:  # whatever a package raises while it is imported
        raise CodeError(
            f"{point.group} {point.name!r} ({made_by(point)}) can't be loaded: {typed_line(error)}."
        ) from error


def made_by(point: EntryPoint) -> str:
    """The package of an entry point with its version, such as `nets 1.2`."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value
