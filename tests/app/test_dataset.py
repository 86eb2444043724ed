"""The contact sheet at the top of the dataset page, and what is said about how the data was read."""

import re
import shutil
import time

import numpy as np
import pytest
from fixtures import exports
from fixtures.app import LABELS, codes, make_data

from segcore.data import open_dataset
from segcore.data.index import known_facts
from segcore.data.index_building import build_index
from segcore.data.tags import TAGS_FOLDER, read_tags
from segcore.ui.shell import dataset_cache, file_changes
from segcore.ui.shell.dataset_cache import DataKey


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


def captions(app):
    return [plain(each.value) for each in app.caption]


def shown(app):
    """Number of images that the choices leave, of how many."""
    return next((caption for caption in captions(app) if re.fullmatch(r"[\d,]+ of [\d,]+ images", caption)), None)


def meant(data, keep):
    """How many samples of the dataset are as `keep(sample)` says."""
    dataset = open_dataset(data)
    return sum(keep(dataset[sample_id]) for sample_id in dataset.ids)


def test_a_link_finds_images_by_name_class_share_size_and_health(open_app, data, tmp_path):
    def page(**query):
        app = open_app(data, tmp_path / "none", "dataset", **query)
        assert not app.exception
        return app

    shutil.copy(data / "train" / "images" / "train_00.png", data / "train" / "images" / "train_01.png")
    road = LABELS.names.index("Road")
    total = len(open_dataset(data))
    assert shown(page()) is None
    assert shown(page(find="TEST")) == f"3 of {total} images"
    assert shown(page(find="train_0", split="train")) == "4 of 4 images"
    held = meant(data, lambda sample: (sample.mask == road).any())
    assert shown(page(**{"class": "Road"})) == f"{held} of {total} images"
    quarter = meant(data, lambda sample: 0.25 <= (sample.mask == road).sum() / (sample.mask != 255).sum() < 0.5)
    some = page(**{"class": "Road", "share": "25-50"})
    assert shown(some) == f"{quarter} of {total} images" or (
        not quarter and "No image is like that" in some.info[0].value
    )
    height, width = open_dataset(data).size("train_00")
    assert shown(page(size=f"{width}x{height}")) == f"{total} of {total} images"
    assert "No image is like that" in page(size="7x7").info[0].value
    assert shown(page(health="repeated")) == f"2 of {total} images"
    assert "No image is like that" in page(health="unlabelled").info[0].value


def test_other_images_begin_at_their_first_page(open_app, tmp_path):
    app = open_app(make_data(tmp_path / "toy", train=60), tmp_path / "none", "dataset", page="2", split="train")
    assert app.run().query_params["page"] in ("2", ["2"])
    find = next(box for box in app.text_input if box.label == "Find")
    find.set_value("train_0").run()
    assert not app.exception and "page" not in app.query_params
    find.set_value("").run()
    assert "page" not in app.query_params


def test_what_cannot_be_read_is_found_by_health(open_app, data, tmp_path):
    (data / "train" / "masks" / "train_00.png").write_bytes(b"\x89PNG broken")
    app = open_app(data, tmp_path / "none", "dataset", health="unreadable")
    assert shown(app) == "1 of 7 images"


@pytest.mark.parametrize("chart", ["balance", "together", "places"])
def test_classes_are_counted_for_the_chosen_split(open_app, data, tmp_path, chart):
    app = open_app(data, tmp_path / "none", "dataset", chart=chart, split="train", **{"class": "Road"})
    assert not app.exception
    if chart == "places":
        html = " ".join(element.proto.body for element in app.main.get("html"))
        assert html.count("Where in the frame") == 1 and "Where in the frame Road lies" in html
        assert any("share of 4 images" in caption for caption in captions(app))


def test_with_an_index_no_image_is_read_to_count_them(open_app, data, tmp_path, monkeypatch):
    build_index(data)
    read = []
    monkeypatch.setattr(known_facts, "read_facts", lambda record: read.append(record.id))
    app = open_app(data, tmp_path / "none", "dataset", sort="most classes", **{"class": "Road"})
    assert not app.exception and not read
    assert any("of all pixels are ignored" in caption for caption in captions(app)), captions(app)


def test_files_that_changed_since_the_index_was_made_are_told_and_counted_anew(open_app, data, tmp_path):
    build_index(data)
    shutil.copy(data / "train" / "masks" / "train_03.png", data / "train" / "masks" / "train_00.png")
    app = open_app(data, tmp_path / "none", "dataset")
    assert not app.exception
    assert any("Files of 1 image changed" in caption and "train_00" in caption for caption in captions(app))
    held = meant(data, lambda sample: (sample.mask == 0).any())
    app = open_app(data, tmp_path / "none", "dataset", **{"class": LABELS.names[0]})
    assert shown(app) == f"{held} of 7 images"


