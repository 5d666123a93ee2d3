"""Follow calls: loading, splitting, fitting, judging, drawing."""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nbprod.analysis.lint import following
from nbprod.analysis.lint.drawing import draws_unseeded, note_seed
from nbprod.analysis.lint.following_functions import followed
from nbprod.analysis.lint.known_learning import (
    COMBINES,
    CROSS_VALIDATIONS,
    EXTREMES,
    FITS,
    PREDICTIONS,
    STATISTICS,
    known,
)
from nbprod.analysis.lint.learned import Estimator
from nbprod.analysis.lint.rows import NOTHING, Facts, Place, joined, mixed

if TYPE_CHECKING:
    from nbprod.analysis.lint.following import Follower

_LOADERS = ("pandas.read_", "sklearn.datasets.", "seaborn.load_dataset", "polars.read_")
_DATA_MODULES = ("pandas.", "numpy.", "scipy.sparse.")


@dataclass(frozen=True, slots=True)
class Call:
    """A call with its arguments followed.

    Attributes:
        node: The call.
        name: Last part of what is called.
        qualified: Dotted name of the imported thing; empty if it is none.
        positional: Its positional arguments.
        keywords: Its keyword arguments; ``**`` ones under an empty name.
    """

    node: ast.Call
    name: str
    qualified: str
    positional: list[Facts]
    keywords: dict[str, Facts]

    @property
    def given(self) -> list[Facts]:
        """All arguments."""
        return [*self.positional, *self.keywords.values()]

    def argument(self, position: int, *names: str) -> Facts:
        """Return an argument by its position or one of its names."""
        if position < len(self.positional):
            return self.positional[position]
        return next((self.keywords[name] for name in names if name in self.keywords), NOTHING)


def call(follower: Follower, node: ast.Call) -> Facts:
    """Return what is known of what a call gives, and note what it does."""
    qualified = follower.imports.qualified(node.func)
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    name = qualified.rpartition(".")[2] or name
    called = Call(
        node,
        name,
        qualified,
        [follower.value(each) for each in node.args],
        {word.arg or "": follower.value(word.value) for word in node.keywords},
    )
    note_seed(follower.seeded, called.name, qualified, has_value=bool(called.given))
    if name == "train_test_split":
        return _split(follower, called)
    if name in CROSS_VALIDATIONS:
        return _cross_validated(follower, called)
    if qualified:
        return _library(follower, called)
    if isinstance(function, ast.Attribute):
        return _method(follower, called, follower.value(function.value), function)
    own = follower.functions.get(called.name)
    found = followed(follower, own, called) if own is not None else None
    return _unknown(follower, called) if found is None else found


def _unknown(follower: Follower, called: Call) -> Facts:
    """Something not known: new rows, made of what it is given."""
    if not hasattr(builtins, called.name):  # a score function of the author's own
        for each in called.given:
            _judged(follower, called, each)
    made = joined(called.given)
    return replace(
        made,
        rows=_derived(made.rows, follower.key(called.node)),
        columns=None,
        predicted=frozenset(),
        leaks=made.leaks,
    )


def _derived(rows: frozenset[str], key: str) -> frozenset[str]:
    return frozenset(f"{each}/{key}" for each in rows) or frozenset({f"made:{key}"})


# Libraries -------------------------------------------------------------------------


def _library(follower: Follower, called: Call) -> Facts:
    node, qualified = called.node, called.qualified
    if qualified.startswith("sklearn.metrics."):
        for each in called.given:
            _judged(follower, called, each)
        return NOTHING
    if qualified.startswith(_LOADERS):
        rows = frozenset({f"all:{follower.key(node)}"})
        drawn = _drawn(follower, called, "make_")
        return Facts(rows=rows, columns=follower.table(), random=drawn)
    if qualified in known("learning", "learner_functions"):
        given = joined(called.given)
        place = follower.place(node, f"{called.name}(…)")
        leaks = {("fit-before-split", place)} if given.presplit else set()
        return replace(given, leaks=given.leaks | leaks)
    if called.name in known("learning", "wrapping") or _is_class(called):
        return _constructed(follower, called)
    if called.name in STATISTICS | EXTREMES and called.positional:
        return _statistic(follower, called, called.positional[0])
    combined = called.name in {"where", "divide", "subtract", "multiply"}
    made = mixed(called.given) if combined else joined(called.given)
    columns = called.positional[0].columns if _is_labelled_again(called) else None
    made = replace(made, columns=columns, random=made.random | _drawn(follower, called, ""))
    if called.name in {"array", "asarray", "log", "log1p", "exp", "sqrt", "abs"}:
        return made
    rows = _derived(made.rows, follower.key(node)) if made.rows or called.given else made.rows
    return replace(made, rows=rows)


