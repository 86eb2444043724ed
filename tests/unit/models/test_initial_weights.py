import pytest
import torch
from torch import nn

from segcore.errors import WeightsError
from segcore.models import create_model
from segcore.models.initial_weights import InitialWeights, class_axes, mean_of, start_from


class Net(nn.Module):
    """As large as a test needs: scores are refined by a layer that reads and writes one channel a class."""

    def __init__(self, classes: int, width: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)
        self.norm = nn.BatchNorm2d(width)
        self.body = nn.Conv2d(width, width, 3)
        self.score = nn.Conv2d(width, classes, 1)
        self.refine = nn.Conv2d(classes, classes, 1, bias=False)


def start(model: nn.Module, weights: InitialWeights, classes: tuple[str, ...]):
    return start_from(model, weights, classes, class_axes(model, Net, len(classes)))


def test_rows_follow_the_names_of_the_classes() -> None:
    source, model = Net(3), Net(4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    weights = InitialWeights("run", source.state_dict(), ("Road", "Traffic light", "Void"))
    transfer = start(model, weights, ("TrafficLight", "Tree", "road", "unlabeled"))
    assert dict(transfer.classes) == {"TrafficLight": "Traffic light", "road": "Road", "unlabeled": "Void"}
    assert transfer.fresh == ("Tree",)
    mine, theirs = [0, 2, 3], [1, 0, 2]
    assert torch.equal(model.score.weight[mine], source.score.weight[theirs])
    assert torch.equal(model.refine.weight[mine][:, mine], source.refine.weight[theirs][:, theirs])
    for name in ("score.weight", "refine.weight"):
        assert torch.equal(model.state_dict()[name][1], before[name][1])
    assert torch.equal(model.refine.weight[:, 1], before["refine.weight"][:, 1])
    assert torch.equal(model.stem.weight, source.stem.weight)
    assert (len(transfer.taken), transfer.tensors, transfer.not_taken) == (11, 11, ())


def test_classes_of_the_same_number_in_another_order_are_not_mixed_up() -> None:
    source, model = Net(2), Net(2)
    start(model, InitialWeights("run", source.state_dict(), ("Sky", "Road")), ("Road", "Sky"))
    assert torch.equal(model.score.weight, source.score.weight.flip(0))


def test_prefixes_and_halves_are_read() -> None:
    source, model = Net(2), Net(2)
    state = {f"module.model.{name}": value.half() for name, value in source.state_dict().items()}
    transfer = start(model, InitialWeights("file", state, ("a", "b")), ("a", "b"))
    assert transfer.unused == () and model.stem.weight.dtype == torch.float32
    torch.testing.assert_close(model.stem.weight, source.stem.weight, atol=1e-3, rtol=1e-2)


class Twins(nn.Module):
    """Two branches whose names differ in a word alone that wrappers use too."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.model, self.net = nn.Conv2d(3, classes, 1), nn.Conv2d(3, classes, 1)


@pytest.mark.parametrize("prefix", ["", "module.", "network._orig_mod."])
def test_branches_called_as_wrappers_are_not_mixed_up(prefix: str) -> None:
    source, model = Twins(2), Twins(2)
    state = {f"{prefix}{name}": value for name, value in source.state_dict().items()}
    weights = InitialWeights("file", state, ("a", "b"))
    transfer = start_from(model, weights, ("a", "b"), class_axes(model, Twins, 2))
    assert transfer.unused == () and len(transfer.taken) == 4
    for name, value in model.state_dict().items():
        assert torch.equal(value, source.state_dict()[name])
    other = InitialWeights("other", {f"module.{name}": value + 2 for name, value in state.items()}, ("a", "b"))
    start_from(model, mean_of([weights, other]), ("a", "b"), class_axes(model, Twins, 2))
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, source.state_dict()[name] + 1)


def test_exactly_the_same_name_goes_before_one_without_wrappers() -> None:
    source, model = Twins(2), nn.Module()
    model.model = nn.Conv2d(3, 2, 1)
    start_from(model, InitialWeights("file", source.state_dict(), ("a", "b")), ("a", "b"), {})
    assert torch.equal(model.model.weight, source.model.weight)


def test_a_head_whose_classes_nobody_names_begins_fresh() -> None:
    source, model = Net(2), Net(2)
    before = model.score.weight.clone()
    transfer = start(model, InitialWeights("file", source.state_dict()), ("a", "b"))
    assert torch.equal(model.score.weight, before) and transfer.fresh == ("a", "b")
    assert "score.weight has a row a class, and the source does not name its classes" in str(transfer)


def test_what_does_not_fit_is_named_and_left() -> None:
    source, model = Net(2), Net(2)
    state = {name: value for name, value in source.state_dict().items() if name != "stem.bias"}
    state |= {"body.weight": torch.zeros(4, 2, 3, 3), "extra": torch.zeros(1)}
    before = model.body.weight.clone()
    text = str(start(model, InitialWeights("file", state, ("a", "b")), ("a", "b")))
    assert "9 of 11 tensors taken" in text and "without a place here: extra" in text
    assert "stem.bias is not there; body.weight is [4, 4, 3, 3], there [4, 2, 3, 3]" in text
    assert torch.equal(model.body.weight, before)


def test_weights_of_another_width_are_refused_and_change_nothing() -> None:
    model = Net(2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    weights = InitialWeights("wide", Net(2, width=8).state_dict(), ("a", "b"), "Net (--models net)")
    with pytest.raises(
        WeightsError, match=r"wide: only 2 of the model's 11 tensors fit \(score\.bias, refine\.weight\), fewer"
    ):
        start(model, weights, ("a", "b"))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_an_encoder_alone_is_sent_to_its_own_setting() -> None:
    def build(classes: int) -> nn.Module:
        return create_model("unet", encoder="resnet18", encoder_weights=None, classes=classes)

    model = build(2)
    state = {f"backbone.{name}": value for name, value in model.encoder.state_dict().items()}
    with pytest.raises(WeightsError, match=r"weights of the encoder alone: --encoder-weights takes those"):
        start_from(model, InitialWeights("resnet", state), ("a", "b"), class_axes(model, build, 2))


def test_finding_the_axes_draws_no_random_numbers() -> None:
    model = Net(2)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    axes = class_axes(model, Net, 2)
    assert torch.equal(torch.rand(1), expected)
    assert axes == {"score.weight": (0,), "score.bias": (0,), "refine.weight": (0, 1)}


def test_the_mean_of_weights_is_taken_tensor_by_tensor() -> None:
    one, two = Net(2), Net(2)
    one.norm.num_batches_tracked += 7
    wrapped = {
        f"module.{name}": value.half() if value.is_floating_point() else value
        for name, value in two.state_dict().items()
    }
    mean = mean_of(
        [InitialWeights("a", one.state_dict(), ("Sky", "Road")), InitialWeights("b", wrapped, ("Sky", "Road"))]
    )
    assert mean.source == "the mean of a and b" and mean.classes == ("Sky", "Road")
    expected = (one.stem.weight + two.stem.weight.half().float()) / 2
    torch.testing.assert_close(mean.tensors["stem.weight"], expected)
    assert mean.tensors["stem.weight"].dtype == torch.float32 and mean.tensors["norm.num_batches_tracked"] == 7
    model = Net(2)
    start(model, mean, ("Sky", "Road"))
    torch.testing.assert_close(model.score.bias, (one.score.bias + two.score.bias.half().float()) / 2)


def test_the_mean_of_different_models_is_refused() -> None:
    one = InitialWeights("a", Net(2).state_dict(), ("Sky", "Road"))
    assert mean_of([one]) is one
    with pytest.raises(WeightsError, match=r"^b: 9 of its 11 tensors are not those of a, which has 11, so .* no model"):
        mean_of([one, InitialWeights("b", Net(2, width=5).state_dict(), ("Sky", "Road"))])
    for classes in (("Road", "Sky"), None):
        with pytest.raises(WeightsError, match=r"^b: \d of its \d classes are not those of a, which has 2"):
            mean_of([one, InitialWeights("b", Net(2).state_dict(), classes)])
