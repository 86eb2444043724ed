"""What the app's save buttons draw: the pictures of a viewer and of a gallery, for paper."""

import numpy as np
import pytest
from fixtures.app import LABELS

from segcore.ui.widgets.thumbnail_gallery import Thumbnail, gallery_figure
from segcore.ui.widgets.viewer import Mark, Panel, Plane, Reading, viewer_figure
from segcore.visual import encode_jpeg, encode_layer

PHOTO = encode_jpeg(np.full((30, 40, 3), 90, np.uint8))
MASK = np.array([[1] * 40] * 15 + [[3] * 40] * 15, np.uint8)
LAYER = encode_layer(MASK, LABELS)


def cells(chart):
    """(layers, words) of a grid of pictures."""
    rows = [row for table in chart.to_dict()["datasets"].values() for row in table]
    return [row for row in rows if "url" in row], [row["text"] for row in rows if "text" in row]


def test_a_saved_viewer_has_its_titles_scores_and_classes():
    panels = [
        Panel("frame_1", photo="image"),
        Panel("U-Net", "0.512", "image", LAYER),
        Panel("FCN-8s", photo="image", problem="no stored prediction of this image"),
    ]
    marks = [Mark("models disagree", "linear-gradient(90deg, rgb(1 2 3), rgb(4 5 6))"), Mark("void", "#969696")]
    options = {"opacity": 0.4, "threshold": 0.6, "readings": (), "labels": LABELS, "marks": marks}
    chart = viewer_figure(panels, {"image": PHOTO}, (30, 40), **options)
    layers, words = cells(chart)
    assert [layer["opacity"] for layer in layers] == [1, 1, 0.4, 1]
    assert words == ["frame_1", "U-Net", "0.512", "FCN-8s", "–"]
    scale = chart.to_dict()["layer"][-1]["encoding"]["color"]["scale"]
    assert scale["domain"] == ["Road", "Tree", "models disagree", "void"]
    assert scale["range"][2:] == ["rgb(4,5,6)", "#969696"]


def test_a_saved_viewer_paints_confidence_at_the_threshold_of_its_slider():
    values = np.array([[20, 90]], np.uint8)
    reading = Reading("unet", "U-Net", confidence=Plane.of(values))
    assert (reading.confidence.values() == values).all()
    panel = Panel("U-Net", photo="image", doubt="unet")
    options = {"opacity": 0.5, "readings": [reading], "labels": LABELS, "marks": ()}
    low, high = (
        cells(viewer_figure([panel], {"image": PHOTO}, (30, 40), threshold=threshold, **options))[0][1]["url"]
        for threshold in (0.1, 0.6)
    )
    assert low != high


@pytest.mark.parametrize(("overlay", "count"), [(True, 9), (False, 5)])
def test_a_saved_gallery_shows_what_the_page_shows(overlay, count):
    thumbnails = [Thumbnail(f"frame_{index}", PHOTO, LAYER, note="worst") for index in range(4)]
    thumbnails.append(Thumbnail("frame_4", PHOTO, waiting=True))
    layers, words = cells(gallery_figure(thumbnails, (30, 40), overlay=overlay, exact=False))
    assert len(layers) == count and words.count("worst") == 4
