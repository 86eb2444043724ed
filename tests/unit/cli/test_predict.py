"""`segcore predict`: masks and overlays of a user's images."""

import itertools
import os
import re
import signal

import numpy as np
import pytest
import torch
from fixtures.videos import moving_square, write_video
from PIL import Image

from segcore.cli import main
from segcore.data.video_file import Video
from segcore.evaluation import Predictor
from segcore.labels import CAMVID11
from segcore.models import create_model, save_model


def test_predict_writes_masks_and_overlays_at_the_images_own_size(run, tmp_path, capsys):
    image = tmp_path / "mine.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (77, 123, 3), dtype=np.uint8)).save(image)
    assert main(["predict", str(run.path), str(image), "--out", str(tmp_path / "out"), "--device", "cpu"]) == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("[!.]*")) == ["mine-mask.png", "mine-overlay.jpg"]
    with Image.open(tmp_path / "out" / "mine-mask.png") as mask:
        assert (mask.mode, mask.size) == ("P", (123, 77))
        assert np.asarray(mask).max() < CAMVID11.classes
    with Image.open(tmp_path / "out" / "mine-overlay.jpg") as overlay:
        assert overlay.size == (123, 77)
    mask, overlay = tmp_path / "out" / "mine-mask.png", tmp_path / "out" / "mine-overlay.jpg"
    printed = capsys.readouterr().out
    assert f"{mask}  {overlay}  mean confidence 0." in printed
    assert re.search(r"^1 image in .*, [0-9.]+ images/s: FCN-32s\n$", printed, re.MULTILINE)


def test_an_image_that_is_not_there_is_an_error(run, tmp_path, capsys):
    arguments = ["predict", str(run.path), str(tmp_path / "none.png"), "--out", str(tmp_path), "--device", "cpu"]
    assert main(arguments) == 2
    Image.new("RGB", (8, 8)).save(tmp_path / "nose.png")
    assert main(arguments) == 2
    output = capsys.readouterr().err
    assert "none.png: there is no such image or video.\n" in output
    assert "none.png: there is no such image or video. Did you mean" in output
    assert "--out" not in output
    (tmp_path / "empty").mkdir()
    assert main(["predict", str(run.path), str(tmp_path / "empty"), "--out", str(tmp_path)]) == 2
    assert f"{tmp_path / 'empty'}: a folder without images and videos." in capsys.readouterr().err


def test_12_bits_in_16_are_predicted_as_the_8_bits_that_they_show(run, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 40, 60), dtype=np.uint8)
    pixels[0, 0, 0] = 255  # the brightest of all decides
    pixels[1] //= 8
    for index, picture in enumerate(pixels):
        for folder, stored in {"deep": picture * np.uint16(16), "shown": picture}.items():
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(stored).save(tmp_path / folder / f"{index}.png")
    options = ["--out", str(tmp_path / "out"), "--device", "cpu", "--write", "masks"]
    inputs = [str(tmp_path / folder / f"{index}.png") for folder in ("deep", "shown") for index in (0, 1)]
    assert main(["predict", str(run.path), *inputs, *options]) == 0
    for index in (0, 1):
        deep, shown = (
            np.asarray(Image.open(tmp_path / f"out/{folder}/{index}.png-mask.png")) for folder in ("deep", "shown")
        )
        assert (deep == shown).all()


def test_a_deep_image_by_a_relative_path(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8)
    shown[0, 0] = 255
    for name, pixels in {"deep.png": shown * np.uint16(16), "shown.png": shown}.items():  # 12 bits and 8
        Image.fromarray(pixels).save(name)
        assert main(["predict", str(run.path), name, "--out", "out", "--device", "cpu"]) == 0
    deep, plain = (np.asarray(Image.open(f"out/{name}-mask.png")) for name in ("deep", "shown"))
    assert (deep == plain).all()


