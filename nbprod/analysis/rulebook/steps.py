"""Rules about tags, parameters and steps."""

from __future__ import annotations

from nbprod.analysis.rulebook.rule import ERROR, HINT, WARNING, Rule

STEPS = (
    Rule(
        "parameter-not-literal",
        ERROR,
        "The parameters cell holds something else than NAME = literal.",
        "Keep only literals in the parameters cell; compute the rest in a cell below.",
        why="papermill puts new values behind that cell: what it computed would be stale.",
        bad="test_size = 0.2\nrows = len(df)",
        good="test_size = 0.2",
        binding=True,
    ),
    Rule(
        "several-parameter-cells",
        ERROR,
        "More than one cell is tagged parameters.",
        "Put all parameters into one cell.",
        binding=True,
    ),
    Rule(
        "could-be-parameters",
        HINT,
        "A cell near the top holds only literal constants.",
        "Tag it parameters to make them inputs of the pipeline.",
    ),
    Rule(
        "step-conflict",
        ERROR,
        "A cell carries tags of several steps.",
        "Keep one step tag per cell.",
        binding=True,
    ),
    Rule(
        "unclear-step-tag",
        WARNING,
        "A tag looks like a step's and is none.",
        "Write step:NAME, in small letters, with a colon.",
        bad="Step:load, steps:load, step=load",
        good="step:load",
    ),
    Rule(
        "exception-expected",
        WARNING,
        "A cell is tagged raises-exception: a notebook goes on behind it, a step does not.",
        "Catch the exception in the cell, or tag it skip.",
        why="An exception ends the function that a step becomes, and with it the pipeline.",
        bad="1 / 0",
        good="try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    print(error)",
    ),
    Rule(
        "mixed-backends",
        ERROR,
        "`%matplotlib` changes how figures are shown in the midst of a step.",
        "Begin a step of its own at that cell, or choose one way at the top of the notebook.",
        why="The pipeline says it before it calls a step: within a function it cannot change.",
        bad="plt.plot(loss)  # step:explore\n%matplotlib notebook\nplt.plot(score)  # step:explore",
        good="plt.plot(loss)  # step:explore\n"
        "%matplotlib notebook\nplt.plot(score)  # step:animate",
        binding=True,
    ),
    Rule(
        "clears-others",
        ERROR,
        "A cell clears the output of its step, and other cells of the step have shown something.",
        "Give the cell a step of its own, beginning there.",
        why="`clear_output` clears what its cell has shown; a step of a pipeline is one cell.",
        bad="plt.plot(loss)  # step:train\nclear_output(); print(epoch)  # step:train",
        good="plt.plot(loss)  # step:explore\nclear_output(); print(epoch)  # step:train",
        binding=True,
    ),
    Rule(
        "step-split",
        HINT,
        "Cells of a step lie apart and depend on what lies between: it becomes several steps.",
        "Give the later cells a step name of their own.",
    ),
    Rule(
        "previous-step",
        WARNING,
        "A prev tag names a step that does not stand above.",
        "Move the step's cells below that step, or correct the tag.",
        why=(
            "Kale orders steps by their prev tags. nbprod runs them in the notebook's order, and "
            "finds out itself which need which."
        ),
    ),
    Rule(
        "step-renamed",
        HINT,
        "A step has the name of a definition or module.",
        "Choose another name in the step tag.",
    ),
    Rule(
        "steps-inseparable",
        ERROR,
        "Two tagged steps share something that cannot pass from one to the other.",
        "Give both the same step tag.",
        why=(
            "Steps may run in processes of their own. A generator or an open file cannot pass "
            "from one to another."
        ),
        binding=True,
    ),
    Rule(
        "steps-merged",
        HINT,
        "Cells stay in one step because they share something that cannot leave it.",
        "",
    ),
    Rule(
        "metric-not-bound",
        WARNING,
        "The cell tagged metrics assigns nothing.",
        "Assign the metrics to names, such as accuracy = ...",
        bad="print(model.score(X, y))",
        good="accuracy = model.score(X, y)",
    ),
    Rule(
        "model-not-found",
        ERROR,
        "The model option names a variable that no cell binds.",
        "Correct metadata.nbprod.model.",
        binding=True,
    ),
)
