"""Names from outside are shown as they are, on every page, whatever Markdown makes of them."""

import pytest
from fixtures.app import PAGES

NAMES = (" __i__ $x^2$ [a](http:b)", "*r* `c` ![p](q)", "~~d~~ :red[e] <b>f")
ESCAPED = str.maketrans({letter: f"\\{letter}" for letter in "\\`*_{}[]().|<>$:~"})


def rename(data, split, name):
    for picture in data.glob(f"{split}/*/{split}_00.png"):
        picture.rename(picture.with_name(f"{split}{name}.png"))


@pytest.fixture
def named(data, runs, tmp_path):
    """(a dataset, its runs), whose names are Markdown."""
    image, run, dataset = NAMES
    rename(data, "test", image)
    folder = runs("unet", "fcn8s")
    (folder / "unet").rename(folder / run)
    rename(data, "train", image)  # now the runs were trained on another version
    return data.rename(tmp_path / dataset), folder


@pytest.mark.parametrize("page", PAGES)
def test_a_name_is_no_markdown(open_app, named, page):
    app = open_app(*named, page)
    assert not app.exception
    kinds = ("markdown", "caption", "info", "warning", "error", "success", "subheader", "title")
    for text in (str(part.value) for kind in kinds for part in app.get(kind)):
        words = [word for name in NAMES for word in name.split()]
        assert not [word for word in words if word in text.split() and word != word.translate(ESCAPED)], text
