"""Packaged models: stored safely, loaded only when whole."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer

from nbprod.errors import SystemFailedError, UsageError
from nbprod.model.contract import Column, Contract
from nbprod.model.persistence import load_model, save_model

CONTRACT = Contract("regression", "array", (Column("x0", "number", "float64"),))
FEATURES = np.array([[1.0], [2.0], [3.0]])


@pytest.fixture
def model():
    return LinearRegression().fit(FEATURES, [2.0, 4.0, 6.0])


@pytest.fixture
def package(model, tmp_path):
    save_model(model, tmp_path / "package", contract=CONTRACT, sample=FEATURES)
    return tmp_path / "package"


def test_a_model_of_scikit_learn_is_stored_with_skops_and_answers_the_same(model, package):
    loaded, facts = load_model(package)
    assert facts.format == "skops"
    assert not facts.reason
    np.testing.assert_array_equal(loaded.predict(FEATURES), model.predict(FEATURES))
    assert sorted(path.name for path in package.iterdir()) == [
        "contract.json", "model.skops", "package.json", "profile.json",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["model.skops", "contract.json", "profile.json"])
def test_a_changed_file_is_not_loaded(package, name):
    path = package / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(SystemFailedError, match=rf"{name} .* its sha256 differs"):
        load_model(package)


def test_a_missing_file_is_told(package):
    (package / "contract.json").unlink()
    with pytest.raises(SystemFailedError, match=r"lacks its file 'contract\.json'"):
        load_model(package)


def test_a_package_that_trusts_a_stranger_is_not_loaded(package):
    path = package / "package.json"
    document = json.loads(path.read_text())
    document["trusted"] = ["os.system"]
    path.write_text(json.dumps(document))
    with pytest.raises(SystemFailedError, match=r"types that are not packed with it: os\.system"):
        load_model(package)


def test_a_file_outside_the_folder_is_no_file_of_the_package(package):
    path = package / "package.json"
    document = json.loads(path.read_text())
    document["files"]["../secret"] = "0" * 64
    path.write_text(json.dumps(document))
    with pytest.raises(SystemFailedError, match="lacks its file"):
        load_model(package)


def test_what_is_no_package(tmp_path):
    with pytest.raises(UsageError, match="not a packaged model"):
        load_model(tmp_path)


class Doubler(LinearRegression):
    """A class that is not packed with the model."""


def test_a_class_that_skops_must_not_trust_is_pickled_and_the_reason_kept(tmp_path):
    model = Doubler().fit(FEATURES, [1.0, 2.0, 3.0])
    package = save_model(model, tmp_path / "p", contract=CONTRACT, sample=FEATURES)
    assert package.format == "cloudpickle"
    assert "Doubler" in package.reason
    loaded, _ = load_model(tmp_path / "p")
    np.testing.assert_array_equal(loaded.predict(FEATURES), model.predict(FEATURES))


def test_a_model_that_nothing_can_store_leaves_nothing_behind(tmp_path):
    model = FunctionTransformer(func=threading.Lock())
    model.predict = lambda rows: rows
    with pytest.raises(UsageError, match=r"neither with skops .* nor with cloudpickle"):
        save_model(model, tmp_path / "p", contract=CONTRACT, sample=FEATURES)
    assert list(tmp_path.iterdir()) == []


class Forgetful(LinearRegression):
    """Answers from something that is not stored with it."""

    offset = 0.0

    def __getstate__(self):
        return {**super().__getstate__(), "offset": 0.0}

    def predict(self, X):
        return super().predict(X) + self.offset


def test_a_model_that_answers_differently_once_stored_is_refused(tmp_path):
    model = Forgetful().fit(FEATURES, [1.0, 2.0, 3.0])
    model.offset = 5.0
    with pytest.raises(UsageError, match="answers row 0 differently"):
        save_model(model, tmp_path / "p", contract=CONTRACT, sample=FEATURES)


def test_an_existing_package_is_never_overwritten(model, package):
    with pytest.raises(UsageError, match="never overwritten"):
        save_model(model, package, contract=CONTRACT)
