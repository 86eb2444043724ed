"""`segcore export`: predictions as PNGs, COCO and a FiftyOne dataset."""

import json
import re
import shutil
import sys
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from fixtures.app import LABELS
from fixtures.rle import decompress, mask_of
from PIL import Image

from segcore.cli import main
from segcore.data import open_dataset
from segcore.errors import ReportError
from segcore.report.fiftyone import export_fiftyone
from segcore.runs import load_run


@pytest.fixture
def run(toy):
    return load_run(toy[1] / "unet")


def export(*words):
    return main(["export", *map(str, words)])


def test_png_is_the_stored_masks_with_palette_and_classes(toy, run, tmp_path, capsys):
    assert export("unet", "--runs", toy[1], "--format", "png", "--out", tmp_path / "out") == 0
    assert "3 masks in" in capsys.readouterr().out
    evaluation = run.evaluation("test")
    for sample_id in evaluation.ids:
        with Image.open(tmp_path / "out" / "masks" / f"{sample_id}.png") as image:
            assert image.mode == "P"
            assert np.array_equal(np.array(image), evaluation.prediction(sample_id))
            colors = np.array(image.convert("RGB"))
        assert np.array_equal(colors, LABELS.to_rgb(evaluation.prediction(sample_id)))
    rows = (tmp_path / "out" / "classes.csv").read_text().splitlines()
    assert rows[:2] == ["id,name,r,g,b", "0,Sky,128,128,128"]


def test_png_masks_beside_their_images_are_a_dataset(toy, run, tmp_path):
    """What is exported can be opened again: masks and classes are what `segcore data` reads."""
    assert export(run.path, "--format", "png", "--out", tmp_path / "out") == 0
    shutil.copytree(toy[0] / "test" / "images", tmp_path / "out" / "images")
    again = open_dataset(tmp_path / "out")
    assert again.labels.names == LABELS.names
    for sample_id in run.evaluation("test").ids:
        assert np.array_equal(again.mask(sample_id), run.evaluation("test").prediction(sample_id))


def test_labelme_opens_again_pixel_for_pixel(toy, run, tmp_path, capsys):
    assert export(run.path, "--format", "labelme", "--out", tmp_path / "out") == 0
    assert f"open them: labelme {tmp_path / 'out'}" in capsys.readouterr().out
    (tmp_path / "out" / "export.json").unlink()
    again = open_dataset(tmp_path / "out")
    assert "labelme" in again.layout
    names = [again.labels.names[index] for index in range(again.labels.classes)]
    for sample_id in run.evaluation("test").ids:
        prediction = run.evaluation("test").prediction(sample_id)
        assert np.array_equal(again.image(sample_id), open_dataset(toy[0]).image(sample_id))
        assert np.array_equal(np.array(names)[again.mask(sample_id)], np.array(LABELS.names)[prediction])


def test_cvat_opens_again_pixel_for_pixel(toy, run, tmp_path, capsys):
    """Beside the images, whose folder CVAT doesn't need."""
    assert export(run.path, "--format", "cvat", "--out", tmp_path / "out") == 0
    assert 'CVAT imports it into a task as "Segmentation mask 1.1"' in capsys.readouterr().out
    with zipfile.ZipFile(tmp_path / "out" / "annotations.zip") as packed:
        packed.extractall(tmp_path / "cvat")
    shutil.copytree(toy[0] / "test" / "images", tmp_path / "cvat" / "JPEGImages")
    again = open_dataset(tmp_path / "cvat", void="class")
    for sample_id in run.evaluation("test").ids:
        prediction = run.evaluation("test").prediction(sample_id)
        assert np.array_equal(np.array(again.labels.names)[again.mask(sample_id)], np.array(LABELS.names)[prediction])


def decoded(file, ids):
    """Image id -> mask of an exported COCO file, by a decoder of its own."""
    content = json.loads(file.read_text())
    masks = {}
    for image, sample_id in zip(content["images"], ids, strict=True):
        mask = np.full((image["height"], image["width"]), 255, np.uint8)
        for annotation in content["annotations"]:
            if annotation["image_id"] == image["id"]:
                inside = mask_of(decompress(annotation["segmentation"]["counts"]), *annotation["segmentation"]["size"])
                rows, columns = np.nonzero(inside)
                assert annotation["area"] == inside.sum()
                left, top, width, height = annotation["bbox"]
                assert (left, top) == (columns.min(), rows.min())
                assert (left + width - 1, top + height - 1) == (columns.max(), rows.max())
                mask[inside] = annotation["category_id"] - 1
        masks[sample_id] = mask
    return content, masks


