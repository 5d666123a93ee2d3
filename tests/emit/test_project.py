import ast
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nbprod.diagnostics import Diagnostic, Severity
from nbprod.emit.line_map import line_map
from nbprod.emit.project import ProjectFile, render_project
from nbprod.emit.typing_gap import author_typing_gaps
from nbprod.emit.write import write_project
from nbprod.errors import UsageError
from nbprod.origin import Origin
from nbprod.pipeline.environment import Environment
from nbprod.pipeline.ir import (
    Block,
    Definition,
    DefinitionKind,
    Effect,
    LocalModule,
    Parameter,
    Pipeline,
    Source,
    Step,
    StepRole,
    Variable,
)
from nbprod.pipeline.naming import function_name, package_name


def texts(files: tuple[ProjectFile, ...]) -> dict[str, str]:
    return {str(file.path): file.content.decode() for file in files}


def one_step(source: str, **changes: object) -> Step:
    origin = Origin("n.ipynb", 1, "a", 1)
    lines = tuple(range(1, source.count("\n") + 2))
    step = Step("work", StepRole.OTHER, (1,), blocks=(Block(source, origin, lines=lines),))
    return replace(step, **changes)  # type: ignore[arg-type]


def small(*steps: Step, **changes: object) -> Pipeline:
    pipeline = Pipeline("small", "small", Source("n.ipynb", "0"), steps=steps)
    return replace(pipeline, **changes)  # type: ignore[arg-type]


def imported(source: str, name: str) -> Definition:
    return Definition(name, DefinitionKind.IMPORT, source)


def function(source: str, name: str, **changes: object) -> Definition:
    found = Definition(name, DefinitionKind.FUNCTION, source, origin=Origin("n.ipynb", 1, "a", 1))
    return replace(found, **changes)  # type: ignore[arg-type]


@pytest.fixture
def load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Pipeline], dict[str, object]]:
    """Write a pipeline's project and import its steps and wiring as a user would."""

    def loaded(pipeline: Pipeline, **sources: object) -> dict[str, object]:
        folder = tmp_path / "project"
        write_project(render_project(pipeline, **sources), folder)  # type: ignore[arg-type]
        code = (
            "import json, sys\n"
            f"from {package_name(pipeline)} import steps, pipeline\n"
            "print(json.dumps(vars(pipeline.run())))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
        return result

    return loaded


def test_the_same_pipeline_gives_the_same_bytes(
    leaving: Pipeline, environment: Environment
) -> None:
    first = render_project(leaving, environment=environment)
    assert first == render_project(leaving, environment=environment)
    assert [str(file.path) for file in first] == sorted(str(file.path) for file in first)


def test_no_pipeline_code_imports_nbprod(leaving: Pipeline) -> None:
    for path, text in texts(render_project(leaving)).items():
        if path.endswith(".py") and path != "service.py":
            modules = [
                ast.unparse(node)
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.Import | ast.ImportFrom)
            ]
            assert not any("nbprod" in module for module in modules), path


def test_steps_are_pure_typed_functions_with_the_authors_words(leaving: Pipeline) -> None:
    text = texts(render_project(leaving))["leaving/steps.py"]
    assert 'def load_data(*, data_path: str) -> pd.DataFrame:\n    """Load the data."""' in text
    assert "    # one bar per answer\n" in text
    assert "A few leave, most stay: see the paper (https://example.org)." in text
    assert "def prepare(" in text
    assert "# Cell 11: Choose the columns.\n    #\n    # Only what is known before" in text
    assert "import numpy" not in text, "nothing uses it"
    assert "customers.head()" not in text
    assert '"""two\n  lines"""' in text, "data inside strings keeps its layout"


def test_what_is_only_displayed_is_left_out_and_said(leaving: Pipeline) -> None:
    assert "- Cell 4: `customers.head()`" in texts(render_project(leaving))["README.md"]


def test_warnings_of_the_conversion_reach_the_readme(leaving: Pipeline) -> None:
    found = Diagnostic("magic", Severity.WARNING, "`%time` was dropped", Origin("n.ipynb", 4))
    hint = Diagnostic("hint", Severity.HINT, "not worth a line")
    text = texts(render_project(leaving, diagnostics=(found, hint)))["README.md"]
    assert "- Cell 4: `%time` was dropped" in text
    assert "not worth a line" not in text


