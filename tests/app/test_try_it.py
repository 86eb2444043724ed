"""The try-it page: one's own image, through real and through broken models."""

import io
import json
import shutil
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from fixtures.app import ROOT, as_read, codes
from fixtures.runs import fake_ensemble, fake_run
from PIL import Image
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from segcore import evaluation
from segcore.data import Sample, open_dataset
from segcore.errors import RunError
from segcore.evaluation import Prediction
from segcore.extensions import trust
from segcore.models import create_model, save_model
from segcore.runs import RunStore
from segcore.ui.try_it import model_answers
from segcore.ui.try_it.examples import EXAMPLES
from segcore.ui.try_it.model_answers import ModelAnswer, masks_zip, predict_all
from segcore.ui.widgets.image_upload import UploadedFile


@pytest.fixture
def upload(open_app, picture_file):
    """`upload(data, runs, array or bytes, **link)` opens the page and drops a file."""

    def start(data, runs, picture, /, **link):
        app = open_app(data, runs, "try_it", **link)
        image = picture if isinstance(picture, bytes) else picture_file(picture)
        app.session_state["try:own"] = UploadedFile(image, "street.png")
        return app.run()

    return start


def panels(app):
    (result,) = [item for item in app.get("bidi_component") if item.proto.component_name.endswith("viewer")]
    return json.loads(result.proto.json)[0]["panels"]


def test_without_an_upload_there_are_examples_to_choose(open_app, data, runs):
    app = open_app(data, runs("unet"), "try_it")
    assert not app.exception and len(app.get("image")) == len(EXAMPLES)  # shown, and no model is run on them
    assert [item.key for item in app.get("bidi_component")] == ["keyboard"]
    app = open_app(data, runs("unet"), "try_it", example="bus")
    assert not app.exception and not app.get("image")
    assert panels(app)[0]["title"] == "The image" and any(
        "bus, 960 × 720" in as_read(item.value) for item in app.caption
    )


def test_models_of_other_data_are_a_click_away(open_app, data, runs):
    folder = runs("unet", "pspnet")
    fake_run(folder, "photos", model="fpn", dataset="a_*street*")
    app = open_app(data, folder, "try_it")
    (button,) = [button for button in app.button if button.label.startswith("Models of")]
    assert as_read(button.label) == "Models of a_*street*"
    button.click().run()
    assert not app.exception and "photos" in app.query_params["runs"]
    assert "Models of toy" in [button.label for button in app.button]  # and back


def test_an_upload_comes_before_an_example(upload, data, runs):
    app = upload(data, runs("unet"), np.zeros((30, 40, 3), np.uint8), example="bus")
    assert not app.exception and "street, 40 × 30" in " ".join(as_read(item.value) for item in app.caption)


def test_an_upload_can_be_removed_after_another_page_was_looked_at(upload, data, runs):
    app = upload(data, runs("unet"), np.zeros((60, 80, 3), np.uint8))
    button = app.button(key="try:remove")
    assert "street" in button.label
    button.click().run()
    assert not app.exception and "try:own" not in app.session_state
    assert not [each for each in app.button if each.key == "try:remove"]


def test_a_replaced_upload_is_dropped_and_the_shown_one_stays(open_app, data, runs, picture_file, monkeypatch):
    """Streamlit keeps every file until its session ends; a thousand photos took 170 MB."""
    dropped, drop = [], MemoryUploadedFileManager.remove_file

    def dropping(self, session_id, file_id):
        dropped.append(file_id)
        drop(self, session_id, file_id)

    monkeypatch.setattr(MemoryUploadedFileManager, "remove_file", dropping)
    app, shown = open_app(data, runs("unet"), "try_it"), []
    for grey in range(3):
        picture = picture_file(np.full((30, 40, 3), grey, np.uint8))
        app.file_uploader[0].set_value((f"street{grey}.png", picture, "image/png")).run()
        assert not app.exception and f"street{grey}, 40 × 30" in " ".join(as_read(item.value) for item in app.caption)
        shown.append(app.session_state["try:image"].file_id)
    assert dropped == shown[:2]


