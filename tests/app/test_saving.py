"""Every chart and row of pictures can be saved."""

import pytest

from segcore.ui.shell.icon_button import ICON_KEY
from segcore.ui.widgets.figure import KINDS

SAVE = f"{ICON_KEY}save-"


def menus(app):
    """Keys of the menus that save what the page draws."""
    ids = [menu.proto.popover.id for menu in app.get("popover")]
    return [SAVE + menu_id.rpartition(SAVE)[2] for menu_id in ids if SAVE in menu_id]


def buttons(app):
    return [button for button in app.get("download_button") if "-save-" in button.proto.id]


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
    keys = menus(app)
    assert names <= {key.removeprefix(SAVE) for key in keys}
    assert not buttons(app)  # a menu is filled once it is opened
    for key in keys:
        app.session_state[key] = True
    app.run()
    assert not app.exception
    kinds = [button.label for button in buttons(app)]
    assert len(kinds) == len(KINDS) * len(keys) and set(kinds) == {"PNG", "SVG", "PDF"}
