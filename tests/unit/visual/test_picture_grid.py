"""Pictures in rows and columns, as one chart."""

import io
import re
from xml.etree import ElementTree

import numpy as np
from fixtures.app import LABELS, make_data
from PIL import Image

from segcore.data import Sample, open_dataset
from segcore.visual import encode_png
from segcore.visual.picture_grid import Picture, classes_shown, photo, picture_grid, pixels
from segcore.visual.render import printed_pixels, to_print, to_svg

SVG = "{http://www.w3.org/2000/svg}"
GREY = np.full((30, 40, 3), 128, np.uint8)


def test_pictures_stand_in_rows_under_their_titles_with_the_classes_below():
    picture = Picture([photo(GREY, 80), (photo(GREY, 80)[0], 0.5)], (30, 40), "DeepLabV3+", "0.512")
    chart = picture_grid([[picture, picture], [picture]], width=198, classes={"Road": "#804080"})
    root = ElementTree.fromstring(to_svg(chart, width=198, label="x"))
    images = list(root.iter(f"{SVG}image"))
    assert len(images) == 6 and all(image.attrib["href"].startswith("data:image/jpeg") for image in images)
    assert {(image.attrib["width"], image.attrib["height"]) for image in images} == {("96", "72")}
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert words.count("DeepLabV3+") == words.count("0.512") == 3 and words.count("Road") == 1


def test_a_picture_made_for_its_place_is_printed_pixel_by_pixel():
    width = printed_pixels(80)
    stripes = np.zeros((30, pixels(width, 1)), np.uint8)
    stripes[:, ::2] = 1
    chart = picture_grid([[Picture([(encode_png(stripes, LABELS.palette), 1.0)], stripes.shape)]], width=width)
    with Image.open(io.BytesIO(to_print(chart, "png", width=80))) as printed:
        middle = np.asarray(printed.convert("RGB"))[15, 10:-10]
    assert set(map(tuple, middle.tolist())) == set(LABELS.colors[:2])


def test_a_legend_has_only_the_scored_classes_that_occur():
    assert classes_shown(LABELS, [np.array([[1, 255]], np.uint8)]) == {"Road": LABELS.hex_colors[1]}
    assert classes_shown(LABELS, []) == {}


def test_a_dataset_draws_samples_of_each_split(tmp_path):
    dataset = open_dataset(make_data(tmp_path / "toy"))
    spec = dataset.plot_samples(1, width=600).to_dict()
    urls = [row["url"] for rows in spec["datasets"].values() for row in rows if "url" in row]
    assert len(urls) == 8  # two samples: image, mask, and image with mask
    texts = [row["text"] for rows in spec["datasets"].values() for row in rows if "text" in row]
    assert {"train_00", "test_00", "mask", "overlay", "train", "test"} <= set(texts)


def test_in_a_notebook_a_dataset_is_a_line_and_a_sample_a_picture(tmp_path):
    dataset = open_dataset(make_data(tmp_path / "toy"))
    assert repr(dataset) == "<Dataset toy: 4 train, 3 test; classes: 4>"
    assert repr(dataset.split("test")) == "<3 samples of toy>"
    assert "Road" in dataset._repr_html_() and LABELS.hex_colors[1] in dataset._repr_html_()
    sample = dataset["test_00"]
    assert repr(sample) == "<Sample test_00 (test): 60x80, 4 ids in its mask>"
    assert len(re.findall("data:image", sample._repr_html_())) == 4
    bare = Sample("a", GREY, np.zeros((30, 40), np.uint8), "test")
    assert len(re.findall("data:image", bare._repr_html_())) == 1  # no colours are known
