"""Files of users' code beside the copies that runs keep."""

import pytest

from segcore.errors import CodeError
from segcore.extensions.code_file import CODE_FOLDER, check_unchanged


def test_a_run_goes_on_with_the_file_that_it_began_with_or_not_at_all(tmp_path):
    (tmp_path / "net.py").write_text("a = 1\n")
    names = ["unet", "ce", f"{tmp_path}/net.py:a"]
    check_unchanged(tmp_path / "run", names)  # no copy yet: nothing was trained
    copy = tmp_path / "run" / CODE_FOLDER / "net.py"
    copy.parent.mkdir(parents=True)
    copy.write_text("a = 1\n")
    check_unchanged(tmp_path / "run", names)
    (tmp_path / "net.py").write_text("a = 2\n")
    with pytest.raises(CodeError, match=r"net\.py has changed since run 'run' began; .*run_code/net\.py is the file"):
        check_unchanged(tmp_path / "run", names)
    (tmp_path / "net.py").unlink()
    with pytest.raises(CodeError, match="no such file"):
        check_unchanged(tmp_path / "run", names)
