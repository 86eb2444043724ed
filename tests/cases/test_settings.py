"""Case j05: augmented copies keep the classes of masks in every coding. j01 is in `e2e/test_train.py`, j02 there and in
`unit/training/test_losses.py` and `test_config.py`, j04 in `unit/data/test_class_lists.py`.
"""

import numpy as np
import pytest
from fixtures import cases
from fixtures.layouts import save
from PIL import Image

from segcore.augment import load_pipeline
from segcore.augment.expand import expand


def palette(path, ids):
    picture = Image.fromarray(ids)
    picture.putpalette(np.array(cases.COLORS, np.uint8).tobytes())
    picture.save(path)


CODINGS = {
    "palette": (cases.LISTED, palette),
    "16 bits": (cases.BARE, lambda path, ids: save(path, ids.astype(np.uint16))),
    "array": (cases.BARE, lambda path, ids: np.save(path.with_suffix(".npy"), ids)),
    "one bit": ("name\nroad\ncar\n", lambda path, ids: Image.fromarray(ids.astype(bool)).save(path)),
    "black and white": (cases.BLACK_WHITE, lambda path, ids: save(path, ids * np.uint8(255))),
}


@pytest.mark.parametrize("coding", CODINGS)
def test_copies_keep_the_classes(coding, tmp_path):
    classes, draw = CODINGS[coding]
    count = classes.count("\n") - 1
    large = {name: np.kron(ids, np.ones((8, 8), np.uint8)) for name, ids in cases.truth(classes=count).items()}
    cases.folder(tmp_path / "data", large, classes, draw=draw)
    expand(tmp_path / "data", load_pipeline("assignment"), copies=2, out=tmp_path / "out")
    source, grown = cases.open_dataset(tmp_path / "data"), cases.open_dataset(tmp_path / "out")
    assert grown.labels == source.labels and len(grown) == 3 * len(large)
    for name, ids in large.items():
        assert (grown.mask(name) == ids).all()
        for copy in grown.copies[name]:
            values = np.bincount(grown.mask(copy).ravel(), minlength=256)
            assert values[:count].sum() + values[255] == ids.size and values[:count].sum() > ids.size / 2