def test_parameters_are_a_frozen_dataclass_with_docs(leaving: Pipeline) -> None:
    text = texts(render_project(leaving))["leaving/parameters.py"]
    assert "@dataclass(frozen=True)\nclass Parameters:" in text
    assert '    columns: list[Any] = field(default_factory=lambda: ["minutes", "calls"])' in text
    assert "        test_size: share held back\n" in text


def test_requirements_are_locked_and_say_how(leaving: Pipeline, environment: Environment) -> None:
    text = texts(render_project(leaving, environment=environment))["requirements.txt"]
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines == [
        "ipykernel==7.4.0",
        "matplotlib==3.11.2",
        "pandas==3.1.1",
        "papermill==2.7.0",
        "scikit-learn==1.9.1",
    ]
    assert text.startswith("# Python 3.11.7\n")


def test_what_is_not_installed_is_never_guessed_into_the_lock(leaving: Pipeline) -> None:
    missing = replace(
        leaving.requirements[0], import_name="secretlib", distribution="secretlib", version=""
    )
    text = texts(render_project(replace(leaving, requirements=(missing,))))["requirements.txt"]
    assert "# Not installed there, so not locked: secretlib" in text
    assert "\nsecretlib" not in text


def test_pipeline_notebook_is_valid_and_tagged(leaving: Pipeline) -> None:
    import nbformat

    document = nbformat.reads(texts(render_project(leaving))["pipeline.ipynb"], as_version=4)
    nbformat.validate(document)
    tags = [cell.metadata.get("tags", []) for cell in document.cells]
    assert ["parameters"] in tags
    assert ["step:evaluate", "metrics"] in tags
    sources = [cell.source for cell in document.cells]
    assert "X, y = steps.prepare(customers, columns=columns)" in sources
    assert any("test_size: float = 0.25  # share held back" in source for source in sources)
    assert any(source.startswith("## A first look") and "*most*" in source for source in sources)


def test_a_parameter_that_the_notebook_needs_itself_is_refused() -> None:
    given = Parameter("working_directory", "str", '"."', origin=Origin("n.ipynb", 2, line=1))
    with pytest.raises(UsageError, match="working_directory") as caught:
        render_project(small(parameters=(given,)))
    assert caught.value.where == given.origin


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("churn", "churn"),
        ("json", "json_pipeline"),
        ("pandas", "pandas_pipeline"),
        ("scipy", "scipy_pipeline"),
        ("shapes", "shapes_pipeline"),
        ("service", "service_pipeline"),
        ("match", "match_pipeline"),
    ],
)
def test_a_package_never_hides_a_module(leaving: Pipeline, name: str, expected: str) -> None:
    pipeline = replace(leaving, name=name, local_modules=(LocalModule("shapes", "shapes.py", "0"),))
    assert package_name(pipeline, {"scipy", "pandas"}) == expected


def test_functions_never_hide_what_is_pythons() -> None:
    assert [function_name(each) for each in ("train", "filter", "import")] == [
        "train",
        "filter_",
        "import_",
    ]


def test_a_step_named_like_a_function_it_calls(
    load: Callable[[Pipeline], dict[str, object]],
) -> None:
    work = function("def work(x: int) -> int:\n    return x + 1", "work")
    step = one_step("value = work(1)", outputs=(Variable("value", "int"),), metrics=("value",))
    other = one_step(
        "twice = work(work(value))",
        name="other",
        inputs=(Variable("value", "int"),),
        outputs=(Variable("twice", "int"),),
        metrics=("twice",),
    )
    assert load(small(step, other, definitions=(work,))) == {"value": 2, "twice": 4}


def test_a_step_that_rebinds_an_import(load: Callable[[Pipeline], dict[str, object]]) -> None:
    step = one_step("sqrt = sqrt(16)", outputs=(Variable("sqrt"),), metrics=("sqrt",))
    pipeline = small(step, definitions=(imported("from math import sqrt", "sqrt"),))
    assert load(pipeline) == {"sqrt": 4.0}


def test_variables_named_like_our_modules(load: Callable[[Pipeline], dict[str, object]]) -> None:
    first = one_step(
        "steps = [1]\nparameters = {'a': 2}",
        name="make",
        outputs=(Variable("steps"), Variable("parameters")),
    )
    second = one_step(
        "total = steps[0] + parameters['a'] + extra",
        inputs=(Variable("steps"), Variable("parameters")),
        params=("extra",),
        outputs=(Variable("total"),),
        metrics=("total",),
    )
    pipeline = small(first, second, parameters=(Parameter("extra", "int", "4"),))
    assert load(pipeline) == {"total": 7}