def test_coco_holds_every_pixel_of_predictions_and_ground_truth(toy, run, tmp_path, capsys):
    assert export(run.path, "--format", "coco", "--out", tmp_path / "out", "--images") == 0
    assert "annotations of the ground truth" in capsys.readouterr().out
    evaluation, dataset = run.evaluation("test"), open_dataset(toy[0])
    content, masks = decoded(tmp_path / "out" / "predictions.json", evaluation.ids)
    assert all(np.array_equal(masks[sample_id], evaluation.prediction(sample_id)) for sample_id in evaluation.ids)
    _, truths = decoded(tmp_path / "out" / "ground_truth.json", evaluation.ids)
    assert all(np.array_equal(truths[sample_id], dataset.mask(sample_id)) for sample_id in evaluation.ids)
    assert [category["name"] for category in content["categories"]] == list(LABELS.names)
    assert content["categories"][1]["color"] == content["info"]["colors"]["Road"] == [128, 64, 128]
    assert len({annotation["id"] for annotation in content["annotations"]}) == len(content["annotations"])
    for image in content["images"]:
        with Image.open(tmp_path / "out" / "images" / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"])


def test_coco_without_its_dataset_says_so(toy, tmp_path, capsys):
    shutil.copytree(toy[1] / "unet", tmp_path / "unet")
    summary = json.loads((tmp_path / "unet" / "summary.json").read_text())
    summary["dataset"]["source"] = str(tmp_path / "gone")
    (tmp_path / "unet" / "summary.json").write_text(json.dumps(summary))
    assert export(tmp_path / "unet", "--format", "coco", "--out", tmp_path / "out") == 0
    assert "No ground truth:" in capsys.readouterr().out
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["export.json", "predictions.json"]
    assert export(tmp_path / "unet", "--format", "coco", "--images", "--out", tmp_path / "out") == 2
    assert "which is not there any more; looked at" in capsys.readouterr().err
    assert (tmp_path / "out" / "predictions.json").is_file()  # the earlier export stays


def test_several_runs_go_into_a_folder_each(toy, tmp_path):
    assert export("unet", "pspnet", "--runs", toy[1], "--format", "png", "--out", tmp_path / "out") == 0
    assert (tmp_path / "out" / "unet" / "classes.csv").is_file()
    assert (tmp_path / "out" / "pspnet" / "classes.csv").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nope"], "No run in .* 'nope'. .*Choose one of deeplabv3plus, fcn8s, pspnet, unet"),
        (["unet", "--split", "val"], "no evaluation on 'val'; there is test. Make one: segcore evaluate .*unet"),
        (["unet", "--images"], "--images means nothing with --format png; only with coco"),
        (["unet", "unet"], "Two runs are called 'unet'"),
    ],
)
def test_what_cannot_be_exported(toy, tmp_path, capsys, words, message):

    assert export(*words, "--runs", toy[1], "--format", "png", "--out", tmp_path / "out") == 2
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_options_of_a_model_are_checked_before_it_is_loaded(toy, tmp_path, capsys):
    words = ["unet", "--runs", toy[1], "--out", tmp_path / "out", "--format"]
    with pytest.raises(SystemExit):
        export(*words, "onnx", "--size", "wide")
    assert "--size: 'wide' is no size; expected HEIGHTxWIDTH such as 360x480, or one" in capsys.readouterr().err
    assert export(*words, "png", "--size", "64") == 2  # one number is a square, as everywhere
    assert "--size means nothing with --format png; only with onnx, openvino" in capsys.readouterr().err
    assert export(*words, "openvino", "--split", "val", "--name", "x") == 2
    assert "--name means nothing with --format openvino; only with fiftyone" in capsys.readouterr().err
    assert export(*words, "onnx", "--precision", "int3") == 2
    assert "int3" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_nothing_foreign_is_replaced(run, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    assert export(run.path, "--format", "png", "--out", out) == 0
    assert export(run.path, "--format", "coco", "--out", out) == 0  # an export may take the place of an export
    assert not (out / "masks").exists()
    (out / "thesis.txt").write_text("mine")
    assert export(run.path, "--format", "png", "--out", out) == 2
    assert "holds thesis.txt, which no export of Segcore wrote" in capsys.readouterr().err
    assert (out / "thesis.txt").read_text() == "mine" and (out / "predictions.json").is_file()
    file = tmp_path / "file"
    file.write_text("x")
    assert export(run.path, "--format", "png", "--out", file) == 2
    assert "is a file; expected a folder" in capsys.readouterr().err
    assert export(run.path, "--format", "png", "--out", file / "below") == 2
    assert "is a file, no folder" in capsys.readouterr().err
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert export(run.path, "--format", "png", "--out", ".") == 2
    assert "the folder you are in" in capsys.readouterr().err


def test_a_missing_prediction_stops_the_export_and_leaves_nothing(toy, tmp_path, capsys):
    shutil.copytree(toy[1] / "unet", tmp_path / "runs" / "unet")
    (tmp_path / "runs" / "unet" / "evaluation" / "test" / "predictions" / "test_01.png").unlink()
    assert export(tmp_path / "runs" / "unet", "--format", "png", "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert "No stored prediction of 'test_01'" in error and "segcore evaluate" in error
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_fiftyone_that_is_not_installed(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "fiftyone", None)
    assert export(run.path, "--format", "fiftyone", "--out", tmp_path / "out") == 2
    assert "pip install 'segcore[fiftyone]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


class FakeSample(dict):
    def __init__(self, filepath, tags):
        super().__init__()
        self.filepath, self.tags = filepath, tags


class FakeFiftyOne(SimpleNamespace):
    """As much of FiftyOne as is used; the real one was tried by hand (docs/sharing.md)."""

    def __init__(self):
        super().__init__(datasets={}, Sample=FakeSample)

    def list_datasets(self):
        return list(self.datasets)

    def load_dataset(self, name):
        return self.datasets[name]

    def delete_dataset(self, name):
        del self.datasets[name]

    def Dataset(self, name):
        made = SimpleNamespace(name=name, samples=[], info={}, app_config=SimpleNamespace(), saved=False)
        made.add_samples = made.samples.extend
        made.save = lambda: self.keep(made)
        self.datasets[name] = made
        return made

    def keep(self, made):
        """As FiftyOne renames: no two of one name."""
        made.saved = True
        self.datasets = {name: dataset for name, dataset in self.datasets.items() if dataset is not made} | {
            made.name: made
        }

    def Segmentation(self, mask_path):
        return mask_path

    def ColorScheme(self, **settings):
        return settings


def test_fiftyone_gets_images_truth_and_each_run(toy, tmp_path, monkeypatch):
    fake = FakeFiftyOne()
    monkeypatch.setitem(sys.modules, "fiftyone", fake)
    runs = [load_run(toy[1] / name) for name in ("unet", "pspnet")]
    for _ in range(2):  # an earlier export is replaced
        output = export_fiftyone(runs, "test", tmp_path / "out")
    assert "ground truth and unet, pspnet in the FiftyOne dataset 'segcore-toy-test'" in output[0]
    made = fake.datasets["segcore-toy-test"]
    assert made.saved and made.persistent and made.default_mask_targets == {1: "Sky", 2: "Road", 3: "Car", 4: "Tree"}
    assert made.app_config.color_scheme["default_mask_targets_colors"][1] == {"intTarget": 2, "color": "#804080"}
    dataset, evaluation = open_dataset(toy[0]), runs[1].evaluation("test")
    assert len(made.samples) == 3
    for sample, sample_id in zip(made.samples, evaluation.ids, strict=True):
        assert np.array_equal(np.array(Image.open(sample.filepath)), dataset.image(sample_id))
        assert np.array_equal(np.array(Image.open(sample["ground_truth"])), dataset.mask(sample_id) + 1)
        assert np.array_equal(np.array(Image.open(sample["pspnet"])), evaluation.prediction(sample_id) + 1)
        assert sample["pspnet_miou"] == evaluation.image_scores(sample_id).miou
        assert sample.tags == ["test"]


def test_fiftyone_keeps_an_earlier_export_until_the_new_one_is_whole(toy, tmp_path, monkeypatch):
    fake = FakeFiftyOne()
    monkeypatch.setitem(sys.modules, "fiftyone", fake)
    export_fiftyone([load_run(toy[1] / "unet")], "test", tmp_path / "out")
    earlier = dict(fake.datasets)
    before = sorted((tmp_path / "out").rglob("*"))

    def broken(**_settings):
        raise RuntimeError("the database is gone")

    monkeypatch.setattr(fake, "ColorScheme", broken)
    with pytest.raises(RuntimeError, match="the database is gone"):
        export_fiftyone([load_run(toy[1] / "pspnet")], "test", tmp_path / "out")
    assert fake.datasets == earlier  # and nothing half made beside it
    assert sorted((tmp_path / "out").rglob("*")) == before


def test_fiftyone_refuses_a_foreign_dataset_and_runs_that_differ(toy, store, fake_run, tmp_path, monkeypatch):
    fake = FakeFiftyOne()
    monkeypatch.setitem(sys.modules, "fiftyone", fake)
    fake.Dataset("mine")
    run = load_run(toy[1] / "unet")
    with pytest.raises(ReportError, match="has a dataset 'mine' that Segcore didn't make"):
        export_fiftyone([run], "test", tmp_path / "out", name="mine")
    with pytest.raises(ReportError, match="evaluated on other classes"):
        export_fiftyone([run, fake_run(store, "other")], "test", tmp_path / "out")
    assert not (tmp_path / "out").exists()
