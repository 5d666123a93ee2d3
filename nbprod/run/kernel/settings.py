"""What setter functions change in modules: one table of what is read, and how it is set.

Options with a home of their own (pandas, matplotlib, warnings, loggers) are in
:mod:`.ambient`. Here is the rest, of the standard library and of the libraries that
notebooks use: a row for each, which says what a process has at first.
"""

from __future__ import annotations

import codecs
import ctypes
import functools
import importlib
import itertools
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

REGISTRY = "registry: "
"""Begins the names of what holds the notebook's own classes and functions."""


@dataclass(frozen=True)
class Setting:
    """A row of the table.

    Attributes:
        name: What it is called when it differs.
        module: Where it is; what is not loaded is not asked.
        read: Takes the module, returns what is set.
        write: Takes the module and a value.
        default: Takes the module, returns what is set at first; ``None`` where a process
            itself shows that, because it has loaded the module when it starts.
    """

    name: str
    module: str
    read: Callable[[Any], Any]
    write: Callable[[Any, Any], Any]
    default: Callable[[Any], Any] | None = None


def _is_own(value: Any) -> bool:
    module = getattr(value, "__module__", None)
    return module == "__main__" or type(value).__module__ == "__main__"


def _own(entries: Any) -> dict[Any, Any]:
    """Return the entries of a registry that hold something of the notebook's."""
    return {key: value for key, value in entries.items() if _is_own(key) or _is_own(value)}


def _constant(value: Any) -> Callable[[Any], Any]:
    return lambda _module: value


def _nothing(_module: Any) -> dict[Any, Any]:
    return {}


def _umask(os: Any) -> int:
    found = os.umask(0o077)
    os.umask(found)
    return int(found)


def _unshown(os: Any) -> dict[str, str | None]:
    """Return what ``os.putenv`` and ``os.unsetenv`` changed, which ``os.environ`` does not show."""
    try:
        places = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    except (OSError, ValueError):  # no Unix
        return {}
    now: dict[str, str | None] = {}
    for number in itertools.count():
        entry = places[number] if places else None
        if entry is None:
            break
        name, _, value = os.fsdecode(entry).partition("=")
        now[name] = value
    shown = dict(os.environ)
    gone: dict[str, str | None] = {name: None for name in shown if name not in now}
    return gone | {name: value for name, value in now.items() if shown.get(name) != value}


def _set_unshown(os: Any, found: dict[str, str | None]) -> None:
    for name, value in found.items():
        if value is None:
            os.unsetenv(name)
        else:
            os.putenv(name, value)


def _set_all(update: Callable[..., Any], entries: dict[Any, Any]) -> None:
    for key, value in entries.items():
        update(key, value)


def _handlers(signal: Any) -> dict[int, Any]:
    found = {int(each): signal.getsignal(each) for each in signal.valid_signals()}
    return {
        number: handler
        for number, handler in found.items()
        if isinstance(handler, signal.Handlers) or _is_own(handler)
    }


_DIALECT = ("delimiter", "doublequote", "escapechar", "lineterminator", "quotechar", "quoting")
_DIALECTS = frozenset({"excel", "excel-tab", "unix"})


def _dialects(csv: Any) -> dict[str, Any]:
    return {
        name: {
            part: getattr(csv.get_dialect(name), part)
            for part in (*_DIALECT, "skipinitialspace", "strict")
        }
        for name in csv.list_dialects()
        if name not in _DIALECTS
    }


def _set_dialects(csv: Any, found: dict[str, Any]) -> None:
    for name, parts in found.items():
        csv.register_dialect(name, **parts)


def _styles_at_first(style: Any) -> Any:
    base = getattr(style, "_base_library", None)  # in a module below, before matplotlib 3.11
    return style.core._base_library if base is None else base


def _set_styles(style: Any, found: dict[str, Any]) -> None:
    options = importlib.import_module("matplotlib").RcParams
    style.library.update({name: options(value) for name, value in found.items()})
    style.available[:] = sorted(style.library)


