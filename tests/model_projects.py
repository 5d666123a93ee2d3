"""Small projects as `convert` would make them, with the run folder of their model."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbprod.run.kernel.artifacts import save_variables

ROOT = Path(__file__).parents[1]
RUNTIME = "kernel_side"


def load_runtime(module: str) -> Any:
    """Load a module of the kernel-side runtime by path, as the kernel does."""
    folder = ROOT / "nbprod" / "run" / "kernel"
    if RUNTIME not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            RUNTIME, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        package = importlib.util.module_from_spec(spec)
        sys.modules[RUNTIME] = package
        spec.loader.exec_module(package)
    return importlib.import_module(f"{RUNTIME}.{module}")


@dataclass
class ModelProject:
    """A project folder, a model folder of a run, and an artifact that holds the model."""

    name: str
    project: Path
    model_folder: Path
    artifact: Path
    chain: tuple[str, ...] = ()

    @property
    def rows(self) -> list[dict[str, object]]:
        return json.loads((self.model_folder / "rows.json").read_text())

    @property
    def expected(self) -> dict[str, Any]:
        return json.loads((self.model_folder / "expected.json").read_text())

    def request(self, output: Path, **changes: object) -> dict[str, object]:
        """The request that package_process takes."""
        return {
            "project": str(self.project),
            "artifacts": [{"path": str(self.artifact), "sha256": sha256(self.artifact)}],
            "variable": "model",
            "model_folder": str(self.model_folder),
            "output": str(output),
            "chain": list(self.chain),
            "own_modules": [self.name],
            "facts": {"notebook": f"{self.name}.ipynb", "run_id": "r1", "variable": "model"},
            **changes,
        }

    def package(self, output: Path, **changes: object) -> dict[str, Any]:
        """Package the model in a process of its own, and return the result line."""
        path = output.parent / f"{output.name}-request.json"
        path.write_text(json.dumps(self.request(output, **changes)))
        done = subprocess.run(
            [sys.executable, "-m", "nbprod.bento.package_process", str(path)],
            capture_output=True,
            text=True,
            check=False,
            cwd=output.parent,
        )
        assert done.stdout, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_project(folder: Path, name: str, definitions: str = "") -> Path:
    project = folder / f"{name}_pipeline"
    (project / name).mkdir(parents=True)
    (project / name / "__init__.py").write_text('"""Generated."""\n')
    (project / name / "definitions.py").write_text(textwrap.dedent(definitions))
    (project / "tests").mkdir()
    (project / "tests" / "test_pipeline.py").write_text("raise SystemExit('never packed')\n")
    (project / ".nbprod").mkdir()
    (project / ".nbprod" / "secret.pkl").write_bytes(b"x")
    (project / "service.py").write_text(
        f'from nbprod.serving import bento_service\n\nservice = bento_service("{name}")\n'
    )
    (project / "README.md").write_text(f"# {name}\n")
    return project


def write_run(
    project: Path, name: str, features: Any, target: Any, model: Any, chain: dict[str, Any]
) -> ModelProject:
    """Write what the kernel-side runtime writes at the end of a run."""
    describe = load_runtime("describe")
    folder = project.parent / "models" / "model"
    folder.mkdir(parents=True)
    facts = describe.describe_frame(features, target, model)
    positions = load_runtime("sampling").choose_rows(features, target)
    sample = describe.take_rows(features, positions)
    inner = sample
    for transformer in chain.values():
        inner = transformer.transform(inner)
    has_table = hasattr(model, "predict_proba")
    expected = describe.outputs_as_json(
        model.predict(inner),
        model.predict_proba(inner) if has_table else None,
        model.classes_ if has_table else None,
    )
    documents = {
        "contract": facts["contract"],
        "profile": facts["profile"],
        "rows": describe.rows_as_json(features, positions),
        "expected": expected,
    }
    for key, document in documents.items():
        (folder / f"{key}.json").write_text(json.dumps(document, allow_nan=False))
    artifact = project.parent / "train.pkl"
    variables = {**chain, "model": model}
    saved = save_variables(variables, list(variables), str(artifact))
    assert not saved["unsaved"], saved
    return ModelProject(name, project, folder, artifact, tuple(chain))


def penguins(folder: Path) -> ModelProject:
    """Mixed columns with missing values, three classes of text."""
    import numpy as np
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rng = np.random.default_rng(7)
    count = 300
    species = rng.choice(["Adelie", "Chinstrap", "Gentoo"], count)
    shift = pd.Series(species).map({"Adelie": 0.0, "Chinstrap": 1.0, "Gentoo": 2.0}).to_numpy()
    frame = pd.DataFrame(
        {
            "island": rng.choice(["Biscoe", "Dream", "Torgersen"], count),
            "bill length (mm)": 40 + 4 * shift + rng.normal(0, 1, count),
            "flipper_length_mm": (190 + 12 * shift + rng.normal(0, 3, count)).astype(int),
            "sex": rng.choice(["male", "female"], count),
            "tagged": rng.random(count) > 0.5,
            "colony": pd.Categorical(rng.choice(["n", "s"], count)),
        }
    )
    frame.loc[::17, "bill length (mm)"] = np.nan
    frame.loc[3::29, "sex"] = None
    numbers = ["bill length (mm)", "flipper_length_mm", "tagged"]
    words = ["island", "sex", "colony"]
    encode = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    model = make_pipeline(
        make_column_transformer((SimpleImputer(), numbers), (encode, words)),
        RandomForestClassifier(20, random_state=0, n_jobs=2),
    )
    target = pd.Series(species, name="species")
    model.fit(frame, target)
    return write_run(write_project(folder, "penguins"), "penguins", frame, target, model, {})


CUSTOM = '''
"""Definitions of the notebook."""

from sklearn.base import BaseEstimator, TransformerMixin


class AddRatio(TransformerMixin, BaseEstimator):
    """Adds a ratio of two columns."""

    def __init__(self, over="a", under="b"):
        self.over = over
        self.under = under

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        if (X[self.under] == 0).any():
            raise ValueError(f"{self.under} must not be 0")
        return X.assign(ratio=X[self.over] / X[self.under])
'''


def ratios(folder: Path) -> ModelProject:
    """A class of the notebook's own in the generated package; regression."""
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline

    project = write_project(folder, "ratios", CUSTOM)
    sys.path.insert(0, str(project))
    try:
        definitions = importlib.import_module("ratios.definitions")
        rng = np.random.default_rng(1)
        frame = pd.DataFrame({"a": rng.normal(size=80), "b": rng.uniform(1, 2, 80)})
        model = make_pipeline(definitions.AddRatio(), LinearRegression())
        target = frame["a"] / frame["b"] + rng.normal(0, 0.01, 80)
        model.fit(frame, target)
        return write_run(project, "ratios", frame, target, model, {})
    finally:
        sys.path.remove(str(project))
        for module in [key for key in sys.modules if key.split(".")[0] == "ratios"]:
            del sys.modules[module]


def scaled_arrays(folder: Path) -> ModelProject:
    """An ndarray, a scaler fitted by hand, integer classes."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    features, target = load_breast_cancer(return_X_y=True)
    features = features[:, :6]
    scaler = StandardScaler().fit(features)
    model = LogisticRegression().fit(scaler.transform(features), target)
    project = write_project(folder, "cancer")
    return write_run(project, "cancer", features, target, model, {"scaler": scaler})


def texts(folder: Path) -> ModelProject:
    """A list of texts and boolean classes; a lambda that only cloudpickle can store."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    messages = ["win money now", "cheap money", "meet at noon", "lunch tomorrow?"] * 10
    labels = [True, True, False, False] * 10
    # As in a kernel: a function of __main__, which travels by value.
    lower = eval("lambda text: text.lower()", {"__name__": "__main__"})
    model = make_pipeline(CountVectorizer(preprocessor=lower), MultinomialNB())
    model.fit(messages, labels)
    return write_run(write_project(folder, "spam"), "spam", messages, labels, model, {})


PROJECTS: dict[str, Callable[[Path], ModelProject]] = {
    "penguins": penguins,
    "ratios": ratios,
    "cancer": scaled_arrays,
    "spam": texts,
}
