"""The Python modules of the generated package, before the formatter sees them."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from nbprod.emit.annotation import Annotations
from nbprod.emit.docstrings import with_docstrings_kept
from nbprod.emit.imports import ImportTable
from nbprod.emit.prose import WIDTH, docstring, prose
from nbprod.emit.source import INDENT, indent, names_of
from nbprod.emit.step_function import CELL_MARK, is_async, step_function
from nbprod.emit.template import render
from nbprod.pipeline.ir import (
    IMPORTS,
    Definition,
    DefinitionKind,
    Parameter,
    Pipeline,
    Step,
    Variable,
)
from nbprod.pipeline.naming import function_name


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything that the modules of one project are written from.

    Attributes:
        pipeline: The pipeline.
        package: Name of the generated package.
        table: What its modules can import.
        annotations: Types of its variables and parameters.
    """

    pipeline: Pipeline
    package: str
    table: ImportTable
    annotations: Annotations

    @classmethod
    def of(cls, pipeline: Pipeline, package: str) -> Layout:
        """Work out names and types of ``pipeline``."""
        pipeline = with_docstrings_kept(pipeline)
        functions = {function_name(step.name) for step in pipeline.steps}
        return cls(
            pipeline,
            package,
            ImportTable.of(pipeline, package),
            Annotations.of(pipeline, functions),
        )

    @property
    def notebook(self) -> str:
        """File name of the source notebook, fit for a docstring."""
        return self.pipeline.source.notebook

    @property
    def steps_module(self) -> str:
        """Name under which wiring and notebook import ``steps``, free of the notebook's names."""
        names = {found.name for found in self.pipeline.parameters}
        for step in self.pipeline.steps:
            names.update(variable.name for variable in (*step.inputs, *step.outputs))
        alias = "steps" if "steps" not in names else f"{self.package}_steps"
        while alias in names:
            alias += "_"
        return alias

    @property
    def steps_import(self) -> str:
        """The import statement for :attr:`steps_module`."""
        suffix = "" if self.steps_module == "steps" else f" as {self.steps_module}"
        return f"from {self.package} import steps{suffix}"


@dataclass(frozen=True, slots=True)
class ModuleText:
    """Context of the templates of a module made of imports and code."""

    doc: str
    imports: tuple[str, ...]
    parts: tuple[str, ...]


def package_module(layout: Layout) -> str:
    """Write ``__init__.py``: what the package is, and nothing that runs."""
    title = prose(f"# {layout.pipeline.source.title}") if layout.pipeline.source.title else ""
    title = title or f"Pipeline {layout.pipeline.name}."
    text = (
        f"{title}\n\nMade from {layout.notebook} by nbprod. The steps are in steps.py, their order"
        "\nin pipeline.py, what can be set in parameters.py."
    )
    return render("project/package/__init__.py.jinja", ModuleText(docstring(text), (), ()))


def steps_module(layout: Layout) -> str:
    """Write ``steps.py``: one function per step."""
    functions = [
        step_function(step, layout.pipeline, layout.table, layout.annotations)
        for step in layout.pipeline.steps
    ]
    needed = frozenset().union(*(each.needed for each in functions))
    used = needed.union(*(found.reads for found in layout.pipeline.definitions))
    imports = (
        *layout.table.future,
        *layout.table.typing_statements(needed),
        *layout.table.statements(needed),
        *layout.table.looked_up((each.text for each in functions), needed),
        *layout.table.effects(used),
    )
    doc = docstring(f"The steps of {layout.notebook}, one function each, in its order.")
    return render(
        "project/package/steps.py.jinja",
        ModuleText(doc, imports, tuple(each.text for each in functions)),
    )


def definitions_module(layout: Layout) -> str:
    """Write ``definitions.py``; empty text if the notebook defines nothing to share."""
    found = [
        each for each in layout.pipeline.definitions if each.hoisted and each.kind not in IMPORTS
    ]
    if not found:
        return ""
    parts: list[str] = []
    before: Definition | None = None
    for each in found:
        if _continues(each, before):
            parts[-1] += f"\n{each.source}"
        else:
            parts.append(f"{CELL_MARK} {_cell(each)}\n{each.source}")
        before = each
    names = names_of("\n".join(parts))
    imports = (
        *layout.table.future,
        *layout.table.statements(names.needed),
        *layout.table.looked_up(parts, names.needed | names.bound),
    )
    doc = docstring(f"Functions, classes and constants of {layout.notebook}, in its order.")
    return render(
        "project/package/definitions.py.jinja",
        ModuleText(doc, imports, tuple(parts)),
    )


def _continues(found: Definition, before: Definition | None) -> bool:
    """Tell whether two definitions are constants of one cell, which stay together."""
    if before is None or not found.kind is before.kind is DefinitionKind.CONSTANT:
        return False
    return _cell(found) == _cell(before)


def _cell(found: Definition) -> int:
    return found.origin.cell if found.origin else 0


@dataclass(frozen=True, slots=True)
class FieldText:
    """A parameter as a field of the dataclass."""

    name: str
    annotation: str
    default: str


@dataclass(frozen=True, slots=True)
class FieldsModule:
    """Context of the templates of a module around a dataclass."""

    doc: str
    imports: tuple[str, ...]
    class_doc: str
    fields: tuple[FieldText, ...]
    run_doc: str = ""
    steps_import: str = ""
    parameters: str = "parameters"
    calls: tuple[str, ...] = ()
    required: bool = False


