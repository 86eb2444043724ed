"""Pipelines of albumentations: what its `save` wrote, and Python code, which is read and never run."""

import json
import re

import albumentations as A
import numpy as np
import pytest

from segcore.augment import Pipeline, presets
from segcore.augment.catalog import CATALOG, LEFT_OUT
from segcore.augment.steps import Group, Step
from segcore.errors import AugmentError

# The library keeps these in another form than they were given, which means the same.
ALIKE = {"ShiftScaleRotate", "PlanckianJitter"}


def saved(compose):
    return json.dumps(A.to_dict(compose), default=list) + "\n"


def built(pipeline):
    """The pipeline in albumentations, by its exported code."""
    names = {}
    exec(pipeline.to_python(), names)
    return names["transform"]


def code(calls, head=""):
    return f"import albumentations as A\nimport cv2\n{head}\ntransform = A.Compose([\n{calls}\n])\n"


def refused(text, message):
    with pytest.raises(AugmentError, match=re.escape(message)):
        Pipeline.from_yaml(text)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CATALOG)
def test_every_transform_comes_back_from_its_code_and_from_what_is_saved(name):
    pipeline = Pipeline((Step.create(name, 0.4),))
    for text in (pipeline.to_python(), saved(built(pipeline))):
        again = Pipeline.from_yaml(text)
        assert again.notes == ()
        assert str(built(again).to_dict()) == str(built(pipeline).to_dict())
        assert again == pipeline or name in ALIKE


@pytest.mark.parametrize("name", presets())
def test_presets_come_back_from_their_code(name):
    assert Pipeline.from_yaml(presets()[name].to_python()) == presets()[name]


def test_a_training_pipeline_as_people_write_it():
    text = code(
        "A.HorizontalFlip(),\n"
        "A.Rotate(LIMIT, border_mode=cv2.BORDER_REFLECT_101, p=0.3),\n"
        "A.OneOf([A.RandomBrightnessContrast(0.2, 0.2), A.CLAHE()], p=0.5),\n"
        "A.Normalize(),\nA.pytorch.ToTensorV2(),",
        head="LIMIT = 30\nopen('/tmp/never', 'w')",
    )
    pipeline = Pipeline.from_yaml(text)
    flip, rotate, one = pipeline.steps
    assert flip == Step.create("HorizontalFlip", 0.5)
    assert rotate == Step.create("Rotate", 0.3, limit=[-30, 30], border_mode="reflect", fill=[0, 0, 0])
    assert isinstance(one, Group) and [step.name for step in one.steps] == ["RandomBrightnessContrast", "CLAHE"]
    assert pipeline.notes == (
        "Rotate: fill_mask is always 255 here; the file has 0.0.",
        *(f"{name} is left out. {LEFT_OUT[name]}" for name in ("Normalize", "ToTensorV2")),
    )


def test_what_is_saved_is_applied_as_the_library_does():
    rng = np.random.default_rng(0)
    image, mask = rng.integers(0, 256, (40, 60, 3), np.uint8), rng.integers(0, 5, (40, 60), np.uint8)
    compose = A.Compose([A.VerticalFlip(p=1), A.RandomBrightnessContrast((0.3, 0.3), (0.1, 0.1), p=1)])
    ours = Pipeline.from_yaml(saved(compose))(image, mask, seed=3)
    theirs = compose(image=image, mask=mask)
    assert np.array_equal(ours[0], theirs["image"]) and np.array_equal(ours[1], theirs["mask"])


def test_a_file_before_version_2():
    text = json.dumps(
        {
            "__version__": "1.3.0",
            "transform": {
                "__class_fullname__": "Compose",
                "p": 1.0,
                "transforms": [
                    {"__class_fullname__": "albumentations.HorizontalFlip", "always_apply": True, "p": 0.5},
                ],
            },
        }
    )
    assert Pipeline.from_yaml(text + "\n") == Pipeline((Step.create("HorizontalFlip", 1.0),))
    refused(
        text.replace('"p": 0.5', '"max_holes": 8') + "\n",
        "HorizontalFlip of albumentations 2.0.8 has no argument max_holes.",
    )


@pytest.mark.parametrize(
    ("calls", "message"),
    [
        ("A.HorizontalFlp(),", "line 5: expected a transform of albumentations, got A.HorizontalFlp()"),
        ("A.Mosaic(),", "line 5: Mosaic is not offered. It mixes in other pictures"),
        ("A.Rotate(limit=size),", "line 5: Rotate: limit is size; write its value out."),
        ("A.Rotate(**options),", "line 5: Rotate with * or **; write its arguments out."),
        ("A.Rotate(limt=3),", "line 5: Rotate of albumentations 2.0.8 has no argument limt."),
        ("A.Rotate(crop_border=True),", "line 5: Rotate: crop_border changes the size of the picture."),
        ("A.RandomRain(blur_value=99),", "line 5: "),
        ("A.Sequential([A.CLAHE()], p=0.5),", "line 5: Sequential is read where it is always applied"),
        ("A.SomeOf([A.CLAHE()], n=1, replace=True),", "line 5: SomeOf with n, replace can't be applied"),
        ("A.OneOf(others),", "line 5: OneOf: expected a list of transforms, got others."),
        ("make_transform(),", "line 5: expected a transform of albumentations, got make_transform()"),
    ],
)
def test_what_can_not_be_read_names_the_line(calls, message):
    refused(code(calls), message)


def test_groups_without_a_chance_have_that_of_the_library():
    """A file that was edited by hand may lack it."""
    saved_without = {"__class_fullname__": "Compose", "transforms": [{"__class_fullname__": "HorizontalFlip"}]}
    text = json.dumps({"__version__": "2.0.8", "transform": saved_without}) + "\n"
    assert Pipeline.from_yaml(text) == Pipeline((Step.create("HorizontalFlip", 0.5),))


def test_two_pipelines_and_none():
    refused("a = A.Compose([])\nb = A.Compose([])\n", "2 Composes (lines 1, 2); expected one.")
    refused("# A.Compose([\n", "0 Composes; expected one.")
    refused("A.Compose([\n", "not Python (")
    refused("t = A.Compose([], p=0.5)\n", "expected a Compose with p=1, got Compose with p=0.5.")
    refused('{"__class_fullname__": 3}\n', "not as albumentations.save writes it: no 'transform'.")
    refused('{"transform": [], "__class_fullname__": 3}\n', "not as albumentations.save writes it: no 'transform'.")


def test_a_file_is_named_and_its_notes_reach_whoever_trains(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(code("A.Rotate(),\nA.Mosaic(),"))
    refused(path, "mine.py, line 6: Mosaic is not offered.")
