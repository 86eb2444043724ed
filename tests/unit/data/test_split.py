"""Splits: nothing leaks, nothing is lost, and what is wrong with a protocol is said."""

import re
from dataclasses import dataclass

import numpy as np
import pytest
from fixtures import layouts
from hypothesis import given
from hypothesis import strategies as st

from segcore.data import METHODS, Dataset, Item, open_dataset, plan_split
from segcore.data.plan import own_plan
from segcore.data.split import GAP
from segcore.data.video import group_of
from segcore.errors import DatasetError
from segcore.labels import CAMVID11


@dataclass(frozen=True)
class Frame:
    """A record of nothing: splitting never decodes."""

    id: str
    split: str
    group: str
    origin: str
    copy: int = 0


def ride(*sequences: int, val: int = 0, test: int = 5, video: bool = True) -> Dataset:
    """A dataset with sequences of these lengths in train."""
    names = [(f"s{which}_{number:04}", "train") for which, length in enumerate(sequences) for number in range(length)]
    names += [(f"v_{number:04}", "val") for number in range(val)] + [
        (f"t_{number:04}", "test") for number in range(test)
    ]
    records = tuple(Frame(name, split, group_of(name), name) for name, split in names)
    return Dataset("ride", "ride", CAMVID11, records, video)


def frames(items):
    return {item.id for item in items}


@given(
    method=st.sampled_from(["block", "frame", "augmented"]),
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=4).filter(lambda lengths: sum(lengths) >= 30),
    copies=st.integers(0, 3),
    seed=st.integers(0, 1000),
)
def test_every_method_keeps_its_promises(method, lengths, copies, seed):
    dataset = ride(*lengths)
    plan = plan_split(dataset, method=method, copies=copies, seed=seed)
    assert plan == plan_split(dataset, method=method, copies=copies, seed=seed)
    assert not set(plan.train) & set(plan.val)
    assert len(set(plan.train)) == len(plan.train) and len(set(plan.val)) == len(plan.val)
    assert plan.test == tuple(Item(name) for name in dataset.splits["test"])
    if method == "augmented":
        assert len(plan.train) + len(plan.val) == sum(lengths) * (copies + 1)
        return
    assert not frames(plan.train) & frames(plan.val)
    assert all(item.copy == 0 for item in plan.val) and len(plan.val) == round(0.1 * sum(lengths))
    assert len(plan.train) == len(frames(plan.train)) * (copies + 1)
    if method == "frame":
        assert frames(plan.train) | frames(plan.val) == set(dataset.splits["train"])


@given(seed=st.integers(0, 200), lengths=st.lists(st.integers(20, 60), min_size=1, max_size=3))
def test_blocks_are_contiguous_with_a_gap_on_each_side(seed, lengths):
    dataset = ride(*lengths)
    plan = plan_split(dataset, method="block", seed=seed)
    for which, length in enumerate(lengths):
        numbers = sorted(int(item.id[-4:]) for item in plan.val if item.id.startswith(f"s{which}_"))
        if not numbers:
            continue
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert int(0.1 * length) <= len(numbers) <= int(0.1 * length) + 1  # in proportion to the sequence
        trained = {int(item.id[-4:]) for item in plan.train if item.id.startswith(f"s{which}_")}
        assert trained == set(range(length)) - set(range(numbers[0] - GAP, numbers[-1] + GAP + 1))


def test_a_block_may_lie_anywhere_in_its_sequence_and_longer_remainders_are_rounded_up():
    firsts = set()
    for seed in range(300):
        plan = plan_split(ride(12, 18), method="block", val_fraction=0.25, seed=seed)
        held = [sorted(int(item.id[-4:]) for item in plan.val if item.id.startswith(f"s{which}_")) for which in (0, 1)]
        assert list(map(len, held)) == [3, 5]  # of 3.0 and 4.5, which are 8 of 30 frames
        firsts.add(held[0][0])
    assert firsts == set(range(10))


