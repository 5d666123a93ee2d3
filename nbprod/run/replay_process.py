"""Step processes: each calls one generated step function and compares what it gives.

Started by path in the kernel's interpreter, where nbprod need not be installed:
``python replay_process.py JOB.json``. The libraries are imported once, then a process
is forked for each step, with a session and memory of its own; where a library does not
survive a fork, each step gets an interpreter of its own. A step's answer and what it
prints go to the files that the job names. On stdout, one JSON line tells when a step's
process starts and ends.
"""

from __future__ import annotations

import sys

# This file's own folder must not hide modules of the user's.
if __name__ == "__main__":
    sys.path.pop(0)

import ast
import asyncio
import functools
import gc
import importlib
import importlib.machinery
import importlib.util
import inspect
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

_NBPROD = Path(__file__).resolve().parents[1]
_RUNTIME = "_nbprod_kernel"


class NbprodFinder:
    """Finds nbprod and nothing else in the folder where it is installed."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> Any:  # noqa: ANN401
        """Return the spec of ``nbprod``; its submodules are found from there."""
        if name != "nbprod":
            return None
        return importlib.machinery.PathFinder.find_spec(name, [str(_NBPROD.parent)], target)


def main(job_path: str) -> None:
    """Do the job that a file describes."""
    job = json.loads(Path(job_path).read_bytes())
    sys.meta_path.insert(0, NbprodFinder())
    sys.path.insert(0, job["project"])
    runtime = _load_runtime()
    job["given"] = _take_secrets(runtime) if job["secrets"] else {}
    _compare_as_rewritten(runtime)
    if job.get("alone"):
        _answer({**job, **job["steps"][0]}, runtime)
        return
    signal.signal(signal.SIGTERM, _terminated)
    Crew(job, runtime).work()


def _terminated(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def _take_secrets(runtime: Any) -> dict[str, dict[str, str]]:  # noqa: ANN401
    """Read the secrets from the pipe that this process was started with; nobody else can."""
    given: dict[str, dict[str, str]] = json.loads(sys.stdin.read())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    for values in given.values():
        runtime.withheld.give(values.items())
    return given


class Crew:
    """The processes of a job, at most ``jobs`` at a time.

    Args:
        job: The job.
        runtime: The kernel-side runtime, loaded.
    """

    def __init__(self, job: dict[str, Any], runtime: Any) -> None:  # noqa: ANN401
        self._job = job
        self._runtime = runtime
        self._running: dict[int, tuple[str, float]] = {}
        self._late: set[int] = set()
        self._printed: dict[int, tuple[dict[str, Any], tuple[int, int]]] = {}
        self._exclusive = ""
        self._forks = hasattr(os, "fork") and self._import_first()

    def _import_first(self) -> bool:
        """Import what the steps import; tell whether a fork is safe after that."""
        _look_like_a_notebook(self._job, self._runtime)
        try:
            importlib.import_module(f"{self._job['package']}.steps")
            importlib.import_module(self._job["comparer"].partition(":")[0])
        except BaseException:
            return False  # each step's own process will meet it and tell
        gc.freeze()
        return threading.active_count() == 1 and not _NO_FORK & sys.modules.keys()

    def work(self) -> None:
        """Run the steps in order; return when all have ended."""
        waiting = list(self._job["steps"])
        try:
            while waiting or self._running:
                while len(self._running) < self._job["jobs"]:
                    step = self._next(waiting)
                    if step is None:
                        break
                    if step["exclusive"]:
                        self._exclusive = step["step"]
                        self._runtime.filestate.bring(step["before"], step["kept"])
                    pid = self._fork(step) if self._forks else self._spawn(step)
                    self._running[pid] = (step["step"], time.monotonic())
                    _tell({"started": step["step"], "pid": pid})
                self._collect()
        finally:
            for pid in self._running:
                _kill(pid)

    def _next(self, waiting: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Take the next step that may start.

        Steps that read or write files which the notebook writes run one at a time, in
        the notebook's order, each with the files as they were before it.
        """
        busy = any(name == self._exclusive for name, _ in self._running.values())
        for place, step in enumerate(waiting):
            if not (step["exclusive"] and busy):
                return waiting.pop(place)
        return None

    def _fork(self, step: dict[str, Any]) -> int:
        sys.stdout.flush()
        files = self._files(step)
        pid = os.fork()
        if pid:
            self._opened(pid, step, files)
            return pid
        code = 1
        try:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            for number, file in enumerate(files, start=1):
                os.dup2(file, number)
            _answer({**self._job, **step}, self._runtime)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(code)

    def _spawn(self, step: dict[str, Any]) -> int:
        job = Path(step["answer"] + ".job")
        written = {name: each for name, each in self._job.items() if name != "given"}
        job.write_text(json.dumps({**written, "steps": [step], "alone": True}))
        files = self._files(step)
        process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), str(job)],
            stdin=subprocess.PIPE,
            stdout=files[0],
            stderr=files[1],
            start_new_session=True,
            text=True,
        )
        assert process.stdin is not None
        with process.stdin as pipe:
            pipe.write(json.dumps(self._job["given"]))
        self._opened(process.pid, step, files)
        return process.pid

    def _files(self, step: dict[str, Any]) -> tuple[int, int]:
        """Open what a step's process prints into: files in memory while there are secrets."""
        if not self._job["given"]:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            return os.open(step["stdout"], flags, 0o600), os.open(step["stderr"], flags, 0o600)
        return _memory_file(), _memory_file()

    def _opened(self, pid: int, step: dict[str, Any], files: tuple[int, int]) -> None:
        if self._job["given"]:
            self._printed[pid] = (step, files)
        else:
            for file in files:
                os.close(file)

    def _write_printed(self, pid: int) -> None:
        """Write what a step's process printed, without the secrets in it."""
        if pid not in self._printed:
            return
        step, files = self._printed.pop(pid)
        redact = self._runtime.withheld.given.redact
        for number, file in enumerate(files):
            name = ("stdout", "stderr")[number]
            with os.fdopen(file, "rb") as stream:
                stream.seek(0)
                data = stream.read()
            parts = [data]
            answer = Path(step["answer"])
            if name == "stdout" and answer.exists():
                document = json.loads(answer.read_bytes())
                begin, end = document.get("printed", (0, len(data)))
                parts = [data[:begin], data[begin:end], data[end:]]
            texts = [
                redact(part.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
                for part in parts
            ]
            if len(texts) > 1:
                begin = len(texts[0])
                document["printed"] = [begin, begin + len(texts[1])]
                answer.write_text(json.dumps(document, allow_nan=False))
            Path(step[name]).write_bytes(b"".join(texts))

    def _collect(self) -> None:
        """Wait for a moment; tell which steps ended, kill those that take too long."""
        ended, status = os.waitpid(-1, os.WNOHANG) if self._running else (0, 0)
        if ended in self._running:
            name, _ = self._running.pop(ended)
            _kill(ended)  # what it started and left behind
            self._write_printed(ended)
            code = os.waitstatus_to_exitcode(status)
            _tell({"ended": name, "code": code, "late": ended in self._late})
            return
        limit = self._job["timeout"]
        for pid, (_, started) in self._running.items():
            if limit and pid not in self._late and time.monotonic() - started > limit:
                self._late.add(pid)
                _kill(pid)
        time.sleep(0.01)


# Libraries that start threads when imported, or say that they do not survive a fork.
_NO_FORK = {"tensorflow", "jax", "polars", "pyspark", "grpc", "ray", "dask.distributed"}


def _memory_file() -> int:
    """Return a file that lies on no disk, where the system has such."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("printed")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _tell(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _answer(job: dict[str, Any], runtime: Any) -> None:  # noqa: ANN401
    """Replay one step and write its answer."""
    _look_like_a_notebook(job, runtime)
    runtime.unlisted.leave_out(job["root"])
    try:
        answer = _compare_runs(job, runtime) if "again" in job else _replay(job, runtime)
    except BaseException as error:
        answer = {"printed": [0, 0], "error": _describe(error, job["project"])}
    answer = runtime.withheld.given.redacted(answer)
    beside = Path(job["answer"] + ".part")
    beside.write_text(json.dumps(answer, allow_nan=False))
    beside.replace(job["answer"])


def _load_runtime() -> Any:  # noqa: ANN401
    folder = str(_NBPROD / "run" / "kernel")
    spec = importlib.util.spec_from_file_location(
        _RUNTIME, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[_RUNTIME] = module
    spec.loader.exec_module(module)
    names = ("ambient", "artifacts", "drawn", "figures", "files", "filestate", "fingerprint")
    for name in (
        *names,
        "filters",
        "mutations",
        "rewrite",
        "set_orders",
        "shell",
        "unlisted",
        "withheld",
    ):
        setattr(module, name, importlib.import_module(f"{_RUNTIME}.{name}"))
    module.filters.note_start()
    return module


def _look_like_a_notebook(job: dict[str, Any], runtime: Any) -> None:  # noqa: ANN401
    """Let figures and displayed values be noted instead of shown."""
    if "matplotlib" not in sys.modules:
        os.environ["MPLBACKEND"] = runtime.drawn.BACKEND
    modules = sorted(Path(job["project"]).rglob("*.py"))  # the author's own display things, too
    source = "".join(path.read_text(encoding="utf-8", errors="replace") for path in modules)
    if "display" in source and importlib.util.find_spec("IPython") is not None:
        display: Any = importlib.import_module("IPython.display")
        functions: Any = importlib.import_module("IPython.core.display_functions")
        display.display = functions.display = runtime.drawn.display
    if "capture_output" in source and importlib.util.find_spec("IPython") is not None:
        runtime.drawn.forget_captured()
    if runtime.shell.is_asked_for(Path(job["project"]), ("tests", "service.py")):
        runtime.shell.start()


def _compare_as_rewritten(runtime: Any) -> None:  # noqa: ANN401
    """Tell the comparison how the run rewrote the functions that its artifacts hold."""
    compiled = importlib.import_module("nbprod.compare.compiled")
    rewrite = runtime.rewrite
    compiled.rewritings[rewrite.HOOKS_MODULE] = lambda tree: rewrite.ObservedCalls().visit(tree)


def _pandas_as_in_a_notebook() -> None:
    """Give pandas the options that it has in a kernel.

    Elsewhere it looks at the terminal to decide how wide a printed frame is.
    """
    pandas: Any = sys.modules.get("pandas")
    if pandas is None:
        return
    pandas.set_option("mode.sim_interactive", True)
    if pandas.get_option("display.max_columns") == 0:
        pandas.set_option("display.max_columns", 20)


def _replay(job: dict[str, Any], runtime: Any) -> dict[str, Any]:  # noqa: ANN401
    runtime.set_orders.hide_seed(job["hash_seed"])
    package = job["package"]
    steps = importlib.import_module(f"{package}.steps")
    definitions = _optional(f"{package}.definitions")
    load = functools.partial(runtime.artifacts.load_variables, around=vars(steps))
    runtime.fingerprint.home_of.update(dict.fromkeys(job["modules"], "__main__"))
    _define_in_main(steps, definitions)
    load_inputs = functools.partial(
        load, definitions=definitions, rename=_generated_names(job, runtime)
    )
    captured = load_inputs(job["inputs"]["path"], job["inputs"]["sha256"])
    parameters = _parameters(job)
    # Before the step may change its inputs.
    compared = _come_back(job, captured["variables"], runtime)
    compared += _undeclared(job, captured["variables"], load_inputs)
    if captured["ambient"] is not None:
        runtime.mutations.import_again(captured["ambient"].get("own_modules", []))
        imported = list(warnings.filters)
        runtime.ambient.restore(captured["ambient"])
        runtime.mutations.restore(captured["ambient"].get("modules", []))
        # The step's own imports, done already, would have added theirs in the notebook.
        added = [found for found in imported if found not in warnings.filters]
        warnings.filters.extend(added)  # type: ignore[attr-defined]
    _pandas_as_in_a_notebook()
    arguments = {name: captured["variables"][name] for name in job["input_names"]}
    arguments.update(parameters)
    environment = runtime.ambient.environment()
    plotting = (captured["ambient"] or {}).get("plotting") or {}
    interactive = True if job["interactive"] else None
    if interactive is None and plotting.get("inline"):
        interactive = captured["ambient"]["matplotlib"]["interactive"]
    forms = [figure["form"] for figure in job["figures"]]
    runtime.drawn.begin(forms, interactive=interactive)
    backend = plotting.get("backend") or {}
    if runtime.figures.draws_a_file(backend):
        importlib.import_module("matplotlib").use(backend["name"])
        job["inline"] = False
    watch = _watch_files(job, runtime)
    began = runtime.ambient.snapshot(environment)
    before = _printed_so_far()
    started = time.perf_counter()
    returned = getattr(steps, job["function"])(**arguments)
    if inspect.iscoroutine(returned):
        returned = asyncio.run(returned)
    seconds = time.perf_counter() - started
    runtime.drawn.end_cell()
    after = _printed_so_far()
    ended = runtime.ambient.snapshot(environment)
    written = watch.changes()
    with watch.paused():
        outputs = _named(returned, job["output_names"])
        # Before anything is compared: a comparison may fill caches inside the values.
        saved = runtime.artifacts.save_variables(outputs, list(outputs), job["save"])
        expected = _expected(job, load, definitions)
        compared.extend(_compare_outputs(job, outputs, expected))
        compared.extend(_compare_shown(job, runtime.drawn))
        compared.extend(_compare_files(job, written))
        if job["contiguous"] and captured["ambient"] and expected.get("ambient"):
            found = runtime.ambient.differences(
                captured["ambient"], expected["ambient"], began, ended
            )
            compared.extend(_part(name, "ambient", text) for name, text in found.items())
    return {
        "printed": [before, after],
        "seconds": seconds,
        "compared": compared,
        "saved": saved,
    }


def _define_in_main(*modules: ModuleType | None) -> None:
    """Let files that the notebook pickled find its functions and classes."""
    main = ModuleType("__main__")
    for module in modules:
        for name, value in vars(module).items() if module is not None else ():
            if isinstance(value, type | FunctionType):
                setattr(main, name, value)
    sys.modules["__main__"] = main


def _generated_names(job: dict[str, Any], runtime: Any) -> Any:  # noqa: ANN401
    """Return what gives a class of the notebook's the name that it has in the generated code.

    One that a step's function makes is no other module's: its instances came with the
    notebook's class. Their ``repr`` must show here what it shows in a run of the project.
    """
    module = f"{job['package']}.steps"
    tree = ast.parse(Path(job["project"], job["package"], "steps.py").read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [each for each in tree.body if isinstance(each, kinds)]
    makers = {
        inner.name: each.name
        for each in functions
        for inner in ast.walk(each)
        if isinstance(inner, ast.ClassDef) and not _names_itself(inner)
    }

    def rename(kind: type) -> None:
        if kind.__module__ != "__main__":
            return
        type.__setattr__(kind, "__module__", module)  # a metaclass may have its own way
        maker = makers.get(kind.__qualname__.partition(".")[0])
        if maker is not None:
            runtime.fingerprint.renamed[id(kind)] = kind, kind.__qualname__
            type.__setattr__(kind, "__qualname__", f"{maker}.<locals>.{kind.__qualname__}")

    return rename


def _names_itself(node: ast.ClassDef) -> bool:
    """Tell whether the generated class says what its ``__qualname__`` is."""
    return any(
        isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "__qualname__"
        for each in node.body
    )


def _watch_files(job: dict[str, Any], runtime: Any) -> Any:  # noqa: ANN401
    """Watch what the step writes; what it overwrites is kept, and noted for the host."""
    # Beside other steps, a look at the folder would show what those write.
    watch = runtime.files.FileWatch(job["kept"], job["root"] if job["exclusive"] else "")

    def note(state: dict[str, Any]) -> None:
        with open(job["touched"], "a", encoding="utf-8") as file:
            file.write(json.dumps(state) + "\n")
            file.flush()
            os.fsync(file.fileno())

    watch.on_touch = note
    watch.start()
    return watch


def _part(name: str, kind: str, difference: str, *, comparable: bool = True) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "equal": not difference,
        "detail": difference,
        "comparable": comparable,
    }


def _compare_shown(job: dict[str, Any], drawn: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """Compare figures by what they show, displayed values by their text."""
    figures: Any = importlib.import_module("nbprod.compare.images")
    found = []
    wanted = [Path(figure["path"]).read_bytes() for figure in job["figures"]]
    count = max(len(wanted), len(drawn.figures)) if job["inline"] else 0
    for number in range(count):
        name = f"figure {number + 1}"
        if number >= len(wanted):
            found.append(_part(name, "figure", "the notebook does not show it"))
        elif number >= len(drawn.figures):
            found.append(_part(name, "figure", "only the notebook shows it"))
        elif drawn.figures[number] is None:
            found.append(_part(name, "figure", "it could not be drawn", comparable=False))
        else:
            difference = figures.image_difference(drawn.figures[number], wanted[number])
            found.append(_part(name, "figure", difference))
    if drawn.texts or job["displayed"]:
        difference = figures.texts_difference(drawn.texts, job["displayed"])
        found.append(_part("displayed values", "display", difference))
    return found


def _compare_files(job: dict[str, Any], written: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Compare the files that the step wrote, made or deleted with the notebook's."""
    files: Any = importlib.import_module("nbprod.compare.files")
    definitions = _optional(f"{job['package']}.definitions")
    ours = {found.get("at", found["path"]): found for found in written}
    found = []
    for path in sorted({*ours, *(each["path"] for each in job["files"])}):
        wanted = next((each for each in job["files"] if each["path"] == path), None)
        mine = ours.get(path)
        passing = path.startswith(job["temporary"]) and not path.startswith(job["root"] + os.sep)
        if passing and (wanted is None or mine is None):
            continue  # its name may be another each time
        name = os.path.relpath(path, job["root"])
        name = path if name.startswith("..") else name
        if wanted is None and mine and not mine.get("witnessed", True):
            continue  # somebody else's, meanwhile: the step runs the notebook's statements
        if wanted is None:
            difference = "the notebook does not write it" if mine and mine["sha256"] else ""
            difference = difference or "the notebook does not delete it"
        elif mine is None:
            difference = "only the notebook writes it" if wanted["sha256"] else ""
            difference = difference or "only the notebook deletes it"
        else:
            kept = os.path.join(job["kept"], wanted["sha256"])
            difference = files.file_difference(mine, wanted, kept, definitions)
        found.append(_part(name, "file", difference))
    return found


def _compare_runs(job: dict[str, Any], runtime: Any) -> dict[str, Any]:  # noqa: ANN401
    """Compare what a step gave in a second run of the notebook with the first."""
    again = job["again"]
    definitions = _optional(f"{job['package']}.definitions")
    steps = importlib.import_module(f"{job['package']}.steps")
    load = functools.partial(runtime.artifacts.load_variables, around=vars(steps))
    expected, found = (_expected(each, load, definitions) for each in (job, again))
    compared = _compare_outputs(job, found["variables"], expected)
    runtime.drawn.begin([])
    runtime.drawn.figures.extend(Path(each["path"]).read_bytes() for each in again["figures"])
    runtime.drawn.texts.extend(again["displayed"])
    compared.extend(_compare_shown(job, runtime.drawn))
    written = [
        {**state, "path": os.path.join(again["kept"], state["sha256"]), "at": state["path"]}
        for state in again["files"]
    ]
    compared.extend(_compare_files(job, written))
    return {"compared": compared}


def _optional(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            return None
        raise


def _parameters(job: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of the step as the generated wiring would pass them."""
    if not job["parameter_names"]:
        return {}
    module = importlib.import_module(f"{job['package']}.parameters")
    # Literals that nbprod wrote into the signed record.
    given = {name: eval(text, {}) for name, text in job["parameters"].items()}  # noqa: S307
    given.update(job["given"].get("parameters", {}))
    parameters = module.Parameters(**given)
    return {name: getattr(parameters, name) for name in job["parameter_names"]}


def _printed_so_far() -> int:
    sys.stdout.flush()
    return os.fstat(1).st_size


def _named(returned: Any, names: list[str]) -> dict[str, Any]:  # noqa: ANN401
    if not names:
        return {}
    if len(names) == 1:
        return {names[0]: returned}
    if not isinstance(returned, tuple) or len(returned) != len(names):
        raise TypeError(f"the step must return {', '.join(names)}")
    return dict(zip(names, returned))  # noqa: B905 - the interpreter may be 3.9


def _compare(job: dict[str, Any], one: Any, other: Any) -> dict[str, Any]:  # noqa: ANN401
    module, _, function = job["comparer"].partition(":")
    found = getattr(importlib.import_module(module), function)(one, other)
    return {"equal": found.equal, "detail": found.detail, "comparable": found.comparable}


def _come_back(
    job: dict[str, Any],
    variables: dict[str, Any],
    runtime: Any,  # noqa: ANN401
) -> list[dict[str, Any]]:
    """Find inputs that being saved and loaded made into something else."""
    prints = {name: text for name, text in job["prints"].items() if name in job["input_names"]}
    changed = runtime.fingerprint.unlike(variables, prints)
    # ``os.environ`` and the like are the process's own: their state is restored and compared.
    own = runtime.artifacts.reductions.singletons()
    return [
        _part(name, "input", LOSSY, comparable=False)
        for name in changed
        if id(variables[name]) not in own
    ]


LOSSY = "it does not come back from being saved as it was"


def _undeclared(
    job: dict[str, Any],
    variables: dict[str, Any],
    load: Any,  # noqa: ANN401
) -> list[dict[str, Any]]:
    """Find inputs that changed after the step that made them, without being declared."""
    found: list[dict[str, Any]] = []
    loaded: dict[str, Any] = {}
    for name, producer in job["producers"].items():
        path = producer["path"]
        if path not in loaded:
            loaded[path] = load(path, producer["sha256"])
        outcome = _compare(job, variables[name], loaded[path]["variables"][name])
        if not outcome["equal"]:
            where = f"not as step {producer['step']} left it"
            detail = f"{where}: {outcome['detail']}"
            found.append({"name": name, "kind": "input", **outcome, "detail": detail})
    return found


def _expected(job: dict[str, Any], load: Any, definitions: Any) -> dict[str, Any]:  # noqa: ANN401
    if job["outputs"] is None:
        return {"variables": {}, "ambient": None}
    found: dict[str, Any] = load(
        job["outputs"]["path"], job["outputs"]["sha256"], definitions=definitions
    )
    return found


def _compare_outputs(
    job: dict[str, Any], outputs: dict[str, Any], expected: dict[str, Any]
) -> list[dict[str, Any]]:
    compared = []
    for name, value in outputs.items():
        if name in expected["variables"]:
            outcome = _compare(job, value, expected["variables"][name])
        else:
            reason = job["unsaved"].get(name, "the run did not capture it")
            detail = f"cannot be compared: {reason}"
            outcome = {"equal": False, "detail": detail, "comparable": False}
        compared.append({"name": name, "kind": "output", **outcome})
    return compared


def _describe(error: BaseException, project: str) -> dict[str, Any]:
    """Describe an exception: its last line, its frames within the project."""
    frames = []
    root = os.path.realpath(project) + os.sep
    for frame in traceback.extract_tb(error.__traceback__):
        path = os.path.realpath(frame.filename)
        if path.startswith(root):
            frames.append((path[len(root) :].replace(os.sep, "/"), frame.lineno or 0))
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return {
        "message": traceback.format_exception_only(type(error), error)[-1].strip(),
        "frames": frames,
        "traceback": "".join(lines).rstrip(),
    }


if __name__ == "__main__":
    main(sys.argv[1])
