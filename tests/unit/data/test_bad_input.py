"""Everything a dataset can have wrong, with the words a user reads."""

import re
import zipfile

import numpy as np
import pytest
from fixtures import layouts
from PIL import Image

from segcore.data import check_source, find_problems, open_dataset
from segcore.errors import DatasetError, LabelError

FIRST = layouts.FRAMES[0]


def refused(message, source, error=DatasetError, **options):
    with pytest.raises(error, match=re.escape(message)):
        open_dataset(source, **options)


@pytest.fixture
def cam101(tmp_path):
    return layouts.cam101(tmp_path / "Cam101")


@pytest.fixture
def pets(tmp_path):
    return layouts.folder(tmp_path / "pets")


def test_missing_path(tmp_path, cam101):
    refused(
        f"{tmp_path}/Cam102: no such file or folder. Did you mean 'Cam101'? "
        "Give a folder, a zip, or 'drive' for the embedded data.",
        tmp_path / "Cam102",
    )
    refused("/no/such/place: no such file or folder. Give a folder", "/no/such/place")


def test_a_missing_path_can_be_asked_for_alone(tmp_path, cam101):
    (tmp_path / "empty").mkdir()
    for there in ("drive", cam101, tmp_path / "empty"):  # looks at nothing in it
        check_source(there)
    for gone, output in ((tmp_path / "Cam102", r"Did you mean 'Cam101'\?"), ("~nosuchuser/x", "no usable path")):
        with pytest.raises(DatasetError, match=output):
            check_source(gone)


def test_a_list_with_a_word_that_is_too_long_to_read(tmp_path):
    root = layouts.segnet(tmp_path)
    with (root / "train.txt").open("a") as lines:
        lines.write(f'"{"x" * 200_000}" masks/x.png\n')
    refused("can't be read (field larger than field limit (131072)). Correct the line.", root)


def test_a_name_too_long_to_be_a_path():
    refused("is no path: a name of 5,000 bytes is in it; 255 are the most.", "x" * 5000)


def test_the_home_of_nobody():
    refused("~nosuchuser/x: no usable path (Could not determine home directory.).", "~nosuchuser/x")


