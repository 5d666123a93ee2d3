"""Which cells leave figures."""

from __future__ import annotations


def test_what_leaves_figures_is_known_by_what_it_calls(built):
    pipeline, _ = built(
        "from sklearn.tree import DecisionTreeClassifier, plot_tree\nfrom elsewhere import plot_it",
        "def look(v):\n    plot_tree(v)",
        "model = DecisionTreeClassifier().fit([[1], [2]], [0, 1])",
        "look(model)",
        "plot_it(model)",
        "print(model)",
        "plot_it(model)",
    )
    draws = {block.origin.cell: block.draws for step in pipeline.steps for block in step.blocks}
    assert draws == {3: False, 4: True, 5: True, 6: False, 7: False}
