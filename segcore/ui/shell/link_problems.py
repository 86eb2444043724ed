"""What a link asked for that isn't here, in words. `state` finds out, `frame` says it; no Streamlit."""

from __future__ import annotations

from collections.abc import Collection, Sequence

# The parameters of every page's link, and what each page has beside them, by the page's part of the address.
EVERYWHERE = frozenset({"data", "runs", "hide"})
NAMES: dict[str, frozenset[str]] = {
    "": frozenset({"opacity"}),
    "dataset": frozenset({"split", "class", "sort", "masks", "sample", "finding", "page", "opacity"}),
    "augment": frozenset({"frame", "size", "look", "lay", "draws", "draw", "seed", "opacity"}),
    "curves": frozenset({"x", "smoothing"}),
    "search": frozenset({"search"}),
    "compare": frozenset(
        {"split", "metric", "seeds", "columns", "order", "find", "part", "pairs", "score", "every"}
        | {"quality", "cost", "of", "minus"}
    ),
    "errors": frozenset({"split", "rank", "score", "of", "than", "class", "lit", "by", "sheet"}),
    "predictions": frozenset(
        {"split", "image", "view", "errors", "measure", "band", "lit", "swipe", "left", "right"}
        | {"opacity", "threshold"}
    ),
    "try_it": frozenset({"look", "opacity", "threshold"}),
}
# What a parameter names, where that is a thing and not a setting: one, several.
_THINGS = {
    "runs": ("a run that is not in this store", "runs that are not in this store"),
    "data": ("a dataset that is not here", "datasets that are not here"),
    "hide": ("a class that this dataset doesn't have", "classes that this dataset doesn't have"),
    "class": ("a class that this dataset doesn't have",) * 2,
    "lit": ("a confusion that this dataset doesn't have",) * 2,
    "image": ("an image that is not among these",) * 2,
    "sample": ("an image that this dataset doesn't have",) * 2,
    "frame": ("an image that this dataset doesn't have",) * 2,
    "columns": ("a column that there isn't", "columns that there aren't"),
    "search": ("a search that is not in this store",) * 2,
    "finding": ("a finding that there isn't",) * 2,
} | dict.fromkeys(("of", "than", "minus"), ("a run that is not among those shown",) * 2)
_MOST = 8  # choices that are listed, and unknown names
_LONGEST = 60  # letters of what was asked for


def refusal(name: str, asked: Sequence[str], options: Collection[object] | None = None) -> str:
    """One sentence on what can't be had.

    Args:
        name: Of the parameter.
        asked: What of it isn't here, as it stood in the link.
        options: What there is instead: names, or the two ends of a range of numbers; None where that isn't known.

    >>> refusal("runs", ["nope"])
    'This link names a run that is not in this store: nope.'
    >>> refusal("view", ["loud"], ["overlay", "mask"])
    'This link asks for view=loud; there is overlay, mask.'
    """
    if name in _THINGS:
        one, several = _THINGS[name]
        return f"This link names {one if len(asked) == 1 else several}: {_listed(asked)}."
    there = [each for each in options or () if each != ""]
    words = f"This link asks for {name}={_listed(asked)}"
    if len(there) == 2 and all(isinstance(each, int | float) and not isinstance(each, bool) for each in there):
        return f"{words}; it goes from {there[0]:g} to {there[1]:g}."
    if 0 < len(there) <= _MOST:
        return f"{words}; there is {', '.join(map(str, there))}."
    return f"{words}, which there isn't."


def unknown(page: str, names: Collection[str]) -> str:
    """A sentence on parameters that a page doesn't have; empty where it has them all.

    >>> unknown("curves", ["x", "mode", "runs"])
    "This link sets mode, which this page doesn't have."
    """
    if page not in NAMES:
        return ""
    strange = sorted(set(names) - NAMES[page] - EVERYWHERE)
    return f"This link sets {_listed(strange)}, which this page doesn't have." if strange else ""


def too_many(asked: int, most: int) -> str:
    """A sentence on runs that don't fit."""
    return f"This link names {asked} runs; the first {most} are shown."


def _listed(names: Sequence[str]) -> str:
    short = [name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…" for name in names]
    more = f" and {len(short) - _MOST} more" if len(short) > _MOST else ""
    return ", ".join(short[:_MOST]) + more
