"""`segcore runs`: the table of what is there, and what was skipped."""

import numpy as np
import pytest
from fixtures.runs import fake_ensemble
from PIL import Image

from segcore.augment import presets
from segcore.cli import main
from segcore.runs import load_run
from segcore.runs.json_documents import write_document


def test_runs_lists_all_and_names_what_it_skipped(store, fake_run, capsys):
    good = fake_run(store, "good", model="unet")
    bad = fake_run(store, "bad", evaluated=False)
    (bad.path / "summary.json").write_text("{")
    assert main(["runs", "--runs", str(store.root)]) == 0
    printed = capsys.readouterr().out
    assert "U-Net" in printed
    assert f"{good.summary.test.miou:.3f}" in printed
    assert "skipped: " in printed
    assert "bad/summary.json is no JSON, perhaps cut off" in printed


def test_runs_never_cuts_a_name_on_a_narrow_terminal(store, fake_run, capsys, monkeypatch):
    fake_run(store, "drive-deeplabv3plus", model="deeplabv3plus")
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["runs", "--runs", str(store.root)]) == 0
    printed = capsys.readouterr().out
    assert "drive-deeplabv3plus" in printed
    assert "…" not in printed


def test_an_empty_folder_of_runs_says_what_to_do(tmp_path, capsys):
    assert main(["runs", "--runs", str(tmp_path)]) == 0
    assert "Train some: python train.py" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["runs", "leaderboard"])
def test_a_folder_of_runs_that_is_not_there_is_an_error(tmp_path, capsys, command):
    assert main([command, "--runs", str(tmp_path / "none")]) == 2
    assert f"No folder of runs at {tmp_path / 'none'}. Train some" in capsys.readouterr().err


def test_what_runs_were_trained_with_and_what_differs(store, fake_run, capsys):
    fake_run(store, "one", settings={"lr": 0.1, "loss": "ce"})
    fake_run(store, "two", settings={"lr": 0.2, "loss": "ce"}, epochs=3)
    root = ["--runs", str(store.root)]
    assert main(["runs", *root, "--diff"]) == 0
    printed = capsys.readouterr().out
    assert "lr" in printed and "0.1" in printed and "0.2" in printed and "epochs" in printed and "loss" not in printed
    assert main(["runs", *root, "--diff", "one"]) == 0
    assert "loss" in capsys.readouterr().out  # of one run, all of it
    assert main(["runs", *root, "--diff", "one", "one"]) == 0
    assert "Nothing differs: 2 runs of the same settings." in capsys.readouterr().out