def test_code_for_the_main_module_runs(load: Callable[[Pipeline], dict[str, object]]) -> None:
    step = one_step(
        "done = False\nif __name__ == '__main__':\n    done = True",
        outputs=(Variable("done"),),
        metrics=("done",),
    )
    assert load(small(step)) == {"done": True}


def test_a_repeated_definition_stands_where_the_notebook_has_it(
    load: Callable[[Pipeline], dict[str, object]],
) -> None:
    """Its default is evaluated there, between the two assignments of ``base``."""
    source = "base = 1\nbase = 5\nresult = shifted(10)"
    step = one_step(
        source, definitions=("shifted",), outputs=(Variable("result"),), metrics=("result",)
    )
    block = replace(step.blocks[0], lines=(1, 4, 5))
    shifted = function(
        "def shifted(x, by=base):\n    return x + by + base",
        "shifted",
        hoisted=False,
        origin=Origin("n.ipynb", 1, "a", 2),
    )
    assert load(small(replace(step, blocks=(block,)), definitions=(shifted,))) == {"result": 16}


def test_text_that_looks_like_a_template_stays_text(
    load: Callable[[Pipeline], dict[str, object]],
) -> None:
    text = 'value = "{{ 7 * 7 }}{% raw %}\\\\d"'
    step = one_step(
        text,
        doc='Uses {{ braces }}, """quotes""" and \\back\\slashes {# comment #}',
        outputs=(Variable("value"),),
        metrics=("value",),
    )
    assert load(small(step)) == {"value": "{{ 7 * 7 }}{% raw %}\\d"}


def test_local_modules_come_along_unchanged(load: Callable[[Pipeline], dict[str, object]]) -> None:
    source = b"import   os,sys\ndef sides( ): return 4\n"
    step = one_step("value = sides()", outputs=(Variable("value"),), metrics=("value",))
    pipeline = small(
        step,
        definitions=(imported("from shapes.square import sides", "sides"),),
        local_modules=(LocalModule("shapes.square", "shapes/square.py", "0"),),
    )
    sources = {"shapes/__init__.py": b"", "shapes/square.py": source}
    assert load(pipeline, local_sources=sources) == {"value": 4}  # type: ignore[call-arg]
    assert (
        texts(render_project(pipeline, local_sources=sources))["shapes/square.py"]
        == source.decode()
    )


@pytest.mark.parametrize("path", ["service.py", "small/steps.py", "../evil.py", "/etc/evil.py"])
def test_local_modules_cannot_replace_or_leave_the_project(path: str) -> None:
    with pytest.raises(UsageError, match="local module"):
        render_project(small(one_step("x = 1")), local_sources={path: b""})


def test_imports_with_an_effect_stay_though_unused() -> None:
    step = one_step("x = 1")
    definitions = (
        imported(
            "from sklearn.experimental import enable_halving_search_cv", "enable_halving_search_cv"
        ),
        imported("import numpy as np", "np"),
    )
    text = texts(render_project(small(step, definitions=definitions)))["small/steps.py"]
    assert "enable_halving_search_cv  # noqa: F401" in text
    assert "numpy" not in text


def test_figures_of_different_cells_stay_apart() -> None:
    first = Block("sns.kdeplot(x)", Origin("n.ipynb", 1, "a", 1), lines=(1,), draws=True)
    second = replace(first, source="sns.histplot(x)", origin=Origin("n.ipynb", 2, "b", 1))
    step = one_step("", blocks=(first, second), inputs=(Variable("x"),), effects=(Effect.PLOTS,))
    pipeline = small(step, definitions=(imported("import seaborn as sns", "sns"),))
    text = texts(render_project(pipeline))["small/steps.py"]
    assert "import matplotlib.pyplot as plt" in text
    assert text.count("plt.show()") == 1, "the end of the last cell is the notebook's own"


def test_a_variable_of_two_types_is_any_everywhere() -> None:
    first = one_step("a = 1", name="one", outputs=(Variable("a", "int"),))
    second = one_step(
        "a = str(a)", name="two", inputs=(Variable("a", "int"),), outputs=(Variable("a", "str"),)
    )
    text = texts(render_project(small(first, second)))["small/steps.py"]
    assert "def one() -> Any:" in text
    assert "def two(a: Any) -> Any:" in text


