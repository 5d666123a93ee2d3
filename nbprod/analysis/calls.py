"""Follow calls: of the library, of the author's own functions, of the unknown."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nbprod.analysis import summaries
from nbprod.analysis.certain import certain_reads
from nbprod.analysis.class_body import is_metaclass
from nbprod.analysis.effects import keeps_code
from nbprod.analysis.library_table import (
    Conduct,
    function_conduct,
    is_pinned,
    knows_type,
    method_conduct,
    method_return_type,
    return_type,
)
from nbprod.analysis.memory import Memory
from nbprod.analysis.openers import PATH, opens_for_writing
from nbprod.analysis.scopes import first_argument
from nbprod.analysis.summaries import Binding
from nbprod.analysis.value import (
    DRAWN_TYPES,
    FLAT_TYPES,
    OF,
    SCALAR_TYPES,
    SOURCES,
    Value,
    consumed,
    element_of,
    joined,
    scalar,
)

if TYPE_CHECKING:
    from nbprod.analysis.expressions import Expressions

_ITERATORS: tuple[str, ...] = (
    "zip",
    "map",
    "filter",
    "enumerate",
    "iter",
    "reversed",
    "itertools.",
)
_ITERATORS += ("csv.reader", "csv.DictReader", "re.finditer", "os.scandir")
# Methods that draw from a generator their object was made with (``random_state=``).
_DRAWING = frozenset({"split", "sample", "rvs"})
# Readers that are given one of these hand out frames one by one.
_CHUNKED = frozenset({"chunksize", "iterator"})
_FITTED_SELF = frozenset({"fit", "partial_fit"})


@dataclass(frozen=True, slots=True)
class Call:
    """A call with its arguments evaluated.

    Attributes:
        node: The call, or what stands for one: a decorator, an operator.
        positional: Values of positional arguments.
        keywords: Values of keyword arguments; ``**`` ones under ``""``.
        starred: Some arguments come from ``*`` or ``**``, so that none can be told apart.
    """

    node: ast.AST
    positional: tuple[Value, ...]
    keywords: dict[str, Value]
    starred: bool

    @property
    def arguments(self) -> list[Value]:
        """All of them."""
        return [*self.positional, *self.keywords.values()]

    @property
    def uncopied(self) -> bool:
        """``copy=False`` is given."""
        return "copy" in self.keywords and not self.flag("copy")

    def flag(self, name: str) -> bool:
        """Whether ``name=`` is given, and not the constant ``False``."""
        if not isinstance(self.node, ast.Call):
            return False
        return any(
            word.arg == name
            and not (isinstance(word.value, ast.Constant) and word.value.value is False)
            for word in self.node.keywords
        )


def evaluate(expressions: Expressions, node: ast.Call) -> Value:
    """Follow the call ``node``."""
    receiver: Value | None = None
    if isinstance(node.func, ast.Attribute):
        receiver = expressions.value(node.func.value)
        if receiver.qualified:
            callee = Value(type=f"{receiver.type}.{node.func.attr}")
        else:
            callee = element_of(receiver)
    else:
        callee = expressions.value(node.func)
    call = _arguments(expressions, node)
    if callee.qualified:
        return _library_function(expressions, callee.qualified, call)
    if receiver is not None and isinstance(node.func, ast.Attribute):
        inner = nested_class(expressions, receiver, node.func.attr)
        if inner is not None:
            return _value_called(expressions, inner, call)
        return _method(expressions, receiver, node.func.attr, call)
    return _value_called(expressions, callee, call)


def _arguments(expressions: Expressions, node: ast.Call) -> Call:
    positional = tuple(expressions.values(node.args))
    _change_by_bound_methods(expressions, node)
    keywords: dict[str, Value] = {}
    for word in node.keywords:
        value = expressions.value(word.value)
        name = word.arg or ""
        keywords[name] = joined([keywords[name], value]) if name in keywords else value
    starred = "" in keywords or any(isinstance(each, ast.Starred) for each in node.args)
    return Call(node, positional, keywords, starred)


def _change_by_bound_methods(expressions: Expressions, node: ast.Call) -> None:
    """``column.apply(seen.append)``: whoever is given the method calls it."""
    for each in [*node.args, *(word.value for word in node.keywords)]:
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
            owner = expressions.frame.peek(each.value.id)
            if owner is None or owner.qualified:
                continue
            if method_conduct(owner.type, each.attr) is Conduct.MUTATES:
                expressions.memory.change(owner)


# The library -----------------------------------------------------------------------


def _library_function(expressions: Expressions, qualified: str, call: Call) -> Value:
    memory = expressions.memory
    memory.trace.calls.add(qualified)
    conduct = function_conduct(qualified)
    if keeps_code(qualified):
        memory.trace.kept |= joined(call.arguments).code
    if qualified in _LOGGING_TO:
        memory.logged |= joined(call.arguments).reach
    elif qualified.startswith("logging.") and qualified.rpartition(".")[2] in _LOGS:
        memory.trace.mutated |= memory.logged
    if qualified in {"builtins.setattr", "builtins.delattr"}:
        _set_attribute(memory, call)
    if qualified == "builtins.id":
        for value in call.arguments:
            memory.trace.compared |= value.selves
    if conduct is Conduct.UNKNOWN and _is_class(qualified):
        conduct = Conduct.HOLDS
    conduct = _unless_copied(conduct, call)
    _call_arguments(memory, call)
    in_chunks = not _CHUNKED.isdisjoint(call.keywords)
    kind = "" if in_chunks else _returned(qualified, conduct)
    if conduct is Conduct.FRESH and qualified.startswith(_COMPUTING) and not _is_class(qualified):
        result = memory.new(call.node, [], kind)  # numbers, not the function that gave them
    elif qualified in _OF_NUMBERS_AND_ARRAYS and not all(each.immutable for each in call.arguments):
        of = call.positional[0].type if call.positional else ""
        result = memory.new(call.node, [], of if of in FLAT_TYPES else "")
    else:
        result = _result(memory, conduct, None, call, kind)
    if conduct is not Conduct.HOLDS:
        memory.draw(call.arguments)
    if conduct is Conduct.MUTATES and call.positional:
        memory.change(call.positional[0])
        expressions.hold(call.positional[0], call.arguments[1:])
    elif conduct is Conduct.UNKNOWN:
        _entangle(expressions, call.arguments)
    elif qualified in _IN_PLACE and call.uncopied:
        memory.change(joined(call.positional[:1] or call.arguments))
    if qualified.startswith("builtins."):
        for value in call.arguments:
            if value.type.startswith("user:"):
                iterate(expressions, call.node, value)
    _change_keywords(memory, call)
    if call.flag("inplace") and call.positional:
        memory.change(call.positional[0])
    if is_pinned(qualified):
        name = qualified.removeprefix("builtins.")
        kind = "iterator" if name.startswith(_ITERATORS) else result.type
        parts = () if call.starred else _places(name, call)
        opened = frozenset().union(*(value.opened for value in call.arguments))  # csv.writer
        what = f"what {name}() returns"
        result = replace(result, pinned=what, type=kind, parts=parts, opened=opened)
    return _opened(memory, qualified, call, result)


def _opened(memory: Memory, qualified: str, call: Call, result: Value) -> Value:
    """Note the file that a call opens for writing, if that is what it does."""
    if qualified in memory.openers:
        return replace(result, opened=result.opened | {""})
    if not isinstance(call.node, ast.Call) or not opens_for_writing(qualified, call.node):
        return result
    first = None if qualified.startswith(PATH) else next(iter(call.node.args), None)
    name = first.value if isinstance(first, ast.Constant) else ""
    name = name.replace("\\", "/").rpartition("/")[2] if isinstance(name, str) else ""
    return replace(result, opened=result.opened | {name})


_CLOSING = frozenset({"close", "flush", "finish", "release", "shutdown", "__exit__"})


_CHANGED_KEYWORDS = ("out", "file", "ax", "evals_result", "callbacks")
"""Arguments that whoever is given them changes."""


def _change_keywords(memory: Memory, call: Call) -> None:
    for name in _CHANGED_KEYWORDS:
        if name in call.keywords:
            memory.change_all(call.keywords[name])


def _unless_copied(conduct: Conduct, call: Call) -> Conduct:
    """``copy=False``: what is given may be a part of what comes back."""
    return Conduct.HOLDS if conduct is Conduct.FRESH and call.uncopied else conduct


_OF_NUMBERS_AND_ARRAYS = frozenset(
    {"builtins.abs", "builtins.round", "builtins.pow", "builtins.divmod"}
    | {f"numpy.{name}" for name in ("float32", "float64", "int32", "int64", "complex128")}
)
"""Of a number they give a number, of an array another array."""

_LOGGING_TO = frozenset({"logging.StreamHandler", "logging.basicConfig"})
_LOGS = frozenset({"debug", "info", "warning", "error", "critical", "exception", "log"})

_IN_PLACE = frozenset(
    {"numpy.nan_to_num"}
    | {
        f"sklearn.preprocessing.{name}"
        for name in ("scale", "normalize", "minmax_scale", "maxabs_scale", "robust_scale")
    }
)
"""With ``copy=False`` they write into what they are given."""

_COMPUTING = ("scipy.optimize.", "scipy.integrate.quad", "scipy.integrate.odeint")
"""They call the functions that they are given, and keep none."""


def _is_class(qualified: str) -> bool:
    return qualified.rpartition(".")[2][:1].isupper()


def _set_attribute(memory: Memory, call: Call) -> None:
    """``setattr(pandas.DataFrame, "name", …)`` sets what an assignment would."""
    owner = call.positional[0].qualified if call.positional else ""
    if not owner or not isinstance(call.node, ast.Call):
        return
    name = call.node.args[1] if len(call.node.args) > 1 else None
    attribute = str(name.value) if isinstance(name, ast.Constant) else "*"
    memory.trace.calls.add(f"{owner}.{attribute}=")
    memory.trace.kept |= call.arguments[-1].code


def _places(name: str, call: Call) -> tuple[Value, ...]:
    """Return the places of the tuples that iterating over such a call gives."""
    if name == "zip":
        return tuple(element_of(value) for value in call.positional)
    if name == "enumerate" and call.positional:
        return (scalar("int"), element_of(call.positional[0]))
    return ()


def _returned(qualified: str, conduct: Conduct) -> str:
    known = return_type(qualified)
    if known or qualified.startswith(("builtins.", "pandas.", "numpy.")):
        return known
    last = qualified.rpartition(".")[2]
    is_class = last[:1].isupper() and not last.isupper() and conduct is not Conduct.UNKNOWN
    return qualified if is_class else ""


def _call_arguments(memory: Memory, call: Call) -> None:
    """Functions given as arguments may be called: what they change may change.

    Most likely with the other arguments, or with parts of these.
    """
    for value in call.arguments:
        for region in value.own & memory.code.keys():
            summary = summaries.known(memory, region)
            if summary is None or summary.mutated or summary.mutated_free:
                memory.change_all(value)
            if summary is not None and summary.mutated:
                for other in call.arguments:
                    if other is not value and other.type not in FLAT_TYPES:
                        memory.change_all(other)


def _entangle(expressions: Expressions, values: Sequence[Value]) -> None:
    """Something unknown got hold of ``values``: it may change them, and put one into another."""
    mutable = [value for value in values if not value.immutable]
    for value in mutable:
        expressions.memory.change_all(value)
    for value in mutable:
        expressions.hold(value, [other for other in mutable if other is not value])


def _result(
    memory: Memory, conduct: Conduct, receiver: Value | None, call: Call, kind: str
) -> Value:
    """Return what a call of that conduct gives back."""
    given = call.arguments if receiver is None else [receiver, *call.arguments]
    if conduct is Conduct.DRAWS:
        drawn_on = [receiver, call.keywords.get("ax")]
        # What a random generator draws, or a file gives, does not lead back to it.
        given = [each for each in drawn_on if each and each.type not in DRAWN_TYPES | SOURCES]
        if kind in SOURCES and receiver is not None:
            return memory.new(call.node, [receiver], kind)  # a cursor of a connection
    if conduct is Conduct.SCALAR or kind in SCALAR_TYPES:
        return scalar(kind or "scalar")
    if conduct in {Conduct.FRESH, Conduct.SAME}:
        # Functions that a new object holds (a scorer, a parser) stay with it.
        holds = [replace(value, own=frozenset(), reach=frozenset()) for value in given]
        return memory.new(call.node, [value for value in holds if value.code], kind)
    if conduct is Conduct.PARTS:
        return _split(memory, call)
    if conduct is Conduct.SELF and receiver is not None:
        return receiver
    made = memory.new(call.node, [consumed(each) for each in given], kind)
    return made if conduct in {Conduct.HOLDS, Conduct.DRAWS} else replace(made, loose=True)


def _split(memory: Memory, call: Call) -> Value:
    """``train_test_split``: two of each argument, of its own type."""
    parts = [
        replace(memory.new((call.node, position, half)), type=value.type)
        if value.type in FLAT_TYPES
        else memory.new((call.node, position, half))
        for position, value in enumerate(call.positional)
        for half in (0, 1)
    ]
    made = memory.new(call.node, (), "parts")
    return made if call.starred else replace(made, parts=tuple(parts))


# Methods ---------------------------------------------------------------------------


def _method(expressions: Expressions, receiver: Value, name: str, call: Call) -> Value:
    own = _own_method(expressions, receiver, name)
    if own is not None:
        region, bound = own
        return _apply(expressions, region, receiver, call, bound=bound)
    held = [
        _apply(expressions, region, receiver, call, bound=receiver)
        for region in _methods_within(expressions, receiver, name)
    ]
    if held:
        return joined([*held, _other_method(expressions, receiver, name, call)])
    return _other_method(expressions, receiver, name, call)


def _methods_within(expressions: Expressions, receiver: Value, name: str) -> list[int]:
    """Find a method of the notebook's instances of which ``receiver`` may be one."""
    found = []
    for entry in sorted(receiver.code) if not receiver.type else ():
        kept = expressions.frame.peek(entry.lstrip(OF)) if entry.startswith(OF) else None
        for region in _classes(expressions.memory, kept) if kept is not None else ():
            own = summaries.method_of(expressions.memory, expressions.frame, region, name)
            if own is not None and own[1] is Binding.INSTANCE:
                found.append(own[0])
    return found