def test_auto_takes_what_fits():
    assert plan_split(ride(40, val=4)).method == "given"
    assert plan_split(ride(40)).method == "block"
    assert plan_split(ride(40, video=False)).method == "frame"
    assert plan_split(ride(40)) == plan_split(ride(40), method="block", val_fraction=0.1, copies=0, seed=0)


def test_given_val_is_never_mixed_into_train():
    dataset = ride(40, val=4)
    plan = plan_split(dataset, copies=2)
    assert frames(plan.val) == set(dataset.splits["val"]) and len(plan.train) == 120
    block = plan_split(dataset, method="block")
    assert not (frames(block.train) | frames(block.val)) & set(dataset.splits["val"])
    assert "ride has a val split of its own (4 frames); it is not used." in block.warnings


def test_all_trains_on_val_too_and_validates_on_nothing():
    dataset = ride(40, val=4)
    plan = plan_split(dataset, method="all", copies=1)
    assert frames(plan.train) == {*dataset.splits["train"], *dataset.splits["val"]} and len(plan.train) == 88
    assert not plan.val and plan.test and not any("val split" in warning for warning in plan.warnings)
    assert frames(plan_split(ride(40), method="all").train) == set(ride(40).splits["train"])
    assert len(plan_split(ride(1, video=False), method="all").train) == 1  # the way out of a single image
    assert any("no score is left" in warning for warning in plan_split(ride(40, test=0), method="all").warnings)
    assert not plan.validates and plan_split(dataset).validates
    with pytest.raises(DatasetError, match="can't be cut into folds"):
        plan_split(dataset, method="all", folds=3, fold=0)


def test_single_frames_of_a_video_are_warned_about():
    (warning,) = plan_split(ride(40), method="frame").warnings
    assert warning == (
        "100 % of validation frames (4 of 4) are direct neighbours in time of training frames: this score is "
        "optimistic for new streets. --split block takes a stretch with a gap."
    )
    assert plan_split(ride(40, video=False), method="frame").warnings == ()


def test_counts_before_and_after_augmentation():
    plan = plan_split(ride(40), method="frame", copies=4)
    assert plan.counts() == {"train": 36, "train_augmented": 180, "val": 4, "test": 5}


def test_the_assignments_protocol_says_what_it_measures():
    plan = plan_split(ride(90), method="augmented", copies=4)
    assert plan.counts() == {"train": 90, "train_augmented": 405, "val": 45, "test": 5}
    assert plan.warnings[0] == (
        "100 % of validation samples (45 of 45) are copies of frames that are also trained on: this score measures "
        "memory. Trust the test score only."
    )
    assert frames(plan.val) <= frames(plan.train)
    (warning,) = plan_split(ride(90), method="augmented").warnings  # nothing is copied
    assert warning.startswith("100 % of validation frames (9 of 9) are direct neighbours in time of training frames")


def test_test_frames_between_training_frames_are_named(tmp_path):
    plan = plan_split(open_dataset(layouts.cam101(tmp_path)), method="frame", val_fraction=0.06)
    assert plan.warnings[1:] == (
        "100 % of test frames (2 of 2) have a training frame within 0.2 s: this score measures memory.",
    )
    flat = plan_split(open_dataset(layouts.camseq01(tmp_path / "flat")))  # the last frames are test, with a gap
    assert flat.warnings[1] == (
        "100 % of test frames (2 of 2) have a training frame within 1 s: this score is optimistic for new streets."
    )


def test_a_way_out_is_named_only_where_another_split_helps(tmp_path):
    def given(val):
        train = [f"s_{number:04}" for number in (*range(20), *range(30, 40))]
        splits = {"train": train, "val": val, "test": ["s_0040"]}
        records = [Frame(name, split, group_of(name), name) for split, names in splits.items() for name in names]
        return plan_split(Dataset("ride", "ride", CAMVID11, tuple(records), True))

    neighbours = "are direct neighbours in time of training frames: this score is optimistic for new streets."
    test = f"100 % of test frames (1 of 1) {neighbours}"
    assert given(["s_0020"]).warnings == (f"100 % of validation frames (1 of 1) {neighbours}", test)
    assert given(["s_0020", *(f"v_{number:04}" for number in range(30))]).warnings == (test,)  # one of 31 is a note
    block = plan_split(open_dataset(layouts.cam101(tmp_path)), method="block", val_fraction=0.2)
    assert block.warnings[0].endswith("have a training frame within 1 s: this score is optimistic for new streets.")
    fold = plan_split(open_dataset(layouts.cam101(tmp_path)), folds=2, fold=0)
    assert fold.warnings[0].endswith("have a training frame within 1 s: this score is optimistic for new streets.")


