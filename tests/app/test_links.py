"""What a link asks for in vain is said once; the rest of it counts."""

from pathlib import Path

import pytest
from fixtures.app import ROOT

from segcore.ui.shell.link_problems import PARAMETERS


def note(app):
    """What is said about the link; empty where there is nothing to say."""
    message = [item.value for item in app.caption if "link_off" in item.value]
    assert len(message) <= 1
    return message[0].replace("\\", "") if message else ""


def test_the_runs_that_are_here_are_kept_and_the_others_named(open_app, data, runs):
    app = open_app(data, runs("fcn8s", "unet"), "compare", runs="nope,unet")
    assert [box.value for box in app.sidebar.checkbox] == [False, True]
    assert "This link names a run that is not listed here: nope." in note(app)
    assert app.query_params["runs"] == "unet"


def test_a_link_with_nothing_but_strange_runs_shows_the_usual_ones(open_app, data, runs):
    app = open_app(data, runs("fcn8s", "unet"), "compare", runs="a,b")
    assert [box.value for box in app.sidebar.checkbox] == [True, True]
    assert "runs that are not listed here: a, b." in note(app)
    assert "runs" not in app.query_params


@pytest.mark.parametrize(
    ("page", "link", "message"),
    [
        ("home", {"opacity": "loud"}, "opacity=loud; it goes from 0 to 1."),
        ("home", {"hide": "Moon,Car"}, "a class that this dataset doesn't have: Moon."),
        ("dataset", {"sample": "x", "split": "train"}, "an image that this dataset doesn't have: x."),
        ("dataset", {"size": f"{'9' * 5000}x7"}, "size="),
        ("dataset", {"page": "7"}, "page=7; it goes from 1 to 1."),
        ("augment", {"pipeline": "x"}, "The pipeline in this link is cut off or damaged."),
        ("augment", {"frame": "x"}, "an image that this dataset doesn't have: x."),
        ("curves", {"x": "hours"}, "x=hours; there is epoch, step, minutes."),
        ("search", {"mode": "1"}, "sets mode, which this page doesn't have."),
        ("compare", {"metric": "beauty"}, "metric=beauty, which there isn't."),
        ("compare", {"seeds": "yes"}, "seeds=yes; there is True, False."),
        ("compare", {"columns": "ece,miau"}, "a column that there isn't: miau."),
        ("compare", {"of": "nope"}, "a run that is not among those shown: nope."),
        ("errors", {"lit": "Moon,Car"}, "a confusion that this dataset doesn't have: Moon,Car."),
        ("errors", {"split": "dreams"}, "split=dreams; there is test."),
        ("predictions", {"image": "x", "view": "error"}, "an image that is not among these: x."),
        ("predictions", {"view": "loud"}, "view=loud; there is overlay, mask, contour,"),
        ("try_it", {"pool": "3"}, "sets pool, which this page doesn't have."),
    ],
)
def test_every_page_says_what_is_not_here_and_keeps_the_rest(open_app, data, runs, page, link, message):
    app = open_app(data, runs("unet"), page, **link)
    assert not app.exception
    assert message in note(app)
    for name, text in link.items():
        if text in ("train", "error"):
            assert app.query_params[name] == text


def test_what_a_page_has_not_come_to_yet_stays_in_the_link(open_app, data, runs):
    app = open_app(data, runs("unet"), "try_it", look="mask")
    assert app.query_params["look"] == "mask"
    assert note(app) == ""


def test_names_may_hold_commas(open_app, data, runs):
    folder = runs("fcn8s", "unet")
    (folder / "unet").rename(folder / "unet,lr=0.1,bs=2")
    app = open_app(data, folder, "compare", runs="unet,lr=0.1,bs=2")
    assert "runs that are not listed here" in note(app)
    app.sidebar.checkbox[0].uncheck().run()
    assert app.query_params["runs"] == "unet\\,lr=0.1\\,bs=2"
    again = open_app(data, folder, "compare", runs=app.query_params["runs"])
    assert [box.value for box in again.sidebar.checkbox] == [False, True]
    assert note(again) == ""


def test_a_link_that_can_be_had_is_not_spoken_of(open_app, data, runs):
    link = {"image": "test_02", "view": "error", "runs": "unet", "hide": "Sky,Car", "opacity": "0.5"}
    assert note(open_app(data, runs("fcn8s", "unet"), "predictions", **link)) == ""


def test_the_note_is_closed_and_stays_away_on_the_next_page(open_app, data, runs):
    app = open_app(data, runs("fcn8s", "unet"), "compare", runs="nope,unet")
    app.button(key="icon-link:heed").click().run()
    assert note(app) == ""
    app = open_app(data, runs("fcn8s", "unet"), "compare", runs="nope,unet")
    app.switch_page("pages/curves.py").run()
    assert note(app) == ""


def test_more_runs_than_fit_are_not_dropped_in_silence(open_app, data, runs):
    folder = runs(*("fcn8s", "unet", "pspnet", "deeplabv3plus", "fpn", "linknet", "manet", "pan", "segformer"))
    link = ",".join(sorted(path.name for path in folder.iterdir()))
    app = open_app(data, folder, "compare", runs=link)
    assert "This link names 9 runs; the first 8 are shown." in note(app)


def test_a_choice_of_another_page_is_not_blamed_on_the_link(open_app, data, runs):
    app = open_app(data, runs("unet"), "errors", score="pixel_accuracy")
    assert note(app) == ""
    app.switch_page("pages/compare.py").run()
    assert note(app) == ""


def test_every_page_lists_its_parameters():
    assert set(PARAMETERS) == {"" if path.stem == "home" else path.stem for path in Path(ROOT, "pages").glob("*.py")}