def test_masks_that_change_again_while_the_page_is_open_are_counted_again(open_app, data, tmp_path, monkeypatch):
    monkeypatch.setattr(file_changes, "AGAIN", -1.0)
    name = LABELS.names[0]
    app = open_app(data, tmp_path / "none", "dataset", **{"class": name})
    masks = data / "train" / "masks"
    for origin in ("train_03.png", "train_02.png", "train_03.png"):
        shutil.copy(masks / origin, masks / "train_00.png")
        held = meant(data, lambda sample: (sample.mask == 0).any())

        def counted(held=held):  # the files are looked at in a thread
            app.run()
            assert not app.exception
            ignored = any("of all pixels are ignored" in caption for caption in captions(app))
            return ignored and not app.info and shown(app) == f"{held} of 7 images"

        until = time.monotonic() + 30
        while not counted():
            assert time.monotonic() < until, captions(app)


def test_images_that_come_and_go_are_noticed_and_the_old_ones_shown_until_all_is_there(
    open_app, data, tmp_path, monkeypatch
):
    monkeypatch.setattr(file_changes, "AGAIN", -1.0)
    images, masks = data / "train" / "images", data / "train" / "masks"
    app = open_app(data, tmp_path / "none", "dataset")

    def wait_for(true):
        until = time.monotonic() + 30
        while not true(app.run()):
            assert not app.exception and time.monotonic() < until, captions(app)

    def images_shown(count):
        return lambda app: any(caption.startswith(f"{count} images, ") for caption in captions(app))

    assert images_shown(7)(app)
    shutil.copy(images / "train_03.png", images / "train_99.png")
    wait_for(lambda app: any("this is the dataset as it was" in caption for caption in captions(app)))

    def images_shown(count):
        return lambda app: any(caption.startswith(f"{count} images, ") for caption in captions(app))

    assert images_shown(7)(app)
    shutil.copy(masks / "train_03.png", masks / "train_99.png")
    wait_for(images_shown(8))
    assert not any("as it was" in caption for caption in captions(app))
    for folder in (images, masks):
        (folder / "train_99.png").unlink()
    wait_for(images_shown(7))


def test_pictures_of_other_pages_follow_their_files(open_app, data, tmp_path, monkeypatch):
    monkeypatch.setattr(file_changes, "AGAIN", -1.0)
    app = open_app(data, tmp_path / "none", "augment", image="train_00")
    assert not app.run().exception
    before = dataset_cache.sample(DataKey.of(str(data)), "train_00").image
    shutil.copy(data / "train" / "images" / "train_03.png", data / "train" / "images" / "train_00.png")
    until = time.monotonic() + 30
    while np.array_equal(dataset_cache.sample(DataKey.of(str(data)), "train_00").image, before):
        assert not app.run().exception and time.monotonic() < until


def test_the_page_stays_where_the_first_image_or_its_mask_cannot_be_read(open_app, data, tmp_path, page_text):
    for broken in ("train/masks/train_00.png", "train/images/train_00.png"):
        (data / broken).write_bytes(b"\x89PNG broken")
        app = open_app(data, tmp_path / "none", "dataset")
        text = page_text(app)
        assert not app.exception and not app.error and "can't be read" in plain(text)
        assert all(title in [part.value for part in app.subheader] for title in ("Health", "Splits", "Classes"))


def test_what_the_page_has_counted_is_kept_for_the_next_server(open_app, data, tmp_path, monkeypatch):
    monkeypatch.setenv("SEGCORE_CACHE", str(tmp_path / "cache"))
    assert not open_app(data, tmp_path / "none", "dataset").exception
    read = []
    monkeypatch.setattr(known_facts, "read_facts", lambda record: read.append(record.id))
    app = open_app(data, tmp_path / "none", "dataset")
    assert not app.exception and not read and "index" not in plain(app.caption[0].value)
    assert not list(data.glob(".segcore*"))


def test_tags_filter_and_are_given_to_one_image_or_to_all_that_are_found(open_app, data, tmp_path, page_text):
    app = open_app(data, tmp_path / "none", "dataset", split="test", sample="test_01")
    assert not [box for box in app.selectbox if box.label == "Tag" and "all" in box.options]  # no tag, no filter
    (mine,) = (box for box in app.multiselect if box.label == "Tags")
    mine.set_value(["wrong mask"]).run()
    assert not app.exception and read_tags(data)["wrong mask"].lines == ("test_01",)
    app = open_app(data, tmp_path / "none", "dataset", split="test", tag="without wrong mask")
    assert shown(app) == "2 of 3 images"
    app.selectbox(key="tagging:name").set_value("wrong mask").run()
    assert app.button(key="tagging:remove").disabled and app.button(key="tagging:add").label == "Add 2"
    assert "segcore evaluate RUN --split test --only 'wrong mask'" in codes(app)[0]
    app.button(key="tagging:add").click().run()
    assert not app.exception and set(read_tags(data)["wrong mask"].lines) == {"test_00", "test_01", "test_02"}
    app = open_app(data, tmp_path / "none", "dataset", tag="wrong mask")
    assert shown(app) == "3 of 7 images"
    app = open_app(data, tmp_path / "none", "dataset", tag="nope")
    assert "a tag that this dataset doesn't have: nope." in plain(page_text(app))


def test_a_tag_that_cannot_be_kept_is_said(open_app, data, tmp_path):
    (data / TAGS_FOLDER).write_text("")
    app = open_app(data, tmp_path / "none", "dataset", split="test")
    (mine,) = (box for box in app.multiselect if box.label == "Tags")
    mine.set_value(["../x"]).run()
    assert not app.exception and "can't be a tag" in plain(app.toast[0].value)