def test_no_test_split_is_allowed_and_said():
    plan = plan_split(ride(40, test=0))
    assert plan.test == () and plan.counts()["test"] == 0
    assert plan.warnings == ("ride has no test split; models are compared on validation only.",)


def test_fingerprint_tells_splits_apart():
    dataset = ride(40)
    prints = {
        plan_split(dataset, method="frame", seed=seed, copies=copies).fingerprint
        for seed in (0, 1)
        for copies in (0, 1)
    }
    assert len(prints) == 4 and all(re.fullmatch("[0-9a-f]{16}", result) for result in prints)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "blok"}, f"No split method 'blok'. Did you mean 'block'? Choose one of {', '.join(METHODS)}."),
        ({"val_fraction": 0.0}, "val_fraction is 0.0; expected a share between 0 and 1, 0.1 say."),
        ({"val_fraction": 1.0}, "val_fraction is 1.0; expected a share between 0 and 1, 0.1 say."),
        ({"val_fraction": float("nan")}, "val_fraction is nan; expected a share between 0 and 1"),
        ({"copies": -1}, "copies is -1; expected 0 or more."),
        (
            {"val_fraction": 0.001},
            "val_fraction 0.001 of 40 frames (block) leaves no val samples. Choose another fraction, or --split frame.",
        ),
        ({"val_fraction": 0.99}, "val_fraction 0.99 of 40 frames (block) leaves no train samples. Choose another"),
        ({"method": "given"}, "ride has no val split of its own; it has train, test. Choose --split block or frame."),
    ],
)
def test_bad_settings(options, message):
    with pytest.raises(DatasetError, match=re.escape(message)):
        plan_split(ride(40), **options)


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("count", range(2, 8))
def test_single_frames_leave_an_image_on_each_side(count, fraction):
    plan = plan_split(ride(count, video=False), val_fraction=fraction)
    assert plan.method == "frame" and plan.train and plan.val
    assert fraction > 0.1 or len(plan.val) == 1
    assert len(frames(plan.train) | frames(plan.val)) == len(plan.train) + len(plan.val) == count


def test_one_image_can_not_be_split():
    for method in ("auto", "frame"):
        with pytest.raises(DatasetError, match=r"leaves no .* samples\. One image learns .* \(--split all\)\.$"):
            plan_split(ride(1, video=False), method=method)
    for count in (2, 4):
        message = rf"of {count} frames \(block\) leaves no val samples\. Choose .*, or --split frame\.$"
        with pytest.raises(DatasetError, match=message):
            plan_split(ride(count), method="block")
        assert plan_split(ride(count), method="frame").val  # the way out works


def test_no_train_split():
    with pytest.raises(DatasetError, match=r"ride has no train split; it has val, test\."):
        plan_split(ride(val=2))


def test_dataset_and_split_are_independent_of_numpy_state():
    np.random.seed(1)
    first = plan_split(ride(40), method="frame").fingerprint
    np.random.seed(2)
    assert plan_split(ride(40), method="frame").fingerprint == first


