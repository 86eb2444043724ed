"""Names of stored evaluations: read and written."""

from itertools import product

import pytest

from segcore.evaluation.backends import BACKENDS
from segcore.runs.split_variant import PRECISIONS, TTA, SplitVariant


def test_names_know_every_backend_and_its_precisions():
    assert {name: spec.precisions for name, spec in BACKENDS.items()} == PRECISIONS


def test_every_variant_is_read_back_as_it_was_written():
    backends = [(backend, precision) for backend, names in PRECISIONS.items() for precision in names]
    for (backend, precision), tta, window in product(backends, (None, *TTA), (None, (360, 480))):
        variant = SplitVariant("test", backend, precision, tta, window)
        assert SplitVariant.parse(str(variant)) == variant
        assert variant.can_be_stored


@pytest.mark.parametrize(
    "name",
    "test drive-test+flip +flip test+ test+weird test+flip+openvino test+flip+flip a+0x5 test+flip+048x64 "
    "test+onnxruntime-bf16 test+openvino-fp32 test+bf16-openvino test+48x64+later".split(),
)
def test_every_name_is_kept_as_it_is(name):
    assert str(SplitVariant.parse(name)) == name


@pytest.mark.parametrize("name", ["test+weird", "trian", "drive-test", "test+flip+openvino", "test+onnxruntime-bf16"])
def test_a_name_that_no_command_stores_is_known(name):
    assert not SplitVariant.parse(name).can_be_stored


def test_what_cannot_be_read_is_left_for_the_command_to_refuse():
    assert SplitVariant.parse("test+flip+weird").flags == ("--split", "test+flip+weird")
    assert SplitVariant.parse("test+flip+weird").unknown == "+weird"


def test_the_split_is_exchanged_and_the_rest_stays():
    assert str(SplitVariant.parse("test+bf16+48x64").of("val")) == "val+bf16+48x64"


def test_only_another_way_of_predicting_is_described():
    assert SplitVariant.parse("test").description == ""
    assert SplitVariant.parse("test+openvino-bf16").description == "through openvino, in bf16"