def test_a_link_to_nowhere(pets):
    (pets / "images" / "tim.png").symlink_to("/nowhere/tim.png")
    (pets / "masks" / "tim.png").symlink_to("/nowhere/tim.png")
    refused("images/tim.png: can't be read (No such file or directory).", pets)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    (tmp_path / "x.zip").write_bytes(b"x")

    def forbidden(*_arguments, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(zipfile, "ZipFile", forbidden)
    refused(f"{tmp_path}/x.zip: can't be opened (Permission denied).", tmp_path / "x.zip")


def test_empty_folder(tmp_path):
    refused(f"{tmp_path}: empty, no files in it. Known layouts:\n  folder: images/ masks/", tmp_path)


def test_empty_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w"):
        pass
    refused("x.zip: empty, no files in it.", tmp_path / "x.zip")


def test_unknown_layout(tmp_path):
    layouts.write(tmp_path / "notes.txt", "hello")
    layouts.save(tmp_path / "photos" / "a.png", layouts.image())
    refused(f"{tmp_path}: unknown layout; it holds notes.txt, photos/. Known layouts:\n", tmp_path)
    with pytest.raises(DatasetError, match=r"cam101: train/ test/ with NAME.png and NAME_L.png, label_colors.txt"):
        open_dataset(tmp_path)


def test_a_dataset_among_other_pictures_is_not_taken_for_all_of_them(tmp_path, cam101):
    layouts.save(tmp_path / "preview.png", layouts.image())  # beside its folder: still the one dataset here
    assert open_dataset(tmp_path).fingerprint == open_dataset(cam101).fingerprint
    layouts.save(tmp_path / "holiday" / "beach.png", layouts.image())
    inside = cam101.relative_to(tmp_path)
    refused(
        f"{tmp_path}: no dataset itself. It holds one in {inside}/, but images elsewhere too, such as "
        f"holiday/beach.png. Give the folder that is meant: {cam101}\nKnown layouts:",
        tmp_path,
    )


def test_truncated_zip(tmp_path, cam101):
    packed = layouts.zipped(cam101, tmp_path / "Cam101.zip")
    packed.write_bytes(packed.read_bytes()[:2000])
    refused("Cam101.zip: not a zip, or one that is cut off (2000 bytes). Copy or download it again.", packed)


def test_zip_with_damaged_entry(tmp_path, cam101):
    packed = layouts.zipped(cam101, tmp_path / "Cam101.zip")
    dataset = open_dataset(packed)
    data = (cam101 / "train" / f"{FIRST}.png").read_bytes()
    packed.write_bytes(packed.read_bytes().replace(data[60:90], bytes(30)))
    with pytest.raises(DatasetError, match=rf"Cam101.zip: some/where/train/{FIRST}.png is damaged \(Bad CRC-32"):
        dataset.image(FIRST)


def test_encrypted_zip(tmp_path, cam101):
    packed = layouts.zipped(cam101, tmp_path / "Cam101.zip", junk=False)
    data = bytearray(packed.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1  # the encryption bit in the central directory
    packed.write_bytes(data)
    refused(
        "Cam101.zip: entry 'some/where/label_colors.txt' is encrypted. "
        "Unpack it with its password and open the folder.",
        packed,
    )


@pytest.mark.parametrize("entry", ["../evil.png", "/etc/evil.png", "a/../../evil.png", "..\\evil.png", "C:/evil.png"])
def test_zip_pointing_outside(tmp_path, entry):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo(entry), b"x")
    refused(f"x.zip: entry {entry!r} points outside of the zip. Don't trust this file", tmp_path / "x.zip")


def test_zip_with_backslashes(tmp_path, cam101):
    """As .NET wrote them: a backslash is no part of a name."""
    plain = layouts.zipped(cam101, tmp_path / "plain.zip", junk=False)
    with zipfile.ZipFile(plain) as archive, zipfile.ZipFile(tmp_path / "x.zip", "w") as other:
        for entry in archive.infolist():
            copy = zipfile.ZipInfo("x")
            copy.filename = entry.filename.replace("/", "\\")
            other.writestr(copy, archive.read(entry))
    dataset, same = open_dataset(tmp_path / "x.zip"), open_dataset(plain)
    assert dataset.fingerprint == same.fingerprint and (dataset.mask(FIRST) == same.mask(FIRST)).all()


def test_other_archives(tmp_path):
    (tmp_path / "camvid.tgz").write_bytes(b"x")
    refused("camvid.tgz: only zip archives are read in place. Unpack it and open the folder.", tmp_path / "camvid.tgz")


def test_image_without_mask_and_mask_without_image(cam101):
    (cam101 / "train" / f"{FIRST}_L.png").unlink()
    (cam101 / "test" / f"{layouts.FRAMES[6]}.png").unlink()
    refused(
        f"{cam101}: 1 image without mask: train/{FIRST}.png; 1 mask without image: test/{layouts.FRAMES[6]}_L.png. "
        "Add what is missing, or go on without them: --skip-incomplete.",
        cam101,
    )
    dataset = open_dataset(cam101, skip_incomplete=True)
    assert {split: len(ids) for split, ids in dataset.splits.items()} == {"train": 17, "test": 1}
    assert dataset.notes == (
        f"Skipped 1 image without mask: train/{FIRST}.png.",
        f"Skipped 1 mask without image: test/{layouts.FRAMES[6]}_L.png.",
    )


def test_names_of_which_none_fit_are_not_left_out(tmp_path):
    for index in range(2):
        layouts.save(tmp_path / "images" / f"photo{index}.png", layouts.image(index))
        layouts.save(tmp_path / "masks" / f"scan{index}.png", layouts.mask(index))
    layouts.write(tmp_path / "classes.csv", "name\nsky\nroad\ncar\n")
    for skip in (False, True):
        with pytest.raises(DatasetError, match=r"2 masks without image: .* Not one name fits: name each mask as"):
            open_dataset(tmp_path, skip_incomplete=skip)


def test_many_incomplete_are_counted(cam101):
    for frame in layouts.FRAMES:
        (cam101 / "train" / f"{frame}_L.png").unlink(missing_ok=True)
    with pytest.raises(DatasetError, match=r"18 images without mask: .*\.png and 8 more\."):
        open_dataset(cam101)
    refused("split 'train' has no samples.", cam101, skip_incomplete=True)


def test_list_with_a_missing_file(tmp_path):
    layouts.segnet(tmp_path)
    (tmp_path / "valannot" / "0016E5_07959.png").unlink()
    refused("1 image without mask: val/0016E5_07959.png.", tmp_path)
    (tmp_path / "val" / "0016E5_07959.png").unlink()
    refused(
        "val.txt:1: neither val/0016E5_07959.png nor valannot/0016E5_07959.png is there. Remove the line or add",
        tmp_path,
    )
    layouts.write(tmp_path / "val.txt", "\nval/0016E5_07961.png\n")
    refused("val.txt:2: 'val/0016E5_07961.png'; expected 'IMAGE MASK'.", tmp_path)


def test_fastai_valid_list_with_a_stranger(tmp_path):
    layouts.fastai(tmp_path)
    layouts.write(tmp_path / "valid.txt", "0016E5_07959.png\nnobody.png\n")
    refused("valid.txt:2: nobody is not in images/.", tmp_path)


def test_size_mismatch(cam101):
    layouts.save(cam101 / "train" / f"{FIRST}.png", layouts.image(0, (12, 16)))
    message = f"{FIRST}: mask is 6x8, image is 12x16; they must match."
    dataset = open_dataset(cam101)
    with pytest.raises(DatasetError, match=re.escape(message)):
        dataset[FIRST]
    assert find_problems(dataset) == (message,)


def test_zero_byte_file(tmp_path, cam101):
    (cam101 / "train" / f"{FIRST}_L.png").write_bytes(b"")
    refused(f"1 empty file (0 bytes): train/{FIRST}_L.png. Get them again.", cam101)
    refused("1 empty file (0 bytes)", layouts.zipped(cam101, tmp_path / "x.zip"))


@pytest.mark.parametrize("cut", [20, 60, 150])
def test_truncated_png(cam101, cut):
    path = cam101 / "train" / f"{FIRST}.png"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DatasetError, match=rf"train/{FIRST}\.png: not a readable image \(.*Get it again"):
        open_dataset(cam101).image(FIRST)


