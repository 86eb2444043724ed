"""Lists of classes as tools write them: which one is taken, and what each says."""

import json
import re
import subprocess

import pytest
from fixtures import layouts
from hypothesis import given
from hypothesis import strategies as st

from segcore.data import open_dataset
from segcore.data.class_lists import (
    ADE150_CLASSES,
    CITYSCAPES_IDS,
    CITYSCAPES_TRAIN_IDS,
    VOC21_CLASSES,
    find_class_list,
    read_classes,
    with_class_list,
)
from segcore.data.file_source import decode_text, list_files
from segcore.errors import DatasetError, LabelError
from segcore.labels import CAMVID32, PRESETS, auto_palette

RGB = ((128, 64, 128), (0, 0, 142))


def written(folder, name, text, encoding="utf-8"):
    """The class list of a file of this name."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return read_classes(list_files(folder), name, "mine")


def refused(folder, name, text, message):
    with pytest.raises(DatasetError, match=re.escape(message)):
        written(folder, name, text)


# file, text, names, colours (None: none given), ids
KNOWN = [
    ("label_colors.txt", "# CamVid\n128 64 128\troad\n0 0 142 traffic light\n", ("road", "traffic light"), RGB, (0, 1)),
    ("classes.csv", "name,r,g,b\nroad,128,64,128\ncar,0,0,142\n", ("road", "car"), RGB, (0, 1)),
    ("classes.json", '[{"name": "road", "color": [128, 64, 128], "id": 7}]', ("road",), RGB[:1], (7,)),
    ("classes.json", '{"classes": ["a", "b"], "palette": [[128, 64, 128], [0, 0, 142]]}', ("a", "b"), RGB, (0, 1)),
    ("classes.txt", "road\ntraffic light\n", ("road", "traffic light"), None, (0, 1)),
    ("class_dict.csv", "name,r,g,b\nroad,128,64,128\ncar,0,0,142\n", ("road", "car"), RGB, (0, 1)),
    ("_classes.csv", "Pixel Value, Class\n0, background\n3, crop\n", ("background", "crop"), None, (0, 3)),
    (
        "labelmap.txt",
        "# label:color_rgb:parts:actions\nroad:128,64,128::\ncar: old:0,0,142:door,roof:drive\n",
        ("road", "car: old"),
        RGB,
        (0, 1),
    ),
    ("labelmap.txt", "0 person\n2 car\n", ("person", "car"), None, (0, 2)),  # of other tools
    ("class_names.txt", "_background_\ncat\n", ("_background_", "cat"), None, (0, 1)),
    ("class_names.txt", "__ignore__\n_background_\ncat\n", ("__ignore__", "_background_", "cat"), None, (255, 0, 1)),
    ("codes.txt", "cat\ndog\n", ("cat", "dog"), None, (0, 1)),
    ("codes.txt", "128,64,128,road\n0,0,142,car\n", ("road", "car"), RGB, (0, 1)),
    ("labels.txt", "1 sky\n2 traffic light\n", ("sky", "traffic light"), None, (1, 2)),
    ("labels.txt", "0: sky\n1: road\n", ("sky", "road"), None, (0, 1)),
    ("labels.txt", "Lane 1\nLane 2\n", ("Lane 1", "Lane 2"), None, (0, 1)),  # no ids: the names would repeat
    ("labels.txt", "wall\nbuilding, edifice\n", ("wall", "building, edifice"), None, (0, 1)),
    ("dataset.json", '{"labels": {"background": 0, "liver": 2}}', ("background", "liver"), None, (0, 2)),
    ("dataset.json", '{"labels": {"0": "background", "1": "liver"}}', ("background", "liver"), None, (0, 1)),
    ("obj_class_to_machine_color.json", '{"road": [128, 64, 128], "car": [0, 0, 142]}', ("road", "car"), RGB, (0, 1)),
    (
        "meta.json",
        '{"classes": [{"title": "road", "color": "#804080", "id": 7}, {"title": "car", "color": "#00008E", "id": 9}]}',
        ("road", "car"),
        RGB,
        (0, 1),
    ),
    ("id2label.json", '{"0": "sky", "4": "road"}', ("sky", "road"), None, (0, 4)),
    ("data.yaml", "train: ../images\nnc: 2\nnames: ['no', car]\n", ("no", "car"), None, (0, 1)),
    ("data.yaml", "names:\n  0: sky\n  3: off\n", ("sky", "off"), None, (0, 3)),
    (
        "config.json",
        '{"labels": [{"color": [128, 64, 128], "name": "animal--bird", "readable": "Bird", "evaluate": true}, '
        '{"color": [0, 0, 142], "name": "void--ground", "readable": "Ground", "evaluate": false}]}',
        ("Bird", "Ground"),
        RGB,
        (0, 1),
    ),
    ("config.json", '{"id2label": {"0": "a", "1": "b"}, "label2id": {"a": 0, "b": 1}}', ("a", "b"), None, (0, 1)),
    (
        "objectInfo150.txt",
        "Idx\tRatio\tTrain\tVal\tStuff\tName\n1\t0.15\t11664\t1172\t1\twall\n2\t0.1\t6046\t612\t1\tbuilding, edifice\n",
        ("wall", "building", "Void"),
        None,
        (1, 2, 0),
    ),
]


@pytest.mark.parametrize(("file", "text", "names", "colors", "ids"), KNOWN)
def test_each_tools_file(file, text, names, colors, ids, tmp_path):
    classes = written(tmp_path, file, text)
    assert (classes.labels.names, classes.values, classes.colored) == (names, ids, colors is not None)
    assert classes.labels.colors == (colors or auto_palette(len(names)))


ROADS = "name,r,g,b\nroad,128,64,128\ncar,0,0,142\n"


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf" + ROADS.encode(),
        ROADS.encode("utf-16"),
        ROADS.encode("utf-16-le"),
        ROADS.replace("\n", "\r\n").encode(),
        ROADS.replace(",", ";").encode(),
        ROADS.replace(",", "\t").encode(),
        b"sep=;\n" + ROADS.replace(",", ";").encode() + b";;;\n\n",
        ROADS.upper().replace("ROAD", "road").replace("CAR", "car").encode(),
        b"class,red,green,blue\n" + ROADS.encode().partition(b"\n")[2],
        b"Label Name, Colour\nroad, #804080\ncar, #00008E\n",
        b'name,color\nroad,"128,64,128"\ncar,"(0, 0, 142)"\n',
        b"name,rgb\nroad,128 64 128\ncar,0/0/142\n",
        b"name,r,g,b\nroad,128.0,64.0,128.0\ncar,0.0,0.0,142.0\n",
        b",name,r,g,b\n0,road,128,64,128\n1,car,0,0,142\n",
        b"name,r,g,b,count\nroad,128,64,128,17\ncar,0,0,142,5\n",
        b'# made by hand\nid,name,color\n0,road,"128,64,128"\n\n# the last\n1,car,"0,0,142"\n',
        b"# name, r, g, b\nroad,128,64,128\ncar,0,0,142\n",
        b"road,128,64,128\ncar,0,0,142\n",
        b"0,128,64,128,road\n1,0,0,142,car\n",
        b"name,r,g,b,\nroad,128,64,128,\ncar,0,0,142,\n",
        b'"name","r","g","b"\n"road","128","64","128"\n"car","0","0","142"\n',
    ],
)
def test_a_table_in_every_dialect(text, tmp_path):
    classes = written(tmp_path, "classes.csv", text)
    assert (classes.labels.names, classes.labels.colors, classes.values) == (("road", "car"), RGB, (0, 1))
    assert classes.colored


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "name,id,trainId\nroad,7,0\nsky,23,10\n",
            "the columns 'id' and 'trainId' both number the classes, and differ.",
        ),
        ("name,nummer\nroad,7\nsky,23\n", "the column 'nummer' may number the classes: it holds 7, 23 ... Call it id"),
        (",name\n7,road\n23,sky\n", "the column '' may number the classes: it holds 7, 23"),
        ("name,r,g\nroad,1,2\n", "columns of 2 of the three colour channels; expected r, g and b."),
        ("id,color\n1,#ffffff\n", ":2: '1,#ffffff'; expected 'name'."),
        ("name,r,g,b\nroad,0.5,0.2,0.1\n", ":2: '0.5' in 'road,0.5,0.2,0.1'; expected a number from 0 to 255."),
        ("name,id\nroad,300\n", ":2: '300' in 'road,300'; expected a number from 0 to 255."),
        ("sky,road,car", ":1: 'sky,road,car': one class, or several? Write one class a line."),
        ("name,r,g,b\n,1,2,3\n", ":2: a class without a name."),
        ("road\n1 2 3 car\n", ":2: '1 2 3 car'; expected 'name', as the lines before."),
        ("a.png\nb.png\n", ":1: 'a.png' is an image; expected the name of a class."),
        ("name,evaluate\nroad,perhaps\n", ":2: 'perhaps'; expected yes or no."),
        (
            "name\nsky\nstraße\n".encode("latin-1"),
            ":3: not UTF-8 text; as Latin-1 the line reads 'straße'. Save it as UTF-8 in an editor; or, if that is "
            "right: iconv -f LATIN1",
        ),
    ],
)
def test_a_table_that_is_not_clear(text, message, tmp_path):
    refused(tmp_path, "classes.csv", text, f"{tmp_path}/classes.csv{message}" if message[0] == ":" else message)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("dataset.json", '{"labels": {"tumour": [1, 2, 3]}}', "'tumour' is a region of several labels"),
        ("data.yaml", "nc: 3\nnames: [a, b]\n", "nc is 3, but 2 classes are named."),
        ("data.yaml", "names:\n  0: a\n  0: b\n", "'0' is there twice."),
        ("data.yaml", "names: [a\n", "data.yaml:2: no valid YAML; expected"),
        ("id2label.json", '{"0": "a", "0": "b"}', "'0' is there twice."),
        ("id2label.json", '{"0": 1.5}', "'0': 1.5; expected [{"),
        ("labelmap.txt", "road:1,2,3::\ncar\n", "labelmap.txt:2: 'car'; expected 'name:r,g,b:parts:actions'."),
        ("meta.json", '{"tags": []}', "meta.json: no list 'classes'"),
    ],
)
def test_a_tools_file_that_is_not_clear(file, text, message, tmp_path):
    refused(tmp_path, file, text, message)


def test_a_list_may_leave_classes_out_of_scores(tmp_path):
    root = layouts.folder(tmp_path)
    (root / "label_colors.txt").unlink()
    layouts.write(root / "classes.csv", "name,evaluate\nbackground,false\ncat,true\ndog,true\n")
    assert open_dataset(root).labels.names == ("cat", "dog")
    assert open_dataset(root, void="class").labels.names == ("background", "cat", "dog")


names = st.text(st.characters(whitelist_categories=("L",)), min_size=1, max_size=8)
rows = st.lists(
    st.tuples(names, st.tuples(*[st.integers(0, 255)] * 3), st.integers(0, 254)),
    min_size=2,
    max_size=12,
    unique_by=(lambda row: row[0].casefold(), lambda row: row[1], lambda row: row[2]),
).filter(lambda result: not {name.casefold() for name, *_ in result} & {"name", "class", "label", "id", "r", "g", "b"})


def _csv(result, delimiter, quote):
    lines = [["name", "id", "r", "g", "b"], *([name, value, *color] for name, color, value in result)]
    return "".join(delimiter.join(f"{quote}{cell}{quote}" for cell in line) + "\r\n" for line in lines)


FORMS = {
    "classes.csv": lambda result: _csv(result, ",", ""),
    "class_dict.csv": lambda result: _csv(result, ";", '"'),
    "classes.txt": lambda result: _csv(result, "\t", ""),
    "labels.txt": lambda result: "".join(f"{value} {r} {g} {b} {name}\n" for name, (r, g, b), value in result),
    "class_names.txt": lambda result: (
        "id,name,hex\n" + "".join(f"{value},{name},#{r:02x}{g:02X}{b:02x}\n" for name, (r, g, b), value in result)
    ),
    "classes.json": lambda result: json.dumps([{"name": name, "color": c, "id": value} for name, c, value in result]),
    "id2label.json": lambda result: json.dumps({str(value): {"name": name, "color": c} for name, c, value in result}),
    "data.yaml": lambda result: json.dumps(
        {"names": {name: {"id": value, "rgb": c} for name, c, value in result}}, ensure_ascii=False
    ),
}


@pytest.mark.parametrize("file", FORMS)
@given(result=rows)
def test_any_list_reads_back_in_every_form(file, result, tmp_path_factory):
    classes = written(tmp_path_factory.mktemp("list"), file, FORMS[file](result))
    assert list(zip(classes.labels.names, classes.labels.colors, classes.values, strict=True)) == result


@given(result=rows)
def test_any_list_without_ids_reads_back(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("list")
    colors = [(name, color) for name, color, _ in result]
    for file, text in (
        ("label_colors.txt", "".join(f"{r} {g} {b}\t{name}\n" for name, (r, g, b) in colors)),
        ("labelmap.txt", "".join(f"{name}:{r},{g},{b}::\n" for name, (r, g, b) in colors)),
        ("obj_class_to_machine_color.json", json.dumps(dict(colors))),
    ):
        assert list(written(folder, file, text).labels.entries) == colors
    for file, text in (
        ("codes.txt", "".join(f"{name}\n" for name, _ in colors)),
        ("_classes.csv", "Pixel Value, Class\n" + "".join(f"{at}, {name}\n" for at, (name, _) in enumerate(colors))),
        ("dataset.json", json.dumps({"labels": {name: at for at, (name, _) in enumerate(colors)}})),
    ):
        assert written(folder, file, text).labels.names == tuple(name for name, _ in colors)


def found_list(folder):
    """The path of the list of classes in a folder."""
    (file,) = find_class_list(list_files(folder), "mine").files
    return file


def test_the_highest_list_is_found_in_any_case(tmp_path):
    assert find_class_list(list_files(layouts.save(tmp_path / "x.png", layouts.image()).parent), "mine") is None
    layouts.write(tmp_path / "far" / "away" / "from" / "labels.txt", "photo.png\n")
    assert find_class_list(list_files(tmp_path), "mine") is None
    layouts.write(tmp_path / "train" / "_classes.csv", "Pixel Value, Class\n0, a\n")
    assert found_list(tmp_path) == "train/_classes.csv"
    layouts.write(tmp_path / "Labels.TXT", "a\nb\n")
    assert found_list(tmp_path) == "Labels.TXT"
    layouts.write(tmp_path / "config.json", '{"epochs": 3}')  # of that name, and no list
    layouts.write(tmp_path / "classes.csv", "name\na\nb\n")
    assert found_list(tmp_path) == "classes.csv"


def test_two_lists_that_agree_and_two_that_do_not(tmp_path):
    layouts.write(tmp_path / "classes.csv", "name,r,g,b\nroad,128,64,128\nTraffic Light,0,0,142\nvoid,0,0,0\n")
    layouts.write(tmp_path / "label_colors.txt", "0 0 142 traffic_light\n128 64 128 road\n")
    assert found_list(tmp_path) == "label_colors.txt"
    layouts.write(tmp_path / "classes.csv", "name,r,g,b\nroad,128,64,128\nTraffic Light,0,0,141\n")
    with pytest.raises(
        LabelError,
        match=re.escape(
            f"{tmp_path}/label_colors.txt and {tmp_path}/classes.csv disagree: 'traffic_light' has colour (0, 0, 142) "
            f"and (0, 0, 141). Say which one holds: --classes {tmp_path}/label_colors.txt"
        ),
    ):
        find_class_list(list_files(tmp_path), "mine")
    layouts.write(tmp_path / "classes.csv", "name\nroad\nTraffic Light\n")
    with pytest.raises(LabelError, match="'traffic_light' has id 0 and 1"):
        find_class_list(list_files(tmp_path), "mine")
    layouts.write(tmp_path / "classes.csv", "name\nroad\n")
    with pytest.raises(LabelError, match="only one has 'traffic_light'"):
        find_class_list(list_files(tmp_path), "mine")


def test_of_two_lists_with_the_same_colours_the_one_with_ids_is_taken(tmp_path):
    layouts.write(tmp_path / "label_colors.txt", "128 64 128 road\n0 0 142 car\n")
    layouts.write(tmp_path / "classes.csv", "id,name,r,g,b\n1,road,128,64,128\n0,car,0,0,142\n")
    assert found_list(tmp_path) == "classes.csv"
    layouts.write(tmp_path / "labels.txt", "0 128 64 128 road\n1 0 0 142 car\n")
    with pytest.raises(LabelError, match=r"classes\.csv and .*labels\.txt disagree: 'road' has id 1 and 0"):
        find_class_list(list_files(tmp_path), "mine")


def test_a_second_list_that_can_not_be_read_is_refused(tmp_path):
    layouts.write(tmp_path / "classes.csv", "name\nroad\ncar\n")
    layouts.write(tmp_path / "labels.txt", "a.png 0\nb.png 1\n")
    with pytest.raises(LabelError, match=r"labels\.txt:1: 'a\.png' is an image.*: --classes .*/classes\.csv"):
        find_class_list(list_files(tmp_path), "mine")


def test_supervisely_masks_have_the_machine_colours(tmp_path):
    layouts.write(tmp_path / "meta.json", '{"classes": [{"title": "road", "color": "#804080"}]}')
    layouts.write(tmp_path / "obj_class_to_machine_color.json", '{"road": [1, 1, 1]}')
    assert found_list(tmp_path) == "obj_class_to_machine_color.json"


def test_classes_beats_every_list(tmp_path, monkeypatch):
    root = layouts.folder(tmp_path / "pets")
    mine = layouts.write(tmp_path / "mine" / "animals.lst", "nothing\nlion\nwolf\n")
    monkeypatch.chdir(tmp_path / "mine")
    for path in (str(mine), "animals.lst"):
        assert open_dataset(root, classes=path).labels.names == ("nothing", "lion", "wolf")
    (root / "label_colors.txt").unlink()
    assert open_dataset(root, classes=str(mine)).labels.names == ("nothing", "lion", "wolf")
    packed = layouts.zipped(root, tmp_path / "pets.zip", prefix="deep/pets/")
    assert open_dataset(packed, classes=str(mine)).labels.names == ("nothing", "lion", "wolf")
    layouts.write(root / "classes.csv", "name\na\n")
    layouts.write(root / "labels.txt", "b\n")  # two that disagree: the user says which one holds
    assert open_dataset(root, classes=str(root / "labels.txt")).labels.names == ("b",)
    with pytest.raises(LabelError, match=r"gone\.csv: no such file \(--classes\)"):
        with_class_list(list_files(root), tmp_path / "gone.csv")
    with pytest.raises(LabelError, match="the drive has its own"):
        open_dataset("drive", classes=str(mine))


@pytest.mark.parametrize("layout", ["{split}annot", "{split}_labels", "{split}/_L"])
def test_own_data_in_a_layout_of_camvid_never_has_its_classes(layout, tmp_path):
    for split in ("train", "test"):
        for index in range(3):
            name = f"plant_{split}_{index}"
            layouts.save(tmp_path / split / f"{name}.png", layouts.image(index))
            folder = layout.format(split=split)
            place = f"{split}/{name}_L.png" if folder.endswith("_L") else f"{folder}/{name}.png"
            layouts.save(tmp_path / place, layouts.mask(index, 3))
    with pytest.raises(DatasetError, match=r"no list of classes\. Add classes\.csv .*--classes FILE"):
        open_dataset(tmp_path)
    layouts.write(tmp_path / "classes.csv", "name\nbackground\ncrop\nweed\n")
    dataset = open_dataset(tmp_path)
    assert dataset.labels.names == ("background", "crop", "weed") and dataset.name not in ("camvid", "cam101")
    assert (dataset.mask("plant_train_0") == layouts.mask(0, 3)).all()


def test_camvid_spelled_as_cvat_does_is_camvid(tmp_path):
    text = layouts.LABEL_COLORS.replace("MotorcycleScooter", "MotorcycycleScooter").replace(
        "Column_Pole", "column pole"
    )
    classes = written(tmp_path, "label_colors.txt", text)
    assert classes.labels == CAMVID32.with_ignored(())


@pytest.mark.parametrize(
    "name",
    [
        *("Unlabelled", "unlabeled", "VOID", "__ignore__", "ignore_label", "void_", "dont care", "don't care"),
        *("dontcare", "out of roi", "Void / Unlabelled", "not labeled"),
    ],
)
def test_a_void_class_is_ignored_however_it_is_spelled(name, tmp_path):
    root = layouts.folder(tmp_path)
    (root / "label_colors.txt").unlink()
    layouts.write(root / "classes.csv", f"name\nroad\n{name}\ncar\n")
    dataset = open_dataset(root)
    assert dataset.labels.names == ("road", "car") and not dataset.notes
    counted = open_dataset(root, void="class")
    assert counted.labels.classes == 3 and not counted.notes


def test_counting_void_where_no_class_is_void_is_said_to_change_nothing(tmp_path):
    root = layouts.folder(tmp_path)
    assert not open_dataset(root).notes
    (note,) = open_dataset(root, void="class").notes
    assert note == "void is 'class', and no class here is called Void (Unlabeled, Ignore): nothing changes by it."


@pytest.mark.parametrize("name", ["none", "Undefined", "unknown"])
def test_a_class_that_may_be_void_is_scored_with_a_note(name, tmp_path):
    root = layouts.folder(tmp_path)
    (root / "label_colors.txt").unlink()
    layouts.write(root / "classes.csv", f"name\nroad\n{name}\ncar\n")
    dataset = open_dataset(root)
    assert dataset.labels.classes == 3
    assert dataset.notes == (
        f"Class {name!r} is scored. If it means not labelled, ignore it with a line '{name},ignore' in --map FILE.csv.",
    )
    line = layouts.write(tmp_path / "map.csv", f"{name},ignore\n")  # the way out works
    assert open_dataset(root, map=str(line)).labels.names == ("road", "car")


def test_the_class_sets_of_benchmarks():
    assert {name: preset.classes for name, preset in PRESETS.items()} == {
        "camvid32": 31,
        "camvid11": 11,
        "cityscapes19": 19,
        "voc21": 21,
        "ade150": 150,
    }
    cityscapes = PRESETS["cityscapes19"]
    assert cityscapes.names[:3] == ("road", "sidewalk", "building") and cityscapes.names[18] == "bicycle"
    table = CITYSCAPES_IDS.labels.mapping_to(cityscapes)
    assert [table[label_id] for label_id in (0, 6, 7, 8, 11, 18, 26, 33)] == [255, 255, 0, 1, 2, 255, 13, 18]
    assert (CITYSCAPES_TRAIN_IDS.values[18], CITYSCAPES_TRAIN_IDS.values[19]) == (18, 255)
    assert VOC21_CLASSES.labels.names[15] == "person" and VOC21_CLASSES.labels.colors[15] == (192, 128, 128)
    assert VOC21_CLASSES.values[20:] == (20, 255)
    assert ADE150_CLASSES.values[:2] == (1, 2) and ADE150_CLASSES.values[150] == 0
    assert ADE150_CLASSES.labels.names[149] == "flag"


def test_a_text_of_ten_thousand_lines_is_no_list(tmp_path):
    (tmp_path / "names.txt").write_text("class\n" * 10_001)
    with pytest.raises(LabelError, match=r"names\.txt: 10,001 lines; a list of classes has at most 10,000\."):
        read_classes(list_files(tmp_path), "names.txt", "mine")


def test_a_yaml_list_of_many_levels_is_refused_before_it_ends_the_process(tmp_path):
    (tmp_path / "data.yaml").write_text("names: " + "[" * 20_000)
    with pytest.raises(LabelError, match=r"data\.yaml.*no valid YAML"):
        read_classes(list_files(tmp_path), "data.yaml", "names")


def test_the_command_for_latin_1_works_as_it_is_printed(tmp_path):
    path = tmp_path / "my classes" / "classes.csv"
    path.parent.mkdir()
    path.write_bytes("name\nsky\nstraße\n".encode("latin-1"))
    with pytest.raises(DatasetError) as refusal:
        decode_text(path.read_bytes(), str(path))
    subprocess.run(str(refusal.value).partition("if that is right: ")[2], shell=True, check=True)
    assert path.read_text("utf-8") == "name\nsky\nstraße\n"
    assert [file.name for file in path.parent.iterdir()] == ["classes.csv"]