def _filters(logging: Any) -> dict[str, Any]:
    loggers = {"": logging.root, **logging.root.manager.loggerDict}
    found = {name: list(getattr(each, "filters", ())) for name, each in loggers.items()}
    return {
        name: kept
        for name, each in found.items()
        if (kept := [one for one in each if _is_own(one) or type(one) is logging.Filter])
    }


def _set_filters(logging: Any, found: dict[str, Any]) -> None:
    for name, filters in found.items():
        for each in filters:
            logging.getLogger(name).addFilter(each)


@functools.cache
def _known_types() -> dict[str, str]:
    mimetypes: Any = importlib.import_module("mimetypes")
    fresh = mimetypes.MimeTypes()
    for path in filter(os.path.isfile, mimetypes.knownfiles):
        fresh.read(path)
    return dict(fresh.types_map[True])


def _types(mimetypes: Any) -> dict[str, str]:
    return dict(mimetypes.types_map) if mimetypes.inited else {}


def _registered(collections_abc: Any) -> dict[str, list[Any]]:
    abc: Any = importlib.import_module("_abc")
    found = {}
    for module, name in _abstract(collections_abc):
        classes = [each() for each in abc._get_dump(getattr(sys.modules[module], name))[0]]
        if any(map(_is_own, classes)):
            found[f"{module}:{name}"] = [each for each in classes if _is_own(each)]
    return found


def _abstract(collections_abc: Any) -> Iterable[tuple[str, str]]:
    """Yield the abstract classes for which a notebook may register its own."""
    yield from (("collections.abc", name) for name in collections_abc.__all__)
    numbers = sys.modules.get("numbers")
    yield from (("numbers", name) for name in getattr(numbers, "__all__", ()))
    yield ("os", "PathLike")


def _register(_module: Any, found: dict[str, list[Any]]) -> None:
    for place, classes in found.items():
        module, _, name = place.partition(":")
        for each in classes:
            getattr(importlib.import_module(module), name).register(each)


_YAML = (
    "yaml_representers",
    "yaml_multi_representers",
    "yaml_constructors",
    "yaml_multi_constructors",
)


def _yaml(yaml: Any) -> dict[tuple[str, str], dict[Any, Any]]:
    found = {}
    for name, kind in vars(yaml).items():
        if isinstance(kind, type) and name.endswith(("Dumper", "Loader")):
            for part in _YAML:
                own = _own(vars(kind).get(part, {}))
                if own:
                    found[name, part] = own
    return found


def _set_yaml(yaml: Any, found: dict[tuple[str, str], dict[Any, Any]]) -> None:
    for (name, part), entries in found.items():
        kind = getattr(yaml, name)
        setattr(kind, part, {**getattr(kind, part), **entries})


def _distributions(stats: Any) -> dict[str, Any]:
    kinds: Any = importlib.import_module("scipy.stats._distn_infrastructure").rv_generic
    usual = sys.modules["numpy"].random.mtrand._rand
    return {
        name: each._random_state
        for name, each in vars(stats).items()
        if isinstance(each, kinds) and each._random_state is not usual
    }


def _set_distributions(stats: Any, found: dict[str, Any]) -> None:
    for name, state in found.items():
        getattr(stats, name)._random_state = state


def _progress(tqdm: Any) -> dict[str, Any]:
    """Return the class and options that ``tqdm.pandas()`` was called with."""
    frame: Any = getattr(sys.modules.get("pandas"), "DataFrame", None)
    method = vars(frame).get("progress_apply") if tqdm and frame is not None else None
    cells = dict(
        zip(method.__code__.co_freevars, method.__closure__ or (), strict=True) if method else ()
    )
    return {name: each.cell_contents for name, each in cells.items() if name in _PROGRESS}


_PROGRESS = ("cls", "tclass", "tqdm_kwargs")


