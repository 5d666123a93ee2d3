"""Notebooks at the edges of the format: read, converted, run and verified, or refused plainly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nbprod.errors import NbprodError, RefusedError
from nbprod.workflows.check import CheckRequest, check
from nbprod.workflows.convert import ConvertRequest, convert
from nbprod.workflows.run import RunWorkflowRequest, run
from nbprod.workflows.verify import VerifyRequest, verify

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def code(source: object, *tags: str, **more: object) -> dict[str, object]:
    metadata = {"tags": list(tags)} if tags else {}
    cell = {"cell_type": "code", "metadata": metadata, "source": source, "outputs": []}
    return cell | {"execution_count": None} | more


def markdown(source: str) -> dict[str, object]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def write(path: Path, *cells: dict[str, object], minor: int = 4, metadata: Any = None) -> Path:
    document = {"nbformat": 4, "nbformat_minor": minor, "cells": list(cells)}
    document["metadata"] = KERNEL if metadata is None else metadata
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


# Cells of all kinds that are unusual, which may stand in one notebook; and what they print.
UNUSUAL = (
    code(""),
    code([]),
    markdown(""),
    markdown("# Größe und Länge ✓"),
    code("%matplotlib inline\n%load_ext autoreload"),
    code("größe = 3\r\nif größe:\r\n    длина = 'ok'\r\n", "step:Laden"),
    code("text = '''a\r\nb'''\r\nprint(größe, длина, repr(text))", "step:Länge"),
    code("   \n\n"),
    code("名前 = größe + 1", "step:Laden"),
    code("print(名前)\nимя = 名前", "step:Länge"),
    code("!pip --version\nimport asyncio\nfrom matplotlib import pyplot", "step:laden"),
    code(
        "async def later(x):\n    await asyncio.sleep(0)\n    return x\n"
        "awaited = await asyncio.gather(later(1), later(имя))\nprint(awaited)",
        "step:await",
    ),
    code("%%capture out\nprint('kept')\npyplot.plot([1, 2])\npyplot.show()", "step:await"),
    code("%env EDGE=1\nprint(repr(out.stdout))", "step:await"),
    code("%%html\n<b>bold</b>"),
    code("print(sum(awaited))", "step:Länge"),
)
PRINTED = "3 ok 'a\\nb'\n4\n[1, 4]\nenv: EDGE=1\n'kept\\n'\n5\n"


def printed(notebook: str) -> str:
    """Return all that an output notebook shows as text, what pip says left out."""
    cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
    texts = [
        "".join(output["text"])
        for cell in cells
        for output in cell.get("outputs", ())
        if output["output_type"] == "stream" and output["name"] == "stdout"
    ]
    lines = "".join(texts).splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("pip "))


@pytest.mark.slow
def test_the_first_notebook_on_a_fresh_machine_is_not_blamed_for_what_libraries_keep(
    sandbox, tmp_path, monkeypatch
):
    (tmp_path / "fresh").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "fresh"))
    for name in ("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    cells = code("%matplotlib inline"), code("x = 3", "step:load"), code("print(x)", "step:show")
    path = write(sandbox / "first.ipynb", *cells)
    result = verify(VerifyRequest(path))
    assert result.equivalent, result
    assert list((tmp_path / "fresh/.cache/matplotlib").glob("fontlist-*"))


@pytest.mark.slow
@pytest.mark.parametrize("text", ["import json", "def same(x):\n    return x"])
def test_a_notebook_without_a_step_is_what_its_pipeline_is(sandbox, text):
    assert verify(VerifyRequest(write(sandbox / "none.ipynb", code(text)))).equivalent


@pytest.mark.slow
@pytest.mark.parametrize("minor", [0, 5])
def test_unusual_cells_give_the_same_as_notebook_as_project_and_verified(sandbox, minor):
    path = write(sandbox / "größe und länge.ipynb", *UNUSUAL, minor=minor)
    before = path.read_bytes()
    found = convert(ConvertRequest(path, sandbox / "project"))
    names = [step.name for step in found.pipeline.steps]
    assert len(set(names)) == len(names) > 3
    if minor == 5:  # the generated project is the same whatever the format's minor version
        return
    result = verify(VerifyRequest(path))
    assert result.equivalent, result
    assert printed(result.record.output) == PRINTED
    ran = run(RunWorkflowRequest(sandbox / "project"))
    assert printed(ran.record.output) == PRINTED
    assert path.read_bytes() == before


FORMAT_3 = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {"name": ""},
    "worksheets": [
        {
            "metadata": {},
            "cells": [
                {"cell_type": "heading", "level": 1, "metadata": {}, "source": ["Ti", "tle"]},
                {
                    "cell_type": "code",
                    "language": "python",
                    "collapsed": False,
                    "metadata": {},
                    "prompt_number": 3,
                    "input": ["x = 2\n", "print(x)"],
                    "outputs": [{"output_type": "stream", "stream": "stdout", "text": ["2\n"]}],
                },
            ],
        }
    ],
}


@pytest.mark.slow
def test_format_3_runs_and_verifies(sandbox):
    path = sandbox / "old.ipynb"
    path.write_text(json.dumps(FORMAT_3))
    result = verify(VerifyRequest(path))
    assert result.equivalent
    assert printed(result.record.output) == "2\n"


@pytest.mark.parametrize("minor", range(6))
def test_every_minor_version_and_missing_or_repeated_ids(sandbox, minor):
    ids = [{"id": "same"}, {"id": "same"}, {}] if minor == 5 else [{}, {}, {}]
    sources = ("a = 3", "b = a * 2", "print(b)")
    cells = [code(source, **each) for source, each in zip(sources, ids, strict=True)]
    path = write(sandbox / f"v4_{minor}.ipynb", *cells, minor=minor)
    result = check(CheckRequest(path))
    assert result.pipeline is not None
    assert [step.cells for step in result.pipeline.steps] == [(1, 2, 3)]
    convert(ConvertRequest(path, sandbox / "project"))
    text = (sandbox / "project" / "pipeline.ipynb").read_text()
    assert json.loads(text)["nbformat_minor"] == 5


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({"kernelspec": {"name": "ir", "language": "R", "display_name": "R"}}, "R"),
        ({"kernelspec": {"name": "ir", "display_name": "R"}}, "R"),
        ({"kernelspec": {"name": "julia-1.9"}, "language_info": {"name": "julia"}}, "julia"),
        ({"kernelspec": {"name": "bash"}}, "Bash"),
    ],
)
def test_other_languages_are_refused_by_their_name(sandbox, metadata, language):
    path = write(sandbox / "other.ipynb", code("x <- 1"), metadata=metadata)
    for request in (
        lambda: check(CheckRequest(path)),
        lambda: convert(ConvertRequest(path, sandbox / "project")),
        lambda: verify(VerifyRequest(path)),
    ):
        with pytest.raises(NbprodError, match=f"for {language}, not for Python"):
            request()
    assert [each.name for each in sandbox.iterdir()] == ["other.ipynb"]


@pytest.mark.parametrize(
    "cells", [(), (markdown("# Words"),), (code("%matplotlib inline"), code("%who"), code(""))]
)
def test_notebooks_without_code_are_refused(sandbox, cells):
    path = write(sandbox / "words.ipynb", *cells)
    with pytest.raises(RefusedError) as caught:
        convert(ConvertRequest(path, sandbox / "project"))
    assert "no-code" in {found.code for found in caught.value.diagnostics}
    assert [each.name for each in sandbox.iterdir()] == ["words.ipynb"]


def test_five_hundred_cells(sandbox):
    cells = [code("total = 0")]
    cells += [code(f"x{number} = {number}\ntotal += x{number}") for number in range(498)]
    path = write(sandbox / "long.ipynb", *cells, code("print(total)"))
    found = convert(ConvertRequest(path, sandbox / "project"))
    assert sum(len(step.cells) for step in found.pipeline.steps) == 500


def test_an_output_of_50_megabytes(sandbox):
    text = "0.125 http://a.example/b sk- eyJ hf_ token\n"
    huge = [{"output_type": "stream", "name": "stdout", "text": text * (50_000_000 // len(text))}]
    cell = code("for i in range(3):\n    print(i)", outputs=huge, execution_count=1)
    path = write(sandbox / "huge.ipynb", cell, code("print(i)", execution_count=2))
    assert check(CheckRequest(path)).diagnostics == ()
    found = convert(ConvertRequest(path, sandbox / "project"))
    assert len(found.pipeline.steps) == 1
    assert sum(each.stat().st_size for each in (sandbox / "project").rglob("*.*")) < 1_000_000


def test_scattered_and_equally_named_steps_become_steps_of_their_own(sandbox):
    path = write(
        sandbox / "scattered.ipynb",
        code("a = 1", "step:Load Data"),
        code("b = a + 1", "step:load_data"),
        code("c = b + 1", "step:prepare"),
        code("d = a + c\nprint(d)", "step:load-data"),
    )
    result = check(CheckRequest(path))
    assert result.pipeline is not None
    steps = {step.name: step.cells for step in result.pipeline.steps}
    assert steps == {"load_data": (1, 2), "prepare": (3,), "load_data_2": (4,)}
    split = [found for found in result.diagnostics if found.code == "step-split"]
    assert [found.origin.cell for found in split if found.origin] == [4]


def test_deprecations_show_in_generated_code_as_in_a_notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = "import warnings\ndef old():\n    warnings.warn('use new()', DeprecationWarning)"
    path = write(tmp_path / "nb.ipynb", code(source), code("old()\nprint(1)", "step:one"))
    convert(ConvertRequest(path, tmp_path / "proj"))
    for target in (path, tmp_path / "proj"):
        record = run(RunWorkflowRequest(target)).record
        assert "DeprecationWarning: use new()" in Path(record.output).read_text()


def test_a_warning_is_repeated_in_each_step_as_in_each_cell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = "import warnings\ndef old(x):\n    warnings.warn('it is old')\n    return x"
    steps = [code("a = old(1)", "step:one"), code("b = old(2) + old(a)", "step:two")]
    path = write(tmp_path / "nb.ipynb", code(source), *steps, code("print(a, b)", "step:show"))
    convert(ConvertRequest(path, tmp_path / "proj"))
    for target in (path, tmp_path / "proj"):
        record = run(RunWorkflowRequest(target)).record
        assert Path(record.output).read_text().count("UserWarning: it is old") == 2
