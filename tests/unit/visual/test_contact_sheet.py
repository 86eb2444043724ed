"""The picture of a dataset that a person should see before training."""

import io

import numpy as np
from fixtures import layouts
from PIL import Image

from segcore import cli
from segcore.data import open_dataset
from segcore.visual.contact_sheet import contact_sheet


def test_it_shows_image_mask_and_classes_of_every_split(tmp_path):
    dataset = open_dataset(layouts.segnet(tmp_path))
    sheet = np.asarray(Image.open(io.BytesIO(contact_sheet(dataset))))
    colors = {tuple(color) for color in sheet.reshape(-1, 3)[::7].tolist()}
    assert {color for color in dataset.labels.colors} <= colors
    assert sheet.shape[0] > sheet.shape[1] / 4 and sheet.shape[2] == 3


def test_the_command_writes_it_and_says_where_or_why_not(tmp_path, capsys):
    root = layouts.folder(tmp_path / "pets")
    assert cli.main(["data", "info", str(root), "--picture", str(tmp_path / "sheet.png")]) == 0
    assert f"picture: {tmp_path / 'sheet.png'}" in capsys.readouterr().out.replace("\n", "")
    assert Image.open(tmp_path / "sheet.png").format == "PNG"
    assert cli.main(["data", "info", str(root), "--picture", str(tmp_path / "no" / "sheet.png")]) == 2
    assert "can't be written" in capsys.readouterr().err
