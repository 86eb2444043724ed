"""What axe finds on each page: contrast, names for screen readers, roles."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from fixtures.app import PAGES
from fixtures.browsing import eventually, idle

COLORS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}  # axe's rules about colours, AA


def serious(page, **options):
    """Serious findings, each with the elements that it is about."""
    found = Axe().run(page, options={"resultTypes": ["violations"], **options}).response["violations"]
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_serious_finding_in_either_theme(app, page, name):
    page.goto(f"{app}/{'' if name == 'home' else name}")
    page.locator("h1").wait_for()
    idle(page)
    eventually(page, lambda: serious(page), [])  # what fades in is pale for a moment
    page.emulate_media(color_scheme="dark")  # names and roles stay, colours change
    try:
        page.wait_for_function("getComputedStyle(document.querySelector('.stApp')).colorScheme === 'dark'")
        idle(page)  # charts take their colours from the page's next run
        eventually(page, lambda: serious(page, runOnly=COLORS), [])
    finally:
        page.emulate_media(color_scheme="light")
