"""An image's entropy among that of known images."""

import numpy as np

from segcore.evaluation.entropy_check import check_entropy


def test_an_image_is_strange_when_it_leaves_a_model_less_sure_than_all_others():
    known = np.array([0.1, 0.2, 0.3, np.nan, 0.15, 0.25])
    assert check_entropy(0.31, known).unusual and not check_entropy(0.3, known).unusual
    assert check_entropy(0.05, known).above == 5
    assert "than of any of its 5 val images (0.10 to 0.30)" in check_entropy(0.4, known).sentence("val")
    assert "entropy 0.20; 60 % of its 5 val images" in check_entropy(0.2, known).sentence("val")
    assert check_entropy(0.2, known[:4]) is None and check_entropy(float("nan"), known) is None
