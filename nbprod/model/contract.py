"""The contract of a model: which rows it takes and what it answers.

Learned from the data that ``fit`` received, it drives everything that comes after:
request checks, the OpenAPI document, the frame handed to the model, drift.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from nbprod.errors import UsageError

Scalar = bool | int | float | str
Kind = Literal["integer", "number", "boolean", "string", "category", "datetime"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the model's input.

    Attributes:
        name: Key in a row of JSON.
        kind: What a JSON value must be.
        dtype: numpy or pandas dtype that ``fit`` received, as text.
        nullable: Whether null is allowed, because ``fit`` saw missing values.
        categories: Allowed values of a category, in their order.
        minimum: Smallest value seen; ISO 8601 text for datetimes.
        maximum: Largest value seen.
        example: A typical value.
        label: The column's own name where that is a whole number, not text.
        absent: What a missing value was in the frame: ``nan``, ``none`` or ``na``.
        ordered: Whether the categories are ordered.
    """

    name: str
    kind: Kind
    dtype: str
    nullable: bool = False
    categories: tuple[Scalar, ...] | None = None
    minimum: int | float | str | None = None
    maximum: int | float | str | None = None
    example: Scalar | None = None
    label: int | None = None
    absent: Literal["nan", "none", "na"] = "nan"
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Contract:
    """What goes into a model and what comes out.

    Attributes:
        task: Classification, regression, or other (clusters, outliers).
        input: A frame, an array, texts, or records (dicts).
        columns: In the model's order; one for texts.
        classes: Labels with their JSON type; ``None`` unless a classification
            with one output.
        outputs: How many values a prediction has.
        unsupported: Why this model cannot be served; empty if it can.
        container: What held the rows at ``fit``: frame, series, ndarray or list.
        schema_version: Version of this JSON shape.
    """

    task: Literal["classification", "regression", "other"]
    input: Literal["frame", "array", "text", "records"]
    columns: tuple[Column, ...]
    classes: tuple[Scalar, ...] | None = None
    outputs: int = 1
    unsupported: str = ""
    container: Literal["frame", "series", "ndarray", "list"] = "frame"
    schema_version: int = 1


def contract_from_json(document: bytes | str) -> Contract:
    """Read a contract from JSON text.

    Raises:
        UsageError: It is not a contract.
    """
    try:
        return msgspec.json.decode(document, type=Contract)
    except msgspec.DecodeError as error:
        raise UsageError(
            f"the model's contract cannot be read: {error}",
            fix="Build the model again with this version of nbprod.",
        ) from error


def read_contract(path: Path) -> Contract:
    """Read a contract from a file of JSON."""
    return contract_from_json(path.read_bytes())


def contract_as_json(contract: Contract) -> bytes:
    """Write a contract as indented JSON; :func:`contract_from_json` reads it back."""
    return msgspec.json.format(msgspec.json.encode(contract), indent=2) + b"\n"


def example_row(contract: Contract) -> dict[str, Scalar | None]:
    """Give a row that passes the check, made of typical values."""
    return {column.name: _example(column) for column in contract.columns}


def _example(column: Column) -> Scalar | None:
    if column.example is not None or column.nullable:
        return column.example
    if column.categories:
        return column.categories[0]
    fallback: dict[str, Scalar] = {
        "integer": 0,
        "number": 0.0,
        "boolean": False,
        "datetime": "2000-01-01T00:00:00",
    }
    return fallback.get(column.kind, "")
