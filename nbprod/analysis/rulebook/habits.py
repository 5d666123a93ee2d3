"""Rules about what works on one machine, on one day, for one person."""

from __future__ import annotations

from nbprod.analysis.rulebook.rule import ERROR, HINT, WARNING, Rule

HABITS = (
    Rule(
        "secret-in-source",
        ERROR,
        "A password, key or token stands in the source.",
        "Read it from os.environ and remove it here (and make it invalid).",
        why=(
            "The source goes into the generated project, the service and version control, where "
            "others read it."
        ),
        bad="api_key = 'k9f3…'",
        good="api_key = os.environ['API_KEY']",
    ),
    Rule(
        "secret-in-output",
        ERROR,
        "A key or token stands in a cell's output.",
        "Clear the cell's output (and make the secret invalid).",
        why="Outputs are saved with the notebook and read by everybody who opens it.",
        bad="print(os.environ)",
        good="print(sorted(os.environ))",
    ),
    Rule(
        "absolute-path",
        WARNING,
        "A path of one machine stands in the source.",
        "Use a path relative to the notebook, or a parameter.",
        bad="df = pd.read_csv('/home/ana/data/churn.csv')",
        good="df = pd.read_csv('data/churn.csv')",
    ),
    Rule(
        "network-access",
        WARNING,
        "A cell reads from or writes to the network.",
        "Keep a copy of the data beside the notebook, or make the address a parameter.",
        why=(
            "The pipeline fails where there is no network, and gives other results when the "
            "other side changes."
        ),
        bad="df = pd.read_csv('https://example.org/churn.csv')",
        good="df = pd.read_csv('data/churn.csv')",
    ),
    Rule(
        "lists-own-folder",
        WARNING,
        "A cell lists the working directory itself.",
        "List a folder of its own, or the names that a pattern matches.",
        why=(
            "The project may lie there, and what runs wrote: they are in the list, and were not "
            "when the notebook was first run by hand. Programs such as `find` see .nbprod, too, "
            "in which a run keeps its records; Python's own lists leave it out."
        ),
        bad="files = os.listdir('.')",
        good="files = glob.glob('*.csv')",
    ),
    Rule(
        "out-of-order",
        WARNING,
        "Cells were last executed in another order than they stand in.",
        "Restart the kernel and run all cells.",
        why=(
            "The outputs come from a state that running the notebook from top to bottom "
            "may not give."
        ),
    ),
    Rule(
        "not-executed",
        WARNING,
        "Some cells were never executed, others were.",
        "Restart the kernel and run all cells.",
        why="What is shown was computed without them.",
    ),
    Rule(
        "execution-gap",
        HINT,
        "Numbers are missing among the execution counts.",
        "Restart the kernel and run all cells.",
        why=(
            "Cells were executed more than once or deleted since, and may have left "
            "something behind that the outputs depend on."
        ),
    ),
    Rule(
        "dead-cell",
        WARNING,
        "Nothing uses what a cell computes, and it shows nothing.",
        "Remove the cell, or tag it skip.",
        why="Code that does nothing misleads whoever has to maintain the pipeline.",
        bad="old_features = df.drop(columns='age')  # never read again",
    ),
    Rule(
        "unknown-rule",
        WARNING,
        "A rule is to be switched off that there is not, or that cannot be switched off.",
        "Correct its name; nbprod check --explain all lists them.",
        bad="x = secret()  # nbprod: ignore[secrets-in-source]",
        good="x = secret()  # nbprod: ignore[secret-in-source]",
    ),
    Rule(
        "rule-failed",
        WARNING,
        "A lint rule failed, so that what it would have found is not told.",
        "This is a defect of nbprod: please report it with the cell that it is about.",
        why="The rules look for habits; steps, dataflow and results do not depend on them.",
    ),
)
