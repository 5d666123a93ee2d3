"""From checked rows to predictions, in threads of their own."""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from nbprod.errors import SystemFailedError
from nbprod.model.check import RowError
from nbprod.model.contract import Contract
from nbprod.model.frame import to_frame
from nbprod.model.labels import predictions_as_json, probabilities_as_json
from nbprod.model.package import Package, packaged_contract
from nbprod.model.persistence import load_model
from nbprod.serving.limits import Limits
from nbprod.serving.problem import Problem

logger = logging.getLogger("nbprod.serving")

T = TypeVar("T")
Row = Mapping[str, object]
MAX_TRIED = 200  # rows that are tried one by one to find which the model rejects
# What numpy, pandas and scikit-learn raise for a value that they cannot take.
_REJECTIONS = (ValueError, TypeError, LookupError, ArithmeticError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says of some rows, as JSON values."""

    predictions: list[Any]
    probabilities: list[dict[str, Any]] | None
    seconds: float


class Scorer:
    """A loaded model and its contract.

    Args:
        estimator: Anything with ``predict``.
        contract: What it takes.
        package: Where it came from.
    """

    def __init__(self, estimator: Any, contract: Contract, package: Package) -> None:  # noqa: ANN401
        self.contract = contract
        self.package = package
        _use_one_job(estimator)
        self._transformers, self._model = _split(estimator)
        self._classes = _listed(getattr(estimator, "classes_", None))
        self._has_probabilities = (
            contract.outputs == 1
            and contract.classes is not None
            and self._classes is not None
            and hasattr(self._model, "predict_proba")
        )

    def score(self, rows: Sequence[Row]) -> Answer:
        """Predict rows that keep the contract.

        Raises:
            Problem: 422 ``model-rejected`` if the model cannot take a value.
        """
        started = time.perf_counter()
        try:
            predictions, probabilities = self._predict(rows)
        except _REJECTIONS as error:
            raise self._rejection(rows, error) from error
        return Answer(predictions, probabilities, time.perf_counter() - started)

    def _predict(self, rows: Sequence[Row]) -> tuple[list[Any], list[dict[str, Any]] | None]:
        features = to_frame(self.contract, rows)
        for transformer in self._transformers:
            features = transformer.transform(features)
        predictions = predictions_as_json(self._model.predict(features))
        if not self._has_probabilities:
            return predictions, None
        assert self._classes is not None
        table = self._model.predict_proba(features)
        return predictions, probabilities_as_json(self._classes, table)

    def _rejection(self, rows: Sequence[Row], error: Exception) -> Problem:
        errors = [
            RowError(index, None, "model-rejected", text)
            for index, row in enumerate(rows[:MAX_TRIED])
            if len(rows) > 1 and (text := self._try(row))
        ]
        if not errors:
            only = 0 if len(rows) == 1 else None
            errors = [RowError(only, None, "model-rejected", _short(error))]
        return Problem(422, "model-rejected", "the model cannot take these rows", errors)

    def _try(self, row: Row) -> str:
        try:
            self._predict([row])
        except _REJECTIONS as error:
            return _short(error)
        return ""


class Desk:
    """Threads that score, and a bounded queue before them: health is never in their way.

    Args:
        limits: How many threads, and how many may wait.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pending = 0
        self._threads = ThreadPoolExecutor(
            limits.threads, thread_name_prefix="score", initializer=_limit_native_threads
        )

    async def run(self, work: Callable[[], T]) -> T:
        """Do ``work`` in a thread.

        Raises:
            Problem: 429 if too many wait already.
        """
        if self._pending >= self._limits.threads + self._limits.queue:
            raise Problem(
                429,
                "overloaded",
                "too many requests at once; try again",
                headers={"Retry-After": str(self._limits.retry_after)},
            )
        self._pending += 1
        future = self._threads.submit(work)
        # It counts until the work has ended, also when the client has given up waiting.
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: _soon(loop, self._release))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let running work end, and start no other."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _release(self) -> None:
        self._pending -= 1


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)


def load_scorer(folder: Path, own_modules: Collection[str] = ()) -> Scorer:
    """Load a packaged model after checking its files and the library it was fitted with.

    Raises:
        SystemFailedError: A file was changed, or scikit-learn is another minor version.
    """
    estimator, package = load_model(folder, own_modules)
    check_framework(package)
    return Scorer(estimator, packaged_contract(folder, package), package)


def check_framework(package: Package) -> None:
    """Compare scikit-learn with the one that fitted the model.

    Raises:
        SystemFailedError: Another minor version, and ``NBPROD_ALLOW_VERSION_MISMATCH`` unset.
    """
    fitted = package.libraries.get("scikit-learn", "")
    try:
        here = importlib.metadata.version("scikit-learn")
    except importlib.metadata.PackageNotFoundError:
        return  # a model that needs it has failed to load already
    if not fitted or fitted == here:
        return
    text = f"the model was fitted with scikit-learn {fitted}, and {here} is installed here"
    if fitted.split(".")[:2] == here.split(".")[:2] or os.environ.get(
        "NBPROD_ALLOW_VERSION_MISMATCH"
    ):
        logger.warning("%s", text)
        return
    raise SystemFailedError(
        f"{text}: it might answer differently",
        fix=f"Install scikit-learn=={fitted}, or build the model again; "
        "NBPROD_ALLOW_VERSION_MISMATCH=1 serves it all the same.",
    )


def _split(estimator: Any) -> tuple[list[Any], Any]:  # noqa: ANN401 - any estimator
    """Part a Pipeline before its last step, so that rows are transformed once, not twice.

    Each transformer is called by itself, as ``Pipeline.predict`` does: a Pipeline of them
    alone would ask whether the last is fitted, which stateless ones of the author's own deny.
    """
    from sklearn.pipeline import Pipeline

    if type(estimator) is not Pipeline or len(estimator.steps) < 2:
        return [], estimator
    *before, last = [step for _, step in estimator.steps]
    if last is None or last == "passthrough":
        return [], estimator
    return [each for each in before if each is not None and each != "passthrough"], last


def _use_one_job(estimator: Any) -> None:  # noqa: ANN401 - any estimator
    """Score in the calling thread: starting workers for a few rows costs more than it saves."""
    try:
        jobs = [
            name
            for name, value in estimator.get_params(deep=True).items()
            if name.rpartition("__")[2] == "n_jobs" and value not in (None, 1)
        ]
        if jobs:
            estimator.set_params(**dict.fromkeys(jobs, 1))
    except (AttributeError, TypeError, ValueError) as error:
        logger.debug("n_jobs of the model stays as it is: %s", error)


def _limit_native_threads() -> None:
    # OpenMP's limit belongs to the calling thread, so each scoring thread sets its own.
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


def _listed(values: Any) -> list[Any] | None:  # noqa: ANN401 - an array or nothing
    return list(values.tolist()) if hasattr(values, "tolist") else None


def _short(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else type(error).__name__
    return text if len(text) <= 300 else text[:300] + "…"
