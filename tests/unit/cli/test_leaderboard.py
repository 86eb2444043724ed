"""`segcore leaderboard`."""

import csv
import io
import re
import shutil

import pytest
from fixtures.app import LABELS, ROOT
from fixtures.runs import fake_profile

from segcore.cli import main
from segcore.data.tags import TAGS_FOLDER, change_tag
from segcore.evaluation.comparison import Comparison
from segcore.evaluation.processor import processor_name
from segcore.metrics import POLICY
from segcore.runs import RunStore


def board(capsys, *words):
    assert main(["leaderboard", *map(str, words)]) == 0
    return capsys.readouterr().out


@pytest.fixture
def mixed(toy, tmp_path, fake_run):
    """Two runs on the toy, one on something else, one that was not evaluated."""
    for name in ("unet", "pspnet"):
        shutil.copytree(toy[1] / name, tmp_path / "runs" / name)
    fake_run(tmp_path / "runs", "a_b%c", model="fcn8s", dataset="x_y & z")
    fake_run(tmp_path / "runs", "bare", model="fpn", labels=LABELS, dataset="toy", evaluated=False)
    return tmp_path / "runs"


def test_markdown_ranks_with_intervals_policy_and_leak_line(toy, capsys):
    text = board(capsys, "--runs", toy[1])
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert [row[1] for row in rows[2:]] == ["DeepLabV3+", "PSPNet", "U-Net", "FCN-8s"]
    run = RunStore(toy[1]).get("deeplabv3plus")
    assert rows[2][2].strip("* ") == f"{run.evaluation('test').scores.miou:.3f}"
    assert re.fullmatch(r"0\.\d{3} to 0\.\d{3}", rows[2][3].strip())
    assert POLICY in text and "Leak check: none was made" in text and "bootstrap over" in text


def test_csv_has_stable_columns_and_numbers_as_they_are(toy, capsys):
    rows = list(csv.DictReader(io.StringIO(board(capsys, "--runs", toy[1], "--format", "csv"))))
    comparison = Comparison.of(RunStore(toy[1]).list(), "test")
    assert [row["run"] for row in rows] == [row.id for row in comparison.rows]
    for row, expected in zip(rows, comparison.rows, strict=True):
        assert float(row["miou"]) == float(row["value"]) == expected.scores["miou"]
        assert (float(row["low"]), float(row["high"])) == (expected.interval.low, expected.interval.high)
        assert float(row["parameters"]) == expected.cost["parameters"]
    # What programs may count on: new columns may come between, none may go.
    promised = ["pool", "rank", "run", "title", "runs", "split", "dataset", "classes", "void", "images", "block"]
    promised += ["ranked_by", "value", "low", "high", "level_with_best", "sd_of_seeds", "miou", "image_miou"]
    promised += ["pixel_accuracy", "mean_accuracy", "parameters", "minutes", "leak", "problem"]
    assert set(promised) <= set(rows[0])
    # Another order is no other rank.
    text = board(capsys, "--runs", toy[1], "--format", "csv", "--sort", "parameters")
    again = list(csv.DictReader(io.StringIO(text)))
    assert {row["run"]: row["rank"] for row in again} == {row["run"]: row["rank"] for row in rows}


def test_only_of_a_score_with_a_better_there_are_ranks_and_a_best(tmp_path, fake_run, capsys):
    for index, name in enumerate(("unet", "pspnet")):
        fake_run(tmp_path / "runs", name, model=name, right=0.4 + 0.5 * index, seed=index, extras=True)
    text = board(capsys, "--runs", tmp_path / "runs", "--metric", "ece")
    assert text.count("**") == 2 and "too few to show a difference" not in text and "bootstrap over" in text
    assert text.index("| 1 | PSPNet") < text.index("| 2 | U-Net")  # the smaller error first
    text = board(capsys, "--runs", tmp_path / "runs", "--metric", "entropy")
    assert "**" not in text and "Bold" not in text and "bootstrap over" in text
    assert "textbf" not in board(capsys, "--runs", tmp_path / "runs", "--metric", "entropy", "--format", "latex")
    for metric, level, ranks in (("ece", ["true", "false"], ["1", "2"]), ("entropy", ["", ""], ["", ""])):
        text = board(capsys, "--runs", tmp_path / "runs", "--metric", metric, "--format", "csv")
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [row["level_with_best"].lower() for row in rows] == level
        assert [row["rank"] for row in rows] == ranks
        assert all(float(row["low"]) < float(row["value"]) < float(row["high"]) for row in rows)


def test_a_run_without_the_score_is_named_with_the_reason(tmp_path, fake_run, capsys):
    fake_run(tmp_path / "runs", "pspnet", model="pspnet", extras=True)
    fake_run(tmp_path / "runs", "unet", model="unet", seed=1)
    text = board(capsys, "--runs", tmp_path / "runs", "--metric", "ece")
    assert "U-Net has no ECE. This evaluation was stored without" in text and "PSPNet has no" not in text
    assert "has no" not in board(capsys, "--runs", tmp_path / "runs")


