"""Write what the analysis found as the IR."""

from __future__ import annotations

import ast
import hashlib
import re
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

from nbprod.analysis.backends import INLINE
from nbprod.analysis.blocks import nonlocal_source
from nbprod.analysis.bonds import Bond
from nbprod.analysis.dataflow import StepFlow, code_within, reach_of
from nbprod.analysis.definitions import Candidate, is_literal
from nbprod.analysis.effects import effects_of
from nbprod.analysis.frames import NOTEBOOK_NAMES
from nbprod.analysis.future import FUTURE
from nbprod.analysis.importing import writes_module
from nbprod.analysis.naming import comment_name, says_something, step_name, unique
from nbprod.analysis.results import assigned_metrics, printed_metrics, score_functions
from nbprod.analysis.roles import Role
from nbprod.analysis.rules import finding
from nbprod.analysis.scopes import bound_names
from nbprod.analysis.steps import Draft
from nbprod.analysis.survey import CellFacts
from nbprod.analysis.value import Value
from nbprod.diagnostics import Diagnostic
from nbprod.notebook.tags import identifier, options
from nbprod.pipeline.drawing import backends, imports_plots, leaves_figures, told
from nbprod.pipeline.ir import (
    Artifact,
    Block,
    Definition,
    DefinitionKind,
    Effect,
    LocalModule,
    Parameter,
    Pipeline,
    Requirement,
    Source,
    Step,
    StepRole,
    Variable,
)

if TYPE_CHECKING:
    from nbprod.pipeline.build import Plan

__all__ = ["Bond", "findings", "pipeline"]

_FUTURE = Definition("annotations", DefinitionKind.IMPORT, FUTURE)
_DISPLAY = Definition("display", DefinitionKind.IMPORT, "from IPython.display import display")


def _service_name(stem: str) -> str:
    """Return the slug of a notebook's stem; it may begin with a digit, as no module may."""
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:63].strip("-") or "service"


def pipeline(plan: Plan) -> Pipeline:
    """Return the pipeline that ``plan`` describes."""
    from nbprod.analysis.annotations import Annotations

    plan.annotations = Annotations(plan.definitions, plan.survey)
    chosen = options(plan.notebook)
    _name_steps(plan)
    steps = _steps(plan)
    slug = identifier(plan.notebook.stem).lower() or "pipeline"
    models = [name for name in plan.models if any(_gives(step, name) for step in steps)]
    return Pipeline(
        name=slug,
        service=chosen.service or _service_name(plan.notebook.stem),
        source=Source(
            notebook=plan.notebook.name,
            digest=plan.notebook.digest,
            kernel=plan.notebook.kernel_name,
            title=plan.outline.title,
            doc=plan.outline.doc,
            closing=plan.outline.closing,
        ),
        parameters=_parameters(plan),
        definitions=_definitions(plan),
        artifacts=_artifacts(plan, steps),
        steps=steps,
        requirements=_requirements(plan),
        local_modules=_local_modules(plan),
        model=chosen.model,
        models=tuple(models),
        secrets=chosen.secrets,
        python=plan.environment.python,
    )


def _gives(step: Step, name: str) -> bool:
    return any(variable.name == name for variable in step.outputs)


def _parameters(plan: Plan) -> tuple[Parameter, ...]:
    by_number = {cell.number: cell for cell in plan.notebook.cells}
    return tuple(
        Parameter(
            name=each.name,
            annotation=each.annotation,
            default=each.default,
            doc=each.doc,
            origin=by_number[each.cell].origin(plan.notebook.name, each.line),
        )
        for each in plan.parameters
    )


# Definitions -----------------------------------------------------------------------


def _definitions(plan: Plan) -> tuple[Definition, ...]:
    found = [_definition(each, plan) for each in plan.definitions.by_name.values()]
    if _uses_display(plan):
        found.insert(0, _DISPLAY)
    if plan.survey.textual:
        found.insert(0, _FUTURE)
    return tuple(found)


def _uses_display(plan: Plan) -> bool:
    if "display" in plan.definitions.variables or "display" in plan.definitions.by_name:
        return False
    mentioned = any("display" in facts.names.mentioned for facts in plan.survey.cells)
    return mentioned or any(
        "display" in each.free.all for each in plan.definitions.by_name.values()
    )


