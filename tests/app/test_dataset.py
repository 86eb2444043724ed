"""The contact sheet at the top of the dataset page, and what is said about how the data was read."""

import re

import pytest
from fixtures import exports
from fixtures.app import LABELS, make_data


def sheet(app):
    """The HTML of the contact sheet."""
    (html,) = (element.proto.body for element in app.main.get("html") if 'class="sc-sheet"' in element.proto.body)
    return html


def plain(text):
    return text.replace("\\", "")


def test_it_shows_samples_of_every_split_and_the_shares_of_their_classes(open_app, data, tmp_path, page_text):
    app = open_app(data, tmp_path / "none", "dataset")
    assert not app.exception
    assert "Layout: images and masks in folders (folder). Masks hold ids of the classes" in plain(page_text(app))
    html = sheet(app)
    assert html.count("<figure") == html.count('class="drawn"') == 7
    assert html.count("data:image/jpeg") == html.count("--mask:url(data:image/png") == 7
    assert len(re.findall("<span>train</span>", html)) == 4 and len(re.findall("<span>test</span>", html)) == 3
    shares = re.findall(r'alt="">(\w+) <i>([\d.]+) %</i>', html)
    assert {name for name, _ in shares} == set(LABELS.names)
    assert sum(float(share) for _, share in shares) == pytest.approx(100, abs=0.3)
    assert "Shares of the scored pixels of these 7 samples." in html
    assert sheet(app.run()) == html


def test_classes_that_its_samples_lack_are_named(open_app, tmp_path):
    folder = make_data(tmp_path / "toy")
    with (folder / "classes.csv").open("a") as file:
        file.write("Moon <b>,1,2,3\n")
    html = sheet(open_app(folder, tmp_path / "none", "dataset"))
    assert "Not in them: Moon &lt;b&gt;." in html


def test_a_sample_that_cannot_be_read_leaves_its_boxes_empty(open_app, data, tmp_path):
    (data / "train" / "masks" / "train_00.png").write_bytes(b"\x89PNG broken")
    app = open_app(data, tmp_path / "none", "dataset", sample="train_01")
    html = sheet(app)
    assert html.count("<figure") == 7 and html.count('class="drawn"') == 6
    assert "<span>train_00</span><span>unreadable</span>" in html
    assert "these 6 samples" in html


def test_a_layout_s_notes_stand_under_the_title(open_app, tmp_path, page_text):
    exports.EXPORTS["cityscapes"].write(tmp_path / "streets")
    text = plain(page_text(open_app(tmp_path / "streets", tmp_path / "none", "dataset")))
    assert "Layout: Cityscapes (cityscapes). Masks hold ids of the classes" in text
    assert "Masks are the files NAME_gtFine_labelTrainIds.png." in text
