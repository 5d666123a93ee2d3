"""The step cache as people read it."""

from __future__ import annotations

from datetime import datetime

from nbprod.cli.columns import aligned
from nbprod.counting import counted
from nbprod.workflows.cache import CacheResult


def describe_cache(result: CacheResult) -> str:
    """Return where the cache is, how large, and a line per step."""
    lines = [f"{result.folder}: {_size(result.size)}"]
    if result.forgotten:
        lines.append(f"forgot {counted(result.forgotten, 'step')}")
    rows = [
        (
            f"  {step.step or '(no step)'}",
            f"{step.seconds:.1f} s",
            _size(step.size),
            f"run {step.run_id}",
            f"used {datetime.fromisoformat(step.used).astimezone():%Y-%m-%d %H:%M}",
        )
        for step in result.steps
    ]
    return "\n".join([*lines, *aligned(rows)]) if rows else "\n".join([*lines, "  nothing is kept"])


def _size(size: int) -> str:
    for unit, bytes_of in (("GB", 2**30), ("MB", 2**20), ("kB", 2**10)):
        if size >= bytes_of:
            return f"{size / bytes_of:.1f} {unit}"
    return f"{size} bytes"
