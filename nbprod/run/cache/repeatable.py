"""Code of which no key can tell whether it would give the same again."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Collection, Iterable, Iterator

from nbprod.pipeline.ir import Effect
from nbprod.run.cache.origins import Origins, asked_for
from nbprod.run.kernel.rewrite import NOW, PAST_PYTHON, READERS, opens_past_python

_EFFECTS = {
    Effect.NETWORK: "it uses the network",
    Effect.SUBPROCESS: "it runs other programs",
    Effect.CLOCK: "it asks for the time",
}

_PAST_PYTHON = "it uses a library that opens files past Python"
_FOLDER_KEYWORDS = frozenset({"dir_fd", "src_dir_fd", "dst_dir_fd"})

REGISTERING = frozenset(
    f"register_{kind}_function" for kind in ("scalar", "vector", "aggregate", "tabular")
)
"""Functions that leave others in a library's C code (Arrow's): later steps call them by a name."""

_NAMES = {
    "it asks for the time": frozenset(
        {"perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "process_time", "time_ns"}
        | {"default_timer", "clock_gettime", "clock_gettime_ns", "process_time_ns", "thread_time"}
        | {"now", "today", "utcnow", "localtime", "gmtime", "ctime", "getmtime", "getctime"}
        | {"asctime", "formatdate"}
    ),
    "it draws from the system's randomness": frozenset(
        {
            "SystemRandom",
            "urandom",
            "getrandom",
            "RAND_bytes",
            "uuid1",
            "uuid4",
            "token_hex",
            "token_bytes",
            "token_urlsafe",
        }
        | {"randbits", "randbelow"}
    ),
    "it makes files of random names": frozenset(
        {"mkdtemp", "mkstemp", "NamedTemporaryFile", "TemporaryDirectory", "TemporaryFile"}
    ),
    "it asks which files there are, or about them": frozenset(
        {"exists", "lexists", "isfile", "isdir", "is_file", "is_dir", "stat", "lstat", "getsize"}
        | {"disk_usage", "is_symlink", "islink", "samefile", "access", "statvfs", "fstat"}
        | {
            "filecmp",
            "cmpfiles",
            "dircmp",
            "ismount",
            "is_mount",
            "which",
            "find_spec",
            "iter_modules",
            "walk_packages",
        }
    ),
    "it asks how much memory objects take": frozenset(
        {"getsizeof", "__sizeof__", "asizeof", "flatsize", "deep_getsizeof"}
    ),
    "it registers a function where nobody can see it": REGISTERING,
    "it asks which classes there are": frozenset({"__subclasses__"}),
    "it looks at the state of a random generator": frozenset({"get_state", "getstate"}),
    "it opens files by the descriptor of a folder": frozenset({"fchdir"}) | _FOLDER_KEYWORDS,
    "it loads modules by their paths": frozenset({"spec_from_file_location", "SourceFileLoader"}),
    "it asks for its terminal": frozenset({"get_terminal_size", "ttyname", "ctermid", "getlogin"}),
    "it asks about the machine or the process": frozenset(
        {
            "getpid",
            "getppid",
            "getloadavg",
            "get_ident",
            "get_native_id",
            "getnode",
            "gethostname",
            "getfqdn",
            "uname",
            "nodename",
            "sched_getaffinity",
            "process_cpu_count",
            "getuser",
            "cpu_percent",
            "virtual_memory",
            "getrusage",
        }
    ),
    _PAST_PYTHON: frozenset(
        {"LocalFileSystem", "SubTreeFileSystem", "FileSelector", "get_file_info", "from_uri"}
        | {"open_input_stream", "open_input_file", "filesystem"}
    ),
    "it reads a database": frozenset(
        {"read_sql", "read_sql_query", "read_sql_table", "create_engine", "read_gbq"}
    ),
}

_MODULES = {
    "it draws from the system's randomness": frozenset({"secrets"}),
    "it reads a database": frozenset(
        {"sqlite3", "sqlalchemy", "duckdb", "pyodbc", "psycopg", "psycopg2", "pymongo", "redis"}
    ),
    _PAST_PYTHON: frozenset(
        {"rasterio", "netCDF4", "fiona", "osgeo", "tables", "cv2", "rpy2", "vaex"}
    ),
    "it computes in processes of others": frozenset(
        {"pyspark", "ray", "dask", "distributed", "multiprocessing", "subprocess"}
    ),
    "it uses a library whose random state cannot be seen": frozenset(
        {"tensorflow", "keras", "mxnet", "cupy", "paddle", "numba", "jax"}
    ),
    "it asks about the machine or the process": frozenset({"psutil", "tracemalloc"}),
    "it asks for the time": frozenset({"timeit", "sched", "arrow", "pendulum"}),
    "it reads the notebook's variables through their module": frozenset({"__main__"}),
}

_ATTRIBUTES = {
    "platform.node": "it asks about the machine or the process",
    "os.times": "it asks for the time",
}
"""What modules have under names that others use for something else."""

_TIMELESS = frozenset(
    {"sleep", "struct_time", "strptime", "mktime", "tzset", "tzname", "timezone", "altzone"}
    | {"daylight"}
)
"""What the module ``time`` has that does not ask for it."""

_LISTED_MODULES = frozenset(
    {"time", "datetime", "os", "os.path", "platform", "socket", "uuid", "tempfile", "threading"}
    | {"shutil", "timeit", "random", "numpy.random", "importlib.util"}
    | {"pandas", "polars", "geopandas"}
)
"""Modules with functions of :data:`_NAMES`, or that read past Python: a name that is computed there
may be any of them."""

_GENERATORS = frozenset(
    {"default_rng", "RandomState", "SeedSequence", "Random", "PCG64", "PCG64DXSM", "MT19937"}
    | {"Philox", "SFC64"}
)
"""Generators that take their seed from the system if they are given none."""

_SEEDS = re.compile(r"seed|set_?state|determinis|reproduc", re.IGNORECASE)


_BARE_MODULES = PAST_PYTHON | {
    f"pyarrow.{name}"
    for name in ("csv", "json", "parquet", "feather", "orc", "dataset", "fs", "ipc")
}
"""Modules that are handed on where they stand alone: anything may be called in them."""


_QUIET_DECORATORS = frozenset(
    {"dataclass", "lru_cache", "cache", "wraps", "contextmanager", "total_ordering", "njit", "jit"}
    | {"runtime_checkable", "unique", "final", "overload", "singledispatch"}
)


@functools.lru_cache(maxsize=1000)
def acts_when_imported(source: str) -> bool:
    """Tell whether a module may change others when it is imported.

    It may register something with a library, or put its own functions into one: steps
    that don't name the module call it then.
    """
    try:
        return any(map(_acts, ast.parse(source).body))
    except SyntaxError:
        return True


def _acts(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        named = [set(_names(part)) for each in statement.decorator_list for part in ast.walk(each)]
        return bool(named) and not any(names & _QUIET_DECORATORS for names in named)
    if isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return any(isinstance(each, ast.Attribute | ast.Subscript) for each in targets)
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Call)
    parts = (getattr(statement, name, ()) for name in ("body", "orelse", "finalbody", "handlers"))
    inner = [each for part in parts for each in part]
    inner += [each for handler in inner for each in getattr(handler, "body", ())]
    return any(_acts(each) for each in inner if isinstance(each, ast.stmt))


def doubts(sources: Iterable[str], effects: Iterable[Effect]) -> Iterator[str]:
    """Yield, in words, why code might not give the same again.

    Args:
        sources: The code of a stretch, of the definitions that it uses, of own modules.
        effects: What analysis found in it.
    """
    for effect in effects:
        if effect in _EFFECTS:
            yield _EFFECTS[effect]
    trees = []
    for source in sources:
        try:
            trees.append(ast.parse(source))
        except SyntaxError:
            yield "its code could not be read"
    origins = Origins(trees)
    for tree in trees:
        for node in ast.walk(tree):
            yield from _doubts_of(node)
            yield from _doubts_by_origin(node, origins)
        if any(_unfollowed(tree, origins)):
            yield _PAST_PYTHON


def _doubts_of(node: ast.AST) -> Iterator[str]:
    named = set(_names(node))
    for words, names in _NAMES.items():
        if named & names:
            yield words
    imported = set(_imported(node))
    for words, names in _MODULES.items():
        if imported & names:
            yield words
    if isinstance(node, ast.Call) and named & _GENERATORS and _is_unseeded(node):
        yield "it makes a random generator without a seed"
    if isinstance(node, ast.Constant) and str(node.value).lower() in NOW:
        yield "it asks for the time"  # as a text that pandas and numpy understand
    if isinstance(node, ast.Constant) and "asctime" in str(node.value):
        yield "it asks for the time"  # as a format of logs
    if isinstance(node, ast.Try) and any(map(_imports_by_text, ast.walk(node))):
        yield "it tries to import a module whose name is computed"


def _imports_by_text(node: ast.AST) -> bool:
    """Tell whether a module is imported by a name that does not stand in the code."""
    if not isinstance(node, ast.Call) or not node.args:
        return False
    imports = {"import_module", "__import__"}.intersection(_names(node.func))
    return bool(imports) and not isinstance(node.args[0], ast.Constant)


def _doubts_by_origin(node: ast.AST, origins: Origins) -> Iterator[str]:
    for name in origins.mentioned(node):
        module, _, attribute = name.rpartition(".")
        if name in _ATTRIBUTES:
            yield _ATTRIBUTES[name]
        elif module == "time" and attribute not in _TIMELESS:
            yield "it asks for the time"
    asked = asked_for(node) if isinstance(node, ast.Call) else None
    computed = asked is not None and not isinstance(asked[1], ast.Constant)
    if asked is not None and computed and origins.of(asked[0]) in _LISTED_MODULES:
        yield "it computes the name of a function that it looks up"


def _unfollowed(tree: ast.AST, origins: Origins) -> Iterator[bool]:
    """Tell of each mention of what reads past Python whether its calls go unseen.

    Seen are those that are written as calls, by the function's own name.
    """
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    called = {id(node.func) for node in calls}
    owners = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        name = origins.of(node) if id(node) not in owners else ""
        if name in _BARE_MODULES:
            yield True
        elif opens_past_python(name):
            own = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
            yield id(node) not in called or own not in READERS
    for node in calls:
        first = node.args[0] if node.args else None
        is_import = {"import_module", "__import__"}.intersection(_names(node.func))
        if is_import and isinstance(first, ast.Constant):
            yield str(first.value).partition(".")[0] in PAST_PYTHON


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.ImportFrom):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.keyword):
        yield from (_FOLDER_KEYWORDS | {"filesystem"}).intersection({node.arg})
    elif isinstance(node, ast.Call):
        yield from _names(node.func)
        asked = asked_for(node)
        if asked is not None and isinstance(asked[1], ast.Constant):
            yield str(asked[1].value)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield (node.module or "").partition(".")[0]


def _is_unseeded(node: ast.Call) -> bool:
    given = [*node.args, *(each.value for each in node.keywords)]
    return not given or any(isinstance(each, ast.Constant) and each.value is None for each in given)


def seeds_first(source: str) -> bool:
    """Tell whether code that sets a random state does so before anything could draw.

    Before it may only stand imports, definitions, and names that get literals.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return False
    for statement in tree.body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            call = statement.value
            given = [*call.args, *(word.value for word in call.keywords)]
            plain = all(
                isinstance(node, (*_LITERAL, ast.Name)) for each in given for node in ast.walk(each)
            )
            return plain and _SEEDS.search(ast.unparse(call.func)) is not None
        if not _is_quiet(statement):
            return False
    return False


def _is_quiet(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass):
        return True
    if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return not statement.decorator_list
    value = getattr(statement, "value", None)
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr):
        return value is None or all(isinstance(node, _LITERAL) for node in ast.walk(value))
    return False


def only_assigns(source: str, names: Collection[str]) -> bool:
    """Tell whether code only imports and gives some names literal values."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return False
    for statement in tree.body:
        targets = getattr(statement, "targets", [getattr(statement, "target", None)])
        is_name = all(isinstance(each, ast.Name) and each.id in names for each in targets)
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            if not is_name or not _is_quiet(statement):
                return False
        elif not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant):
            return False
    return True


_LITERAL = (
    *(ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.UnaryOp, ast.USub, ast.UAdd),
    *(ast.Load, ast.Store, ast.Name),
)
