"""A served app in a real browser."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

import pytest
from fixtures.app import ROOT, make_data, make_runs
from fixtures.browsing import PATIENCE, watch
from fixtures.processes import free_port
from fixtures.searches import fake_search

STATE = "document.querySelector('[data-test-script-state]')?.dataset.testScriptState"
server_logs = []  # files that running servers write to
VIEWPORT = {"width": 1280, "height": 900}
STARTED_WITHIN = 120  # s; a busy two-core machine takes ten


def chromium():
    return shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser():
    path = chromium()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("No chromium on this machine. Install it: tests/browser/ensure_chromium.sh")
        pytest.skip("No chromium on this machine; tests/browser/ensure_chromium.sh installs it.")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=1000 * PATIENCE)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def tab(browser):
    """One tab for all tests, so that Chromium compiles Streamlit's scripts once, not in every test."""
    opened = watch(browser.new_page(viewport=VIEWPORT))
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.on("console", lambda message: _note(opened, message))
    opened.set_default_timeout(1000 * PATIENCE)
    return opened


@pytest.fixture
def page(tab):
    """A page that collects what went wrong in it as `page.problems`. It keeps nothing of the test before."""
    tab.problems = []
    yield tab
    tab.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
    tab.context.clear_cookies()
    tab.goto("about:blank")
    tab.set_viewport_size(VIEWPORT)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """With a failure, report what the open pages showed and the end of what the servers logged."""
    report = yield
    if report.failed and (browser := item.funcargs.get("browser")):
        for shown in (shown for context in browser.contexts for shown in context.pages):
            text = (shown.evaluate(STATE), shown.inner_text("body"), *getattr(shown, "problems", ()))
            report.sections.append((f"page {shown.url}", "\n".join(map(str, text))))
        report.sections.extend((f"server log {log}", log.read_text()[-4000:]) for log in server_logs)
    return report


def _note(page, message):
    # On a deep link Streamlit's own front end first asks for /compare/_stcore/..., is told 404, and finds its server.
    if message.type == "error" and "/_stcore/" not in message.location.get("url", ""):
        page.problems.append(f"{message.text} ({message.location.get('url')})")


@pytest.fixture(scope="session")
def workplace(tmp_path_factory):
    """(dataset, runs) of four models."""
    folder = tmp_path_factory.mktemp("browser")
    data = make_data(folder / "toy")
    make_runs(folder / "runs", data, ("fcn8s", "unet", "pspnet", "deeplabv3plus"), extras=True)
    fake_search(folder / "runs", "settings", ["complete", "pruned", "complete", "failed", "complete"])
    return data, folder / "runs"


def served(data, runs, cache, **options):
    """Serve the app; yields its address."""
    return served_script("app.py", cache, "--data", str(data), "--runs", str(runs), **options)


@contextlib.contextmanager
def served_script(script, cache, *arguments, port=None):
    """Serve a Streamlit script, on a free port if none is given; yields its address and always ends the server."""
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true", "--server.fileWatcherType", "none"]
    command += ["--", *arguments]
    environment = os.environ | {"SEGCORE_CACHE": str(cache), "SEGCORE_USER_DATA": str(cache / "user")}
    log = (cache / f"{port}.log").open("w+")
    server_logs.append(cache / f"{port}.log")
    server = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, server, log)
        yield address
    finally:
        server_logs.remove(cache / f"{port}.log")
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        log.close()


def _wait(address, server, log):
    until = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
            return
        time.sleep(0.1)
    log.seek(0)
    pytest.fail(f"The app did not start within {STARTED_WITHIN} s:\n{log.read()[-3000:]}")


@pytest.fixture(scope="session")
def port():
    """One port for all fresh servers, since Chromium keeps compiled scripts by their address."""
    return free_port()


@pytest.fixture
def fresh(workplace, tmp_path, port):
    """The address of a server that nobody has visited yet."""
    with served(*workplace, tmp_path, port=port) as address:
        yield address


@pytest.fixture(scope="session")
def app(workplace, tmp_path_factory):
    """The address of a server shared by the tests."""
    with served(*workplace, tmp_path_factory.mktemp("cache")) as address:
        yield address


@pytest.fixture(scope="session")
def serve():
    """`with serve(script, folder) as address:` serves a Streamlit script; its log is written to the folder."""
    return served_script
