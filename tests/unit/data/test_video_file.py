"""Videos: frames in and out, and files as phones and broken disks leave them."""

import numpy as np
import pytest
from fixtures.videos import moving_square, turn, write_video

from segcore.data.video_file import ConstantRate, Video
from segcore.errors import DatasetError


def test_frames_come_back_in_order_and_on_time(tmp_path):
    images = moving_square(frames=12)
    video = Video.open(write_video(tmp_path / "ride.mp4", images, rate=10))
    assert (video.height, video.width, video.rate, video.stated, video.notes) == (48, 64, 10, 12, ())
    frames = list(video.frames())
    assert [round(frame.seconds, 3) for frame in frames] == [index / 10 for index in range(12)]
    for frame, image in zip(frames, images, strict=True):
        assert np.abs(frame.image.astype(int) - image).mean() < 6  # lossy, and RGB
    assert video.missing(12) is None


def test_an_odd_size_is_made_even(tmp_path):
    video = Video.open(write_video(tmp_path / "odd.mp4", moving_square(3, height=47, width=63)))
    assert (video.height, video.width) == (48, 64)
    last = next(video.frames()).image
    assert np.abs(last[46].astype(int) - last[47]).mean() < 6


def test_a_video_that_states_a_turn_is_upright(tmp_path):
    path = write_video(tmp_path / "phone.mp4", moving_square())
    before = next(Video.open(path).frames()).image
    turn(path)
    video = Video.open(path)
    assert (video.height, video.width) == (64, 48)
    assert np.abs(next(video.frames()).image.astype(int) - np.rot90(before, -1)).mean() < 3


def test_a_video_that_is_cut_off_says_so(tmp_path):
    path = write_video(tmp_path / "cut.mp4", moving_square(frames=60))
    video = Video.open(path)
    assert video.missing(30) == (
        "cut.mp4 ends after 30 frames, and its header states 60: it is damaged or cut off. What could be decoded was "
        "predicted."
    )
    data = path.read_bytes()
    for damaged in (data[: len(data) // 3], b"", b"no video at all" * 100):
        path.write_bytes(damaged)
        with pytest.raises(DatasetError, match=r"cut.mp4: not a readable video; it is damaged, empty or of a format"):
            Video.open(path)
    with pytest.raises(DatasetError, match=r"none.mp4: there is no such video"):
        Video.open(tmp_path / "none.mp4")


def test_frames_of_a_variable_rate_keep_their_time():
    clock = ConstantRate(30)
    assert [clock.ticks_before(index / 29.97) for index in range(100)] == [0] + [1] * 99
    assert clock.note("a.mp4") is None
    clock = ConstantRate(10)
    times = [5.0, 5.1, 5.5, 5.52, 5.6, float("nan"), 5.2, 90_000.0, 6.0]
    assert [clock.ticks_before(seconds) for seconds in times] == [0, 1, 4, 0, 1, 1, 1, 1, 1]
    assert clock.note("a.mp4") == (
        "a.mp4 has a variable frame rate; its overlay video has 10 frames/s throughout: 3 frames repeated, 1 left out."
    )