def _other_method(expressions: Expressions, receiver: Value, name: str, call: Call) -> Value:
    """Call a method of a library's, or of the unknown."""
    made = _called_method(expressions, receiver, name, call)
    if name == "open":  # a path's, most likely
        opened = _opened(expressions.memory, f"{PATH}open", call, made)
        return replace(opened, pinned=made.pinned or _OPENED) if opened.opened else made
    return made


_OPENED = "what open() returns"


def _called_method(expressions: Expressions, receiver: Value, name: str, call: Call) -> Value:
    memory = expressions.memory
    memory.trace.calls.add(f"{receiver.type or '?'}.{name}")
    if name in _LOGS:
        memory.trace.mutated |= memory.logged
    if name in _CLOSING:
        memory.trace.closed |= receiver.reach
    conduct = method_conduct(receiver.type, name)
    if receiver.type in SCALAR_TYPES and conduct is Conduct.UNKNOWN:
        conduct = Conduct.SHARES
    _call_arguments(memory, call)
    _change_by_method(expressions, conduct, receiver, call)
    memory.draw([*call.arguments, *([receiver] if name in _DRAWING else [])])
    if receiver.code:
        _change_by_classes(expressions, receiver)
    if conduct is Conduct.FITS:
        memory.trace.fitted |= receiver.own
        target = getattr(call.node, "func", None)
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            memory.trace.fitted_names.add(target.value.id)
        if name in _FITTED_SELF:
            return receiver
        return memory.new(call.node)
    if receiver.type in {"dict", ""} and name == "items" and not call.arguments:
        pinned = "a view of a dict" if receiver.type == "dict" else ""
        made = memory.new(call.node, [receiver], "iterator")
        return replace(made, pinned=pinned, parts=(scalar(""), element_of(receiver)))
    kind = method_return_type(receiver.type, name)
    if conduct is Conduct.SAME and not kind:
        conduct = Conduct.FRESH
    conduct = _unless_copied(conduct, call)
    plain = receiver.immutable and conduct is not Conduct.UNKNOWN and not knows_type(receiver.type)
    if plain and (conduct is Conduct.SCALAR or not any(value.reach for value in call.arguments)):
        return scalar() if receiver.type in SCALAR_TYPES else memory.new(call.node)
    return _result(memory, conduct, receiver, call, kind)