def _set_progress(tqdm: Any, found: dict[str, Any]) -> None:
    kind = found.get("cls", found.get("tclass", tqdm.tqdm))
    getattr(kind, "pandas", tqdm.tqdm.pandas)(**found.get("tqdm_kwargs", {}))


def _configured(parallel: Any) -> dict[str, Any]:
    """Return what a ``parallel_config`` that is still on says, beside the defaults."""
    usual = getattr(parallel, "default_parallel_config", {})
    found = getattr(parallel._backend, "config", None) or {}
    return {name: each for name, each in found.items() if each is not usual.get(name)}


def _set_configured(parallel: Any, found: dict[str, Any]) -> None:
    parallel._backend.config = {**parallel.default_parallel_config, **found}


_CONTEXT = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")


def _context(decimal: Any) -> dict[str, Any]:
    """Return the context that threads begin with."""
    traps = [kind.__name__ for kind, on in decimal.DefaultContext.traps.items() if on]
    return {part: getattr(decimal.DefaultContext, part) for part in _CONTEXT} | {"traps": traps}


def _set_context(decimal: Any, found: dict[str, Any]) -> None:
    for part, value in found.items():
        if part == "traps":
            traps = decimal.DefaultContext.traps
            traps.update({kind: kind.__name__ in value for kind in traps})
        else:
            setattr(decimal.DefaultContext, part, value)


def _plot_options(plot: Any) -> dict[tuple[str, str], Any]:
    """Return what ``seaborn.objects.Plot.config`` says."""
    return _parts_of(plot.Plot.config)


def _first_plot_options(plot: Any) -> dict[tuple[str, str], Any]:
    return _parts_of(plot.PlotConfig())


def _parts_of(config: Any) -> dict[tuple[str, str], Any]:
    parts = {"theme": config.theme, "display": config.display}
    return {(part, name): each for part, values in parts.items() for name, each in values.items()}


def _set_plot_options(plot: Any, found: dict[tuple[str, str], Any]) -> None:
    for (part, name), value in found.items():
        getattr(plot.Plot.config, part)[name] = value


_TEMPLATES = frozenset(
    {"ggplot2", "seaborn", "simple_white", "plotly", "plotly_white", "plotly_dark", "none"}
    | {"presentation", "xgridoff", "ygridoff", "gridon"}
)


def _own_templates(io: Any) -> dict[str, Any]:
    names = set(io.templates) - _TEMPLATES
    return {name: io.templates[name].to_plotly_json() for name in names}


def _set_templates(io: Any, found: dict[str, Any]) -> None:
    for name, template in found.items():
        io.templates[name] = template


def _express_defaults(express: Any) -> dict[str, Any]:
    return _slots(express.defaults)


def _slots(defaults: Any) -> dict[str, Any]:
    return {name: getattr(defaults, name) for name in type(defaults).__slots__}


def _set_express_defaults(express: Any, found: dict[str, Any]) -> None:
    for name, value in found.items():
        setattr(express.defaults, name, value)


_NAMESPACES = {
    "http://www.w3.org/XML/1998/namespace": "xml",
    "http://www.w3.org/1999/xhtml": "html",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
    "http://schemas.xmlsoap.org/wsdl/": "wsdl",
    "http://www.w3.org/2001/XMLSchema": "xs",
    "http://www.w3.org/2001/XMLSchema-instance": "xsi",
    "http://purl.org/dc/elements/1.1/": "dc",
}


def _own_sequences(sequences: Any) -> dict[str, Any]:
    return {
        name: list(sequences[name])
        for name in sequences
        if name not in sequences._BUILTIN_COLOR_SEQUENCES
    }


def _files_in_memory(memory: Any) -> dict[str, bytes | None]:
    """Return what lies in fsspec's file system in memory; folders hold ``None``."""
    kind = memory.MemoryFileSystem
    files = {path: file.getvalue() for path, file in kind.store.items()}
    return {**dict.fromkeys(filter(None, kind.pseudo_dirs)), **files}


