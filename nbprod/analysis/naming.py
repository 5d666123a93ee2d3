"""Short, unique names for steps: from the heading where it reads well, else from the role."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nbprod.analysis.roles import Role
from nbprod.notebook.tags import identifier

ROLE_NAMES: dict[Role, str] = {
    Role.LOAD: "load_data",
    Role.CLEAN: "clean_data",
    Role.EXPLORE: "explore",
    Role.FEATURES: "build_features",
    Role.SPLIT: "split_data",
    Role.TRAIN: "train_model",
    Role.EVALUATE: "evaluate_model",
    Role.METRICS: "metrics",
    Role.OTHER: "prepare",
}
_LEFT_OUT = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "our",
        "and",
        "to",
        "for",
        "with",
        "in",
        "on",
        "your",
        "my",
        "this",
        "some",
        "all",
        "let",
        "us",
        "lets",
        "s",
        "we",
        "by",
        "from",
    ]
)
_SAYS_NOTHING = frozenset(
    [
        "introduction",
        "overview",
        "notebook",
        "setup",
        "imports",
        "import",
        "libraries",
        "step",
        "part",
        "section",
        "chapter",
        "conclusion",
        "summary",
        "references",
        "about",
        "background",
        "todo",
        "notes",
    ]
)
_LONGEST = 28
_MOST_WORDS = 4


def step_name(heading: str, role: Role, taken: Iterable[str]) -> str:
    """Return a name for an inferred step that is not in ``taken``."""
    used = set(taken)
    named = heading_name(heading)
    if named and named not in used:
        return named
    base = ROLE_NAMES[role]
    if base in used and named:
        base = f"{base.partition('_')[0]}_{named}"
    return unique(base, used)


def heading_name(heading: str) -> str:
    """Turn a heading into a name; empty where it would not read well as one."""
    text = re.sub(r"`|\*|_|\[|\]\([^)]*\)|<[^>]*>|&\w+;", " ", heading)
    text = re.sub(
        r"^\s*(?:(?:step|part|section|chapter)\s*)?[\divx]+(?:[.):\-]\d*)*\s+", "", text, flags=re.I
    )
    words = [word for word in re.findall(r"[^\W_]+", text) if word.lower() not in _LEFT_OUT]
    if not 1 <= len(words) <= _MOST_WORDS or words[0].lower() in _SAYS_NOTHING:
        return ""
    name = identifier(" ".join(words)).lower()
    return name if len(name) <= _LONGEST and not name.startswith("step_") else ""


def unique(base: str, taken: set[str]) -> str:
    """Return ``base``, with a number if it is taken."""
    name, number = base, 2
    while name in taken:
        name = f"{base}_{number}"
        number += 1
    return name