def test_a_text_file_called_png(cam101):
    layouts.write(cam101 / "train" / f"{FIRST}.png", "no picture")
    dataset = open_dataset(cam101)
    for read in (dataset.image, dataset.size):
        with pytest.raises(DatasetError, match=rf"{FIRST}\.png: text, not a picture; expected a PNG,"):
            read(FIRST)


def test_file_that_went_away(cam101):
    dataset = open_dataset(cam101)
    (cam101 / "train" / f"{FIRST}.png").unlink()
    with pytest.raises(DatasetError, match=rf"train/{FIRST}\.png: can't be read \(No such file or directory\)\."):
        dataset.image(FIRST)


def test_unknown_colour(cam101):
    colors = layouts.COLORS32.to_rgb(layouts.mask(0, 32))
    colors[:2, 0] = (129, 65, 128)
    layouts.save(cam101 / "train" / f"{FIRST}_L.png", colors)
    with pytest.raises(
        LabelError,
        match=re.escape(
            f"train/{FIRST}_L.png: colour (129, 65, 128) (2 pixels) is no class of camvid32; the nearest is "
            "Road (128, 64, 128). Add it to the label file, or let such colours pass with a colour "
            "tolerance of 1 (--color-tolerance 1)."
        ),
    ):
        open_dataset(cam101).mask(FIRST)
    dataset = open_dataset(cam101, color_tolerance=1)
    assert (dataset.mask(FIRST)[:2, 0] == dataset.labels.index("Road")).all()


def test_ids_out_of_range(tmp_path):
    layouts.segnet(tmp_path)
    ids = layouts.mask(0, 12)
    ids[0, :3] = 42
    layouts.save(tmp_path / "trainannot" / "0001TP_006690.png", ids)
    with pytest.raises(
        DatasetError,
        match=re.escape(
            "trainannot/0001TP_006690.png: id 42 (3 pixels) is no class; ids go up to 11 (camvid11, 12 classes), "
            "255 is ignored. Correct the mask or add the class to the list."
        ),
    ):
        open_dataset(tmp_path).mask("0001TP_006690")


def test_black_and_white_masks_without_such_colours(pets):
    """255 alone would be taken as "ignored": a picture of two classes must not lose one in silence."""
    layouts.write(pets / "label_colors.txt", "0 0 0 background\n255 255 255 pet\n")
    for name in ("tom", "rex", "felix"):
        layouts.save(pets / "masks" / f"{name}.png", layouts.mask(0, 2) * np.uint8(255))
    assert (open_dataset(pets).mask("tom") == layouts.mask(0, 2)).all()
    (pets / "label_colors.txt").unlink()
    layouts.write(pets / "classes.json", '["background", "pet"]')
    with pytest.raises(DatasetError, match=r"tom\.png: only 0 and 255 occur, but the 2 classes are ids 0 and 1"):
        open_dataset(pets).mask("tom")


def test_colour_masks_without_class_colours(tmp_path):
    root = layouts.folder(tmp_path, "colors")
    (root / "label_colors.txt").unlink()
    layouts.write(root / "classes.json", '["background", "cat", "dog"]')
    with pytest.raises(LabelError, match=r"tom\.png: a mask in colours, but the classes have none\. List them in"):
        open_dataset(root).mask("tom")
    layouts.save(root / "masks" / "tom.png", layouts.mask(0, 3)[..., None].repeat(3, axis=2))
    assert (open_dataset(root).mask("tom") == layouts.mask(0, 3)).all()


