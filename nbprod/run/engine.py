"""papermill's engine ``nbprod``: runs the cells in order and captures the run.

papermill loads this module while its own is still being imported, and a program may
import it first: so nothing of papermill is imported at the top. papermill asks
nothing of an engine but these three class methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbprod.run.capture import Capture

# Options that papermill hands to engines, and that are none of nbclient's.
_FOREIGN = ("input_path", "timeout", "startup_timeout")


class NbprodEngine:
    """The engine; see ``papermill --engine nbprod``.

    Without nbprod's own command line it is steered by ``NBPROD_CAPTURE`` (``0``: run
    plainly), ``NBPROD_CACHE`` (``0``: run every step), ``NBPROD_ISOLATE`` (``1``: a fresh
    kernel for each step, and no cache), ``NBPROD_CELL_TIMEOUT`` and ``NBPROD_RUN_TIMEOUT``
    (seconds).
    """

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,  # noqa: ANN401
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: Any = True,  # noqa: ANN401
        log_output: bool = False,
        autosave_cell_every: int = 30,
        **options: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Run ``nb`` in place and return it, as papermill's engines do."""
        from papermill.engines import NotebookExecutionManager

        from nbprod.run.autosave import AtomicExecutionManager
        from nbprod.run.standalone import standalone_run

        capture: Capture | None = options.pop("nbprod_capture", None)
        settings = {
            "output_path": output_path,
            "progress_bar": progress_bar,
            "log_output": log_output,
            "autosave_cell_every": autosave_cell_every,
        }
        if capture is not None:
            # papermill was handed a notebook instead of paths, and noted that.
            nb.metadata["papermill"].update(capture.paths)
            manager = AtomicExecutionManager(nb, capture.folder, **settings)
            return cls.run_captured(manager, capture, kernel_name, log_output, options)
        manager = NotebookExecutionManager(nb, **settings)
        with standalone_run(nb, kernel_name, options.get("input_path"), output_path) as capture:
            return cls.run_captured(manager, capture, kernel_name, log_output, options)

    @classmethod
    def run_captured(
        cls,
        manager: Any,  # noqa: ANN401
        capture: Capture,
        kernel_name: str,
        log_output: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Run a manager's notebook in place and return it.

        Args:
            manager: papermill's execution manager.
            capture: What to capture.
            kernel_name: The kernel.
            log_output: Log what the cells print.
            options: papermill's and nbclient's.
        """
        from papermill.log import logger

        from nbprod.run.client import NbprodClient, quiet_log

        options = dict(options or {})
        timeout = options.pop("execution_timeout", None) or options.get("timeout")
        if timeout and capture.cell_timeout is None:
            capture.cell_timeout = float(timeout)
        settings = {name: value for name, value in options.items() if name not in _FOREIGN}
        settings["startup_timeout"] = settings.pop("start_timeout", 60)
        if capture.working_directory is not None:
            settings["resources"] = {"metadata": {"path": str(capture.working_directory)}}
        manager.notebook_start()
        try:
            NbprodClient(
                manager,
                capture,
                kernel_name=kernel_name,
                log=logger if log_output else quiet_log,
                log_output=log_output,
                **settings,
            ).execute()
        finally:
            manager.cleanup_pbar()
            manager.notebook_complete()
        return manager.nb

    @classmethod
    def nb_kernel_name(cls, nb: Any, name: str | None = None) -> str:  # noqa: ANN401
        """Return the kernel to use: ``name``, else the notebook's own."""
        from papermill.utils import nb_kernel_name

        return str(nb_kernel_name(nb, name))

    @classmethod
    def nb_language(cls, nb: Any, language: str | None = None) -> str:  # noqa: ANN401
        """Return the language to use: ``language``, else the notebook's own."""
        from papermill.utils import nb_language

        return str(nb_language(nb, language))
