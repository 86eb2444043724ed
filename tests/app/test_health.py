"""What the leak check found: on the dataset page with its pictures, and beside every score it speaks against."""

from dataclasses import replace

import pytest
from fixtures import layouts
from fixtures.app import make_data

from segcore.data import open_dataset
from segcore.data.leaks import Finding, check, store
from segcore.runs import RunWriter, load_run

MEMORY = "100 % of test frames (2 of 2) have a training frame within 0.2 s: this score measures memory."


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGCORE_CACHE", str(tmp_path / "cache"))


def plain(text):
    return text.replace("\\", "")


def test_findings_are_listed_and_compared_on_demand(open_app, tmp_path, page_text):
    cam = layouts.cam101(tmp_path / "cam")
    app = open_app(cam, tmp_path / "none", "dataset")
    assert MEMORY in plain(page_text(app))
    next(button for button in app.button if button.label == "show").click().run()
    assert app.query_params["finding"] == "time-train-test" and not app.exception
    next(button for button in app.button if button.label == "Compare them").click().run()
    assert not app.exception and (cam / "leaks.json").is_file()
    assert "Compare them" not in [button.label for button in app.button]
    assert MEMORY in plain(page_text(app))
    assert not open_app(cam, tmp_path / "none", "dataset", finding="nonsense").exception


def test_nothing_found_is_said_too(open_app, data, tmp_path, page_text):
    text = plain(page_text(open_app(data, tmp_path / "none", "dataset")))
    assert "Nothing speaks against scores on these splits, as far as frame numbers and lists of copies tell." in text
    assert "Nothing speaks" not in plain(
        page_text(open_app(make_data(tmp_path / "one", test=0), tmp_path / "none", "dataset"))
    )


def test_a_sentence_stands_beside_every_score_it_speaks_against(open_app, data, runs, page_text):
    folder = runs("unet", "fcn8s", "pspnet")
    tell(folder / "unet", MEMORY)
    tell(folder / "fcn8s", MEMORY)
    for page in ("home", "compare", "predictions"):
        text = plain(page_text(open_app(data, folder, page)))
        assert text.count(MEMORY) == 1, page  # once for both, and not PSPNet
        assert f"FCN-8s, U-Net: {MEMORY}" in text or f"U-Net, FCN-8s: {MEMORY}" in text, page
        assert "PSPNet: Leak check: none was made of test; `segcore data check" in text, page
    tell(folder / "pspnet", MEMORY)
    assert f"] {MEMORY}" in plain(page_text(open_app(data, folder, "compare")))  # true of all that are shown


def test_what_a_check_found_since_stands_beside_scores_at_once(open_app, data, runs, page_text):
    folder = runs("unet")
    tell(folder / "unet", MEMORY)
    dataset = open_dataset(data)
    report = check(dataset)
    summary = load_run(folder / "unet").summary
    prints = {"fingerprint": dataset.fingerprint, "split_fingerprint": report.split_fingerprint}
    info = summary.dataset.model_copy(update={**prints, "source": "/of/another/machine"})
    RunWriter(folder / "unet").write_summary(summary.model_copy(update={"dataset": info}))
    app = open_app(data, folder, "compare")
    assert MEMORY in plain(page_text(app))
    store(replace(report, findings=()))
    assert MEMORY not in plain(page_text(app.run())) and "none was made" not in plain(page_text(app))
    result = Finding("exact", "leak", "test", "train", 3, 3, "All of it was trained on.")
    store(replace(report, findings=(result,)))
    assert "All of it was trained on" in plain(page_text(app.run()))


def tell(folder, sentence):
    summary = load_run(folder).summary
    notes = summary.dataset.model_copy(update={"leaks": {"test": sentence}})
    RunWriter(folder).write_summary(summary.model_copy(update={"dataset": notes}))