def _definition(candidate: Candidate, plan: Plan) -> Definition:
    source = candidate.source
    if not candidate.hoisted:
        source = nonlocal_source(source)
    known = {*plan.definitions.by_name, *plan.definitions.variables, "display"}
    return Definition(
        name=candidate.name,
        kind=DefinitionKind(candidate.kind.value),
        source=source,
        reads=tuple(sorted((candidate.free.all & known) - {candidate.name})),
        hoisted=candidate.hoisted,
        origin=candidate.facts.cell.origin(plan.notebook.name, candidate.line),
    )


# Steps -----------------------------------------------------------------------------


def _name_steps(plan: Plan) -> None:
    """Give every step a name that nothing else in the notebook has."""
    definitions = set(plan.definitions.by_name)
    variables = set(plan.definitions.variables) | {each.name for each in plan.parameters}
    tagged = {draft.tag for draft in plan.drafts if draft.tag}
    taken: set[str] = set()
    for draft in plan.drafts:
        if draft.tag:
            base = f"{draft.tag}_step" if draft.tag in definitions else draft.tag
            draft.name = unique(base, taken | (tagged - {draft.tag}))
        else:
            others = taken | tagged | definitions | variables
            draft.name = step_name(draft.heading, draft.role, others, _subjects(draft, plan))
        taken.add(draft.name)


def _subjects(draft: Draft, plan: Plan) -> list[str]:
    """Return what a step is about: its first comment, the model it fits, what it makes."""
    comments = [comment_name(facts.code.source) for facts in draft.cells]
    made = {name: None for facts in draft.cells for name in facts.names.lines}
    fitted = {name: None for facts in draft.cells for name in sorted(facts.trace.fitted_names)}
    models = [name for name in plan.models if name in made or name in fitted]
    mentioned = {name for facts in draft.cells for name in facts.names.mentioned}
    judged = [name for name in plan.models if name in mentioned]
    if draft.role in {Role.TRAIN, Role.SPLIT}:
        return [*comments, *models] if draft.role is Role.TRAIN else comments
    variables = [
        name for name in made if name in plan.definitions.variables and says_something(name)
    ]
    return [*comments, *models, *judged, *reversed(variables)]


def _steps(plan: Plan) -> tuple[Step, ...]:
    scores = score_functions(plan.survey.cells)
    among_plots = imports_plots(plan)
    steps = []
    values: dict[str, Value] = {}
    printed = {name for facts in plan.survey.cells for name in printed_metrics(facts)}
    last = {name: each for each in plan.flows for name in each.names.maybe if name in printed}
    shown = zip(backends(plan), told(plan), strict=True)
    for draft, each, (backend, magics) in zip(plan.drafts, plan.flows, shown, strict=True):
        metrics = [name for name in assigned_metrics(draft.cells, scores) if name in plan.metrics]
        metrics += [name for name in plan.metrics if last.get(name) is each]
        steps.append(
            Step(
                name=draft.name,
                role=StepRole(draft.role.value),
                cells=draft.numbers,
                inputs=_inputs(each, values, plan),
                params=tuple(each.params),
                outputs=_outputs(each, plan),
                definitions=_repeated(each, plan),
                blocks=_blocks(
                    draft, each, plan, among_plots=among_plots, inline=backend in {"", INLINE}
                ),
                doc=_doc(draft, plan),
                effects=tuple(Effect(name) for name in _effects(draft)),
                metrics=tuple(dict.fromkeys(name for name in metrics if name in each.names.maybe)),
                tagged=bool(draft.tag),
                backend=backend,
                magics=magics,
            )
        )
        values = each.names.values
    return tuple(steps)


def _inputs(each: StepFlow, before: dict[str, Value], plan: Plan) -> tuple[Variable, ...]:
    assert plan.annotations is not None
    after = {name: value for name, value in each.names.values.items() if name in each.names.maybe}
    return tuple(
        Variable(name, plan.annotations.of_input(name, before, after)) for name in each.inputs
    )


def _outputs(each: StepFlow, plan: Plan) -> tuple[Variable, ...]:
    assert plan.annotations is not None
    certain = each.names.bound | set(each.inputs) | set(each.params)
    return tuple(
        Variable(
            name, plan.annotations.of(each.names.values.get(name)) if name in certain else "Any"
        )
        for name in each.outputs
    )