def test_without_intervals_nothing_is_level_with_the_best(tmp_path, fake_run, capsys):
    for index, name in enumerate(("unet", "pspnet")):
        fake_run(tmp_path / "runs", name, model=name, right=0.6 + 0.2 * index, ids=("a",))
    text = board(capsys, "--runs", tmp_path / "runs")
    assert text.count("**") == 2 and "too few to show a difference" not in text
    text = board(capsys, "--runs", tmp_path / "runs", "--format", "csv")
    assert [row["level_with_best"].lower() for row in csv.DictReader(io.StringIO(text))] == ["true", ""]


def test_runs_on_other_data_get_a_table_of_their_own(mixed, capsys):
    text = board(capsys, "--runs", mixed)
    assert text.count("| rank | model |") == 2
    assert "their numbers don't rank each other" in text and "FPN: not evaluated on test" in text
    rows = list(csv.DictReader(io.StringIO(board(capsys, "--runs", mixed, "--format", "csv"))))
    assert {(row["pool"], row["dataset"]) for row in rows} == {("1", "toy"), ("2", "x_y & z"), ("", "toy")}
    assert rows[-1]["problem"] == "not evaluated on test" and rows[-1]["miou"] == ""


def test_names_and_commands_stay_as_they_are(tmp_path, fake_run, capsys):
    runs = tmp_path / "a_b runs"
    fake_run(runs, "x_1", model="unet")
    fake_run(runs, "x_2", model="Sim to Real")
    fake_run(runs, "x_3", model="fpn", evaluated=False)
    assert "Sim to Real" in board(capsys, "--runs", runs, "--format", "latex")
    assert "`segcore data check --run RUN`" in board(capsys, "--runs", runs)


def test_latex_is_escaped_and_balanced(mixed, capsys):
    text = board(capsys, "--runs", mixed, "--format", "latex")
    assert r"\caption{x\_y \& z, 11 classes" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\bottomrule") == 2
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    plain = re.sub(r"\\[&%$#_{}]", "", body)
    assert plain.count("{") == plain.count("}") and not re.search(r"[%#_$](?!pm)", plain.replace(r"$\pm$", ""))
    table = next(part for part in text.split(r"\begin{tabular}")[1:])
    columns = len(re.match(r"\{([lr]+)\}", table)[1])
    rows = [line for line in table.splitlines() if line.endswith(r"\\")]
    assert all(re.sub(r"\\&", "", row).count("&") == columns - 1 for row in rows)


def test_another_order_and_another_score(toy, capsys):
    text = board(capsys, "--runs", toy[1], "--sort", "parameters")
    assert [line.split(" | ")[1] for line in text.splitlines() if line.startswith("| ")][2:4] == ["FCN-8s", "U-Net"]
    text = board(capsys, "unet", "--runs", toy[1], "--metric", "pixel_accuracy")
    assert "| rank | model | pixel accuracy | 95 % interval | mIoU |" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nope"], "No run in .* 'nope'"),
        (["--split", "tset"], "No split 'tset'. Did you mean 'test'\\? Choose one of train, val, test."),
        (["--split", "val+flip"], "there is test. Make evaluations:\n  segcore evaluate .* --split val --tta flip"),
        (["--split", "val"], "No run was evaluated on 'val'; there is test. Make evaluations:\n  segcore evaluate"),
        (["--metric", "mio"], "No metric 'mio'. Did you mean 'miou'"),
        (["--sort", "minute"], "No score or cost 'minute'. Did you mean 'minutes'"),
        (["--columns", "ece,minute"], "No score or cost 'minute'. Did you mean 'minutes'"),
        (["--format", "csv", "--columns", "ece"], "CSV is for programs and always has every column"),
        (["--out", "."], "is a folder; expected a file"),
    ],
)
def test_what_cannot_be_ranked(toy, capsys, words, message):
    assert main(["leaderboard", *words, "--runs", str(toy[1])]) == 2
    captured = capsys.readouterr()
    assert re.search(message, captured.err) and captured.out == ""


def test_no_runs_and_twins(toy, tmp_path, capsys):
    assert main(["leaderboard", "--runs", str(tmp_path / "none")]) == 2
    assert "No folder of runs at" in capsys.readouterr().err
    shutil.copytree(toy[1] / "unet", tmp_path / "unet")
    assert main(["leaderboard", str(toy[1] / "unet"), str(tmp_path / "unet")]) == 2
    assert "have the same name" in capsys.readouterr().err


def test_only_what_it_wrote_is_replaced(toy, tmp_path, capsys):
    for format_ in ("md", "csv", "latex"):
        out = tmp_path / f"board.{format_}"
        for _ in range(2):
            assert main(["leaderboard", "--runs", str(toy[1]), "--format", format_, "--out", str(out)]) == 0
        assert "U-Net" in out.read_text()
        out.write_text("my own notes")
        assert main(["leaderboard", "--runs", str(toy[1]), "--format", format_, "--out", str(out)]) == 2
        assert "Segcore didn't write it" in capsys.readouterr().err
        assert out.read_text() == "my own notes"


def heads(text):
    return next(line for line in text.splitlines() if "model" in line and line.startswith(("| ", "    rank"))).strip(
        " |\\"
    )


