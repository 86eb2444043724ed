"""Pipelines written before the catalog was whole read as before and give the same bits.

`version1.json` was recorded then: of each transform at its defaults the values in a file, the library's arguments, and
the crc32 of images and masks under three seeds.
"""

import json
import zlib
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from segcore.augment import CATALOG, Pipeline, Step, presets

RECORDED = json.loads(Path(__file__).with_name("version1.json").read_text())
INSTALLED = {
    "albumentations": version("albumentations"),
    "opencv": version("opencv-python-headless"),
    "numpy": version("numpy"),
}

same_libraries = pytest.mark.skipif(
    any(not INSTALLED[name].startswith(RECORDED[name]) for name in INSTALLED),
    reason=f"bits were recorded with other versions than {INSTALLED}",
)


def picture(height=96, width=120):
    rows, columns = np.mgrid[:height, :width]
    mask = ((rows // 13 * 3 + columns // 17) % 7).astype(np.uint8)
    mask[rows + columns < 20] = 255
    gradient = (rows * 2 + columns)[..., None] * np.array([1, 2, 3]) // 3
    texture = mask[..., None] % 7 * np.array([31, 17, 23]) + (rows * columns)[..., None] % 11
    return ((gradient + texture) % 256).astype(np.uint8), mask


def crc32(pipeline):
    total, (image, mask) = 0, picture()
    for seed in (1, 2, 3):
        for item in pipeline(image, mask, seed=seed):
            total = zlib.crc32(np.ascontiguousarray(item).tobytes(), total)
    return total


def plain(value):
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("name", RECORDED["transforms"])
def test_values_and_arguments_are_what_they_were(name):
    spec, recorded = CATALOG[name], RECORDED["transforms"][name]
    written = plain(spec.plain(spec.check(recorded["values"])))
    assert {key: written[key] for key in recorded["values"]} == recorded["values"]
    assert spec.check(recorded["values"]) == spec.defaults
    given = {**spec.defaults_of_library, **spec.arguments(spec.defaults)}
    before = {**plain(spec.defaults_of_library), **recorded["arguments"]}
    assert plain({key: value for key, value in given.items() if key in before}) == before


@same_libraries
@pytest.mark.parametrize("name", RECORDED["transforms"])
def test_a_transform_gives_the_same_bits(name):
    assert crc32(Pipeline((Step.create(name, 1.0),))) == RECORDED["transforms"][name]["crc32"]


@same_libraries
@pytest.mark.parametrize("name", RECORDED["presets"])
def test_a_preset_gives_the_same_bits(name):
    assert crc32(presets()[name]) == RECORDED["presets"][name]
