"""The pipeline as data (IR): what analysis produces, and all else consumes.

Grammar, top down::

    Pipeline    = name source parameter* definition* artifact* step* requirement* local-module*
    Step        = name role cell+ input* parameter-name* output* block* doc effect*
    Block       = one cell's part of a step: source text + origin
    Definition  = an import, function, class or constant that stands outside the steps
    Artifact    = variables that travel together, because they share objects

Frozen, slotted, tuples and enums only, no AST nodes; it round-trips through JSON
(:mod:`nbprod.pipeline.serialize`). Edges are computed from names, never stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from nbprod.origin import Origin

SCHEMA_VERSION = 1


class StepRole(StrEnum):
    """What a step is for; inferred, shown to people, never needed for correctness."""

    LOAD = "load"
    CLEAN = "clean"
    EXPLORE = "explore"
    FEATURES = "features"
    SPLIT = "split"
    TRAIN = "train"
    EVALUATE = "evaluate"
    METRICS = "metrics"
    OTHER = "other"


class Effect(StrEnum):
    """What a step does besides computing its outputs."""

    PRINTS = "prints"
    PLOTS = "plots"
    READS_FILES = "reads-files"
    WRITES_FILES = "writes-files"
    NETWORK = "network"
    SUBPROCESS = "subprocess"
    RANDOM = "random"
    CLOCK = "clock"
    ENVIRONMENT = "environment"
    OPTIONS = "options"
    FITS = "fits"


class DefinitionKind(StrEnum):
    """What a definition is; an optional import binds its name only where it succeeds."""

    IMPORT = "import"
    OPTIONAL_IMPORT = "optional-import"
    FUNCTION = "function"
    CLASS = "class"
    CONSTANT = "constant"


IMPORTS = frozenset({DefinitionKind.IMPORT, DefinitionKind.OPTIONAL_IMPORT})


@dataclass(frozen=True, slots=True)
class Source:
    """The notebook a pipeline came from.

    Attributes:
        notebook: File name without folder, so that the IR does not depend on where it lies.
        digest: sha256 (hex) of the notebook's bytes.
        kernel: Kernel name from the notebook's metadata; empty if it has none.
        title: First level-1 heading of its markdown, or empty.
        doc: Markdown text below that title, before any code; may be empty.
        closing: Markdown text behind the last code cell; may be empty.
    """

    notebook: str
    digest: str
    kernel: str = ""
    title: str = ""
    doc: str = ""
    closing: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A typed input of the whole pipeline.

    Attributes:
        name: Python identifier.
        annotation: Type as source text, such as ``float`` or ``Literal["a", "b"]``;
            from the notebook's annotation, else inferred from the default.
        default: Default value as Python source text, a literal; empty for a secret.
        doc: Text of the comment beside or above it; may be empty.
        origin: Where it is assigned.
    """

    name: str
    annotation: str
    default: str
    doc: str = ""
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """A name that crosses a step boundary, with a static guess of its type.

    Attributes:
        name: The notebook's own name for it.
        annotation: Type as source text, written with the notebook's own import
            names (``pd.DataFrame``); ``Any`` when it is not certain.
    """

    name: str
    annotation: str = "Any"


