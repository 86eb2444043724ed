"""Opening and splitting data loads none of the heavy packages."""

import subprocess
import sys

from fixtures import layouts


def test_opening_a_dataset_imports_no_torch_pandas_or_opencv(tmp_path):
    root = layouts.cam101(tmp_path)
    code = (
        "import sys; from segcore.data import open_dataset, plan_split; "
        f"d = open_dataset({str(root)!r}); plan_split(d, val_fraction=0.2); d[d.ids[0]]; "
        "print([name for name in ('torch', 'pandas', 'cv2', 'albumentations', 'pooch') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert result.stdout.strip() == "[]"