def _change_by_classes(expressions: Expressions, receiver: Value) -> None:
    """A library's object (a pipeline) calls methods of the notebook's instances that it holds."""
    memory = expressions.memory
    for name in sorted(receiver.code):
        kept = expressions.frame.peek(name.lstrip(OF))
        for region in _classes(memory, kept) if kept is not None and kept.type == "class" else ():
            for free in sorted(summaries.changed_by_methods(memory, expressions.frame, region)):
                value = expressions.frame.peek(free)
                if value is not None and value.type != "class":
                    memory.change_all(value)


def _own_method(
    expressions: Expressions, receiver: Value, name: str
) -> tuple[int, Value | None] | None:
    """Find a method that a class of the notebook defines, and what it is bound to.

    ``Class.method`` and ``instance.method`` are both looked up.
    """
    memory = expressions.memory
    called_on = receiver.type
    if called_on.startswith("user:"):
        class_region = int(called_on.removeprefix("user:"))
    elif called_on == "class" and len(classes := _classes(memory, receiver)) == 1:
        class_region = classes[0]
    else:
        return None
    found = summaries.method_of(memory, expressions.frame, class_region, name)
    if found is None:
        return None
    region, binding = found
    if binding is Binding.PROPERTY:
        return None  # what it returns is called
    if binding is Binding.CLASS:
        return region, (receiver if called_on == "class" else memory.owners[region])
    on_instance = binding is Binding.INSTANCE and called_on != "class"
    return region, (receiver if on_instance else None)


