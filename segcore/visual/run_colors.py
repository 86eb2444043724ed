"""The colour of each run, the same in every chart, table and report."""

from __future__ import annotations

from collections.abc import Collection, Sequence

RUN_COLORS = ("#4c86d9", "#e0863b", "#35a07f", "#c9609c", "#8b74d6", "#b99a22", "#3aa3c2", "#bb5f50")
UNCHOSEN = "#8c8c8c"  # runs that are not chosen, where there are more runs than colours


def run_colors(ids: Sequence[str], chosen: Collection[str]) -> dict[str, str]:
    """Give each run a colour.

    With at most `len(RUN_COLORS)` runs, a run's place in `ids` decides its colour, whichever runs are chosen. With more
    runs, only chosen ones get a colour, and no two of the first `len(RUN_COLORS)` chosen ones share one.

    Args:
        ids: Ids of all runs, in a fixed order.
        chosen: Ids of the chosen runs.

    Returns:
        Run id -> hex colour; `UNCHOSEN` for runs without one.

    >>> run_colors(["unet", "fcn8s"], ["fcn8s"])
    {'unet': '#4c86d9', 'fcn8s': '#e0863b'}
    """
    by_place = {run_id: RUN_COLORS[index % len(RUN_COLORS)] for index, run_id in enumerate(ids)}
    if len(ids) <= len(RUN_COLORS):
        return by_place
    colors = dict.fromkeys(ids, UNCHOSEN)
    free = list(RUN_COLORS)
    waiting = []
    for run_id in (run_id for run_id in ids if run_id in chosen):
        if by_place[run_id] in free:
            free.remove(by_place[run_id])
            colors[run_id] = by_place[run_id]
        else:
            waiting.append(run_id)
    return colors | dict(zip(waiting, free, strict=False))
