"""Figures of plotly's: equal if they draw the same, in whatever order their keys are."""

from __future__ import annotations

import pickle

import pytest

from nbprod.compare.values import compare
from nbprod.run.kernel.fingerprint import fingerprint, survey

graphs = pytest.importorskip("plotly.graph_objects", reason="the figures are plotly's")


def bars(last=3.0):
    import numpy as np

    figure = graphs.Figure(graphs.Bar(x=["a", "b", "c"], y=np.array([1.0, 2.0, last])))
    return figure.update_layout(title="Sales", template="plotly_white")


def test_a_figure_is_the_same_after_loading():
    figure = bars()
    loaded = pickle.loads(pickle.dumps(figure))
    for one, other in ((figure, loaded), (figure.layout, loaded.layout), (bars(), loaded)):
        assert compare(one, other).equal
        assert fingerprint(one)[0] == fingerprint(other)[0]
    assert fingerprint(figure)[2] == set()


def test_what_is_drawn_otherwise_is_a_difference():
    assert compare(bars(), bars(3.0 + 1e-14)).equal
    assert not compare(bars(), bars(3.5)).equal
    assert not compare(bars(), bars().update_layout(title="Costs")).equal
    assert fingerprint(bars())[0] != fingerprint(bars().update_layout(title="Costs"))[0]


def test_a_figure_shares_with_its_traces_and_with_no_other_figure():
    figure = bars()
    variables = {"figure": figure, "trace": figure.data[0], "other": bars()}
    assert survey(variables, variables)["shares"] == [["figure", "trace"]]
