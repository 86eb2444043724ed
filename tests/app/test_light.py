"""Nothing heavy is imported before a page needs it."""

import json
import subprocess
import sys

from fixtures.app import ROOT, make_data, make_runs
from fixtures.searches import fake_search

VISIT = """
import json, sys
sys.argv = ["app.py", "--data", sys.argv[1], "--runs", sys.argv[2]]
from streamlit.testing.v1 import AppTest
HEAVY = ("torch", "lightning", "albumentations", "segmentation_models_pytorch", "timm", "optuna")
app = AppTest.from_file("app.py", default_timeout=1200).run()
found = {"home": [name for name in HEAVY if name in sys.modules]}
for page in ("dataset", "curves", "search", "compare", "errors", "predictions", "try_it"):
    # From home each time: what a page drew last may be a part of it, which registers no other pages.
    app = AppTest.from_file("app.py", default_timeout=1200).run()
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception, app.exception
    found[page] = [name for name in HEAVY if name in sys.modules]
from segcore.ui.augment.pipeline_edits import History
app = AppTest.from_file("app.py", default_timeout=1200).run()
app.session_state["augment:history"] = History(())
app.switch_page("pages/augment.py").run()
found["augment, empty"] = [name for name in HEAVY if name in sys.modules]
next(each for each in app.button_group if "augment:preset" in (each.key or "")).set_value("light").run()
found["augment"] = [name for name in HEAVY if name in sys.modules]
print(json.dumps(found))
"""


def test_only_an_augmentation_preview_imports_torch(tmp_path):
    data = make_data(tmp_path / "toy")
    make_runs(tmp_path / "runs", data, ("unet", "pspnet"))
    fake_search(tmp_path / "runs", "settings", ["complete", "pruned", "complete"])
    (tmp_path / "visit.py").write_text(VISIT.replace('"app.py", default', f"{str(ROOT / 'app.py')!r}, default"))
    command = [sys.executable, str(tmp_path / "visit.py"), str(data), str(tmp_path / "runs")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=2400)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.strip().splitlines()[-1])
    assert "albumentations" in result.pop("augment")
    assert not any(result.values()), result
