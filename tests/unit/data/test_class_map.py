"""--map: regrouping, renaming and ignoring classes by lines of a CSV."""

import re

import numpy as np
import pytest
from fixtures import layouts
from fixtures.runs import fake_run

from segcore.data import OpenOptions, open_dataset
from segcore.data.class_lists import apply_map
from segcore.errors import LabelError
from segcore.labels import CAMVID32, IGNORE_INDEX, LabelMap
from segcore.runs import RunWriter
from segcore.runs.reproduce import open_data, open_options_of
from segcore.training.config import TrainConfig

STREET = LabelMap(
    "street",
    ("road", "Traffic Light", "car", "truck", "sky"),
    ((1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4), (5, 5, 5)),
)


def mapped(folder, text):
    return apply_map(STREET, layouts.write(folder / "map.csv", text))


@pytest.mark.parametrize(
    "text",
    [
        "from,to\ncar,vehicle\ntruck,vehicle\nsky,ignore\n",
        "\ufeffFrom;To\r\nCAR;vehicle\r\ntruck;Vehicle\r\nsky;\r\n",
        "# mine\ncar\tvehicle\ntruck\tvehicle\n\nsky\tIGNORE\n",
    ],
)
def test_classes_are_merged_renamed_and_ignored(text, tmp_path):
    labels = mapped(tmp_path, text)
    assert labels.names == ("vehicle", "road", "Traffic Light")  # first those that the map names
    assert labels.colors == ((3, 3, 3), (1, 1, 1), (2, 2, 2))
    assert labels.ignored == (("sky", (5, 5, 5)),)
    assert STREET.mapping_to(labels)[:5].tolist() == [1, 2, 0, 0, IGNORE_INDEX]
    assert LabelMap.from_dict(labels.to_dict()) == labels


def test_a_star_stands_for_the_rest(tmp_path):
    assert mapped(tmp_path, "traffic_light,light\n*,ignore\n").names == ("light",)
    assert mapped(tmp_path, "*,other\ntraffic_light,light\n").names == ("other", "light")


def test_a_third_column_is_the_colour(tmp_path):
    for text in ("car,vehicle,#ff0000\n", "from,to,r,g,b\ncar,vehicle,255,0,0\n", "car,vehicle,255,0,0\n"):
        assert mapped(tmp_path, text).colors[0] == (255, 0, 0)


def test_a_name_that_moves_on_is_free_again(tmp_path):
    labels = mapped(tmp_path, "car,ignore\ntruck,car\n")
    assert labels.names == ("car", "road", "Traffic Light", "sky")
    assert STREET.mapping_to(labels)[:5].tolist() == [1, 2, IGNORE_INDEX, 0, 3]
    labels = mapped(tmp_path, "car,truck\ntruck,car\n")
    assert STREET.mapping_to(labels)[2:4].tolist() == [0, 1] and labels.names[:2] == ("truck", "car")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("car,vehicle\ntruk,vehicle\n", "map.csv:2: No class 'truk' in this data. Did you mean 'truck'? It has road,"),
        ("car,a\nCar,b\n", "map.csv:2: class 'car' is already on line 1."),
        ("*,a\n*,b\n", "map.csv:2: '*' is already on line 1."),
        ("*,ignore\n", "map.csv: every class is ignored, and none is left to score."),
        ("car\n", "map.csv:1: 'car'; expected 'from,to'"),
        ("from,into\ncar,a\n", "map.csv: no column 'to' among 'from', 'into'; expected 'from,to'"),
        (",a\n", "map.csv:1: no class before 'a'"),
        ("car,vehicle,#010101\n", "class 'road' has the colour (1, 1, 1) of 'vehicle'. Give one of them another"),
    ],
)
def test_what_a_map_gets_wrong(text, message, tmp_path):
    with pytest.raises(LabelError, match=re.escape(message)):
        mapped(tmp_path, text)


def test_a_map_works_on_the_drive_and_not_with_a_preset(tmp_path):
    text = layouts.write(tmp_path / "map.csv", "road,ground\nsidewalk,ground\n*,other\n")
    dataset, native = open_dataset("drive", map=str(text)), open_dataset("drive")
    sample = native.ids[0]
    road = native.mask(sample) == CAMVID32.index("Road")
    assert dataset.labels.names == ("ground", "other") and (dataset.mask(sample)[road] == 0).all()
    assert dataset.fingerprint != native.fingerprint
    with pytest.raises(LabelError, match=r"labels is camvid11 and map is .*: both regroup the classes\. Leave one"):
        open_dataset("drive", labels="camvid11", map=str(text))
    with pytest.raises(LabelError, match=r"gone.csv: can't be read \(No such file or directory\)\. Give --map a CSV"):
        open_dataset("drive", map="gone.csv")


def test_void_stays_void_and_what_the_map_ignores_is_never_counted(tmp_path):
    text = layouts.write(tmp_path / "map.csv", "car,ignore\n")
    assert "Void" not in open_dataset("drive", map=str(text)).labels.names
    counted = open_dataset("drive", map=str(text), void="class").labels
    assert "Void" in counted.names and [name for name, _ in counted.ignored] == ["Car"]


def test_a_run_opens_its_data_with_its_list_and_map(tmp_path, monkeypatch):
    root = layouts.folder(tmp_path / "pets")
    layouts.write(tmp_path / "mine.csv", "name\nnothing\nlion\nwolf\n")
    layouts.write(tmp_path / "map.csv", "lion,animal\nwolf,animal\n")
    monkeypatch.chdir(tmp_path)
    config = TrainConfig(data=str(root), classes="mine.csv", map="map.csv")
    assert config.open_options == OpenOptions(classes=str(tmp_path / "mine.csv"), map=str(tmp_path / "map.csv"))
    trained = config.open_options.open(root)
    run = fake_run(tmp_path / "runs", "unet")
    info = run.summary.dataset.model_copy(update={"source": str(root)})
    summary = run.summary.model_copy(update={"dataset": info, "labels": trained.labels.to_dict()})
    RunWriter(run.path).write_summary(summary)
    RunWriter(run.path).write_config(config.values())
    again = type(run)(run.path, summary, run.version)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert open_options_of(again) == config.open_options
    assert open_data(again).fingerprint == trained.fingerprint and again.labels == trained.labels
    assert np.array_equal(open_data(again).mask("tom"), np.minimum(layouts.mask(0, 3), 1) ^ 1)
