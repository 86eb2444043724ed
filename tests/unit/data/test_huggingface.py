"""Hugging Face datasets: tables of pictures are read row by row, and what is not clear is refused."""

import json
import pickle

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fixtures import exports, layouts

from segcore.data import open_dataset
from segcore.data.file_source import Folder
from segcore.data.table_source import open_table, picture_columns
from segcore.errors import DatasetError


def write_table(path, rows, columns=("image", "label"), split="train"):
    """Write rows, in which None stands for a missing picture, as Parquet."""
    path.mkdir(parents=True, exist_ok=True)
    table = exports.table(rows).rename_columns(list(columns))
    pq.write_table(table, path / f"{split}-00000-of-00001.parquet", row_group_size=2)
    layouts.write(path / "id2label.json", json.dumps(dict(enumerate(exports.NAMES))))


def test_ids_are_rows_in_order_and_records_are_pickled(tmp_path):
    exports.huggingface_hub(tmp_path)
    dataset = open_dataset(tmp_path)
    assert dataset.splits["train"] == ("000000_a_01", "000001_a_02", "000002_b_03")
    assert dataset.stated is False and not dataset.video
    record = pickle.loads(pickle.dumps(dataset.record("000002_b_03")))
    assert (record.mask() == exports.truth()["b_03"]).all()
    assert dataset.size("000002_b_03") == dataset["000002_b_03"].size
    assert any("columns 'image' and 'label'" in note for note in dataset.notes)


def test_a_folder_of_the_same_rows_has_the_same_fingerprint_as_its_zip(tmp_path):
    exports.huggingface_saved(tmp_path / "data")
    packed = layouts.zipped(tmp_path / "data", tmp_path / "packed.zip", prefix="")
    fingerprints = {open_dataset(path, classes=None).fingerprint for path in (tmp_path / "data", packed)}
    assert len(fingerprints) == 1


@pytest.mark.parametrize("columns", [("pixel_values", "annotation"), ("img", "mask"), ("image", "anything")])
def test_columns_are_known_by_name_or_left_over(columns, tmp_path):
    write_table(tmp_path, ("a_01", "a_02"), columns)
    assert len(open_dataset(tmp_path)) == 2


def test_columns_that_are_not_clear_are_refused(tmp_path):
    write_table(tmp_path, ("a_01",), ("left", "right"))
    with pytest.raises(DatasetError, match=r"pictures in columns left, right, .*expected one column 'image'"):
        open_dataset(tmp_path)


def test_rows_without_masks_are_incomplete(tmp_path):
    rows = exports.table(("a_01", "a_02", "b_03")).to_pylist()
    rows[1]["label"] = None
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "train.parquet", row_group_size=2)
    layouts.write(tmp_path / "id2label.json", json.dumps(dict(enumerate(exports.NAMES))))
    with pytest.raises(DatasetError, match=r"1 image without mask: train/images/000001_a_02\.png"):
        open_dataset(tmp_path)
    assert open_dataset(tmp_path, skip_incomplete=True).ids == ("000000_a_01", "000002_b_03")


def test_a_path_alone_is_no_picture(tmp_path):
    rows = exports.table(("a_01",)).to_pylist()
    rows[0]["image"]["bytes"] = None
    struct = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    pq.write_table(
        pa.Table.from_pylist(rows, pa.schema({"image": struct, "label": struct})), tmp_path / "train.parquet"
    )
    with pytest.raises(DatasetError, match="row 0 has no bytes in column 'image', at most the path of a file"):
        open_dataset(tmp_path)


def test_a_table_that_is_none_and_two_sets_of_tables_are_refused(tmp_path):
    layouts.write(tmp_path / "lfs" / "train.parquet", "version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(DatasetError, match=r"train\.parquet: not a readable table .* `git lfs pull`"):
        open_dataset(tmp_path / "lfs")
    for name in ("full", "mini"):
        write_table(tmp_path / "two" / name, ("a_01",))
    with pytest.raises(DatasetError, match=r"two: full/ and mini/ both hold train"):
        open_dataset(tmp_path / "two")


def test_the_split_of_a_single_dataset_is_in_its_state(tmp_path):
    exports.save_to_disk(tmp_path / "data", ("a_01", "a_02"), "train")
    dataset = open_dataset(tmp_path / "data")
    assert dataset.labels.names == exports.NAMES and set(dataset.splits) == {"train"}


def test_one_class_of_a_whole_picture_names_no_classes_of_masks(tmp_path):
    table = exports.table(("a_01",), {"scene": {"names": ["street", "kitchen"], "_type": "ClassLabel"}})
    pq.write_table(table, tmp_path / "train.parquet")
    with pytest.raises(DatasetError, match="no list of classes"):
        open_dataset(tmp_path)


def test_pictures_may_be_bytes_alone(tmp_path):
    rows = exports.table(("a_01", "a_02")).to_pylist()
    plain = [{column: cell["bytes"] for column, cell in row.items()} for row in rows]
    pq.write_table(pa.Table.from_pylist(plain), tmp_path / "train.parquet")
    table = open_table(Folder(str(tmp_path)), "train.parquet")
    assert picture_columns(table) == ["image", "label"] and table.picture(1, "label") == rows[1]["label"]["bytes"]
    layouts.write(tmp_path / "classes.txt", "\n".join(exports.NAMES))
    assert open_dataset(tmp_path).ids == ("000000", "000001")


def test_a_name_that_is_no_text_is_refused(tmp_path):
    def without_text(names):
        return pa.array([b"\x80" + name.encode() for name in names]).cast(pa.string(), safe=False)

    table = exports.table(("a_01", "a_02"))
    pictures = table["image"].combine_chunks()
    damaged = pa.StructArray.from_arrays(
        [pictures.field("bytes"), without_text(pictures.field("path").to_pylist())], names=["bytes", "path"]
    )
    pq.write_table(table.set_column(table.column_names.index("image"), "image", damaged), tmp_path / "train.parquet")
    layouts.write(tmp_path / "id2label.json", json.dumps(dict(enumerate(exports.NAMES))))
    with pytest.raises(DatasetError, match=r"train\.parquet: not a readable table"):
        open_dataset(tmp_path)