def _classes(memory: Memory, value: Value) -> list[int]:
    return [each for each in value.own if isinstance(memory.code.get(each), ast.ClassDef)]


def _change_by_method(
    expressions: Expressions, conduct: Conduct, receiver: Value, call: Call
) -> None:
    memory = expressions.memory
    if conduct is Conduct.UNKNOWN:
        _entangle(expressions, [receiver, *call.arguments])
    elif conduct in {Conduct.MUTATES, Conduct.SELF}:
        memory.change(receiver)
        expressions.hold(receiver, call.arguments)
    elif conduct is Conduct.DRAWS:
        memory.change_all(receiver)
    elif conduct is Conduct.FITS:
        # A pipeline fits the estimators it holds, but never the data of its settings.
        memory.trace.mutated |= (receiver.reach - memory.flat - memory.code.keys()) | receiver.own
    if call.flag("inplace"):
        memory.change(receiver)
    _change_keywords(memory, call)


# The author's own code -------------------------------------------------------------


def decorated(expressions: Expressions, node: ast.expr, decorator: Value, value: Value) -> Value:
    """Apply a decorator that is the author's own to what it decorates."""
    return _value_called(expressions, decorator, Call(node, (value,), {}, False))


def special(
    expressions: Expressions, receiver: Value, name: str, node: ast.AST, *arguments: Value
) -> Value | None:
    """Call a special method or property of a notebook's class; ``None`` if it has none.

    Args:
        expressions: Where.
        receiver: The object.
        name: ``__getitem__``, or an attribute that may be a property.
        node: The operation.
        arguments: What the method is given besides the object.
    """
    if not receiver.type.startswith("user:"):
        return None
    region = int(receiver.type.removeprefix("user:"))
    own = summaries.method_of(expressions.memory, expressions.frame, region, name)
    expected = Binding.INSTANCE if name.startswith("__") else Binding.PROPERTY
    if own is None or own[1] is not expected:
        return None
    return _apply(expressions, own[0], receiver, Call(node, arguments, {}, False), bound=receiver)


