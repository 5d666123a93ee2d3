"""Claim: notebooks from the wild, untouched and untagged, convert and give the same results.

Takes files or folders of notebooks that you have. Each is run by plain papermill first; one
that fails there does not count. The others are converted, the project is linted and type
checked, and its results are compared with the plain run's in three ways: ``nbprod verify``,
``nbprod run --isolate`` and ``nbprod run DIR``. What a cell prints and draws must be the same.
Where it is not, the notebook is run plainly once more, to set apart what is unstable in itself.

Most notebooks leave something unseeded. So that their results can be compared all the same,
the first kernel of every command seeds ``random`` and numpy before anything runs, by an
IPython startup file; what is drawn after that has to come to the other kernels and processes.

Notebooks run where they lie, as papermill would run them. A notebook's findings are kept in
``--results``, so that an interrupted measurement goes on where it stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
_UNSTABLE_TEXT = re.compile(r"0x[0-9a-f]{6,}|/tmp/\S+")
_STARTUP = """\
def seed_once():
    import os

    from IPython import get_ipython

    def seed(*arguments):
        get_ipython().events.unregister("pre_execute", seed)
        try:
            os.close(os.open(os.environ["SEEDED"], os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        import random

        import numpy

        random.seed(1)
        numpy.random.seed(1)

    get_ipython().events.register("pre_execute", seed)


seed_once()
del seed_once  # the notebook's namespace starts empty
"""
_CHECKS = ("convert", "lint", "types", "verify", "isolate", "project")


@dataclass(slots=True)
class Outcome:
    """What was found about one notebook.

    Attributes:
        notebook: Its path.
        digest: SHA-256 of its bytes.
        plain: ``runs``, or why it does not.
        checks: For each check ``equal`` (or ``passes``), or what went wrong.
        steps: Names of the steps.
        cells: Number of code cells.
        unstable: Two plain runs printed or drew different things.
        seconds: How long each part took.
    """

    notebook: str
    digest: str
    plain: str = ""
    checks: dict[str, str] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    cells: int = 0
    unstable: bool = False
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Every check that was made passed."""
        return all(found in {"equal", "passes"} for found in self.checks.values())

    @property
    def kind(self) -> str:
        """Return the notebook's line in the table.

        ``silently wrong`` is a command that succeeds while what is printed or drawn differs,
        unless the notebook itself does that from one run to the next.
        """
        if self.plain != "runs":
            return "does not run"
        if self.good:
            return "equal"
        wrong = [self.checks.get(name, "") for name in ("isolate", "project")]
        if any(found.startswith("DIFFERS") for found in wrong) and not self.unstable:
            return "silently wrong"
        if self.checks.get("convert", "") not in {"passes"}:
            return "refused"
        return "unstable" if self.unstable else "failed"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a run showed: printed text by cell, and pictures, in order."""

    text: tuple[str, ...]
    pictures: tuple[str, ...]


def shown(path: Path, *, whole: bool) -> Shown:
    """Read what a run notebook printed and drew.

    Args:
        path: An executed notebook.
        whole: All printed text as one; else cell by cell, the values of cells included.
    """
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    texts: list[str] = []
    pictures: list[str] = []
    for cell in document["cells"]:
        if cell["cell_type"] != "code":
            continue
        if "injected-parameters" in cell["metadata"].get("tags", ()):
            continue
        found = []
        for output in cell["outputs"]:
            if output["output_type"] == "stream" and output["name"] == "stdout":
                found.append(_joined(output["text"]))
            data = output.get("data", {})
            if not whole and "text/plain" in data:
                found.append(_joined(data["text/plain"]))
            if "image/png" in data:
                picture = _joined(data["image/png"]).strip().encode()
                pictures.append(hashlib.sha256(picture).hexdigest()[:12])
        texts.append(_UNSTABLE_TEXT.sub("…", "".join(found)))
    joined = ("".join(texts),) if whole else tuple(texts)
    return Shown(joined, tuple(pictures))


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def difference(mine: Shown, wanted: Shown) -> str:
    """Say where two runs differ; empty if they do not."""
    for number, (one, other) in enumerate(zip(mine.text, wanted.text, strict=False), start=1):
        if one != other:
            lines = one.splitlines(), other.splitlines()
            for left, right in zip(*lines, strict=False):
                if left != right:
                    return f"text {number}: {left[:80]!r} for {right[:80]!r}"
            return f"text {number}: {len(lines[0])} lines for {len(lines[1])}"
    if len(mine.text) != len(wanted.text):
        return f"{len(mine.text)} cells for {len(wanted.text)}"
    if mine.pictures != wanted.pictures:
        same = sum((Counter(mine.pictures) & Counter(wanted.pictures)).values())
        return f"{len(mine.pictures)} pictures for {len(wanted.pictures)}, {same} the same"
    return ""


class Measurement:
    """Runs the checks of one notebook.

    Args:
        notebook: The notebook.
        work: Folder for what the checks write.
        limit: Seconds that a plain run may take; the other runs may take six times as long.
        kernel: Kernel in which all of them run: what the notebook names is seldom installed.
    """

    def __init__(
        self, notebook: Path, work: Path, limit: float = 120, kernel: str = "python3"
    ) -> None:
        self.notebook, self.work, self.limit, self.kernel = notebook, work, limit, kernel
        self.outcome = Outcome(
            str(notebook), hashlib.sha256(notebook.read_bytes()).hexdigest(), cells=_cells(notebook)
        )

    def run(self, only: frozenset[str]) -> Outcome:
        """Run plainly, then each check of ``only``."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        plain = self.work / "plain.ipynb"
        self.outcome.plain = self._plain(plain, self.limit)
        if self.outcome.plain != "runs":
            return self.outcome
        project = self.work / "project"
        self.outcome.checks["convert"] = self._convert(project)
        if self.outcome.checks["convert"] == "passes":
            if "lint" in only:
                self.outcome.checks["lint"] = self._static("ruff", "check", "--quiet", ".")
            if "types" in only:
                self.outcome.checks["types"] = self._static("mypy")
            if "project" in only:
                self.outcome.checks["project"] = self._compared(plain, project, whole=True)
            if "verify" in only:
                self.outcome.checks["verify"] = self._verify()
            if "isolate" in only:
                self.outcome.checks["isolate"] = self._compared(plain, self.notebook, whole=False)
        if any(found.startswith("DIFFERS") for found in self.outcome.checks.values()):
            self._again(plain)
        return self.outcome

    def _plain(self, output: Path, limit: float) -> str:
        options = ["-k", self.kernel, "--no-progress-bar", "--cwd", str(self.notebook.parent)]
        command = [str(BIN / "papermill"), str(self.notebook), str(output), *options]
        code, _, error = self._call("plain", command, limit)
        return "runs" if code == 0 else error.strip()[-300:] or f"exit {code}"

    def _convert(self, project: Path) -> str:
        code, out, error = self._nbprod("convert", str(self.notebook), "-o", str(project), "--json")
        if code:
            return f"exit {code}: {_reason(out, error)}"
        self.outcome.steps = json.loads(out)["steps"]
        return "passes"

    def _static(self, tool: str, *options: str) -> str:
        command = [str(BIN / tool), *options]
        code, out, error = self._call(tool, command, 300, cwd=self.work / "project")
        return "passes" if code == 0 else (out + error).strip()[-600:]

    def _verify(self) -> str:
        code, out, error = self._nbprod("verify", str(self.notebook), "--json")
        if code == 0:
            return "equal"
        try:
            steps = json.loads(out)["steps"]
        except (ValueError, KeyError):
            return f"exit {code}: {_reason(out, error)}"
        found = [
            f"{step['name']}.{output['name']}: {output['detail']}"
            for step in steps
            for output in step["outputs"]
            if not output["equal"]
        ]
        found += [f"{step['name']}: {step['error']}" for step in steps if step["error"]]
        return f"exit {code}: {'; '.join(found)[:500]}"

    def _compared(self, plain: Path, target: Path, *, whole: bool) -> str:
        name = "project" if whole else "isolate"
        output = self.work / f"{name}.ipynb"
        options = [] if whole else ["--isolate"]
        code, out, error = self._nbprod("run", str(target), str(output), *options, "--json")
        if code:
            return f"exit {code}: {_reason(out, error)}"
        found = difference(shown(output, whole=whole), shown(plain, whole=whole))
        return f"DIFFERS: {found}" if found else "equal"

    def _again(self, plain: Path) -> None:
        second = self.work / "plain2.ipynb"
        if self._plain(second, self.limit * 6) == "runs":
            found = difference(shown(second, whole=False), shown(plain, whole=False))
            self.outcome.unstable = bool(found)

    def _nbprod(self, verb: str, *arguments: str) -> tuple[int | str, str, str]:
        command = [str(BIN / "nbprod"), verb, *arguments, "--kernel", self.kernel]
        if verb == "run" and "--isolate" not in arguments:
            verb = "project"
        found = self._call(verb, command, self.limit * 6)
        shutil.rmtree(self.notebook.parent / ".nbprod", ignore_errors=True)
        return found

    def _call(
        self, name: str, command: list[str], limit: float, cwd: Path | None = None
    ) -> tuple[int | str, str, str]:
        began = time.perf_counter()
        startup = self.work / "ipython" / "profile_default" / "startup" / "seed.py"
        startup.parent.mkdir(parents=True, exist_ok=True)
        startup.write_text(_STARTUP, encoding="utf-8")
        seeded = self.work / "seeded"
        seeded.unlink(missing_ok=True)
        environment = {
            **os.environ,
            "IPYTHONDIR": str(self.work / "ipython"),
            "NBPROD_HOME": str(self.work / "home"),
            "SEEDED": str(seeded),
        }
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env=environment,
        )
        try:
            out, error = process.communicate(timeout=limit)
            code: int | str = process.returncode
        except subprocess.TimeoutExpired:
            process.terminate()  # both papermill and nbprod stop their kernels then
            try:
                process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
            code, out, error = "timeout", "", f"no end after {limit:.0f} s"
        self.outcome.seconds[name] = round(time.perf_counter() - began, 1)
        return code, out, error


def _reason(out: str, error: str) -> str:
    try:
        document = json.loads(out)
    except ValueError:
        return (out + error).strip()[-500:]
    return json.dumps(document.get("error", document), ensure_ascii=False)[:500]


def _cells(notebook: Path) -> int:
    document: dict[str, Any] = json.loads(notebook.read_text(encoding="utf-8"))
    cells = document.get("cells") or [
        cell for sheet in document.get("worksheets", ()) for cell in sheet["cells"]
    ]
    return sum(cell["cell_type"] == "code" for cell in cells)


def report(outcomes: list[Outcome]) -> None:
    """Print the table, then each notebook that is not equal and why."""
    running = [each for each in outcomes if each.plain == "runs"]
    print(f"{'notebooks':<34}{len(outcomes):>6}")
    print(f"{'run under plain papermill':<34}{len(running):>6}")
    for name in _CHECKS:
        asked = [each for each in running if name in each.checks]
        good = sum(each.checks[name] in {"equal", "passes"} for each in asked)
        print(f"  {name:<32}{good:>6} of {len(asked)}")
    for kind, count in Counter(each.kind for each in running).most_common():
        print(f"{kind:<34}{count:>6}  {count / len(running):.1%}")
    few = sum(len(each.steps) < 3 for each in running)
    print(f"{'fewer than three steps':<34}{few:>6}")
    for each in running:
        if each.kind != "equal":
            print(f"\n{each.kind}: {each.notebook}")
            for name, found in each.checks.items():
                if found not in {"equal", "passes"}:
                    print(f"    {name}: {found}")


def main() -> int:
    """Measure, report, and return 1 if anything is silently wrong or below 95 % equal."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--results", type=Path, default=Path("real_notebooks"))
    parser.add_argument("--limit", type=float, default=120, help="seconds of a plain run")
    parser.add_argument("--kernel", default="python3", help="kernel in which they run")
    parser.add_argument("--checks", default=",".join(_CHECKS), help="which, with commas between")
    parser.add_argument("--report", action="store_true", help="only report what was found before")
    arguments = parser.parse_args()
    only = frozenset(arguments.checks.split(","))
    outcomes = []
    for notebook in _found(arguments.notebooks):
        name = hashlib.sha256(str(notebook).encode()).hexdigest()[:10]
        kept = arguments.results / f"{name}.json"
        if kept.is_file():
            outcomes.append(Outcome(**json.loads(kept.read_text(encoding="utf-8"))))
            continue
        if arguments.report:
            continue
        outcome = Measurement(
            notebook, arguments.results / name, arguments.limit, arguments.kernel
        ).run(only)
        kept.write_text(json.dumps(asdict(outcome), indent=1), encoding="utf-8")
        print(f"{outcome.kind:<16}{notebook}", file=sys.stderr, flush=True)
        outcomes.append(outcome)
    report(outcomes)
    running = [each for each in outcomes if each.plain == "runs"]
    equal = sum(each.kind == "equal" for each in running)
    wrong = any(each.kind == "silently wrong" for each in running)
    return int(wrong or not running or equal < 0.95 * len(running))


def _found(places: list[Path]) -> list[Path]:
    notebooks: list[Path] = []
    for place in places:
        if place.is_dir():
            notebooks += sorted(
                each
                for each in place.rglob("*.ipynb")
                if not any(part.startswith(".") for part in each.relative_to(place).parts)
            )
        else:
            notebooks.append(place)
    return [each.resolve() for each in notebooks]


if __name__ == "__main__":
    sys.exit(main())
