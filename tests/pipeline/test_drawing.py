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


def test_magics_that_tell_of_the_environment_come_before_the_next_step(built):
    """pipeline.ipynb is a notebook: what they print there is what they print here."""
    pipeline, _ = built(
        "%load_ext watermark\n%watermark -v -p numpy",
        ("x = 1", "step:load"),
        ("%who\n%watermark -m\nprint(x)", "step:use"),
    )
    load, use = pipeline.steps
    assert load.magics == ("%load_ext watermark", "%watermark -v -p numpy")
    assert use.magics == ("%watermark -m",)


def test_a_step_knows_who_draws_its_figures(built):
    """Inline figures are pictures; those of other backends are the front end's."""
    plot = "import matplotlib.pyplot as plt\nplt.plot([1])"
    pipeline, _ = built(
        (plot, "step:a"),
        (f"%matplotlib notebook\n{plot}", "step:b"),
        (plot, "step:c"),
        (f"%matplotlib inline\n{plot}", "step:d"),
    )
    assert [step.backend for step in pipeline.steps] == ["", "notebook", "notebook", "inline"]