def iterate(expressions: Expressions, node: ast.AST, value: Value) -> Value:
    """Go through ``value``, by methods of the notebook's if it has them; return an element."""
    iterator = special(expressions, value, "__iter__", node) or value
    return special(expressions, iterator, "__next__", node) or element_of(iterator)


def nested_class(expressions: Expressions, owner: Value, name: str) -> Value | None:
    """Return a class that stands in the body of a notebook's class."""
    classes = _classes(expressions.memory, owner) if owner.type == "class" else []
    if len(classes) != 1:
        return None
    return summaries.nested_class(expressions.memory, classes[0], owner, name)


def _value_called(expressions: Expressions, callee: Value, call: Call) -> Value:
    """Call something held by a variable: a function or class of the notebook, or the unknown."""
    memory = expressions.memory
    known = sorted(callee.own & memory.code.keys())
    if not known and callee.type == "class":
        # Making an instance of ``cls`` leaves the class as it is; see is_stateful.
        _entangle(expressions, call.arguments)
        return replace(memory.new(call.node, [callee, *call.arguments]), loose=True)
    if not known or len(known) > 8:
        _entangle(expressions, [callee, *call.arguments])
        given = [callee, *map(consumed, call.arguments)]
        return replace(memory.new(call.node, given), loose=True)
    results = []
    if len(known) == 1:
        # Not what a closure reads of the function that it was made by.
        certain = certain_reads(memory.code[known[0]]) & callee.code
        expressions.frame.read_certainly(certain, getattr(call.node, "lineno", 0))
    for region in known:
        node = memory.code[region]
        if isinstance(node, ast.ClassDef):
            results.append(_instance(expressions, region, node, callee, call))
        else:
            results.append(_apply(expressions, region, callee, call))
    return joined(results)


