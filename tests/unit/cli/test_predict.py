"""`segcore predict`: masks and overlays of a user's images."""

import numpy as np
import pytest
import torch
from PIL import Image

from segcore.cli import main
from segcore.labels import CAMVID11
from segcore.models import create_model, save_model


def test_predict_writes_masks_and_overlays_at_the_images_own_size(run, tmp_path, capsys):
    image = tmp_path / "mine.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (77, 123, 3), dtype=np.uint8)).save(image)
    assert main(["predict", str(run.path), str(image), "--out", str(tmp_path / "out"), "--device", "cpu"]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["mine-mask.png", "mine-overlay.jpg"]
    with Image.open(tmp_path / "out" / "mine-mask.png") as mask:
        assert (mask.mode, mask.size) == ("P", (123, 77))
        assert np.asarray(mask).max() < CAMVID11.classes
    with Image.open(tmp_path / "out" / "mine-overlay.jpg") as overlay:
        assert overlay.size == (123, 77)
    mask, overlay = tmp_path / "out" / "mine-mask.png", tmp_path / "out" / "mine-overlay.jpg"
    printed = capsys.readouterr().out
    assert f"{mask}  {overlay}  mean confidence 0." in printed
    assert printed.endswith("1 image: FCN-32s\n")


def test_an_image_that_is_not_there_is_an_error(run, tmp_path, capsys):
    arguments = ["predict", str(run.path), str(tmp_path / "none.png"), "--out", str(tmp_path), "--device", "cpu"]
    assert main(arguments) == 2
    Image.new("RGB", (8, 8)).save(tmp_path / "nose.png")
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "none.png: there is no such image.\n" in said and "none.png: there is no such image. Did you mean" in said
    assert "--out" not in said
    (tmp_path / "empty").mkdir()
    assert main(["predict", str(run.path), str(tmp_path / "empty"), "--out", str(tmp_path)]) == 2
    assert f"{tmp_path / 'empty'}: a folder without images." in capsys.readouterr().err


def test_a_folder_and_images_of_one_name(run, tmp_path):
    """What is written never takes the place of another image's, whatever is turned, deep, grey or tiny among them."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6
    pictures = {
        "a.png": pixels,
        "a.jpg": pixels,
        "deep/a.png": (pixels[..., 0] * np.uint16(257)),
        "deep/tiny.png": pixels[:1, :1],
        "deep/grey.bmp": pixels[..., 0],
        "deep/cut out (1) ü#%.png": np.dstack([pixels, pixels[..., :1]]),
    }
    for name, values in pictures.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(tmp_path / "in" / name)
    Image.fromarray(pixels).save(tmp_path / "in" / "phone.jpg", exif=turned)
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    words = ["predict", str(run.path), str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--device", "cpu"]
    assert main(words) == 0
    masks = {
        path.relative_to(tmp_path / "out").as_posix().removesuffix("-mask.png"): Image.open(path).size
        for path in (tmp_path / "out").rglob("*-mask.png")
    }
    sizes = dict.fromkeys(pictures, (60, 40)) | {"deep/tiny.png": (1, 1), "phone.jpg": (40, 60)}
    assert masks == sizes
    bad = tmp_path / "in" / "bad.png"
    bad.write_text("no picture")
    assert main([*words[:2], str(bad), *words[3:]]) == 2


def test_runs_predict_together(run, store, fake_run, folder, tmp_path, capsys):
    other = fake_run(store, "other", model="fcn32s", source=str(folder), evaluated=False)
    torch.manual_seed(1)
    save_model(create_model("fcn32s", encoder="resnet18", encoder_weights="none", classes=11), other.path)
    image = tmp_path / "mine.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)).save(image)
    words = ["predict", "fake-fcn", str(image), "--runs", str(store.root), "--with", "other", "--device", "cpu"]
    assert main([*words, "--out", str(tmp_path / "out"), "--tta", "flip"]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["mine-mask.png", "mine-overlay.jpg"]
    assert capsys.readouterr().out.endswith("1 image: FCN-32s and FCN-32s averaged, with flip\n")
    with pytest.raises(SystemExit):
        main([*words, "--out", "out", "--window", "wide"])
    assert "'wide' is no size; expected HEIGHTxWIDTH such as 360x480" in capsys.readouterr().err
