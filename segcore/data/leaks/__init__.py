"""Does a split measure skill or memory? What training, validation and test share, and what stands beside a score.

Names are loaded when first used: planning a split looks at neighbours in time only, and needs no pictures for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segcore.data.leaks.against import check_against as check_against
    from segcore.data.leaks.checking import check as check
    from segcore.data.leaks.checking import leak_sentences as leak_sentences
    from segcore.data.leaks.report import Example as Example
    from segcore.data.leaks.report import Finding as Finding
    from segcore.data.leaks.report import LeakReport as LeakReport
    from segcore.data.leaks.storage import store as store
    from segcore.data.leaks.storage import stored as stored

_LAZY = {
    "check": "checking",
    "check_against": "against",
    "leak_sentences": "checking",
    "Example": "report",
    "Finding": "report",
    "LeakReport": "report",
    "store": "storage",
    "stored": "storage",
}
__all__ = ["Example", "Finding", "LeakReport", "check", "check_against", "leak_sentences", "store", "stored"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute may be anything
    if name in _LAZY:
        return getattr(import_module(f"segcore.data.leaks.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'segcore.data.leaks' has no attribute {name!r}")
