"""Reading, writing, refusing and applying pipelines."""

import gc
import pickle
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from segcore.augment import Group, Pipeline, Step, load_pipeline, presets
from segcore.augment.parameter_base import ParameterError
from segcore.errors import AugmentError

IMAGE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
MASK = np.repeat(np.arange(6, dtype=np.uint8), 10)[:, None].repeat(80, axis=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1\n- 2\n", r"^line 1: Not a pipeline: expected 'version' and 'transforms'; got a list\.$"),
        ("hello: 1\n", r"^line 1: No key of a pipeline 'hello'\. Choose one of version, transforms\.$"),
        ("version: 1\n", r"^line 1: Not a pipeline: it has no 'transforms'\.$"),
        ("version: 9\ntransforms: []\n", r"^line 1: Pipeline version 9; this Segcore reads version 1\.$"),
        ("transforms: 3\n", r"^line 1: 'transforms' must be a list of transforms; got '3'\.$"),
        ("transforms:\n  - Rotat: {}\n", r"^line 2: No transform 'Rotat'\. Did you mean 'Rotate'\?"),
        (
            "transforms:\n  - HorizontalFlip\n  - Rotate: {limt: [1, 2]}\n",
            r"^line 3: Rotate has no parameter 'limt'\. Did you mean 'limit'\? It takes p, limit, border_mode, inter",
        ),
        (
            "transforms:\n  - Rotate:\n      p: 0.5\n      limit: [-300, 30]\n",
            r"^line 4: Rotate: limit is \[-300, 30\]; expected two of a whole number from -180 to 180, e\.g\. ",
        ),
        ("transforms:\n  - Rotate: {limit: [30, -30]}\n", r"the smaller end comes first: \[-30, 30\]"),
        ("transforms:\n  - Rotate: {p: 1.5}\n", r"^line 2: Rotate: p is 1\.5; expected a number from 0 to 1\.$"),
        (
            "transforms:\n  - Rotate: {border_mode: mirror}\n",
            r"^line 2: Rotate: No border_mode 'mirror'\. Choose one of fill, reflect, replicate, wrap\.$",
        ),
        ("transforms:\n  - MotionBlur: {blur_limit: [4, 8]}\n", r"two of an odd number from 3 to 31"),
        ("transforms:\n  - RandomToneCurve: {per_channel: 3}\n", r"per_channel is 3; expected true or false"),
        ("transforms:\n  - ElasticTransform: {alpha: nan}\n", r"alpha is 'nan'; expected a number from 0 to 500"),
        (
            "transforms:\n  - {Rotate: {}, HorizontalFlip: {}}\n",
            r"^line 2: One transform per list item; got Rotate, HorizontalFlip\.$",
        ),
        ("transforms:\n  - Rotate: 30\n", r"^line 2: Rotate: settings are written '\{p: 0\.5, \.\.\.\}'; got '30'\.$"),
        (
            "transforms:\n  - Rotate:\n      p: 0.5\n      p: 0.7\n",
            r"^line 4: 'p' stands here twice\.$",
        ),
        ("transforms:\n  - OneOff: {p: 1}\n", r"^line 2: No transform 'OneOff'\. Did you mean 'OneOf'\?"),
        (
            "transforms:\n  - SomeOf:\n      n: 3\n      transforms:\n        - Rotate\n        - ToGray\n",
            r"^line 3: SomeOf: n is 3; expected a whole number from 1 to 2\.$",
        ),
        (
            "transforms:\n  - OneOf:\n      n: 1\n      transforms: [Rotate]\n",
            r"^line 3: OneOf has no parameter 'n'; it applies one\. SomeOf picks n\.$",
        ),
        (
            "transforms:\n  - OneOf:\n      weight: 1\n      transforms: [Rotate]\n",
            r"^line 3: OneOf has no parameter 'weight'\. It takes p, transforms, enabled\.$",
        ),
        (
            "transforms:\n  - OneOf:\n      transforms:\n        - Rotate\n        - Rotate: {limit: [5, 1]}\n",
            r"^line 5: Rotate: limit is \[5, 1\]; the smaller end comes first: \[1, 5\]\.$",
        ),
        ("transforms:\n  - OneOf: {transforms: Rotate}\n", r"^line 2: 'transforms' must be a list of transforms; got "),
        ("transforms:\n  - Rotate: {enabled: 3}\n", r"^line 2: Rotate: enabled is 3; expected true or false\.$"),
        ("transforms:\n  - Rotate: {limit: 2001-13-45}\n", r"^line 2: not a plain value: month must be in 1\.\.12"),
        ("transforms: [Rotate, []]\n", r"^line 1: A transform is written 'Name: \{p: 0\.5, \.\.\.\}'; got a list\.$"),
        ("transforms: [{}]\n", r"^line 1: One transform per list item; got none\.$"),
        ("a: &a [*a]\n", r"^line 1: not YAML: \*a stands for something else; write it out\.$"),
        ("transforms:\n  - Rotate: {name: x}\n", r"^line 2: Rotate has no parameter 'name'\. It takes p, limit"),
        ("transforms:\n  - Rotate: {cls: x}\n", r"^line 2: Rotate has no parameter 'cls'\."),
        (
            "transforms:\n  - Rotate: {limit: [" + "1, " * 500 + "1]}\n",
            r"^line 2: Rotate: limit is \[1, 1, .{0,120}…; expected",
        ),
        ("transforms:\n  - Rotate: {limit: &a [*a, 1]}\n", r"^line 2: "),
        ("transforms: " + "[" * 3000 + "]" * 3000 + "\n", r"nested too deep|^line 1: "),
        (
            "transforms:\n  - OneOf:\n      transforms:\n        - OneOf:\n            transforms:\n"
            "              - OneOf:\n                  transforms:\n"
            "                    - OneOf: {transforms: [Rotate]}\n",
            r"^line 8: Groups more than 3 deep in one another\.$",
        ),
        (
            "transforms: [" + "Rotate, " * 61 + "]\n",
            r"^A pipeline of 61 transforms; at most 60 are taken\. Leave some out\.$",
        ),
        ("x" * 50_001 + ": 1\n", r"^50005 characters; a pipeline has at most 50000\. Is it another file\?$"),
        ("transforms: [\n", r"^line 2: not YAML: "),
        (
            "transforms:\n  - Rotate: {limit: !!python/name:os.system }\n",
            r"^line 2: not a plain value: could not determine a constructor",
        ),
    ],
)
def test_what_is_no_pipeline_is_refused_with_its_line(text, message):
    with pytest.raises(AugmentError, match=message):
        Pipeline.from_yaml(text)


