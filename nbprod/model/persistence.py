"""Store and load an estimator: skops where it can, else cloudpickle, never unverified."""

from __future__ import annotations

import contextlib
import importlib.metadata
import shutil
import tempfile
from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from nbprod.errors import SystemFailedError, UsageError
from nbprod.model.agreement import disagreements
from nbprod.model.contract import Contract, contract_as_json
from nbprod.model.labels import predictions_as_json
from nbprod.model.package import (
    PACKAGE_FILE,
    Package,
    PackageFacts,
    model_file,
    read_package,
    sha256_of,
    verify_files,
)

TRUSTED_LIBRARIES = frozenset({"sklearn", "numpy", "scipy"})
_RECORDED = ("scikit-learn", "numpy", "scipy", "pandas", "skops", "cloudpickle", "joblib")


def save_model(
    estimator: Any,  # noqa: ANN401 - anything with predict
    folder: Path,
    *,
    contract: Contract,
    profile: bytes = b"{}\n",
    sample: Any = None,  # noqa: ANN401 - whatever predict takes
    own_modules: Collection[str] = (),
    facts: PackageFacts | None = None,
) -> Package:
    """Write the packaged-model folder; it appears whole or not at all.

    Args:
        estimator: A fitted estimator.
        folder: Where to; must not exist yet.
        contract: What the model takes.
        profile: ``profile.json`` as bytes.
        sample: Rows to predict: the stored model must answer them as this one does.
        own_modules: Top-level modules packed beside the model (generated package,
            local modules); their types may be trusted.
        facts: Where the model came from.

    Returns:
        What was written to ``package.json``.

    Raises:
        UsageError: The folder exists, or the model can be stored in neither format.
        SystemFailedError: The stored model answers differently.
    """
    if folder.exists():
        raise UsageError(f"{folder.name} exists already: a packaged model is never overwritten")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _beside(folder) as beside:
        package = _write(estimator, beside, sample, frozenset(own_modules), facts or PackageFacts())
        (beside / "contract.json").write_bytes(contract_as_json(contract))
        (beside / "profile.json").write_bytes(profile)
        files = {path.name: sha256_of(path) for path in sorted(beside.iterdir())}
        package = msgspec.structs.replace(package, files=files)
        text = msgspec.json.format(msgspec.json.encode(package), indent=2)
        (beside / PACKAGE_FILE).write_bytes(text + b"\n")
        beside.chmod(0o755)
        beside.replace(folder)
    return package


def load_model(folder: Path, own_modules: Collection[str] = ()) -> tuple[Any, Package]:
    """Load a packaged model after checking every file against ``package.json``.

    Args:
        folder: The packaged model.
        own_modules: Top-level modules packed in the Bento beside the model.

    Returns:
        The estimator and its ``package.json``.

    Raises:
        UsageError: Not a packaged model.
        SystemFailedError: A file was changed, a type is not trusted, or it fails to load.
    """
    package = read_package(folder)
    verify_files(folder, package)
    strangers = _strangers(package.trusted, frozenset(own_modules))
    if strangers:
        raise SystemFailedError(
            f"the model asks for types that are not packed with it: {', '.join(strangers)}",
            fix="Build the model again.",
        )
    path = folder / model_file(package)
    try:
        return _load(path, package), package
    except ModuleNotFoundError as error:
        raise SystemFailedError(
            f"the model needs the module {error.name!r}, which is not installed here",
            fix="Install the requirements that were locked with the model.",
        ) from error
    except Exception as error:
        raise SystemFailedError(
            f"the model cannot be loaded: {type(error).__name__}: {error}",
            fix="Check that the library versions are those of package.json.",
        ) from error


def _load(path: Path, package: Package) -> Any:  # noqa: ANN401 - anything with predict
    if package.format == "skops":
        import skops.io

        return skops.io.load(path, trusted=list(package.trusted))
    import cloudpickle

    # Its sha256 was compared with package.json by the caller.
    with path.open("rb") as stream:
        return cloudpickle.load(stream)


def _write(
    estimator: object, folder: Path, sample: object, own: frozenset[str], facts: PackageFacts
) -> Package:
    known = {**installed_versions(_RECORDED), **facts.libraries}
    values: dict[str, Any] = asdict(facts) | {"libraries": known}
    values["modules"] = tuple(sorted(own))
    reason = ""
    try:
        trusted = _write_skops(estimator, folder / "model.skops", sample, own)
        return Package(format="skops", files={}, trusted=trusted, **values)
    except _NotStorableError as error:
        reason = str(error)
        (folder / "model.skops").unlink(missing_ok=True)
    try:
        _write_pickle(estimator, folder / "model.pkl", sample)
    except _NotStorableError as error:
        raise UsageError(
            f"the model can be stored neither with skops ({reason}) nor with cloudpickle ({error})",
            fix="Leave open files, connections, locks and generators out of the model.",
        ) from error
    return Package(format="cloudpickle", files={}, reason=reason, **values)


class _NotStorableError(Exception):
    """This format cannot hold this model; the message says why."""


def _write_skops(
    estimator: object, path: Path, sample: object, own: frozenset[str]
) -> tuple[str, ...]:
    import skops.io

    try:
        skops.io.dump(estimator, path)
        trusted = tuple(sorted(skops.io.get_untrusted_types(file=path)))
    except Exception as error:
        raise _NotStorableError(f"skops cannot store it: {_short(error)}") from error
    if strangers := _strangers(trusted, own):
        raise _NotStorableError(
            f"it holds types that skops should not be told to trust: {', '.join(strangers)}"
        )
    _check(estimator, lambda: skops.io.load(path, trusted=list(trusted)), sample)
    return trusted


def _write_pickle(estimator: object, path: Path, sample: object) -> None:
    import cloudpickle

    try:
        path.write_bytes(cloudpickle.dumps(estimator))
    except Exception as error:
        raise _NotStorableError(_short(error)) from error
    _check(estimator, lambda: cloudpickle.loads(path.read_bytes()), sample)


def _check(estimator: Any, load: Callable[[], Any], sample: Any) -> None:  # noqa: ANN401
    """Load what was just written and compare its answers."""
    try:
        loaded = load()
        if sample is None:
            return
        got = predictions_as_json(loaded.predict(sample))
    except Exception as error:
        raise _NotStorableError(f"what was stored cannot be loaded: {_short(error)}") from error
    expected = {"predictions": predictions_as_json(estimator.predict(sample))}
    if found := disagreements(got, None, expected):
        raise _NotStorableError(
            f"what was stored answers row {found[0].row} differently: "
            f"{found[0].got!r} instead of {found[0].expected!r}"
        )


def _strangers(types: Collection[str], own: frozenset[str]) -> list[str]:
    allowed = TRUSTED_LIBRARIES | own
    return sorted(name for name in types if name.partition(".")[0] not in allowed)


def installed_versions(distributions: Collection[str]) -> dict[str, str]:
    """Give the installed version of each distribution that is installed."""
    found = {}
    for name in distributions:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


@contextlib.contextmanager
def _beside(folder: Path) -> Any:  # noqa: ANN401 - an iterator of one path
    """Give a temporary folder next to ``folder``, removed unless it was moved."""
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield beside
    finally:
        if beside.exists():
            shutil.rmtree(beside, ignore_errors=True)


def _short(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")
    return text if len(text) <= 300 else text[:300] + "…"