def parameters_module(layout: Layout) -> str:
    """Write ``parameters.py``: a frozen dataclass with the notebook's defaults."""
    fields = []
    names: set[str] = set()
    taken = {parameter.name for parameter in layout.pipeline.parameters}
    field = "field" if "field" not in taken else "dataclass_field"
    imports = ["from dataclasses import dataclass"]
    # Secrets have no default, so that they come first.
    for parameter in sorted(layout.pipeline.parameters, key=lambda each: bool(each.default)):
        annotation = layout.annotations.read(parameter.annotation)
        names |= annotation.names | names_in(parameter.default)
        default = parameter.default
        if not default:
            default = f"{field}(repr=False)"
            alias = "" if field == "field" else f" as {field}"
            imports.append(f"from dataclasses import field{alias}")
        elif is_mutable(default):
            default = f"{field}(default_factory=lambda: {default})"
            alias = "" if field == "field" else f" as {field}"
            imports.append(f"from dataclasses import field{alias}")
        fields.append(FieldText(parameter.name, annotation.text, default))
    imports += [*layout.table.typing_statements(names), *layout.table.statements(names)]
    doc = "Parameters of the pipeline, with the notebook's defaults."
    if not fields:
        doc = "The notebook declares no parameters."
    described = [_described(parameter) for parameter in layout.pipeline.parameters if parameter.doc]
    if described:
        doc += "\n\nAttributes:\n" + "\n".join(indent(text) for text in described)
    return render(
        "project/package/parameters.py.jinja",
        FieldsModule(
            docstring(f"What can be set from outside, as {layout.notebook} declares it."),
            tuple(dict.fromkeys(imports)),
            indent(docstring(doc)),
            tuple(fields),
        ),
    )


def _described(parameter: Parameter) -> str:
    doc = " ".join(prose(parameter.doc, 10_000).split())
    lines = prose(f"{parameter.name}: {doc}", WIDTH - 3 * len(INDENT)).split("\n")
    return "\n".join([lines[0], *(INDENT + line for line in lines[1:])])


def names_in(default: str) -> frozenset[str]:
    """Return the names that a default, Python source text, needs: ``date(2024, 1, 2)``."""
    nodes = ast.walk(ast.parse(default or "None", mode="eval"))
    return frozenset(node.id for node in nodes if isinstance(node, ast.Name))


def is_mutable(default: str) -> bool:
    """Tell whether a dataclass refuses ``default``, Python source text, as a plain default."""
    node = ast.parse(default, mode="eval").body
    if isinstance(node, ast.Call):
        return False  # a date or a path
    return not isinstance(_innermost(node), ast.Constant | ast.Tuple | ast.Name | ast.Attribute)


def _innermost(node: ast.expr) -> ast.expr:
    return _innermost(node.operand) if isinstance(node, ast.UnaryOp) else node


def results_of(pipeline: Pipeline) -> tuple[Variable, ...]:
    """Return the final outputs: models and metrics; without either, what no step consumes."""
    produced = {variable.name: variable for step in pipeline.steps for variable in step.outputs}
    wanted = {*pipeline.models, pipeline.model}
    wanted.update(name for step in pipeline.steps for name in step.metrics)
    if not wanted & produced.keys():
        consumed = {variable.name for step in pipeline.steps for variable in step.inputs}
        wanted = produced.keys() - consumed
    return tuple(variable for name, variable in produced.items() if name in wanted)


def pipeline_module(layout: Layout) -> str:
    """Write ``pipeline.py``: the wiring, and nothing else."""
    pipeline = layout.pipeline
    variables = {v.name for step in pipeline.steps for v in (*step.inputs, *step.outputs)}
    parameters = "parameters"
    while parameters in variables:
        parameters = f"given_{parameters}"
    fields = []
    names: set[str] = set()
    for variable in results_of(pipeline):
        annotation = layout.annotations.variable(variable.name)
        names |= annotation.names
        fields.append(FieldText(variable.name, annotation.text, ""))
    imports = [
        *(["import asyncio"] if any(is_async(step) for step in pipeline.steps) else []),
        "from dataclasses import dataclass",
        layout.steps_import,
        f"from {layout.package}.parameters import Parameters",
        *layout.table.typing_statements(names),
        *layout.table.statements(names),
    ]
    return render(
        "project/package/pipeline.py.jinja",
        FieldsModule(
            docstring(f"The order of the steps of {layout.notebook}, and what flows between them."),
            tuple(imports),
            indent(docstring("What the pipeline gives: its models and metrics.")),
            tuple(fields),
            calls=tuple(
                step_call(step, layout.steps_module, f"{parameters}.") for step in pipeline.steps
            ),
            parameters=parameters if pipeline.parameters else "",
            required=not all(parameter.default for parameter in pipeline.parameters),
        ),
    )


def step_call(step: Step, module: str, prefix: str = "", *, awaited: bool = False) -> str:
    """Return the call of a step's function, with the notebook's names on both sides.

    Args:
        step: The step to call.
        module: Name of the module ``steps`` where the call stands.
        prefix: What to write before a parameter's name, such as ``parameters.``.
        awaited: The call stands where a step that is a coroutine can be awaited.
    """
    arguments = [variable.name for variable in step.inputs]
    arguments += [f"{name}={prefix}{name}" for name in step.params]
    call = f"{module}.{function_name(step.name)}({', '.join(arguments)})"
    if is_async(step):
        call = f"await {call}" if awaited else f"asyncio.run({call})"
    outputs = ", ".join(variable.name for variable in step.outputs)
    return f"{outputs} = {call}" if outputs else call
