"""The client that runs a notebook's cells: papermill's own, and what is ours around it.

Architecture invariant: what papermill's own engine does with a cell's outputs,
counts and metadata happens here by its code, not by a copy of it.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import Empty
from secrets import randbelow
from typing import Any

from jupyter_core.utils import ensure_async, ensure_event_loop, run_sync
from nbclient.exceptions import CellExecutionError
from papermill.clientwrap import PapermillNotebookClient

from nbprod.errors import SystemFailedError
from nbprod.notebook.tags import PARAMETERS_TAGS
from nbprod.run.cache.session import Session, StartOverError
from nbprod.run.capture import Capture
from nbprod.run.failure import missing_name
from nbprod.run.kernel import artifacts, measured, set_orders, withheld
from nbprod.run.kernel_log import kernel_log
from nbprod.run.plan import INJECTED_TAG, SKIP_TAG, CellPlan
from nbprod.run.printed_metrics import printed_by_metrics_cells, printed_metrics
from nbprod.run.redaction import redact_message

KERNEL_FOLDER = Path(__file__).parent / "kernel"
_BOOT = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location(
    "_nbprod_kernel", {init!r}, submodule_search_locations=[{folder!r}])
module = importlib.util.module_from_spec(spec)
sys.modules["_nbprod_kernel"] = module
spec.loader.exec_module(module)
from _nbprod_kernel.bootstrap import start
start({settings!r})
"""
_STARTS = 3
_LONGEST_FOLDER = 80  # a socket's whole path has at most 107 characters, on macOS 103
_HIGHEST_HASH_SEED = 2**32 - 1
_NOTHING = "no answer"
_CARRIED = ("sha256", "search", "prints", "shown")
_CALL = "__import__('sys').modules['_nbprod_kernel.bootstrap'].call({request!r})"

quiet_log = logging.getLogger("nbprod.kernel")
quiet_log.addHandler(logging.NullHandler())
quiet_log.propagate = False