def numbers(ids, which):
    """Places in time of the frames of one sequence."""
    return sorted(int(name[-4:]) for name in ids if name.startswith(f"s{which}_"))


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=5).filter(lambda lengths: sum(lengths) >= 8),
    data=st.data(),
    copies=st.integers(0, 2),
    video=st.booleans(),
)
def test_folds_are_a_partition_and_no_neighbour_sits_on_both_sides(lengths, data, copies, video):
    dataset = ride(*lengths, video=video)
    folds = data.draw(st.integers(2, sum(lengths) // (GAP + 1)))
    plans = [plan_split(dataset, folds=folds, fold=fold, copies=copies) for fold in range(folds)]
    assert plans[0] == plan_split(dataset, folds=folds, fold=0, copies=copies) and plans[0].method == "folds"
    assert sorted(item.id for plan in plans for item in plan.val) == sorted(dataset.splits["train"])
    assert len({plan.fingerprint for plan in plans}) == folds
    for plan in plans:
        assert plan.train and not frames(plan.train) & frames(plan.val)
        assert set(plan.train) == {Item(name, copy) for name in frames(plan.train) for copy in range(copies + 1)}
        assert all(item.copy == 0 for item in plan.val)
        assert plan.test == tuple(Item(name) for name in dataset.splits["test"])
        if not video:
            assert frames(plan.train) | frames(plan.val) == set(dataset.splits["train"])
            continue
        assert len(plan.val) >= GAP + 1
        for which, length in enumerate(lengths):
            held = numbers(frames(plan.val), which)
            assert held == list(range(held[0], held[-1] + 1) if held else [])
            near = {place for frame in held for place in range(frame - GAP, frame + GAP + 1)}
            assert set(numbers(frames(plan.train), which)) == set(range(length)) - near


def test_folds_of_one_sequence_are_equal_and_in_order():
    held = [numbers(frames(plan_split(ride(41), folds=4, fold=fold).val), 0) for fold in range(4)]
    assert [len(block) for block in held] == [10, 10, 11, 10]
    assert [place for block in held for place in block] == list(range(41))


def test_a_border_moves_to_the_end_of_a_sequence_that_is_near():
    def sizes(*lengths):
        return [len(plan_split(ride(*lengths), folds=2, fold=fold).val) for fold in range(2)]

    assert sizes(45, 55) == [45, 55]  # five frames of a block of fifty
    assert sizes(20, 25, 55) == [45, 55]  # the end that is nearest
    assert sizes(30, 70) == [50, 50]
    assert sizes(42, 54) == sizes(54, 42)[::-1] == [42, 54]  # six of 48 are an eighth
    assert sizes(41, 55) == sizes(55, 41) == [48, 48]
    plan = plan_split(ride(45, 55), folds=2, fold=0)
    assert len(plan.train) == 55  # no gap is lost at the border between two rides


def test_folds_by_blocks_ignore_the_seed_and_folds_of_photos_do_not():
    def held(seed, video):
        return frames(plan_split(ride(40, video=video), folds=4, fold=1, seed=seed).val)

    assert held(0, True) == held(1, True)
    assert held(0, False) != held(1, False)
    assert (
        plan_split(ride(40, video=False), method="block", folds=4, fold=1).val
        == plan_split(ride(40), folds=4, fold=1).val
    )


def test_folds_say_what_is_not_used_and_what_is_optimistic():
    assert (
        "ride has a val split of its own (4 frames); it is not used."
        in plan_split(ride(40, val=4), folds=2, fold=0).warnings
    )
    assert plan_split(ride(40), folds=2, fold=0).warnings == ()
    (warning,) = plan_split(ride(40), method="frame", folds=2, fold=0).warnings
    assert warning.endswith("optimistic for new streets. --split block takes a stretch with a gap.")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"folds": 11, "fold": 0},
            "11 folds of ride are too many: its 40 training frames make at most 10 (blocks of time, 4 frames or more "
            "each). Ask for fewer folds.",
        ),
        (
            {"method": "frame", "folds": 41, "fold": 0},
            "41 folds of ride are too many: its 40 training frames make at most 40 (frames).",
        ),
        (
            {"method": "augmented", "folds": 2, "fold": 0},
            "Split 'augmented' can't be cut into folds; it is one split. Choose --split auto or block or frame, "
            "or leave --folds out.",
        ),
        ({"folds": 4}, "fold is None of 4 folds; expected 2 folds or more, and a fold from 0 to folds - 1."),
        ({"folds": 4, "fold": 4}, "fold is 4 of 4 folds; expected"),
        ({"folds": 1, "fold": 0}, "fold is 0 of 1 folds; expected"),
        ({"fold": 0}, "fold is 0 of 0 folds; expected"),
    ],
)
def test_bad_folds(options, message):
    with pytest.raises(DatasetError, match=re.escape(message)):
        plan_split(ride(40), **options)


