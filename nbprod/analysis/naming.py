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
# Left out as well where a heading is too long for a name.
_FILLING = (
    frozenset({"it", "is", "are", "was", "has", "have", "be", "been", "how", "what", "which"})
    | {"that", "these", "those", "its", "their", "now", "then", "do", "does", "can", "i", "you"}
    | {"as", "at", "into", "about", "using", "use", "first", "next", "finally", "also", "new"}
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
_PLUMBING = re.compile(
    r"(?:fig|figure|ax|axs|axes|bars?|plot|col|cols|column|ind|idx|[xy]_axis|xx|yy|tmp|temp|g|f)\d*$"
    r"|[xy]_?(?:train|test|val|valid|pred|hat|true|new)|(?:train|test)_?[xy]$",
    re.I,
)
_LONGEST = 28
_LONGEST_HEADING = 7
_MOST_WORDS = 4


def step_name(heading: str, role: Role, taken: Iterable[str], subjects: Iterable[str] = ()) -> str:
    """Return a name for an inferred step that is not in ``taken``.

    Args:
        heading: The heading it stands under.
        role: What it is for, which gives the name where the heading gives none.
        taken: Names that other things have.
        subjects: What the code is about, the best word first: used where the role's name
            is taken.
    """
    used = set(taken)
    named = heading_name(heading)
    if named and named not in used:
        return named
    base = ROLE_NAMES[role]
    if base not in used:
        return base
    verb = base.partition("_")[0]
    words = [word for word in map(_subject, [named, *subjects]) if word]
    names = [word if verb in word.split("_") else f"{verb}_{word}" for word in words]
    names = [name for name in names if len(name) <= _LONGEST + 4]
    free = next((name for name in names if name not in used), "")
    return free or unique(next((name for name in names if name.startswith(verb)), base), used)


def says_something(variable: str) -> bool:
    """Whether a variable's name tells what a step is about: axes, counters and the like do not."""
    return len(variable) > 1 and not _PLUMBING.match(variable)


def _subject(text: str) -> str:
    """Return a variable's name as a part of a step's name; empty if it says nothing."""
    word = identifier(text).lower().strip("_")
    return word if len(word) > 1 and not word.startswith("step_") else ""


def comment_name(source: str) -> str:
    """Return a name made of the comment that a cell begins with; empty if there is none."""
    first = next((line.strip() for line in source.split("\n") if line.strip()), "")
    return heading_name(first.lstrip("#! ").rstrip(".:")) if first.startswith("#") else ""


def heading_name(heading: str) -> str:
    """Turn a heading into a name; empty where it would not read well as one."""
    text = re.sub(r"`|\*|_|\[|\]\([^)]*\)|<[^>]*>|&\w+;", " ", heading)
    text = re.sub(
        r"^\s*(?:(?:step|part|section|chapter)\s*)?[\divx]+(?:[.):\-]\d*)*\s+", "", text, flags=re.I
    )
    said = re.findall(r"[^\W_]+", text)
    words = [word for word in said if word.lower() not in _LEFT_OUT]
    if len(said) > _LONGEST_HEADING:
        return ""
    if len(words) > _MOST_WORDS:
        words = [word for word in words if word.lower() not in _FILLING]
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