def _repeated(each: StepFlow, plan: Plan) -> tuple[str, ...]:
    """Return the functions to repeat inside a step, with those that they call.

    Functions that stay the step's own find there what they call when a later step calls them.
    """
    named = each.names.mentioned | code_within(each.names, each.names.maybe)
    return tuple(
        candidate.name for candidate in plan.definitions.repeated() if candidate.name in named
    )


def _effects(draft: Draft) -> tuple[str, ...]:
    return effects_of(call for facts in draft.cells for call in facts.trace.calls)


def _doc(draft: Draft, plan: Plan) -> str:
    first = plan.outline.before.get(draft.cells[0].cell.number) if draft.cells else None
    return first.text if first else ""


def _blocks(
    draft: Draft, each: StepFlow, plan: Plan, *, among_plots: bool, inline: bool
) -> tuple[Block, ...]:
    blocks = [
        _block(facts, plan, is_doc=position == 0) for position, facts in enumerate(draft.cells)
    ]
    blocks = [
        replace(block, draws=draws and inline)
        for block, draws in zip(
            blocks, leaves_figures(draft, plan, among_plots=among_plots), strict=True
        )
    ]
    if blocks:
        blocks[0] = _with_prelude(blocks[0], _prelude(draft, each, plan))
    return tuple(blocks)


def _prelude(draft: Draft, each: StepFlow, plan: Plan) -> list[str]:
    """Return lines that make the names of a function mean what they mean in the notebook."""
    lines: list[str] = []
    modules: dict[str, list[str]] = {}
    for name in each.builtins:
        module = NOTEBOOK_NAMES.get(name, f"builtins.{name}").rpartition(".")[0]
        modules.setdefault(module, []).append(name)
    lines += [f"from {module} import {', '.join(names)}" for module, names in modules.items()]
    called = {name for facts in draft.cells for name in facts.names.called_binds}
    bound = {
        name
        for facts in draft.cells
        for statement in plan.blocks[facts.cell.number].statements
        for name in bound_names(statement)
    }
    # Bound by a called function alone: without a declaration here it would be no local.
    declared = called - bound - {*each.inputs, *each.params} - set(plan.definitions.by_name)
    return [*lines, *(f"{name}: object" for name in sorted(declared))]


def _with_prelude(block: Block, lines: list[str]) -> Block:
    if not lines:
        return block
    source = "\n".join([*lines, block.source] if block.source else lines)
    return replace(block, source=source, lines=(*[0] * len(lines), *block.lines))


def _block(facts: CellFacts, plan: Plan, *, is_doc: bool) -> Block:
    block = plan.blocks[facts.cell.number]
    markdown = plan.outline.before.get(facts.cell.number)
    return Block(
        source=block.source,
        origin=facts.cell.origin(plan.notebook.name, block.lines[0] if block.lines else 0),
        doc="" if is_doc or markdown is None else markdown.text,
        display=block.display,
        lines=block.lines,
    )


# Artifacts, requirements -----------------------------------------------------------


def _artifacts(plan: Plan, steps: tuple[Step, ...]) -> tuple[Artifact, ...]:
    """Put variables that may share objects into one artifact."""
    found: list[Artifact] = []
    for step, each in zip(steps, plan.flows, strict=True):
        groups: list[tuple[set[int], list[str]]] = []
        for name in each.outputs:
            reach, members = set(reach_of(each.names, name)), [name]
            for group in [group for group in groups if group[0] & reach]:
                groups.remove(group)
                reach |= group[0]
                members = [*group[1], *members]
            groups.append((reach, members))
        for number, (_, members) in enumerate(groups, start=1):
            name = step.name if len(groups) == 1 else f"{step.name}.{number}"
            found.append(Artifact(name, tuple(members)))
    return tuple(found)


def _requirements(plan: Plan) -> tuple[Requirement, ...]:
    imports = plan.imports
    known = plan.environment.distributions
    found = []
    for name, imported in imports.third_party.items():
        if name not in known and imported.optional:
            continue
        distribution, version = known.get(name, (name, ""))
        found.append(Requirement(name, distribution, version))
    return tuple(sorted(found, key=lambda each: (each.distribution.lower(), each.import_name)))


def _local_modules(plan: Plan) -> tuple[LocalModule, ...]:
    imports = plan.imports
    found = [
        LocalModule(name, path, hashlib.sha256(plan.local_sources[path]).hexdigest())
        for path, name in imports.local.items()
    ]
    return tuple(sorted(found, key=lambda each: each.name))