def test_jpeg_masks(pets):
    (pets / "masks" / "tom.png").unlink()
    layouts.save(pets / "masks" / "tom.jpg", layouts.mask(0, 3))
    refused("masks/tom.jpg: masks must be lossless (.png, .bmp, .tif, .tiff, .gif, .npy); compression changes", pets)
    (pets / "masks" / "tom.jpg").rename(pets / "masks" / "tom.png")
    with pytest.raises(DatasetError, match=r"tom\.png: a mask as JPEG; compression changes its classes"):
        open_dataset(pets).mask("tom")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("64 0 Car", ":3: '64 0 Car'; expected 'R G B name'."),
        ("64 0 x Car", ":3: '64 0 x Car'; expected 'R G B name'."),
        ("64 0 256 Car", ":3: '256' in '64 0 256 Car'; expected a number from 0 to 255."),
        ("1 1 1 cat", ":3: class 'cat' is already on line 2. Every class needs its own."),
        ("200 0 0 lynx", ":3: colour (200, 0, 0) is already on line 2. Every class needs its own."),
    ],
)
def test_label_file_with_a_bad_line(pets, line, message):
    layouts.write(pets / "label_colors.txt", f"# pets\n200 0 0 cat\n{line}\n")
    refused(f"{pets}/label_colors.txt{message}", pets, LabelError)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,r,g,b\ncat,1,2\n", ":2: 'cat,1,2'; expected 'name,r,g,b'."),
        ("name,r,g,b\n\ncat,1,2,-3\n", ":3: '-3' in 'cat,1,2,-3'; expected a number from 0 to 255."),
        ('name,r,g,b\n"cat,1,2,3\ndog,4,5,6\n', ":2: '\"cat,1,2,3'; expected 'name,r,g,b'."),
        ("name,id\ncat,1\ndog,1\n", ":3: id 1 is already on line 2. Every class needs its own."),
        ("", ": 0 classes; expected 1 to 255."),
    ],
)
def test_csv_with_a_bad_line(pets, text, message):
    (pets / "label_colors.txt").unlink()
    layouts.write(pets / "classes.csv", text)
    refused(f"{pets}/classes.csv{message}", pets, LabelError)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('["cat",', ":1: no valid JSON (Expecting value); expected [{"),
        ('["cat", "cat"]', ": class 'cat' is already on class 'cat'. Every class needs its own."),
        ('[{"name": "cat", "color": [1, 2]}]', ": \"{'name': 'cat', 'color': [1, 2]}\"; expected three colour val"),
        ('[{"name": "cat", "color": [1, 2, 3]}, "dog"]', ": class 'dog' has no colour; the others have one."),
        ("7", ": expected [{"),
        ("[7]", ": 7; expected [{"),
    ],
)
def test_json_that_is_no_class_list(pets, text, message):
    (pets / "label_colors.txt").unlink()
    layouts.write(pets / "classes.json", text)
    refused(f"{pets}/classes.json{message}", pets, LabelError)


def test_label_file_that_is_no_text(pets):
    (pets / "label_colors.txt").write_bytes(b"\xff\xfe\x00\xd8")
    refused("label_colors.txt: not UTF-8 text, nor whole UTF-16. Save it as UTF-8.", pets)


def test_no_class_list(pets):
    (pets / "label_colors.txt").unlink()
    refused(f"{pets}: images and masks, but no list of classes. Add classes.csv ('name,r,g,b' a line, or 'name'", pets)


def test_split_with_no_samples(cam101, tmp_path):
    for path in (cam101 / "test").iterdir():
        path.unlink()
    refused(
        f"{cam101}: split 'test' has no samples. Put images with masks into it, or remove its folder.",
        cam101,
    )


def test_same_id_twice(pets):
    layouts.save(pets / "images" / "tom.png", layouts.image())
    refused("images/tom.png: same id 'tom' as images/tom.jpg. Rename or remove one of them.", pets)


def test_unsupported_labels(cam101, tmp_path):
    refused("No labels 'camvid1'. Did you mean 'camvid11'? Choose one of camvid32, camvid11,", cam101, labels="camvid1")
    refused("No treatment of void 'drop'. Choose one of ignore, class.", cam101, void="drop")
    refused(
        "camvid11 can't be opened as camvid32: its 11 classes are merged from the 32 and can't be told apart again. "
        "Leave out --labels, or open the original 32-colour masks.",
        layouts.segnet(tmp_path / "segnet"),
        labels="camvid32",
    )
    refused(
        "Class 'background' of custom has no place in camvid11; it knows Sky,",
        layouts.folder(tmp_path / "pets"),
        LabelError,
        labels="camvid11",
    )


def test_folders_linked_in_a_circle(pets):
    (pets / "images" / "again").symlink_to(pets, target_is_directory=True)
    assert len(open_dataset(pets)) == 3


def test_find_problems_reports_each_and_progress(cam101):
    (cam101 / "train" / f"{FIRST}.png").write_bytes(b"x")
    Image.new("RGB", (3, 3)).save(cam101 / "train" / f"{layouts.FRAMES[1]}_L.png")
    seen = []
    problems = find_problems(open_dataset(cam101), progress=lambda done, total: seen.append((done, total)))
    assert len(problems) == 2 and seen[-1] == (20, 20)
