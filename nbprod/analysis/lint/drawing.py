"""What draws random numbers, and whether a seed makes it repeatable."""

from __future__ import annotations

import ast

from nbprod.analysis.lint.known_learning import known

_NOT_DRAWN = frozenset(
    {"seed", "get_state", "set_state", "getstate", "setstate", "Generator", "SeedSequence"}
)
_GENERATORS = frozenset({"default_rng", "RandomState", "Random", "PCG64", "Philox"})
_NETWORKS = ("keras.", "tensorflow.")


def note_seed(seeded: set[str], name: str, qualified: str, *, has_value: bool) -> None:
    """Add the generator that a call seeds to ``seeded``."""
    if not has_value and not name.startswith(("seed_", "set_seed", "fix_seed")):
        return
    if qualified == "numpy.random.seed":
        seeded.add("numpy")
    elif qualified == "random.seed":
        seeded.add("random")
    elif "seed" in name.lower():
        seeded.add("all")  # set_random_seed, seed_everything and the like


def draws_unseeded(qualified: str, name: str, node: ast.Call, seeded: set[str]) -> bool:
    """Whether a call draws, or makes something that will draw, from an unseeded generator.

    Args:
        qualified: Dotted name of what is called; empty for a method.
        name: Its last part.
        node: The call.
        seeded: Generators seeded so far.
    """
    if "all" in seeded:
        return False
    if qualified.startswith("numpy.random."):
        if name in _GENERATORS:
            return not node.args and not node.keywords
        return name not in _NOT_DRAWN and "numpy" not in seeded
    if qualified.startswith("random."):
        return name not in _NOT_DRAWN and not node.args and "random" not in seeded
    if name in known("random", "networks"):
        return qualified.startswith(_NETWORKS)
    if "numpy" in seeded or not _is_drawing(qualified, name, node):
        return False
    return not _has_seed(node)


def _is_drawing(qualified: str, name: str, node: ast.Call) -> bool:
    words = {word.arg: word.value for word in node.keywords}
    if name in {"train_test_split", "sample", "shuffle", "resample"}:
        shuffle = words.get("shuffle")
        return not (isinstance(shuffle, ast.Constant) and shuffle.value is False)
    if name in known("random", "shuffling"):
        shuffle = words.get("shuffle")
        return isinstance(shuffle, ast.Constant) and shuffle.value is True
    if qualified.startswith("sklearn.datasets.make_"):
        return True
    return name in known("random", "always")


def _has_seed(node: ast.Call) -> bool:
    """Whether a seed is given, or may be: by ``**`` anything may be."""
    for word in node.keywords:
        if word.arg is None:
            return True
        if word.arg in known("random", "seeds"):
            return not (isinstance(word.value, ast.Constant) and word.value.value is None)
    return False
