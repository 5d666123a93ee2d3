"""The kernel-side runtime, loaded by path as in a kernel."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import nbprod.run

FOLDER = Path(nbprod.run.__file__).parent / "kernel"


@pytest.fixture
def runtime() -> Iterator[Any]:
    """The runtime's modules by name, fresh for each test."""
    spec = importlib.util.spec_from_file_location(
        "_nbprod_kernel", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["_nbprod_kernel"] = module
    spec.loader.exec_module(module)
    yield lambda name: importlib.import_module(f"_nbprod_kernel.{name}")
    for name in [name for name in sys.modules if name.startswith("_nbprod_kernel")]:
        del sys.modules[name]


def run(runtime: Any, source: str, scope: dict[str, Any]) -> dict[str, Any]:
    tree = runtime("rewrite").ObservedCalls().visit(ast.parse(source, "cell"))
    runtime("observe").enter_cell(1)
    exec(compile(ast.fix_missing_locations(tree), "cell", "exec"), scope)
    return scope


def data() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60)})
    return {
        "X": frame,
        "y": (frame["a"] > 0).map({True: "yes", False: "no"}),
        "LogisticRegression": LogisticRegression,
        "StandardScaler": StandardScaler,
        "pd": pd,
        "np": np,
    }


def models(runtime: Any, scope: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    runtime("observe").describe_pending()
    found: list[dict[str, Any]] = runtime("facts").write_models(scope, str(folder))
    return found


def test_last_fit_wins_and_aliases_are_listed(runtime: Any, tmp_path: Path) -> None:
    source = "model = LogisticRegression()\nfor C in (1, 2):\n    model.fit(X, y)\nbest = model"
    scope = run(runtime, source, data())
    (found,) = models(runtime, scope, tmp_path)
    assert (found["variable"], found["aliases"], found["fit_order"]) == ("model", ["best"], 2)
    assert found["problem"] == ""
    assert {path.name for path in (tmp_path / "model").iterdir()} == {
        "contract.json",
        "profile.json",
        "rows.json",
        "expected.json",
        "facts.json",
    }


@pytest.mark.parametrize(
    "wrap",
    [
        "scaled",
        "pd.DataFrame(scaled, columns=['p', 'q'])",
        "scaled[::2]",
    ],
)
def test_a_scaler_fitted_by_hand_is_followed(runtime: Any, tmp_path: Path, wrap: str) -> None:
    source = (
        "scaler = StandardScaler()\nscaled = scaler.fit_transform(X)\n"
        f"inner = {wrap}\nlabels = y[::2] if len(inner) < len(y) else y\n"
        "model = LogisticRegression().fit(inner, labels)\nX['late'] = 1"
    )
    (found,) = models(runtime, run(runtime, source, data()), tmp_path)
    assert found["chain"] == ["scaler"], found
    import json

    contract = json.loads((tmp_path / "model" / "contract.json").read_text())
    assert [column["name"] for column in contract["columns"]] == ["a", "b"]
    expected = json.loads((tmp_path / "model" / "expected.json").read_text())
    rows = json.loads((tmp_path / "model" / "rows.json").read_text())
    assert len(rows) == len(expected["predictions"]) == found["n_rows"]


def test_a_scaler_refitted_later_is_not_claimed(runtime: Any, tmp_path: Path) -> None:
    source = (
        "scaler = StandardScaler()\nscaled = scaler.fit_transform(X)\n"
        "model = LogisticRegression().fit(scaled, y)\nscaler.fit(X * 100 + 5)"
    )
    (found,) = models(runtime, run(runtime, source, data()), tmp_path)
    assert found["chain"] == []
    assert "no longer give the rows" in found["chain_note"]


def test_tracebacks_are_as_without_us(runtime: Any) -> None:
    source = (
        "class M:\n    def fit(self, X):\n        raise ValueError(X)\n\n"
        "def go():\n    M().fit(1)\n"
    )

    def frames(rewritten: bool) -> list[tuple[str, int | None, str]]:
        scope: dict[str, Any] = {}
        if rewritten:
            run(runtime, source, scope)
        else:
            exec(compile(source, "cell", "exec"), scope)
        with pytest.raises(ValueError, match="1") as caught:
            scope["go"]()
        extracted = traceback.extract_tb(caught.value.__traceback__)
        return [(frame.filename, frame.lineno, frame.name) for frame in extracted][1:]

    assert frames(True) == frames(False)


def test_super_chains_and_keywords_work(runtime: Any) -> None:
    source = """
class Base:
    def fit(self, X, *, weight=1):
        self.seen = (X, weight)
        return self
    def transform(self, X):
        return X + 1
class Child(Base):
    def fit(self, X, **more):
        return super().fit(X, **more)
made = Child().fit(*[3], **{"weight": 2}).transform(4)
kept = Child().fit(Child().transform(1), weight=5).seen
missing = None
try:
    None.fit(1)
except AttributeError as error:
    missing = str(error)
"""
    scope = run(runtime, source, {})
    assert (scope["made"], scope["kept"]) == (5, (2, 5))
    assert scope["missing"] == "'NoneType' object has no attribute 'fit'"


def test_rewritten_functions_work_where_the_runtime_is_not(runtime: Any) -> None:
    scope = run(runtime, "def go(m, X):\n    return m.fit(X, k=2)\n", {})
    del sys.modules["_nbprod_kernel.observe"]

    class M:
        def fit(self, X: int, k: int) -> int:
            return X * k

    assert scope["go"](M(), 3) == 6


def test_calls_that_raise_leave_nothing_behind(runtime: Any) -> None:
    source = (
        "class M:\n    def fit(self, X): raise ValueError\n"
        "for _ in range(50):\n    try:\n        M().fit(1)\n    except ValueError: pass\n"
    )
    run(runtime, source, {})
    assert len(runtime("observe")._calls()) <= 1


def test_modules_of_the_authors_own_are_observed(
    runtime: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "training_of_mine.py").write_text(
        "def train(model, X, y):\n    model.fit(X, y)\n    return model\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    before = list(sys.meta_path)
    try:
        runtime("observe")
        runtime("modules").install()
        module = importlib.import_module("training_of_mine")
        scope = data()
        model = module.train(LogisticRegression(), scope["X"], scope["y"])
        assert runtime("observe").fit_of(model) is not None
        assert not (tmp_path / "__pycache__").exists()
    finally:
        sys.meta_path[:] = before
        sys.modules.pop("training_of_mine", None)


def test_artifacts_keep_identity_and_views(runtime: Any, tmp_path: Path) -> None:
    shared = [1]
    base = np.arange(6)
    found = runtime("artifacts").save_variables(
        {"a": shared, "b": {"in": shared}, "base": base, "part": base[2:], "bad": (i for i in ())},
        ["a", "b", "base", "part", "bad", "none"],
        str(tmp_path / "x.pkl"),
    )
    assert set(found["unsaved"]) == {"bad", "none"}
    loaded = runtime("artifacts").load_variables(found["path"], found["sha256"])["variables"]
    assert loaded["a"] is loaded["b"]["in"]
    loaded["part"][0] = 99
    assert loaded["base"][2] == 99
    assert [path.name for path in tmp_path.iterdir()] == ["x.pkl"]


def test_files_are_seen_and_system_files_are_not(runtime: Any, tmp_path: Path) -> None:
    watch = runtime("files").FileWatch()
    watch.start()
    (tmp_path / "in.txt").write_text("x")
    (tmp_path / "in.txt").read_text()
    Path("/etc/hosts").read_text()
    with watch.paused():
        (tmp_path / "hidden.txt").write_text("x")
    report = watch.report()
    watch._watching = False
    assert report["read"] == report["written"] == [str(tmp_path / "in.txt")]
