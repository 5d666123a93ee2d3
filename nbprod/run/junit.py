"""A run as a JUnit file: a test case for each step and each gate.

Written by the schema that Jenkins publishes, which GitHub's and GitLab's readers follow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as Tree

from nbprod.errors import NbprodError, UserCodeError
from nbprod.run.gate import GateOutcome
from nbprod.run.record import RunRecord, RunState, StepRecord

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(suites: Iterable[Tree.Element]) -> bytes:
    """Return the XML of a JUnit report, a suite per run."""
    root = Tree.Element("testsuites")
    root.extend(suites)
    Tree.indent(root)
    return b"<?xml version='1.0' encoding='utf-8'?>\n" + Tree.tostring(root) + b"\n"


def suite_of(
    record: RunRecord,
    steps: tuple[str, ...],
    gates: tuple[GateOutcome, ...] = (),
    error: NbprodError | None = None,
) -> Tree.Element:
    """Return a run as a test suite.

    Args:
        record: The run.
        steps: Names of all steps; those that did not run are skipped test cases.
        gates: Gates and their outcomes.
        error: Why the run failed; ``None`` if it did not.
    """
    suite = Tree.Element("testsuite", name=Path(record.notebook).name)
    suite.set("timestamp", record.started.partition(".")[0].removesuffix("+00:00"))
    suite.set("time", f"{record.seconds:.3f}")
    ran = {step.name: step for step in record.steps}
    failures = skipped = 0
    for name in dict.fromkeys((*ran, *steps)):
        step = ran.get(name)
        case = _case(suite, record, name or "cells of no step", step.seconds if step else 0.0)
        if step is None:
            skipped += 1
            Tree.SubElement(case, "skipped", message="not reached")
        elif step.state != "completed" and record.state is not RunState.COMPLETED:
            failures += 1
            _fail(case, record, step, error)
    if error is not None and not failures:
        failures += 1
        case = _case(suite, record, "run", record.seconds)
        _text(Tree.SubElement(case, "failure", message=_clean(error.message)), error)
    for outcome in gates:
        case = _case(suite, record, f"require {outcome.gate}", 0.0)
        if not outcome.met:
            failures += 1
            Tree.SubElement(case, "failure", message=_clean(str(outcome)))
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failures))
    suite.set("errors", "0")
    suite.set("skipped", str(skipped))
    return suite


def _case(suite: Tree.Element, record: RunRecord, name: str, seconds: float) -> Tree.Element:
    classname = Path(record.notebook).stem
    return Tree.SubElement(
        suite, "testcase", classname=classname, name=_clean(name), time=f"{seconds:.3f}"
    )


def _fail(
    case: Tree.Element, record: RunRecord, step: StepRecord, error: NbprodError | None
) -> None:
    message = error.message if error else record.failure.message if record.failure else step.state
    _text(Tree.SubElement(case, "failure", message=_clean(message)), error)


def _text(failure: Tree.Element, error: NbprodError | None) -> None:
    lines = [] if error is None or error.where is None else [str(error.where)]
    if isinstance(error, UserCodeError):
        failure.set("type", _clean(error.exception.partition(":")[0]))
        lines.append(error.traceback)
    if error is not None and error.fix:
        lines.append(error.fix)
    failure.text = _clean("\n".join(lines))


def _clean(text: str) -> str:
    """Leave out what XML cannot hold."""
    return _NOT_IN_XML.sub("", text)
