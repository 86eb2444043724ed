"""`segcore data ...`."""

import pytest
from fixtures import layouts

from segcore import cli
from segcore.data import open_dataset
from segcore.data.download import DOWNLOADS, Download, RemoteFile
from segcore.paths import program


def test_info_tells_splits_classes_sizes_fingerprint_and_notes(tmp_path, capsys):
    root = layouts.camseq01(tmp_path)
    assert cli.main(["data", "info", str(root), "--void", "class"]) == 0
    text = capsys.readouterr().out
    for wanted in (
        open_dataset(root, void="class").fingerprint,
        "32 (camvid32), ignored: none",
        "│ train │ 15      │ 6x8 (15)",
        "│ test  │ 2       │ 6x8 (2)",
        "LaneMkgsDriv",
        "note: No train/ and test/ folders: the last 2 frames are test",
    ):
        assert wanted in text


@pytest.mark.parametrize("command", ["info", "check"])
def test_a_dataset_is_named_with_or_without_its_option(tmp_path, capsys, command):
    root = str(layouts.camseq01(tmp_path))
    assert cli.main(["data", command, root]) == 0
    plain = capsys.readouterr().out
    assert cli.main(["data", command, "--data", root]) == 0
    assert capsys.readouterr().out == plain
    assert cli.main(["data", command]) == 2
    assert "No dataset is named; expected one: a folder, a zip, or drive." in capsys.readouterr().err
    assert cli.main(["data", command, root, "--data", "drive"]) == 2
    assert f"Two datasets are named, {root} and drive; expected one" in capsys.readouterr().err


def test_info_check_lists_what_cannot_be_used(tmp_path, capsys):
    root = layouts.cam101(tmp_path)
    layouts.save(root / "train" / f"{layouts.FRAMES[0]}.png", layouts.image(0, (3, 3)))
    assert cli.main(["data", "info", str(root), "--check"]) == 2
    text = capsys.readouterr().out
    assert "problem: 0016E5_07959: mask is 6x8, image is 3x3; they must match." in text
    assert "1 of 20 samples can't be used." in text


def test_an_error_is_one_message_without_traceback(capsys):
    assert cli.main(["data", "info", "/no/such/place"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "segcore: /no/such/place: no such file or folder. Give a folder, a zip, or 'drive' for the embedded data.\n"
    )


def test_skip_incomplete(tmp_path, capsys):
    root = layouts.cam101(tmp_path)
    (root / "train" / f"{layouts.FRAMES[0]}_L.png").unlink()
    assert cli.main(["data", "info", str(root)]) == 2
    assert "--skip-incomplete" in capsys.readouterr().err
    assert cli.main(["data", "info", str(root), "--skip-incomplete"]) == 0
    assert "note: Skipped 1 image without mask" in capsys.readouterr().out


def test_fetch_prints_what_to_open(tmp_path, monkeypatch, capsys):
    packed = layouts.zipped(layouts.camseq01(tmp_path / "clip"), tmp_path / "CamSeq01.zip")
    remote = RemoteFile("http://127.0.0.1:9/x", "CamSeq01.zip")
    monkeypatch.setitem(DOWNLOADS, "camseq01", Download("", (remote,), "CamSeq01.zip"))
    assert cli.main(["data", "fetch", "camseq01", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{packed}\nOpen it with: {program('segcore')} data info {packed}\n"
    assert cli.main(["data", "fetch", "camseq02"]) == 2


def test_ctrl_c_exits_130(monkeypatch, capsys):
    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("segcore.data.opening.open_dataset", interrupt)
    assert cli.main(["data", "info", "drive"]) == 130
    assert capsys.readouterr().err == "segcore: interrupted\n"


def test_no_command_shows_usage(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main([])
    assert "usage: segcore" in capsys.readouterr().err


def test_expand_says_how_many_copies_it_made(tmp_path, capsys):
    root = layouts.kaggle(tmp_path / "mine")
    words = ["data", "expand", "--data", str(root), "--augment", "light", "--copies", "2", "--out"]
    assert cli.main([*words, str(tmp_path / "out")]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(
        "4 train frames -> 12 (4 frames + 8 copies)\n2 val frames, as they were\n3 test frames, as they were\n"
    )
    assert f"segcore data info {tmp_path / 'out'}" in captured.out
    assert cli.main([*words, str(tmp_path / "my street")]) == 0
    assert f"--data '{tmp_path / 'my street'}' --copies 0" in capsys.readouterr().out
    assert cli.main([*words, str(tmp_path / "alone"), "--copies-only", "--seed", "3"]) == 0
    assert capsys.readouterr().out.startswith("4 train frames -> 8 (8 copies)\n")
    assert cli.main(["data", "info", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert "│ train │ 12 (4 frames, 8 copies) │" in shown
    assert "note: 8 of 12 training samples are augmented copies of 4 frames; a split keeps them together." in shown
    assert cli.main(["data", "info", str(tmp_path / "alone")]) == 0
    assert (
        "8 of 8 training samples are augmented copies of 4 frames, 4 of which are not here;" in capsys.readouterr().out
    )


def test_expand_refuses_in_one_line(tmp_path, capsys):
    root = layouts.kaggle(tmp_path / "mine")
    words = ["data", "expand", "--data", str(root), "--out", str(tmp_path / "out")]
    assert cli.main([*words, "--copies", "1", "--augment", "lite"]) == 2
    assert capsys.readouterr().err.startswith("segcore: No pipeline 'lite'. Did you mean 'light'?")
    assert cli.main([*words, "--copies", "0", "--augment", "light"]) == 2
    assert capsys.readouterr().err == "segcore: copies is 0; expected 1 or more.\n"


def test_index_says_what_it_read_and_where_it_is(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SEGCORE_CACHE", str(tmp_path / "cache"))
    root = layouts.segnet(tmp_path / "data")
    assert cli.main(["data", "info", str(root)]) == 0
    plain = capsys.readouterr().out
    assert cli.main(["data", "index", str(root)]) == 0
    count = len(open_dataset(root))
    lines = capsys.readouterr().out.splitlines()
    (path,) = root.glob(".segcore-index-*.parquet")
    assert lines[0].startswith(f"{count} images: {count} read, in ") and lines[1:] == [f"index: {path}"]
    assert cli.main(["data", "info", str(root)]) == 0
    assert capsys.readouterr().out == plain
    mask = next((root / "trainannot").iterdir())
    mask.write_bytes(b"\x89PNG broken")
    assert cli.main(["data", "index", "--data", str(root)]) == 0
    text = capsys.readouterr().out
    assert f"{count} images: 1 read, 1 of them changed, in" in text and "1 can't be used, such as:" in text
    assert mask.name in text


def test_index_of_nothing_says_what_it_takes(tmp_path, capsys):
    assert cli.main(["data", "index"]) == 2
    assert "expected one: a folder or a zip" in capsys.readouterr().err
    assert cli.main(["data", "index", "drive"]) == 2
    assert "needs no index" in capsys.readouterr().err
    assert cli.main(["data", "index", str(tmp_path / "gone")]) == 2
    assert "no such file or folder" in capsys.readouterr().err
