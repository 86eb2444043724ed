"""Every page with no, one and many runs, with broken runs, other data, and no data."""

import json
import shutil

import pytest
from fixtures.app import PAGES, ROOT, as_read, codes, make_data
from fixtures.runs import fake_ensemble, fake_run

from segcore.data import open_dataset
from segcore.labels import CAMVID11
from segcore.metrics import EXPLAIN
from segcore.runs import RunStore, RunWriter, live


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("models", [(), ("unet",), ("fcn8s", "unet", "pspnet", "deeplabv3plus")], ids=len)
def test_page_works(open_app, data, runs, page, models):
    app = open_app(data, runs(*models), page)
    assert not app.exception
    assert not app.error
    titles = [box.label for box in app.sidebar.checkbox]
    assert len(titles) == len(models)


@pytest.mark.parametrize("page", PAGES)
def test_an_ensemble_is_shown_like_any_run(open_app, data, runs, page, page_text):
    store = RunStore(runs("fcn8s", "unet"))
    fake_ensemble([store.get("unet"), store.get("fcn8s")])
    app = open_app(data, store.root, page)
    assert not app.exception and not app.error
    assert any("Ensemble of" in box.label for box in app.sidebar.checkbox)
    if page in ("curves", "compare"):
        text = page_text(app).replace("\\", "")
        assert "Ensemble of U-Net and FCN-8s: has no curves; its members have theirs." in text


@pytest.mark.parametrize("page", PAGES)
def test_a_run_that_nothing_validates_is_shown_like_any_run(open_app, data, runs, page):
    folder = runs("fcn8s", "unet")
    record = RunStore(folder).get("unet")
    rows = record.history.assign(val_loss=None, val_miou=None, val_pixel_accuracy=None).to_dict("records")
    RunWriter(record.path).write_metrics(rows)
    document = json.loads((record.path / "summary.json").read_text())
    document["dataset"] |= {"split": "all", "val": 0, "split_fingerprint": "of another"}
    (record.path / "summary.json").write_text(json.dumps(document | {"val": None}))
    app = open_app(data, folder, page)
    assert not app.exception and not app.error
    if page == "compare":
        assert any("trained on the validation images as well" in as_read(caption.value) for caption in app.caption)


def test_no_runs_says_how_to_train(open_app, data, tmp_path, page_text):
    for page in ("home", "curves", "compare", "predictions"):
        app = open_app(data, tmp_path / "none", page)
        assert f"python train.py --data {data} --out {tmp_path / 'none'}" in page_text(app), page


def test_home_shows_every_model_and_who_leads(open_app, data, runs):
    app = open_app(data, runs("fcn8s", "unet"))
    table = next(html for html in app.get("html") if "sc-table" in html.proto.body).proto.body
    assert table.index("U-Net") < table.index("FCN-8s")


@pytest.mark.parametrize("page", ["home", "curves", "search", "compare", "errors", "predictions"])
def test_scores_say_how_they_are_counted(open_app, data, runs, page):
    app = open_app(data, runs("unet"), page)
    (words,) = (box for box in app.main.get("popover") if box.proto.popover.label == "How is this counted?")
    assert all(f"**{topic}.**" in words.markdown[0].value for topic in EXPLAIN)


def test_unreadable_run_is_skipped_with_a_note(open_app, data, runs, page_text):
    folder = runs("unet", "fcn8s")
    (folder / "fcn8s" / "summary.json").write_text("{")
    (folder / "unet" / "metrics.csv").write_text("nonsense\n")
    for page in PAGES:
        app = open_app(data, folder, page)
        assert not app.exception, page
        assert "is no JSON, perhaps cut off" in page_text(app)
        assert len(app.sidebar.checkbox) == 1
    assert "has no column epoch" in page_text(open_app(data, folder, "curves"))


def test_broken_evaluation_is_said_not_raised(open_app, data, runs, page_text):
    folder = runs("unet", "fcn8s")
    (folder / "unet" / "evaluation" / "test" / "confusion.parquet").write_bytes(b"PAR1")
    shutil.rmtree(folder / "fcn8s" / "evaluation" / "test" / "predictions")
    for page in ("home", "compare", "predictions"):
        app = open_app(data, folder, page)
        assert not app.exception, page
    assert "segcore evaluate" in page_text(open_app(data, folder, "compare"))


