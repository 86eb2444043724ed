"""To add an architecture, one module and one entry in `MODELS` suffice: an architecture that only this test knows."""

import pytest
import torch

from segcore.errors import UnknownModel
from segcore.models import create_model, load_model, model_names, save_model
from segcore.models.registry import MODELS, ModelSpec, Paper
from segcore.training.command_line import parse


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    paper = Paper("A Toy", "Nobody", 2026)
    spec = ModelSpec("toynet", "ToyNet", "Scores the deepest features.", paper, "fixtures.toynet:ToyNet", stride=32)
    monkeypatch.setitem(MODELS, "toynet", spec)


def test_it_is_built_saved_and_loaded_for_any_size(tmp_path):
    model = create_model("toynet", encoder_weights="none", classes=3, width=8).eval()
    image = torch.randn(2, 3, 33, 47)
    with torch.inference_mode():
        logits = model(image)
    assert logits.shape == (2, 3, 33, 47)
    save_model(model, tmp_path, half=False)
    with torch.inference_mode():
        assert torch.equal(load_model(tmp_path)(image), logits)


def test_a_training_takes_it_with_its_options():
    config, _ = parse(["--models", "toynet", "--model-options", "{toynet: {width: 8}}"])
    assert config.models == ("toynet",) and "toynet" in model_names()
    with pytest.raises(UnknownModel, match=r"Did you mean .toynet."):
        parse(["--models", "toynett"])
