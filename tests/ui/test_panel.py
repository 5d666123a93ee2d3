"""The panel in a real browser, over the fake command line: what it shows and when."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def write_notebook(lab, script, path="churn.ipynb"):
    sources = ["# Churn", "import time\nrate = 0.1", "x = 1\nmodel.fit(X, y)\nprint(x)"]
    sources += [f"# filler {number}\n" + "pass\n" * 20 for number in range(12)]
    cells = [
        {
            "cell_type": "markdown" if number == 0 else "code",
            "id": f"cell-{number}",
            "metadata": {},
            "source": source,
            **({} if number == 0 else {"outputs": [], "execution_count": None}),
        }
        for number, source in enumerate(sources)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document = {
        "cells": cells,
        "metadata": {"script": script, "kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (lab.root / path).write_text(json.dumps(document))
    return path


def open_notebook(page, lab, path):
    page.goto(lab.page(path))
    expect(deploy_button(page)).to_be_visible()
    return page.locator(".jp-nbprod-panel")


def deploy_button(page):
    return page.locator('.jp-NotebookPanel:not(.lm-mod-hidden) [data-jp-item-name="nbprod-deploy"]')


def phase(panel):
    return panel.locator(".jp-nbprod-phase")


def test_a_deploy_from_click_to_stop(page, themed_lab, screenshot, request):
    theme = request.node.callspec.id
    panel = open_notebook(page, themed_lab, write_notebook(themed_lab, "slow"))

    deploy_button(page).click()
    expect(phase(panel)).to_contain_text("Deploying")
    expect(panel.get_by_role("progressbar")).to_be_visible()
    expect(panel.locator(".jp-nbprod-stage")).to_have_count(9)
    screenshot(f"running-{theme}")

    expect(phase(panel)).to_contain_text("Deployed")
    expect(panel.get_by_role("link", name="http://127.0.0.1:9/")).to_be_visible()
    expect(panel).to_contain_text("1000 rows answered as in the notebook")
    panel.get_by_title("Copy the command").click()
    expect(panel.get_by_title("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == panel.locator(".jp-nbprod-curl pre").inner_text()
    assert copied.startswith("curl -s http://127.0.0.1:9/predict")
    screenshot(f"deployed-{theme}")

    panel.get_by_role("button", name="Stop service").click()
    expect(panel).to_contain_text("The service is stopped.")
    expect(panel.get_by_role("link", name="http://127.0.0.1:9/")).to_have_count(0)
    expect(panel.get_by_role("button", name="Deploy again")).to_be_enabled()


def test_a_failing_cell_is_one_click_away(page, themed_lab, screenshot, request):
    panel = open_notebook(page, themed_lab, write_notebook(themed_lab, "fail"))
    deploy_button(page).click()
    expect(phase(panel)).to_contain_text("Failed")

    alert = panel.get_by_role("alert")
    expect(alert).to_contain_text("model.fit(X, y)")
    expect(alert).to_contain_text("ValueError: <b>bad</b>")
    expect(alert).to_contain_text("mend the cell and deploy again")
    screenshot(f"failed-{request.node.callspec.id}")
    page.locator(".jp-Cell").last.scroll_into_view_if_needed()
    alert.get_by_role("button", name="Cell 2, step train").click()

    active = page.locator(".jp-Cell.jp-mod-active")
    expect(active).to_contain_text("model.fit")
    expect(active).to_be_in_viewport()


def test_a_run_outlives_the_tab_and_can_be_cancelled(page, fake_lab):
    path = write_notebook(fake_lab, "hang")
    panel = open_notebook(page, fake_lab, path)
    deploy_button(page).click()
    expect(phase(panel)).to_contain_text("Deploying")

    panel = open_notebook(page, fake_lab, path)
    page.evaluate("document.title")
    page.get_by_role("tab", name="Deploy notebook").click()
    expect(phase(panel)).to_contain_text("Deploying")
    button = deploy_button(page).locator("jp-button, button").first
    expect(button).to_have_attribute("aria-disabled", "true")
    panel.get_by_role("button", name="Cancel").click()

    expect(phase(panel)).to_contain_text("Cancelled")
    expect(panel.get_by_role("button", name="Deploy again")).to_be_enabled()


def test_what_is_deployed_is_what_is_on_the_screen(page, fake_lab):
    path = write_notebook(fake_lab, "succeed")
    panel = open_notebook(page, fake_lab, path)
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\nanswer = 42")

    deploy_button(page).click()
    expect(phase(panel)).to_contain_text("Deployed")

    assert "answer = 42" in (fake_lab.root / path).read_text()


def test_the_panel_follows_the_notebook_in_front(page, fake_lab):
    write_notebook(fake_lab, "succeed", "other.ipynb")
    panel = open_notebook(page, fake_lab, write_notebook(fake_lab, "fail"))
    deploy_button(page).click()
    expect(phase(panel)).to_contain_text("Failed")

    page.get_by_role("listitem", name="other.ipynb").dblclick()

    expect(panel.locator("h2")).to_have_text("other.ipynb")
    expect(phase(panel)).to_have_count(0)
    page.get_by_role("main").get_by_role("tab", name="churn.ipynb").click()
    expect(phase(panel)).to_contain_text("Failed")


def test_each_toolbar_deploys_its_own_notebook(page, fake_lab, screenshot):
    write_notebook(fake_lab, "succeed", "other.ipynb")
    panel = open_notebook(page, fake_lab, write_notebook(fake_lab, "fail"))
    page.get_by_role("listitem", name="other.ipynb").dblclick()
    tab = page.get_by_role("main").get_by_role("tab", name="other.ipynb")
    area = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook").bounding_box()
    tab.hover()
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] - 40, area["y"] + area["height"] / 2, steps=12)
    page.mouse.up()
    expect(deploy_button(page)).to_have_count(2)
    page.get_by_role("main").get_by_role("tab", name="churn.ipynb").click()
    expect(page.locator(".jp-mod-current[role=tab]", has_text="churn.ipynb")).to_be_visible()

    buttons = deploy_button(page)
    right = max(range(2), key=lambda index: buttons.nth(index).bounding_box()["x"])
    buttons.nth(right).click()

    expect(panel.locator("h2")).to_have_text("other.ipynb")
    expect(phase(panel)).to_contain_text("Deployed")
    screenshot("side-by-side")
