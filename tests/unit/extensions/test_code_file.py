"""Files of users' code beside the copies that runs keep."""

import pytest

from segcore.errors import CodeError
from segcore.extensions import packages, trust
from segcore.extensions.code_file import CODE_FOLDER, CodeName, check_distinct, check_unchanged
from segcore.training import command_line


@pytest.fixture(autouse=True)
def nothing_trusted(tmp_path, monkeypatch):
    monkeypatch.setattr(trust, "store", lambda: tmp_path / "trusted-code.txt")


def test_a_run_goes_on_with_the_file_that_it_began_with_or_not_at_all(tmp_path):
    (tmp_path / "net.py").write_text("a = 1\n")
    names = ["unet", "ce", f"{tmp_path}/net.py:a"]
    check_unchanged(tmp_path / "run", names)  # no copy yet: nothing was trained
    copy = tmp_path / "run" / CODE_FOLDER / "net.py"
    copy.parent.mkdir(parents=True)
    copy.write_text("a = 1\n")
    check_unchanged(tmp_path / "run", names)
    (tmp_path / "net.py").write_text("a = 2\n")
    with pytest.raises(CodeError, match=r"net\.py has changed since run 'run' began; .*run_code/net\.py is the file"):
        check_unchanged(tmp_path / "run", names)
    (tmp_path / "net.py").unlink()
    with pytest.raises(CodeError, match="no such file"):
        check_unchanged(tmp_path / "run", names)


def test_the_settings_of_a_run_are_no_agreement_to_run_what_they_name(tmp_path):
    file = tmp_path / "net.py"
    file.write_text(f"import pathlib\npathlib.Path({str(tmp_path / 'ran')!r}).touch()\nclass Net: ...\n")
    run = tmp_path / "theirs"
    run.mkdir()
    (run / "config.yaml").write_text(f"models: ['{file}:Net']\n")
    words = ["--config", str(run / "config.yaml"), "--print-config"]
    assert command_line.main(words) == 0  # a recipe of one's own
    (run / "summary.json").write_text("{}")
    with pytest.raises(CodeError, match=r"config\.yaml names .*net\.py, code that nobody .* --models or --loss .*:Net"):
        command_line.parse(words)
    assert command_line.main([*words, "--models", "unet"]) == 0
    assert command_line.main([*words, "--models", f"{file}:Net"]) == 0
    assert not (tmp_path / "ran").exists()
    trust.add(CodeName(file, "Net").digest(), "net.py")
    assert command_line.main(words) == 0


def test_two_files_of_one_name_in_one_run_are_refused(tmp_path):
    names = ["ce"]
    for folder, text in (("a", "one = 1\n"), ("b", "one = 1\n"), ("c", "one = 2\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(text)
        names.append(f"{tmp_path}/{folder}/mine.py:one")
    check_distinct(names[:3])
    with pytest.raises(
        CodeError, match=r"a/mine\.py and .*c/mine\.py are two files of one name, .* Rename one of them"
    ):
        check_distinct(names)


def test_a_package_announces_its_models_and_losses(tmp_path, monkeypatch):
    (tmp_path / "toynets.py").write_text("class Net: ...\ndef loss(logits, target): ...\n")
    installed = tmp_path / "toynets-1.2.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: toynets\nVersion: 1.2\n")
    (installed / "entry_points.txt").write_text(
        "[segcore.models]\ntoynet = toynets:Net\nbroken = toynets:Nat\n[segcore.losses]\ntoyloss = toynets:loss\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    packages.announced.cache_clear()
    try:
        points = packages.announced(packages.MODELS)
        assert packages.made_by(points["toynet"]) == "toynets 1.2"
        assert packages.load(points["toynet"]).__name__ == "Net"
        with pytest.raises(
            CodeError, match=r"segcore\.models 'broken' \(toynets 1\.2\) can't be loaded: AttributeError"
        ):
            packages.load(points["broken"])
        config, _ = command_line.parse(["--models", "toynet", "--loss", "ce+toyloss"])
        assert (config.models, config.names_by_setting["loss"]) == (("toynet",), ("ce", "toyloss"))
    finally:
        packages.announced.cache_clear()
