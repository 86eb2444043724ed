"""Every transform of the catalog, over random parameters, keeps the promises of a pipeline."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segcore.augment import CATALOG, GROUPS, Choice, Flag, Number, Pipeline, Range, Step

SIZES = st.sampled_from([(48, 64), (64, 48), (97, 65)])


def values_of(parameter):
    if isinstance(parameter, Choice):
        return st.sampled_from(sorted(parameter.options))
    if isinstance(parameter, Flag):
        return st.booleans()
    if isinstance(parameter.step, int):
        count = int((parameter.high - parameter.low) // parameter.step)
        one = st.integers(0, count).map(lambda index: parameter.low + index * parameter.step)
    else:
        one = st.floats(parameter.low, parameter.high, allow_nan=False).map(lambda value: round(value, 3))
    if isinstance(parameter, Number):
        return one
    assert isinstance(parameter, Range)
    return st.tuples(one, one).map(lambda pair: (min(pair), max(pair)))


def steps_of(name, p=None):
    params = CATALOG[name].params
    chance = st.sampled_from([0.0, 0.5, 1.0]) if p is None else st.just(p)
    return st.builds(
        lambda p, values: Step.create(name, p, **values),
        chance,
        st.fixed_dictionaries({q.name: values_of(q) for q in params}),
    )


def picture(size, seed=0):
    generator = np.random.default_rng(seed)
    blocks = generator.integers(0, 5, (7, 9), dtype=np.uint8)
    rows = np.arange(size[0]) * 7 // size[0]
    columns = np.arange(size[1]) * 9 // size[1]
    mask = blocks[rows][:, columns]
    image = (
        mask[..., None] * np.array([40, 25, 50], np.uint8) + generator.integers(0, 30, (*size, 3), dtype=np.uint8)
    ).astype(np.uint8)
    return image, np.ascontiguousarray(mask)


@pytest.mark.parametrize("name", CATALOG)
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), size=SIZES, seed=st.integers(0, 2**32 - 1))
def test_a_transform_keeps_its_promises(name, data, size, seed):
    pipeline = Pipeline((data.draw(steps_of(name, p=1.0)),))
    image, mask = picture(size)
    before = image.copy(), mask.copy()
    image.flags.writeable = mask.flags.writeable = False

    out_image, out_mask = pipeline(image, mask, seed=seed)

    assert out_image.shape == image.shape and out_image.dtype == np.uint8
    assert out_mask.shape == mask.shape and out_mask.dtype == np.uint8
    assert set(np.unique(out_mask)) <= {*np.unique(mask), 255}
    assert (image == before[0]).all() and (mask == before[1]).all()
    again = pipeline(image, mask, seed=seed)
    assert (again[0] == out_image).all() and (again[1] == out_mask).all()
    assert Pipeline.from_yaml(pipeline.to_yaml()) == pipeline
    assert Pipeline.from_dict(pipeline.to_dict()) == pipeline
    exported: dict = {}
    exec(pipeline.to_python(), exported)
    alone = exported["augment"](image, mask, seed)
    assert (alone[0] == out_image).all() and (alone[1] == out_mask).all()


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_pipelines_of_several_transforms_keep_them_too(data, seed):
    names = data.draw(st.lists(st.sampled_from(sorted(CATALOG)), max_size=5))
    pipeline = Pipeline(tuple(data.draw(steps_of(name)) for name in names))
    image, mask = picture((64, 80))
    out_image, out_mask = pipeline(image, mask, seed=seed)
    assert out_image.shape == image.shape and out_mask.shape == mask.shape
    assert set(np.unique(out_mask)) <= {*np.unique(mask), 255}
    exported: dict = {}
    exec(pipeline.to_python(), exported)
    alone = exported["augment"](image, mask, seed)
    assert (alone[0] == out_image).all() and (alone[1] == out_mask).all()
    assert Pipeline.from_yaml(pipeline.to_yaml()) == pipeline


@pytest.mark.parametrize("name", CATALOG)
def test_a_spec_is_complete(name):
    spec = CATALOG[name]
    assert spec.group in GROUPS
    assert spec.summary.endswith(".")
    assert spec.check({}) == spec.defaults
    assert spec.sentence(spec.defaults, 1.0).endswith(", always")


def test_a_sentence_reads_like_one():
    spec = CATALOG["Rotate"]
    assert (
        spec.sentence({"limit": (-30, 30), "border_mode": "fill"}, 0.5)
        == "Rotate between -30 and 30 degrees, half the time"
    )
    assert spec.sentence({"limit": (5, 5), "border_mode": "fill"}, 0.3) == "Rotate 5 degrees, 30 % of the time"
