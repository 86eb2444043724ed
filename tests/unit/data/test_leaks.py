"""What splits share: planted duplicates are found, similar streets are not, and each finding says what it means."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from fixtures import layouts
from fixtures.streets import as_jpeg, mask_of, photos, several, street
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from segcore.data import Item, SplitPlan, open_dataset, plan_split
from segcore.data.leaks import LeakReport, check, check_against, leak_sentences, store, stored
from segcore.data.leaks.duplicates import ALIKE, RADIUS, correlations, find_matches
from segcore.data.leaks.leak_report import portion
from segcore.data.leaks.perceptual_hash import BITS, ImageHashes, local_contrast, perceptual_hash, pixel_hash


def pictures_of(*images):
    """`ImageHashes` of images alone."""
    details = [local_contrast(image) for image in images]
    count = len(images)
    return ImageHashes(
        tuple(str(index) for index in range(count)),
        np.array([pixel_hash(image) for image in images], np.uint64),
        np.stack([perceptual_hash(detail) for detail in details]),
        np.stack([perceptual_hash(detail[:, ::-1]) for detail in details]),
        np.stack([np.rint(detail * 127 / max(np.abs(detail).max(), 1e-6)).astype(np.int8) for detail in details]),
        np.array([np.sqrt((detail**2).mean()) < 1 for detail in details]),
        np.zeros((count, 32, 32), np.uint8),
        np.zeros((count, 3), np.uint32),
    )


def kinds(report):
    return [(result.kind, result.severity) for result in report.findings if result.kind != "shares"]


STREETS = [street(seed) for seed in range(40)]


@settings(max_examples=40, deadline=None)
@given(
    which=st.integers(0, len(STREETS) - 1),
    quality=st.integers(5, 100),
    light=st.integers(-60, 60),
    contrast=st.floats(0.6, 1.4),
    scale=st.floats(0.5, 2),
    mirrored=st.booleans(),
)
def test_a_planted_duplicate_is_always_found(which, quality, light, contrast, scale, mirrored):
    changed = np.clip(contrast * STREETS[which].astype(np.float32) + light, 0, 255).astype(np.uint8)
    changed = cv2.resize(as_jpeg(changed, quality), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    result = pictures_of(changed[:, ::-1].copy() if mirrored else changed, *STREETS)
    (match,) = find_matches(result, np.array([0]), np.arange(1, len(STREETS) + 1))
    assert (match.partner, match.mirrored) == (1 + which, mirrored)


def test_different_streets_match_nothing_and_blank_ones_never():
    images = [street(seed) for seed in range(120)]
    result = pictures_of(*images)
    assert find_matches(result, np.arange(60), np.arange(60, 120)) == []
    black, grey = np.zeros_like(images[0]), np.full_like(images[0], 128)
    blank = pictures_of(
        black, black, grey, as_jpeg(black, 30), np.clip(grey + np.eye(1, 128)[..., None], 0, 255).astype(np.uint8)
    )
    assert find_matches(blank, np.arange(2), np.arange(2, 5)) == []
    assert find_matches(blank, np.array([0]), np.array([1])) == []


def test_bits_differ_as_the_correlation_says():
    """SimHash: arccos(r) / pi of the bits differ; the search radius leaves room for chance."""
    rng = np.random.default_rng(0)
    apart = []
    for _ in range(200):
        one = rng.normal(size=(32, 32)).astype(np.float32)
        two = (ALIKE * one + np.sqrt(1 - ALIKE**2) * rng.normal(size=(32, 32))).astype(np.float32)
        apart.append(np.bitwise_count(perceptual_hash(one) ^ perceptual_hash(two)).sum())
    assert abs(np.mean(apart) - BITS * np.arccos(ALIKE) / np.pi) < 1.5
    assert np.mean(np.array(apart) <= RADIUS) > 0.99


def test_a_camera_that_stands_still_is_searched_all_the_same():
    rng = np.random.default_rng(0)
    images = [np.clip(STREETS[0] + rng.normal(0, 6, STREETS[0].shape), 0, 255).astype(np.uint8) for _ in range(200)]
    result = pictures_of(*images)
    assert len(find_matches(result, np.arange(20), np.arange(20, 200))) == 20
    assert (correlations(result, np.arange(19), np.arange(1, 20)) > ALIKE).all()


def test_duplicates_between_splits_are_told_exact_from_alike(tmp_path):
    train, test = several(0, 30), several(100, 18, "test")
    test["twin"] = train["photo-aa"]
    test["paler"] = (np.clip(train["photo-ab"][0].astype(int) + 30, 0, 255).astype(np.uint8), train["photo-ab"][1])
    dataset = open_dataset(photos(tmp_path, train=train, test=test))
    report = check(dataset)
    assert report.samples == {"train": 30, "val": 0, "test": 20}
    assert kinds(report) == [("exact", "leak"), ("alike", "leak")]  # 2 of 20 together
    exact, alike = report.findings[:2]
    assert (
        exact.sentence
        == "5 % of test frames (1 of 20) are training frames too, pixel by pixel: this score measures memory."
    )
    assert (exact.examples[0].id, exact.examples[0].partner) == ("twin", "photo-aa")
    assert (alike.examples[0].id, alike.examples[0].partner) == ("paler", "photo-ab")
    assert report.sentence("test") == exact.sentence and report.sentence("val") is None
    assert check(dataset, pictures=False).findings == ()


def test_a_single_duplicate_among_many_is_listed_but_not_said_beside_the_score(tmp_path):
    train, test = several(0, 4), several(100, 120, "test")
    test["twin"] = train["photo-aa"]
    report = check(open_dataset(photos(tmp_path, train=train, test=test)))
    assert kinds(report) == [("exact", "note")]
    assert report.sentences == {} and report.leaks == ()
    assert any(
        result.sentence.endswith("(1 of 121) are training frames too, pixel by pixel: too few to matter.")
        for result in report.findings
    )


def test_the_courses_split_measures_memory(tmp_path):
    report = check(open_dataset(layouts.cam101(tmp_path)))
    assert (
        report.sentence("test")
        == "100 % of test frames (2 of 2) have a training frame within 0.2 s: this score measures memory."
    )
    (time,) = [result for result in report.findings if result.kind == "time"]
    assert [(item.id, item.partner, item.detail) for item in time.examples] == [
        ("0016E5_07971", "0016E5_07969", "0.07 s apart"),
        ("0016E5_07985", "0016E5_07983", "0.07 s apart"),
    ]


def test_camvids_frames_are_a_second_apart_and_clean(tmp_path):
    dataset = open_dataset(layouts.segnet(tmp_path))
    assert check(dataset, pictures=False).sentences == {}
    near = [replace(record, split="train" if index % 2 else "test") for index, record in enumerate(dataset.records[:2])]
    (close,) = check(replace(dataset, records=tuple(near)), pictures=False).findings
    assert close.sentence == (
        "100 % of test frames (1 of 1) have a training frame within 1 s: this score is optimistic for new streets."
    )


def test_an_unknown_rate_stays_unknown_unless_a_user_tells_it(tmp_path):
    names = [f"ride_{number:04}" for number in range(40)]
    for index, name in enumerate(names):
        split = "test" if index % 4 == 2 else "train"
        layouts.save(tmp_path / "images" / split / f"{name}.png", layouts.image(index))
        layouts.save(tmp_path / "masks" / split / f"{name}.png", layouts.mask(index, 3))
    layouts.write(tmp_path / "label_colors.txt", layouts.PETS_TXT)
    dataset = open_dataset(tmp_path)
    assert dataset.video
    (close,) = check(dataset, pictures=False).findings
    assert close.severity == "warning" and close.examples[0].detail == "1 frame apart"
    assert "are direct neighbours in time of training frames" in close.sentence
    (time,) = check(dataset, pictures=False, fps=25).findings
    assert time.severity == "leak" and time.examples[0].detail == "0.04 s apart"
    looked_at = [result for result in check(dataset).findings if result.kind == "close"]
    assert [result.severity for result in looked_at] == ["note"]  # noise follows nothing: photos that are numbered
    assert "taken as photos, not as a video" in looked_at[0].sentence
    ride, photos_ = open_dataset(tmp_path, video="yes"), open_dataset(tmp_path, video="no")
    assert "direct neighbours in time" in check(ride).sentence("test")  # it is said to be one, so nothing is doubted
    assert not [result for result in check(photos_).findings if result.kind == "close"]
    store(check(ride))
    assert stored(ride) is not None and stored(dataset) is stored(photos_) is None


def test_the_drive_gets_a_fair_answer():
    dataset = open_dataset("drive")
    for plan in (None, plan_split(dataset)):
        assert check(dataset, plan, pictures=False).findings == ()  # 45 frames lie between train and test
    assert "direct neighbours" in check(dataset, plan_split(dataset, method="frame"), pictures=False).sentence("val")


def test_copies_of_trained_frames_are_named(tmp_path):
    dataset = open_dataset(photos(tmp_path, train=several(0, 10)))
    plan = plan_split(dataset, method="augmented", copies=3, val_fraction=0.2)
    report = check(dataset, plan)
    assert report.sentence("val") == (
        "100 % of validation samples (8 of 8) are copies of frames that are also trained on: "
        "this score measures memory."
    )
    assert leak_sentences(dataset, plan) == report.sentences
    assert plan.warnings[0].startswith(report.sentence("val"))  # one piece of logic
    kept = SplitPlan("block", (Item("photo-aa"), Item("photo-aa", 1)), (Item("photo-ab"),), ())
    assert leak_sentences(dataset, kept) == {}


def test_masks_that_disagree_on_look_alikes_are_listed(tmp_path):
    train, test = several(0, 6), several(100, 3, "test")
    train["seen-aa"] = (test["test-aa"][0], mask_of(7))
    report = check(open_dataset(photos(tmp_path, train=train, test=test)))
    (masks,) = [result for result in report.findings if result.kind == "masks"]
    assert (masks.severity, masks.count, masks.examples[0].id, masks.examples[0].partner) == (
        "warning",
        1,
        "test-aa",
        "seen-aa",
    )
    assert masks.sentence == (
        "1 of 1 pair of frames that look alike have masks that disagree: one of the two is probably labelled wrongly."
    )


def test_classes_that_training_lacks_are_named(tmp_path):
    train, test = several(0, 5), several(100, 4, "test")
    train = {name: (image, np.minimum(mask, 1)) for name, (image, mask) in train.items()}
    test = {name: (image, np.where(mask == 0, 1, mask)) for name, (image, mask) in test.items()}
    report = check(open_dataset(photos(tmp_path, train=train, test=test)))
    result = {item.kind: item for item in report.findings}
    assert result["unlearnable"].sentence == "1 class of test can't be learned, since no training mask holds any: dog."
    assert result["unlearnable"].severity == "warning" and result["unlearnable"].examples[0].detail == "dog"
    assert (
        result["unscored"].sentence == "1 class of training can't be scored, since no test mask holds any: background."
    )
    assert report.sentences == {}  # it is no leak


def test_files_that_cannot_be_read_are_named_and_the_rest_is_checked(tmp_path):
    train, test = several(0, 4), several(100, 4, "test")
    test["twin"] = train["photo-aa"]
    root = photos(tmp_path, train=train, test=test)
    (root / "images" / "test" / "test-aa.png").write_bytes(b"\x89PNG no picture")
    layouts.save(root / "masks" / "test" / "test-ab.png", mask_of(1, (5, 5)))
    test_black = Image.new("RGB", (128, 96))
    for split in ("train", "test"):
        test_black.save(root / "images" / split / "dark.png")
        layouts.save(root / "masks" / split / "dark.png", mask_of(3))
    progress = []
    report = check(open_dataset(root), progress=lambda done, total: progress.append((done, total)))
    result = {(item.kind, item.split): item for item in report.findings}
    assert result["unreadable", "test"].count == 2
    assert result["unreadable", "test"].examples[0].detail.startswith("test-aa.png: not a readable image")
    assert result["exact", "test"].count == 1  # the black ones are no duplicates
    assert result["blank", "test"].count == 1 and result["blank", "test"].severity == "note"
    assert progress[-1] == (11, 11)


@pytest.mark.parametrize(("train", "test"), [(0, 3), (3, 0), (1, 1)])
def test_small_and_missing_splits(tmp_path, train, test):
    splits = {"train": several(0, train), "test": several(100, test, "test")}
    report = check(open_dataset(photos(tmp_path, **{name: result for name, result in splits.items() if result})))
    assert report.sentences == {}
    assert LeakReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report


def test_two_datasets_against_each_other(tmp_path):
    camvid = open_dataset(layouts.segnet(tmp_path / "camvid"))
    cam101 = open_dataset(layouts.cam101(tmp_path / "cam101"))
    assert {result.other for result in check_against(camvid, cam101)} == {"train", "val", "test"}  # the same noise
    (result,) = check_against(camvid, cam101, pictures=False)
    assert (result.kind, result.other, result.severity) == ("time", "val", "leak")
    assert result.sentence.startswith("25 % of cam101 frames (5 of 20) are within 0.2 s of a frame of camvid val")


@pytest.mark.parametrize("packed", [False, True])
def test_reports_are_stored_with_the_data_and_never_shown_of_other_data(tmp_path, monkeypatch, packed):
    monkeypatch.setenv("SEGCORE_CACHE", str(tmp_path / "cache"))
    root = photos(tmp_path / "data", train=several(0, 4), test=several(0, 4))
    source = layouts.zipped(root, tmp_path / "data.zip") if packed else root
    dataset = open_dataset(source)
    assert stored(dataset) is None
    report = check(dataset)
    path = store(report)
    assert path is not None and (path.parent == tmp_path / "cache" / "leaks" if packed else path == root / "leaks.json")
    assert stored(open_dataset(source)) == report
    assert stored(dataset, plan_split(dataset, method="frame", val_fraction=0.25)) is None  # another split
    store(replace(report, fps=5.0))
    assert stored(dataset).fps == 5.0 and path.read_text().count('"fingerprint"') == 1
    path.write_text(path.read_text()[:-20])  # cut off
    assert stored(dataset) is None
    store(report)
    layouts.save(root / "masks" / "train" / "photo-aa.png", mask_of(99))
    again = open_dataset(layouts.zipped(root, source) if packed else root)
    assert stored(again) is None


def test_a_folder_that_may_not_be_written_keeps_its_report_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGCORE_CACHE", str(tmp_path / "cache"))
    root = photos(tmp_path / "data", train=several(0, 2), test=several(50, 2))
    (root / "leaks.json").mkdir()  # nothing can take its place, whoever runs the test
    dataset = open_dataset(root)
    report = check(dataset)
    assert store(report).parent == tmp_path / "cache" / "leaks"
    assert stored(dataset) == report


def test_portions_are_rounded_honestly():
    assert portion(999, 1000, "x") == "99 % of x (999 of 1000)"
    assert portion(0, 0, "x") == "0 % of x (0 of 0)"