def test_no_picture_is_said_and_the_page_goes_on(upload, data, runs, page_text):
    app = upload(data, runs("unet"), b"no picture")
    assert not app.exception and "street.png" in as_read(app.error[0].value)
    assert [item.key for item in app.get("bidi_component")] == ["keyboard"]


def test_a_model_that_can_not_be_loaded_says_so_in_its_place(upload, data, runs):
    app = upload(data, runs("unet", "pspnet"), np.zeros((30, 40, 3), np.uint8))
    assert not app.exception
    image, *models = panels(app)
    assert image["title"] == "The image" and len(models) == 2
    assert all(item["problem"] for item in models)


NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.head = nn.Conv2d(3, classes, 1)

    def forward(self, x):
        return self.head(x)
"""


def test_code_that_nobody_agreed_to_run_is_shown_with_the_command(upload, open_app, data, runs, tmp_path, monkeypatch):
    """On the page that would run it, and in the dialog on the run."""
    monkeypatch.setattr(trust, "store", lambda: tmp_path / "trusted-code.txt")
    folder = runs("unet")
    (tmp_path / "net.py").write_text(NET)
    save_model(create_model(f"{tmp_path}/net.py:Net", classes=4), folder / "unet")
    monkeypatch.setattr(trust, "trusted", lambda digest: False)  # another machine
    image = np.zeros((30, 40, 3), np.uint8)
    app = upload(data, folder, image)
    assert "nobody has agreed" in panels(app)[1]["problem"]
    for page in (app, open_app(data, folder, "home", about="unet")):
        assert not page.exception and "agreed to run this" in page.warning[0].value
        texts = codes(page)
        assert NET.strip() in map(str.strip, texts) and f"trust {folder / 'unet'}" in " ".join(texts)
    monkeypatch.setattr(trust, "trusted", lambda digest: True)
    assert not panels(app.run())[1]["problem"]


def test_a_real_model_answers_with_its_confidence_and_says_when_it_is_strange(upload, page_text, picture_file):
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    app = upload("drive", ROOT / "checkpoints", noise, runs="drive-pspnet")
    assert not app.exception and not app.error
    _, pspnet = panels(app)
    assert pspnet["layer"] and "% confident" in pspnet["note"] and not pspnet["problem"]
    assert "may be outside what this model knows" in page_text(app)
    familiar = open_dataset("drive").image("drive_0020")
    app.session_state["try:own"] = UploadedFile(picture_file(familiar), "known.png")
    app.run()
    assert "outside" not in "".join(item.value for item in app.warning)
    assert "As confident as on validation images: PSPNet" in page_text(app)


def test_an_ensemble_answers_by_its_members(upload, tmp_path, picture_file):
    for name in ("drive-pspnet", "drive-deeplabv3plus"):
        shutil.copytree(ROOT / "checkpoints" / name, tmp_path / "runs" / name)
    store = RunStore(tmp_path / "runs")
    fake_ensemble([store.get("drive-pspnet"), store.get("drive-deeplabv3plus")])
    image = open_dataset("drive").image("drive_0020")
    app = upload("drive", store.root, image, runs="both")
    assert not app.exception and not app.error
    _, both = panels(app)
    assert both["layer"] and "% confident" in both["note"] and not both["problem"]
    shutil.move(store.root / "drive-pspnet", tmp_path / "elsewhere")
    app = upload("drive", store.root, image, runs="both")
    assert "its member 'drive-pspnet' is not at" in panels(app)[1]["problem"]
    shutil.move(tmp_path / "elsewhere", store.root / "drive-pspnet")
    assert not panels(app.run())[1]["problem"]  # a failure is not kept


def test_all_models_run_in_one_thread_whoever_asks(data, runs, monkeypatch):
    """What torch works with is kept by thread: twenty people with huge pictures took 2.0 GB."""
    store, seen = RunStore(runs("unet", "pspnet")), []
    records = [store.get("unet"), store.get("pspnet")]

    class Model:
        ids_only = True

        def __init__(self, run):
            seen.append(threading.get_ident())

        def __call__(self, image):
            seen.append(threading.get_ident())
            return Prediction.of_ids(np.zeros((2, 2), np.uint8), *image.shape[:2])

        def warm(self, size):
            seen.append(threading.get_ident())

    monkeypatch.setattr(evaluation, "open_predictor", Model)
    sample = Sample("street", np.zeros((30, 40, 3), np.uint8), np.zeros((30, 40), np.uint8), "upload")
    with ThreadPoolExecutor(4) as people:
        everything = list(
            people.map(lambda number: predict_all(records, UploadedFile(b"%d" % number, "a.png"), sample), range(6))
        )
    assert all(answer.mask is not None for answers in everything for answer in answers)
    assert len(seen) == 2 * 2 + 6 * 2 and len(set(seen)) == 1 and threading.get_ident() not in seen


def test_a_model_that_hangs_does_not_keep_people_waiting_for_ever(data, runs, monkeypatch):
    store, go_on, hung = RunStore(runs("unet", "pspnet")), threading.Event(), threading.Event()

    class Model:
        ids_only = True

        def __init__(self, run):
            self.hangs = run.id == "unet"

        def __call__(self, image):
            if self.hangs:
                hung.set()
                go_on.wait(60)
            return Prediction.of_ids(np.zeros((2, 2), np.uint8), *image.shape[:2])

        def warm(self, size):
            pass

    monkeypatch.setattr(evaluation, "open_predictor", Model)
    sample = Sample("street", np.zeros((30, 40, 3), np.uint8), np.zeros((30, 40), np.uint8), "upload")
    file = UploadedFile(b"1", "hangs.png")
    with ThreadPoolExecutor(1) as others:
        first = others.submit(predict_all, [store.get("unet")], file, sample)
        assert hung.wait(60)
        monkeypatch.setattr(model_answers, "LONGEST_WAIT", 0.05)
        (answer,) = predict_all([store.get("pspnet")], file, sample)
        assert "PSPNet has no answer after 0 s" in str(answer.error) and answer.mask is None
        go_on.set()
        assert first.result()[0].mask is not None
    monkeypatch.setattr(model_answers, "LONGEST_WAIT", 60.0)
    assert predict_all([store.get("pspnet")], file, sample)[0].mask is not None  # the failure was not kept


def test_a_time_out_inside_a_model_is_not_taken_for_waiting(data, runs, monkeypatch):
    def unreachable(run):
        raise TimeoutError("the hub")

    monkeypatch.setattr(evaluation, "open_predictor", unreachable)
    sample = Sample("street", np.zeros((30, 40, 3), np.uint8), np.zeros((30, 40), np.uint8), "upload")
    with pytest.raises(TimeoutError, match="the hub"):
        predict_all([RunStore(runs("unet")).get("unet")], UploadedFile(b"2", "a.png"), sample)


def test_masks_come_as_palette_pictures_with_their_classes(data, runs):
    run = RunStore(runs("unet")).get("unet")
    mask = np.arange(12, dtype=np.uint8).reshape(3, 4) % 4
    archive = zipfile.ZipFile(
        io.BytesIO(
            masks_zip(UploadedFile(b"x", "x.png"), [ModelAnswer(run, mask), ModelAnswer(run, error=RunError("none"))])
        )
    )
    assert archive.namelist() == ["unet.png", "unet-classes.csv"]
    picture = Image.open(io.BytesIO(archive.read("unet.png")))
    assert picture.mode == "P" and (np.array(picture) == mask).all()
    assert archive.read("unet-classes.csv").decode().splitlines()[:2] == ["id,name,r,g,b", "0,Sky,128,128,128"]
