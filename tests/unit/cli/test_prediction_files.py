"""What `segcore predict` writes, and how it goes on."""

import numpy as np
import pytest
from fixtures.videos import moving_square, write_video
from PIL import Image

from segcore.cli.prediction_files import PredictionFolder, Source
from segcore.data.video_file import Frame, Video
from segcore.errors import EvaluationError
from segcore.labels import CAMVID11


def bright(image):
    """Class 1 where the square is, else 0."""
    return (image.mean(axis=2) > 140).astype(np.uint8)


@pytest.fixture
def source(tmp_path):
    return Source("ride", (write_video(tmp_path / "ride.mp4", moving_square(12)),), ("video",))


def folder(path, made_by="a model"):
    return PredictionFolder(path, made_by, CAMVID11)


def files(path):
    return sorted(name.relative_to(path).as_posix() for name in path.rglob("*") if name.is_file())


def test_a_stopped_video_goes_on_and_gives_the_same(source, tmp_path):
    whole = folder(tmp_path / "whole").write_video(source, source.open(), bright, lambda: True)
    assert whole.files == [tmp_path / "whole" / "ride-overlay.mp4"] and whole.frames == 12
    out, tenth, goes_on = tmp_path / "out", list(source.open().frames())[9].image, iter([True] * 4 + [False])
    stopped = folder(out).write_video(source, source.open(), bright, lambda: next(goes_on))
    assert (stopped.frames, stopped.files) == (5, ())
    assert not (out / "ride-overlay.mp4").exists() and folder(out).frames_done(source) == 5
    assert not folder(out).has(source)

    def failing(image):
        if np.array_equal(image, tenth):
            raise EvaluationError("no memory")
        return bright(image)

    with pytest.raises(EvaluationError):
        folder(out).write_video(source, source.open(), failing, lambda: True)
    assert folder(out).frames_done(source) == 9
    predicted = []
    made = folder(out).write_video(
        source, source.open(), lambda image: predicted.append(1) or bright(image), lambda: True
    )
    assert (len(predicted), made.frames) == (3, 12)
    assert files(out) == [".predictions.jsonl", "ride-overlay.mp4"]
    assert made.files[0].read_bytes() == whole.files[0].read_bytes()
    assert folder(out).has(source) and not folder(out, "another model").has(source)


def test_masks_and_overlays_of_frames(source, tmp_path):
    out = tmp_path / "out"
    both = Source(source.name, source.paths, ("masks", "overlays"))
    made = folder(out).write_video(both, both.open(), bright, lambda: True)
    assert made.files == [out / "ride-frames"]
    kinds = ("mask.png", "overlay.jpg")
    assert files(out) == [".predictions.jsonl", *(f"ride-frames/{n:06}-{kind}" for n in range(12) for kind in kinds)]
    with Image.open(out / "ride-frames" / "000003-mask.png") as mask:
        frame = list(source.open().frames())[3].image
        assert mask.mode == "P" and np.array_equal(np.asarray(mask), bright(frame))


def test_a_cut_off_line_of_the_record_is_ignored(source, tmp_path):
    folder(tmp_path / "out").write_video(source, source.open(), bright, lambda: True)
    with (tmp_path / "out" / ".predictions.jsonl").open("a") as record:
        record.write('{"name": "ri')
    assert folder(tmp_path / "out").has(source)
    other = Source("again", source.paths, source.written)  # the line after it is one of its own
    folder(tmp_path / "out").write_video(other, other.open(), bright, lambda: True)
    assert folder(tmp_path / "out").has(source) and folder(tmp_path / "out").has(other)


class Uneven(Video):
    """Ten frames of a second, and the sixth is shown for half a second."""

    def frames(self):
        for index, image in enumerate(moving_square(10)):
            yield Frame(image, index / 10 + 0.4 * (index > 5))


def test_a_variable_rate_keeps_its_speed(source, tmp_path):
    video = Uneven(source.paths[0], 48, 64, 10.0, 10)
    made = folder(tmp_path / "out").write_video(source, video, bright, lambda: True)
    assert Video.open(made.files[0]).stated == 14
    assert made.notes[0].startswith("ride.mp4 has a variable frame rate")