def test_a_file_is_named_in_its_errors(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("transforms:\n  - Nothing: {}\n")
    with pytest.raises(AugmentError, match=r"^mine\.yaml, line 2: No transform 'Nothing'"):
        Pipeline.from_yaml(str(path))
    with pytest.raises(AugmentError, match=r"^Can't read the pipeline '.*absent\.yaml': No such file or directory\.$"):
        Pipeline.from_yaml(tmp_path / "absent.yaml")


def test_values_from_elsewhere_have_no_line():
    with pytest.raises(AugmentError, match=r"^No transform 'Rotat'"):
        Pipeline.from_dict({"transforms": [{"Rotat": {}}]})


def test_defaults_may_be_left_out():
    short = Pipeline.from_yaml("transforms:\n  - HorizontalFlip\n  - Rotate:\n  - GaussNoise: {p: 0.1}\n")
    assert short.steps == (Step.create("HorizontalFlip"), Step.create("Rotate"), Step.create("GaussNoise", 0.1))


def test_yaml_is_one_line_a_transform():
    pipeline = Pipeline((Step.create("Rotate", 0.5, limit=(-10, 10)),))
    assert pipeline.to_yaml() == (
        "version: 1\ntransforms:\n  - Rotate: {p: 0.5, limit: [-10, 10], border_mode: fill}\n"
    )
    assert Pipeline.from_yaml(Pipeline().to_yaml()) == Pipeline()


def test_uncovered_pixels_are_ignored_on_the_mask():
    image, mask = Pipeline((Step.create("Rotate", 1.0, limit=(45, 45)),))(IMAGE, MASK, seed=1)
    assert mask[0, 0] == 255
    assert tuple(image[0, 0]) == (124, 116, 104)


def test_nothing_is_invented_when_nothing_is_applied():
    image, mask = Pipeline()(IMAGE, MASK, seed=3)
    assert (image == IMAGE).all() and image is not IMAGE
    assert (mask == MASK).all() and mask is not MASK
    assert Pipeline().trace(IMAGE, MASK, seed=3) == ()


def test_transforms_are_drawn_independently():
    """albumentations' set_random_seed gives every transform the same stream: all would fire together."""
    names = ("HorizontalFlip", "RandomBrightnessContrast", "RandomGamma")
    pipeline = Pipeline(tuple(Step.create(name, 0.5) for name in names))
    patterns = {tuple(fired.step for fired in pipeline.trace(IMAGE, MASK, seed=seed)) for seed in range(60)}
    assert len(patterns) == 8


def test_trace_names_what_fired_with_its_values():
    pipeline = Pipeline(
        (
            Step.create("HorizontalFlip", 0.0),
            Step.create("Rotate", 1.0, limit=(30, 30)),
            Step.create("RandomGamma", 1.0),
        )
    )
    turned, gamma = pipeline.trace(IMAGE, MASK, seed=7)
    assert (turned.step, turned.name) == (1, "Rotate")
    assert turned.values == {"angle": pytest.approx(30)}
    assert gamma.name == "RandomGamma" and 0.8 <= gamma.values["gamma"] <= 1.2
    assert pipeline.trace(IMAGE, MASK, seed=7) == (turned, gamma)


def test_sizes_must_match():
    with pytest.raises(AugmentError, match=r"^The mask is 60x70, the image 60x80; they must match\.$"):
        Pipeline()(IMAGE, MASK[:, :70], seed=0)


def test_a_picture_too_small_is_named():
    with pytest.raises(AugmentError, match=r"^GridDistortion can't take a picture of 2x2: "):
        Pipeline((Step.create("GridDistortion", 1.0),))(IMAGE[:2, :2], MASK[:2, :2], seed=0)


def test_presets_are_there_in_order():
    named = presets()
    assert list(named) == ["none", "light", "driving", "strong", "assignment"]
    assert named["none"].steps == ()
    assert len(named["assignment"].steps) == 5
    assert "VerticalFlip" not in {step.name for step in named["driving"].steps}
    for pipeline in named.values():
        pipeline(IMAGE, MASK, seed=1)


def test_a_pipeline_is_named_by_preset_file_or_values(tmp_path):
    light = presets()["light"]
    path = tmp_path / "mine.yaml"
    path.write_text(light.to_yaml())
    assert load_pipeline("light") == load_pipeline(path) == load_pipeline(light.to_dict()) == light
    with pytest.raises(AugmentError, match=r"^No pipeline 'ligth'\. Did you mean 'light'\? Give a YAML file or one of"):
        load_pipeline("ligth")


def test_a_new_seed_builds_nothing_anew(monkeypatch):
    """Building takes milliseconds; benchmarks/pipeline.py measures both."""
    import albumentations

    pipeline = Pipeline(
        tuple(Step.create(name, 0.0) for name in ("Rotate", "Affine", "RandomGamma", "GaussNoise", "CLAHE"))
    )
    pipeline(IMAGE, MASK, seed=0)
    for name in ("Compose", "Rotate", "Affine", "RandomGamma", "GaussNoise", "CLAHE"):
        monkeypatch.setattr(albumentations, name, lambda *_, **__: pytest.fail("built again"))
    for seed in range(50):
        pipeline(IMAGE, MASK, seed=seed)


def test_importing_the_room_needs_no_albumentations():
    code = "import sys, segcore.augment as a; a.presets(); print({'albumentations', 'torch', 'cv2'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


GROUPED = Pipeline(
    (
        Step.create("HorizontalFlip"),
        Group.create(
            "OneOf",
            (
                Step.create("GaussNoise", 0.3),
                Step.create("MedianBlur", 0.7),
                Group.create("SomeOf", (Step.create("RandomGamma"), Step.create("ToGray")), n=2),
            ),
            0.9,
        ),
        Step.create("Rotate", 0.5, enabled=False),
        Group.create("SomeOf", (Step.create("Rotate", 0.8), Step.create("RGBShift", 0.8), Step.create("CLAHE")), n=2),
    )
)


def test_groups_stand_in_the_file_as_they_are_written():
    text = GROUPED.to_yaml()
    assert (
        "  - OneOf:\n      p: 0.9\n      transforms:\n"
        "        - GaussNoise: {p: 0.3, std_range: [0.02, 0.1]}\n"
        "        - MedianBlur: {p: 0.7, blur_limit: [3, 7]}\n"
        "        - SomeOf:\n            p: 1.0\n            n: 2\n            transforms:\n"
    ) in text
    assert "  - Rotate: {enabled: false, p: 0.5, " in text
    assert Pipeline.from_yaml(text) == GROUPED
    assert Pipeline.from_dict(GROUPED.to_dict()) == GROUPED


def test_exported_python_of_groups_gives_the_same_bits():
    exported: dict = {}
    exec(GROUPED.to_python(), exported)
    fired = set()
    for seed in range(40):
        image, mask = GROUPED(IMAGE, MASK, seed=seed)
        alone = exported["augment"](IMAGE, MASK, seed)
        assert (alone[0] == image).all() and (alone[1] == mask).all()
        fired |= {item.step for item in GROUPED.trace(IMAGE, MASK, seed=seed)}
    assert fired == {0, 1, 2, 3, 4, 6, 7, 8}  # 5 is switched off


def test_a_trace_is_of_this_call_alone():
    """A transform of a group that was not picked keeps what it drew before."""
    pipeline = Pipeline((Group.create("OneOf", (Step.create("RandomGamma"), Step.create("MedianBlur")), 1.0),))
    for seed in range(20):
        assert len(pipeline.trace(IMAGE, MASK, seed=seed)) == 1


def test_what_can_do_nothing_does_nothing():
    idle = Pipeline(
        (
            Step.create("Rotate", 1.0, enabled=False),
            Group.create("OneOf"),
            Group.create("OneOf", (Step.create("ToGray", 0.0),), 1.0),
            Group.create("SomeOf", (Step.create("ToGray", enabled=False),), 1.0),
            Group.create("OneOf", (Step.create("ToGray", 1.0),), 1.0, enabled=False),
        )
    )
    assert idle.active == ()
    assert (idle(IMAGE, MASK, seed=1)[0] == IMAGE).all()
    assert Pipeline.from_yaml(idle.to_yaml()) == idle
    assert "A.ToGray" not in idle.to_python()


def test_more_picks_than_are_switched_on_is_all_of_them():
    steps = (Step.create("RandomGamma", 1.0), Step.create("RGBShift", 1.0), Step.create("ToGray", 1.0, enabled=False))
    pipeline = Pipeline((Group.create("SomeOf", steps, n=3),))
    assert [item.step for item in pipeline.trace(IMAGE, MASK, seed=0)] == [0, 1]


def test_stages_lead_from_the_picture_to_the_result():
    for seed in range(10):
        stages = GROUPED.stages(IMAGE, MASK, seed=seed)
        assert tuple(stage.applied for stage in stages) == GROUPED.trace(IMAGE, MASK, seed=seed)
        image, mask = GROUPED(IMAGE, MASK, seed=seed)
        if stages:
            assert (stages[-1].image == image).all() and (stages[-1].mask == mask).all()
        if stages and stages[0].applied.name == "HorizontalFlip":
            assert (stages[0].image == IMAGE[:, ::-1]).all() and (stages[0].mask == MASK[:, ::-1]).all()


def test_one_pipeline_in_many_threads_is_the_same_pipeline():
    alone = [GROUPED(IMAGE, MASK, seed=seed) for seed in range(24)]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda seed: GROUPED(IMAGE, MASK, seed=seed), range(24)))
    for (image, mask), (other, under) in zip(alone, together, strict=True):
        assert (image == other).all() and (mask == under).all()