class NbprodClient(PapermillNotebookClient):  # type: ignore[misc]
    """Runs the cells of a notebook and captures what a :class:`Capture` asks for.

    Args:
        nb_man: papermill's execution manager.
        capture: What to capture.
        **options: nbclient's own.
    """

    def __init__(self, nb_man: Any, capture: Capture, **options: Any) -> None:  # noqa: ANN401
        if capture.cell_timeout or capture.run_timeout:
            options["timeout_func"] = self._seconds_left
        super().__init__(nb_man, **options)
        self.capture = capture
        self.cells = plan_cells(nb_man.nb, capture)
        if capture.run_timeout:
            capture.deadline = time.monotonic() + capture.run_timeout
        self._observing = False
        self._groups: set[int] = set()
        self._children: list[Any] = []
        self._folders: list[str] = []
        self._kernel_options: dict[str, Any] = {}
        self.session: Session | None = None

    def _seconds_left(self, cell: Any) -> float | None:  # noqa: ANN401
        limits = [self.capture.cell_timeout] if self.capture.cell_timeout else []
        if self.capture.run_timeout:
            limits.append(max(0.1, self.capture.deadline - time.monotonic()))
        return min(limits) if limits else None

    def execute(self, **options: Any) -> Any:  # noqa: ANN401
        """Run the notebook; whatever happens, the kernel and its children are gone after."""
        with ExitStack() as stack:
            stack.callback(self._remove_folders)
            stack.callback(self._kill_groups)
            environment = self.capture.secrets.environment()
            if not os.environ.get(set_orders.VARIABLE):
                # Sets of texts have one order in all kernels of the run, and in its replay.
                seed = self.capture.hash_seed or str(1 + randbelow(_HIGHEST_HASH_SEED))
                self.capture.hash_seed = seed
                environment = {**(environment or os.environ), set_orders.VARIABLE: seed}
            if environment is not None:
                self._kernel_options["env"] = environment
            if self.capture.folder is not None:
                log = stack.enter_context(kernel_log(self.capture.folder.kernel_log))
                self._kernel_options |= {"stdout": log, "stderr": log}
            elif self.capture.secrets:  # else it would write to our own terminal
                nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
                self._kernel_options |= nowhere
            try:
                return super().execute(**options, **self._kernel_options)
            except KeyboardInterrupt:
                # The cell's own task fails a little later, and nobody asks for its error then.
                ensure_event_loop().set_exception_handler(lambda *_: None)
                raise

    def create_kernel_manager(self) -> Any:  # noqa: ANN401
        """Let the kernel be talked to through sockets in a folder that only this user can enter.

        Of TCP ports, Jupyter chooses free ones first and the kernel binds them later: another
        kernel may have taken one meanwhile. And anybody on the machine can connect to them.
        """
        manager = super().create_kernel_manager()
        folder = tempfile.mkdtemp(prefix="nbprod-kernel-")
        self._folders.append(folder)
        if os.name == "posix" and len(folder) < _LONGEST_FOLDER:
            manager.transport = "ipc"
            manager.connection_file = f"{folder}/kernel.json"
            manager.ip = f"{folder}/socket"
        return manager

    async def async_start_new_kernel_client(self) -> Any:  # noqa: ANN401
        """Start a kernel anew that died before it answered.

        Raises:
            KernelStartError: None of three answered, with the kernel's last words.
        """
        for left in reversed(range(_STARTS)):
            try:
                return await super().async_start_new_kernel_client()
            except RuntimeError as error:
                died = "died" in str(error)
                if not left or not died:
                    told = self._last_words() if died else ""
                    raise KernelStartError(told or str(error)) from error
            self.km = self.create_kernel_manager()
            await self.async_start_new_kernel(**self._kernel_options)
        return None

    def _last_words(self) -> str:
        """Return the last line that the kernel wrote by itself."""
        if self.capture.folder is None:
            return ""
        lines = self.capture.folder.kernel_log.read_text(errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    start_new_kernel_client = run_sync(async_start_new_kernel_client)

    async def _async_cleanup_kernel(self) -> None:
        # nbclient forgets the manager of a kernel that did not start, and asserts it here:
        # that would hide why it did not.
        self._note_children()
        if self.km is not None:
            await super()._async_cleanup_kernel()

    _cleanup_kernel = run_sync(_async_cleanup_kernel)

    def papermill_execute_cells(self) -> None:
        """Run the cells in order until one fails, as papermill's client does."""
        self._enter_kernel()
        opened = self.capture.cache if self._observing else None
        self.session = opened(self.nb, self.cells) if opened is not None else None
        if self.capture.ahead is not None:
            self._leave_out_behind(self.capture.ahead.step)
        try:
            self._run_cells()
        except StartOverError as reason:
            assert self.session is not None
            if self.capture.ahead is not None:
                raise
            self.session.tell_start_over(str(reason))
            self.session.undo()
            self._fresh_kernel()
            self.capture.begin_again()
            self.session = self.session.anew()
            self._run_cells()
        if self._observing:
            self.capture.ask_files(self._ask)

    def _leave_out_behind(self, step: str) -> None:
        """Run nothing behind the cells of a step."""
        last = max(place for place, cell in enumerate(self.cells) if cell.step == step)
        behind = [cell for cell in self.cells[last + 1 :] if cell.runs]
        self._following = behind[0] if behind else None
        self.cells = self.cells[: last + 1]

    _following: CellPlan | None = None

    def _run_cells(self) -> None:
        secrets = list(self.capture.secrets.parameters)
        given_after = _parameters_end(self.nb)
        if given_after < 0:
            self._bind(secrets)
        earlier: CellPlan | None = None
        skipping = False
        for cell in self.cells:
            node = self.nb.cells[cell.index]
            if cell.index == given_after + 1 and given_after >= 0:
                self._bind(secrets)
            if not cell.runs:
                self.nb_man.cell_start(node, cell.index)
                self.nb_man.cell_complete(node, cell_index=cell.index)
                continue
            if self.session is not None and self.session.begins(cell):
                skipping = self._begin_stretch(self.session, cell, earlier)
            elif not skipping:
                earlier = self._between(cell, earlier)
            if skipping:
                self._skip_cell(cell, node)
                earlier = None
                continue
            if not self._run_cell(cell, node):
                break
            earlier = cell
        else:
            if self._observing:
                self._finish(earlier)

    def _begin_stretch(self, session: Session, cell: CellPlan, earlier: CellPlan | None) -> bool:
        """Take a stretch of cells from an earlier run, or get ready to run it.

        Returns:
            Whether it was taken.

        Raises:
            StartOverError: The kernel cannot have what the cells need.
        """
        if earlier is not None:
            session.ran(self.capture.leave(self._ask, earlier, cell, session.keep_request()))
        elif not session.started:
            session.note_state(self.capture.look(self._ask))
        found = session.find(cell)
        ahead = self.capture.compute_ahead
        if found is None and ahead is not None and ahead(session):
            found = session.find(cell)
        if found is not None:
            with suppress(OSError, ValueError):
                session.take(found)
                return True
        elif session.defers(cell) or session.passes_over():
            session.defer()
            return True
        given = session.prepare(self._ask)
        survey = self.capture.enter(self._ask, cell, session.inputs if given else ())
        truth = self.capture.truth
        if given:
            session.check(survey)
        if truth is not None and (given or earlier is None):
            self.capture.tell(truth.resume(cell, session.known_prints(), session.state))
        return False

    def _skip_cell(self, cell: CellPlan, node: Any) -> None:  # noqa: ANN401
        outputs, count = node.outputs, node.execution_count
        self.nb_man.cell_start(node, cell.index)
        node.outputs, node.execution_count = outputs, count
        self.capture.cell_skipped(cell, self.cells)
        self.nb_man.cell_complete(node, cell_index=cell.index)

    def _finish(self, earlier: CellPlan | None) -> None:
        """Collect what the run gave."""
        capture, session = self.capture, self.session
        if session is None:
            if earlier is not None:
                capture.after_last_cell(self._ask, earlier)
                self._require_apart(earlier)
        else:
            if earlier is not None:
                request = session.keep_request()
                session.ran(capture.leave(self._ask, earlier, self._following, request))
            session.finish(self._ask)
        printed = printed_metrics(printed_by_metrics_cells(self.nb.cells))
        capture.metrics |= {
            name: value for name, value in printed.items() if name not in capture.metrics
        }

    def _bind(self, secrets: list[str]) -> None:
        """Give parameters that are secrets their values, in the kernel alone.

        Raises:
            SystemFailedError: The kernel did not take them.
        """
        if secrets:
            if self._observing:
                answer = self._ask("bind_secrets", {"names": secrets})
            else:
                values = {name: self.capture.secrets.parameters[name] for name in secrets}
                answer = self._hidden(f"globals().update({values!r})")
            if answer.get("error", _NOTHING) != _NOTHING:
                raise SystemFailedError("The kernel did not take the notebook's secrets.")

    def process_message(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        """Take a message of the kernel in, without the secrets in it."""
        if withheld.given:
            message, cell = arguments[:2]
            redact_message(message, cell.get("outputs", ()))
        kind = arguments[0]["msg_type"]
        if kind == "update_display_data":
            self.capture.showed_elsewhere = True
        elif kind == "comm_open":
            self.capture.showed_widget = True
        return super().process_message(*arguments, **options)

    async def _check_raise_for_error(self, cell: Any, cell_index: int, exec_reply: Any) -> None:  # noqa: ANN401
        if withheld.given and exec_reply is not None:
            redact_message(exec_reply, ())
        await super()._check_raise_for_error(cell, cell_index, exec_reply)

    def _run_cell(self, cell: CellPlan, node: Any) -> bool:  # noqa: ANN401
        state = "interrupted"
        self.capture.cell_begins(cell, self.cells)
        try:
            self.nb_man.cell_start(node, cell.index)
            self.execute_cell(node, cell.index)
            state = "completed"
        except CellExecutionError as error:
            state = "failed"
            self._require_own(error)
            self.nb_man.cell_exception(node, cell_index=cell.index, exception=error)
        except Exception:
            state = "failed"
            self.capture.kernel_exit = self._kernel_exit()
            raise
        finally:
            self.capture.note_output(cell, _printed(node))
            self.capture.cell_ends(cell, self.cells, state)
            self.nb_man.cell_complete(self.nb.cells[cell.index], cell_index=cell.index)
        return state == "completed"

    def _require_own(self, error: CellExecutionError) -> None:
        """Let the notebook run anew if a cell misses what a skipped one may have bound."""
        missing = missing_name(error.ename, error.evalue)
        if missing and self.session is not None and self.session.may_be_ours(missing):
            raise StartOverError(f"`{missing}` was not there")

    def _kernel_exit(self) -> int | None:
        """Return how the kernel's process ended, ``None`` if it did not or that is unknown."""
        process = getattr(getattr(self.km, "provisioner", None), "process", None)
        return process.poll() if process is not None else None

    def _between(self, cell: CellPlan, earlier: CellPlan | None) -> CellPlan | None:
        """Do what is due before a cell runs: save variables, or change the kernel."""
        if self._observing:
            self.capture.before_cell(self._ask, cell, earlier)
            if earlier is not None:
                self._require_apart(earlier)
            if (
                self.capture.isolate
                and earlier
                and cell.step
                and self._stretch not in {"", cell.step}
            ):
                self._change_kernel(cell)
        if cell.step:
            self._stretch = cell.step
        return earlier

    _stretch = ""

    def _require_apart(self, earlier: CellPlan) -> None:
        """Refuse what has overwritten memory that only a kernel before this one shared.

        Raises:
            NamespaceError: A step that reads it had or would have something else.
        """
        for changed, asked in self.capture.overwritten:
            for step in self.capture.plan.steps:
                if asked in step.inputs and step.cells and step.cells[-1] >= earlier.number:
                    raise NamespaceError(
                        f"`{asked}`, which step {step.name} reads, shows the memory of "
                        f"`{changed}`, which changed; in the kernels of steps each has its own"
                    )

    def _change_kernel(self, cell: CellPlan) -> None:
        """Go on in a fresh kernel that has what the old one had.

        Raises:
            NamespaceError: Something that later steps need could not be carried over.
        """
        assert self.capture.folder is not None
        path = self.capture.folder.artifacts / "namespace.pkl"
        try:
            self._carry_over(path, cell)
        finally:
            path.unlink(missing_ok=True)

    def _carry_over(self, path: Path, cell: CellPlan) -> None:
        later = [
            step for step in self.capture.plan.steps if step.cells and step.cells[-1] >= cell.number
        ]
        saved = self._ask("save_namespace", {"path": str(path)})
        if "error" in saved:
            raise NamespaceError(str(saved["error"]))
        unsaved, secrets = saved["unsaved"], saved["secrets"]
        assert isinstance(unsaved, dict)
        assert isinstance(secrets, list)
        self.capture.unsaved = unsaved
        readers = {name: step.name for step in reversed(later) for name in step.inputs}
        for name, reader in readers.items():
            if name in unsaved and unsaved[name] != artifacts.UNBOUND:
                raise NamespaceError(f"`{name}`, which step {reader} reads: {unsaved[name]}")
        self.capture.ask_files(self._ask)
        self._fresh_kernel()
        arguments = {"path": str(path), **{key: saved[key] for key in _CARRIED}}
        arguments["needed"] = list(readers)
        restored = self._ask("load_namespace", dict(arguments))
        if "error" in restored:
            raise NamespaceError(str(restored["error"]))
        self._bind(list(map(str, secrets)))
        problems, lost, changed = restored["problems"], saved["lost"], restored["changed"]
        assert isinstance(problems, list)
        assert isinstance(lost, list)
        assert isinstance(changed, list)
        if problems:
            raise NamespaceError(f"state of the process: {'; '.join(map(str, problems))}")
        if changed:
            raise NamespaceError("; ".join(map(str, changed)))
        if self.capture.truth is not None:
            self.capture.truth.move_on()
        for problem in lost:
            self.capture.warn(f"Between steps, state was not carried over: {problem}")

    def _fresh_kernel(self) -> None:
        self._cleanup_kernel()
        self._kill_groups()
        self.km = self.create_kernel_manager()
        self.start_new_kernel(**self._kernel_options)
        self.start_new_kernel_client()
        self._enter_kernel()

    def _enter_kernel(self) -> None:
        self._groups |= self._kernel_groups()
        self._observing = self.capture.folder is not None and self._boot()
        if self.capture.secrets:
            told = self._ask("secrets", self.capture.secrets.document()) if self._observing else {}
            if "error" in told:
                raise SystemFailedError("The kernel did not take the notebook's secrets.")

    def _kernel_groups(self) -> set[int]:
        provisioner = getattr(self.km, "provisioner", None)
        groups = {getattr(provisioner, "pgid", None), getattr(provisioner, "pid", None)}
        return {group for group in groups if group and group != os.getpgrp()}

    def _boot(self) -> bool:
        folder = self.capture.folder
        settings = {
            "hoisted": list(self.capture.plan.hoisted),
            "literals": dict(self.capture.plan.literals),
            "classes": list(self.capture.plan.classes),
            "hash_seed": self.capture.hash_seed,
            "package": self.capture.package,
            "files": self._files_folder(),
            "beside": str(self.capture.working_directory or "") if folder is not None else "",
            "ahead": self.capture.ahead is not None,
            "measures": any(measured.ASKS.search(cell.source) for cell in self.nb.cells),
        }
        source = _BOOT.format(
            init=str(KERNEL_FOLDER / "__init__.py"),
            folder=str(KERNEL_FOLDER),
            settings=json.dumps(settings),
        )
        answer = self._hidden(f"exec({source!r}, {{'__name__': '_nbprod_boot'}})")
        if "error" in answer:
            self.capture.warn(f"The run is not observed: {answer['error']}")
            return False
        self.capture.python = str(answer.get("python", ""))
        return True

    def _files_folder(self) -> str:
        """Return where the kernel keeps what the cells write; empty without fingerprints."""
        folder = self.capture.folder
        return str(folder.files) if folder is not None and self.capture.truth is not None else ""

    def _ask(self, verb: str, arguments: dict[str, object]) -> dict[str, object]:
        request = json.dumps({"verb": verb, "arguments": arguments})
        return self._hidden(_CALL.format(request=request))

    async def _async_hidden(self, code: str) -> dict[str, object]:
        assert self.kc is not None
        begun = time.monotonic()
        message = self.kc.execute(
            code, silent=True, store_history=False, allow_stdin=False, stop_on_error=False
        )
        while True:
            try:
                reply = await ensure_async(self.kc.shell_channel.get_msg(timeout=1))
            except Empty:
                await self._async_check_alive()
                continue
            if reply["parent_header"].get("msg_id") == message:
                break
        self.capture.overhead += time.monotonic() - begun
        return _answer(reply["content"])

    _hidden = run_sync(_async_hidden)

    def _remove_folders(self) -> None:
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
        self._folders.clear()

    def _note_children(self) -> None:
        """Note the kernel's children while it lives: some may have groups of their own."""
        import psutil

        pid = getattr(getattr(self.km, "provisioner", None), "pid", None)
        with suppress(psutil.Error):
            self._children += psutil.Process(pid).children(recursive=True) if pid else []

    def _kill_groups(self) -> None:
        """Kill what is left of the kernel's process group, and of its children."""
        import psutil

        self._note_children()
        for child in self._children:
            with suppress(psutil.Error):
                child.kill()
        self._children.clear()
        for group in self._groups:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
        self._groups.clear()


class KernelStartError(Exception):
    """No kernel answered, however often one was started."""


class NamespaceError(Exception):
    """The notebook's variables could not be carried into a fresh kernel."""


def _answer(content: dict[str, Any]) -> dict[str, object]:
    for payload in content.get("payload", ()):
        if payload.get("source") == "nbprod":
            found = json.loads(payload["answer"])
            assert isinstance(found, dict)
            return found
    reason = f"{content.get('ename', _NOTHING)}: {content.get('evalue', '')}".rstrip(": ")
    return {"error": reason}


def _printed(cell: Any) -> int:  # noqa: ANN401
    """Return the number of characters that a cell printed."""
    return sum(len(each.get("text", "")) for each in cell.get("outputs", ()))


def _parameters_end(nb: Any) -> int:  # noqa: ANN401
    """Return the index of the last cell that gives parameters their values; -1 for none."""
    wanted = {*PARAMETERS_TAGS, INJECTED_TAG}
    found = [
        index
        for index, cell in enumerate(nb.cells)
        if wanted.intersection(cell.get("metadata", {}).get("tags", ()))
    ]
    return max(found, default=-1)


def plan_cells(nb: Any, capture: Capture) -> list[CellPlan]:  # noqa: ANN401
    """Number the cells of a notebook and find each one's step."""
    cells: list[CellPlan] = []
    number = 0
    for index, cell in enumerate(nb.cells):
        tags = cell.get("metadata", {}).get("tags", [])
        injected = INJECTED_TAG in tags
        number += not injected
        runs = cell.cell_type == "code" and bool(cell.source.strip()) and SKIP_TAG not in tags
        own = 0 if injected else number
        cells.append(CellPlan(index, own, capture.plan.step_of(own) if own else "", runs))
    return cells
