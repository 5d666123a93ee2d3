"""Code that is only measured (``%timeit``): it may be left out if it has no effect."""

from __future__ import annotations

import ast

from nbprod.analysis import summaries
from nbprod.analysis.effects import effects_of
from nbprod.analysis.frames import Frame
from nbprod.analysis.library_table import Conduct, function_conduct, knows_type, method_conduct
from nbprod.analysis.memory import Place, Summary
from nbprod.analysis.scopes import definition_names
from nbprod.analysis.value import SCALAR_TYPES

# Effects that nothing remains of.
_PASSING = frozenset({"clock", "reads-files", "network"})
_LOGS = frozenset({"debug", "warning", "error", "critical", "exception"})
_SAYS = {
    "random": "draws random numbers",
    "prints": "prints",
    "plots": "draws",
    "fits": "fits",
    "options": "changes options",
    "environment": "changes the environment",
    "writes-files": "writes files",
    "subprocess": "starts processes",
}


def effect_of(code: str, frame: Frame) -> str:
    """Tell what running ``code`` many times in a scope of its own does besides computing.

    Args:
        code: The code that is measured.
        frame: The notebook's names.

    Returns:
        What it does, as a clause; empty if it certainly does nothing.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return "is no plain Python"
    node = ast.parse("def measured(): pass").body[0]
    assert isinstance(node, ast.FunctionDef)
    node.body = tree.body or node.body
    names = definition_names(node)
    region = frame.memory.region(node)
    frame.memory.code[region] = node
    frame.memory.places[region] = Place()
    try:
        summary = summaries.summary_of(frame.memory, frame, region, ())
    finally:
        del frame.memory.code[region]
    if summary is None:
        return "cannot be followed"
    read = {name: value for name in names.deferred if (value := frame.peek(name)) is not None}
    for name, value in sorted(read.items()):
        if value.pinned:
            return f"may use `{name}` up"
    # What functions do that are not called here, but given to something that may call them.
    lambdas = {frame.memory.region(each) for each in ast.walk(node) if isinstance(each, ast.Lambda)}
    given = lambdas.union(*(value.own for value in read.values())) & frame.memory.code.keys()
    called = [known for each in sorted(given) if (known := summaries.known(frame.memory, each))]
    return next(filter(None, map(effect, (summary, *called))), "")


def effect(summary: Summary) -> str:
    """Tell what calling a function does besides computing; empty if it certainly does nothing."""
    changed = sorted(summary.mutated_free | {name for name, _ in summary.rebinds})
    if changed:
        return f"may change `{changed[0]}`"
    if summary.changed_code or any(call.endswith("=") for call in summary.calls):
        return "changes a function, class or module"
    effects = sorted(set(effects_of(summary.calls)) - _PASSING)
    if effects:
        return _SAYS.get(effects[0], effects[0])
    if any(call.rpartition(".")[2] in _LOGS for call in summary.calls):
        return "writes a log"
    unknown = sorted(filter(_is_unknown, summary.calls))
    return f"calls `{unknown[0].removeprefix('?.')}`, of which nothing is known" if unknown else ""


def _is_unknown(call: str) -> bool:
    kind, _, name = call.rpartition(".")
    if call.endswith("[]") or kind in SCALAR_TYPES:
        return False
    if kind == "?" or knows_type(kind):
        return method_conduct(kind.rstrip("?"), name) is Conduct.UNKNOWN
    return function_conduct(call) is Conduct.UNKNOWN
