"""A stage of a workflow, told to whoever listens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nbprod.errors import InterruptedRunError
from nbprod.events import Listener, StageEvent, StageState


@contextmanager
def stage(name: str, listener: Listener) -> Iterator[list[str]]:
    """Tell that a stage starts and how it ends; put a detail for people into the list."""
    listener(StageEvent(name, StageState.STARTED))
    detail: list[str] = []
    try:
        yield detail
    except BaseException as error:
        listener(StageEvent(name, ended_by(error)))
        raise
    listener(StageEvent(name, StageState.DONE, ", ".join(detail)))


def ended_by(error: BaseException) -> StageState:
    """Return how a stage ended that an exception left."""
    stopped = isinstance(error, KeyboardInterrupt | InterruptedRunError)
    return StageState.CANCELLED if stopped else StageState.FAILED
