"""Every transform of the catalog, over random parameters, keeps the promises of a pipeline.

`pytest tests/unit/augment/test_catalog.py --hypothesis-profile=thorough` tries 300 new examples of each.
"""

import re
import warnings
from dataclasses import fields

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from segcore.augment import CATALOG, GROUPS, LEFT_OUT, Choice, Flag, Nested, Pair, Pipeline, Range, Step
from segcore.augment.library_schema import recorded_schema
from segcore.augment.parameter_base import ParameterError
from segcore.augment.parameters import Axes, Color, Region
from segcore.augment.transform_spec import TransformSpec
from segcore.errors import AugmentError

SIZES = st.sampled_from([(48, 64), (64, 48), (97, 65)])
# These refuse pictures that are smaller than what they cut out, or than their cells, stripes and drops.
NEED_ROOM = {
    *("CenterCrop", "Crop", "CropNonEmptyMaskIfExists", "RandomCrop", "RandomSizedCrop"),
    *("GridDropout", "RandomRain", "XYMasking"),
    *(("AutoContrast",) if cv2.__version__ < "5" else ()),  # albumentations 2.0.8 gives OpenCV 4 a mask that it refuses
}
LARGEST = 120  # pixels, so that a crop of 4096x4096 does not take all the time


def few(examples, slow=1):
    """As many examples as the suite has time for; as many as the profile says, where it is the thorough one."""
    thorough = hypothesis_settings().max_examples > 100
    # Most values of some transforms contradict each other (a height beside a divisor), and are drawn again.
    return hypothesis_settings(
        max_examples=hypothesis_settings().max_examples // slow if thorough else examples,
        suppress_health_check=[HealthCheck.filter_too_much],
    )


