"""Why a run failed, in the user's terms: step, cell, line, exception."""

from __future__ import annotations

import errno
import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbprod.counting import counted
from nbprod.errors import (
    InterruptedRunError,
    NbprodError,
    RefusedError,
    SystemFailedError,
    UserCodeError,
)
from nbprod.origin import Origin
from nbprod.run.capture import Capture, Phase

_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_HEADING = re.compile(r"-{5,}$|[\w.]+ +Traceback \(most recent call last\)$")
_CHAIN = re.compile(
    r"^(?:During handling of the above exception, another exception occurred"
    r"|The above exception was the direct cause of the following exception):$",
    re.MULTILINE,
)
_CELL_LINE = re.compile(r"^-+> (\d+)", re.MULTILINE)
_FILE_LINE = re.compile(r"^\s*File (\S+?):(\d+), in ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Place:
    """The cell that was running.

    Attributes:
        notebook: Path as the user gave it.
        capture: The run in progress; it knows the current cell.
        nb: The notebook that runs.
        project: Folder of the generated project, in a run of one.
        places: Finds the source notebook's place of a line of the project's package.
    """

    notebook: str
    capture: Capture
    nb: Any
    project: Path | None = None
    places: Callable[[str, int], Origin | None] | None = None

    @property
    def number(self) -> int:
        """Its number in the notebook, from 1; 0 for the injected cell or none."""
        return self.capture.current.number if self.capture.current else 0

    @property
    def step(self) -> str:
        """Its step; empty for none."""
        return self.capture.current.step if self.capture.current else ""

    @property
    def source(self) -> str:
        """Its source text."""
        return str(self.nb.cells[self.capture.current.index].source) if self.capture.current else ""

    @property
    def first_line(self) -> str:
        """The first line of it that says something."""
        return next((line for line in self.source.splitlines() if line.strip()), "")

    def origin(self, line: int = 0) -> Origin:
        """Return the place to show with an error."""
        current = self.capture.current
        cell_id = str(self.nb.cells[current.index].get("id", "")) if current else ""
        return Origin(self.notebook, self.number, cell_id, line)

    def words(self) -> str:
        """Return step, cell and first line as a phrase."""
        if self.capture.current is not None and self.number == 0:
            return "The injected parameters"
        step = f"Step {self.step}, cell {self.number}" if self.step else f"Cell {self.number}"
        return f"{step} ({self.first_line.strip()})"


def cell_failure(place: Place, ename: str, evalue: str, traceback: list[str]) -> UserCodeError:
    """Describe an exception that a cell raised.

    Args:
        place: The cell.
        ename: Name of the exception's type.
        evalue: Its text.
        traceback: Lines as the kernel sent them, with colours.
    """
    text = _COLOURS.sub("", "\n".join(traceback)).rstrip()
    exception = f"{ename}: {evalue}" if evalue else ename
    source = _source_place(place, text)
    words = place.words()
    if source is not None:
        words = f"Step {place.step}, cell {source.cell} of {source.notebook}"
    return UserCodeError(
        f"{words} raised {_first_line(exception)}",
        where=source or place.origin(_line_in_cell(text)),
        fix=_advice(place, ename, evalue, source.cell if source else place.number),
        step=place.step,
        first_line=place.first_line,
        exception=exception,
        traceback=own_part(text, str(place.capture.working_directory or Path.cwd())),
    )


def own_part(traceback: str, folder: str) -> str:
    """Keep of IPython's traceback what the author can mend.

    Those are the frames of cells and of modules below ``folder``, and the exception.
    Frames of libraries are counted; the output notebook has them in full.
    """
    blocks = [block for block in _headless(traceback).split("\n\n") if block.strip()]
    kept: list[str] = []
    left_out = 0
    for number, block in enumerate(blocks):
        is_library = block.startswith("File ") and not block.startswith(f"File {folder}")
        if is_library and number + 1 < len(blocks):
            left_out += 1
            continue
        if left_out:
            kept.append(_counted(left_out))
            left_out = 0
        kept.append(block)
    return "\n\n".join(kept)


def _headless(traceback: str) -> str:
    """Leave out the rules and headings, which each exception of a chain has."""
    return "\n".join(line for line in traceback.splitlines() if not _HEADING.match(line))


def _counted(frames: int) -> str:
    return f"({counted(frames, 'frame')} of libraries left out)"


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0] if lines else ""