def _instance(
    expressions: Expressions, region: int, node: ast.ClassDef, callee: Value, call: Call
) -> Value:
    memory = expressions.memory
    made = memory.new(call.node, call.arguments, f"user:{region}")
    named = {f"{OF}{name}" for name in {node.name} - summaries.place_of(memory, region).names}
    made = replace(made, code=made.code | callee.code | named)
    if summaries.is_stateful(node):
        made = replace(made, reach=made.reach | callee.reach)
    own = summaries.method_of(memory, expressions.frame, region, "__init__")
    if own is not None:
        # What methods read of a function around the class is kept with the class.
        around = replace(made, reach=made.reach | callee.reach)
        _apply(expressions, own[0], around, call, bound=made)
        made = replace(made, opened=made.opened | _opened_by(memory, own[0]))
    elif node.bases:
        _call_arguments(memory, call)
    return made


def _opened_by(memory: Memory, region: int) -> frozenset[str]:
    """Return the files that a method leaves open in its object."""
    summary, node = summaries.known(memory, region), memory.code[region]
    if summary is None or isinstance(node, ast.ClassDef):
        return frozenset()
    itself = first_argument(node.args)
    return frozenset().union(*(opened for name, _, opened in summary.installs if name == itself))


def class_made(
    expressions: Expressions, node: ast.ClassDef, made: Value, bases: Sequence[Value]
) -> None:
    """Tell the notebook's own base classes and metaclasses that there is a new class.

    Args:
        expressions: Where.
        node: The new class.
        made: Its value.
        bases: Its base classes and its metaclass.
    """
    memory = expressions.memory
    pending, seen = list(bases), set[int]()
    while pending:
        base = pending.pop()
        for region in _classes(memory, base):
            code = memory.code[region]
            assert isinstance(code, ast.ClassDef)
            if region in seen:
                continue
            seen.add(region)
            if _tell(expressions, region, node, base, made) and summaries.is_stateful(code):
                memory.change(base)
            above = [*code.bases, *(each.value for each in code.keywords)]
            pending += filter(None, (expressions.frame.peek(ast.unparse(each)) for each in above))


def _tell(
    expressions: Expressions, region: int, node: ast.ClassDef, base: Value, made: Value
) -> bool:
    """Call what a class or metaclass has for the new class ``node``; tell whether it has any."""
    calls = {"__init_subclass__": Call(node, (), {}, False)}
    if is_metaclass(expressions.memory.code[region]):
        named = Call(node, (made, made, made), {}, False)  # name, bases and namespace
        calls |= {"__new__": named, "__init__": named}
    told = False
    for name, call in calls.items():
        own = summaries.method_of(expressions.memory, expressions.frame, region, name)
        if own is not None:
            told = True
            _apply(expressions, own[0], base, call, bound=made)
    return told


def _apply(
    expressions: Expressions, region: int, callee: Value, call: Call, bound: Value | None = None
) -> Value:
    """Call a function of the notebook, by its summary."""
    memory = expressions.memory
    positional = call.positional if bound is None else (bound, *call.positional)
    node = memory.code[region]
    assert not isinstance(node, ast.ClassDef)
    types = tuple(value.type for value in positional)
    keyword_types = tuple(f"{name}={value.type}" for name, value in sorted(call.keywords.items()))
    summary = summaries.summary_of(memory, expressions.frame, region, types + keyword_types)
    if summary is None:
        _entangle(expressions, [callee, *call.arguments])
        return replace(memory.new(call.node, [callee, *call.arguments]), loose=True)
    memory.trace.calls |= summary.calls
    memory.trace.mutated |= summary.changed_code
    given = _bind(node, positional, call)
    for name in sorted(summary.mutated):
        # What is not given is a default value, an object that the function itself keeps.
        if name in given:
            memory.change_all(given[name])
        else:
            memory.trace.mutated |= callee.own
    for first, second in sorted(summary.holds):
        holder = _named(expressions, region, first, given)
        held = _named(expressions, region, second, given)
        expressions.hold(holder or callee, [held] if held else [])
    for first, code, opened in sorted(summary.installs, key=str):
        holder = _named(expressions, region, first, given)
        expressions.hold(holder or callee, [Value(code=code, opened=opened)])
    for name in summary.closed:
        value = _named(expressions, region, name, given)
        memory.trace.closed |= value.reach if value is not None else set()
    memory.trace.kept |= summary.kept
    for name in sorted(summary.mutated_free):
        _change_free(expressions, region, name, callee)
    for name in summary.fitted:
        value = _named(expressions, region, name, given)
        if value is not None:
            memory.trace.fitted |= value.own
    for name, value in summary.rebinds:
        if _visible(expressions, region, name):
            translated = _in_caller(expressions, region, summary, given, callee, call, value)
            expressions.frame.rebind(name, translated)
    return _in_caller(expressions, region, summary, given, callee, call, summary.result)


