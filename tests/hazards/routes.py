"""Run hazards plainly and by every route of nbprod's, and judge what came out."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from tests.hazards.hazard import Hazard
from tests.hazards.observation import Observation, observe

CORRECT = "correct"
WRONG = "silently wrong"
REFUSED = "refused"
FAILS = "fails at run"
ROUTES = ("run --isolate", "convert, run DIR", "verify")
AGAIN = "run, change the last step, run again"
KERNEL = "hazards"
_JUDGE = Path(__file__).with_name("judge.py")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a hazard fared on one route.

    Attributes:
        verdict: ``correct``, ``silently wrong``, ``refused`` or ``fails at run``.
        detail: The first difference, or the error's message.
        code: The exit code that the command line would have given.
        codes: Codes of the diagnostics that led to a refusal.
    """

    verdict: str
    detail: str = ""
    code: int = 0
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fate:
    """How a hazard fared on all routes.

    Attributes:
        hazard: Its name.
        outcomes: By route.
        problem: Why the plain run itself failed: the hazard is no notebook then.
        seconds: Time that it took.
    """

    hazard: str
    outcomes: dict[str, Outcome]
    problem: str = ""
    seconds: float = 0.0


class Laboratory:
    """A place to run hazards in: a kernel named ``hazards``, and folders of its own.

    Args:
        folder: An empty folder.
        python: The interpreter that the kernel starts with.
        again: Run each hazard twice with the step cache, instead of by the other routes.
    """

    def __init__(self, folder: Path, python: str, *, again: bool = False) -> None:
        self.folder = folder
        self.again = again
        self.python = python
        spec = folder / "jupyter" / "kernels" / KERNEL
        spec.mkdir(parents=True)
        command = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec.joinpath("kernel.json").write_text(
            json.dumps({"argv": command, "display_name": KERNEL, "language": "python"})
        )
        profile = folder / "ipython" / "profile_default"
        profile.mkdir(parents=True)
        profile.joinpath("ipython_kernel_config.py").write_text(
            "c.InteractiveShellApp.extensions = ['tests.hazards.witness']\n"
            "c.HistoryManager.enabled = False\n"
        )
        os.environ.update(
            JUPYTER_PATH=str(folder / "jupyter"),
            IPYTHONDIR=str(folder / "ipython"),
            NBPROD_HOME=str(folder / "home"),
        )

    def fate(self, hazard: Hazard) -> Fate:
        """Run ``hazard`` by all routes and judge each."""
        began = time.monotonic()
        place = self.folder / "hazards" / hazard.name
        try:
            plain = self._plain(hazard, place / "plain")
        except Exception as error:
            return Fate(hazard.name, {}, f"{type(error).__name__}: {error}")
        outcomes: dict[str, Outcome] = {}
        routes = dict(zip(ROUTES, (self._isolate, self._project, self._verify), strict=True))
        for route, run in ({AGAIN: self._again} if self.again else routes).items():
            outcomes[route] = self._outcome(hazard, plain, outcomes, place / route, run)
        shutil.rmtree(place)
        return Fate(hazard.name, outcomes, seconds=time.monotonic() - began)

    # The routes ---------------------------------------------------------------------

    def _plain(self, hazard: Hazard, folder: Path) -> Observation:
        import papermill

        path = hazard.write(folder, KERNEL)
        # Noting variables asks objects that may count it, and nothing with the cache is noted.
        notes = None if self.again else self._watched(folder)
        for left in reversed(range(3)):
            try:
                papermill.execute_notebook(
                    str(path),
                    str(folder / "out.ipynb"),
                    parameters=_plain_parameters(hazard),
                    progress_bar=False,
                    cwd=str(folder),
                )
                break
            except RuntimeError as error:
                # Of TCP ports, Jupyter chooses free ones and the kernel binds them later:
                # another kernel of this busy machine may have taken one. No cell has run.
                if not left or "died before replying" not in str(error):
                    raise
        return observe(folder / "out.ipynb", notes, folder)

    def _isolate(self, hazard: Hazard, plain: Observation, folder: Path) -> list[str]:
        from nbprod.workflows.run import RunWorkflowRequest, run

        path = hazard.write(folder, KERNEL)
        notes = self._watched(folder)
        output = folder / "out.ipynb"
        run(RunWorkflowRequest(path, output, parameters=hazard.parameters, isolate=True))
        found = observe(output, notes, folder)
        last = len(plain.notes) - 1
        problems = self._variables(plain, found, [(last, last, None)], folder)
        if plain.notes[last]["same"] != found.notes[last]["same"]:
            shared = plain.notes[last]["same"], found.notes[last]["same"]
            problems.append(f"shared objects: {shared[0]} became {shared[1]}")
        for number, pair in enumerate(zip(plain.text, found.text, strict=True), start=1):
            problems += _differs(f"text of cell {number}", *pair)
        for number, pair in enumerate(zip(plain.results, found.results, strict=True), start=1):
            problems += _differs(f"result of cell {number}", *map(_plainly, pair))
        if plain.figures != found.figures:
            problems.append("figures differ")
        return problems + _files(plain, found)

    def _project(self, hazard: Hazard, plain: Observation, folder: Path) -> list[str]:
        from nbprod.workflows.convert import ConvertRequest, convert
        from nbprod.workflows.run import RunWorkflowRequest, run

        path = hazard.write(folder, KERNEL)
        notes = self._watched(folder)
        directory = folder / "pipeline_project"
        steps = convert(ConvertRequest(path, directory)).pipeline.steps
        if hazard.planted is not None:
            _plant(directory, *hazard.planted)
        output = folder / "out.ipynb"
        run(RunWorkflowRequest(directory, output, parameters=hazard.parameters))
        found = observe(output, notes, folder)
        positions = _positions(hazard)
        first = len(found.notes) - len(steps)
        pairs: list[tuple[int, int, list[str] | None]] = []
        problems: list[str] = []
        for number, step in enumerate(steps, start=first):
            pairs.append((positions[step.cells[-1]], number, [v.name for v in step.outputs]))
            mine = [positions[cell] for cell in step.cells]
            text = "".join(plain.text[each] for each in mine)
            problems += _differs(f"text of step {step.name}", text, found.text[number])
            figures = [figure for each in mine for figure in plain.figures[each]]
            if figures != found.figures[number]:
                problems.append(f"figures of step {step.name} differ")
        problems += _differs("text of all steps", "".join(plain.text), "".join(found.text))
        problems += self._variables(plain, found, pairs, folder)
        return problems + _files(plain, found)

    def _verify(self, hazard: Hazard, plain: Observation, folder: Path) -> list[str]:
        from nbprod.errors import ResultsDifferError
        from nbprod.workflows.verify import VerifyRequest, verify

        path = hazard.write(folder, KERNEL)
        os.environ.pop("HAZARD_WITNESS", None)
        result = verify(VerifyRequest(path, parameters=hazard.parameters))
        if not result.equivalent:
            raise ResultsDifferError("; ".join(_verify_differences(result)) or "not equivalent")
        return []

    def _again(self, hazard: Hazard, plain: Observation, folder: Path) -> list[str]:
        from nbprod.workflows.run import RunWorkflowRequest, run

        path = hazard.write(folder, KERNEL)
        problems: list[str] = []
        for turn in ("first", "second"):
            output = folder / ".nbprod" / f"{turn}.ipynb"
            output.parent.mkdir(exist_ok=True)
            record = run(RunWorkflowRequest(path, output, parameters=hazard.parameters)).record
            found = observe(output, None, folder)
            for number, pair in enumerate(zip(plain.text, found.text, strict=True), start=1):
                problems += _differs(f"{turn} run: text of cell {number}", *pair)
            for number, pair in enumerate(zip(plain.results, found.results, strict=True), start=1):
                shown = map(_plainly, pair)
                problems += _differs(f"{turn} run: result of cell {number}", *shown)
            if plain.figures != found.figures:
                problems.append(f"{turn} run: figures differ")
            problems += [f"{turn} run: {each}" for each in _files(plain, found)]
            _as_before(hazard, folder)
            cells = {number for step in record.steps[-1:] for number in step.cells}
            _change_a_cell(path, cells)
        return problems

    # Judging ------------------------------------------------------------------------

    def _outcome(
        self,
        hazard: Hazard,
        plain: Observation,
        earlier: dict[str, Outcome],
        folder: Path,
        run: Callable[[Hazard, Observation, Path], list[str]],
    ) -> Outcome:
        from nbprod.errors import NbprodError

        try:
            problems = run(hazard, plain, folder)
        except NbprodError as error:
            code = int(error.exit_code)
            codes = {
                found.code
                for found in getattr(error, "diagnostics", ())
                if found.severity.value == "error"
            }
            detail = " ".join([error.message, *_messages(error)])
            verdict = REFUSED if code in {2, 3} else FAILS
            return Outcome(verdict, detail, code, tuple(sorted(codes)))
        except Exception as error:  # no traceback may reach a user: that counts as a failure
            where = "".join(traceback.format_exception(error)[-6:])
            return Outcome(FAILS, f"{type(error).__name__}: {error}\n{where}", 1)
        generated = earlier.get("convert, run DIR")
        if run == self._verify and generated is not None and generated.verdict in {WRONG, FAILS}:
            problems = [f"called equivalent, but: {generated.detail}"]
        return Outcome(WRONG, problems[0]) if problems else Outcome(CORRECT)

    def _watched(self, folder: Path) -> Path:
        notes = folder.parent / f"{folder.name}.nbprod"
        notes.mkdir()
        os.environ["HAZARD_WITNESS"] = str(notes)
        return notes

    def _variables(
        self,
        plain: Observation,
        found: Observation,
        pairs: list[tuple[int, int, list[str] | None]],
        folder: Path,
    ) -> list[str]:
        job = folder.parent / f"{folder.name}.job"
        project = folder / "pipeline_project"
        content = {
            "plain": plain.notes,
            "route": found.notes,
            "pairs": pairs,
            "path": [str(project), str(folder)],
        }
        job.write_bytes(pickle.dumps(content))
        done = subprocess.run(
            [self.python, str(_JUDGE), str(job)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            return [f"cannot be judged: {done.stderr.strip()[-300:]}"]
        return [str(line) for line in json.loads(done.stdout.splitlines()[-1])]


def _as_before(hazard: Hazard, folder: Path) -> None:
    """Remove what a run left but its cache, and write the hazard's files anew."""
    for path in folder.iterdir():
        if path.name in {".nbprod", "hazard.ipynb"}:
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, text in hazard.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def _change_a_cell(path: Path, numbers: set[int]) -> None:
    """Change the code of the last of some cells, and not what it does."""
    document = json.loads(path.read_text(encoding="utf-8"))
    for number in sorted(numbers, reverse=True):
        cell = document["cells"][number - 1]
        if not cell["source"].lstrip().startswith(("%", "!", "from __future__")):
            cell["source"] = f"pass\n{cell['source']}"
            break
    path.write_text(json.dumps(document), encoding="utf-8")


def _plant(project: Path, text: str, other: str) -> None:
    (module,) = project.glob("*/steps.py")
    assert text in module.read_text(), "the conversion to spoil is not there"
    module.write_text(module.read_text().replace(text, other))


def _plain_parameters(hazard: Hazard) -> dict[str, object]:
    import yaml

    return {name: yaml.safe_load(text) for name, text in hazard.parameters}


def _positions(hazard: Hazard) -> dict[int, int]:
    """Return cell number to position among the executed cells."""
    executed = [
        number
        for number, (kind, tags, source) in enumerate(hazard.cells(), start=1)
        if kind == "code" and source.strip() and "skip" not in tags
    ]
    return {number: position for position, number in enumerate(executed)}


def _differs(what: str, plain: str, other: str) -> list[str]:
    if plain == other:
        return []
    return [f"{what}: {plain[-200:]!r} became {other[-200:]!r}"]


def _plainly(text: str) -> str:
    return _ADDRESS.sub("0x", text)


def _files(plain: Observation, found: Observation) -> list[str]:
    names = sorted(plain.files.keys() | found.files.keys())
    return [
        f"file {name} differs" for name in names if plain.files.get(name) != found.files.get(name)
    ]


def _verify_differences(result: Any) -> Iterator[str]:
    for step in result.steps:
        if step.error is not None:
            yield f"step {step.step} failed: {step.error.message}"
        for output in step.outputs:
            if not output.equal:
                yield f"step {step.step}, {output.name}: {output.detail}"


def _messages(error: Any) -> list[str]:
    return [
        f"[cell {found.origin.cell if found.origin else '-'}: {found.message}]"
        for found in getattr(error, "diagnostics", ())
        if found.severity.value == "error"
    ]


# Many hazards ------------------------------------------------------------------------------


def run_all(
    hazards: Sequence[Hazard], workers: int = 2, ordinary: bool = False, again: bool = False
) -> Iterator[Fate]:
    """Run hazards by all routes, in processes of their own, and yield how each fared.

    Args:
        hazards: The hazards.
        workers: Processes at a time.
        ordinary: Start each kernel and step process anew, as users' are.
        again: Run each twice with the step cache, instead of by the other routes.
    """
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    repository = Path(__file__).parents[2]
    path = [str(repository), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(path)
    processes = []
    for number in range(min(workers, len(hazards))):
        names = [each.name for each in hazards[number::workers]]
        command = [
            sys.executable,
            "-m",
            "tests.hazards.routes",
            *(["--ordinary"] if ordinary else []),
            *(["--again"] if again else []),
        ]
        processes.append(
            subprocess.Popen(
                [*command, *names],
                stdout=subprocess.PIPE,
                text=True,
                cwd=repository,
                env=environment,
                start_new_session=True,
            )
        )
    try:
        yield from _answers(processes)
    finally:
        for process in processes:
            process.terminate()
            process.wait(20)
            assert process.stdout is not None
            process.stdout.close()


def _answers(processes: list[subprocess.Popen[str]]) -> Iterator[Fate]:
    import selectors

    with selectors.DefaultSelector() as selector:
        for process in processes:
            assert process.stdout is not None
            selector.register(process.stdout, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                line = key.fileobj.readline()  # type: ignore[union-attr]
                if not line:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]
                elif line.startswith("{"):
                    yield _fate(json.loads(line))


def _fate(document: dict[str, Any]) -> Fate:
    outcomes = {
        route: Outcome(each["verdict"], each["detail"], each["code"], tuple(each["codes"]))
        for route, each in document["outcomes"].items()
    }
    return Fate(document["hazard"], outcomes, document["problem"], document["seconds"])


def main(arguments: Iterable[str]) -> None:
    """Run the hazards that the arguments name, and print one JSON line for each."""
    from tests.hazards.families import HAZARDS
    from tests.hazards.planted import PLANTED
    from tests.hazards.warm_python import WarmPython

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing is left behind
    names = list(arguments)
    ordinary, again = "--ordinary" in names, "--again" in names
    by_name = {each.name: each for each in (*HAZARDS, *PLANTED)}
    with tempfile.TemporaryDirectory(prefix="hazards-") as name:
        folder = Path(name).resolve()
        answers = _own_output(folder / "log.txt")
        warm = None if ordinary else WarmPython(folder)
        if warm is not None:
            warm.start()
        try:
            python = sys.executable if warm is None else str(warm.executable)
            laboratory = Laboratory(folder, python, again=again)
            for each in names:
                if each in by_name:
                    fate = laboratory.fate(by_name[each])
                    answers.write(json.dumps(asdict(fate)) + "\n")
                    answers.flush()
        finally:
            if warm is not None:
                warm.stop()


def _own_output(log: Path) -> TextIO:
    """Return standard output for our answers alone; what kernels say goes into a file."""
    answers = os.fdopen(os.dup(1), "w")
    target = os.open(log, os.O_WRONLY | os.O_CREAT)
    for number in (1, 2):
        os.dup2(target, number)
    os.close(target)
    return answers


if __name__ == "__main__":
    main(sys.argv[1:])
