"""Choices outlive a page and stand in the link."""

import pytest
from fixtures.app import misled


def pills(app):
    return next(group for group in app.sidebar.button_group)


def test_unticked_run_stays_unticked_on_the_next_page(open_app, data, runs):
    app = open_app(data, runs("fcn8s", "unet"))
    app.sidebar.checkbox[0].uncheck().run()
    app.switch_page("pages/curves.py").run()
    assert [box.value for box in app.sidebar.checkbox] == [False, True]
    assert app.query_params["runs"] == "unet"


def test_a_name_that_means_another_thing_on_each_page_is_kept_for_each(open_app, data, runs):
    app = open_app(data, runs("fcn8s", "unet"), "dataset")
    app.text_input[0].set_value("train_0").run()
    assert app.query_params["find"] == "train_0"
    app.switch_page("pages/compare.py").run()
    assert not app.exception and "find" not in app.query_params
    app.switch_page("pages/dataset.py").run()
    assert app.text_input[0].value == "train_0" and app.query_params["find"] == "train_0"


def test_hidden_class_stays_hidden_and_stands_in_the_link(open_app, data, runs):
    app = open_app(data, runs("unet"), "predictions")
    pills(app).set_value(["Sky", "Road", "Tree"]).run()
    app.switch_page("pages/dataset.py").run()
    assert "Car" not in pills(app).value
    assert app.query_params["hide"] == "Car"


def test_legend_buttons_hide_and_show_all(open_app, data, runs):
    app = open_app(data, runs("unet"))
    app.sidebar.button(key="legend:none").click().run()
    assert pills(app).value == []
    app.sidebar.button(key="legend:all").click().run()
    assert pills(app).value == ["Sky", "Road", "Car", "Tree"]


def test_a_link_reproduces_a_view(open_app, data, runs):
    link = {"image": "test_02", "view": "error", "runs": "unet", "hide": "Sky,Car"}
    app = open_app(data, runs("fcn8s", "unet"), "predictions", **link)
    assert app.selectbox[0].value == "test_02"
    assert [box.value for box in app.sidebar.checkbox] == [False, True]
    assert pills(app).value == ["Road", "Tree"]
    assert "Wrong: the colour of the class it was taken for" in app.get("bidi_component")[0].proto.json


def test_nonsense_in_a_link_is_ignored(open_app, data, runs):
    link = {"image": "x", "view": "y", "runs": "z", "hide": "Moon", "opacity": "loud", "page": "-1", "smoothing": "9"}
    folder = runs("unet")
    for page in ("home", "dataset", "predictions", "compare", "curves"):
        assert not open_app(data, folder, page, **link).exception, page


def test_previous_and_next_go_round(open_app, data, runs):
    app = open_app(data, runs("unet"), "predictions")
    first = app.selectbox[0].value
    seen = [first]
    for _ in range(3):
        app.main.button[1].click().run()
        seen.append(app.selectbox[0].value)
    assert seen[0] == seen[3] and len(set(seen)) == 3
    app.main.button[0].click().run()
    assert app.selectbox[0].value == seen[2]


def test_filter_by_class_and_split(open_app, data, runs):
    folder = runs("unet")
    assert not open_app(data, folder, "dataset", split="test", **{"class": "Car"}).exception
    assert not open_app(data, folder, "dataset", sort="most classes").exception


@pytest.mark.parametrize(
    ("page", "link"),
    [
        ("dataset", {"split": "test", "find": "test", "class": "Car", "share": "1-5", "sort": "size", "masks": "True"}),
        ("augment", {"look": "mask", "lay": "side by side", "draws": "8", "size": "training size"}),
        ("curves", {"smoothing": "0.5", "x": "minutes"}),
        ("compare", {"metric": "pixel_accuracy", "every": "True", "split": "train"}),
        ("errors", {"rank": "difference", "score": "pixel_accuracy", "of": "unet", "class": "Car"}),
        ("predictions", {"image": "test_02", "view": "error", "swipe": "True"}),
    ],
)
def test_every_widget_begins_at_its_value_also_where_a_message_was_lost(open_app, data, runs, page, link):
    app = open_app(data, runs("fcn8s", "unet"), page, **link)
    assert not app.exception and not misled(app)
