"""What code does, apart from how it is written; and what its outcome depends on besides."""

from __future__ import annotations

import ast
import functools
import os
import re

_READS_ITSELF = re.compile(
    r"__doc__|__file__|\b(inspect|getsource|getdoc|linecache|traceback|f_lineno|lineno|co_firstlineno)\b"
    r"|\bhelp\(|\b(doctest|pydoc)\b"
)
"""Code that may look at its own text: there, comments and line numbers count."""

LIBRARY_VARIABLES = (
    *("OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "PYTHON", "CUDA_", "LC_", "LANG", "TZ"),
    *("MPL", "MATPLOTLIB", "PANDAS_", "PYARROW_", "SEABORN_"),
    *("JOBLIB_", "LOKY_", "KMP_", "BLIS_", "SKLEARN_", "SCIPY_", "NPY_", "NUMBA_"),
    *("POLARS_", "ARROW_", "TF_", "KERAS_", "TORCH", "PYTORCH_", "DUCKDB_", "XGBOOST_"),
    *("TQDM_", "PLOTLY_", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "DASK_", "SPARK_"),
    *("HDF5_", "GDAL_", "PROJ_", "NLTK_", "TRANSFORMERS_", "TOKENIZERS_"),
)
"""Environment variables that libraries read; code that reads any itself depends on all."""


def library_variables() -> dict[str, str]:
    """Return those that this process has."""
    return {name: text for name, text in os.environ.items() if name.startswith(LIBRARY_VARIABLES)}


def reads_itself(source: str) -> bool:
    """Tell whether code may look at text of code: its own, or that of what it calls."""
    return _READS_ITSELF.search(source) is not None


@functools.lru_cache(maxsize=1000)
def meaning_of(source: str, handed_on: frozenset[str] = frozenset()) -> str:
    """Return what code does, whatever its comments and formatting; docstrings are left out.

    Those of classes that inherit from others, of what is decorated, and of what is handed on are
    kept: libraries make descriptions of them. What is no Python, or may look at its own text,
    means what is written.

    Args:
        source: The code.
        handed_on: Functions and classes that somebody else is given, see :func:`handed_on`.
    """
    if reads_itself(source):
        return source
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    for node in ast.walk(tree):
        if getattr(node, "decorator_list", ()) or getattr(node, "bases", ()):
            continue
        if getattr(node, "name", "") in handed_on:
            continue
        documented = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


@functools.lru_cache(maxsize=1000)
def handed_on(source: str) -> frozenset[str]:
    """Return the names that code mentions otherwise than to call them: ``click.command()(f)``."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return frozenset()
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return frozenset(
        node.id if isinstance(node, ast.Name) else node.attr
        for node in nodes
        if isinstance(node, ast.Name | ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and id(node) not in called
    )