def test_run_without_evaluation_says_how_to_make_one(open_app, data, runs, page_text):
    folder = runs("unet")
    shutil.rmtree(folder / "unet" / "evaluation")
    for page in ("compare", "predictions"):
        assert f"segcore evaluate {folder / 'unet'} --split test" in page_text(open_app(data, folder, page))


def test_runs_of_other_data_are_named(open_app, data, runs, page_text):
    folder = runs("unet")
    fake_run(folder, "elsewhere", model="pspnet", labels=CAMVID11, dataset="camvid", source="/nowhere")
    link = {"runs": "unet,elsewhere"}
    assert "scored on different data" in page_text(open_app(data, folder, "compare", **link))
    assert "Left out, trained on other data: PSPNet (camvid, 11 classes)" in page_text(
        open_app(data, folder, "predictions", **link)
    )
    for page in PAGES:
        assert not open_app(data, folder, page, **link).exception


def test_missing_dataset_says_what_to_do(open_app, data, runs, tmp_path, page_text):
    folder = runs("unet")
    for page in PAGES:
        app = open_app(tmp_path / "gone", folder, page)
        assert not app.exception, page
    text = page_text(open_app(tmp_path / "gone", folder, "dataset"))
    assert "The dataset can't be opened." in text and "streamlit run app.py -- --data PATH" in text
    # Curves and comparisons need only the runs.
    assert "Cost" in page_text(open_app(tmp_path / "gone", folder, "curves", runs="unet"))


def test_incomplete_data_opens_as_its_message_says(open_app, data, runs, page_text):
    folder = runs("unet")
    (data / "train" / "masks" / "train_00.png").unlink()
    assert "--skip-incomplete" in page_text(open_app(data, folder, "dataset"))
    app = open_app(data, folder, "dataset", "--skip-incomplete")
    assert not app.exception and "can't be opened" not in page_text(app)


def test_two_runs_of_one_model_are_told_apart(open_app, data, runs):
    folder = runs("unet")
    shutil.copytree(folder / "unet", folder / "unet-2")
    summary = folder / "unet-2" / "summary.json"
    summary.write_text(json.dumps(json.loads(summary.read_text()) | {"run_id": "unet-2"}))
    labels = [box.label for box in open_app(data, folder).sidebar.checkbox]
    assert ["unet" in labels[0], "unet-2" in labels[1]] == [True, True]


def test_unreadable_image_is_said_not_raised(open_app, data, runs, page_text):
    folder = runs("unet")
    (data / "test" / "images" / "test_01.png").write_bytes(b"\x89PNG broken")
    (data / "train" / "masks" / "train_00.png").write_bytes(b"\x89PNG broken")
    for page in PAGES:
        app = open_app(data, folder, page)
        assert not app.exception, page
    assert "test_01" in page_text(open_app(data, folder, "predictions", image="test_01"))
    assert "train_00" in page_text(open_app(data, folder, "dataset", sample="train_00"))
    home = open_app(data, folder, "home")
    assert "not a readable image" in home.error[0].value and "Look at the data" in page_text(home)


def test_training_run_grows(open_app, data, runs, page_text):
    folder = runs("unet")
    summary = folder / "unet" / "summary.json"
    summary.write_text(json.dumps(json.loads(summary.read_text()) | {"status": "training", "test": None}))
    app = open_app(data, folder, "curves")
    assert not app.exception
    assert "U-Net is in training: it starts" in page_text(app)
    live.write_progress(folder / "unet", live.LiveProgress(epoch=2, epochs=8, step=5, steps=10, left=95))
    assert "U-Net is in training: epoch 3 of 8, step 5 of 10, about 1 min 35 s left." in page_text(app.run())
    (folder / "unet" / "live" / "progress.json").write_text("{")
    assert "U-Net is in training: it starts" in page_text(app.run())


@pytest.mark.parametrize("page", PAGES)
def test_no_page_asks_for_scores_of_a_run_in_training(open_app, data, runs, page_text, page):
    folder = runs("unet", "pspnet")
    shutil.rmtree(folder / "unet" / "evaluation")
    summary = folder / "unet" / "summary.json"
    summary.write_text(json.dumps(json.loads(summary.read_text()) | {"status": "training", "val": None, "test": None}))
    app = open_app(data, folder, page)
    assert not app.exception and "segcore evaluate" not in page_text(app)


