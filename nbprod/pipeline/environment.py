"""The kernel's environment, as far as conversion depends on it. Collected elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nbprod.pipeline.closure import closure


@dataclass(frozen=True, slots=True)
class Environment:
    """What is installed where the notebook runs.

    Attributes:
        interpreter: Path of the kernel's Python.
        python: Its version, such as ``3.11.7``.
        distributions: Import name to (distribution, version).
        exports: Module to the names that ``from module import *`` binds, for modules
            that the notebook star-imports; may be empty.
        versions: Normalized distribution name to its own name and version; may be empty.
        requires: Normalized distribution name to the requirements it declares.
        records: Normalized distribution name to the sha256 of its list of installed files.
        markers: What the markers of those compare with, such as ``python_version``.
    """

    interpreter: str = ""
    python: str = ""
    distributions: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    exports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    versions: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    requires: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    markers: Mapping[str, str] = field(default_factory=dict)
    records: Mapping[str, str] = field(default_factory=dict)

    def is_older(self, name: str, major: int) -> bool:
        """Tell whether the module ``name`` is installed in a version before ``major``."""
        version = self.distributions.get(name, ("", ""))[1].partition(".")[0]
        return version.isdigit() and int(version) < major

    def needed_by(self, names: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Return what distributions need in turn, as far as it is known; they are in it too.

        Returns:
            Normalized name to name and version, sorted.
        """
        if not self.versions:
            return {}
        found = closure(names, self.requires.get, self.markers)
        return {name: self.versions[name] for name in sorted(found & self.versions.keys())}