@dataclass(frozen=True, slots=True)
class Definition:
    """An import, function, class or constant.

    Attributes:
        name: The name it binds.
        kind: Import, optional import, function, class or constant.
        source: Source text, comments and decorators included. An import binds
            one name only: ``from a import b, c`` becomes two definitions.
        reads: Free names of its body, imports and other definitions included.
        hoisted: True if it stands at module level of the generated package;
            False if it reads notebook variables, so that it has to be repeated
            inside each step that uses it (see ``Step.definitions``).
        origin: Where the notebook defines it.
    """

    name: str
    kind: DefinitionKind
    source: str
    reads: tuple[str, ...] = ()
    hoisted: bool = True
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """One cell's part of a step.

    Attributes:
        source: Executable Python: magics translated, hoisted imports and
            definitions taken out, comments kept. It ends without a newline.
        origin: The cell; ``origin.line`` is the cell line of the block's first line.
        doc: Markdown that stood before the cell; becomes docstring or comment.
        display: The cell's last statement is a bare expression that only displays
            (``df.head()``) and was left out of ``source``; this is its text.
        lines: For each line of ``source`` the cell line it came from, 0 for none.
        draws: It leaves figures, which a notebook shows when the cell ends.
    """

    source: str
    origin: Origin
    doc: str = ""
    display: str = ""
    lines: tuple[int, ...] = ()
    draws: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A function of the pipeline.

    Attributes:
        name: Python identifier, unique in the pipeline; the function's name.
        role: What it is for.
        cells: Numbers of its code cells in notebook order, definitions-only cells left out.
        inputs: Variables it needs from earlier steps.
        params: Names of the parameters it reads.
        outputs: Variables that later steps need, plus models and metrics,
            mutated inputs included.
        definitions: Names of unhoisted definitions repeated inside it.
        blocks: Its code, in notebook order.
        doc: Docstring text from the markdown before it; may be empty.
        effects: What it does besides computing, sorted.
        metrics: Names it assigns that are the run's metrics.
        tagged: True if the author named it with a tag, False if inferred.
        backend: What ``%matplotlib`` was last told up to its end; empty if nothing. All but
            ``inline`` belong to the front end: no pictures that could be compared.
        magics: Lines that only show something about the environment, from the cells since the
            step before; ``pipeline.ipynb`` has them, too.
    """

    name: str
    role: StepRole
    cells: tuple[int, ...]
    inputs: tuple[Variable, ...] = ()
    params: tuple[str, ...] = ()
    outputs: tuple[Variable, ...] = ()
    definitions: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()
    doc: str = ""
    effects: tuple[Effect, ...] = ()
    metrics: tuple[str, ...] = ()
    tagged: bool = False
    backend: str = ""
    magics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Artifact:
    """Variables that are stored together at a step boundary.

    Attributes:
        name: ``STEP`` or ``STEP.N`` of the step that produces it.
        members: Names of the variables; those that may share objects stand together.
        serializer: ``cloudpickle`` until a later analysis knows better.
    """

    name: str
    members: tuple[str, ...]
    serializer: str = "cloudpickle"


@dataclass(frozen=True, slots=True)
class Requirement:
    """A distribution that the notebook's code imports.

    Attributes:
        import_name: Top-level module, such as ``sklearn``.
        distribution: Name on the package index, such as ``scikit-learn``.
        version: Version in the kernel's environment; empty if it is not installed there.
    """

    import_name: str
    distribution: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class LocalModule:
    """A module of the author's own that the notebook imports.

    Attributes:
        name: Import name, dotted for submodules.
        path: Path relative to the notebook's folder, with forward slashes.
        digest: sha256 (hex) of its bytes.
    """

    name: str
    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A whole notebook as steps.

    Attributes:
        name: Slug of the notebook's stem as a Python identifier (``house_prices``).
        service: Name of the service: option ``service``, else a slug with hyphens.
        source: The notebook it came from.
        parameters: In the notebook's order.
        definitions: In the notebook's order, hoisted or not.
        artifacts: One or more per step with outputs.
        steps: In the notebook's order.
        requirements: Sorted by distribution.
        local_modules: Sorted by name.
        model: Variable named by ``metadata.nbprod.model``; empty if none.
        models: Variables that hold fitted estimators, as far as statics tell.
        secrets: Names from ``metadata.nbprod.secrets``.
        python: Python version of the kernel's environment, such as ``3.11.7``.
    """

    name: str
    service: str
    source: Source
    parameters: tuple[Parameter, ...] = ()
    definitions: tuple[Definition, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    steps: tuple[Step, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    local_modules: tuple[LocalModule, ...] = ()
    model: str = ""
    models: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    python: str = ""
    schema_version: int = field(default=SCHEMA_VERSION)


def edges(pipeline: Pipeline) -> tuple[tuple[str, str, str], ...]:
    """Compute the dataflow as ``(producer, consumer, variable)`` triples.

    The producer of an input is the nearest earlier step that outputs the name.
    """
    found: list[tuple[str, str, str]] = []
    producer: dict[str, str] = {}
    for step in pipeline.steps:
        found.extend(
            (producer[variable.name], step.name, variable.name)
            for variable in step.inputs
            if variable.name in producer
        )
        producer.update({variable.name: step.name for variable in step.outputs})
    return tuple(found)
