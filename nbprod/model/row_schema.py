"""A row of the contract as JSON Schema (2020-12), for OpenAPI and clients."""

from __future__ import annotations

from nbprod.model.contract import Column, Contract

Schema = dict[str, object]

_TYPES = {
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "string": "string",
    "datetime": "string",
}


def row_schema(contract: Contract) -> Schema:
    """Describe one row: every column with its type, its range seen at fit as a comment."""
    names = [column.name for column in contract.columns]
    schema: Schema = {
        "type": "object",
        "properties": {column.name: column_schema(column) for column in contract.columns},
        "additionalProperties": False,
    }
    if contract.input != "records":
        schema["required"] = names
    return schema


def column_schema(column: Column) -> Schema:
    """Describe the value of one column."""
    schema: Schema = {}
    if column.kind == "category":
        allowed: list[object] = list(column.categories or ())
        schema["enum"] = [*allowed, None] if column.nullable else allowed
    else:
        kind = _TYPES[column.kind]
        schema["type"] = [kind, "null"] if column.nullable else kind
    if column.kind == "datetime":
        # Without a zone it is no RFC 3339 date-time, which is what the format means.
        if "," in column.dtype:
            schema["format"] = "date-time"
        schema["description"] = "ISO 8601 date and time"
    if column.minimum is not None:
        schema["description"] = f"Seen by fit: {column.minimum} to {column.maximum}"
    if column.kind == "string" and column.categories:
        seen = ", ".join(str(text) for text in column.categories[:20])
        more = ", …" if len(column.categories) > 20 else ""
        schema["description"] = f"Seen by fit: {seen}{more}"
    if column.example is not None:
        schema["examples"] = [column.example]
    return schema


def prediction_schema(contract: Contract) -> Schema:
    """Describe one prediction."""
    if contract.classes is not None:
        one: Schema = {"enum": list(contract.classes)}
    elif contract.task == "regression":
        one = {"type": ["number", "null"]}
    else:
        one = {}
    return one if contract.outputs == 1 else {"type": "array", "items": one}
