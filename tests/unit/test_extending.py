"""The code of docs/extending.md works as it stands."""

import re
from pathlib import Path

from segcore.extensions import trust
from segcore.models import check_model
from segcore.training.losses.user_loss import check_loss

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"


def test_the_network_and_the_loss_keep_every_promise(tmp_path, monkeypatch):
    monkeypatch.setattr(trust, "store", lambda: tmp_path / "trusted-code.txt")
    for name, code in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        (tmp_path / name).write_text(code)
    check_model(f"{tmp_path}/my_net.py:MyNet", "", "none", {"width": 4})
    check_loss(f"{tmp_path}/my_losses.py:tversky")