def _source_place(place: Place, traceback: str) -> Origin | None:
    """Find the source notebook's place of the innermost frame in generated code."""
    if place.project is None or place.places is None:
        return None
    root = str(place.project.resolve())
    for path, line in reversed(_FILE_LINE.findall(traceback)):
        real = str(Path(path).expanduser().resolve())
        if real.startswith(root):
            origin = place.places(Path(real).relative_to(root).as_posix(), int(line))
            if origin is not None:
                return origin
    return None


def _line_in_cell(traceback: str) -> int:
    """Find the line of the cell in IPython's traceback; 0 if it shows none.

    Of a chain of exceptions the last one counts: it is the one that left the cell.
    """
    traceback = _CHAIN.split(traceback)[-1]
    found = re.search(r"^Cell In\[\d+\], line (\d+)", traceback, re.MULTILINE)
    if found is None:  # the compact form of older IPython
        found = _CELL_LINE.search(traceback)
    return int(found.group(1)) if found else 0


_MISSING = {
    "NameError": r"name '(\w+)' is not defined",
    "AttributeError": r"Can't get attribute '(\w+)\b.* on <module '__main__'"
    r"|'(?:DataFrame|Series)' object has no attribute '(design_info)'",
}


def missing_name(ename: str, evalue: str) -> str:
    """Return the name that an exception says is not there; empty for another exception.

    What is unpickled looks for its classes and functions in ``__main__``. The frames of patsy
    come back without their design, see :func:`.kernel.reductions.noted_on`.
    """
    found = re.search(_MISSING[ename], evalue) if ename in _MISSING else None
    return next(filter(None, found.groups())) if found is not None else ""


def _advice_on_import(place: Place, evalue: str) -> str:
    """Tell what to do about an import that failed: which of its reasons the message names."""
    folder = place.capture.working_directory or Path.cwd()
    half = re.search(r"partially initialized module '([\w.]+)'", evalue)
    if half is not None:
        file = f"{half[1].replace('.', '/')}.py"
        if (folder / file).is_file():
            return (
                f"{file} beside the notebook is imported while it is being imported itself. If it "
                "hides a package of that name, rename it; else let its imports go one way only."
            )
    lacking = re.match(r"cannot import name '(\w+)' from '([\w.]+)' \((.+)\)$", evalue)
    if lacking is not None:
        name, module, file = lacking.groups()
        if Path(file).is_relative_to(folder) and "site-packages" not in file:
            return f"Define {name} in {Path(file).relative_to(folder)}, or import another name."
        return (
            f"The {module} that is installed has no {name}: install the version that the notebook "
            "was written for, or import what has taken its place."
        )
    return "Install the package in the environment of the notebook's kernel."


def _advice(place: Place, ename: str, evalue: str, cell: int) -> str:
    if ename == "FileNotFoundError":
        missing = re.search(r"'([^']+)'\s*$", evalue)
        folder = str(place.capture.working_directory or Path.cwd())
        if missing is None:
            return f"The notebook ran in {folder}; relative paths start there."
        path = Path(missing.group(1))
        if path.is_absolute():
            return f"There is no file {path}; a path relative to the notebook travels better."
        return f"The notebook ran in {folder}, where there is no {path}."
    if ename in {"ModuleNotFoundError", "ImportError"}:
        return _advice_on_import(place, evalue)
    if ename == "NameError":
        name = missing_name(ename, evalue)
        reason = place.capture.unsaved.get(name)
        if reason:
            return (
                f"{name} could not be carried into this step's own kernel ({reason}): "
                "run without --isolate, or give both steps one tag."
            )
        if not place.capture.isolate:
            return "Run the notebook from top to bottom in a fresh kernel to see it there too."
    if ename == "StdinNotImplementedError":
        return (
            "A run cannot ask questions: make what it asks for a parameter, and a password one "
            "of the notebook's secrets (`secrets` in `metadata.nbprod`)."
        )
    if ename == "OSError" and os.strerror(errno.ENOSPC) in evalue:
        return "Free some space, or let the cell write somewhere else."
    if ename.endswith("MemoryError"):
        return f"Let cell {cell} work on less at a time, or run it where there is more memory."
    if not cell:
        return ""
    if place.capture.isolate:
        return (
            f"Each step had a kernel of its own: run it without --isolate. If that passes, cell "
            f"{cell} needs something of the kernel before that did not reach its own; else mend it."
        )
    if place.project is not None:
        return (
            f"Run the notebook itself: if that shows the same exception, mend cell {cell}; if not, "
            "`nbprod verify` shows where the generated code goes another way."
        )
    return f"Mend cell {cell}; running it in JupyterLab shows the same exception."


