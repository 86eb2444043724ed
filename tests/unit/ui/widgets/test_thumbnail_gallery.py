"""Thumbnails that are drawn a few at a time."""

from segcore.errors import SegcoreError
from segcore.ui.widgets.thumbnail_gallery import Thumbnail, draw_thumbnails


def test_without_time_known_thumbnails_and_placeholders_are_returned():
    known = {"a": Thumbnail("a", b"photo")}
    thumbnails = draw_thumbnails(["a", "b"], known, lambda sample_id: Thumbnail(sample_id), seconds=0)
    assert thumbnails == [known["a"], Thumbnail("b", waiting=True)]
    assert list(known) == ["a"]


def test_with_time_all_are_drawn_once_and_broken_ones_are_marked():
    calls = []

    def draw(sample_id):
        calls.append(sample_id)
        if sample_id == "broken":
            raise SegcoreError("no image")
        return Thumbnail(sample_id, b"photo")

    drawn = {}
    for _ in range(2):
        thumbnails = draw_thumbnails(["a", "broken"], drawn, draw, seconds=60)
    assert thumbnails == [Thumbnail("a", b"photo"), Thumbnail("broken", note="unreadable")]
    assert calls == ["a", "broken"]


def test_pictures_are_sent_as_data_uris():
    sent = Thumbnail("a", b"\xff\xd8\xffphoto").to_dict()
    assert sent["photo"].startswith("data:image/") and sent["layer"] is None and sent["id"] == "a"
