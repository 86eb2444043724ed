"""Parameters of the app's links, and sentences on what a link names that doesn't exist; no Streamlit."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from segcore.errors import listed

# Parameters of every page's link, and of each page's own, by its part of the address. `url_state.get` refuses others.
SHARED = frozenset({"data", "runs", "hide", "about"})
PARAMETERS: dict[str, frozenset[str]] = {
    "": frozenset({"opacity"}),
    "dataset": frozenset(
        {"split", "find", "class", "share", "size", "health", "sort", "masks", "sample", "finding", "page", "chart"}
        | {"tag", "opacity"}
    ),
    "augment": frozenset({"pipeline", "frame", "size", "look", "lay", "draws", "draw", "seed", "opacity"}),
    "curves": frozenset({"x", "smoothing"}),
    "search": frozenset({"search"}),
    "compare": frozenset(
        {"split", "metric", "seeds", "columns", "order", "find", "part", "pairs", "score", "every"}
        | {"quality", "cost", "fps", "of", "minus"}
    ),
    "errors": frozenset({"split", "rank", "score", "of", "than", "class", "tag", "lit", "by", "sheet"}),
    "predictions": frozenset(
        {"split", "image", "view", "errors", "measure", "band", "lit", "swipe", "left", "right"}
        | {"opacity", "threshold"}
    ),
    "try_it": frozenset({"example", "look", "opacity", "threshold"}),
}
# What is missing, of parameters that name a thing and not a setting: (one, several).
_THINGS = {
    "runs": ("a run that is not listed here", "runs that are not listed here"),
    "data": ("a dataset that is not here", "datasets that are not here"),
    "about": ("a run that is not listed here",) * 2,
    "hide": ("a class that this dataset doesn't have", "classes that this dataset doesn't have"),
    "class": ("a class that this dataset doesn't have",) * 2,
    "lit": ("a confusion that this dataset doesn't have",) * 2,
    "image": ("an image that is not among these",) * 2,
    "sample": ("an image that this dataset doesn't have",) * 2,
    "frame": ("an image that this dataset doesn't have",) * 2,
    "columns": ("a column that there isn't", "columns that there aren't"),
    "search": ("a search that is not in this store",) * 2,
    "tag": ("a tag that this dataset doesn't have",) * 2,
    "finding": ("a finding that there isn't",) * 2,
} | dict.fromkeys(("of", "than", "minus"), ("a run that is not among those shown",) * 2)
_MOST_LISTED = 8  # options, and missing values
_LONGEST = 60  # letters of a missing value


def check_listed(page: str, name: str) -> None:
    """Check that `PARAMETERS` lists a parameter of the page, so that links with it are not said to be wrong.

    A page without an entry in `PARAMETERS` may ask for any; no parameter in its link is then said to be wrong.

    Raises:
        ValueError: when the page has an entry without the parameter.
    """
    if page in PARAMETERS and name not in parameters(page):
        raise ValueError(f"PARAMETERS of link_problems.py lists no {name!r} for the page {page!r}; add it.")


def parameters(page: str) -> frozenset[str]:
    """The parameters of a page's link, as far as they are known."""
    return PARAMETERS.get(page, frozenset()) | SHARED


def describe_missing(name: str, values: Sequence[str], options: Collection[object] | None = None) -> str:
    """Say in one sentence which values of a parameter don't exist.

    Args:
        name: The parameter.
        values: The missing values, as they stood in the link.
        options: What exists instead: names, or the two ends of a range of numbers; None where that isn't known.

    >>> describe_missing("runs", ["nope"])
    'This link names a run that is not listed here: nope.'
    >>> describe_missing("view", ["loud"], ["overlay", "mask"])
    'This link asks for view=loud; there is overlay, mask.'
    >>> describe_missing("opacity", ["7"], (0.0, 1.0))
    'This link asks for opacity=7; it goes from 0 to 1.'
    """
    if name in _THINGS:
        one, several = _THINGS[name]
        return f"This link names {one if len(values) == 1 else several}: {_listed(values)}."
    known = [option for option in options or () if option != ""]
    text = f"This link asks for {name}={_listed(values)}"
    if len(known) == 2 and all(isinstance(end, int | float) and not isinstance(end, bool) for end in known):
        return f"{text}; it goes from {known[0]:g} to {known[1]:g}."
    if 0 < len(known) <= _MOST_LISTED:
        return f"{text}; there is {', '.join(map(str, known))}."
    return f"{text}, which there isn't."


def describe_unknown(page: str, names: Collection[str]) -> str:
    """Say in one sentence which parameters a page doesn't have; empty where it has them all.

    >>> describe_unknown("curves", ["x", "mode", "runs"])
    "This link sets mode, which this page doesn't have."
    """
    if page not in PARAMETERS:
        return ""
    strange = sorted(set(names) - parameters(page))
    return f"This link sets {_listed(strange)}, which this page doesn't have." if strange else ""


def describe_too_many(count: int, most: int) -> str:
    """Say that a link names more runs than can be shown.

    >>> describe_too_many(9, 8)
    'This link names 9 runs; the first 8 are shown.'
    """
    return f"This link names {count} runs; the first {most} are shown."


def _listed(names: Sequence[str]) -> str:
    short = [name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…" for name in names]
    return listed(short, _MOST_LISTED)
