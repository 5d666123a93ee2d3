"""What the outcome of a stretch of cells depends on, as one key.

Two stretches with the same key run the same code on the same values in the same environment.
Files come on top: which ones count is known only when a stretch has run, see
:class:`.entry.Dependencies`. Where something cannot be told there is no key, and a reason.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import os
import platform
import re
import site
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbprod
from nbprod.analysis.own_modules import module_name
from nbprod.analysis.scopes import computes_names, is_given_names
from nbprod.notebook.local_sources import read_local_sources
from nbprod.pipeline.ir import Definition, Effect, Pipeline, Step
from nbprod.pipeline.secret import PREFIX
from nbprod.run.cache.repeatable import REGISTERING, acts_when_imported, doubts
from nbprod.run.kernel.fingerprint import ANYTHING
from nbprod.run.kernel.rewrite import NOW
from nbprod.run.literals import literal
from nbprod.run.meaning import LIBRARY_VARIABLES, handed_on, meaning_of, reads_itself
from nbprod.run.secrets import is_secret

_WORD = re.compile(r"\w+")
_UNPICKLES = re.compile(
    r"\b(pickle|cPickle|joblib|dill|cloudpickle|torch|jsonpickle)\s*\.\s*(loads?|decode)\b"
    r"|\bread_pickle\b|\bUnpickler\b|\ballow_pickle\b|\bshelve\b|\bMemory\b"
    r"|\bfrom\s+(pickle|joblib|dill|cloudpickle)\s+import\b[^\n]*\bload"
)
"""What loads objects whose functions and classes are known by their names."""
_LAMBDA = "<lambda>"
_ENDS_QUIETLY = re.compile(r";[ \t]*(#.*)?\s*\Z")
_NAMED_IN_QUERY = re.compile(r"@(\w+)")
_ENVIRONMENT = frozenset(
    {
        "environ",
        "environb",
        "getenv",
        "getenvb",
        "dotenv",
        "load_dotenv",
        "expandvars",
        "expanduser",
    }
    | {"gettempdir", "gettempdirb", "tempdir", "getproxies", "get_exec_path"}
    | {"platformdirs", "appdirs", "PlatformDirs", "AppDirs"}
    | {"BaseSettings", "pydantic_settings", "environs", "decouple", "dynaconf", "envparse"}
)
_HOMES = (
    "HOME",
    "XDG_",
    "HF_",
    "SCIKIT_LEARN_DATA",
    "SEABORN_DATA",
    "NLTK_DATA",
    "KAGGLEHUB_CACHE",
)
"""Environment variables that say where data lies for all libraries, or for one."""

_FUTURE = re.compile(r"^\s*from __future__ import .*$", re.MULTILINE)


_LONGEST_PATH = 1000


class NoKeyError(Exception):
    """There is no key, for a reason in words."""


@dataclass(frozen=True, slots=True)
class OwnModule:
    """A module of the author's.

    Attributes:
        name: Its dotted name.
        path: The file, absolute, links followed.
        source: Its code, or what stands for that if it is no Python.
    """

    name: str
    path: str
    source: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all stretches of a run have in common.

    Attributes:
        pipeline: The notebook's pipeline.
        parameters: Values of its parameters; secrets are not among them.
        secrets: Names of secrets.
        folder: Where the kernel runs.
        installed: Digest of all that is installed there.
        interpreter: The kernel's.
        hash_seed: See :meth:`.store.Store.hash_seed`.
        startup: See :func:`startup_files`.
        modules: The author's own modules, as far as they are known.
        elsewhere: Those among them that runs found elsewhere: path -> dotted name.
    """

    pipeline: Pipeline
    parameters: Mapping[str, object]
    secrets: tuple[str, ...]
    folder: Path
    installed: str
    interpreter: str
    hash_seed: str
    startup: tuple[tuple[str, str], ...] = ()
    modules: tuple[OwnModule, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Code:
    """The code of one stretch.

    Attributes:
        step: The step; ``None`` for cells that belong to none.
        sources: Its cells as IPython executes them.
        tags: Their tags.
        others: Definitions of other cells that it uses, in turn.
        modules: Modules of the author's own that it uses: names and sources.
        reasons: Why its outcome cannot be foretold; empty if it can.
        earlier: All cells before it, as IPython executes them.
        texts: All that it may execute: its cells, those definitions, own modules.
        made: Functions and classes of the cells before it, which variables may hold: names and
            sources.
        computes_names: It computes the text of a query or formula, which may name any variable.
        is_given_names: That text may come from anywhere.
        unpickles: It loads objects that name their functions and classes.
    """

    step: Step | None
    sources: tuple[str, ...]
    tags: tuple[tuple[str, ...], ...]
    others: tuple[Definition, ...]
    modules: tuple[tuple[str, str], ...]
    reasons: tuple[str, ...]
    earlier: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    made: tuple[tuple[str, str], ...] = ()
    computes_names: bool = False
    is_given_names: bool = False
    unpickles: bool = False

    @property
    def names_in_pickles(self) -> frozenset[str]:
        """Names of the cells before that unpickled objects may look up, or their code may."""
        return frozenset(_words(source for _, source in self.made)) if self.unpickles else _NO_NAMES


_NO_NAMES: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Input:
    """A variable that a stretch reads.

    Attributes:
        name: Its name.
        fingerprint: Its content; empty if that is unknown.
        opaque: It counts by identity in part.
        local: Names of functions of the notebook's that it holds, and of classes of which it
            holds instances.
        own: Names of the author's modules that it holds such things of.
        order: The orders of the sets that it holds, as a digest; empty for none.
    """

    name: str
    fingerprint: str = ""
    opaque: bool = False
    local: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    order: str = ""


def code_of(
    around: Surroundings,
    step: Step | None,
    sources: tuple[str, ...],
    tags: tuple[tuple[str, ...], ...],
    earlier: tuple[str, ...] = (),
) -> Code:
    """Collect what a stretch executes: its cells, and what it may call."""
    others = tuple(_used(around.pipeline, sources))
    texts = [*sources, *(each.source for each in others)]
    modules = tuple(_modules(around, texts))
    found: list[str] = []
    if step is not None:  # other cells only import and define: that is repeated when it is needed
        found = [*doubts(texts, step.effects), *_doubts_in(modules)]
    reasons = tuple(dict.fromkeys(found))
    texts.extend(source for _, source in modules)
    acting = [each for each in around.modules if acts_when_imported(each.source)]
    named = [*acting, *named_modules(around.modules, [each.source for each in acting])]
    modules = tuple(dict.fromkeys([*modules, *((each.name, each.source) for each in named)]))
    return Code(
        step,
        sources,
        tags,
        others,
        modules,
        reasons,
        earlier,
        texts=tuple(texts),
        made=tuple(_made(earlier)),
        computes_names=any(map(computes_names, texts)),
        is_given_names=any(map(is_given_names, texts)),
        unpickles=any(map(_UNPICKLES.search, texts)),
    )


def _modules(around: Surroundings, texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield name and source of the author's modules that code names, and that these name."""
    yield from ((each.name, each.source) for each in named_modules(around.modules, texts))


def named_modules(modules: Iterable[OwnModule], texts: Iterable[str]) -> Iterator[OwnModule]:
    """Yield those of the author's modules that code names, and those that they name."""
    known, waiting = list(modules), list(texts)
    while waiting and known:
        words = _words([waiting.pop()])
        named = [each for each in known if each.name.partition(".")[0] in words]
        known = [each for each in known if each not in named]
        waiting += [each.source for each in named]
        yield from named


def _doubts_in(modules: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, source in modules:
        yield from (f"{reason} (in the module {name})" for reason in doubts([source], ()))


def doubts_in_file(path: str) -> Iterator[str]:
    """Yield why code that a notebook loads by a name that it computes might not repeat itself."""
    source = own_module("", Path(path)).source
    found = [*doubts([source], ())]
    if not _ENVIRONMENT.isdisjoint(_words([source])):
        found.append("it reads the environment")
    yield from (f"{reason} (in {Path(path).name}, which no cell names)" for reason in found)


def _made(sources: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield name and source of the functions and classes that cells make, at whatever place."""
    code = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
    for source in sources:
        waiting: list[ast.AST] = [ast.parse(source)]
        while waiting:
            node = waiting.pop()
            if isinstance(node, code):
                yield getattr(node, "name", _LAMBDA), ast.unparse(node)
            else:
                waiting.extend(ast.iter_child_nodes(node))


def _words(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in _WORD.findall(text)}


def _used(pipeline: Pipeline, sources: Iterable[str]) -> Iterator[Definition]:
    """Yield the definitions that code names, and those that they name."""
    known: dict[str, list[Definition]] = {}
    for definition in pipeline.definitions:
        known.setdefault(definition.name, []).append(definition)
    waiting = list(sources)
    while waiting:
        for name in _WORD.findall(waiting.pop()):
            for definition in known.pop(name, ()):
                waiting.append(definition.source)
                yield definition


def named_files(around: Surroundings, code: Code) -> set[str]:
    """Return the files that a stretch names in full: readers in C may open them unseen."""
    texts = {
        node.value
        for source in code.texts
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    texts |= {str(each) for each in around.parameters.values() if isinstance(each, str | Path)}
    paths = {os.path.realpath(around.folder / text) for text in texts if _may_be_a_path(text)}
    return {path for path in paths if Path(path).is_file()}


def _may_be_a_path(text: str) -> bool:
    return 0 < len(text) < _LONGEST_PATH and "\0" not in text and "\n" not in text


def stretch_key(
    around: Surroundings,
    code: Code,
    inputs: tuple[Input, ...],
    pairs: Iterable[tuple[str, str, int]],
    state: Mapping[str, str],
    others: Iterable[Input] = (),
) -> str:
    """Return the key of a stretch, random states and files left out.

    Args:
        around: What all stretches have in common.
        code: What it executes.
        inputs: What it reads.
        pairs: How many objects two of them share.
        state: Fingerprints of the process's state before it.
        others: The other variables that there are.

    Raises:
        NoKeyError: Something cannot be told.
    """
    _check_named(around, code, inputs)
    held = tuple(_held(around, code, inputs))
    for reason in (*code.reasons, *doubts(held, ())):
        raise NoKeyError(reason)
    options = state.get("options", "")
    if not options or " " in options:
        raise NoKeyError("options are set to something that has no content to compare")
    names = {each.name for each in inputs}
    parts = [
        *_surrounding_parts(around),
        *_code_parts(around, code),
        *([each.name, *_content(around, code, each)] for each in inputs),
        sorted([one, other, count] for one, other, count in pairs if {one, other} <= names),
        options,
        list(_environment(around, code, held)),
        *(_everything(around, code, others) if code.is_given_names else ()),
        *(_looked_up(code, others) if code.unpickles else ()),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _everything(around: Surroundings, code: Code, others: Iterable[Input]) -> Iterator[object]:
    """Yield all that a query may name which nobody has read: any variable, and any function."""
    yield sorted((each.name, each.fingerprint) for each in others)
    yield _all_before(around, code)


def _looked_up(code: Code, others: Iterable[Input]) -> Iterator[object]:
    """Yield what unpickled objects may look up by name: code of cells before, and what it reads."""
    yield sorted((name, meaning_of(source)) for name, source in code.made)
    names = code.names_in_pickles
    yield sorted((each.name, each.fingerprint) for each in others if each.name in names)


def _check_named(around: Surroundings, code: Code, inputs: Iterable[Input]) -> None:
    """Refuse a stretch that may be given a query which names a variable that it does not."""
    if not code.computes_names:
        return
    texts = [*code.earlier, *(str(each) for each in around.parameters.values())]
    named = {name for text in texts for name in _NAMED_IN_QUERY.findall(text)}
    known = {each.name for step in around.pipeline.steps for each in step.outputs}
    for name in sorted((named & known) - {each.name for each in inputs}):
        raise NoKeyError(f"it may be given a query that names `{name}`")


def _held(around: Surroundings, code: Code, inputs: Iterable[Input]) -> Iterator[str]:
    """Yield the code that variables may hold, and that the stretch does not name."""
    inputs = tuple(inputs)
    modules = {name for each in inputs for name in each.own}
    every = ANYTHING in modules
    named = around.modules if every else named_modules(around.modules, modules)
    yield from (each.source for each in named)
    held = {name.partition(".")[0] for each in inputs for name in each.local}
    if held:
        found = list(_reached(code.made, {*held, _LAMBDA}))
        found += [each.source for each in _used(around.pipeline, found)]
        yield from found
        yield from (source for _, source in _modules(around, found))


def _reached(made: Iterable[tuple[str, str]], names: set[str]) -> Iterator[str]:
    """Yield the sources of functions and classes that are named, and of those that they name."""
    waiting = list(made)
    names = set(names)
    while True:
        found = [each for each in waiting if ANYTHING in names or each[0] in names]
        if not found:
            return
        waiting = [each for each in waiting if each not in found]
        for _, source in found:
            names |= _words([source])
            yield source


def _surrounding_parts(around: Surroundings) -> Iterator[object]:
    if not around.installed:
        raise NoKeyError("what is installed for its kernel is not known")
    yield [nbprod.__version__, own_code(), around.installed, around.interpreter]
    yield [around.pipeline.python, around.hash_seed, str(around.folder)]
    yield [platform.platform(), os.cpu_count()]
    yield around.startup


def _code_parts(around: Surroundings, code: Code) -> Iterator[object]:
    # Who shows documentation shows that of what it names, wherever this stands.
    meaning: Callable[[str], str] = str
    if not any(map(reads_itself, code.texts)):
        mentioned = frozenset[str]().union(*map(handed_on, code.texts))
        meaning = functools.partial(meaning_of, handed_on=mentioned)
    yield [[meaning(source) for source in code.sources], code.tags]
    # IPython shows no value behind which there is a semicolon.
    yield [_ENDS_QUIETLY.search(source) is not None for source in code.sources]
    yield sorted((each.name, meaning(each.source)) for each in code.others)
    yield [found for source in code.earlier for found in _FUTURE.findall(source)]
    if any(not REGISTERING.isdisjoint(_words([source])) for source in code.earlier):
        yield _all_before(around, code)
    yield sorted((name, meaning(source)) for name, source in code.modules)
    yield list(_parameters(around, code))


def _parameters(around: Surroundings, code: Code) -> Iterator[tuple[str, str]]:
    """Yield the parameters that code reads: all, if it computes what names them."""
    words = _words([*code.sources, *(each.source for each in code.others)])
    read = set(code.step.params if code.step is not None else ())
    for parameter in around.pipeline.parameters:
        name = parameter.name
        if name not in read | words and (not code.computes_names or name in around.secrets):
            continue
        if name in around.secrets:
            raise NoKeyError(f"it reads the secret {name}")
        if str(around.parameters.get(name)).lower() in NOW:
            raise NoKeyError(f"it reads the parameter {name}, which asks for the time")
        if name not in around.parameters:
            raise NoKeyError(f"it reads the parameter {name}, which the notebook computes")
        yield name, literal(around.parameters[name])


def _content(around: Surroundings, code: Code, value: Input) -> Iterator[str]:
    if not value.fingerprint:
        raise NoKeyError(f"what `{value.name}` was before it is not known")
    if value.opaque or " " in value.fingerprint:
        raise NoKeyError(f"`{value.name}` has no content that could be compared")
    yield value.fingerprint
    yield value.order
    if value.local:
        # Functions and classes of the notebook's: what they do is written anywhere before.
        yield _all_before(around, code)
    if value.own or value.local:
        known = sorted((each.name, meaning_of(each.source)) for each in around.modules)
        yield json.dumps(known)


def _all_before(around: Surroundings, code: Code) -> str:
    parameters = {name: literal(value) for name, value in sorted(around.parameters.items())}
    definitions = [meaning_of(each.source) for each in around.pipeline.definitions]
    return json.dumps([[meaning_of(source) for source in code.earlier], definitions, parameters])


def _environment(
    around: Surroundings, code: Code, held: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    reads = code.step is not None and Effect.ENVIRONMENT in code.step.effects
    words = _words((*code.texts, *held))
    reads = reads or not _ENVIRONMENT.isdisjoint(words)
    if reads and around.secrets:
        raise NoKeyError("it reads the environment, which holds a secret")
    for name in sorted(os.environ):
        if is_secret(around.pipeline, name.removeprefix(PREFIX)):
            continue
        # Named in the code: some library may be told to read it.
        if reads or name in words or is_counted(name):
            # Not its value: that may be a secret nobody told us of.
            yield name, hashlib.sha256(os.environ[name].encode(errors="replace")).hexdigest()


def is_counted(name: str) -> bool:
    """Tell whether an environment variable is part of every key."""
    return name.startswith((*LIBRARY_VARIABLES, *_HOMES))


def startup_files(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what a kernel in ``folder`` and libraries read when they start, with digests."""
    home = Path.home()
    profile = Path(os.environ.get("IPYTHONDIR", home / ".ipython")) / "profile_default"
    settings = Path(os.environ.get("MPLCONFIGDIR", home / ".config" / "matplotlib"))
    started = (profile / "startup").glob("*")
    # IPython leaves a README of its own there, in a new home only after the first run began.
    paths = sorted(path for path in started if path.name != "README")
    paths += sorted(profile.glob("*config*"))
    paths += [settings / "matplotlibrc", *sorted((settings / "stylelib").glob("*.mplstyle"))]
    # The list of what is installed leaves these folders out.
    added = [site.getusersitepackages(), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    for each in filter(None, added):
        paths += sorted(Path(each).glob("*.dist-info/RECORD"))
        paths += sorted(Path(each).glob("*.dist-info/METADATA"))
    for path in (*paths, folder / "matplotlibrc"):
        if path.is_file():
            yield str(path), hashlib.sha256(path.read_bytes()).hexdigest()


@functools.cache
def own_code() -> str:
    """Return the digest of the code that observes, saves and restores."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def own_modules(pipeline: Pipeline, folder: Path) -> Iterator[OwnModule]:
    """Yield the author's own modules that analysis found.

    Args:
        pipeline: The notebook's pipeline.
        folder: The notebook's.
    """
    for module in pipeline.local_modules:
        yield own_module(module.name, folder / module.path)


def all_modules(
    pipeline: Pipeline, folder: Path, elsewhere: Mapping[str, str]
) -> tuple[OwnModule, ...]:
    """Return the author's own modules: those that analysis found, and those elsewhere.

    Args:
        pipeline: The notebook's pipeline.
        folder: The notebook's.
        elsewhere: Path -> dotted name.
    """
    return (*own_modules(pipeline, folder), *modules_elsewhere(elsewhere))


def modules_elsewhere(names: Mapping[str, str]) -> Iterator[OwnModule]:
    """Yield modules that lie elsewhere, and what lies beside them that they import.

    One that they looked for in vain may be there now.

    Args:
        names: Path -> dotted name, see :meth:`.store.Store.known_modules`.
    """
    found = {path: own_module(name, Path(path)) for path, name in sorted(names.items())}
    roots: dict[Path, list[str]] = {}
    for path, module in found.items():
        depth = module.name.count(".") + path.endswith("__init__.py")
        roots.setdefault(Path(path).parents[depth], []).append(module.source)
    for root, sources in sorted(roots.items()):
        for path in read_local_sources(root, sources):
            module = own_module(module_name(path), root / path)
            found.setdefault(module.path, module)
    yield from found.values()


def own_module(name: str, path: Path) -> OwnModule:
    """Return a module of the author's as it is now.

    Args:
        name: Its dotted name.
        path: Its file.
    """
    real = path.resolve()
    try:
        return OwnModule(name, str(real), real.read_text(encoding="utf-8"))
    except OSError:
        return OwnModule(name, str(real), "def gone")
    except UnicodeDecodeError:
        # No Python: nothing can be said of it.
        return OwnModule(name, str(real), f"def {hashlib.sha256(real.read_bytes()).hexdigest()}")


def defined_in(pipeline: Pipeline, cell: int, *, hoisted: bool) -> tuple[Definition, ...]:
    """Return the definitions that stand in a cell."""
    return tuple(
        each
        for each in pipeline.definitions
        if each.origin is not None and each.origin.cell == cell and each.hoisted == hoisted
    )