def _named(
    expressions: Expressions, region: int, name: str, given: dict[str, Value]
) -> Value | None:
    """Return what a parameter or an outer name of the called function holds here."""
    if name in given:
        return given[name]
    return expressions.frame.peek(name) if _visible(expressions, region, name) else None


def _visible(expressions: Expressions, region: int, name: str) -> bool:
    """Whether a name from outside the called function means here what it means there.

    It does not if it belongs to a function around its definition that has returned.
    """
    place = summaries.place_of(expressions.memory, region)
    return name not in place.names or expressions.frame.surrounds(place, name)


def _bind(node: ast.AST, positional: tuple[Value, ...], call: Call) -> dict[str, Value]:
    """Match arguments with the parameters of ``node``."""
    arguments: ast.arguments = node.args  # type: ignore[attr-defined]
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    if call.starred:
        anything = joined([*positional, *call.keywords.values()])
        every = [*names, *(each.arg for each in arguments.kwonlyargs)]
        given = dict.fromkeys(every, anything)
    else:
        given = dict(zip(names, positional, strict=False))
        given.update(call.keywords)
    rest = positional[len(names) :] or tuple(call.keywords.values())
    for extra in (arguments.vararg, arguments.kwarg):
        if extra is not None and rest:
            given[extra.arg] = joined([*rest, *call.keywords.values()])
    return given


def _change_free(expressions: Expressions, region: int, name: str, callee: Value) -> None:
    memory = expressions.memory
    value = _named(expressions, region, name, {})
    if value is not None and value.reach:
        memory.change_all(value)
    else:
        # A name of an enclosing function that has returned: the closure keeps it, and
        # shares it with the others that the same call has made.
        nested = {region for region in callee.own if region in memory.code}
        memory.trace.mutated |= (callee.own - nested) or callee.own
        memory.trace.mutated |= callee.reach & memory.cells
        # What it held may have been given to that function, and so be others' too.
        memory.change_all(callee)


def _in_caller(
    expressions: Expressions,
    called: int,
    summary: summaries.Summary,
    given: dict[str, Value],
    callee: Value,
    call: Call,
    value: Value,
) -> Value:
    """Translate a value of the summary into the caller's terms."""
    memory = expressions.memory

    def concrete(value: Value, position: int = -1) -> Value:
        if value.immutable and not value.parts:
            return value
        sources: list[Value] = []
        own: set[int] = set()
        inner: set[int] = set()
        for region in value.reach:
            if region in summary.regions:
                name = summary.regions[region]
                source = _named(expressions, called, name, given) or callee
                sources.append(source)
                if region in value.selves:
                    own |= source.own
            elif region in memory.code:
                own |= {region} & value.selves
        made = memory.region(call.node, f"result {position}")
        if value.own & memory.code.keys():
            cells = memory.region(call.node, "cells")
            memory.cells.add(cells)
            inner.add(cells)
        if not value.own <= summary.regions.keys():
            own.add(made)
        reach = own.union(inner, *(source.reach for source in sources))
        code = frozenset(value.code).union(*(source.code for source in sources))
        parts = tuple(concrete(part, index) for index, part in enumerate(value.parts))
        if any(part.reach & memory.cells for part in parts):
            # What is returned beside a closure may be what the closure keeps.
            kept = frozenset({memory.region(call.node, "cells")})
            parts = tuple(
                part if part.immutable else replace(part, reach=part.reach | kept) for part in parts
            )
        reach = reach.union(*(part.reach for part in parts))
        loose = any(source.loose for source in sources) and bool(own)
        opened = value.opened.union(*(source.opened for source in sources))
        return Value(
            frozenset(own), frozenset(reach), value.type, code, value.pinned, parts, loose, opened
        )

    return concrete(value)