def test_check_names_what_a_size_can_not_take():
    Pipeline((Step.create("Rotate"),)).check(32, 32)
    with pytest.raises(AugmentError, match=r"^GridDistortion can't take a picture of 2x2: "):
        Pipeline((Step.create("HorizontalFlip"), Step.create("GridDistortion", 0.1))).check(2, 2)


def test_what_was_drawn_is_told_in_a_few_numbers():
    def notes(name, **values):
        return Pipeline((Step.create(name, 1.0, **values),)).trace(IMAGE, MASK, seed=3)[0].values

    affine = notes("Affine", scale=(1, 1), rotate=(0, 0), translate_percent=(0.1, 0.1))
    assert affine["shift"] == {"x": pytest.approx(8, abs=0.6), "y": pytest.approx(6, abs=0.6)}
    assert notes("GaussianBlur", sigma_limit=(1, 1))["kernel"] % 2 == 1
    assert set(notes("CoarseDropout", num_holes_range=(3, 3))) == {"holes", "covered"}
    assert notes("CoarseDropout", num_holes_range=(1, 1))["holes"] == 1
    assert notes("ElasticTransform")["moved_up_to"] > 0
    assert notes("Perspective")["corners_moved"] > 0
    # In the units of the settings, whatever albumentations multiplies and adds.
    values = notes("RandomBrightnessContrast", brightness_limit=(0.2, 0.2), contrast_limit=(-0.1, -0.1))
    assert values == {"contrast": -0.1, "brightness": 0.2}
    assert len(notes("RGBShift")["shift"]) == 3
    assert notes("GaussNoise")["noise"] > 0