def test_a_few_columns_unless_more_are_asked_for(capsys):
    """Of the shipped runs, which are profiled: 28 columns are nobody's table."""
    few = heads(board(capsys, "--runs", ROOT / "checkpoints")).split(" | ")
    assert few[:4] == ["rank", "model", "mIoU", "95 % interval"] and len(few) == 9
    assert few[-2:] == ["parameters, M", "frames/s"]
    narrow = heads(board(capsys, "--runs", ROOT / "checkpoints", "--format", "latex")).split(" & ")
    assert len(narrow) == 7
    every = heads(board(capsys, "--runs", ROOT / "checkpoints", "--columns", "all")).split(" | ")
    assert len(every) > 20 and set(few) < set(every)
    for format_, cut in (("md", " | "), ("latex", " & ")):
        text = board(capsys, "--runs", ROOT / "checkpoints", "--format", format_, "--columns", "ece, macs,miou")
        assert heads(text).split(cut)[4:] == ["ECE", "MACs, G"]
    assert "training, min" in heads(board(capsys, "--runs", ROOT / "checkpoints", "--sort", "minutes"))


def test_a_speed_says_where_it_was_measured(capsys):
    text = board(capsys, "--runs", ROOT / "checkpoints")
    assert re.search(r"- frames/s: Pictures of \d+x\d+ predicted a second, one at a time, from picture to mask", text)
    assert "frames/s: " not in board(capsys, "--runs", ROOT / "checkpoints", "--columns", "ece")


@pytest.mark.parametrize(
    ("machine", "elsewhere"),
    [("Another Processor, 2 threads", True), (f"{processor_name()}, 2 threads", False), ("Some Graphics Card", False)],
)
def test_speeds_of_another_machine_are_named(toy, tmp_path, capsys, machine, elsewhere):
    shutil.copytree(toy[1], tmp_path / "runs")
    for run in RunStore(tmp_path / "runs").list():
        fake_profile(run, 20.0, machine)
    assert main(["leaderboard", "--runs", str(tmp_path / "runs"), "--min-fps", "30"]) == 0
    sentence = "These speeds are not this machine's: segcore profile RUN measures here."
    assert (sentence in capsys.readouterr().err) == elsewhere


def test_only_models_that_are_fast_enough(toy, tmp_path, capsys):
    shutil.copytree(toy[1], tmp_path / "runs")
    store = RunStore(tmp_path / "runs")
    for name, milliseconds in (("fcn8s", 20.0), ("unet", 100.0), ("pspnet", 30.0)):
        fake_profile(store.get(name), milliseconds)
    words = ["leaderboard", "--runs", str(store.root), "--min-fps"]
    assert main([*words, "30"]) == 0
    printed = capsys.readouterr()
    rows = [line.split(" | ") for line in printed.out.splitlines() if line.startswith("| ")][2:]
    assert [(row[0], row[1]) for row in rows] == [("| 1", "PSPNet"), ("| 2", "FCN-8s")]
    assert "left out, slower than 30 frames/s: U-Net" in printed.err
    assert "left out, speed not measured: DeepLabV3+" in printed.err
    assert f"Measure: segcore profile {store.root / 'deeplabv3plus'}" in printed.err
    assert main([*words, "60"]) == 2
    assert (
        "No run predicts 60 frames/s; the fastest, FCN-8s, predicts 50.0. Pictures of 48x64" in capsys.readouterr().err
    )
    assert main(["leaderboard", "--runs", str(toy[1]), "--min-fps", "1"]) == 2
    assert "No run's speed is known for test. Measure: segcore" in capsys.readouterr().err
    for run in store.list():
        shutil.copytree(run.path / "evaluation" / "test", run.path / "evaluation" / "test+flip")
    assert main([*words, "1", "--split", "test+flip"]) == 2
    assert "no speed is measured of test+flip, where several predictions decide each picture" in capsys.readouterr().err


def test_images_of_a_tag_alone(toy, capsys):
    ids = RunStore(toy[1]).get("unet").evaluation("test").ids
    change_tag(toy[0], "night", add=ids[:2])
    try:
        text = board(capsys, "--runs", toy[1], "--only", "night")
        assert "2 images, only night: test" in text
        for row in (line.split(" | ") for line in text.splitlines() if re.match(r"\| \d", line)):
            (run,) = (run for run in RunStore(toy[1]).list() if run.title == row[1].strip("* "))
            assert row[2].strip("* ") == f"{run.evaluation('test').only(ids[:2]).scores.miou:.3f}"
        assert "only night" not in board(capsys, "--runs", toy[1])
        change_tag(toy[0], "night", add=["train_00"])
        assert main(["leaderboard", "--runs", str(toy[1]), "--only", "night"]) == 0
        assert capsys.readouterr().err == "segcore: 1 line of night named no image scored on test: train_00.\n"
        change_tag(toy[0], "day", add=["train_00"])
        assert main(["leaderboard", "--runs", str(toy[1]), "--only", "day"]) == 2
        assert "None of the 1 images of day (train_00) is among the" in capsys.readouterr().err
    finally:
        shutil.rmtree(toy[0] / TAGS_FOLDER)