def test_nothing_that_it_did_not_write_is_written_over(run, tmp_path, capsys):
    """Ground truth beside the photos under the names that predictions would have; its own results are no photos."""
    photos = tmp_path / "photos"
    photos.mkdir()
    predict = ["predict", str(run.path), str(photos), "--out", str(photos), "--device", "cpu"]
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (40, 30)).save(photos / name)
    truth = photos / "b-mask.png"
    Image.fromarray(np.full((30, 40), 3, np.uint8)).save(truth)
    before = truth.read_bytes()
    assert main(predict) == 2
    assert f"{truth} is there already, and no record says that segcore predict wrote it" in capsys.readouterr().err
    assert truth.read_bytes() == before and not (photos / "a-mask.png").exists()
    truth.unlink()
    for options, said in (
        ([], "2 images in "),
        ([], "nothing new, 2 there before"),
        (["--write", "masks"], "2 images in "),  # the overlays are still known
        ([], "2 images in "),
    ):
        assert main([*predict, *options]) == 0
        shown = capsys.readouterr()
        assert said in shown.out and ("there before" not in said or "left out 4 files" in shown.err)
    (photos / "a-mask.png").write_bytes(b"cut off, since the call was killed")
    (photos / ".predictions.jsonl").write_text((photos / ".predictions.jsonl").read_text().splitlines()[0] + "\n")
    assert main(["predict", str(run.path), str(photos / "a.jpg"), *predict[3:]]) == 0
    assert np.asarray(Image.open(photos / "a-mask.png")).shape == (30, 40)


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
    assert sorted(path.name for path in (tmp_path / "out").glob("[!.]*")) == ["mine-mask.png", "mine-overlay.jpg"]
    assert capsys.readouterr().out.endswith(": FCN-32s and FCN-32s averaged, with flip\n")
    with pytest.raises(SystemExit):
        main([*words, "--out", "out", "--window", "wide"])
    assert "'wide' is no size; expected HEIGHTxWIDTH such as 360x480" in capsys.readouterr().err


