"""Panels that several pages show: an image, its ground truth, and a preview of the chosen models' predictions."""

from __future__ import annotations

from segcore.errors import SegcoreError
from segcore.ui.predictions.run_evaluations import image_ids, load_evaluations
from segcore.ui.shell import image_cache
from segcore.ui.shell.app_context import AppContext
from segcore.ui.widgets.viewer import Panel


def photo_panel(sample_id: str) -> Panel:
    """Make a panel of the image alone; the viewer's photo must be named `image`."""
    return Panel(sample_id, photo="image")


def truth_panel(context: AppContext, sample_id: str, mode: str, title: str = "Ground truth") -> Panel:
    """Make a panel of the ground truth, drawn as `overlay`, `mask` or `contour`."""
    layer = image_cache.truth_layer(context.key, sample_id, context.hidden, mode == "contour")
    return Panel(title, photo=None if mode == "mask" else "image", layer=layer, fixed=mode in ("mask", "contour"))


def min_panel_width(count: int) -> int:
    """Width in px below which `count` panels wrap: few are large, many still make full rows of three or four."""
    return {1: 560, 2: 420, 3: 300, 4: 400, 5: 300, 6: 300}.get(count, 250)


def preview_panels(context: AppContext, split: str) -> tuple[str, list[Panel]]:
    """Make panels of one image of a split and every chosen model's prediction; return its id and the panels.

    Quick, because it reads summaries and pictures but no tables. Without test images in the dataset, it is a
    validation image that a run has predicted.
    """
    assert context.dataset is not None
    ids = (
        context.dataset.splits[split]
        if split == "test" and split in context.dataset.splits
        else image_ids(context, load_evaluations(context, split), split)
    )
    sample_id = ids[len(ids) // 2]
    panels = [photo_panel(sample_id), truth_panel(context, sample_id, "overlay")]
    for run in context.fitting:
        title, color = context.titles[run.id], context.colors[run.id]
        try:
            layer = image_cache.prediction_layer(run, split, sample_id, context.hidden)
        except SegcoreError:
            problem = "training" if run.summary.status == "training" else "no stored prediction of this image"
            panels.append(Panel(title, photo="image", color=color, problem=problem))
            continue
        panels.append(Panel(title, photo="image", layer=layer, color=color))
    return sample_id, panels
