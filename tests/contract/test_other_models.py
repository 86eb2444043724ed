"""What models of torchvision, Hugging Face and a user's file promise, as Segcore's own architectures do."""

import numpy as np
import pytest
import torch
from fixtures.runs import fake_run
from torch import nn

from segcore.errors import CodeError, ModelError, UnknownModel, WeightsError
from segcore.evaluation.backends.runtimes import OnnxSession, OpenVinoModel
from segcore.evaluation.export_model import export_model
from segcore.extensions import trust
from segcore.models import (
    check_model,
    create_model,
    load_model,
    model_normalization,
    model_spec,
    model_title,
    parameter_groups,
    save_model,
    set_trainable,
)

NET = '''"""A network of a user."""

from torch import nn


class MyNet(nn.Module):
    """Scores every pixel by its neighbourhood."""

    def __init__(self, classes, width=8):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        return self.head(self.encoder(x))
'''
TORCHVISION = ("fcn_resnet50", "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large")
STAGES = [f"stage{number}" for number in (1, 2, 3, 4)]
FAMILIES = ("segformer", "upernet", "dpt", "mask2former")


@pytest.fixture(autouse=True)
def agreements(tmp_path, monkeypatch):
    """An empty store of agreements."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(trust, "store", lambda: tmp_path / "trusted-code.txt")


@pytest.fixture
def net(tmp_path):
    (tmp_path / "my_net.py").write_text(NET)
    return f"{tmp_path}/my_net.py:MyNet"


def hugging_face(family, folder):
    """A folder with a tiny configuration; no weights."""
    transformers = pytest.importorskip("transformers")
    swin = transformers.SwinConfig(
        embed_dim=8,
        depths=[1] * 4,
        num_heads=[1, 1, 2, 2],
        window_size=4,
        out_features=[f"stage{n}" for n in (1, 2, 3, 4)],
    )
    convnext = transformers.ConvNextConfig(hidden_sizes=[8, 8, 16, 16], depths=[1] * 4, out_features=STAGES)
    configs = {
        "segformer": lambda: transformers.SegformerConfig(
            hidden_sizes=[8, 8, 16, 16], depths=[1] * 4, num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=16
        ),
        "upernet": lambda: transformers.UperNetConfig(backbone_config=convnext, hidden_size=16),
        "dpt": lambda: transformers.DPTConfig(
            hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=16, image_size=32,
            backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 16, 16], fusion_hidden_size=16, is_hybrid=False,
        ),
        "mask2former": lambda: transformers.Mask2FormerConfig(
            backbone_config=swin, feature_size=64, mask_feature_size=64, hidden_dim=64, encoder_feedforward_dim=16,
            dim_feedforward=16, num_attention_heads=2, encoder_layers=1, decoder_layers=2, num_queries=5,
        ),
    }  # fmt: skip
    configs[family]().save_pretrained(folder)
    return f"hf:{folder}"


def keeps_its_promises(name, folder):
    """Sizes, one image in training, gradient, save and load."""
    model = create_model(name, encoder_weights="none", classes=3)
    assert model.training and all(module.training for module in model.modules())
    model(torch.randn(1, 3, 40, 72)).sum().backward()
    assert any(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())
    save_model(model.eval(), folder, half=False)
    with torch.inference_mode():
        for size in ((33, 47), (1, 1), (64, 50)):
            image = torch.randn(2, 3, *size)
            logits = model(image)
            assert logits.shape == (2, 3, *size) and torch.isfinite(logits).all()
        features = model.features(image)
        assert torch.equal(model.decode(features, size), logits)
        loaded = load_model(folder)
        assert torch.equal(loaded(image), logits) and not loaded.training
    return model


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision(name, tmp_path):
    model = keeps_its_promises(name, tmp_path)
    image = torch.randn(1, 3, 48, 64)
    with torch.inference_mode():
        assert torch.equal(model.network(image)["out"], model(image))  # as torchvision computes it
    set_trainable(model, "encoder")
    assert {group["name"].partition("_")[0] for group in parameter_groups(model, lr=1.0)} == {"head"}
    with pytest.raises(ModelError, match=r"has no stages that Segcore knows"):
        set_trainable(model, 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_hugging_face(family, tmp_path):
    name = hugging_face(family, tmp_path / "tiny")
    check_model(name, "", "none", {})
    model = keeps_its_promises(name, tmp_path / "run")
    assert model_title(name) == "tiny" and model.encoder_part is not None
    transformers = pytest.importorskip("transformers")
    reopened = getattr(transformers, type(model.network).__name__).from_pretrained(tmp_path / "run")
    assert all(torch.equal(value, model.network.state_dict()[key]) for key, value in reopened.state_dict().items())


def test_hugging_face_takes_stored_weights_and_says_what_begins_fresh(tmp_path):
    name = hugging_face("segformer", tmp_path / "tiny")
    save_model(create_model(name, encoder_weights="none", classes=3), tmp_path / "run", half=False)
    (tmp_path / "run" / "preprocessor_config.json").write_text(
        '{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}'
    )
    model = create_model(f"hf:{tmp_path}/run", classes=5)
    assert "2 begin fresh, first decode_head.classifier" in model.origin
    assert model_normalization(f"hf:{tmp_path}/run").mean == (0.5, 0.5, 0.5)


def test_hugging_face_that_can_not_be_had(tmp_path, monkeypatch):
    name = hugging_face("segformer", tmp_path / "tiny")
    with pytest.raises(WeightsError, match=r"its weights can't be used .* --encoder-weights none"):
        create_model(name, classes=3)
    with pytest.raises(WeightsError, match=r"No model 'nobody/nothing'.*can't be reached"):
        create_model("hf:nobody/nothing", classes=3)
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(ModelError, match=r"needs the package transformers.*pip install 'segcore\[hf\]'"):
        create_model(name, classes=3)


def test_torchvision_that_can_not_be_had(tmp_path):
    with pytest.raises(UnknownModel, match=r"Did you mean 'fcn_resnet50'\?"):
        model_spec("fcn_resnet5O")
    with pytest.raises(WeightsError, match=r"download\.pytorch\.org can't be reached.* --encoder-weights FILE"):
        create_model("lraspp_mobilenet_v3_large", classes=3)
    torch.save(nn.Conv2d(3, 8, 3).state_dict(), tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"These are weights of another encoder"):
        create_model("lraspp_mobilenet_v3_large", encoder_weights=tmp_path / "other.pth", classes=3)
    with pytest.raises(ModelError, match=r"takes no options, and 'width' was given"):
        create_model("lraspp_mobilenet_v3_large", encoder_weights="none", classes=3, width=8)


def test_a_users_network(net, tmp_path):
    check_model(net, "", "none", {"width": 4})
    keeps_its_promises(net, tmp_path / "run")
    spec = model_spec(net)
    assert (spec.title, spec.stored_name, spec.summary) == (
        "MyNet",
        "my_net.py:MyNet",
        "Scores every pixel by its neighbourhood.",
    )
    assert (tmp_path / "run" / "run_code" / "my_net.py").read_text() == NET


@pytest.mark.parametrize("format", ["onnx", "openvino"])
@pytest.mark.parametrize("source", ["segformer", "file"])
def test_exports_give_the_scores_of_torch(source, format, net, tmp_path):
    """At a size that no stride divides. All families were compared by hand: docs/results/foreign-models.md."""
    name = net if source == "file" else hugging_face(source, tmp_path / "tiny")
    torch.manual_seed(0)
    model = create_model(name, encoder_weights="none", classes=11)
    run = fake_run(tmp_path / "runs", "net", evaluated=False)
    save_model(model.eval(), run.path, half=False)
    path = export_model(run, format, tmp_path, size=(35, 50), normalize=False)
    image = torch.randn(1, 3, 35, 50)
    with torch.inference_mode():
        expected = model(image)
    runtime = OnnxSession(path, 1) if format == "onnx" else OpenVinoModel(path, "f32", 1)
    scores = torch.from_numpy(np.array(runtime(image.numpy())[0]))
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_a_copy_is_not_run_before_somebody_agrees(net, tmp_path, monkeypatch):
    save_model(create_model(net, classes=3), tmp_path / "run")
    monkeypatch.setattr(trust, "trusted", lambda digest: False)  # another machine
    with pytest.raises(CodeError, match=r"nobody on this machine has agreed to run it.*segcore trust .*run$"):
        load_model(tmp_path / "run")
    monkeypatch.undo()
    (tmp_path / "run" / "run_code" / "my_net.py").write_text(NET.replace("8", "9"))
    with pytest.raises(CodeError, match=r"(is not the file that the run was trained with|has agreed)"):
        load_model(tmp_path / "run")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("import nn", "import no_such", r"my_net\.py, line 3, can't be run: ImportError"),
        ("classes, width=8", "classes, width", r"MyNet needs width beside classes"),
        ("return self.head(self.encoder(x))", "return self.head(self.encoder(x))[:, :2]", r"gives \[1, 2, 64, 96\]"),
        (
            "return self.head",
            "return self.head(self.encoder(x)).detach() or self.head",
            r"fails on an image|no gradient",
        ),
        ("return self.head(self.encoder(x))", "return {'out': x}", r"gives a dict with out; expected one tensor"),
        ("(self.encoder(x))", "(self.encoder(x))[..., ::2, ::2]", r"Enlarge them"),
        ("class MyNet", "class MyNut", r"defines no MyNet\. Did you mean 'MyNut'\?"),
        ("return self.head(self.encoder(x))", "return self.head(self.encoder(x)).detach()", r"have no gradient"),
        ("def forward", "def forward(", r"line 14: no Python that can be run"),
    ],
)
def test_a_network_that_breaks_a_promise(net, tmp_path, before, after, message):
    (tmp_path / "my_net.py").write_text(NET.replace(before, after))
    with pytest.raises((ModelError, CodeError), match=message):
        check_model(net, "", "none", {})
