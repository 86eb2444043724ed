"""From logits to masks."""

import torch

from segcore.evaluation.postprocess import mean_logits


def test_mean_logits_have_the_mean_of_the_softmax():
    torch.manual_seed(0)
    members = [torch.randn(11, 6, 8) * 30, torch.randn(11, 24, 32)]
    wide = torch.nn.functional.interpolate(members[0][None], size=(24, 32), mode="bilinear", align_corners=False)[0]
    mean = 0.25 * wide.softmax(0) + 0.75 * members[1].softmax(0)
    ((rows, logits),) = mean_logits(members, 24, 32, (0.25, 0.75))
    assert rows == slice(0, 24) and torch.isfinite(logits).all()
    torch.testing.assert_close(logits.softmax(0), mean, atol=1e-6, rtol=1e-4)
