"""What is kept of one stretch of cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nbprod.run.record import ArtifactRecord, StretchRecord

ENTRY = "entry.json"
CELLS = "cells.json"
"""Outputs of the stretch's cells, as nbformat keeps them."""


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A pickled file of an entry.

    Attributes:
        file: Its name in the entry's folder.
        sha256: Digest (hex).
        size: In bytes, without its blobs.
        blobs: Digests of its large buffers, in the entry's folder ``blobs``.
    """

    file: str
    sha256: str
    size: int
    blobs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SavedGroup:
    """Variables that are saved together, because they share something.

    Attributes:
        names: The variables.
        saved: Where they are.
        models: Those that hold a fitted model.
        shown: Which shows the memory of which, see ``run/kernel/hidden_sharing.py``.
    """

    names: tuple[str, ...]
    saved: SavedFile
    models: tuple[str, ...] = ()
    shown: tuple[tuple[str, str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What a stretch found in the file system and in the environment, as it was before.

    Attributes:
        files: Path -> sha256 of what it read; empty for a file that was not there.
        folders: Folder -> names in it, joined and digested.
        patterns: ``(pattern, folder, recursive, digest of what was found)``.
        links: ``(what was asked, path, answer)``, see ``run/kernel/links.py``.
        before: Path -> what was at a path that it changed without replacing all of it; see
            ``run/kernel/filestate.py`` for the words.
        variables: Environment variables that libraries read -> digest of what they said.
    """

    files: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    patterns: tuple[tuple[str, str, bool, str], ...] = ()
    links: tuple[tuple[str, str, str], ...] = ()
    before: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One stretch as it ran once.

    Attributes:
        key: What it depends on, without files.
        run_id: The run that computed it.
        step: Its step; empty for cells that belong to none.
        seconds: How long its cells took.
        peak_memory: Largest resident size of the kernel meanwhile, in bytes.
        cells_sha256: Digest of :data:`CELLS`.
        depends: Files that it depends on.
        groups: The variables that it gave.
        prints: Fingerprints of variables after it.
        opaque: Those that count by identity in part.
        local: Those that hold functions of the notebook's, or instances of its classes, and
            the names of that code.
        own: Those that hold code of the author's modules, or instances of their classes, and
            the names of those modules.
        orders: The orders of the sets that they hold, as digests.
        pairs: How many objects two variables share: ``(one, other, count)``.
        earlier_prints: Fingerprints before it of what it gave beside its outputs and inputs:
            variables that share something with these, so that all of them come back together.
        earlier_pairs: What two variables shared before it.
        gone: Variables that it deleted.
        state: The process's state after it, and where modules are found (``search``).
        search: See there.
        randoms: Random generators that it set or drew from.
        seeded: Those among them that nobody had seeded before, and it did.
        stretch: Its part of the run's record.
        shares: Groups of variables that shared something at its end.
        artifacts: The step's artifacts for ``verify``.
        metrics: Metrics among its variables.
        read: Files of the user's that it read.
        written: Files that it wrote.
        modules: The user's modules that were loaded at its end.
    """

    key: str
    run_id: str
    step: str
    seconds: float
    peak_memory: int
    cells_sha256: str
    depends: Dependencies
    groups: tuple[SavedGroup, ...]
    prints: dict[str, str]
    opaque: tuple[str, ...]
    local: dict[str, tuple[str, ...]]
    pairs: tuple[tuple[str, str, int], ...]
    gone: tuple[str, ...]
    state: SavedFile
    search: dict[str, Any]
    randoms: tuple[str, ...]
    seeded: tuple[str, ...]
    stretch: StretchRecord
    shares: tuple[tuple[str, ...], ...] = ()
    artifacts: tuple[ArtifactRecord, ...] = ()
    metrics: dict[str, Any] = field(default_factory=dict)
    read: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    own: dict[str, tuple[str, ...]] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    earlier_prints: dict[str, str] = field(default_factory=dict)
    earlier_pairs: tuple[tuple[str, str, int], ...] = ()

    @property
    def given(self) -> frozenset[str]:
        """The variables that it binds or deletes."""
        return frozenset({*self.gone, *(name for group in self.groups for name in group.names)})

    @property
    def changes_options(self) -> bool:
        """It leaves the process's options other than they were."""
        before, after = self.stretch.state_before, self.stretch.state_after
        return before.get("options") != after.get("options")

    def file_names(self) -> tuple[str, ...]:
        """Return the names of the pickled files in its folder, artifacts included, sorted."""
        artifacts = (artifact.file for artifact in self.artifacts)
        return tuple(sorted({*(saved.file for saved in self.files()), *artifacts}))

    def contents(self) -> frozenset[str]:
        """Return what names the contents of files that it changed, before and after."""
        files = self.stretch.files
        return frozenset(state.sha256 for found in files for state in (found.before, found.after))

    def files(self) -> tuple[SavedFile, ...]:
        """Return all pickled files of it."""
        return (*(group.saved for group in self.groups), self.state)
