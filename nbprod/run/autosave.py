"""papermill's execution manager with an output notebook that is always whole."""

from __future__ import annotations

import time
from typing import Any

from papermill.engines import NotebookExecutionManager

from nbprod.run.atomic_write import write_atomically
from nbprod.run.folder import RunFolder
from nbprod.run.kernel import withheld

_SHARE = 0.02  # of the time at most that saving may take while cells run


class AtomicExecutionManager(NotebookExecutionManager):  # type: ignore[misc]
    """Saves to the run's folder by moving complete files into place.

    papermill writes the notebook twice per cell; here a save waits until the last
    one's cost has been earned back, and the last save always happens.

    Args:
        nb: The notebook that runs.
        folder: The run's folder; ``None`` saves nothing.
        **settings: papermill's own.
    """

    def __init__(self, nb: Any, folder: RunFolder | None, **settings: Any) -> None:  # noqa: ANN401
        self._folder = folder
        self._next_save = 0.0
        super().__init__(nb, **settings)

    def save(self, **kwargs: Any) -> None:  # noqa: ANN401
        """Save the notebook unless the last save was too recent for its cost."""
        if kwargs.get("nb"):
            self.nb: Any = kwargs["nb"]
        if time.monotonic() >= self._next_save:
            self.save_now()

    def save_now(self) -> None:
        """Save the notebook."""
        begun = time.monotonic()
        if self._folder is not None:
            write_atomically(self._folder.output, notebook_bytes(self.nb))
        took = time.monotonic() - begun
        self._next_save = time.monotonic() + max(0.5, took / _SHARE)
        self.last_save_time = self.now()

    def notebook_complete(self, **kwargs: Any) -> None:  # noqa: ANN401
        """Finish papermill's metadata and save a last time."""
        try:
            super().notebook_complete(**kwargs)
            self.save_now()
        except OSError:
            if self._folder is None:
                raise
            self._folder.release_reserve()
            self.save_now()


def notebook_bytes(nb: Any) -> bytes:  # noqa: ANN401
    """Return a notebook as the bytes of a file, the way nbformat writes it."""
    import nbformat

    # Outputs were redacted when they came; this is for what else a notebook may hold.
    text: str = withheld.given.redact(nbformat.writes(nb))  # type: ignore[no-untyped-call]
    return (text if text.endswith("\n") else text + "\n").encode()
