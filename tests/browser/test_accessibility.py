"""What axe finds on each page: contrast, names for screen readers, roles."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from fixtures.app import PAGES
from fixtures.browsing import eventually, idle


def serious(page):
    """Serious findings, each with the elements that it is about."""
    found = Axe().run(page).response["violations"]
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_finding(app, page, scheme):
    page.emulate_media(color_scheme=scheme)
    try:
        for name in PAGES:
            page.goto(f"{app}/{'' if name == 'home' else name}")
            page.locator("h1").wait_for()
            idle(page)
            eventually(page, lambda: serious(page), [])  # what fades in is pale for a moment
    finally:
        page.emulate_media(color_scheme="light")
