"""``nbprod cache``: what is kept beside a notebook, and how to be rid of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nbprod.errors import SystemFailedError
from nbprod.run.cache.store import CACHE, Store, limit_of
from nbprod.run.folder import STATE_FOLDER
from nbprod.workflows.place import place_of_runs


@dataclass(frozen=True, slots=True)
class CacheRequest:
    """Which cache, and what to do with it.

    Attributes:
        target: Notebook, project or folder; ``None`` for the current folder.
        clear: Forget everything.
        limit: Forget what was not used for longest until it is no larger, such as ``500M``.
    """

    target: Path | None = None
    clear: bool = False
    limit: str | None = None


@dataclass(frozen=True, slots=True)
class CachedStep:
    """A step as it was computed once.

    Attributes:
        step: Its name; empty for cells that belong to none.
        run_id: The run that computed it.
        used: When it was used last, ISO 8601 in UTC.
        seconds: How long its cells took.
        size: Bytes of its files, those that others have, too, included.
    """

    step: str
    run_id: str
    used: str
    seconds: float
    size: int


@dataclass(frozen=True, slots=True)
class CacheResult:
    """What a cache holds.

    Attributes:
        folder: Where it lies.
        size: Bytes that it takes up.
        steps: Its steps, those used last first.
        forgotten: Number of steps that were forgotten now.
    """

    folder: Path
    size: int
    steps: tuple[CachedStep, ...]
    forgotten: int = 0

    def as_json(self) -> dict[str, object]:
        """Return the document of ``nbprod cache --json``."""
        import msgspec

        document = msgspec.to_builtins(self, enc_hook=str)
        assert isinstance(document, dict)
        return document


def cache(request: CacheRequest) -> CacheResult:
    """Look at a cache, after making it smaller if that is asked for.

    Raises:
        UsageError: There is nothing at the target, or the limit is no size.
        SystemFailedError: The cache cannot be changed.
    """
    folder = place_of_runs(request.target)[0]
    place = folder / STATE_FOLDER / CACHE
    limit = limit_of(request.limit) if request.limit is not None else None
    if not place.is_dir():
        return CacheResult(place, 0, ())
    try:
        store = Store(folder)
        before = sum(1 for _ in store.entries())
        if request.clear:
            store.clear()
        elif limit is not None:
            store.trim(limit)
        steps = [
            CachedStep(
                found.entry.step,
                found.entry.run_id,
                datetime.fromtimestamp(found.folder.stat().st_mtime, UTC).isoformat(),
                round(found.entry.seconds, 4),
                sum(path.stat().st_size for path in found.folder.rglob("*") if path.is_file()),
            )
            for found in store.entries()
        ]
        steps.sort(key=lambda step: step.used, reverse=True)
        return CacheResult(place, store.size(), tuple(steps), before - len(steps))
    except OSError as error:
        raise SystemFailedError(
            f"The cache in {place} cannot be changed: {error.strerror}.",
            fix="Make it writable for yourself.",
        ) from error
