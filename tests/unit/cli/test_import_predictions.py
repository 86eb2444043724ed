"""`segcore import`: predictions of any program become a run without a model."""

import io
import pickle
import re
import shlex
import zipfile

import numpy as np
import pytest
from fixtures.runs import fake_run, fake_truth
from fixtures.tiny import camvid_folder
from PIL import Image

from segcore.cli import main
from segcore.data import open_dataset
from segcore.data.leaks import check, store
from segcore.data.plan import own_plan
from segcore.labels import CAMVID11
from segcore.report.leak_notes import checks_of, leak_notes
from segcore.runs import RunStore, load_run
from segcore.runs.remake import remake_command
from segcore.runs.run_record import NO_CHECK

COUNT = 5
PALETTE = CAMVID11.palette


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two training and five test frames, void as id 11."""
    return camvid_folder(tmp_path_factory.mktemp("import") / "camvid", train=2, test=COUNT)


@pytest.fixture
def masks():
    """Predicted ids by image id: the truth with a tenth of the pixels wrong."""
    rng = np.random.default_rng(0)
    predicted = {}
    for index in range(COUNT):
        truth = fake_truth(index)
        wrong = (rng.random(truth.shape) < 0.1) | (truth == 255)
        predicted[f"test{index}"] = np.where(wrong, rng.integers(0, 11, truth.shape), truth).astype(np.uint8)
    return predicted


@pytest.fixture
def write(tmp_path):
    """`write(masks, how, names="{}.png")` writes a folder of predictions and returns it."""

    def make(masks, how=Image.fromarray, names="{}.png", folder="predicted"):
        for sample_id, mask in masks.items():
            path = tmp_path / folder / names.format(sample_id)
            path.parent.mkdir(parents=True, exist_ok=True)
            made = how(mask)
            if isinstance(made, np.ndarray):
                (np.savez if path.suffix == ".npz" else np.save)(path, made)
            else:
                made.save(path)
        return tmp_path / folder

    return make


@pytest.fixture
def run_import(data, tmp_path):
    """`run_import(folder, *words)` imports into `tmp_path/runs` and returns the exit code."""

    def call(folder, *words, name="SegFormer-B5", split="test", data=data):
        base = ["import", str(folder), "--data", str(data), "--split", split, "--name", name]
        return main([*base, "--out", str(tmp_path / "runs"), *map(str, words)])

    return call


@pytest.fixture
def imported(run_import, tmp_path):
    """`imported(folder, *words)` imports and returns the run."""

    def call(folder, *words, name="SegFormer-B5", **more):
        assert run_import(folder, *words, name=name, **more) == 0
        return load_run(tmp_path / "runs" / name)

    return call


@pytest.fixture
def refused(run_import, tmp_path, capsys):
    """`refused(folder, *words)` expects an error and nothing left behind, and returns its text."""

    def call(folder, *words, **more):
        before = sorted(tmp_path.glob("runs/**/*"))
        assert run_import(folder, *words, **more) == 2
        assert sorted(tmp_path.glob("runs/**/*")) == before
        error = capsys.readouterr().err.strip()  # the bar leaves empty lines
        assert error.startswith("segcore: ") and "Traceback" not in error
        return error

    return call


def palette_picture(mask):
    image = Image.fromarray(mask, "L")
    image.putpalette(PALETTE.tobytes())
    return image


def probabilities(mask, classes=11, sure=0.8):
    """`[C, H, W]` with the same classes on top."""
    rest = (1 - sure) / (classes - 1)
    return np.where(np.arange(classes)[:, None, None] == mask, sure, rest).astype(np.float32)


def counts(run):
    return run.evaluation("test").counts


def test_exported_predictions_come_back_with_equal_counts(tmp_path, data, imported):
    dataset = open_dataset(data)
    ids = dataset.splits["test"]
    truths = [dataset.mask(sample_id) for sample_id in ids]
    run = fake_run(RunStore(tmp_path / "own"), "unet", ids=ids, truths=truths, extras=True, source=str(data))
    assert main(["export", str(run.path), "--format", "png", "--out", str(tmp_path / "png")]) == 0
    again = imported(tmp_path / "png")
    old, new = run.evaluation("test"), again.evaluation("test")
    assert np.array_equal(old.counts, new.counts) and np.array_equal(old.boundary_counts, new.boundary_counts)
    assert again.summary.test == run.summary.test
    assert np.array_equal(old.prediction("test0"), new.prediction("test0"))


def test_ids_palette_colours_and_another_order_of_classes_give_the_same_run(tmp_path, masks, write, imported):
    first = imported(write(masks, folder="ids"), name="ids")
    order = np.random.default_rng(1).permutation(11)
    place = np.argsort(order).astype(np.uint8)  # class -> its id in the shuffled list
    (tmp_path / "shuffled.csv").write_text("name\n" + "\n".join(CAMVID11.names[index] for index in order))
    others = [
        imported(write(masks, palette_picture, folder="palette"), name="palette"),
        imported(write(masks, lambda mask: Image.fromarray(PALETTE[mask]), folder="colours"), name="colours"),
        imported(
            write(masks, lambda mask: Image.fromarray(place[mask]), folder="shuffled"),
            *("--classes", tmp_path / "shuffled.csv"),
            name="shuffled",
        ),
        imported(write(masks, lambda mask: mask.astype(np.int64), "{}.npy", "arrays"), name="arrays"),
    ]
    for run in others:
        assert np.array_equal(counts(run), counts(first))
        assert run.summary.test == first.summary.test
        assert np.array_equal(run.prediction("test", "test3"), masks["test3"])


@pytest.mark.parametrize("names", ["{}_pred.png", "pred_{}.png", "{}_mask.png", "test/{}.png", "a/test/{}_pred.png"])
def test_files_are_matched_by_their_names_without_what_tools_put_around_them(masks, write, imported, names):
    assert imported(write(masks, names=names)).evaluation("test").ids == tuple(masks)


def test_a_zip_is_read_in_place(tmp_path, masks, write, imported):
    folder = write(masks)
    with zipfile.ZipFile(tmp_path / "predicted.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"results/{path.name}")
    assert imported(tmp_path / "predicted.zip").evaluation("test").ids == tuple(masks)


def test_masks_alone_have_no_confidence_entropy_or_calibration(masks, write, imported, capsys):
    run = imported(write(masks))
    evaluation = run.evaluation("test")
    assert evaluation.calibration is None and np.isnan(evaluation.of_images("entropy")).all()
    assert not (evaluation.path / "confidence").exists()
    assert "Import the predictions again, with --scores" in evaluation.missing
    assert evaluation.boundary is not None
    summary = run.summary
    assert (summary.parameters, summary.encoder, summary.epochs, summary.seed, summary.train_seconds) == (None,) * 5
    assert "stored as a run without a model" in capsys.readouterr().out


def test_probabilities_in_any_form_give_one_evaluation_with_confidence(tmp_path, masks, write, imported):
    forms = {
        "npy": write(masks, probabilities, "{}.npy", "npy"),
        "last": write(masks, lambda mask: np.moveaxis(probabilities(mask), 0, -1), "{}.npy", "last"),
        "half": write(masks, lambda mask: probabilities(mask).astype(np.float16), "{}.npz", "half"),
        "nnunet": write(masks, lambda mask: probabilities(mask)[:, None], "{}.npz", "nnunet"),
    }
    for sample_id, mask in masks.items():
        for index, plane in enumerate(probabilities(mask)):
            path = tmp_path / "stack" / sample_id / f"{index:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.rint(plane * 65535).astype(np.uint16)).save(path)
    forms["stack"] = tmp_path / "stack"
    for name, folder in forms.items():
        evaluation = imported(folder, name=name).evaluation("test")
        assert np.array_equal(evaluation.prediction("test1"), masks["test1"])
        assert evaluation.confidence("test1") == pytest.approx(0.8, abs=1e-3)
        assert evaluation.calibration.before.confidence[~np.isnan(evaluation.calibration.before.confidence)] == (
            pytest.approx(0.8, abs=2e-3)
        )
        assert 0 < evaluation.of_images("entropy").mean() < 1


def test_masks_with_probabilities_beside_them_as_nnunet_writes_both(masks, write, imported, refused):
    folder = write(masks)
    write(masks, probabilities, "{}.npz")
    assert imported(folder).evaluation("test").calibration is not None
    scores = write(masks, probabilities, "{}.npy", "scores")
    ids = write(masks, folder="alone")
    assert imported(ids, "--scores", scores, name="beside").evaluation("test").calibration is not None
    other = write({key: (mask + 1) % 11 for key, mask in masks.items()}, probabilities, "{}.npy", "others")
    assert "differs from the best of its probabilities in 100%" in refused(ids, "--scores", other, name="other")


def test_a_stated_resize_is_recorded_and_shown_in_the_title(masks, write, imported, refused):
    small = {key: mask[::2, ::2] for key, mask in masks.items()}
    folder = write(small)
    error = refused(folder)
    assert re.search("Prediction of 'test0': it is 24x32, the ground truth 48x64.* --resize 24x32", error)
    run = imported(folder, "--resize", "24x32")
    assert run.summary.imported.resized == (24, 32) and run.title == "SegFormer-B5, resized from 24x32"
    assert run.prediction("test", "test0").shape == (48, 64)
    assert "it is 24x32, and --resize says 48x64" in refused(folder, "--resize", "48x64", name="other")
    scores = write(small, probabilities, "{}.npy", "scores")
    assert imported(scores, "--resize", "24x32", name="sure").evaluation("test").calibration is not None


def test_the_command_that_makes_it_again_works_as_it_is_printed(masks, write, imported, tmp_path, data):
    folder = write({key: mask[::2, ::2] for key, mask in masks.items()})
    run = imported(folder, "--resize", "24x32", name="half")
    before = run.evaluation("test").total
    words = shlex.split(remake_command(run, "test"))
    assert words[:3] == ["segcore", "import", str(folder)] and words[-1] == "--replace"
    assert main(words[1:]) == 0
    assert (load_run(run.path).evaluation("test").total == before).all()
    assert remake_command(run, "train").startswith(f"segcore import PREDICTIONS --data {data} --split train")
    train = write({f"train{index}": fake_truth(index)[::2, ::2] % 11 for index in range(2)}, folder="train")
    both = imported(train, "--add", "--resize", "24x32", name="half", split="train")
    assert "import PREDICTIONS " in remake_command(both, "test")  # whose folder is kept nowhere


def test_nobody_knows_what_trained_it(masks, write, imported, data):
    run = imported(write(masks))
    opened = open_dataset(data, labels="camvid11")
    store(check(opened, own_plan(opened)))
    assert run.training_unknown and run.leak_report() is None and run.leak("test") is None
    assert leak_notes([run], "test", checks_of([run], opened)) == [NO_CHECK]


def test_another_split_is_added_to_an_imported_run(masks, write, imported, refused, tmp_path):
    folder = write(masks)
    imported(folder)
    train = write({f"train{index}": fake_truth(index) % 11 for index in range(2)}, folder="train")
    assert "There is a run called 'SegFormer-B5' already" in refused(train, split="train")
    run = imported(train, "--add", split="train")
    assert run.splits == ("test", "train") and run.summary.test is not None
    changed = write({name: 1 - np.minimum(mask, 1) for name, mask in masks.items()}, folder="changed")
    assert "has predictions of test already; nothing was changed." in refused(changed, "--add")
    assert np.array_equal(load_run(run.path).prediction("test", "test0"), masks["test0"])
    replaced = imported(changed, "--replace")
    assert replaced.splits == run.splits and replaced.summary.test.miou != run.summary.test.miou
    fake_run(RunStore(tmp_path / "runs"), "unet")
    assert "holds no imported predictions, so no split is added" in refused(folder, "--add", name="unet")


def test_a_map_names_the_classes_of_the_predictions(tmp_path, masks, write, imported):
    (tmp_path / "classes.csv").write_text("name\n" + "\n".join(f"c{index}" for index in range(11)))
    lines = [f"c{index},{name}" for index, name in enumerate(CAMVID11.names)]
    (tmp_path / "map.csv").write_text("\n".join(["from,to", *lines]))
    run = imported(write(masks), "--classes", tmp_path / "classes.csv", "--map", tmp_path / "map.csv")
    assert np.array_equal(run.prediction("test", "test3"), masks["test3"])


def test_predictions_that_fit_two_numberings_are_refused(tmp_path, data, write, refused, imported):
    """Masks of 3 classes that the dataset numbers 1, 2, 3: ids 1 and 2 may be either."""
    folder = tmp_path / "numbered"
    for kind in ("images", "masks"):
        (folder / kind / "test").mkdir(parents=True)
        (folder / kind / "train").mkdir()
    for split in ("train", "test"):
        for index in range(2):
            mask = np.repeat(np.array([[1, 2], [2, 3]], np.uint8), 8, 1).repeat(8, 0)
            Image.fromarray(mask).save(folder / "masks" / split / f"{split}{index}.png")
            Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(folder / "images" / split / f"{split}{index}.png")
    (folder / "classes.csv").write_text("id,name\n1,a\n2,b\n3,c\n")
    both = {f"test{index}": np.tile(np.array([1, 2], np.uint8), (16, 8)) for index in range(2)}
    error = refused(write(both), data=folder)
    assert "1 is b as one of the 3 scored classes, and a as the dataset's own masks have it" in error
    assert "--classes FILE.csv" in error
    raw = {key: np.where(mask == 1, 3, mask).astype(np.uint8) for key, mask in both.items()}
    assert imported(write(raw, folder="raw"), data=folder).prediction("test", "test0").tolist()[0][:2] == [2, 1]


# bad input


def test_predictions_of_another_dataset(masks, write, refused):
    error = refused(write({f"cat{index}": mask for index, mask in enumerate(masks.values())}))
    assert "predictions of other images than camvid's. They are called cat0.png, cat1.png, the images of test" in error


def test_predictions_of_another_split(write, refused):
    error = refused(write({f"train{index}": fake_truth(index) % 11 for index in range(2)}))
    assert "predictions of train (2 of its 2 images), none of test. Give --split train" in error


def test_missing_predictions_are_named_and_surplus_ones_too(masks, write, refused, imported, capsys):
    folder = write(masks)
    write({"train0": masks["test0"], "extra": masks["test0"]})
    imported(folder)
    assert "Left out 2 files of no image of test: extra.png, train0.png." in capsys.readouterr().err
    (folder / "test2.png").unlink()
    error = refused(folder, name="other")
    assert "1 of 5 images of test without a prediction: test2. 2 files of no such image" in error


def test_ids_beyond_the_classes(masks, write, refused):
    masks["test4"][0, 0] = 200
    assert "test4.png: id 200 (1 pixels) is no class" in refused(write(masks))


def test_a_predicted_void(masks, write, refused):
    masks["test4"][0, :7] = 11
    assert "test4.png: 7 pixels are predicted as a class that is not scored (Void)" in refused(write(masks))


def test_colours_that_are_no_class(masks, write, refused):
    def painted(mask):
        rgb = PALETTE[mask].copy()
        rgb[:2] = (1, 2, 3)
        return Image.fromarray(rgb)

    assert "colour (1, 2, 3) (128 pixels) is no class of custom" in refused(write(masks, painted))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda mask: probabilities(mask) * 0.5, "sum to 0.500 to 0.500; expected 1"),
        (lambda mask: 20 * probabilities(mask) - 5, "values from -4.6 to 11, so these are logits"),
        (lambda mask: probabilities(mask, classes=7), r"probabilities of \[7, 48, 64\].*with 11 classes of 48x64"),
        (lambda mask: np.full((11, 48, 64), np.nan, np.float32), "values from nan to nan"),
        (lambda mask: probabilities(mask).astype(int), r"int64 \[11, 48, 64\]; expected ids \[H, W\], or probabil"),
    ],
)
def test_what_is_no_probability_of_each_class(masks, write, refused, make, says):
    assert re.search(says, refused(write(masks, make, "{}.npy")))


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_a_pickle_is_never_read(tmp_path, masks, refused, suffix):
    folder = tmp_path / "predicted"
    folder.mkdir()

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    objects = io.BytesIO()
    np.save(objects, np.array([Bomb()], object), allow_pickle=True)
    for sample_id in masks:
        path = folder / f"{sample_id}{suffix}"
        if suffix == ".npz":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("probabilities.npy", objects.getvalue())
        else:
            path.write_bytes(pickle.dumps(Bomb()))
    assert "(a pickle) are never loaded: they could run any code." in refused(folder)
    assert not (tmp_path / "exploded").exists()


def test_an_empty_folder_and_one_without_predictions(tmp_path, refused):
    (tmp_path / "empty").mkdir()
    assert "no predictions, it is empty. Expected one file an image" in refused(tmp_path / "empty")
    (tmp_path / "empty" / "log.txt").write_text("done")
    assert "no predictions, it holds log.txt" in refused(tmp_path / "empty")


def test_two_predictions_of_one_image(masks, write, refused):
    folder = write(masks)
    write({"test3": masks["test3"]}, names="{}_pred.png")
    assert "test3_pred.png: a second prediction of 'test3', beside test3.png" in refused(folder)


def test_what_needs_a_model_says_that_there_is_none(masks, write, imported, tmp_path, capsys):
    run = imported(write(masks))
    capsys.readouterr()
    image = str(tmp_path / "predicted" / "test0.png")
    for words in (
        ["evaluate", str(run.path)],
        ["predict", str(run.path), image, "--out", str(tmp_path / "out")],
        ["profile", str(run.path)],
        ["export", str(run.path), "--format", "onnx", "--out", str(tmp_path / "out")],
        ["evaluate", str(run.path), "--with", str(run.path)],
        ["train", "--resume", str(run.path)],
    ):
        assert main(words) == 2, words
        error = capsys.readouterr().err
        assert "imported" in error or "called" in error, (words, error)


def test_commands_that_need_no_model_take_an_imported_run(masks, write, imported, tmp_path, capsys):
    imported(write(masks))
    imported(write(masks, probabilities, "{}.npy", "scores"), name="other")
    runs = ["--runs", str(tmp_path / "runs")]
    assert main(["runs", *runs]) == 0
    assert "SegFormer-B5" in capsys.readouterr().out
    assert main(["leaderboard", *runs]) == 0
    assert "SegFormer-B5" in capsys.readouterr().out
    assert main(["report", *runs, "--out", str(tmp_path / "report.html")]) == 0
    page = (tmp_path / "report.html").read_text()
    assert "colours of the classes" in page or "ids of the classes" in page
    for kind in ("png", "coco"):
        assert main(["export", "SegFormer-B5", *runs, "--format", kind, "--out", str(tmp_path / kind)]) == 0
