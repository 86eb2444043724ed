"""Cases c: image files as cameras and programs write them, and the names that people give them.

c01 c02 c04 (EXIF) and c05 (12 bits) are in `unit/data/test_mask_coding.py`, c10 (what surrounds a name) in
`unit/data/test_layout_detection.py`, and c11 (a wrong size, said before training) in `e2e/test_train.py`.
"""

import unicodedata

import numpy as np
from fixtures import cases, layouts, pictures
from PIL import Image

from segcore.data import find_problems


def test_images_of_every_kind_in_one_folder(tmp_path):
    """c06."""
    pixels = Image.fromarray(np.kron(layouts.image(1), np.ones((8, 8, 1), np.uint8)))
    kinds = {
        "a.JPG": pixels,
        "b.jpeg": pixels,
        "c.tif": pixels,
        "d.bmp": pixels,
        "e.webp": pixels,
        "f.PNG": pixels,
        "h.jfif": pixels,
        "i.avif": pixels,
        "j.jp2": pixels,
        "g.TIFF": pixels,
        "cmyk.jpg": pixels.convert("CMYK"),
        "rgba.png": pixels.convert("RGBA"),
        "palette.png": pixels.quantize(64),
        "grey.png": pixels.convert("L"),
    }
    scenes = {name.partition(".")[0]: layouts.mask(index, 3, (48, 64)) for index, name in enumerate(kinds)}
    cases.folder(tmp_path, scenes)
    for path in (tmp_path / "images").iterdir():
        path.unlink()
    for name, picture in kinds.items():
        picture.save(tmp_path / "images" / name, **({"quality": 97} if name[-2:] in ("PG", "eg", "pg", "bp") else {}))
    scenes["phone"] = layouts.mask(40, 3, (48, 64))
    cases.folder(tmp_path, {"phone": scenes["phone"]})
    (tmp_path / "images" / "phone.png").unlink()
    (tmp_path / "images" / "phone.heic").write_bytes(pictures.HEIC)
    dataset = cases.opens_as(tmp_path, scenes)
    assert np.abs(dataset["phone"].image[10, 10].astype(int) - (30, 120, 200)).max() < 5
    for name in kinds.keys() - {"grey.png"}:
        shown = dataset[name.partition(".")[0]].image.astype(float)
        assert np.abs(shown - np.asarray(pixels)).mean() < 20, name


def test_names_that_people_give(tmp_path):
    """c08: as photos, exports and other languages have them."""
    names = [
        "my photo 1",
        "1.3.6_42_high",
        "Straße_München",
        "фото",
        "街道01",
        "a[1](2)",
        "x#y%20z",
        "-dash",
        "q&a='b'",
    ]
    scenes = {name: layouts.mask(index, 3) for index, name in enumerate(names)}
    cases.opens_as(cases.folder(tmp_path, scenes), scenes)


def test_names_that_are_decomposed_on_one_side(tmp_path):
    """c08: macOS's zips hold "ü" as two characters; mask and image still belong together."""
    scenes = {"Süd": layouts.mask(0, 3)}
    cases.folder(tmp_path, scenes)
    mask = tmp_path / "masks" / "Süd.png"
    mask.rename(mask.with_name(unicodedata.normalize("NFD", mask.name)))
    cases.opens_as(tmp_path, scenes)


def test_masks_of_another_size_are_all_listed(tmp_path):
    """c11."""
    cases.folder(tmp_path, cases.truth(12))
    for index in (3, 7):
        layouts.save(tmp_path / "masks" / f"pic{index}.png", layouts.mask(0, 3, (7, 9)))
    problems = find_problems(cases.open_dataset(tmp_path))
    assert [problem.partition(":")[0] for problem in problems] == ["pic3", "pic7"]
    assert problems[0] == "pic3: mask is 7x9, image is 6x8; they must match."
