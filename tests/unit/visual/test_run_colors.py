"""Colours of runs."""

from segcore.visual.run_colors import RUN_COLORS, UNCHOSEN, run_colors


def test_no_two_chosen_runs_share_a_colour():
    ids = [f"run{index}" for index in range(20)]
    colors = run_colors(ids, ["run0", "run8", "run16", "run3"])
    assert len({colors[run_id] for run_id in ("run0", "run8", "run16", "run3")}) == 4
    assert colors["run0"] == RUN_COLORS[0] and colors["run1"] == UNCHOSEN


def test_few_runs_keep_their_colours_whichever_are_chosen():
    ids = [f"run{index}" for index in range(len(RUN_COLORS))]
    assert run_colors(ids, []) == run_colors(ids, ids[3:5]) == dict(zip(ids, RUN_COLORS, strict=True))
