import torch

from segcore.models import create_model
from segcore.training.hardware import depthwise_in_float32


def test_depthwise_layers_leave_autocast_and_keep_weights_and_results():
    torch.manual_seed(0)
    model = create_model("fcn8s", encoder_weights=None, classes=3).eval()
    image = torch.randn(2, 3, 64, 64)
    names = list(model.state_dict())
    seen: list[torch.dtype] = []
    depthwise = next(m for m in model.modules() if isinstance(m, torch.nn.Conv2d) and m.groups > 1)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        before = model(image)
        depthwise_in_float32(model)
        depthwise.register_forward_hook(lambda _, inputs, output: seen.append(output.dtype))
        after = model(image)
    assert list(model.state_dict()) == names
    assert seen == [torch.bfloat16]
    assert torch.allclose(before.float(), after.float(), atol=0.05 * float(before.abs().max()))
