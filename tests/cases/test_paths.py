"""Case e01: data behind links. Paths as typed (e01 e02) are in `unit/test_paths.py`, folders that can't be written (e03
e04) in `unit/data/test_leaks.py` and `unit/runs/test_run_store.py`, a second run (e05) there too.
"""

from fixtures import cases


def test_linked_folders_and_files(tmp_path, monkeypatch):
    scenes = cases.truth()
    root = cases.folder(tmp_path / "my street", scenes)
    (tmp_path / "link").symlink_to(root)
    for path in root.rglob("*.*"):
        link = tmp_path / "links" / path.relative_to(root)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    plain = cases.open_dataset(root).fingerprint
    for given in ("link", "links", "my street/", "../" + tmp_path.name + "/my street", "~/my street", root.as_uri()):
        assert cases.opens_as(given, scenes).fingerprint == plain


def test_a_path_inside_of_a_dataset_is_no_dataset(tmp_path):
    root = cases.folder(tmp_path / "street", cases.truth())
    cases.refused(r"images: unknown layout; it holds pic0\.png, ", root / "images")
    for inside in ("images/pic0.png", "classes.csv"):
        cases.refused(rf"{inside}: neither a folder nor a zip\. Give the folder of the dataset", root / inside)
    cases.refused(r"stret: no such file or folder\. Did you mean 'street'\?", tmp_path / "stret")


def test_versions_of_a_dataset_have_names_of_their_own(tmp_path):
    names = [
        cases.open_dataset(cases.folder(tmp_path / name, cases.truth())).name for name in ("Street v1.0", "Street v1.1")
    ]
    assert names == ["street-v1.0", "street-v1.1"]