def _is_labelled_again(called: Call) -> bool:
    """Whether a table gets its columns' names again: ``DataFrame(scaled, columns=X.columns)``."""
    if called.qualified != "pandas.DataFrame" or len(called.positional) != 1:
        return False
    words = (word.value for word in called.node.keywords if word.arg == "columns")
    return any(isinstance(each, ast.Attribute) and each.attr == "columns" for each in words)


def _is_class(called: Call) -> bool:
    return called.name[:1].isupper() and not called.qualified.startswith(_DATA_MODULES)


def _drawn(follower: Follower, called: Call, beginning: str) -> frozenset[Place]:
    """Return the place of a library call that draws without a seed."""
    if not called.name.startswith(beginning) or not draws_unseeded(
        called.qualified, called.name, called.node, follower.seeded
    ):
        return frozenset()
    return frozenset({follower.place(called.node, _short(called.node))})


def _short(node: ast.Call) -> str:
    return f"{ast.unparse(node.func)[:50]}(…)"


def _shortened(node: ast.Call) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _constructed(follower: Follower, called: Call) -> Facts:
    """An estimator, with those that it is given; what it draws is drawn when it is fitted."""
    number = len(follower.learned.estimators) + 1
    follower.learned.estimators[number] = Estimator(called.name, _drawn(follower, called, ""))
    inner = frozenset().union(*(each.estimators for each in called.given))
    return Facts(estimators=inner | {number})


def _statistic(follower: Follower, called: Call, of: Facts) -> Facts:
    """A statistic over rows; along the columns of one row it is none."""
    axis = called.keywords.get("axis", NOTHING).literal
    if not of.presplit or axis in (1, "columns"):
        return replace(of, columns=None, parts=())
    place = follower.place(called.node, _shortened(called.node))
    if called.name in EXTREMES:
        return Facts(extremes=frozenset({place}), random=of.random)
    return Facts(statistics=frozenset({place}), random=of.random)


def _names_statistic(given: Facts) -> bool:
    """Whether a text, or one of several, is a statistic's name."""
    named = given.literal if isinstance(given.literal, tuple) else (given.literal,)
    return not STATISTICS.isdisjoint(named)


def _of_groups(follower: Follower, called: Call, of: Facts) -> Facts:
    """``df.groupby(…)["x"].transform("mean")``: each row gets a statistic of its group."""
    if not of.presplit:
        return replace(of, columns=None, parts=())
    place = follower.place(called.node, _shortened(called.node))
    leaks = of.leaks | {("statistics-before-split", place)}
    return replace(of, leaks=leaks, columns=None, parts=())


# Splitting -------------------------------------------------------------------------


def _split(follower: Follower, called: Call) -> Facts:
    node = called.node
    key = follower.key(node)
    unseeded = not follower.seeded & {"numpy", "all"} and draws_unseeded(
        "sklearn.model_selection.train_test_split", "train_test_split", node, follower.seeded
    )
    random = frozenset({follower.place(node, "train_test_split(…)")} if unseeded else ())
    parts = []
    for each in called.positional:
        for side in ("train", "test"):
            rows = frozenset({f"{side}:{key}"})
            parts.append(replace(each, rows=rows, random=each.random | random, parts=()))
            follower.learned.divided.setdefault(f"{side}:{key}", each.rows)
    if any(isinstance(each, ast.Starred) for each in node.args):
        return Facts(rows=frozenset({f"split:{key}"}), random=random)
    return replace(joined(parts), parts=tuple(parts))