def _set_files_in_memory(memory: Any, found: dict[str, bytes | None]) -> None:
    system = memory.MemoryFileSystem()
    for path, content in found.items():
        if content is None:
            system.makedirs(path, exist_ok=True)
        else:
            system.pipe_file(path, content)


_error_handlers: dict[str, Any] = {}


def _note_error_handlers(codecs: Any) -> None:
    """Note what is registered for errors of encodings from now on: Python keeps no list."""
    register = codecs.register_error

    @functools.wraps(register)
    def noted(errors: str, handler: Any, /) -> None:
        register(errors, handler)
        _error_handlers[errors] = handler

    codecs.register_error = noted


TABLE = (
    Setting("os.putenv", "os", _unshown, _set_unshown),
    Setting("umask", "os", _umask, lambda os, value: os.umask(value)),
    Setting(
        "sys.argv",
        "sys",
        lambda sys: list(sys.argv),
        lambda sys, value: sys.argv.__setitem__(slice(None), value),
    ),
    Setting(
        "sys.getswitchinterval",
        "sys",
        lambda sys: sys.getswitchinterval(),
        lambda sys, value: sys.setswitchinterval(value),
    ),
    Setting(
        "sys.get_int_max_str_digits",
        "sys",
        lambda sys: getattr(sys, "get_int_max_str_digits", int)(),
        lambda sys, value: sys.set_int_max_str_digits(value),
    ),
    Setting(
        "sys.tracebacklimit",
        "sys",
        lambda sys: getattr(sys, "tracebacklimit", 1000),
        lambda sys, value: setattr(sys, "tracebacklimit", value),
    ),
    Setting(
        "gc.isenabled",
        "gc",
        lambda gc: gc.isenabled(),
        lambda gc, value: gc.enable() if value else gc.disable(),
    ),
    Setting(
        "gc.get_threshold",
        "gc",
        lambda gc: gc.get_threshold(),
        lambda gc, value: gc.set_threshold(*value),
    ),
    Setting(
        REGISTRY + "signal handlers",
        "signal",
        _handlers,
        lambda signal, value: _set_all(signal.signal, value),
    ),
    Setting(
        "socket.getdefaulttimeout",
        "socket",
        lambda socket: socket.getdefaulttimeout(),
        lambda socket, value: socket.setdefaulttimeout(value),
        _constant(None),
    ),
    Setting(
        "calendar.firstweekday",
        "calendar",
        lambda calendar: int(calendar.firstweekday()),
        lambda calendar, value: calendar.setfirstweekday(value),
        _constant(0),
    ),
    Setting(
        "reprlib.aRepr",
        "reprlib",
        lambda reprlib: dict(vars(reprlib.aRepr)),
        lambda reprlib, value: vars(reprlib.aRepr).update(value),
        lambda reprlib: vars(reprlib.Repr()),
    ),
    Setting(
        "matplotlib.style.library",
        "matplotlib.style",
        lambda style: {name: dict(options) for name, options in style.library.items()},
        _set_styles,
        lambda style: {name: dict(options) for name, options in _styles_at_first(style).items()},
    ),
    Setting(
        "csv.field_size_limit",
        "csv",
        lambda csv: csv.field_size_limit(),
        lambda csv, value: csv.field_size_limit(value),
        _constant(131_072),
    ),
    Setting(
        "decimal.DefaultContext",
        "decimal",
        _context,
        _set_context,
        _constant(
            {
                "prec": 28,
                "rounding": "ROUND_HALF_EVEN",
                "Emin": -999_999,
                "Emax": 999_999,
                "capitals": 1,
                "clamp": 0,
                "traps": ["InvalidOperation", "DivisionByZero", "Overflow"],
            }
        ),
    ),
    Setting(
        "multiprocessing.set_start_method",
        "multiprocessing",
        lambda mp: mp.get_start_method(allow_none=True) or mp.get_all_start_methods()[0],
        lambda mp, value: mp.set_start_method(value, force=True),
        lambda mp: mp.get_all_start_methods()[0],
    ),
    Setting(
        "matplotlib.dates.set_epoch",
        "matplotlib.dates",
        lambda dates: dates._epoch or dates.mpl.rcParams["date.epoch"],
        lambda dates, value: setattr(dates, "_epoch", value),
        lambda dates: dates.mpl.rcParams["date.epoch"],
    ),
    Setting(
        "seaborn.objects.Plot.config",
        "seaborn._core.plot",
        _plot_options,
        _set_plot_options,
        _first_plot_options,
    ),
    Setting("csv dialects", "csv", _dialects, _set_dialects, _nothing),
    Setting(
        "logging.disable",
        "logging",
        lambda logging: logging.root.manager.disable,
        lambda logging, value: logging.disable(value),
        _constant(0),
    ),
    Setting(
        "logging level names",
        "logging",
        lambda logging: dict(logging._levelToName),
        lambda logging, value: _set_all(logging.addLevelName, value),
    ),
    Setting(REGISTRY + "logging filters", "logging", _filters, _set_filters, _nothing),
    Setting(
        REGISTRY + "logging record factory",
        "logging",
        lambda logging: logging.getLogRecordFactory(),
        lambda logging, value: logging.setLogRecordFactory(value),
        lambda logging: logging.LogRecord,
    ),
    Setting(
        "logging.captureWarnings",
        "logging",
        lambda logging: logging._warnings_showwarning is not None,
        lambda logging, value: logging.captureWarnings(value),
        _constant(False),
    ),
    Setting(
        "mimetypes",
        "mimetypes",
        _types,
        lambda mimetypes, value: _set_all(lambda end, kind: mimetypes.add_type(kind, end), value),
        lambda _module: _known_types(),
    ),
    Setting(
        "ElementTree namespaces",
        "xml.etree.ElementTree",
        lambda tree: dict(tree._namespace_map),
        lambda tree, value: tree._namespace_map.update(value),
        _constant(_NAMESPACES),
    ),
    Setting(
        REGISTRY + "copyreg",
        "copyreg",
        lambda copyreg: _own(copyreg.dispatch_table),
        lambda copyreg, value: copyreg.dispatch_table.update(value),
        _nothing,
    ),
    Setting(
        REGISTRY + "sqlite3 adapters",
        "sqlite3",
        lambda sqlite3: {
            key: value
            for key, value in sqlite3.adapters.items()
            if _is_own(key[0]) or _is_own(value)
        },
        lambda sqlite3, value: sqlite3.adapters.update(value),
        _nothing,
    ),
    Setting(
        REGISTRY + "sqlite3 converters",
        "sqlite3",
        lambda sqlite3: _own(sqlite3.converters),
        lambda sqlite3, value: sqlite3.converters.update(value),
        _nothing,
    ),
    Setting(REGISTRY + "abstract classes", "collections.abc", _registered, _register, _nothing),
    Setting(REGISTRY + "yaml", "yaml", _yaml, _set_yaml, _nothing),
    Setting(
        REGISTRY + "numpy.geterrcall",
        "numpy",
        lambda numpy: numpy.geterrcall(),
        lambda numpy, value: numpy.seterrcall(value),
        _constant(None),
    ),
    Setting(
        "numpy.ma.masked_print_option",
        "numpy.ma",
        lambda ma: (ma.masked_print_option._display, ma.masked_print_option._enabled),
        lambda ma, value: vars(ma.masked_print_option).update(_display=value[0], _enabled=value[1]),
        _constant(("--", 1)),
    ),
    Setting(
        "numpy.polynomial print style",
        "numpy.polynomial._polybase",
        lambda base: base.ABCPolyBase._use_unicode,
        lambda base, value: setattr(base.ABCPolyBase, "_use_unicode", value),
        _constant(os.name != "nt"),
    ),
    Setting(
        "scipy.special.geterr",
        "scipy.special",
        lambda special: special.geterr(),
        lambda special, value: special.seterr(**value),
        lambda special: {**dict.fromkeys(special.geterr(), "ignore"), "memory": "raise"},
    ),
    Setting(
        REGISTRY + "scipy.stats random states",
        "scipy.stats",
        _distributions,
        _set_distributions,
        _nothing,
    ),
    Setting(
        REGISTRY + "joblib.parallel_config",
        "joblib.parallel",
        _configured,
        _set_configured,
        _nothing,
    ),
    Setting("plotly's own templates", "plotly.io", _own_templates, _set_templates, _nothing),
    Setting(
        "plotly.io.templates.default",
        "plotly.io",
        lambda io: io.templates.default,
        lambda io, value: setattr(io.templates, "default", value),
        _constant("plotly"),
    ),
    Setting(
        "plotly.io.renderers.default",
        "plotly.io._renderers",
        lambda renderers: renderers.renderers.default,
        lambda renderers, value: setattr(renderers.renderers, "default", value),
        lambda renderers: renderers.default_renderer or "",
    ),
    Setting(
        "plotly.express.defaults",
        "plotly.express",
        _express_defaults,
        _set_express_defaults,
        lambda express: _slots(type(express.defaults)()),
    ),
    Setting(REGISTRY + "tqdm.pandas", "tqdm", _progress, _set_progress, _nothing),
    Setting(
        REGISTRY + "error handlers of encodings",
        "codecs",
        lambda _codecs: dict(_error_handlers),
        lambda codecs, value: _set_all(codecs.register_error, value),
        _nothing,
    ),
    Setting(
        "numpy.getbufsize",
        "numpy",
        lambda numpy: numpy.getbufsize(),
        lambda numpy, value: numpy.setbufsize(value),
        _constant(8192),
    ),
    Setting(
        "matplotlib.color_sequences",
        "matplotlib",
        lambda matplotlib: _own_sequences(matplotlib.color_sequences),
        lambda matplotlib, value: _set_all(matplotlib.color_sequences.register, value),
        _nothing,
    ),
    Setting(
        "fsspec's files in memory",
        "fsspec.implementations.memory",
        _files_in_memory,
        _set_files_in_memory,
        _nothing,
    ),
)