def test_a_list_is_no_pipeline():
    with pytest.raises(AugmentError, match=r"^A pipeline is \['Rotate'\]; expected a preset \(none, light, "):
        load_pipeline(["Rotate"])


def crop(size, p=1.0):
    return Step.create("RandomCrop", p, height=size, width=size, pad_if_needed=False)


@pytest.mark.parametrize(
    "steps",
    [
        (Step.create("Resize", 1.0, height=50, width=50), crop(40)),
        (Group.create("OneOf", (crop(40),), 1.0, enabled=False),),
        (crop(40, p=0.0),),
        (Group.create("OneOf", (crop(40, p=0.0), Step.create("ToGray")), 1.0),),
        (Group.create("OneOf", (crop(20), crop(30)), 1.0),),
        (Group.create("SomeOf", (crop(20), crop(30)), n=1),),
        (Group.create("SomeOf", (crop(30), crop(20)), n=2),),
    ],
)
def test_check_lets_pass_what_always_fits(steps):
    Pipeline(steps).check(32, 32)


@pytest.mark.parametrize(
    "steps",
    [
        (crop(20), crop(30)),
        (crop(20, p=0.5), crop(30)),
        (Step.create("Resize", 0.5, height=50, width=50), crop(40)),
        (Group.create("OneOf", (crop(20), Step.create("ToGray")), 1.0), crop(30)),
        (Group.create("SomeOf", (crop(20), crop(30)), n=2),),
        (Group.create("SomeOf", (crop(20, p=0.5), Step.create("ToGray"), crop(30)), n=2),),
    ],
)
def test_check_refuses_what_some_draw_can_not_take(steps):
    with pytest.raises(
        AugmentError, match=r"^RandomCrop can't take a picture of \d+x\d+: it cuts out \d+x\d+\. Make that"
    ):
        Pipeline(steps).check(32, 32)


