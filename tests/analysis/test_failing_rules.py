"""A lint rule that fails is a finding, and takes nothing down."""

from __future__ import annotations

import json

from nbprod.analysis.lint import checks
from nbprod.diagnostics import has_errors
from nbprod.notebook.read import read_notebook_text
from nbprod.pipeline.build import build

CELL = {"cell_type": "code", "id": "c1", "metadata": {}, "outputs": [], "execution_count": None}


def broken(survey):
    yield from checks.absolute_paths(survey)
    raise TypeError("unhashable type: 'list'")


def test_a_rule_that_fails_is_a_warning_and_the_others_still_find(monkeypatch):
    monkeypatch.setattr(checks, "CHECKS", (broken, checks.network_access))
    source = (
        "text = open('/home/ana/text.csv').read()\nimport requests\nrequests.get('http://a.org')"
    )
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    document["cells"] = [{**CELL, "source": source}]
    pipeline, found = build(read_notebook_text(json.dumps(document), "n.ipynb"))
    told = {each.code: each for each in found}
    assert {"absolute-path", "network-access", "rule-failed"} <= told.keys()
    failed = told["rule-failed"]
    assert failed.severity == "warning"
    assert failed.message == ("The lint rule broken failed (TypeError: unhashable type: 'list').")
    assert pipeline is not None
    assert not has_errors(found)
