"""Chromium with JupyterLab in it; screenshots go to build/screenshots/."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCREENSHOTS = ROOT / "build" / "screenshots"
FAKE = ROOT / "tests" / "server" / "fake_nbprod.py"

# JupyterLab starts slowly where other tests keep the machine busy.
PATIENCE_MILLISECONDS = 60_000

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def load(name):
    """Import a module of this folder; pytest's importlib mode leaves it off sys.path."""
    spec = importlib.util.spec_from_file_location(f"ui_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


running_lab = load("lab").running_lab


# Not for the session: Playwright keeps an event loop running while it is open, and
# then no other test could run one.
@pytest.fixture(scope="module")
def chromium():
    """The browser, as the system has it: nothing is downloaded."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.skip("there is no chromium on this machine")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A fresh window. What its console says is shown when a test fails."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    yield page
    context.close()


@pytest.fixture
def screenshot(page):
    """Take a picture that a person should look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def take(name):
        page.screenshot(path=str(SCREENSHOTS / f"{name}.png"))

    return take


@pytest.fixture(params=["JupyterLab Light", "JupyterLab Dark"], ids=["light", "dark"])
def themed_lab(request, tmp_path):
    """JupyterLab over the fake command, in both themes."""
    with running_lab(tmp_path, request.param, [sys.executable, str(FAKE)]) as lab:
        yield lab


@pytest.fixture
def fake_lab(tmp_path):
    """JupyterLab over the fake command: quick, and it fails on demand."""
    with running_lab(tmp_path, command=[sys.executable, str(FAKE)]) as lab:
        yield lab


@pytest.fixture
def lab(tmp_path):
    """JupyterLab over the real command."""
    with running_lab(tmp_path) as lab:
        yield lab
