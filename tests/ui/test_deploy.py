"""The main job in a real browser with the real command: from a click to an answer."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path(__file__).parents[2] / "example_notebooks"
DEPLOY_MILLISECONDS = 400_000


def open_notebook(page, lab, path):
    page.goto(lab.page(path))
    button = page.locator('.jp-NotebookPanel [data-jp-item-name="nbprod-deploy"]')
    expect(button).to_contain_text("Deploy")
    button.click()
    return page.locator(".jp-nbprod-panel")


def ended(panel):
    """Wait for the end of the deploy and return its word for it."""
    words = panel.locator(
        ".jp-nbprod-phase.jp-mod-succeeded, .jp-nbprod-phase.jp-mod-failed,"
        ".jp-nbprod-phase.jp-mod-cancelled"
    )
    words.wait_for(timeout=DEPLOY_MILLISECONDS)
    return panel.inner_text()


def nbprod(lab, *arguments):
    return subprocess.run(
        [sys.executable, "-P", "-m", "nbprod.cli.main", *arguments],
        env=lab.environment,
        cwd=lab.root,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def lab_with_examples(lab):
    """The example notebooks in the server's folder; whatever was deployed is stopped."""
    shutil.copytree(EXAMPLES, lab.root / "examples", ignore=shutil.ignore_patterns(".*"))
    yield lab
    status = nbprod(lab, "status", "--json")
    if status.returncode == 0:
        for service in json.loads(status.stdout)["deployments"]:
            nbprod(lab, "stop", service["name"])


def test_from_the_button_to_an_answered_prediction(page, lab_with_examples, screenshot):
    lab = lab_with_examples
    panel = open_notebook(page, lab, "examples/churn.ipynb")
    expect(panel.locator(".jp-nbprod-stage.jp-mod-started")).to_be_visible()
    run = panel.locator(".jp-nbprod-stage", has=page.get_by_role("progressbar"))
    run.wait_for(timeout=DEPLOY_MILLISECONDS)
    screenshot("real-running")

    text = ended(panel)
    screenshot("real-ended")
    assert "Deployed" in text, f"{text}\n{lab.log.read_text()[-3000:]}"
    assert "answered as in the notebook" in text

    curl = panel.locator(".jp-nbprod-curl pre").inner_text()
    answered = subprocess.run(["bash", "-c", curl], capture_output=True, text=True, timeout=60)
    assert answered.returncode == 0, answered.stderr
    answer = json.loads(answered.stdout)
    assert len(answer["predictions"]) == 1
    assert answer["model"].startswith("churn:")
    assert "running" in nbprod(lab, "status", "--json").stdout

    panel.get_by_role("button", name="Stop service").click()
    expect(panel).to_contain_text("The service is stopped.")
    screenshot("real-stopped")
    refused = subprocess.run(["bash", "-c", curl], capture_output=True, timeout=60)
    assert refused.returncode != 0


def test_a_failing_cell_is_named_with_its_exception(page, lab_with_examples, screenshot):
    lab = lab_with_examples
    file = lab.root / "examples" / "churn.ipynb"
    notebook = json.loads(file.read_text())
    number = next(
        index
        for index, cell in enumerate(notebook["cells"], 1)
        if cell["cell_type"] == "code" and "read_csv" in "".join(cell["source"])
    )
    source = "".join(notebook["cells"][number - 1]["source"])
    notebook["cells"][number - 1]["source"] = source + '\ncustomers["no_such_column"]'
    file.write_text(json.dumps(notebook))
    panel = open_notebook(page, lab, "examples/churn.ipynb")

    text = ended(panel)
    screenshot("real-failed")

    assert "Failed" in text, text
    alert = panel.get_by_role("alert")
    expect(alert).to_contain_text("KeyError")
    link = alert.get_by_role("button", name=f"Cell {number}")
    link.click()
    expect(page.locator(".jp-Cell.jp-mod-active")).to_contain_text("no_such_column")
    assert json.loads(nbprod(lab, "status", "--json").stdout)["deployments"] == []