def _cross_validated(follower: Follower, called: Call) -> Facts:
    learned = follower.learned
    learned.unseen = learned.trains = True
    model = called.argument(0, "estimator")
    features, target = called.argument(1, "X"), called.argument(2, "y")
    learned.leaking(features)
    for place in features.random.union(*(each.random for each in learned.of(model))):
        learned.note("unseeded-randomness", place)
    if not learned.names(model) & known("learning", "choosing"):
        learned.target(features, target, follower.place(called.node, _short(called.node)))
    return NOTHING


# Methods ---------------------------------------------------------------------------


def _method(follower: Follower, called: Call, receiver: Facts, function: ast.Attribute) -> Facts:
    if called.name in FITS:
        return _fitted(follower, called, receiver)
    if called.name in PREDICTIONS or called.name == "score":
        return _predicted(follower, called, receiver)
    if called.name == "transform" and receiver.estimators:
        return _transformed(follower, called, receiver)
    if called.name == "split" and follower.learned.names(receiver) & known("learning", "splitters"):
        return _folds(follower, called, receiver)
    if called.name in {"set_params", "set_output", "partial"} and receiver.estimators:
        if called.name == "set_params" and any(map(_names_seed, called.keywords)):
            for each in follower.learned.of(receiver):
                each.random = frozenset()
        return receiver
    return _of_table(follower, called, receiver, function)


def _names_seed(keyword: str) -> bool:
    """Whether a keyword, maybe one of a pipeline's step, is a seed; ``**`` may hold one."""
    return not keyword or keyword.rpartition("__")[2] in known("random", "seeds")


def _fitted(follower: Follower, called: Call, receiver: Facts) -> Facts:
    node = called.node
    features = called.argument(0, "X")
    target = called.argument(1, "y")
    given = [features] if target is NOTHING and len(called.positional) < 2 else [features, target]
    text = follower.source_text(node.args[0])[:60] if node.args else ""
    place = follower.place(node, f"{_receiver(node)}.{called.name}({text})")
    if "eval_set" in called.keywords or "validation_data" in called.keywords:
        follower.learned.unseen = True
    if receiver.estimators or len(given) > 1:
        follower.learned.fit(receiver, given, place, text)
    if called.name in {"fit", "partial_fit"}:
        return receiver
    if called.name == "fit_resample":
        leaks = features.leaks | {
            leak for each in follower.learned.of(receiver) for leak in each.leaks
        }
        parts = tuple(replace(each, leaks=leaks, columns=None) for each in given)
        return replace(joined(parts), parts=parts)
    return _transformed(follower, called, receiver)


def _receiver(node: ast.Call) -> str:
    function = node.func
    text = ast.unparse(function.value) if isinstance(function, ast.Attribute) else ""
    return text if len(text) <= 40 else f"{text[:37]}…"


def _transformed(follower: Follower, called: Call, receiver: Facts) -> Facts:
    features = called.argument(0, "X")
    estimators = follower.learned.of(receiver)
    leaks = features.leaks.union(*(each.leaks for each in estimators))
    random = features.random.union(*(each.random for each in estimators))
    names = follower.learned.names(receiver)
    keeps = bool(names) and names <= known("learning", "keeping_columns")
    columns = features.columns if keeps else None
    return replace(features, leaks=leaks, random=random, columns=columns, parts=(), literal=None)


def _predicted(follower: Follower, called: Call, receiver: Facts) -> Facts:
    learned, node = follower.learned, called.node
    features = called.argument(0, "X")
    text = follower.source_text(node.args[0]) if node.args else ""
    if features.literal is None and not _is_made_here(node):
        seen = learned.seen(receiver, features, text)
        if seen == "other":
            learned.unseen = True
        elif called.name == "score":
            learned.judged.append(follower.place(node, _shortened(node)))
        return Facts(rows=features.rows, predicted=frozenset({seen}))
    return NOTHING


def _is_made_here(node: ast.Call) -> bool:
    """Whether a model is asked about a few rows that are written down on the spot."""
    return bool(node.args) and isinstance(node.args[0], ast.List | ast.Dict)


def _judged(follower: Follower, called: Call, value: Facts) -> None:
    if value.predicted == {"seen"}:
        text = f"{called.name}(…)"
        follower.learned.judged.append(follower.place(called.node, text))