def test_types_that_cannot_be_imported_become_any() -> None:
    step = one_step(
        "x = y", inputs=(Variable("y", "pd.DataFrame"),), outputs=(Variable("x", "list"),)
    )
    text = texts(render_project(small(step)))["small/steps.py"]
    assert "def work(y: Any) -> list[Any]:" in text


def test_lint_findings_on_the_authors_lines_are_listed_and_excepted() -> None:
    step = one_step("unused = 1\nl = '%s' % 3\nif l == None:\n    print(l)")
    files = texts(render_project(small(step)))
    assert '"small/steps.py" = ["E711", "E741", "UP031"]' in files["pyproject.toml"]
    assert "- Cell 1, line 3: " in files["README.md"]
    assert "(E711)" in files["README.md"]


def test_undefined_names_are_never_excepted() -> None:
    """Silencing that rule would hide a defect that only shows when the line runs."""
    files = texts(render_project(small(one_step("if False:\n    print(nowhere)"))))
    assert "F821" not in files["pyproject.toml"]
    assert "nowhere" in files["README.md"]


def test_typing_gaps_name_cell_and_line(leaving: Pipeline) -> None:
    gaps = author_typing_gaps(leaving)
    assert ("steps", 10, 1) in [(gap.module, gap.cell, gap.line) for gap in gaps]
    assert any("halve has no complete annotations" in gap.message for gap in gaps)


def test_generated_lines_lead_back_to_the_notebook(leaving: Pipeline) -> None:
    text = texts(render_project(leaving))["leaving/steps.py"]
    mapped = line_map(leaving, {"leaving/steps.py": text})
    lines = text.splitlines()

    def place(fragment: str) -> tuple[int, int] | None:
        number = next(at for at, line in enumerate(lines, start=1) if fragment in line)
        found = mapped.origin("leaving/steps.py", number)
        return found and (found.cell, found.line)

    assert place("print(f") == (4, 2)
    assert place("X, y, test_size=test_size") == (13, 2)
    assert place("model.fit(") == (13, 4)
    assert place("return values /") == (10, 2)
    assert place('y = customers["left"]') == (11, 3)
    assert place("def train(") is None


def test_lines_of_an_edited_function_lead_back_to_the_cell(leaving: Pipeline) -> None:
    text = texts(render_project(leaving))["leaving/steps.py"]
    text = text.replace(
        "    model = LogisticRegression()\n", "    if True:\n        pass\n    model = None\n"
    )
    mapped = line_map(leaving, {"leaving/steps.py": text})
    number = text.splitlines().index("    model = None") + 1
    found = mapped.origin("leaving/steps.py", number)
    assert found is not None
    assert found.cell == 13


