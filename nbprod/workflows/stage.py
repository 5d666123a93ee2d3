"""A stage of a workflow, told to whoever listens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nbprod.events import Listener, StageEvent, StageState


@contextmanager
def stage(name: str, listener: Listener) -> Iterator[list[str]]:
    """Tell that a stage starts and how it ends; put a detail for people into the list."""
    listener(StageEvent(name, StageState.STARTED))
    detail: list[str] = []
    try:
        yield detail
    except BaseException:
        listener(StageEvent(name, StageState.FAILED))
        raise
    listener(StageEvent(name, StageState.DONE, ", ".join(detail)))
