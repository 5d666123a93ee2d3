"""A figure at a cell's end is a picture in the notebook, so it is displayed."""

from __future__ import annotations

import ast

import pytest

from nbprod.analysis.shown_figures import FigureNames, as_displayed

PLT = "import matplotlib.pyplot as plt\n"


def displayed(*cells: str) -> str:
    names = FigureNames()
    source = ""
    for cell in cells:
        statements = ast.parse(cell).body
        names.follow(statements)
        source = as_displayed(cell, statements, names)
    return source


@pytest.mark.parametrize(
    ("cells", "last"),
    [
        ((PLT + "fig, ax = plt.subplots()", "ax.plot([1])\nfig"), "display(fig)"),
        ((PLT + "fig = plt.figure(figsize=(3, 2))", "fig  # again"), "display(fig)  # again"),
        (("from matplotlib import pyplot\nf = pyplot.gcf()\nf",), "display(f)"),
        (("from matplotlib.pyplot import subplots\nf, a = subplots()\nf",), "display(f)"),
        (("g = sns.relplot(data=d)", "g.figure"), "display(g.figure)"),
        (("df.plot().get_figure()",), "display(df.plot().get_figure())"),
        (
            (PLT + "def make():\n    f, a = plt.subplots()\n    return f", "make()"),
            "display(make())",
        ),
        (
            (
                PLT + "def make():\n    return plt.subplots()\n",
                "f, a = plt.subplots()\nif a:\n    f2 = f\nf",
            ),
            "display(f)",
        ),
        ((PLT + "fig = plt.figure()", "x = 'ü'; fig"), "x = 'ü'; display(fig)"),
        ((PLT + "f = plt.gcf()", "(\n    f\n)"), "display((\n    f\n))"),
    ],
)
def test_a_figure_is_displayed(cells, last):
    source = displayed(*cells)
    assert source.endswith(last)
    ast.parse(source)


@pytest.mark.parametrize(
    "cells",
    [
        (PLT + "fig, ax = plt.subplots()", "ax"),
        (PLT + "fig, ax = plt.subplots()", "fig = 3", "fig"),
        (PLT + "fig, ax = plt.subplots()", "fig;"),
        (PLT + "plt.figure()",),
        ("df.head()",),
        ("def fig():\n    return 1\nfig",),
        (PLT + "fig, ax = plt.subplots()", "fig.savefig('a.png')"),
        (PLT + "plt.figure",),
    ],
)
def test_anything_else_stays_as_it_is(cells):
    assert displayed(*cells) == cells[-1]
