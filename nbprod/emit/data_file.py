"""Which files a pipeline reads, as far as its text names them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbprod.pipeline.ir import Effect, Pipeline

_PATH = re.compile(
    r"(?![a-zA-Z][\w+.-]*://)(?![/~\\])(?![a-zA-Z]:)[^\n*?{}<>|\"']{1,200}"
    r"\.(csv|tsv|txt|dat|data|json|jsonl|ndjson|parquet|feather|arrow|orc|xlsx?|ods|pkl|pickle|joblib"
    r"|npy|npz|h5|hdf5|db|sqlite3?|zip|gz|bz2|xz|xml|ya?ml|arff|sav|dta|jpe?g|png|wav|mp3)"
)
_WRITERS = re.compile(r"to_\w+|save\w*|dump\w*|write\w*|makedirs|mkdir")


def data_files(pipeline: Pipeline) -> tuple[str, ...]:
    """Return relative paths of files that steps read, in order of appearance.

    Paths are string literals, or defaults of parameters, that end in the extension of
    a data file and are not an argument of a call that writes. Computed paths are not found.
    """
    found: dict[str, None] = {}
    defaults = {parameter.name: parameter.default for parameter in pipeline.parameters}
    written: set[str] = set()
    for step in pipeline.steps:
        trees = [ast.parse(block.source) for block in step.blocks]
        for tree in trees:
            written.update(text for text in _written(tree) if _PATH.fullmatch(text))
        if Effect.READS_FILES not in step.effects:
            continue
        for tree in trees:
            skipped = {id(node) for call in _writing_calls(tree) for node in ast.walk(call)}
            texts = [node for node in ast.walk(tree) if id(node) not in skipped]
            found.update(dict.fromkeys(path for path in _texts(texts) if path not in written))
        for name in step.params:
            default = [ast.parse(defaults.get(name) or "None", mode="eval").body]
            found.update(dict.fromkeys(path for path in _texts(default) if path not in written))
    return tuple(found)


def _texts(nodes: list[ast.AST] | list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            continue
        if _PATH.fullmatch(node.value) and ".." not in node.value.split("/"):
            yield node.value


def _writing_calls(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            if _WRITERS.fullmatch(name) or (name == "open" and _opens_for_writing(node)):
                yield node


def _opens_for_writing(call: ast.Call) -> bool:
    modes = [*call.args[1:2], *(each.value for each in call.keywords if each.arg == "mode")]
    return any(
        isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax") for mode in modes
    )


def _written(tree: ast.Module) -> Iterator[str]:
    for call in _writing_calls(tree):
        for node in ast.walk(call):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
