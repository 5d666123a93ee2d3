"""The packaged model: a folder of model, contract, profile and what proves them whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from nbprod.errors import SystemFailedError, UsageError
from nbprod.model.contract import Contract, contract_from_json

PACKAGE_FILE = "package.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """Where a packaged model came from; all of it optional.

    Attributes:
        notebook: File name of the notebook.
        source_digest: sha256 of the notebook's bytes.
        run_id: The run that fitted it.
        variable: Its name in the notebook.
        class_name: Dotted name of the estimator's class.
        chain: Transformer variables that are applied before it.
        parameters: The run's parameters.
        metrics: The run's metrics.
        libraries: Distribution to version in the environment that fitted it.
    """

    notebook: str = ""
    source_digest: str = ""
    run_id: str = ""
    variable: str = ""
    class_name: str = ""
    chain: tuple[str, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, object] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)


class Package(msgspec.Struct, frozen=True, rename={"class_name": "class"}):
    """``package.json``: how to load the model, and what it is made of.

    Attributes:
        format: How the model is stored.
        reason: Why it is not skops; empty if it is.
        files: sha256 (hex) of every other file, by name.
        trusted: Types that skops has to be allowed to load.
        modules: Top-level modules of the author's own that the model needs.
        (The rest: see :class:`PackageFacts`.)
    """

    format: Literal["skops", "cloudpickle"]
    files: dict[str, str]
    reason: str = ""
    trusted: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    libraries: dict[str, str] = {}
    notebook: str = ""
    source_digest: str = ""
    run_id: str = ""
    variable: str = ""
    class_name: str = ""
    chain: tuple[str, ...] = ()
    parameters: dict[str, object] = {}
    metrics: dict[str, object] = {}
    schema_version: int = SCHEMA_VERSION


def read_package(folder: Path) -> Package:
    """Read ``package.json`` of a packaged model.

    Raises:
        UsageError: The folder holds no packaged model.
    """
    path = folder / PACKAGE_FILE
    try:
        package = msgspec.json.decode(path.read_bytes(), type=Package)
    except OSError as error:
        raise UsageError(
            f"{folder.name} is not a packaged model: {PACKAGE_FILE} cannot be read "
            f"({error.strerror})",
            fix="Run `nbprod build` to package the model.",
        ) from error
    except msgspec.DecodeError as error:
        raise UsageError(f"{PACKAGE_FILE} of the packaged model is damaged: {error}") from error
    if package.schema_version > SCHEMA_VERSION:
        raise UsageError(
            f"the packaged model was written by a newer nbprod (schema {package.schema_version})",
            fix="Upgrade nbprod.",
        )
    return package


def verify_files(folder: Path, package: Package) -> None:
    """Check that every file is the one that was packaged, before anything is loaded.

    Raises:
        SystemFailedError: A file is missing, was changed, or was added.
    """
    for name, digest in package.files.items():
        path = folder / name
        if Path(name).name != name or not path.is_file():
            raise SystemFailedError(
                f"the packaged model lacks its file {name!r}", fix="Build the model again."
            )
        if sha256_of(path) != digest:
            raise SystemFailedError(
                f"{name} of the packaged model is not the file that was packaged: "
                "its sha256 differs",
                fix="Do not use it; build the model again, and find out who changed it.",
            )
    if model_file(package) not in package.files:
        raise SystemFailedError(f"{PACKAGE_FILE} has no digest of the model's own file")


def packaged_contract(folder: Path, package: Package) -> Contract:
    """Read the contract of a packaged model whose files were verified."""
    assert "contract.json" in package.files
    return contract_from_json((folder / "contract.json").read_bytes())


def model_file(package: Package) -> str:
    """Name of the file that holds the model."""
    return "model.skops" if package.format == "skops" else "model.pkl"


def sha256_of(path: Path) -> str:
    """Return the sha256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
