"""What the outcome of a step's replay depends on, as one key.

Two replays with the same key run the same code on the same values in the same
environment, and are compared with the same results of the notebook. Where that cannot be
told (values that count by identity, a network, files read by libraries in C) there is no
key, and the step is replayed each time.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import nbprod
from nbprod.pipeline.ir import Effect, Pipeline, Step
from nbprod.pipeline.naming import function_name
from nbprod.pipeline.secret import PREFIX
from nbprod.run.meaning import LIBRARY_VARIABLES, meaning_of
from nbprod.run.printed import printed_by
from nbprod.run.record import RunRecord
from nbprod.run.replay import ReplayRequest, cells_of, producers, states_that_matter
from nbprod.run.safekeeping import step_files
from nbprod.run.secrets import is_secret
from nbprod.run.shown import shown_by

_OUTSIDE = frozenset({Effect.NETWORK, Effect.SUBPROCESS, Effect.CLOCK})
"""Effects whose outcome no key can hold."""

_SEEDS = re.compile(r"seed|set_?state|determinis|reproduc", re.IGNORECASE)
"""What code says that sets a random state, as far as text tells."""


class _UnknownError(Exception):
    """Something that the step depends on cannot be told."""


def step_key(request: ReplayRequest, step: Step) -> str:
    """Return the key of a step's verdict; empty if it has none."""
    try:
        parts = list(_parts(request, step))
    except (_UnknownError, OSError, SyntaxError, UnicodeDecodeError):
        return ""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _parts(request: ReplayRequest, step: Step) -> Iterator[object]:
    record = request.record
    if _OUTSIDE.intersection(step.effects):
        raise _UnknownError
    yield [nbprod.__version__, _own_code(), request.comparer, request.timeout]
    environment = record.environment
    if not environment.installed:
        raise _UnknownError
    yield [environment.python, environment.interpreter, environment.platform]
    yield environment.installed
    yield [step.name, sorted(states_that_matter(record, request.pipeline, step))]
    yield list(_parameters(request, step))
    yield list(_values(request, step))
    yield list(_code(request, step))
    yield [(found.path, found.sha256) for found in record.modules]
    yield list(_files(record, step))
    yield list(_state(request.pipeline, record, step))
    yield list(_shown(record, step))


def _parameters(request: ReplayRequest, step: Step) -> Iterator[tuple[str, str]]:
    literals = request.record.literals
    # Checks of the parameters among one another depend on all of them.
    checked = "__post_init__" in _text(request.project / request.package / "parameters.py")
    for name in sorted(literals) if checked else step.params:
        yield name, literals.get(name, "")


def _values(request: ReplayRequest, step: Step) -> Iterator[tuple[str, str, str]]:
    """Yield the fingerprints of inputs, of what their producers gave, and of outputs."""
    record = request.record
    for kind, variables in (("inputs", step.inputs), ("outputs", step.outputs)):
        for variable in variables:
            yield kind, variable.name, _fingerprint(request, step.name, kind, variable.name)
    for name, producer in producers(record, request.pipeline, step).items():
        yield "producer", name, _fingerprint(request, producer.step, "outputs", name)


def _fingerprint(request: ReplayRequest, step: str, kind: str, name: str) -> str:
    artifact = request.record.artifact(step, kind)
    text = artifact.fingerprints.get(name, "") if artifact else ""
    if artifact is None or not text or " " in text:  # with a space: by identity only
        raise _UnknownError
    if name in artifact.local:
        # Functions and classes of the notebook's: what they do is written anywhere in it.
        text += _notebook_code(request)
    return text


def _notebook_code(request: ReplayRequest) -> str:
    pipeline = request.pipeline
    literals = sorted(request.record.literals.items())
    return json.dumps([meaning_of(_sources(pipeline)), literals])


def seeds(pipeline: Pipeline) -> bool:
    """Whether its code may set a random state, as far as text tells."""
    return _SEEDS.search(_sources(pipeline)) is not None


