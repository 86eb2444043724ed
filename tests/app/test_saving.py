"""Every chart and row of pictures can be saved."""

import pytest

from segcore.ui.widgets.figure import KINDS


def saved(app):
    """Names of what the page's buttons save."""
    names = [button.proto.id.rpartition("-save-")[2] for button in app.get("download_button")]
    return {name.removesuffix("-png") for name in names if name.endswith("-png")}


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("home", {"hero"}),
        ("dataset", {"samples", "sample", "gallery:page", "class-balance-pixels", "class-balance-images"}),
        ("curves", {"curve-loss", "curve-miou", "curve-pixel_accuracy"}),
        ("compare", {"pairs", "classes", "cost", "confusion", "curve-loss", "curve-miou"}),
        ("errors", {"gallery:sheet", "confusion-unet"}),
        ("predictions", {"predictions"}),
    ],
)
def test_what_a_page_draws_can_be_saved_as_png_svg_and_pdf(open_app, data, runs, page, names):
    app = open_app(data, runs("fcn8s", "unet"), page)
    assert not app.exception
    assert names <= saved(app)
    kinds = [button.label for button in app.get("download_button") if "-save-" in button.proto.id]
    assert len(kinds) == len(KINDS) * len(saved(app)) and set(kinds) == {"PNG", "SVG", "PDF"}