_DEATHS = {
    -signal.SIGKILL: (
        ": it was killed, as the system does when memory runs out",
        "Let the cell work on less at a time, or run it where there is more memory.",
    ),
    -signal.SIGSEGV: (
        ": it crashed (segmentation fault)",
        "A library with native code crashed it: try another version of what the cell uses.",
    ),
    -signal.SIGABRT: (
        ": it was aborted by a library",
        "What the library said is in the run's kernel.log.",
    ),
}
_UNKNOWN_DEATH = (
    "",
    "It may have run out of memory, or a library crashed it: try the cell in JupyterLab.",
)


def dead_kernel(place: Place) -> UserCodeError:
    """Describe a kernel that died under a cell."""
    how, fix = _DEATHS.get(place.capture.kernel_exit or 0, _UNKNOWN_DEATH)
    return UserCodeError(
        f"{place.words()}: the kernel died{how}.",
        where=place.origin(),
        fix=fix,
        step=place.step,
        first_line=place.first_line,
        exception="the kernel died",
    )


def timed_out(place: Place) -> UserCodeError:
    """Describe a cell, or a run, that took longer than allowed."""
    capture = place.capture
    limit = capture.cell_timeout
    what = f"took longer than {limit:g} s" if limit else "was still running"
    if capture.run_timeout and not (limit and limit < capture.run_timeout):
        what = f"was running when the run's {capture.run_timeout:g} s were over"
    return UserCodeError(
        f"{place.words()} {what}.",
        where=place.origin(),
        fix="Allow more time, or make the cell quicker.",
        step=place.step,
        first_line=place.first_line,
        exception="timeout",
    )


def kernel_did_not_start(kernel_name: str, reason: str) -> SystemFailedError:
    """Describe a kernel that could not be started."""
    told = _first_line(reason).rstrip(".") or "no reason given"
    return SystemFailedError(
        f"The kernel {kernel_name!r} did not start: {told}.",
        fix="Start it in JupyterLab, or with `jupyter console`, to see what is wrong with it.",
    )


_DOING = {
    Phase.RUNS: "{} was running.",
    Phase.IS_SAVED: "{} had ended, and what it gave was being saved.",
    Phase.ENDED: "{} had ended.",
}


def interrupted(place: Place) -> InterruptedRunError:
    """Describe a run that the user stopped."""
    beside = place.capture.side_by_side
    if beside:
        text = f"Interrupted while steps were computed side by side: {', '.join(beside)}."
        return InterruptedRunError(text, where=place.origin())
    if place.capture.current is None:
        return InterruptedRunError("Interrupted before the first cell.", where=place.origin())
    doing = _DOING[place.capture.phase]
    return InterruptedRunError(f"Interrupted. {doing.format(place.words())}", where=place.origin())


def failure_of(error: BaseException, place: Place, kernel_name: str) -> NbprodError | None:
    """Translate what papermill, nbclient or jupyter_client raised; ``None`` if unknown."""
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from nbprod.run.client import KernelStartError, NamespaceError

    if isinstance(error, NbprodError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return interrupted(place)
    if isinstance(error, PapermillExecutionError):
        return cell_failure(place, error.ename, error.evalue, list(error.traceback))
    if isinstance(error, CellTimeoutError):
        return timed_out(place)
    if isinstance(error, DeadKernelError):
        return dead_kernel(place) if place.capture.current else _did_not(kernel_name, error)
    if isinstance(error, KernelStartError):
        return _did_not(kernel_name, error)
    if isinstance(error, NamespaceError):
        return RefusedError(
            f"{place.words()}: what it leaves could not be carried into the next step's own "
            f"kernel: {error}",
            diagnostics=(),
            where=place.origin(),
            fix="Run without --isolate, or give both steps the same tag.",
        )
    if isinstance(error, NoSuchKernel):
        from nbprod.run.environment import kernel_interpreter

        kernel_interpreter(kernel_name)  # raises the error that lists the kernels
    if isinstance(error, RuntimeError | FileNotFoundError) and place.capture.current is None:
        return _did_not(kernel_name, error)
    if isinstance(error, OSError):
        return SystemFailedError(
            f"The run could not be written: {error.strerror or error}.",
            fix="Check the free space and the permissions of the notebook's folder.",
        )
    return None


def _did_not(kernel_name: str, error: BaseException) -> SystemFailedError:
    return kernel_did_not_start(kernel_name, str(error))
