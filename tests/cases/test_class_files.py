"""Case h01: zips as people pack them. Lists of classes (h02) are in `unit/data/test_class_lists.py`; backslashes and
other archives in `unit/data/test_bad_input.py`.
"""

import zipfile

import pytest
from fixtures import cases, layouts


@pytest.mark.parametrize("prefix", ["", "my street/", "Straße/", "街道/a/"])
def test_zips_with_and_without_a_top_folder(prefix, tmp_path):
    scenes = cases.truth()
    root = cases.folder(tmp_path / "street", scenes)
    cases.opens_as(layouts.zipped(root, tmp_path / "x.zip", prefix=prefix), scenes)


def test_names_in_an_old_encoding(tmp_path):
    """Windows writes names in cp437 or cp932 without a mark: garbled, but alike for image and mask."""
    scenes = {"Straße": layouts.mask(0, 3)}
    root = cases.folder(tmp_path / "street", scenes)
    packed = layouts.zipped(root, tmp_path / "x.zip", prefix="", junk=False)
    data = packed.read_bytes()
    utf8, old = "Straße".encode(), "Stra\u03b2e!".encode("cp437", "replace")
    assert len(utf8) == len(old)
    packed.write_bytes(_without_utf8_flag(data.replace(utf8, old)))
    (sample_id,) = cases.open_dataset(packed).ids
    cases.opens_as(packed, {sample_id: scenes["Straße"]})


def _without_utf8_flag(data: bytes) -> bytes:
    changed = bytearray(data)
    for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = data.find(mark)
        while at >= 0:
            changed[at + flags + 1] &= ~0x08
            at = data.find(mark, at + 1)
    return bytes(changed)


def test_a_zip_in_a_zip_is_named(tmp_path):
    root = cases.folder(tmp_path / "street", cases.truth())
    inner = layouts.zipped(root, tmp_path / "Cam101.zip")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(inner, "Cam101.zip")
        archive.writestr("readme.txt", "x")
    cases.refused(
        r"outer\.zip: unknown layout; it holds Cam101\.zip, readme\.txt\. Unpack Cam101\.zip and open its folder\.",
        tmp_path / "outer.zip",
    )