def _folds(follower: Follower, called: Call, receiver: Facts) -> Facts:
    """``for train, test in folds.split(X)``: positions of rows."""
    key = follower.key(called.node)
    random = frozenset().union(*(each.random for each in follower.learned.of(receiver)))
    parts = tuple(
        Facts(rows=frozenset({f"{side}:{key}"}), random=random) for side in ("train", "test")
    )
    return replace(joined(parts), parts=parts)


def _of_table(follower: Follower, called: Call, receiver: Facts, function: ast.Attribute) -> Facts:
    """Methods of frames, series and arrays, and whatever else there is."""
    name, node = called.name, called.node
    if name in STATISTICS | EXTREMES and not receiver.estimators:
        return _statistic(follower, called, receiver)
    if name == "transform" and _names_statistic(called.argument(0, "func")):
        return _of_groups(follower, called, receiver)
    if name == "drop":
        result = _dropped(follower, called, receiver)
    elif name == "pop" and node.args:
        texts = follower.texts_of(node.args[0])
        follower.remove(function.value, texts)
        columns = receiver.columns
        if texts is None or columns is None:
            return replace(receiver, columns=None)
        return replace(
            receiver, columns=replace(columns, only=texts, without=frozenset(), single=True)
        )
    elif name in known("columns", "keep"):
        combined = name in COMBINES
        result = mixed([receiver, *called.given]) if combined else joined([receiver, *called.given])
        result = replace(result, rows=receiver.rows, columns=receiver.columns)
    elif name in known("columns", "fewer_rows"):
        drawn = frozenset[Place]()
        if name == "sample" and receiver.rows:
            unseeded = draws_unseeded("", "sample", node, follower.seeded)
            drawn = frozenset({follower.place(node, _short(node))} if unseeded else ())
        kind = _SAMPLE if name == "sample" else ""
        rows = receiver.part(f"{kind}{follower.key(node)}").rows
        result = replace(receiver, rows=rows, random=receiver.random | drawn, parts=())
    else:
        combined = name in COMBINES
        given = [receiver, *called.given]
        made = mixed(given) if combined else joined(given)
        rows = _derived(made.rows, follower.key(node)) if made.rows else made.rows
        result = replace(made, rows=rows, columns=None)
        for each in called.given:
            _judged(follower, called, each)
    if called.keywords.get("inplace", NOTHING).literal is True:
        base = following.base_name(function.value)
        if base in follower.names:
            whole = isinstance(function.value, ast.Name)
            old = follower.names[base]
            follower.names[base] = result if whole else replace(old, leaks=old.leaks | result.leaks)
        return NOTHING
    return result


_SAMPLE = "sample:"
"""What the names of row sets that were sampled begin with."""


def _without_sample(follower: Follower, node: ast.Call, receiver: Facts) -> Facts | None:
    """``df.drop(train.index)``, where ``train`` is a sample of ``df``: that was a split."""
    labels = node.args[0] if node.args else None
    if not isinstance(labels, ast.Attribute) or labels.attr != "index" or not receiver.presplit:
        return None
    name = labels.value.id if isinstance(labels.value, ast.Name) else ""
    sample = follower.names.get(name, NOTHING)
    parts = tuple(f"{each}/{_SAMPLE}" for each in receiver.rows)
    if not sample.presplit or not all(each.startswith(parts) for each in sample.rows):
        return None
    key = follower.key(node)
    halves = ["train:", "test:"]
    if any(word in name.lower() for word in ("test", "val", "hold")):
        halves.reverse()
    follower.names[name] = replace(sample, rows=frozenset({f"{halves[0]}{key}"}))
    return replace(receiver, rows=frozenset({f"{halves[1]}{key}"}), parts=())


def _dropped(follower: Follower, called: Call, receiver: Facts) -> Facts:
    """``df.drop``: columns or rows."""
    node = called.node
    columns = next((word.value for word in node.keywords if word.arg == "columns"), None)
    axis = called.argument(1, "axis").literal
    if columns is None and axis in (1, "columns"):
        labels = next((word.value for word in node.keywords if word.arg == "labels"), None)
        columns = node.args[0] if node.args else labels
    if columns is None:
        rest = _without_sample(follower, node, receiver)
        return rest or replace(receiver.part(follower.key(node)), columns=receiver.columns)
    return following.without(receiver, follower.texts_of(columns))
