"""From logits to masks."""

import numpy as np
import pytest
import torch

from segcore.evaluation.postprocess import Prediction, decide, decide_into, mean_logits


@pytest.mark.parametrize("size", [(7, 9), (40, 51), (4, 5), (300, 700)])
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_arrays_are_decided_without_torch_as_tensors_are(size, temperature):
    logits = np.random.default_rng(0).normal(0, 3, (11, 7, 9)).astype(np.float32)
    kept = logits.copy()
    answer, expected = Prediction.empty(*size), decide(torch.from_numpy(logits), *size, temperature)
    decide_into(answer, slice(0, size[0]), [logits], temperature=temperature)
    assert (answer.mask == expected.mask).mean() > 0.9999
    np.testing.assert_allclose(answer.confidence, expected.confidence, atol=1e-5)
    np.testing.assert_allclose(answer.entropy, expected.entropy, atol=1e-5)
    assert np.array_equal(logits, kept)


def test_mean_logits_have_the_mean_of_the_softmax():
    torch.manual_seed(0)
    members = [torch.randn(11, 6, 8) * 30, torch.randn(11, 24, 32)]
    wide = torch.nn.functional.interpolate(members[0][None], size=(24, 32), mode="bilinear", align_corners=False)[0]
    mean = 0.25 * wide.softmax(0) + 0.75 * members[1].softmax(0)
    ((rows, logits),) = mean_logits(members, 24, 32, (0.25, 0.75))
    assert rows == slice(0, 24) and torch.isfinite(logits).all()
    torch.testing.assert_close(logits.softmax(0), mean, atol=1e-6, rtol=1e-4)
