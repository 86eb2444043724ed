"""augmented.csv: what it tells, and what is refused in it."""

import re

import pytest
from fixtures import layouts

from segcore.data import class_balance, open_dataset
from segcore.data.augmented_csv import COLUMNS, FILE, Copy, read_copies, write_copies
from segcore.data.file_source import list_files
from segcore.errors import DatasetError

HEADER = ",".join(COLUMNS) + "\n"


def grown(root, copies=2, rows=None):
    """Tom, rex and felix with copies of tom and rex."""
    layouts.folder(root)
    listed = []
    for name in ("tom", "rex"):
        for count in range(1, copies + 1):
            layouts.save(root / "images" / f"{name}_aug{count}.jpg", layouts.image(count))
            layouts.save(root / "masks" / f"{name}_aug{count}.png", layouts.mask(count, 3))
            listed.append(Copy(f"{name}_aug{count}", name, count, 7, '[{"step": 0, "name": "Blur", "values": {}}]'))
    layouts.write(root / FILE, write_copies(listed if rows is None else rows(listed)))
    return root


def test_records_know_the_frame_that_they_were_made_from(tmp_path):
    dataset = open_dataset(grown(tmp_path))
    assert [(record.id, record.origin, record.copy) for record in dataset.records] == [
        ("felix", "felix", 0),
        ("rex", "rex", 0),
        ("rex_aug1", "rex", 1),
        ("rex_aug2", "rex", 2),
        ("tom", "tom", 0),
        ("tom_aug1", "tom", 1),
        ("tom_aug2", "tom", 2),
    ]
    assert dataset.copies == {"rex": ("rex_aug1", "rex_aug2"), "tom": ("tom_aug1", "tom_aug2")}
    assert dataset.frames("train") == ("felix", "rex", "tom") and dataset.frames("val") == ()
    assert dataset.notes == ("4 of 7 training samples are augmented copies of 2 frames; a split keeps them together.",)
    assert class_balance(dataset, dataset.ids).copies == 4
    assert class_balance(dataset, dataset.frames("train")).copies == 0


def test_what_is_written_is_read(tmp_path):
    rows = [Copy('a "b", c_1', "ü", 1, 2**32 - 1, '[{"values": {"limit": [1, 2]}}]'), Copy("d", "ü", 2, 0, "[]")]
    layouts.write(tmp_path / FILE, write_copies(rows))
    assert list(read_copies(list_files(tmp_path)).values()) == rows
    assert read_copies(list_files(layouts.folder(tmp_path / "other"))) == {}


def test_the_fingerprint_tells_copies_from_frames(tmp_path):
    dataset = open_dataset(grown(tmp_path / "mine"))
    (tmp_path / "mine" / FILE).unlink()
    assert open_dataset(tmp_path / "mine").fingerprint != dataset.fingerprint


def test_copies_whose_list_is_lost_are_noted(tmp_path):
    (grown(tmp_path) / FILE).unlink()
    (note,) = open_dataset(tmp_path).notes
    assert note.startswith("4 samples (rex_aug1, ...) look like augmented copies, but there is no augmented.csv: each")


def test_a_copy_that_is_skipped_keeps_its_line(tmp_path):
    (grown(tmp_path) / "masks" / "tom_aug1.png").unlink()
    dataset = open_dataset(tmp_path, skip_incomplete=True)
    assert dataset.copies["tom"] == ("tom_aug2",)