def expanded(*lengths, copies=2, alone=False, val=0, video=True, **options):
    """`ride` with copies of every training frame on disk; `alone`: without the frames themselves."""
    dataset = ride(*lengths, val=val, video=video, **options)
    records = []
    for record in dataset.records:
        if record.split != "train" or not alone:
            records.append(record)
        if record.split == "train":
            records += [
                Frame(f"{record.id}_aug{copy}", "train", record.group, record.id, copy) for copy in range(1, copies + 1)
            ]
    return Dataset("ride", "ride", CAMVID11, tuple(records), video)


def shown(items):
    return {item.frame for item in items}


@given(
    method=st.sampled_from(["given", "block", "frame", "folds"]),
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=4).filter(lambda lengths: sum(lengths) >= 30),
    copies=st.integers(1, 3),
    more=st.integers(0, 2),
    seed=st.integers(0, 1000),
    video=st.booleans(),
)
def test_copies_on_disk_go_where_their_frame_goes(method, lengths, copies, more, seed, video):
    """Every split is that of the frames alone, with their copies beside them in train."""
    options = {"folds": 3, "fold": seed % 3} if method == "folds" else {"method": method}
    val = 4 if method == "given" else 0
    alone = plan_split(ride(*lengths, val=val, video=video), seed=seed, **options)
    grown = plan_split(expanded(*lengths, copies=copies, val=val, video=video), copies=more, seed=seed, **options)
    assert (grown.val, grown.test) == (alone.val, alone.test)
    assert shown(grown.train) == frames(alone.train) and not shown(grown.train) & shown(grown.val)
    stored = [item for item in grown.train if not item.copy]
    assert len(stored) == len(set(stored)) == len(alone.train) * (copies + 1)
    assert all(not item.origin for item in grown.train if item.copy)  # no copies of copies are made
    assert grown.counts() == {**alone.counts(), "train_augmented": len(alone.train) * (1 + copies + more)}
    if not more:
        assert grown.warnings == alone.warnings


@given(
    method=st.sampled_from(["block", "frame", "folds"]),
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=4).filter(lambda lengths: sum(lengths) >= 30),
    seed=st.integers(0, 1000),
)
def test_copies_without_frames_are_split_as_the_frames_would_be(method, lengths, seed):
    options = {"folds": 3, "fold": seed % 3} if method == "folds" else {"method": method}
    alone = plan_split(ride(*lengths), seed=seed, **options)
    grown = plan_split(expanded(*lengths, alone=True), seed=seed, **options)
    assert shown(grown.train) == frames(alone.train) and shown(grown.val) == frames(alone.val)
    assert [item.id for item in grown.val] == [f"{item.id}_aug1" for item in alone.val]
    assert len(grown.train) == 2 * len(alone.train)
    assert grown.counts() == {**alone.counts(), "train_augmented": 2 * len(alone.train)}
    assert (
        f"{len(alone.val)} of {len(alone.val)} validation samples are augmented copies, one of each frame that is held "
        "back: ride does not hold the frames themselves. The validation score tells little about real frames."
    ) in grown.warnings


def test_only_copies_with_a_val_split_validate_on_its_frames():
    plan = plan_split(expanded(40, alone=True, val=4))
    assert plan.method == "given" and [item.id[:2] for item in plan.val] == ["v_"] * 4
    assert plan.counts() == {"train": 40, "train_augmented": 80, "val": 4, "test": 5} and plan.warnings == ()


def test_the_assignments_protocol_mixes_copies_on_disk_and_says_so():
    plan = plan_split(expanded(90, copies=2), method="augmented", copies=2)
    assert plan.counts() == {"train": 90, "train_augmented": 405, "val": 45, "test": 5}
    assert plan.warnings[0].startswith("100 % of validation samples (45 of 45) are copies of frames that are")
    assert plan.train == tuple(sorted(plan.train)) and plan.val == tuple(sorted(plan.val))
    alone = plan_split(expanded(90, copies=2, alone=True), method="augmented")
    assert any(item.origin for item in alone.val) and not any("hold the frames" in text for text in alone.warnings)
    stored = plan_split(expanded(90, copies=4), method="augmented")
    assert stored.counts() == plan.counts() and stored.warnings[0] == plan.warnings[0]