def test_a_stopped_run_has_its_command_to_copy(open_app, data, runs, page_text):
    folder = runs("unet")
    summary = folder / "unet" / "summary.json"
    stopped = {"status": "interrupted", "error": "its process ended"}
    summary.write_text(json.dumps(json.loads(summary.read_text()) | stopped))
    app = open_app(data, folder, "curves")
    assert codes(app) == [f"python train.py --config {folder / 'unet' / 'config.yaml'}"]
    assert "its process ended. Train it again:" in page_text(app)


def test_cost_tells_what_made_a_run_where_it_is_known(open_app, data, runs):
    folder = runs("unet", "pspnet")
    made = {"git_commit", "command"}
    assert not made & set(open_app(data, folder, "curves").dataframe[0].value.columns)
    summary = folder / "unet" / "summary.json"
    notes = {"git_commit": "0123abc+", "command": "python train.py --models unet"}
    summary.write_text(json.dumps(json.loads(summary.read_text()) | notes))
    table = open_app(data, folder, "curves").dataframe[0].value
    assert made <= set(table.columns)
    assert (table["command"] == notes["command"]).sum() == (table["git_commit"] == notes["git_commit"]).sum() == 1


def test_another_version_of_the_data_is_said(open_app, data, runs, page_text):
    folder = runs("unet", "pspnet")
    summary = folder / "unet" / "summary.json"
    values = json.loads(summary.read_text())
    values["dataset"]["fingerprint"] = open_dataset(str(data)).fingerprint
    summary.write_text(json.dumps(values))
    text = page_text(open_app(data, folder, "predictions"))
    assert "PSPNet: trained on another version of toy than the one shown." in text
    assert "U-Net: trained" not in text


def test_home_counts_intervals_only_once_the_page_stands(open_app, tmp_path):
    """A shipped run twice, which no image can rank, and one that is worse."""

    def board():
        return next(item.proto.body for item in app.get("html") if 'class="track"' in item.proto.body)

    for name, shipped in {"one": "drive-fcn8s", "two": "drive-fcn8s", "worse": "drive-pspnet"}.items():
        shutil.copytree(ROOT / "checkpoints" / shipped, tmp_path / "runs" / name)
    app = open_app("drive", tmp_path / "runs")
    assert 'class="range"' not in board() and "≈" not in board()
    runs = RunStore(tmp_path / "runs").list()
    app.session_state["segcore:leaders"] = ("test", *((run.id, run.version) for run in runs))
    app.run()
    assert board().count('class="range"') == 3 and board().count("≈") == 2


def test_data_without_a_test_split_is_shown_by_validation_on_every_page(open_app, tmp_path, page_text):
    data = make_data(tmp_path / "without_test", train=4, test=0)
    shutil.rmtree(data / "test")
    dataset = open_dataset(str(data))
    ids = dataset.splits["train"][:2]
    truths = [dataset.mask(sample_id) for sample_id in ids]
    known = {"labels": dataset.labels, "ids": ids, "truths": truths, "dataset": dataset.name, "source": str(data)}
    for model in ("unet", "fcn8s"):
        run = fake_run(tmp_path / "runs", model, model=model, split="val", tested=False, **known)
    for page in ("home", "compare", "errors", "predictions"):
        app = open_app(data, tmp_path / "runs", page)
        assert not app.exception and "--split test" not in page_text(app), page
    home = open_app(data, tmp_path / "runs", "home")
    table = next(html for html in home.get("html") if "sc-table" in html.proto.body).proto.body
    assert f"{run.summary.val.miou:.3f}" in table
    assert "There is no test split" in page_text(open_app(data, tmp_path / "runs", "compare"))


def test_that_no_model_is_trained_on_an_image_is_said_only_where_it_is_known(open_app, data, runs, page_text, tmp_path):
    claim = "that no model is trained on"
    assert claim in page_text(open_app(data, runs("unet"), "home"))
    assert claim not in page_text(open_app(data, tmp_path / "none", "home"))
    folder = runs("unet", "fcn8s")
    shutil.rmtree(folder / "fcn8s" / "evaluation")  # what it was trained on is then not known
    assert claim not in page_text(open_app(data, folder, "home"))
