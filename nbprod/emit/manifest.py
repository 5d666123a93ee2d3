"""nbprod.json: the pipeline, and the hash of every generated file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from nbprod.errors import UsageError
from nbprod.pipeline.ir import Pipeline
from nbprod.pipeline.serialize import to_json

MANIFEST = "nbprod.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ``nbprod.json`` says.

    Attributes:
        package: Name of the generated package.
        files: Path relative to the project -> sha256 (hex) of the bytes as generated.
        pipeline: The IR as JSON, not decoded.
    """

    package: str
    files: Mapping[str, str]
    pipeline: object


def digest(content: bytes) -> str:
    """Return the sha256 of ``content`` in hex."""
    return hashlib.sha256(content).hexdigest()


def encode_manifest(pipeline: Pipeline, package: str, files: Mapping[str, bytes]) -> bytes:
    """Return the bytes of ``nbprod.json`` for a project of ``files``."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "package": package,
        "pipeline": to_json(pipeline),
        "files": {path: digest(files[path]) for path in sorted(files)},
    }
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def decode_manifest(content: bytes, name: str) -> Manifest:
    """Read the bytes of ``nbprod.json``.

    Args:
        content: The file's bytes.
        name: How to call the file in an error.

    Raises:
        UsageError: If it is no manifest, or one of a newer nbprod.
    """
    try:
        document = json.loads(content)
        version = document["schema_version"]
        files = document["files"]
        package = document["package"]
        pipeline = document["pipeline"]
        readable = (
            isinstance(files, dict)
            and all(isinstance(value, str) for value in files.values())
            and isinstance(package, str)
        )
    except (ValueError, KeyError, TypeError):
        readable = False
    if not readable:
        raise UsageError(
            f"{name} is damaged: it is not what nbprod writes",
            fix="restore it from version control, or convert the notebook into a new folder",
        )
    if version != SCHEMA_VERSION:
        raise UsageError(
            f"{name} has schema version {version!r}; this nbprod reads {SCHEMA_VERSION}",
            fix="convert the notebook again, or use the version of nbprod that wrote it",
        )
    return Manifest(package, files, pipeline)
