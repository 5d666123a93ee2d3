"""A step process that packages a model: ``python -m nbprod.bento.package_process REQUEST.json``.

The artifacts hold the user's own classes, so they are loaded here, in a process of
its own, and never in the CLI or the server. It prints one line of JSON on stdout::

    {"ok": true, "format", "reason", "class", "checked_rows", "files": {...}}
    {"ok": false, "error", "message", "fix", "differences": [{"row", "what", "got", "expected"}]}

``error`` is ``differs``, ``artifact``, ``variable``, ``unsupported`` or ``failed``.
Exit code 0 with ``ok``, else 1. Whatever user code prints goes to stderr.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from nbprod.errors import NbprodError
from nbprod.model.agreement import Disagreement, disagreements
from nbprod.model.check import check_rows
from nbprod.model.contract import Contract, read_contract
from nbprod.model.frame import to_frame
from nbprod.model.labels import predictions_as_json, probabilities_as_json
from nbprod.model.package import PackageFacts
from nbprod.model.persistence import save_model


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """An artifact of a run (:mod:`nbprod.run.kernel.artifacts`) and the sha256 it must have."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class PackageRequest:
    """What to package.

    Attributes:
        project: Folder of the generated project; goes on ``sys.path``.
        artifacts: Files that hold the variables.
        variable: Name of the estimator.
        model_folder: The run's ``models/<variable>/``: contract, profile, rows, expected.
        output: The packaged-model folder to write; must not exist.
        chain: Transformer variables in the order they are applied to a row.
        own_modules: Top-level modules that go into the Bento.
        working_directory: Folder to work in; the notebook's.
        facts: Where the model came from.
    """

    project: str
    artifacts: tuple[ArtifactFile, ...]
    variable: str
    model_folder: str
    output: str
    chain: tuple[str, ...] = ()
    own_modules: tuple[str, ...] = ()
    working_directory: str = ""
    facts: PackageFacts = field(default_factory=PackageFacts)


class _FailedError(Exception):
    """Packaging cannot go on."""

    def __init__(
        self, error: str, message: str, fix: str = "", differences: tuple[Disagreement, ...] = ()
    ) -> None:
        super().__init__(message)
        self.result = {
            "ok": False,
            "error": error,
            "message": message,
            "fix": fix,
            "differences": [msgspec.to_builtins(found) for found in differences],
        }


def package_model(request: PackageRequest) -> dict[str, object]:
    """Load, compose, check and save; returns the result line."""
    source = Path(request.model_folder)
    contract = read_contract(source / "contract.json")
    if contract.unsupported:
        raise _FailedError("unsupported", f"the model cannot be served: {contract.unsupported}")
    estimator = _compose(_load_variables(request), request)
    rows = msgspec.json.decode((source / "rows.json").read_bytes(), type=list[dict[str, object]])
    expected = msgspec.json.decode((source / "expected.json").read_bytes(), type=dict[str, Any])
    sample = _sample(contract, rows)
    _check_answers(estimator, sample, expected)
    profile = source / "profile.json"
    name = f"{type(estimator).__module__}.{type(estimator).__qualname__}"
    package = save_model(
        estimator,
        Path(request.output),
        contract=contract,
        profile=profile.read_bytes() if profile.exists() else b"{}\n",
        sample=sample,
        own_modules=request.own_modules,
        facts=replace(request.facts, class_name=request.facts.class_name or name),
    )
    return {
        "ok": True,
        "format": package.format,
        "reason": package.reason,
        "class": package.class_name,
        "checked_rows": len(rows),
        "files": package.files,
    }


def _load_variables(request: PackageRequest) -> dict[str, object]:
    """Load the artifacts, each only after its sha256 was verified."""
    from nbprod.run.kernel.artifacts import load_variables

    scope: dict[str, Any] = {}
    found: dict[str, object] = {}
    for artifact in request.artifacts:
        path = Path(artifact.path)
        if not path.is_file():
            raise _FailedError("artifact", f"the artifact {path.name} is missing", "Run again.")
        try:
            values = load_variables(str(path), artifact.sha256, scope=scope)["variables"]
        except ValueError as error:
            message = f"the artifact {path.name} is not the file that the run wrote"
            raise _FailedError("artifact", message, "Run again; it was changed since.") from error
        found.update(values)
    # Functions that were saved with a kernel's namespace as their globals find it here.
    scope.update(found)
    return found


def _compose(values: dict[str, object], request: PackageRequest) -> Any:  # noqa: ANN401
    """Put the fitted transformers, in their order, before the estimator."""
    lacking = [name for name in (*request.chain, request.variable) if name not in values]
    if lacking:
        raise _FailedError("variable", f"no artifact holds {', '.join(lacking)}", "Run again.")
    estimator = values[request.variable]
    if not request.chain:
        return estimator
    from sklearn.pipeline import Pipeline

    steps = [(name.lower().replace("__", "_"), values[name]) for name in request.chain]
    taken = {name for name, _ in steps}
    last = request.variable if request.variable not in taken else f"{request.variable}_model"
    return Pipeline([*steps, (last.replace("__", "_"), estimator)])


def _sample(contract: Contract, rows: list[dict[str, object]]) -> Any:  # noqa: ANN401
    if errors := check_rows(contract, rows):
        first = errors[0]
        raise _FailedError(
            "failed",
            f"a row that fit received does not keep the contract made from it: {first.message} "
            f"(row {first.row})",
            "This is a defect in nbprod; please report it with the notebook.",
        )
    return to_frame(contract, rows)


def _check_answers(estimator: Any, sample: Any, expected: dict[str, Any]) -> None:  # noqa: ANN401
    predictions = predictions_as_json(estimator.predict(sample))
    probabilities = None
    if expected.get("probabilities") is not None:
        table = estimator.predict_proba(sample)
        probabilities = probabilities_as_json(list(estimator.classes_), table)
    found = disagreements(predictions, probabilities, expected)
    if not found:
        return
    first = found[0]
    raise _FailedError(
        "differs",
        f"the packaged model answers differently from the notebook's: row {first.row}, "
        f"{first.what}: got {first.got!r}, expected {first.expected!r}",
        "The model depends on something outside it: global state, a file, a random number.",
        found,
    )


def run(path: Path) -> dict[str, object]:
    """Carry out the request in the file ``path``; never raises what user code raises."""
    request = msgspec.json.decode(path.read_bytes(), type=PackageRequest)
    if request.working_directory:
        os.chdir(request.working_directory)
    sys.path.insert(0, request.project)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return package_model(request)
    except _FailedError as error:
        return error.result
    except NbprodError as error:
        return _FailedError("failed", error.message, error.fix).result
    except Exception as error:  # noqa: BLE001 - user code raises what it likes
        text = f"packaging failed: {type(error).__name__}: {error}"
        return _FailedError("failed", text).result


def main(arguments: list[str]) -> int:
    """Run as a process: one argument, the request file."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m nbprod.bento.package_process REQUEST.json\n")
        return 2
    result = run(Path(arguments[0]).resolve())
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
