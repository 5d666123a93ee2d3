"""Every diagnostic that the analysis of a notebook can give: the table of rules."""

from __future__ import annotations

from dataclasses import dataclass

from nbprod.diagnostics import Diagnostic, Severity
from nbprod.origin import Origin


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        code: Its stable name.
        severity: How much a finding matters.
        what: What it finds, one sentence.
        fix: What the author can do, one sentence.
    """

    code: str
    severity: Severity
    what: str
    fix: str


_ERROR, _WARNING, _HINT = Severity.ERROR, Severity.WARNING, Severity.HINT

_TABLE = (
    Rule(
        "syntax-error", _ERROR, "A cell is not Python.", "Correct the line, or tag the cell skip."
    ),
    Rule("no-code", _ERROR, "The notebook has no code.", "Write some code cells first."),
    Rule(
        "undefined-name",
        _ERROR,
        "A name is read that no cell binds.",
        "Bind it in an earlier cell, or import it.",
    ),
    Rule(
        "used-before-definition",
        _ERROR,
        "A name is read before the cell that binds it.",
        "Move the cell that binds it up.",
    ),
    Rule(
        "skipped-name",
        _ERROR,
        "A name is read that only a cell tagged skip binds.",
        "Remove the skip tag, or bind the name elsewhere.",
    ),
    Rule(
        "deleted-name",
        _ERROR,
        "A name is read after it was deleted.",
        "Move the del below its last use.",
    ),
    Rule(
        "maybe-undefined-name",
        _WARNING,
        "A name that no cell binds is read in code that may not be executed.",
        "Bind it, or remove that code.",
    ),
    Rule(
        "magic-refused",
        _ERROR,
        "A magic or shell line cannot be part of a pipeline.",
        "Write it in plain Python, or tag the cell skip.",
    ),
    Rule("magic-left-out", _HINT, "A magic is left out of the pipeline.", ""),
    Rule("magic-translated", _HINT, "A magic is translated into Python.", ""),
    Rule(
        "top-level-await",
        _ERROR,
        "A cell awaits outside a function.",
        "Use asyncio.run(...) in a script, or a synchronous call.",
    ),
    Rule(
        "dynamic-namespace",
        _ERROR,
        "Code reads or writes the notebook's names by text, which cannot be followed.",
        "Use plain variables or a dict.",
    ),
    Rule(
        "notebook-history",
        _ERROR,
        "A cell reads IPython's history (In, Out, _).",
        "Give the value a name.",
    ),
    Rule(
        "star-import",
        _WARNING,
        "A star import binds names that cannot be seen.",
        "Import the names you use.",
    ),
    Rule(
        "star-import-ambiguous",
        _ERROR,
        "It cannot be told which star import a name comes from.",
        "Import that name itself.",
    ),
    Rule(
        "parameter-not-literal",
        _ERROR,
        "The parameters cell holds something else than NAME = literal.",
        "Keep only literals in the parameters cell; compute the rest in a cell below.",
    ),
    Rule(
        "several-parameter-cells",
        _ERROR,
        "More than one cell is tagged parameters.",
        "Put all parameters into one cell.",
    ),
    Rule(
        "step-conflict",
        _ERROR,
        "A cell carries tags of several steps.",
        "Keep one step tag per cell.",
    ),
    Rule(
        "step-split",
        _HINT,
        "Cells of a step lie apart and depend on what lies between: it becomes several steps.",
        "Give the later cells a step name of their own.",
    ),
    Rule(
        "step-renamed",
        _HINT,
        "A step has the name of a definition or module.",
        "Choose another name in the step tag.",
    ),
    Rule(
        "steps-inseparable",
        _ERROR,
        "Two tagged steps share something that cannot pass from one to the other.",
        "Give both the same step tag.",
    ),
    Rule(
        "steps-merged",
        _HINT,
        "Cells stay in one step because they share something that cannot leave it.",
        "",
    ),
    Rule(
        "could-be-parameters",
        _HINT,
        "A cell near the top holds only literal constants.",
        "Tag it parameters to make them inputs of the pipeline.",
    ),
    Rule(
        "metric-not-bound",
        _WARNING,
        "The cell tagged metrics assigns nothing.",
        "Assign the metrics to names, such as accuracy = ...",
    ),
    Rule(
        "secret-in-source",
        _ERROR,
        "A password, key or token stands in the source.",
        "Read it from os.environ and remove it here (and make it invalid).",
    ),
    Rule(
        "absolute-path",
        _WARNING,
        "A path of one machine stands in the source.",
        "Use a path relative to the notebook, or a parameter.",
    ),
    Rule(
        "out-of-order",
        _WARNING,
        "Cells were last executed in another order than they stand in.",
        "Restart the kernel and run all cells.",
    ),
    Rule(
        "not-executed",
        _HINT,
        "Some cells were never executed.",
        "Restart the kernel and run all cells.",
    ),
    Rule(
        "not-installed",
        _WARNING,
        "The kernel's environment does not have a module that the notebook imports.",
        "Install it in the kernel's environment.",
    ),
    Rule(
        "relative-import",
        _ERROR,
        "A notebook cannot import relative to a package.",
        "Import the module by its name.",
    ),
    Rule(
        "model-not-found",
        _ERROR,
        "The model option names a variable that no cell binds.",
        "Correct metadata.nbprod.model.",
    ),
)

RULES: dict[str, Rule] = {rule.code: rule for rule in _TABLE}


def finding(code: str, message: str, origin: Origin | None = None, fix: str = "") -> Diagnostic:
    """Return a diagnostic of the rule ``code``; its own fix unless ``fix`` says better."""
    rule = RULES[code]
    return Diagnostic(code, rule.severity, message, origin, fix or rule.fix)
