"""`segcore report`: one HTML file."""

import re
import shutil
from html.parser import HTMLParser

import pytest
from fixtures.app import LABELS
from fixtures.runs import fake_ensemble

from segcore.cli import main
from segcore.data import open_dataset, plan_split
from segcore.data.leaks import check
from segcore.data.leaks.report_storage import store
from segcore.metrics import POLICY
from segcore.report.leak_notes import checks_of, leak_notes
from segcore.runs import RunStore, RunWriter
from segcore.visual.run_colors import run_colors


class Page(HTMLParser):
    """What a page holds; fails on elements that aren't closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.images, self.words, self.tags = [], [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append((tag, values))
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if "href" in values else []
        self.images += [values] if tag == "img" else []
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def report(out, *words):
    assert main(["report", *map(str, words), "--out", str(out)]) == 0
    return out.read_text()


@pytest.fixture(scope="module")
def text(toy, tmp_path_factory):
    return report(tmp_path_factory.mktemp("report") / "report.html", "--runs", toy[1])


def test_everything_that_was_promised_is_there(toy, text):
    page = Page(text)
    titles = re.findall(r"<h2>(.*?)</h2>", text)
    assert titles == [
        "Leaderboard",
        "Is it real?",
        "Classes",
        "What is taken for what",
        "Examples",
        "Quality and cost",
        "Training",
        "All scores",
        "How this is counted",
        "What was compared",
        "Make it again",
    ]
    runs = RunStore(toy[1]).list()
    for run in runs:
        assert f"{run.evaluation('test').scores.miou:.3f}" in page.text
        assert f"segcore evaluate {run.path} --split test" in page.text
        assert f"--config {run.path}/config.yaml" in page.text
    for wanted in (POLICY, "4 models on toy: test", "Leak check: none was made", "DeepLabV3+ has the highest mIoU"):
        assert wanted in page.text
    assert f"segcore report --runs {toy[1]} --out" in page.text


def test_nothing_is_asked_of_anywhere(text):
    page = Page(text)
    for tag, values in page.tags:
        assert tag not in ("script", "link", "iframe", "object", "embed", "base")
        assert not any(name.startswith("on") for name in values)
        for name in ("src", "href", "srcset", "action"):
            assert values.get(name, "#").startswith(("#", "data:image/"))
    assert not re.search(r"https?://|url\((?!data:)|@import", text)
    assert {link[1:] for link in page.links} <= set(page.ids)  # no dead ends
    assert len(set(page.ids)) == len(page.ids)


def test_it_can_be_read_aloud(text):
    page = Page(text)
    assert all(image["alt"] and image["width"] and image["height"] for image in page.images)
    drawn = [values for tag, values in page.tags if tag == "svg"]
    assert drawn and all(values.get("role") == "img" and values["aria-label"] for values in drawn)
    assert all(values.get("scope") in ("col", "row") for tag, values in page.tags if tag == "th")
    assert '<html lang="en">' in text and "<title>4 models on toy: test - Segcore</title>" in text


def test_examples_are_of_every_model_and_small(text):
    page = Page(text)
    assert len(page.images) == 3 * (2 + 2 * 4)
    assert len(text) < 400_000
    assert "Typical: test_" in text and "Hardest: test_" in text and "Most different: test_" in text


def test_without_its_dataset_there_are_no_pictures_and_it_says_so(toy, tmp_path, capsys):
    shutil.copytree(toy[0], tmp_path / "toy")
    runs = tmp_path / "runs"
    shutil.copytree(toy[1], runs)
    for run in RunStore(runs).list():
        summary = (run.path / "summary.json").read_text()
        (run.path / "summary.json").write_text(summary.replace(str(toy[0]), str(tmp_path / "gone")))
    page = Page(report(tmp_path / "report.html", "--runs", runs))
    assert page.images == [] and "No pictures." in page.text and "which is not there any more" in page.text
    assert "No pictures." in capsys.readouterr().out
    assert Page(report(tmp_path / "report.html", "--runs", runs, "--data", tmp_path / "toy")).images
    assert (
        main(["report", "--runs", str(runs), "--data", str(tmp_path / "gone"), "--out", str(tmp_path / "r.html")]) == 2
    )
    assert not (tmp_path / "r.html").exists()


def test_no_examples_are_asked_for(toy, tmp_path):
    text = report(tmp_path / "report.html", "unet", "--runs", toy[1], "--examples", "0")
    assert Page(text).images == [] and "Examples" not in text
    assert "1 model on toy" in text and "Is it real?" not in text


def test_a_missing_prediction_is_a_hole_not_an_end(toy, tmp_path):
    shutil.copytree(toy[1], tmp_path / "runs")
    for file in (tmp_path / "runs" / "unet" / "evaluation" / "test" / "predictions").iterdir():
        file.unlink()
    page = Page(report(tmp_path / "report.html", "--runs", tmp_path / "runs"))
    assert len(page.images) == 3 * (2 + 2 * 3)
    assert "No stored prediction of 'test_0" in page.text


def test_runs_on_different_data_stand_apart(toy, tmp_path, fake_run):
    shutil.copytree(toy[1], tmp_path / "runs")
    fake_run(tmp_path / "runs", "other", model="fpn", dataset="else")
    fake_run(tmp_path / "runs", "bare", model="fpn", labels=LABELS, dataset="toy", evaluated=False)
    page = Page(report(tmp_path / "report.html", "--runs", tmp_path / "runs"))
    assert "What can't be compared" in page.text and "don't rank each other" in page.text
    assert "FPN (bare): not evaluated on test" in page.text
    assert page.text.count("4 images make") <= 1  # what is said of one set of runs is not said of the other
    assert "5 models on else and toy: test" in page.text


def test_broken_files_are_named_and_the_rest_is_shown(toy, tmp_path, capsys):
    runs = tmp_path / "runs"
    shutil.copytree(toy[1], runs)
    (runs / "unet" / "evaluation" / "test" / "confusion.parquet").write_bytes(b"PAR1")
    (runs / "fcn8s" / "metrics.csv").write_text("epoch\n0\n")
    (runs / "pspnet" / "profile.json").write_text("{")
    (runs / "deeplabv3plus" / "summary.json").write_text("{")
    page = Page(report(tmp_path / "report.html", "--runs", runs))
    assert "confusion.parquet is no Parquet file" in page.text and "metrics.csv has no column" in page.text
    assert "2 models on toy: test" in page.text
    assert "left out: " in capsys.readouterr().err
    assert main(["leaderboard", str(runs / "unet")]) == 2
    assert "confusion.parquet is no Parquet file" in capsys.readouterr().err


def test_a_run_has_the_colour_that_it_has_in_the_app(toy, tmp_path):
    colors = run_colors([run.id for run in RunStore(toy[1]).list()], [])
    text = report(tmp_path / "report.html", "--runs", toy[1])
    for run in RunStore(toy[1]).list():
        dots = re.findall(rf'<span class="dot" style="background:(#\w+)" aria-hidden="true"></span>{run.title}', text)
        assert set(dots) == {colors[run.id]}
    alone = report(tmp_path / "one.html", "unet", "--runs", toy[1], "--examples", "0")  # others don't move it
    assert set(re.findall(r'class="dot" style="background:(#\w+)"', alone)) == {colors["unet"]}


def test_charts_are_those_of_the_app_in_the_colours_of_the_page(text):
    charts = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(charts) == 2 + 2 + 2 + 2  # classes (wide, narrow), confusion, costs, curves
    assert all("var(--chart-muted," in chart for chart in charts)
    assert {"--chart-ink", "--chart-muted", "--chart-line"} <= set(re.findall(r"(--chart-\w+):", text))


def test_names_cannot_break_out(store, fake_run, tmp_path):
    fake_run(store, "one", model="</style><script>alert(1)</script>", dataset="<img src=x onerror=y>")
    text = report(tmp_path / "report.html", "--runs", store.root)
    Page(text)
    assert "<script" not in text and "<img" not in text


def test_more_runs_than_colours(store, fake_run, tmp_path):
    for index in range(12):
        fake_run(store, f"run-{index:02}", seed=index, right=0.5 + 0.03 * index)
    page = Page(report(tmp_path / "report.html", "--runs", store.root, "--examples", "0"))
    assert "Drawn: the best 8 of 12." in page.text and "The first 10 of 12." in page.text


def test_without_an_interval_nobody_is_said_to_be_level(store, fake_run, tmp_path):
    for seed, model in enumerate(("unet", "pspnet")):
        fake_run(store, model, model=model, right=0.6 + 0.2 * seed, seed=seed, ids=("a",))
    text = report(tmp_path / "out.html", "--runs", store.root)
    assert "unknown: there is no interval." in text and "There is no interval of this score" in text
    assert "difference between it and" not in text and "by more than chance explains" not in text


def test_of_a_score_that_has_no_better_nobody_is_first(store, fake_run, tmp_path):
    for seed, model in enumerate(("unet", "pspnet")):
        fake_run(store, model, model=model, right=0.6 + 0.2 * seed, seed=seed, extras=True)
    text = report(tmp_path / "out.html", "--runs", store.root, "--metric", "entropy")
    assert "no value of it is better" in text and '<th scope="col">#</th>' not in text and "Tinted" not in text
    assert "difference between it and" not in text and "by more than chance explains" not in text
    assert "Intervals: 95 %" in text
    text = report(tmp_path / "ece.html", "--runs", store.root, "--metric", "ece")
    assert '<th scope="col">#</th>' in text and "has the lowest ECE" in text and "Tinted" in text


def test_where_it_goes(toy, tmp_path, capsys):
    assert main(["report", "--runs", str(toy[1]), "--out", str(tmp_path)]) == 2
    assert "is a folder; expected a file" in capsys.readouterr().err
    (tmp_path / "mine.html").write_text("<p>mine")
    assert main(["report", "--runs", str(toy[1]), "--out", str(tmp_path / "mine.html")]) == 2
    assert "Segcore didn't write it" in capsys.readouterr().err
    assert main(["report", "--runs", str(toy[1]), "--out", str(tmp_path / "mine.html" / "r.html")]) == 2
    assert "is a file, no folder" in capsys.readouterr().err
    assert main(["report", "--runs", str(toy[1]), "--examples", "-1"]) == 2
    assert "--examples is -1; expected 0 to 50" in capsys.readouterr().err
    for _ in range(2):
        report(tmp_path / "new" / "report.html", "unet", "--runs", toy[1])
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["report.html"]


def test_a_leak_stands_above_everything(toy, tmp_path, capsys):
    output = "86 % of test frames have a training frame within 0.2 s: this score measures memory."
    for name, leaks in (("unet", {"test": output}), ("pspnet", {})):
        shutil.copytree(toy[1] / name, tmp_path / "runs" / name)
        writer = RunWriter(tmp_path / "runs" / name)
        summary = writer.record().summary
        dataset = summary.dataset.model_copy(update={"leaks": leaks})
        writer.write_summary(summary.model_copy(update={"dataset": dataset}))
    text = report(tmp_path / "one.html", tmp_path / "runs" / "unet")
    assert text.index("leak bad") < text.index("<h2>Leaderboard")
    assert output in Page(text).text
    both = Page(report(tmp_path / "both.html", "--runs", tmp_path / "runs")).text
    assert f"{output} (U-Net)" in both
    assert "Leak check: when this was trained, nothing was found against scores on test" in both
    assert "every picture. (PSPNet)" in both
    for format_, wanted in (("md", output), ("latex", output.replace("%", r"\%")), ("csv", output)):
        assert main(["leaderboard", str(tmp_path / "runs" / "unet"), "--format", format_]) == 0
        assert wanted in capsys.readouterr().out


def test_a_stored_check_of_the_pictures_is_told(toy, tmp_path, monkeypatch):
    monkeypatch.setenv("SEGCORE_CACHE", str(tmp_path / "cache"))
    shutil.copytree(toy[0], tmp_path / "toy")
    dataset = open_dataset(tmp_path / "toy")
    shutil.copytree(toy[1] / "unet", tmp_path / "runs" / "unet")
    writer = RunWriter(tmp_path / "runs" / "unet")
    summary = writer.record().summary
    plan = plan_split(dataset, method="frame", val_fraction=0.5)
    changes = {"source": str(tmp_path / "toy"), "fingerprint": dataset.fingerprint}
    info = summary.dataset.model_copy(update={**changes, "split_fingerprint": plan.fingerprint})
    writer.write_summary(summary.model_copy(update={"dataset": info}))
    assert "Leak check: none was made of test" in Page(report(tmp_path / "r.html", "--runs", tmp_path / "runs")).text
    store(check(dataset))  # of its own splits, which are not those of the run
    again = Page(report(tmp_path / "r.html", "--runs", tmp_path / "runs"))
    assert "Leak check: none was made of test" in again.text
    checked = check(dataset, plan)
    store(checked)
    for examples in ("0", "1"):
        text = Page(report(tmp_path / "r.html", "--runs", tmp_path / "runs", "--examples", examples)).text
        assert (checked.sentence("test") or "in its pictures, ids and times") in text
    (run,) = RunStore(tmp_path / "runs").read()[0]
    assert leak_notes([run], "test+flip", checks_of([run], dataset)) == leak_notes(
        [run], "test", checks_of([run], dataset)
    )
    assert leak_notes([run], "test+flip") == leak_notes(
        [run], "test", checks_of([run], dataset)
    )  # it is beside the data
    shutil.move(tmp_path / "toy", tmp_path / "moved")
    assert leak_notes([run], "test+flip") == [
        "Leak check: none was made of test; `segcore data check --run RUN` makes one."
    ]


def test_an_ensemble_is_reported_with_the_commands_of_its_members(toy, tmp_path):
    for name in ("unet", "pspnet"):
        shutil.copytree(toy[1] / name, tmp_path / "runs" / name)
    both = fake_ensemble(RunStore(tmp_path / "runs").list())
    text = Page(report(tmp_path / "r.html", "--runs", tmp_path / "runs")).text
    folders = [tmp_path / "runs" / member.id for member in both.summary.members]
    assert both.title in text
    assert f"segcore evaluate {folders[0]} --with {folders[1]} --name both --split test" in text
    assert all(f"train.py --config {folder / 'config.yaml'}" in text for folder in folders)
    assert f"train.py --config {both.path / 'config.yaml'}" not in text