# Findings --------------------------------------------------------------------------


def findings(plan: Plan, built: Pipeline) -> list[Diagnostic]:
    """Return what is worth saying about the pipeline as built."""
    return [
        *_step_findings(plan),
        *_not_installed(plan),
        *_constants(plan),
        *_results(plan, built),
    ]


def _step_findings(plan: Plan) -> list[Diagnostic]:
    path = plan.notebook.path
    found = []
    for facts in plan.survey.cells:
        if facts.role.other_steps:
            names = ", ".join([facts.role.step, *facts.role.other_steps])
            message = f"Cell {facts.cell.number} is tagged with several steps: {names}."
            found.append(finding("step-conflict", message, facts.cell.origin(path)))
        for tag in facts.role.unclear:
            message = f"Cell {facts.cell.number} is tagged `{tag}`, which names no step."
            found.append(finding("unclear-step-tag", message, facts.cell.origin(path)))
        if facts.role.raises and facts.executed:
            message = f"Cell {facts.cell.number} is tagged raises-exception."
            found.append(finding("exception-expected", message, facts.cell.origin(path)))
    found += _previous(plan)
    for draft in plan.drafts:
        if draft.tag and draft.name != draft.tag:
            origin = draft.cells[0].cell.origin(path)
            if draft.tag in plan.definitions.by_name:
                message = f"Step {draft.tag} is called {draft.name}: a definition has its name."
                found.append(finding("step-renamed", message, origin))
            else:
                message = f"The cells of step {draft.tag} lie apart: these become {draft.name}."
                found.append(finding("step-split", message, origin))
    return found


def _previous(plan: Plan) -> list[Diagnostic]:
    """Find steps that are to come after one that does not stand above them."""
    found = []
    above: set[str] = set()
    for facts in plan.survey.cells:
        for name in facts.role.previous:
            if name not in above and facts.executed:
                message = f"Step {facts.role.step} is to come after {name}, which is not above it."
                found.append(
                    finding("previous-step", message, facts.cell.origin(plan.notebook.path))
                )
        above.add(facts.role.step)
    return found


def _not_installed(plan: Plan) -> list[Diagnostic]:
    known = plan.environment.distributions
    if not known or any("sys.path" in each.code.source for each in plan.survey.cells):
        return []  # where modules are looked for then is known only when it runs
    found = []
    for name, imported in plan.imports.third_party.items():
        if name not in known and not imported.optional and not _is_written(plan, name):
            place = (
                imported.facts.cell.origin(plan.notebook.path, imported.line)
                if imported.facts
                else None
            )
            message = f"Module `{name}` is not installed in the kernel's environment."
            found.append(finding("not-installed", message, place))
    return found


def _is_written(plan: Plan, module: str) -> bool:
    """Whether a cell may write a module before it is imported."""
    cells = [each for each in plan.survey.cells if each.executed]
    importing = plan.imports.third_party[module].facts
    above = cells[: cells.index(importing) + 1] if importing in cells else cells
    return any(writes_module(each, f"{module}.py") for each in above)


def _constants(plan: Plan) -> list[Diagnostic]:
    """Hint at cells of literal constants near the top that could be parameters."""
    if plan.parameters:
        return []
    for facts in plan.survey.cells[:8]:
        statements = [
            each for each in facts.statements if not isinstance(each, ast.Import | ast.ImportFrom)
        ]
        if not statements or not facts.executed:
            continue
        names = [_constant_name(each) for each in statements]
        if all(names):
            listed = ", ".join(name for name in names if name)
            message = f"{listed} could be parameters of the pipeline."
            return [finding("could-be-parameters", message, facts.cell.origin(plan.notebook.path))]
    return []


def _constant_name(statement: ast.stmt) -> str:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Name) and is_literal(statement.value):
            return target.id
    return ""


def _results(plan: Plan, built: Pipeline) -> list[Diagnostic]:
    found = []
    for facts in plan.survey.cells:
        if facts.role.metrics and facts.executed and not assigned_metrics([facts], None):
            message = f"Cell {facts.cell.number} is tagged metrics, but assigns none."
            origin = facts.cell.origin(plan.notebook.path)
            found.append(finding("metric-not-bound", message, origin))
    if built.model and built.model not in plan.survey.values:
        message = f"The option model names `{built.model}`, which no cell binds."
        found.append(finding("model-not-found", message))
    return found
