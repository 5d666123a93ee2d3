"""Magics without their ``%``: ``pwd``, ``pip install pandas``.

IPython takes them for magics where they are the whole cell, one line, and no variable has
that name (``automagic``, on unless somebody switches it off).
"""

from __future__ import annotations

import re
from collections.abc import Collection

from nbprod.notebook.syntax import parses

_LINE = re.compile(r"\s*(?P<name>[A-Za-z_]\w*)(?P<rest>(?![\w.*]).*)")

# What IPython 8 and 9 and ipykernel have as line magics.
_MAGICS = frozenset(
    {"alias", "alias_magic", "autoawait", "autocall", "automagic", "autosave", "bookmark", "cat"}
    | {"cd", "clear", "code_wrap", "colors", "conda", "config", "connect_info", "cp", "debug"}
    | {"dhist", "dirs", "doctest_mode", "ed", "edit", "env", "gui", "hist", "history", "ldir"}
    | {"less", "lf", "lk", "ll", "load", "load_ext", "loadpy", "logoff", "logon", "logstart"}
    | {"logstate", "logstop", "ls", "lsmagic", "lx", "macro", "magic", "mamba", "man"}
    | {"matplotlib", "micromamba", "mkdir", "more", "mv", "notebook", "page", "pastebin", "pdb"}
    | {"pdef", "pdoc", "pfile", "pinfo", "pinfo2", "pip", "popd", "pprint", "precision", "prun"}
    | {"psearch", "psource", "pushd", "pwd", "pycat", "pylab", "qtconsole", "quickref", "recall"}
    | {"rehashx", "reload_ext", "rep", "rerun", "reset", "reset_selective", "rm", "rmdir", "run"}
    | {"save", "sc", "set_env", "sx", "system", "tb", "time", "timeit", "unalias", "unload_ext"}
    | {"uv", "who", "who_ls", "whos", "xdel", "xmode", "store"}
)


def as_magic(source: str, bound: Collection[str] | None = None) -> str:
    """Return a cell with the ``%`` that IPython would put before its one line.

    Args:
        source: The cell.
        bound: Names that earlier cells bind; ``None`` if that is not known: then a line that
            Python understands stays Python.
    """
    if source.count("\n") > 2:
        return source
    text = source.lstrip("\n").removesuffix("\n")
    found = _LINE.fullmatch(text) if "\n" not in text else None
    if found is None or found["name"] not in _MAGICS or found["rest"].lstrip()[:1] in {"=", ","}:
        return source
    is_shadowed = parses(text.strip()) if bound is None else found["name"] in bound
    if is_shadowed:
        return source
    before = source[: source.index(found["name"])]
    end = "\n" if source.endswith("\n") else ""
    return f"{before}%{found['name']} {found['rest'].lstrip()}".rstrip(" ") + end
