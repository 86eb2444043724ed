import subprocess
import sys

import pytest

from segcore.errors import UnknownModel
from segcore.models import MODELS, model_names, model_options, model_spec, model_title


def test_the_catalogue_needs_no_torch() -> None:
    code = (
        "import sys; from segcore.models import MODELS, model_names, model_title; model_title('fcn8s'); "
        "print([name for name in ('torch', 'timm', 'segmentation_models_pytorch') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_names() -> None:
    assert model_names() == (
        *("fcn32s", "fcn16s", "fcn8s", "deeplabv2"),
        *("unet", "unetplusplus", "pspnet", "deeplabv3", "deeplabv3plus", "fpn", "linknet", "manet", "pan"),
        *("upernet", "segformer", "fcn_resnet50", "fcn_resnet101", "deeplabv3_resnet50", "deeplabv3_resnet101"),
        *("deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large"),
    )


@pytest.mark.parametrize("name", model_names())
def test_every_entry_is_complete(name: str) -> None:
    spec = MODELS[name]
    assert spec.name == name
    assert spec.title and spec.paper.title and spec.paper.authors
    assert 2015 <= spec.paper.year <= 2021
    assert spec.summary.endswith(".") and len(spec.summary) < 120
    assert spec.stride in (1, 4, 8, 16, 32)
    assert set(spec.options) - {"stride"} <= set(model_options(name))


def test_titles() -> None:
    assert model_title("fcn8s") == "FCN-8s"
    assert model_title("deeplabv3plus") == "DeepLabV3+"
    assert model_title("somebody_elses") == "somebody_elses"


def test_an_unknown_model_lists_the_choices() -> None:
    with pytest.raises(UnknownModel, match=r"^No model 'unett'\. Did you mean 'unet'\? Choose one of fcn32s, fcn16s, "):
        model_spec("unett")
