"""docs/augmentation.md holds the catalog as it is."""

from pathlib import Path

import catalog_page
import pytest

from segcore.augment import CATALOG

ROOT = Path(__file__).parents[3]


def test_the_page_holds_the_catalog():
    held = (ROOT / "docs" / "augmentation.md").read_text()
    assert catalog_page.updated(held) == held, "python tools/catalog_page.py docs/augmentation.md"
    assert all(f"| `{name}` | {spec.summary}" in held for name, spec in CATALOG.items())
    with pytest.raises(ValueError, match=r"^The page has no <!-- catalog"):
        catalog_page.updated("# Augmentation\n")
