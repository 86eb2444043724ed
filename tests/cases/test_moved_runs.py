"""Cases g: runs and data that have moved. g01 is in `e2e/test_resume.py` and `e2e/test_engine.py`, g03 (images that
people predict) in `unit/cli/test_predict.py`.
"""

import pytest
from fixtures.tiny import camvid_folder

from segcore.cli import main
from segcore.errors import DatasetError
from segcore.runs import load_run
from segcore.runs.reproduce import open_data


def test_a_run_trained_on_a_relative_path_names_the_flag_elsewhere(store, fake_run, tmp_path, monkeypatch, capsys):
    """g02."""
    folder = camvid_folder(tmp_path / "camvid", train=2, test=1)
    run = fake_run(store, "fake", source="camvid")
    monkeypatch.chdir(tmp_path)
    assert len(open_data(run)) == 3
    renamed = run.path.rename(store.root / "my best run (v2)")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    message = (
        "Run 'my best run .v2.' was trained on fake .fingerprint 0123456789abcdef., which is not there any more; "
        "looked at .*/elsewhere/camvid. Say where it is now, which is kept for the next time: --data PATH"
    )
    with pytest.raises(DatasetError, match=message):
        open_data(load_run(renamed))
    assert main(["data", "check", "--run", str(renamed)]) == 2
    assert "--data PATH" in capsys.readouterr().err
    assert len(open_data(load_run(renamed), str(folder))) == 3
