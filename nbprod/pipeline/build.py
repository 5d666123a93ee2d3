"""Build the pipeline of a notebook: a pure function of its cells and the kernel's environment."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from nbprod.analysis import own_modules
from nbprod.analysis.annotations import Annotations
from nbprod.analysis.backends import find_backends
from nbprod.analysis.blocks import CellBlock, cell_block
from nbprod.analysis.bonds import LEFT_OPEN, Bond, bonds, left_open, merge, shared_classes
from nbprod.analysis.dataflow import StepFlow, flow
from nbprod.analysis.definitions import Definitions, find_definitions
from nbprod.analysis.headings import Outline, outline
from nbprod.analysis.identity import shared_functions
from nbprod.analysis.ignored import without_ignored
from nbprod.analysis.importing import Importing
from nbprod.analysis.lint.checks import lint
from nbprod.analysis.lint.secrets import find_secrets, secret_findings, without_secrets
from nbprod.analysis.openers import own_openers
from nbprod.analysis.parameters import ParameterFacts, find_parameters
from nbprod.analysis.refusals import refusals
from nbprod.analysis.requirements import Imports, find_imports
from nbprod.analysis.results import assigned_metrics, model_names, score_functions
from nbprod.analysis.rules import finding
from nbprod.analysis.stars import local_exports
from nbprod.analysis.steps import Draft, draft_role, draft_steps
from nbprod.analysis.survey import CellFacts, Survey, survey
from nbprod.analysis.undefined import check_names
from nbprod.diagnostics import Diagnostic, has_errors
from nbprod.notebook.notebook import Notebook
from nbprod.notebook.tags import options
from nbprod.pipeline import assemble
from nbprod.pipeline.drawing import cleared_midway, mixed_backends
from nbprod.pipeline.environment import Environment
from nbprod.pipeline.ir import Pipeline


@dataclass(slots=True)
class Plan:
    """Everything that is known once steps and dataflow are settled.

    Attributes:
        notebook: The notebook.
        environment: The kernel's environment.
        local_sources: The author's modules, path to bytes.
        survey: Facts of the cells.
        outline: The notebook's prose.
        parameters: Its parameters.
        importing: What can be imported before any cell has run.
        imports: What it imports.
        definitions: What stands outside the steps.
        blocks: What remains of each cell, by number.
        drafts: The steps.
        flows: What passes between them.
        metrics: Names of metrics.
        models: Names of fitted estimators.
        annotations: Writes types.
    """

    notebook: Notebook
    environment: Environment
    local_sources: Mapping[str, bytes]
    survey: Survey
    outline: Outline
    parameters: list[ParameterFacts]
    importing: Importing
    imports: Imports
    definitions: Definitions = field(default_factory=Definitions)
    blocks: dict[int, CellBlock] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)
    flows: list[StepFlow] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    annotations: Annotations | None = None


def build(
    notebook: Notebook,
    environment: Environment | None = None,
    local_sources: Mapping[str, bytes] | None = None,
) -> tuple[Pipeline | None, tuple[Diagnostic, ...]]:
    """Turn ``notebook`` into a pipeline.

    Args:
        notebook: The notebook as read.
        environment: What is installed where it runs; nothing is known if ``None``.
        local_sources: The author's own modules beside it: path relative to the
            notebook's folder, with forward slashes, to the file's bytes.

    Returns:
        The pipeline, or ``None`` if the findings hold errors that leave none; and all
        findings, in the order of the cells.
    """
    environment = environment or Environment()
    sources = dict(local_sources or {})
    modules = own_modules.parsed(sources)
    facts = survey(
        notebook,
        {**local_exports(modules), **environment.exports},
        shared_columns=environment.is_older("pandas", 3),
        openers=own_openers(modules),
    )
    secrets = find_secrets(facts)
    problems = [*refusals(facts), *lint(facts), *_stars(facts)]
    problems += secret_findings(secrets)
    if not any(each.statements or each.error for each in facts.cells):
        problems.append(finding("no-code", f"{notebook.name} has no code to turn into a pipeline."))
        return None, without_ignored(without_secrets(problems, secrets), notebook)
    parameters, found = find_parameters(facts)
    problems += [*found, *check_names(facts, ())]
    plan = _plan(notebook, environment, sources, facts, parameters)
    problems += _settled(plan)
    pipeline = assemble.pipeline(plan)
    problems += assemble.findings(plan, pipeline)
    ordered = without_ignored(without_secrets(problems, secrets), notebook)
    return (None if has_errors(ordered) and not pipeline.steps else pipeline), ordered


def _plan(
    notebook: Notebook,
    environment: Environment,
    sources: Mapping[str, bytes],
    facts: Survey,
    parameters: list[ParameterFacts],
) -> Plan:
    importing = Importing(facts, sources, {*environment.distributions, *sys.stdlib_module_names})
    imports = find_imports(facts, sources)
    for name in importing.own.tops & imports.third_party.keys():
        del imports.third_party[name]  # `import mylib`, a folder without __init__.py
    for path in [each for each in imports.local if importing.is_found_anew(each)]:
        del imports.local[path]
    return Plan(
        notebook=notebook,
        environment=environment,
        local_sources=sources,
        survey=facts,
        outline=outline(notebook),
        parameters=parameters,
        importing=importing,
        imports=imports,
    )


def _settled(plan: Plan) -> list[Diagnostic]:
    """Group cells into steps; what exists once passes between those that use it."""
    shared: frozenset[str] = frozenset()
    while True:
        _define(plan, shared)
        problems = _group(plan)
        more = shared_classes(plan.flows, plan.definitions)
        more |= shared_functions(plan.drafts, plan.definitions)
        if not more:
            return [*problems, *mixed_backends(plan), *cleared_midway(plan)]
        shared |= more


def _define(plan: Plan, shared: frozenset[str]) -> None:
    """Take definitions out of the cells."""
    names = [each.name for each in plan.parameters]
    plan.definitions = find_definitions(plan.survey, names, plan.importing, shared)
    plan.blocks = {
        each.cell.number: cell_block(each, plan.definitions, plan.survey)
        for each in plan.survey.cells
        if each.executed
    }


def _group(plan: Plan) -> list[Diagnostic]:
    """Group cells into steps, and join steps until nothing is cut that must not be."""
    cells = [each for each in plan.survey.cells if _in_step(each, plan)]
    scores = score_functions(plan.survey.cells)
    plan.metrics = [
        name
        for name in assigned_metrics(cells, scores)
        if name in plan.definitions.variables
        and name in plan.survey.values
        and not plan.survey.values[name].pinned  # ``f1 = open(…)`` is a file
    ]
    plan.models = [name for name in model_names(plan.survey) if name in plan.definitions.variables]
    plan.outline = outline(plan.notebook).carried(
        {each.cell.number for each in cells},
        {each.cell.number for each in plan.survey.cells if _only_defines(each, plan)},
    )
    plan.drafts = draft_steps(
        cells, plan.blocks, plan.outline, find_backends(plan.survey.cells).changes
    )
    names = [each.name for each in plan.parameters]
    wanted = {*plan.metrics, *plan.models}
    chosen = options(plan.notebook).model
    if chosen in plan.survey.values:
        wanted.add(chosen)
    given = {
        name: value
        for each in plan.survey.cells
        if each.role.parameters
        for name, value in each.values.items()
        if name in names
    }
    problems: list[Diagnostic] = []
    while True:
        plan.flows = flow(plan.drafts, plan.definitions, names, wanted, given)
        found = [*bonds(plan.flows, plan.definitions), *left_open(plan.flows, plan.drafts)]
        loose = {each.name for each in found if each.is_spare} & (wanted - {chosen})
        if loose:
            wanted -= loose
            continue
        if not found:
            break
        if any(draft.tag for draft in plan.drafts):
            return problems + [_inseparable(bond, plan) for bond in found]
        problems += [_merged(bond, plan) for bond in found]
        plan.drafts = merge(plan.drafts, found)
        for draft in plan.drafts:
            draft.role = draft_role(draft)
    return problems


def _in_step(facts: CellFacts, plan: Plan) -> bool:
    if not facts.executed or facts.role.parameters:
        return False
    block = plan.blocks[facts.cell.number]
    return not block.empty or bool(block.display)


def _only_defines(facts: CellFacts, plan: Plan) -> bool:
    """Whether a cell leaves nothing to a step because it defines functions or classes."""
    defines = any(isinstance(each, ast.FunctionDef | ast.ClassDef) for each in facts.statements)
    return defines and facts.executed and not _in_step(facts, plan)


def _inseparable(bond: Bond, plan: Plan) -> Diagnostic:
    first, last = plan.drafts[bond.first], plan.drafts[bond.last]
    named = f"Steps {first.tag or 'before'} and {last.tag}"
    if first.tag == last.tag:  # a step that another one interrupts
        named = f"The parts of step {last.tag} (cells {first.numbers[0]} and {last.numbers[0]})"
    message = f"{named} cannot be separated: `{bond.name}` {bond.reason}."
    origin = last.cells[0].cell.origin(plan.notebook.path)
    drafts = plan.drafts[bond.first : bond.last + 1]
    numbers = [str(number) for draft in drafts for number in draft.numbers]
    between = ", those in between too" if len(drafts) > 2 else ""
    listed = f"{', '.join(numbers[:-1])} and {numbers[-1]}"
    if len(numbers) > 8:
        listed = f"{numbers[0]} to {numbers[-1]}"
    other = f"make `{bond.name}` anew where it is needed"
    if bond.reason == LEFT_OPEN:
        other = f"close it in {'step ' + first.tag if first.tag else 'the cell that opens it'}"
    fix = f"Tag cells {listed} with the same step{between}, or {other}."
    return finding("steps-inseparable", message, origin, fix)


def _merged(bond: Bond, plan: Plan) -> Diagnostic:
    first, last = plan.drafts[bond.first], plan.drafts[bond.last]
    message = (
        f"Cells {first.numbers[0]} to {last.numbers[-1]} stay in one step: "
        f"`{bond.name}` {bond.reason}."
    )
    return finding("steps-merged", message, first.cells[0].cell.origin(plan.notebook.path))


def _stars(facts: Survey) -> list[Diagnostic]:
    path = facts.notebook.path
    by_number = {each.cell.number: each for each in facts.cells}
    found = []
    for number, line, module in facts.stars.found:
        owner = by_number[number]
        origin = owner.cell.origin(path, owner.cell_line(line))
        message = f"`from {module} import *` binds names that cannot be seen."
        found.append(finding("star-import", message, origin))
    for name, modules in facts.stars.ambiguous.items():
        message = f"`{name}` may come from any of {', '.join(modules)}, which are star-imported."
        owner = by_number[facts.stars.found[0][0]]
        found.append(finding("star-import-ambiguous", message, owner.cell.origin(path)))
    return found
