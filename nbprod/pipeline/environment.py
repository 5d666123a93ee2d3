"""The kernel's environment, as far as conversion depends on it. Collected elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Environment:
    """What is installed where the notebook runs.

    Attributes:
        interpreter: Path of the kernel's Python.
        python: Its version, such as ``3.11.7``.
        distributions: Import name to (distribution, version).
        exports: Module to the names that ``from module import *`` binds, for modules
            that the notebook star-imports; may be empty.
    """

    interpreter: str = ""
    python: str = ""
    distributions: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    exports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
