"""The IR as JSON, and back."""

from __future__ import annotations

import msgspec

from nbprod.errors import UsageError
from nbprod.pipeline.ir import SCHEMA_VERSION, Pipeline


def to_json(pipeline: Pipeline) -> dict[str, object]:
    """Return ``pipeline`` as plain JSON types."""
    document = msgspec.to_builtins(pipeline)
    assert isinstance(document, dict)
    return document


def from_json(document: object) -> Pipeline:
    """Return the pipeline that ``document`` describes.

    Args:
        document: Plain JSON types, as :func:`to_json` gives them.

    Raises:
        UsageError: It is of another schema version, or no pipeline.
    """
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        raise UsageError(
            f"The pipeline has schema version {version}; "
            f"this nbprod reads version {SCHEMA_VERSION}.",
            fix="Convert the notebook again with this version of nbprod.",
        )
    try:
        return msgspec.convert(document, Pipeline)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"The pipeline's JSON is damaged: {error}.", fix="Convert the notebook again."
        ) from None