def number_of(parameter, largest):
    if not parameter.whole:
        return st.floats(parameter.low, parameter.high, allow_nan=False).map(lambda value: clipped(parameter, value))
    high = min(parameter.high, max(largest, parameter.low)) if parameter.high > 300 else parameter.high
    return st.integers(0, int((high - parameter.low) // parameter.step)).map(
        lambda index: parameter.low + index * parameter.step
    )


def clipped(parameter, value):
    return min(max(round(value, 3), parameter.low), parameter.high)


def values_of(parameter, largest=10**6):
    if isinstance(parameter, Choice):
        return st.sampled_from(sorted(parameter.options))
    if isinstance(parameter, Flag):
        return st.booleans()
    if isinstance(parameter, Color):
        return st.tuples(*[st.integers(0, 255)] * 3)
    if isinstance(parameter, Region):
        side = st.lists(st.integers(0, 20), min_size=2, max_size=2, unique=True).map(sorted)
        return st.tuples(side, side).map(lambda s: tuple(item / 20 for item in (s[0][0], s[1][0], s[0][1], s[1][1])))
    one = number_of(parameter, largest)
    two = st.tuples(one, one)
    ends = two.map(lambda pair: (min(pair), max(pair)))
    if isinstance(parameter, Pair):
        return two
    if isinstance(parameter, Axes):
        return st.one_of(ends, st.fixed_dictionaries({"x": ends, "y": ends}))
    result = ends if isinstance(parameter, Range) else one
    return st.one_of(st.none(), result) if parameter.none else result


@st.composite
def steps_of(draw, name, p=None, largest=LARGEST):
    spec = CATALOG[name]
    values = {}
    for item in spec.params:
        if isinstance(item, Nested):
            inner = item.variants[values[item.by]]
            values[item.name] = {one.name: draw(values_of(one, largest)) for one in inner}
        else:
            values[item.name] = draw(values_of(item, largest))
    try:
        return Step.create(name, draw(st.sampled_from([0.0, 0.5, 1.0])) if p is None else p, **values)
    except ParameterError as error:  # values that contradict each other, told in words
        assert spec.contradiction, error
        assume(False)


def picture(size, seed=0):
    generator = np.random.default_rng(seed)
    blocks = generator.integers(1, 6, (7, 9), dtype=np.uint8)  # no 0: the library fills with it where we forget to ask
    rows = np.arange(size[0]) * 7 // size[0]
    columns = np.arange(size[1]) * 9 // size[1]
    mask = blocks[rows][:, columns]
    image = (
        mask[..., None] * np.array([40, 25, 50], np.uint8) + generator.integers(0, 30, (*size, 3), dtype=np.uint8)
    ).astype(np.uint8)
    return image, np.ascontiguousarray(mask)


def exported(pipeline):
    names: dict = {}
    exec(pipeline.to_python(), names)
    return names["augment"]


def keeps_its_promises(pipeline, size, seed):
    image, mask = picture(size)
    before = image.copy(), mask.copy()
    image.flags.writeable = mask.flags.writeable = False
    try:
        out_image, out_mask = pipeline(image, mask, seed=seed)
    except AugmentError as error:
        assert {step.name for step in pipeline.steps} & NEED_ROOM, error
        assert re.match(r"\w+ can't take a picture of \d+x\d+: ", str(error))
        return
    assert out_image.dtype == out_mask.dtype == np.uint8
    assert out_image.shape == (*out_mask.shape, 3)
    if all(step.spec.keeps_size for step in pipeline.steps):
        assert out_mask.shape == size
    assert set(np.unique(out_mask)) <= {*np.unique(mask), 255}
    if not any(step.spec.moves_mask for step in pipeline.steps):
        assert ((out_mask == mask) | (out_mask == 255)).all()
    assert (image == before[0]).all() and (mask == before[1]).all()
    again = pipeline(image, mask, seed=seed)
    assert (again[0] == out_image).all() and (again[1] == out_mask).all()
    alone = exported(pipeline)(image, mask, seed)
    assert (alone[0] == out_image).all() and (alone[1] == out_mask).all()


def is_written_and_read(pipeline):
    assert Pipeline.from_yaml(pipeline.to_yaml()) == pipeline
    assert Pipeline.from_dict(pipeline.to_dict()) == pipeline


@pytest.mark.parametrize("name", CATALOG)
def test_a_transform_keeps_its_promises(name):
    @few(*((2, 10) if name == "PiecewiseAffine" else (12, 1)))
    @given(step=steps_of(name, p=1.0), size=SIZES, seed=st.integers(0, 2**32 - 1))
    def check(step, size, seed):
        pipeline = Pipeline((step,))
        is_written_and_read(pipeline)
        keeps_its_promises(pipeline, size, seed)

    check()


@pytest.mark.parametrize("name", CATALOG)
def test_albumentations_takes_all_that_the_spec_allows(name):
    import albumentations

    @few(15)
    @given(step=steps_of(name, largest=10**6))
    def check(step):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # it warns where it changes a value
            warnings.filterwarnings("ignore", "ShiftScaleRotate is a special|This augmenter is very slow")
            getattr(albumentations, name)(**step.arguments(), p=step.p)

    check()


@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
@few(25)
def test_pipelines_of_several_transforms_keep_them_too(data, seed):
    names = data.draw(st.lists(st.sampled_from(sorted(CATALOG)), max_size=5))
    pipeline = Pipeline(tuple(data.draw(steps_of(name)) for name in names))
    is_written_and_read(pipeline)
    keeps_its_promises(pipeline, (64, 80), seed)


@pytest.mark.parametrize("name", CATALOG)
def test_a_spec_is_complete(name):
    spec = CATALOG[name]
    assert spec.group in GROUPS
    assert spec.summary.endswith(".") and spec.summary.count(". ") == 0
    assert spec.check({}) == spec.defaults
    assert "{" not in spec.sentence(spec.defaults, 1.0)
    assert spec.sentence(spec.defaults, 1.0).endswith(", always")
    advanced = [item.advanced for item in spec.params]
    assert advanced == sorted(advanced)
    for item in spec.params:
        assert item.help.endswith(".") and len(item.help) <= 110, item
        assert not re.search(r"OpenCV flag|cv2|tuple|None|np\.|Default|\b[Rr]ange for\b", item.help), item


@pytest.mark.parametrize("name", CATALOG)
def test_every_parameter_of_the_library_is_offered_fixed_or_refused_with_a_reason(name):
    spec = CATALOG[name]
    offered = {item.name for item in spec.params}
    answered = [offered, set(spec.fixed), set(spec.refusals)]
    assert set().union(*answered) == set(recorded_schema().transforms[name].parameters)
    assert sum(map(len, answered)) == len(set().union(*answered))
    assert all(reason.endswith(".") for reason in spec.refusals.values())


@pytest.mark.parametrize("name", CATALOG)
def test_bounds_lie_within_the_librarys(name):
    library = recorded_schema().transforms[name].parameters
    for item in CATALOG[name].params:
        result, low, high = library[item.name], getattr(item, "low", None), getattr(item, "high", None)
        if low is not None:
            assert result.low is None or low > result.low or (low == result.low and not result.above), item
            assert result.high is None or high <= result.high, item
        if isinstance(item, Choice) and result.kind == "choice":
            assert set(item.options.values()) - {None} <= set(result.options), item


def test_each_transform_of_the_library_is_in_the_catalog_or_left_out_with_a_reason():
    assert not set(CATALOG) & set(LEFT_OUT)
    assert set(CATALOG) | set(LEFT_OUT) == set(recorded_schema().transforms)
    assert all(reason.endswith(".") for reason in LEFT_OUT.values())
    with pytest.raises(AugmentError, match=r"^Normalize is not offered: Training turns images into tensors itself"):
        Step.create("Normalize")


def test_what_is_not_said_by_hand_comes_from_the_library():
    spec, library = CATALOG["Illumination"], recorded_schema().transforms["Illumination"].parameters
    strength = spec.param("intensity_range")
    assert (strength.low, strength.high, strength.default) == (0.01, 0.2, library["intensity_range"].default)
    assert spec.param("mode").options == {item: item for item in ("corner", "gaussian", "linear")}
    assert CATALOG["ThinPlateSpline"].param("num_control_points").low == 2
    assert {field.name for field in fields(TransformSpec)} >= {"fixed", "refusals"}


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        (
            "Affine",
            {"scale": {"x": [1, 2], "y": [1, 1]}},
            r"^Affine: keep_ratio scales both axes by the same number, but scale differs in x and y\. Set keep_ratio",
        ),
        (
            "Affine",
            {"shear": [45, 45]},
            r"^Affine: shear is 45 degrees in x and y, which flattens the picture to a line",
        ),
        ("Crop", {"x_min": 300}, r"^Crop: x_min is 300 and x_max 256; x_min must be the smaller one\.$"),
        (
            "RandomCropFromBorders",
            {"crop_top": 0.6, "crop_bottom": 0.5},
            r"^RandomCropFromBorders: crop_top and crop_bottom are 1\.1 together; expected at most 1\.$",
        ),
        ("PadIfNeeded", {"min_height": None}, r"min_height and pad_height_divisor are both null; set one of them\.$"),
        ("PadIfNeeded", {"pad_width_divisor": 32}, r"min_width and pad_width_divisor are both set; set one of them to"),
        ("AdvancedBlur", {"beta_limit": [2, 3]}, r"beta_limit is \[2\.0, 3\.0\]; it must begin below 1 and end above"),
        ("PlanckianJitter", {"temperature_limit": [7000, 9000]}, r"it must hold the 6000 K of white light\.$"),
        (
            "PlanckianJitter",
            {"mode": "cied", "temperature_limit": [3000, 9000]},
            r"temperature_limit begins at 3000; mode cied knows 4000 and above\.$",
        ),
        (
            "Erasing",
            {"scale": [0.1, 0.2]},
            r"scale begins at 0\.1, too large to fit where the ratio is 0\.3 or 3\.3\. Begin",
        ),
        ("HEStain", {"preset": "dark"}, r"preset is only used with method preset; method is random_preset"),
        (
            "Rotate",
            {"mask_interpolation": 1},
            r"^Rotate: mask_interpolation is always nearest here: anything else would invent label ids\.",
        ),
        (
            "PixelDropout",
            {"mask_drop_value": 255},
            r"mask_drop_value is not offered: albumentations covers other pixels of the mask than of the image\.$",
        ),
    ],
)
def test_what_the_library_would_refuse_is_refused_in_words(name, values, message):
    with pytest.raises(AugmentError, match=message):
        Step.create(name, **values)


def test_a_nested_setting_reaches_the_library():
    step = Step.create("AdditiveNoise", noise_type="beta", noise_params={"scale_range": [0.2, 0.4]})
    assert step.arguments()["noise_params"] == {
        "alpha_range": (0.5, 1.5),
        "beta_range": (0.5, 1.5),
        "scale_range": (0.2, 0.4),
    }
    assert Step.create("AdditiveNoise").arguments()["noise_params"] == {"ranges": [(-0.1, 0.1)]}


def test_a_class_is_given_as_a_list():
    assert Step.create("ConstrainedCoarseDropout", mask_indices=8).arguments()["mask_indices"] == [8]


def test_sizes_are_always_changed_unless_told_otherwise():
    assert {spec.default_p for spec in CATALOG.values() if spec.group == "crops and resize"} == {1.0}
    assert Step.create("Resize").p == 1.0 and Step.create("Rotate").p == 0.5


def test_a_sentence_reads_like_one():
    spec = CATALOG["Rotate"]
    assert spec.sentence(spec.check({}), 0.5) == "Rotate between -30 and 30 degrees, half the time"
    assert spec.sentence(spec.check({"limit": (5, 5)}), 0.3) == "Rotate 5 degrees, 30 % of the time"