@pytest.fixture
def project(leaving: Pipeline, environment: Environment, data: str, tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/leaving.csv").write_text(data)
    folder = tmp_path / "leaving_pipeline"
    write_project(render_project(leaving, environment=environment), folder)
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_project_passes_ruff(project: Path) -> None:
    for arguments in (["check", "."], ["format", "--check", "."]):
        done = run(project, "ruff", *arguments, "--no-cache")
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_project_passes_mypy_strict(project: Path) -> None:
    done = run(project, "mypy", "--strict")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_projects_own_tests_pass_and_skip_only_without_data(project: Path) -> None:
    done = run(project, "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout
    assert "7 passed" in done.stdout
    (project.parent / "data/leaving.csv").unlink()
    done = run(project, "pytest", "-q", "-rs", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout
    assert "6 passed, 1 skipped" in done.stdout
    assert "data/leaving.csv" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("inside", [False, True])
def test_plain_papermill_runs_the_notebook(project: Path, inside: bool) -> None:
    folder = project if inside else project.parent
    options = ["-p", "working_directory", ".."] if inside else []
    done = run(
        folder,
        "papermill",
        "pipeline.ipynb" if inside else "leaving_pipeline/pipeline.ipynb",
        "out.ipynb",
        "-p",
        "test_size",
        "0.4",
        *options,
    )
    assert done.returncode == 0, done.stderr
    outputs = {
        tag: cell["outputs"]
        for cell in json.loads((folder / "out.ipynb").read_text())["cells"]
        for tag in cell["metadata"].get("tags", [])
        if cell["cell_type"] == "code"
    }
    assert outputs["step:load_data"][0]["text"] == ["60 customers\n"]
    pictures = [each for each in outputs["step:explore"] if "image/png" in each.get("data", {})]
    assert len(pictures) == 2
    assert "accuracy" in outputs["step:evaluate"][0]["text"][0]


UNTYPED = {
    "cached": "@lru_cache\ndef cached(x):\n    return expensive(x)",
    "expensive": "def expensive(x: dict, *rest, **more) -> float:\n    return np.sum(x)",
    "Clipper": (
        "class Clipper(BaseEstimator, TransformerMixin):\n"
        "    def __init__(self, low=0):\n        self.low = low\n\n"
        "    def fit(self, X, y=None):\n        return self\n\n"
        "    def transform(self, X):\n        return np.maximum(X, self.low)"
    ),
    "score": "def score(model: BaseEstimator) -> float:\n    return model.score([1], [2])",
    "shout": "shout = lambda text: text.upper()",
    "REGISTRY": "REGISTRY = {}",
}


@pytest.fixture
def untyped() -> Pipeline:
    """Everything that authors leave untyped, at once."""
    body = (
        "rows = []\n"
        "best = None\n"
        "for k in range(3):\n"
        "    if best is None or cached(k) > best:\n"
        "        best = cached(k)\n"
        "total = 0\n"
        "total = total / 2\n"
        "def inner(a, b=1):\n    return a + b\n"
        "model = Clipper(low=inner(2)).fit([[1]])\n"
        "frame = frame['x'].values\n"
        "print(shout('x'), score(model), REGISTRY, rows)\n"
        "counts = {'a': 1}\n"
        "print(max(counts, key=counts.get))\n"
        "class Trial:\n    def go(self):\n        return 1\n"
        "Trial().go()"
    )
    step = one_step(
        body,
        inputs=(Variable("frame", "pd.DataFrame"),),
        outputs=(Variable("frame", "np.ndarray"), Variable("model"), Variable("total", "float")),
    )
    definitions = [
        imported("import numpy as np", "np"),
        imported("import pandas as pd", "pd"),
        imported("from functools import lru_cache", "lru_cache"),
        imported("from sklearn.base import BaseEstimator", "BaseEstimator"),
        imported("from sklearn.base import TransformerMixin", "TransformerMixin"),
    ]
    kinds = {"Clipper": DefinitionKind.CLASS, "REGISTRY": DefinitionKind.CONSTANT}
    for name, source in UNTYPED.items():
        kind = kinds.get(name, DefinitionKind.FUNCTION)
        reads = tuple(each for each in UNTYPED if each != name and each in source)
        definitions.append(function(source, name, kind=kind, reads=reads))
    load = one_step(
        "frame = pd.DataFrame({'x': [1.0]})",
        name="load",
        outputs=(Variable("frame", "pd.DataFrame"),),
    )
    return small(load, step, definitions=tuple(definitions), models=("model",))


@pytest.mark.slow
def test_untyped_code_of_the_author_is_excepted_and_listed(
    untyped: Pipeline, tmp_path: Path
) -> None:
    write_project(render_project(untyped), tmp_path)
    for arguments in (["mypy", "--strict"], ["ruff", "check", "."], ["ruff", "format", "--check"]):
        done = run(tmp_path, *arguments)
        assert done.returncode == 0, done.stdout
    configuration = (tmp_path / "pyproject.toml").read_text()
    assert "strict = true" in configuration
    assert '"small.pipeline"' not in configuration, "the wiring has no exception"
    readme = (tmp_path / "README.md").read_text()
    for name in ("cached", "expensive", "Clipper", "inner", "rows", "REGISTRY"):
        assert name in readme


def test_what_a_formula_names_is_imported_where_it_is_looked_up() -> None:
    """Models by formula find names in the module that uses the formula."""
    step = one_step('fit = smf.ols("y ~ np.log(x) + twice(z) + C(w)", data={})')
    pipeline = small(
        step,
        definitions=(
            imported("import numpy as np", "np"),
            imported("import statsmodels.formula.api as smf", "smf"),
            imported("import pandas as pd", "pd"),
            function("def twice(v):\n    return 2 * v", "twice"),
        ),
    )
    found = texts(render_project(pipeline))["small/steps.py"]
    assert "import numpy as np  # noqa: F401  (a formula names it)" in found
    assert "from small.definitions import twice  # noqa: F401  (a formula names it)" in found
    assert "import statsmodels.formula.api as smf\n" in found
    assert "pandas" not in found