def test_nothing_of_a_picture_is_kept_until_the_next_one():
    """Maps and noise are as large as the picture, and a page makes a pipeline a slider move."""
    pipeline = Pipeline((Step.create("GaussNoise", 1.0), Step.create("ElasticTransform", 1.0)))
    pipeline.stages(IMAGE, MASK, seed=1)  # what the library sets up once
    image, mask = np.zeros((200, 200, 3), np.uint8), np.zeros((200, 200), np.uint8)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        pipeline.stages(image, mask, seed=1)
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert kept < mask.nbytes


def test_stripes_that_were_not_drawn_are_told_too():
    stripes = Step.create("XYMasking", 1.0, num_masks_x=[0, 1], num_masks_y=[0, 1])
    notes = [Pipeline((stripes,)).trace(IMAGE, MASK, seed=seed)[0].values["holes"] for seed in range(12)]
    assert set(notes) == {0, 1, 2}


def test_an_error_crosses_processes():
    error = pickle.loads(pickle.dumps(ParameterError("limit", "limit is 3")))
    assert (error.name, str(error)) == ("limit", "limit is 3")


def test_augmenting_loads_no_torch_and_the_transforms_to_tensors_stay_within_reach():
    code = (
        "import sys, numpy as np; from segcore.augment import Pipeline, Step; "
        "image, mask = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8); "
        "Pipeline((Step.create('HorizontalFlip', 1.0),))(image, mask, seed=1); "
        "print('torch' in sys.modules); import albumentations; "
        "print(albumentations.ToTensorV2.__module__, hasattr(albumentations, 'nothing'))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert result.stdout.split() == ["False", "albumentations.pytorch.transforms", "False"]
