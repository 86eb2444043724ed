"""What a training tells while it goes on."""

import pytest

from segcore.runs import live


def test_what_is_written_is_read(tmp_path):
    progress = live.LiveProgress(epoch=2, epochs=8, step=5, steps=10, left=95.0)
    live.write_progress(tmp_path, progress)
    live.write_pictures(tmp_path, b"jpeg")
    assert live.read_progress(tmp_path) == progress and progress.share == pytest.approx(2.5 / 8)
    assert live.read_pictures(tmp_path) == b"jpeg"
    live.clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"epoch": 1}', '{"epoch": 1, "more": 2}'])
def test_what_is_no_progress_is_none(tmp_path, text):
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / "progress.json").write_text(text)
    assert live.read_progress(tmp_path) is None
    assert live.read_pictures(tmp_path) is None