def test_images_and_videos_are_predicted_once(run, tmp_path, capsys):
    """The same command goes on: what is there is kept, of the same model, options and files."""
    (tmp_path / "in").mkdir()
    write_video(tmp_path / "in" / "ride.mp4", moving_square(6))
    for name in "ab":
        Image.fromarray(moving_square(1)[0]).save(tmp_path / "in" / f"{name}.png")
    (tmp_path / "in" / "bad.jpg").write_text("no picture")
    (tmp_path / "in" / "torn.mp4").write_text("no video")
    words = ["predict", str(run.path), str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--device", "cpu"]
    assert main(words) == 2
    written = sorted(path.name for path in (tmp_path / "out").glob("[!.]*"))
    assert written == ["a-mask.png", "a-overlay.jpg", "b-mask.png", "b-overlay.jpg", "ride-overlay.mp4"]
    printed = capsys.readouterr()
    assert re.search(r"^2 images and 1 video in .*, [0-9.]+ frames/s: FCN-32s$", printed.out, re.MULTILINE)
    assert "bad.jpg: text, not a picture" in printed.err and "torn.mp4: not a readable video" in printed.err
    for name in ("bad.jpg", "torn.mp4"):
        (tmp_path / "in" / name).unlink()
    assert main(words) == 0
    assert capsys.readouterr().out == "nothing new, 3 there before: FCN-32s\n"
    Image.fromarray(moving_square(2)[1][::2]).save(tmp_path / "in" / "b.png")
    assert main(words) == 0
    assert re.search(r"^1 image in .*/s, 2 there before: FCN-32s$", capsys.readouterr().out, re.MULTILINE)
    assert main([*words, "--tta", "flip", "--write", "masks"]) == 0
    assert re.search(r"^2 images and 1 video in", capsys.readouterr().out, re.MULTILINE)
    assert (tmp_path / "out" / "ride-frames" / "000005-mask.png").is_file()
    assert main([*words, "--tta", "flip", "--write", "masks", "--again"]) == 0
    assert re.search(r"^2 images and 1 video in", capsys.readouterr().out, re.MULTILINE)


def test_a_video_that_is_stopped_tells_its_frames(run, tmp_path, capsys, monkeypatch):
    write_video(tmp_path / "ride.mp4", moving_square(40))
    mask, calls = Predictor.mask, itertools.count()

    def stopping(self, image):
        if next(calls) == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return mask(self, image)

    monkeypatch.setattr(Predictor, "mask", stopping)
    assert main(["predict", str(run.path), str(tmp_path / "ride.mp4"), "--out", str(tmp_path / "out")]) == 130
    assert re.search(r"^\d+ frames? in .* frames/s: FCN-32s$", capsys.readouterr().out, re.MULTILINE)


def test_what_was_predicted_before_is_no_photo(run, tmp_path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (30, 20)).save(photos / "a.png")
    for out in (photos / "out", photos / "other", tmp_path / "elsewhere", photos):
        assert main(["predict", str(run.path), str(photos), "--out", str(out), "--device", "cpu"]) == 0
        assert "1 image in " in capsys.readouterr().out
    assert main(["predict", str(run.path), str(photos), "--out", str(tmp_path / "last"), "--device", "cpu"]) == 0
    assert "left out 6 files that earlier calls wrote" in capsys.readouterr().err


def test_nothing_takes_the_place_of_results_of_another_file(run, tmp_path, capsys):
    for seed, folder in enumerate(("day", "night")):
        (tmp_path / folder).mkdir()
        pixels = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / folder / "a.png")
    out = ["--out", str(tmp_path / "out"), "--device", "cpu"]
    assert main(["predict", str(run.path), str(tmp_path / "day" / "a.png"), *out]) == 0
    before = (tmp_path / "out" / "a-mask.png").read_bytes()
    assert main(["predict", str(run.path), str(tmp_path / "night" / "a.png"), *out]) == 2
    assert f"a-mask.png is of {tmp_path / 'day' / 'a.png'}, and {tmp_path / 'night' / 'a.png'} would" in (
        capsys.readouterr().err
    )
    assert (tmp_path / "out" / "a-mask.png").read_bytes() == before


def test_a_video_called_images_stays_beside_the_video_of_images(run, tmp_path):
    frames = moving_square(3)
    write_video(tmp_path / "images.mp4", frames)
    Image.fromarray(frames[0]).save(tmp_path / "one.png")
    inputs = [str(tmp_path / "images.mp4"), str(tmp_path / "one.png")]
    assert main(["predict", str(run.path), *inputs, "--write", "video", "--out", str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("[!.]*")) == [
        "images-2-overlay.mp4",
        "images-overlay.mp4",
    ]


def test_images_become_a_video(run, tmp_path, capsys):
    for index, image in enumerate(moving_square(5)):
        Image.fromarray(image).save(tmp_path / f"frame_{index}.png")
    words = [
        "predict",
        str(run.path),
        str(tmp_path / "frame_*.png"),
        "--out",
        str(tmp_path / "out"),
        "--write",
        "video",
    ]
    assert main([*words, "--fps", "5"]) == 0
    video = Video.open(tmp_path / "out" / "images-overlay.mp4")
    assert (video.stated, video.rate) == (5, 5)
    assert main([*words, "--fps", "10"]) == 0
    assert Video.open(tmp_path / "out" / "images-overlay.mp4").rate == 10
    assert main([*words[:-1], "masks", "--fps", "10"]) == 2
    assert "--fps is the rate of a video of images, and none is written" in capsys.readouterr().err
    Image.fromarray(moving_square(1)[0][:20]).save(tmp_path / "frame_9.png")
    assert main(words) == 2
    assert "a video has frames of one size" in capsys.readouterr().err
    assert main([*words, "--fps", "0"]) == 2
    assert "--fps is 0; expected frames a second" in capsys.readouterr().err