_ROWS = {row.name: row for row in TABLE}
_first: dict[str, Any] = {}


def _note_first() -> None:
    for row in TABLE:
        if row.default is None and row.module in sys.modules:
            _first[row.name] = row.read(sys.modules[row.module])


# This module is loaded before the notebook's first cell.
_note_first()
_note_error_handlers(codecs)


def snapshot() -> dict[str, Any]:
    """Return what is set otherwise than at first: name to value.

    Of registries, that is what was added or replaced.
    """
    found: dict[str, Any] = {}
    for row in TABLE:
        module = sys.modules.get(row.module)
        if module is None or getattr(module.__spec__, "_initializing", False):
            continue
        try:
            value = row.read(module)
            first = row.default(module) if row.default is not None else _first.get(row.name, value)
        except (AttributeError, KeyError):
            continue  # another version of the library, which keeps it elsewhere
        if isinstance(value, dict) and isinstance(first, dict):
            value = {key: each for key, each in value.items() if first.get(key, first) != each}
            first = {}
        if value != first:
            found[row.name] = value
    return found


def restore(found: dict[str, Any]) -> Iterable[str]:
    """Set what :func:`snapshot` found in another process; yield what could not be set."""
    for name, value in found.items():
        row = _ROWS[name]
        try:
            row.write(importlib.import_module(row.module), value)
        except Exception as error:
            yield f"{name.removeprefix(REGISTRY)}: {type(error).__name__}: {error}"
