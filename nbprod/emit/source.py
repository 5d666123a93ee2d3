"""Python source text as text: indenting it without touching its strings, and its free names."""

from __future__ import annotations

import io
import symtable
import tokenize
from dataclasses import dataclass

INDENT = "    "


def indent(source: str, prefix: str = INDENT) -> str:
    """Indent ``source``, except lines that continue a string: those are data, not layout."""
    inside = _string_continuations(source)
    lines = source.split("\n")
    return "\n".join(
        line if number in inside or not line.strip() else prefix + line
        for number, line in enumerate(lines, start=1)
    )


def _string_continuations(source: str) -> set[int]:
    """Return the numbers of the lines that start inside a string literal."""
    inside: set[int] = set()
    opened: list[int] = []
    # From Python 3.12 on an f-string is several tokens, from 3.14 on a t-string too.
    starts = {getattr(tokenize, name, -1) for name in ("FSTRING_START", "TSTRING_START")} - {-1}
    ends = {getattr(tokenize, name, -1) for name in ("FSTRING_END", "TSTRING_END")} - {-1}
    for token in tokenize.generate_tokens(io.StringIO(source + "\n").readline):
        if token.type == tokenize.STRING:
            inside.update(range(token.start[0] + 1, token.end[0] + 1))
        elif token.type in starts:
            opened.append(token.start[0])
        elif token.type in ends:
            inside.update(range(opened.pop() + 1, token.end[0] + 1))
    return inside


@dataclass(frozen=True, slots=True)
class Names:
    """What a piece of module-level source does with names.

    Attributes:
        needed: Names looked up at module level that the source does not bind there;
            builtins are among them.
        bound: Names that it binds at its top level.
        local: Names bound inside its top-level functions, arguments included.
    """

    needed: frozenset[str]
    bound: frozenset[str]
    local: frozenset[str]


def names_of(source: str) -> Names:
    """Read the scopes of ``source`` as Python's own compiler sees them."""
    module = symtable.symtable(source, "<generated>", "exec")
    bound = {
        symbol.get_name()
        for symbol in module.get_symbols()
        if symbol.is_assigned() or symbol.is_imported()
    }
    needed = {symbol.get_name() for symbol in module.get_symbols() if symbol.is_referenced()}
    local: set[str] = set()
    scopes = list(module.get_children())
    for scope in module.get_children():
        if isinstance(scope, symtable.Function):
            local.update(scope.get_locals())
    while scopes:
        scope = scopes.pop()
        scopes.extend(scope.get_children())
        # Before a class has bound a name, it reads the module's: `date: date`.
        before = isinstance(scope, symtable.Class)
        needed.update(
            symbol.get_name()
            for symbol in scope.get_symbols()
            if symbol.is_referenced() and (symbol.is_global() or (before and symbol.is_local()))
        )
    return Names(frozenset(needed - bound), frozenset(bound), frozenset(local))
