"""``nbprod run --grid``: a run for each combination of parameter values."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nbprod.errors import InterruptedRunError, NbprodError, UsageError, UserCodeError
from nbprod.events import Listener, LogEvent, PlanEvent, ignore_events
from nbprod.run.atomic_write import write_atomically
from nbprod.run.gate import GateOutcome, judge, parse_gate
from nbprod.run.literals import literal
from nbprod.run.record import RunRecord, RunState
from nbprod.run.report import shown, table
from nbprod.workflows.run import RunWorkflowRequest, check_reports, execute_stage, write_summary
from nbprod.workflows.subject import load_subject, resolve, warn_of_history


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """Which combinations to run.

    Attributes:
        run: What every run has in common; it has no output notebook.
        grid: ``NAME=VALUE,VALUE…`` texts; all combinations run, the last one varies first.
    """

    run: RunWorkflowRequest
    grid: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SweepRun:
    """One combination.

    Attributes:
        values: Values of the varied parameters, as Python expressions.
        record: Its run; ``None`` if it could not start.
        gates: Conditions on its metrics, with their outcomes.
        error: Why it failed; ``None`` if it did not.
    """

    values: Mapping[str, str]
    record: RunRecord | None
    gates: tuple[GateOutcome, ...] = ()
    error: NbprodError | None = None

    @property
    def state(self) -> str:
        """How it ended."""
        if self.record is not None:
            return self.record.state.value
        stopped = isinstance(self.error, InterruptedRunError)
        return (RunState.INTERRUPTED if stopped else RunState.FAILED).value

    @property
    def passed(self) -> bool:
        """It ran to its end and meets what is required."""
        return self.error is None and all(outcome.met for outcome in self.gates)


@dataclass(frozen=True, slots=True)
class SweepResult:
    """All combinations, in the order they ran.

    Attributes:
        runs: Those that began.
        stopped: What kept the others from it, such as Ctrl-C; ``None`` if nothing did.
    """

    runs: tuple[SweepRun, ...] = field(default=())
    stopped: NbprodError | None = None

    @property
    def passed(self) -> bool:
        """All of them did."""
        return self.stopped is None and all(found.passed for found in self.runs)

    @property
    def columns(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of the varied parameters, and of the metrics that any run has."""
        varied = dict.fromkeys(name for found in self.runs for name in found.values)
        metrics = dict.fromkeys(
            name for found in self.runs if found.record for name in found.record.metrics
        )
        return tuple(varied), tuple(metrics)

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Yield the table: varied values, metrics, seconds, state, run."""
        varied, metrics = self.columns
        for found in self.runs:
            values = [found.values[name] for name in varied]
            known = found.record.metrics if found.record else {}
            values += [shown(known[name]) if name in known else "" for name in metrics]
            state = found.state
            if found.error is None and not found.passed:
                state = "not met: " + "; ".join(str(e) for e in found.gates if not e.met)
            seconds = f"{found.record.seconds:.1f} s" if found.record else ""
            yield (*values, seconds, state, found.record.run_id if found.record else "")

    def as_json(self) -> dict[str, object]:
        """Return the document of ``nbprod run --grid --json``."""
        return {
            "runs": [
                {
                    "run_id": found.record.run_id if found.record else None,
                    "parameters": found.record.parameters if found.record else {},
                    "varied": dict(found.values),
                    "metrics": found.record.metrics if found.record else {},
                    "state": found.state,
                    "seconds": found.record.seconds if found.record else 0.0,
                    "passed": found.passed,
                    "error": found.error.message if found.error else "",
                }
                for found in self.runs
            ]
        }


def parse_grid(text: str) -> tuple[str, tuple[str, ...]]:
    """Read ``NAME=VALUE,VALUE…``; commas within brackets or quotes belong to a value.

    Raises:
        UsageError: If it is nothing of the kind.
    """
    name, equals, listed = text.partition("=")
    values = tuple(dict.fromkeys(_split(listed)))
    if not name.strip().isidentifier() or not equals or not all(values):
        raise UsageError(
            f"{text!r} is no line of a grid.",
            fix="Write a parameter and its values: --grid learning_rate=0.01,0.1",
        )
    return name.strip(), values


def _split(text: str) -> Iterator[str]:
    pending = ""
    for part in text.split(","):
        pending = f"{pending},{part}" if pending else part
        if not _is_open(pending):
            yield _unquoted(pending.strip())
            pending = ""
    if pending:
        yield pending.strip()


def _unquoted(text: str) -> str:
    return str(ast.literal_eval(text)) if text[:1] in {"'", '"'} else text


def _is_open(text: str) -> bool:
    """Tell whether a bracket or quote is open at the end of a text."""
    text = text.strip()
    if not text.startswith(("[", "(", "{", "'", '"')):
        return False
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return True
    return False


def sweep(request: SweepRequest, listener: Listener = ignore_events) -> SweepResult:
    """Run every combination, one after the other; one that fails does not stop the others.

    Ctrl-C, or a disk that is full, does: the result says so, and has the runs until then.

    Raises:
        UsageError: Wrong target, grid, parameter or kernel; nothing has run then.
    """
    base = request.run
    for path in (base.output, base.report):
        if path is not None:
            raise UsageError(
                f"A grid has an output notebook and a report for each run, not one at {path}.",
                fix="Leave it out: each run keeps its own; `nbprod show RUN --report` writes one.",
            )
    subject = load_subject(base.target, base.kernel)
    lines = [parse_grid(text) for text in request.grid]
    twice = {name for name, _ in lines if sum(name == other for other, _ in lines) > 1}
    if twice:
        raise UsageError(
            f"The grid names {sorted(twice)[0]} twice.", fix="Give all its values at once."
        )
    names = [name for name, _ in lines]
    given = next((name for name, _ in base.parameters if name in names), None)
    if given:
        raise UsageError(f"{given} is given by --grid and by -p.", fix="Leave one of them out.")
    secret = next((name for name in names if name in subject.pipeline.secrets), None)
    if secret:
        raise UsageError(f"{secret} is a secret, and no grid's.", fix="Give it once, for all runs.")
    warn_of_history(subject.pipeline, base.parameters, listener)
    gates = [parse_gate(text) for text in base.require]
    check_reports(base)
    combinations = [
        resolve(
            subject.pipeline,
            (*base.parameters, *zip(names, values, strict=True)),
            base.parameter_files,
        )
        for values in itertools.product(*(values for _, values in lines))
    ]
    titles = [
        (
            f"run {number}",
            f"Run {number} of {len(combinations)}: "
            + ", ".join(f"{name}={literal(parameters[name])}" for name in names),
        )
        for number, parameters in enumerate(combinations, start=1)
    ]
    listener(PlanEvent(tuple(titles)))
    found = []
    stopped: NbprodError | None = None
    for (stage, _), parameters in zip(titles, combinations, strict=True):
        ended: list[RunRecord] = []
        error: NbprodError | None = None
        try:
            execute_stage(
                subject,
                parameters,
                listener,
                isolate=base.isolate,
                ahead=base.ahead,
                use_cache=base.use_cache,
                cell_timeout=base.cell_timeout,
                run_timeout=base.run_timeout,
                stage=stage,
                on_record=ended.append,
            )
        except UserCodeError as failure:
            error = failure
            listener(LogEvent(failure.message, "warning"))
        except NbprodError as failure:
            error = stopped = failure  # Ctrl-C, a full disk: the next one would not fare better
        except KeyboardInterrupt:
            error = stopped = InterruptedRunError("Interrupted.")
        record = ended[-1] if ended else None
        outcomes = () if error or record is None else tuple(judge(g, record.metrics) for g in gates)
        values = {name: literal(parameters[name]) for name in names}
        found.append(SweepRun(values, record, outcomes, error))
        if stopped is not None:
            break
    result = SweepResult(tuple(found), stopped)
    _tell(base, tuple(step.name for step in subject.pipeline.steps), result)
    return result


def _tell(request: RunWorkflowRequest, steps: tuple[str, ...], result: SweepResult) -> None:
    from nbprod.run.junit import junit, suite_of

    records = [(found, found.record) for found in result.runs if found.record is not None]
    if request.junit is not None:
        suites = []
        for found, record in records:
            suite = suite_of(record, steps, found.gates, found.error)
            values = ", ".join(f"{name}={value}" for name, value in found.values.items())
            suite.set("name", f"{suite.get('name')} ({values})")
            suites.append(suite)
        write_atomically(request.junit.absolute(), junit(suites))
    if request.summary is not None:
        varied, metrics = result.columns
        head = (*varied, *metrics, "time", "state", "run")
        mark = "✅" if result.passed else "❌"
        lines = [f"## {mark} {request.target.name}", "", *table("", head, result.rows())]
        write_summary(request.summary, "\n".join(lines) + "\n")
