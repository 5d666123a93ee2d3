"""Why results differ, as far as the notebook and its run tell: for people, never for decisions."""

from __future__ import annotations

import re

from nbprod.pipeline.ir import Effect, Pipeline, Step
from nbprod.run.record import RunRecord
from nbprod.run.replay import OutputComparison, StepReplay
from nbprod.run.truth import describe_change

_UNSTABLE = (
    (
        r"\btime\.|\bdatetime\b|\bdate\.today|Timestamp\.now|perf_counter",
        "the clock",
    ),
    (r"\buuid|urandom|\bsecrets\.|SystemRandom", "the system's own random numbers"),
    (r"default_rng\(\s*\)|RandomState\(\s*\)|Random\(\s*\)", "a random generator without a seed"),
    (r"\brequests\.|urlopen|httpx|https?://", "what it reads from the network"),
    (r"getpid|mkdtemp|mkstemp|TemporaryDirectory|NamedTemporaryFile", "a name made anew each time"),
    (r"\bid\(|\bhash\(", "memory addresses or Python's hash seed"),
    (r"\bset\(|\{[^:{}]+ for ", "the order of a set"),
    (r"n_jobs|Thread|Pool\(", "work done in parallel"),
    (r"random|shuffle|sample\(|train_test_split|Forest|Boosting|fit\(", "unseeded random numbers"),
)


def unstable_reason(pipeline: Pipeline, step: str) -> str:
    """Say what most likely makes a step give something else each time it runs."""
    source = _source(_step(pipeline, step))
    for pattern, words in _UNSTABLE:
        if re.search(pattern, source):
            return f"it depends on {words}"
    return "it depends on something that is another each time"


def likely_reason(
    pipeline: Pipeline,
    record: RunRecord,
    replayed: StepReplay,
    found: OutputComparison,
    edited: tuple[str, ...] = (),
) -> str:
    """Say why a result of the pipeline is likely not the notebook's.

    Args:
        pipeline: Its steps.
        record: The run of the notebook.
        replayed: The step.
        found: What differs.
        edited: Files of the project that were edited by hand.
    """
    step = _step(pipeline, replayed.step)
    if found.kind == "input" and not found.comparable:
        return (
            f"the class of `{found.name}`, or of something in it, does not save all that it "
            "holds; give the cells on both sides of the boundary the same `step:` tag"
        )
    if found.kind == "input":
        return _changed_unseen(record, step, found.name)
    if not found.comparable:
        return f"`{found.name}` cannot be stored, so its value in the notebook is not known"
    if "which the pipeline leaves out" in found.detail:
        return "a magic or an expression that is left out has an effect: write it in plain Python"
    code = [path for path in edited if path.endswith(".py") and not path.startswith("tests/")]
    if code and found.kind != "ambient":
        verb = "was" if len(code) == 1 else "were"
        return f"{', '.join(code)} {verb} edited by hand; if that is meant, edit the notebook too"
    if found.kind == "ambient":
        return _ambient(step, found.name)
    remade = _remade(record, step)
    if remade:
        return remade
    if found.kind in {"figure", "display", "printed"}:
        return _not_shown(step, found)
    if found.kind == "file":
        return "the step writes it through something that the generated code does not have"
    return _value(record, step, found.name)


def error_reason(record: RunRecord, replayed: StepReplay) -> str:
    """Say why a generated step likely fails where the notebook's cells do not."""
    message = replayed.error.message if replayed.error else ""
    name = re.search(r"NameError: name '(\w+)'", message)
    if name:
        return f"`{name[1]}` comes from a place that the conversion did not see"
    local = re.search(r"<locals>\.(\w+)", message)
    if local and re.search("pickle|local object", message, re.IGNORECASE):
        return (
            f"`{local[1]}` stands inside the step, since it reads the notebook's variables when it "
            "is made, and pickle finds only what stands outside; let it read constants only"
        )
    if "was not captured" in message or "cannot be saved" in message:
        return "a value that cannot be stored has to cross into this step"
    for change in record.undeclared:
        if change.reader == replayed.step:
            return ". ".join(describe_change(change))
    return "the step needs something that an earlier cell left outside the variables"


def _step(pipeline: Pipeline, name: str) -> Step:
    return next(step for step in pipeline.steps if step.name == name)


def _source(step: Step) -> str:
    return "\n".join(block.source for block in step.blocks)


def _changed_unseen(record: RunRecord, step: Step, variable: str) -> str:
    for change in record.undeclared:
        if change.variable == variable and change.reader == step.name:
            return ". ".join(describe_change(change))
    return f"something between the two steps changes `{variable}` without naming it"


def _remade(record: RunRecord, step: Step) -> str:
    """Say what changed of that which stands outside the steps, and which the step names."""
    for change in record.undeclared:
        if not change.reader and re.search(rf"\b{re.escape(change.variable)}\b", _source(step)):
            return ". ".join(describe_change(change))
    return ""


def _dropped(step: Step) -> str:
    """Name a displayed expression that was left out; empty if there is none."""
    for block in step.blocks:
        if block.display:
            text = " ".join(block.display.split())
            return f"`{text[:60]}` (cell {block.origin.cell}), which was left out as a mere display"
    return ""


def _ambient(step: Step, name: str) -> str:
    dropped = _dropped(step)
    if name.startswith("random state"):
        if dropped:
            return f"random numbers may be drawn by {dropped}"
        return "an import or a call that draws random numbers stands at another place"
    what = "an option" if "option" in name else "state outside the variables"
    return f"{what} is set at another place than in the notebook" + (
        f", perhaps by {dropped}" if dropped else ""
    )


def _not_shown(step: Step, found: OutputComparison) -> str:
    dropped = _dropped(step)
    if dropped and ("missing" in found.detail or "only the notebook" in found.detail):
        return f"it may come from {dropped}"
    if "__main__." in found.detail:
        return (
            "it shows the module of a function or class of the notebook's, which is `__main__` "
            "there only: show `type(x).__name__`"
        )
    if Effect.RANDOM in step.effects:
        return "it shows random numbers whose generator did not reach the step as it was"
    return "it shows a value that is not the notebook's"


def _value(record: RunRecord, step: Step, name: str) -> str:
    shared = next((group for group in record.shares if name in group), ())
    others = [other for other in shared if other != name]
    source = _source(step)
    if others and any(re.search(rf"\b{re.escape(other)}\b", source) for other in others):
        listed = ", ".join(f"`{other}`" for other in others[:3])
        return f"`{name}` shares objects with {listed}: a change through one shows in the other"
    if Effect.RANDOM in step.effects or re.search(r"random|shuffle|sample\(", source):
        return "random numbers: the state of a generator did not reach the step as it was"
    if "environ" in source or "getenv" in source:
        return "an environment variable that is not the notebook's"
    if re.search(r"set_option|rcParams|set_config|getcontext", source):
        return "a library's option that is not the notebook's"
    return "the step reads something that is not handed to it: a global variable, a file, an option"
