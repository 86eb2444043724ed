"""Masks that are pictures, and masks that are composed of files."""

from dataclasses import dataclass

import numpy as np
import pytest
from fixtures import layouts

from segcore.data.decode import MaskPixels
from segcore.data.file_source import Folder
from segcore.data.stored_mask import MaskSample, files_of, read_stored
from segcore.errors import DatasetError


@dataclass(frozen=True)
class Text:
    """A mask of one row, written as digits."""

    path: str

    @property
    def files(self):
        return (self.path,)

    def read(self, file_source):
        return MaskPixels(self.path, np.array([list(map(int, file_source.read(self.path).decode()))]), named=True)


def test_pictures_and_composed_masks_are_read_and_a_sample_leaves_out_what_is_damaged(tmp_path):
    layouts.save(tmp_path / "a.png", np.array([[0, 1]], np.uint8))
    layouts.write(tmp_path / "b.txt", "210")
    layouts.write(tmp_path / "c.png", "no picture")
    folder = Folder(tmp_path)
    assert files_of(Text("b.txt")) == ("b.txt",)
    composed = read_stored(Text("b.txt"), folder)
    assert composed.named and composed.pixels.tolist() == [[2, 1, 0]]
    with pytest.raises(DatasetError, match=r"/c\.png: text, not a picture"):
        read_stored("c.png", folder)
    sample = MaskSample.spread(folder, ["a.png", "c.png", Text("b.txt")]).read()
    assert [mask.pixels.tolist() for mask in sample] == [[[0, 1]], [[2, 1, 0]]]
    assert sample[0].where == f"{folder.root}/a.png"