def test_frames_may_be_missing(tmp_path):
    grown(tmp_path)
    for path in (tmp_path / "images" / "tom.jpg", tmp_path / "masks" / "tom.png"):
        path.unlink()
    dataset = open_dataset(tmp_path)
    assert dataset.frames("train") == ("felix", "rex", "tom") and dataset.copies["tom"] == ("tom_aug1", "tom_aug2")
    assert "are augmented copies of 2 frames, 1 of which are not here;" in dataset.notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r":1: ''; expected 'copy,source,number,seed,applied'\."),
        ("name,r,g,b\n", r":1: 'name,r,g,b'; expected 'copy,source"),
        (HEADER + "a,b,1\n", r":2: 3 cells; expected 5: copy,source,number,seed,applied\."),
        (HEADER + "\n", ":2: 0 cells; expected 5"),
        (HEADER + 'tom_aug1,tom,1,7,"[{""step\n', r":2: no valid CSV \(unexpected end of data\)\. Put back the file"),
        (HEADER + "tom_aug1,tom,first,7,[]\n", r":2: number is 'first'; expected 1 or more, of 20 digits at most\."),
        (HEADER + "tom_aug1,tom,0,7,[]\n", ":2: number is '0'; expected 1 or more"),
        (HEADER + "tom_aug1,tom,1,-7,[]\n", r":2: seed is '-7'; expected a number of 20 digits at most\."),
        (
            HEADER + f"tom_aug1,tom,{'1' * 5000},7,[]\n",
            f":2: number is '{'1' * 60}…'; expected 1 or more, of 20 digits at",
        ),
        (HEADER + f"tom_aug1,tom,1,{'7' * 5000},[]\n", f":2: seed is '{'7' * 60}…'; expected a number of 20 digits at"),
        (HEADER + "tom,tom,1,7,[]\n", ":2: copy 'tom' of 'tom'; expected the ids of two different samples"),
        (HEADER + ",tom,1,7,[]\n", ":2: copy '' of 'tom'; expected the ids"),
        (
            HEADER + "tom_aug1,tom,1,7,[]\ntom_aug1,tom,2,7,[]\n",
            r":3: tom_aug1 is already on line 2\. Remove one of them",
        ),
        (HEADER + "tom_aug1,tom,1,7,[]\ntom_aug2,tom,1,7,[]\n", r":3: copy 1 of tom is already on line 2\."),
        (
            HEADER + "tom_aug1,tom,1,7,[]\ntom_aug2,tom_aug1,1,7,[]\n",
            ":3: tom_aug2 is made from tom_aug1, which is a copy itself; expected the frame",
        ),
        (
            HEADER + "tom_aug1,tom,1,7,[]\nbob_aug1,bob,1,7,[]\n",
            r":3: bob_aug1 is no sample of this dataset\. Remove the line, or put back the augmented.csv that belongs",
        ),
        (
            HEADER + 'tom_aug1,tom,1,7,"[\n\n]"\nbob_aug1,bob,1,7,"[\n]"\n',
            ":5: bob_aug1 is no sample of this dataset",
        ),
        (
            HEADER + 'tom_aug1,tom,1,7,"[\n\n]"\ntom_aug2,tom,2,7,"[\n]"\ntom_aug1,tom,3,7,[]\n',
            r":7: tom_aug1 is already on line 2\.",
        ),
        (
            HEADER + "tom_aug1,tom,1,7,[]\ntom_aug2,tom,2,7,[]\nrex_aug2,rex,2,7,[]\n",
            r": rex_aug1 looks like a copy and is not in it \(1 are not\)\. Put back the whole augmented.csv",
        ),
    ],
)
def test_a_damaged_or_foreign_list_names_the_line(text, message, tmp_path):
    layouts.write(grown(tmp_path) / FILE, text)
    with pytest.raises(DatasetError, match=re.escape(f"{tmp_path}/{FILE}") + message):
        open_dataset(tmp_path)


def test_a_list_of_something_else_may_be_renamed(tmp_path):
    layouts.write(layouts.folder(tmp_path) / FILE, "image,brightness\ntom,0.7\n")
    message = r":1: 'image,brightness'; expected .*, or rename it if it is no list of augmented copies\.$"
    with pytest.raises(DatasetError, match=message):
        open_dataset(tmp_path)
    (tmp_path / FILE).rename(tmp_path / "brightness.csv")
    assert open_dataset(tmp_path).copies == {}


def test_copies_outside_of_train_are_refused(tmp_path):
    layouts.kaggle(tmp_path)
    name = layouts.CAMVID_FRAMES["val"][0]
    layouts.write(tmp_path / FILE, write_copies([Copy(name, "0001TP_006690", 1, 7, "[]")]))
    message = f"augmented.csv:2: {name} is in val; copies are only trained on. Put it where 0001TP_006690 was"
    with pytest.raises(DatasetError, match=re.escape(message)):
        open_dataset(tmp_path)


def test_a_flat_clip_is_cut_where_it_was(tmp_path):
    """Twenty copies of the first frames neither move the cut nor get into its gap."""
    layouts.camseq01(tmp_path)
    alone = open_dataset(tmp_path)
    rows = []
    for frame in layouts.FRAMES[:10]:
        for count in (1, 2):
            name = f"{frame}_aug{count}"
            layouts.save(tmp_path / f"{name}.png", layouts.image(count))
            layouts.save(tmp_path / f"{name}_L.png", layouts.COLORS32.to_rgb(layouts.mask(count, 32)))
            rows.append(Copy(name, frame, count, 7, "[]"))
    layouts.write(tmp_path / FILE, write_copies(rows))
    dataset = open_dataset(tmp_path)
    assert dataset.frames("train") == alone.splits["train"] and dataset.splits["test"] == alone.splits["test"]
    assert len(dataset) == len(alone) + 20 and dataset.video
    assert {dataset.record(row.copy).group for row in rows} == {"0016E5"}


def test_numbered_copies_leave_a_video_a_video(tmp_path):
    names = tuple(f"ride_{number:04}" for number in range(40))
    layouts.folder(tmp_path, names=names)
    rows = []
    for name in names[::7]:
        layouts.save(tmp_path / "images" / f"{name}_aug1.jpg", layouts.image())
        layouts.save(tmp_path / "masks" / f"{name}_aug1.png", layouts.mask(0, 3))
        rows.append(Copy(f"{name}_aug1", name, 1, 7, "[]"))
    assert not open_dataset(tmp_path).video  # taken as frames, the copies have numbers of their own
    layouts.write(tmp_path / FILE, write_copies(rows))
    assert open_dataset(tmp_path).video