def test_an_augmentation_that_differs_is_one_row_after_what_is_asked_for_first(store, fake_run, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    light, strong = (presets()[name].to_dict() for name in ("light", "strong"))
    fake_run(store, "one", settings={"augment": light, "warmup": 0.1, "lr": 0.1})
    fake_run(store, "two", settings={"augment": strong, "warmup": 0.2, "lr": 0.2})
    assert main(["runs", "--runs", str(store.root), "--diff"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        ["setting", "one", "two"],
        ["lr", "0.1", "0.2"],
        ["augment", "light", "strong"],
        ["warmup", "0.1", "0.2"],
    ]


def test_many_runs_stand_beside_each_value_that_they_have(store, fake_run, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for fold in range(6):
        fake_run(store, f"run-{fold}", settings={"lr": 0.1 if fold % 2 else 0.2})
    assert main(["runs", "--runs", str(store.root), "--diff"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        ["setting", "value", "runs"],
        ["lr", "0.2", "run-0,", "run-2,", "run-4"],
        ["0.1", "run-1,", "run-3,", "run-5"],
    ]


def test_runs_are_renamed_and_keep_notes(store, fake_run, capsys):
    fake_run(store, "one")
    root = ["--runs", str(store.root)]
    assert main(["runs", "rename", "one", "better", *root]) == 0
    assert capsys.readouterr().out == f"{store.root / 'one'} is {store.root / 'better'} now.\n"
    assert main(["runs", "note", "better", "night only", *root]) == 0
    assert main(["runs", *root]) == 0
    assert "night only" in capsys.readouterr().out
    assert main(["runs", "note", "better", "", *root]) == 0
    assert capsys.readouterr().out == "better: no note\n"


def test_archived_runs_are_in_no_list_until_they_are_restored(store, fake_run, capsys):
    first = fake_run(store, "first")
    fake_run(store, "second", seed=1)
    root = ["--runs", str(store.root)]
    assert main(["runs", "archive", "first", "second", *root]) == 0
    assert capsys.readouterr().out == "first is archived.\nsecond is archived.\n"
    assert main(["runs", *root]) == 0
    printed = capsys.readouterr().out
    assert "Train some" not in printed and "2 archived: segcore runs --archived lists" in printed
    assert main(["runs", "restore", "second", *root]) == 0
    assert capsys.readouterr().out == "second is listed again.\n"
    assert [run.id for run in store.list()] == ["second"] and store.archived == ("first",)
    assert main(["runs", "--archived", *root]) == 0
    assert "first" in (printed := capsys.readouterr().out) and "second" not in printed
    assert main(["leaderboard", *root]) == 0
    assert "first" not in capsys.readouterr().out
    assert store.get("first").evaluation("test").ids == first.evaluation("test").ids
    assert main(["runs", "archive", "nothing", *root]) == 2
    assert "No run" in capsys.readouterr().err


def test_scores_of_data_without_a_test_split_are_those_of_validation(store, fake_run, capsys):
    run = fake_run(store, "one", split="val", tested=False)
    assert main(["runs", "--runs", str(store.root)]) == 0
    printed = capsys.readouterr().out
    assert "val mIoU" in printed and f"{run.summary.val.miou:.3f}" in printed and "no test split" in printed
    fake_run(store, "two")
    assert main(["runs", "--runs", str(store.root)]) == 0
    printed = capsys.readouterr().out
    assert (
        "test mIoU" in printed and f"{run.summary.val.miou:.3f} val" in printed and "val: There is no test" in printed
    )


def test_leaderboards_fall_back_to_validation_and_say_so(store, fake_run, capsys):
    for name in ("one", "two"):
        fake_run(store, name, split="val", tested=False)
    root = ["--runs", str(store.root)]
    assert main(["leaderboard", *root]) == 0
    printed = capsys.readouterr().out
    assert ": val" in printed and "There is no test split" in printed
    assert main(["leaderboard", *root, "--split", "test"]) == 2
    assert (
        capsys.readouterr().err
        == "segcore: No run has scores of test: its data has no test split. Leave --split out, or give another.\n"
    )
    fake_run(store, "three")  # of data with a test split
    assert main(["leaderboard", *root]) == 0
    assert "its data has no test split" in capsys.readouterr().out


def test_a_packed_run_has_a_card_and_no_picture_and_no_path_of_this_machine(store, fake_run, capsys, tmp_path):
    run = fake_run(
        store, "one", settings={"data": str(tmp_path / "street"), "lr": 0.1, "loss": f"{tmp_path}/mine.py:tversky"}
    )
    command = f"python train.py --data '{tmp_path}/my street' --lr 0.1 --out={tmp_path}/runs"
    write_document(
        run.path / "summary.json",
        run.summary.model_copy(update={"command": command, "encoder_weights": f"{tmp_path}/w.pth"}),
    )
    for name in ("dataset.jpg", "note.txt", "last.ckpt", "evaluation/test/confidence/a.png"):
        (run.path / name).parent.mkdir(exist_ok=True)
        (run.path / name).write_text(str(tmp_path))
    (run.path / "evaluation/test/predictions/cut.png").write_bytes(b"\x89PNG")  # of no image of the split
    pack = ["runs", "--runs", str(store.root), "pack", "one", "--out", str(tmp_path / "out")]
    assert main([*pack, "--licence", "CamVid is for research."]) == 0
    assert str(tmp_path / "out" / "one") in capsys.readouterr().out
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not {path.name for path in files} & {"dataset.jpg", "note.txt", "last.ckpt", "a.png"}
    assert not [path for path in files if str(tmp_path).encode() in path.read_bytes()]
    copy = load_run(tmp_path / "out" / "one")
    assert copy.summary.command == "python train.py --data 'my street' --lr 0.1 --out=runs"
    assert copy.evaluation("test").scores.miou == run.evaluation("test").scores.miou and copy.splits == run.splits
    for name in run.evaluation("test").ids:
        assert np.array_equal(copy.prediction("test", name), run.prediction("test", name))
        packed, first = (Image.open(one.evaluation("test").prediction_path(name)) for one in (copy, run))
        assert packed.getpalette() == first.getpalette() and packed.size == first.size
    assert (copy.path / "evaluation/test/predictions/cut.png").read_bytes() == b"\x89PNG"
    card = (copy.path / "README.md").read_text()
    for part in ("## Data", "| score | value | 95 % |", "| class | IoU |", "CamVid is for research.", "## Limits"):
        assert part in card
    assert main(pack) == 2
    assert "is there already; choose another folder" in capsys.readouterr().err


def test_an_ensemble_is_packed_by_its_members(store, fake_run, capsys):
    fake_ensemble([fake_run(store, "one"), fake_run(store, "two")])
    assert main(["runs", "--runs", str(store.root), "pack", "both", "--out", "out"]) == 2
    assert "can't be packed. Pack its members: one two." in " ".join(capsys.readouterr().err.split())


def test_only_a_run_can_be_trusted(store, fake_run, capsys, tmp_path):
    run = fake_run(store, "one")
    for folder, said in (
        (tmp_path / "nosuch", "No run at"),
        (tmp_path, "has no summary.json"),
        (run.path, "one holds no code: no run_code/*.py. Its model needs no agreement."),
    ):
        assert main(["trust", str(folder)]) == 2
        assert said in " ".join(capsys.readouterr().err.split())