def _sources(pipeline: Pipeline) -> str:
    sources = [definition.source for definition in pipeline.definitions]
    sources += [block.source for step in pipeline.steps for block in step.blocks]
    return "\n".join(sources)


def _code(request: ReplayRequest, step: Step) -> Iterator[object]:
    """Yield the code that the step's process runs, without comments and formatting.

    Of ``steps.py`` the functions of other steps are left out, unless this one names them.
    All other modules of the project count as a whole.
    """
    package = request.project / request.package
    text = _text(package / "steps.py")
    functions = {function_name(other.name) for other in request.pipeline.steps}
    nodes = ast.parse(text).body
    others = {
        node.name: node
        for node in nodes
        if isinstance(node, ast.FunctionDef) and node.name in functions - {function_name(step.name)}
    }
    kept = [node for node in nodes if node not in others.values()]
    waiting = list(kept)
    while waiting:
        named = set(re.findall(r"\w+", ast.unparse(waiting.pop())))
        for name in sorted(named & others.keys()):
            waiting.append(others[name])
            kept.append(others.pop(name))
    yield [meaning_of(ast.get_source_segment(text, node) or "") for node in kept]
    for path in _modules(request.project):
        if path != package / "steps.py":
            yield str(path.relative_to(request.project)), meaning_of(_text(path))


def _modules(project: Path) -> list[Path]:
    """Return the project's modules, those for tests and the service left out."""
    found = []
    for path in sorted(project.rglob("*.py")):
        top = path.relative_to(project).parts[0]
        if top not in {"tests", "service.py"} and not top.startswith("."):
            found.append(path)
    return found


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _files(record: RunRecord, step: Step) -> Iterator[object]:
    """Yield what the step's cells read, and the files that they change, before and after."""
    files = step_files(record, step.name)
    touched = {found.after.path for each in record.stretches for found in each.files}
    for state in (*files.before, *files.written):
        if state.sha256 == "?":
            raise _UnknownError
        yield state.path, state.sha256
    digests = {found.path: found.sha256 for found in record.files_read}
    read = [path for found in record.stretches if found.step == step.name for path in found.read]
    if not read and Effect.READS_FILES in step.effects:
        raise _UnknownError  # a library in C did
    for path in read:
        if path not in digests and path not in touched:
            raise _UnknownError
        yield path, "" if path in touched else digests[path]


def _state(pipeline: Pipeline, record: RunRecord, step: Step) -> Iterator[object]:
    """Yield the options around the step, and the random states that it draws from."""
    own = [found for found in record.stretches if found.step == step.name]
    start = record.stretches[0].state_before if record.stretches else {}
    seeded = seeds(pipeline)
    yield len(own)
    for stretch in own:
        before, after = stretch.state_before, stretch.state_after
        if not before or not after or " " in before["options"] + after["options"]:
            raise _UnknownError
        yield before["options"], after["options"]
        drawn = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
        for name in drawn:
            # A random state that nobody seeded is another in each run.
            if name == "options" or (seeded and before.get(name) != start.get(name)):
                yield name, before.get(name), after.get(name)
    reads = Effect.ENVIRONMENT in step.effects
    for name in sorted(os.environ):
        if is_secret(pipeline, name.removeprefix(PREFIX)):
            continue  # no key depends on what is withheld
        if reads or name.startswith(LIBRARY_VARIABLES):
            # Not its value: that may be a secret.
            yield name, hashlib.sha256(os.environ[name].encode(errors="replace")).hexdigest()


def _shown(record: RunRecord, step: Step) -> Iterator[object]:
    cells = cells_of(record, step.name)
    yield printed_by(Path(record.output), cells)
    shown = shown_by(Path(record.output), cells)
    yield [(hashlib.sha256(image).hexdigest(), form) for image, form in shown.figures]
    yield list(shown.texts)


@functools.cache
def _own_code() -> str:
    """Return the digest of the code that replays and compares."""
    digest = hashlib.sha256()
    folder = Path(__file__).parents[1]
    for part in ("compare", "run"):
        for path in sorted((folder / part).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