def test_making_more_copies_of_a_dataset_that_has_some_is_noted():
    (warning,) = plan_split(expanded(40, copies=2), method="block", copies=3).warnings
    assert plan_split(expanded(40, copies=2), copies=3, folds=2, fold=0).warnings == (warning,)
    assert warning == (
        "ride holds 80 augmented copies on disk already; copies 3 makes 3 more of each of its 40 training frames. With "
        "copies 0, what is on disk is trained on alone."
    )


def test_copies_of_frames_that_moved_to_another_split_are_left_out():
    """Somebody took frames of train for val, and left their copies."""
    grown = expanded(40, copies=1)
    moved = {f"s0_{number:04}" for number in range(5)}
    records = tuple(
        Frame(record.id, "val" if record.id in moved else record.split, record.group, record.origin, record.copy)
        for record in grown.records
    )
    plan = plan_split(Dataset("ride", "ride", CAMVID11, records, True))
    assert plan.counts() == {"train": 35, "train_augmented": 70, "val": 5, "test": 5}
    assert not shown(plan.train) & moved
    assert plan.warnings == ("5 augmented copies of frames that are in val or test are left out of training.",)


def test_neighbours_in_time_are_frames():
    """Test frames between training frames stay neighbours when copies lie between them."""
    names = [f"s_{number:04}" for number in range(40)]
    records = []
    for index, name in enumerate(names):
        split = "test" if index % 4 == 3 else "train"
        records.append(Frame(name, split, "s", name))
        if split == "train":
            records += [Frame(f"{name}_aug{copy}", split, "s", name, copy) for copy in (1, 2)]
    for kept in (records, [record for record in records if record.copy or record.split == "test"]):
        plan = plan_split(Dataset("ride", "ride", CAMVID11, tuple(kept), True), method="frame")
        assert any(
            re.match(r".*test frames \(\d+ of 10\) are direct neighbours in time", text) for text in plan.warnings
        )


def test_a_score_is_of_every_frame_once():
    made = plan_split(ride(40), method="frame", copies=2)
    stored = plan_split(expanded(40, copies=2), method="frame")
    assert stored.scored("train") == made.scored("train") == tuple(dict.fromkeys(item.id for item in made.train))
    assert stored.scored("val") == made.scored("val") and stored.scored("test") == made.scored("test")
    alone = plan_split(expanded(40, copies=2, alone=True), method="frame")
    assert alone.scored("train") == tuple(f"{name}_aug1" for name in made.scored("train"))


def test_the_splits_of_a_dataset_are_a_plan_with_its_copies():
    plan = own_plan(expanded(2, copies=1, val=1, test=1))
    assert (plan.method, plan.warnings) == ("own", ())
    assert plan.train == (
        Item("s0_0000"),
        Item("s0_0000_aug1", origin="s0_0000"),
        Item("s0_0001"),
        Item("s0_0001_aug1", origin="s0_0001"),
    )
    assert (plan.val, plan.test) == ((Item("v_0000"),), (Item("t_0000"),))


def test_a_plan_is_restricted_to_frames_or_to_copies_on_disk():
    plan = own_plan(expanded(3, copies=2, val=1))
    assert plan.restricted(["s0_0001"], "tag night").train == plan.train[3:6]  # a frame brings its copies
    few = plan.restricted(["s0_0000", "s0_0002_aug2"], "tag night")
    assert few.train == (*plan.train[:3], plan.train[8]) and (few.val, few.test) == (plan.val, plan.test)
    for frames_of, where in ((["v_0000", "t_0001", "t_0002"], "1 in val, 2 in test"), (["x"], "all left out")):
        with pytest.raises(DatasetError, match=rf"^tag night has {len(frames_of)} images?, none .* \({where}\)\.$"):
            plan.restricted(frames_of, "tag night")
