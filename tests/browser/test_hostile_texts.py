"""No text from data, runs or links becomes markup, runs as code or asks another host, on any page or in a report."""

from urllib.parse import quote, urlsplit

import pytest
from fixtures.app import PAGES
from fixtures.browsing import idle
from fixtures.hostile import ATTACK, HOST, hostile_workplace

from segcore.cli import main

# A bare address is a link, as everywhere in Streamlit; it says where it leads.
MARKUP = f"""() => {{
    const found = [];
    const look = root => {{
        for (const one of root.querySelectorAll("*")) {{
            if (one.shadowRoot) look(one.shadowRoot);
            if (one.tagName === "A" && decodeURI(one.getAttribute("href") ?? "") === one.textContent) continue;
            for (const {{name, value}} of one.attributes)
                if (name.startsWith("on") && value.includes("pwned")
                    || ["src", "href", "srcset", "style", "data", "action"].includes(name)
                        && (value.includes("{HOST}") || value.startsWith("javascript:")))
                    found.push(one.outerHTML.slice(0, 200));
            if (one.tagName === "SCRIPT" && one.textContent.includes("pwned")) found.push(one.outerHTML.slice(0, 200));
        }}
    }};
    look(document);
    return [window.pwned ?? 0, found];
}}"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    return hostile_workplace(tmp_path_factory.mktemp("hostile"))


@pytest.fixture
def strangers(page):
    """The hosts other than this machine that a page asks."""
    hosts = set()

    def note(request):
        host = urlsplit(request.url).hostname
        if host not in (None, "127.0.0.1", "localhost"):
            hosts.add(host)

    page.on("request", note)
    yield hosts
    page.remove_listener("request", note)


def test_pages_show_attacks_as_text(hostile, serve, page, strangers, tmp_path):
    data, runs = hostile
    links = {
        "home": f"about={quote(ATTACK)}",
        "errors": f"of={quote(ATTACK)}&class={quote(ATTACK)}",
        "predictions": f"image={quote(ATTACK)}&runs={quote(ATTACK)}",
        "dataset": f"sample={quote(ATTACK)}&find={quote(ATTACK)}&hide={quote(ATTACK)}",
    }
    with serve("app.py", tmp_path, "--data", str(data), "--runs", str(runs)) as address:
        for path in PAGES:
            for query in filter(None, ("about=unet", links.get(path))):
                page.goto(f"{address}/{'' if path == 'home' else path}?{query}")
                idle(page)
                assert page.evaluate(MARKUP) == [0, []], path
                assert strangers == set(), path


def test_a_report_shows_attacks_as_text(hostile, page, strangers, tmp_path):
    data, runs = hostile
    report = tmp_path / "report.html"
    assert main(["report", "--runs", str(runs), "--data", str(data), "--out", str(report)]) == 0
    page.goto(report.as_uri())
    assert page.evaluate(MARKUP) == [0, []]
    assert strangers == set()
