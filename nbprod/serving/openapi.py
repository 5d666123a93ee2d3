"""The service's OpenAPI 3.1 document, made from the contract."""

from __future__ import annotations

from nbprod.model.contract import Contract, example_row
from nbprod.model.row_schema import prediction_schema, row_schema
from nbprod.monitor.hooks import ServedModel
from nbprod.serving.limits import Limits

Document = dict[str, object]

_PROBLEMS = {
    400: "The body is no JSON",
    401: "No key",
    403: "Wrong key",
    413: "Too many bytes or rows",
    422: "Rows that the model cannot take; every error is listed",
    429: "Too many requests at once; `Retry-After` says when to try again",
}


def openapi_document(model: ServedModel, contract: Contract, limits: Limits) -> Document:
    """Describe every route of the service."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": model.name,
            "version": model.version,
            "description": f"Predictions of the {contract.task} model {model}.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"apiKey": []}, {}],
        "paths": {
            "/predict": {"post": _predict(contract)},
            "/schema": {"get": _get("schema", "The contract of the model", _any_json())},
            "/openapi.json": {"get": _get("openapi", "This document", _any_json())},
            "/docs": {"get": _get("docs", "A page to try it on", _media("text/html"))},
            "/livez": {"get": _get("livez", "Is the process alive", _any_json(), public=True)},
            "/readyz": {"get": _readyz()},
            "/metrics": {"get": _get("metrics", "Prometheus metrics", _media("text/plain"))},
        },
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
            "schemas": {
                "Row": row_schema(contract),
                "PredictRequest": _request_schema(limits),
                "PredictResponse": _response_schema(contract),
                "Problem": _PROBLEM_SCHEMA,
            },
        },
    }


def _predict(contract: Contract) -> Document:
    body = _json("PredictRequest")
    body["application/json"]["example"] = {"rows": [example_row(contract)]}
    return {
        "operationId": "predict",
        "summary": "Predict one or more rows",
        "requestBody": {"required": True, "content": body},
        "responses": {
            "200": {"description": "One prediction for each row", "content": _json_response()},
            **{str(status): _problem(text) for status, text in _PROBLEMS.items()},
        },
    }


def _readyz() -> Document:
    operation = _get("readyz", "Is the model loaded", _any_json(), public=True)
    responses = operation["responses"]
    assert isinstance(responses, dict)
    responses["503"] = _problem("The model is not loaded yet")
    return operation


def _get(name: str, summary: str, content: Document, *, public: bool = False) -> Document:
    operation: Document = {
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": summary, "content": content}},
    }
    if public:
        operation["security"] = []
    else:
        responses = operation["responses"]
        assert isinstance(responses, dict)
        responses.update({str(status): _problem(_PROBLEMS[status]) for status in (401, 403)})
    return operation


def _json(name: str) -> dict[str, dict[str, object]]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _json_response() -> Document:
    return dict(_json("PredictResponse"))


def _any_json() -> Document:
    return {"application/json": {"schema": {"type": "object"}}}


def _media(kind: str) -> Document:
    return {kind: {"schema": {"type": "string"}}}


def _problem(description: str) -> Document:
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {"description": description, "content": {"application/problem+json": schema}}


def _request_schema(limits: Limits) -> Document:
    rows = {
        "type": "array",
        "minItems": 1,
        "maxItems": limits.rows,
        "items": {"$ref": "#/components/schemas/Row"},
    }
    return {
        "type": "object",
        "properties": {"rows": rows},
        "required": ["rows"],
        "additionalProperties": False,
    }


def _response_schema(contract: Contract) -> Document:
    probability = {"type": "number", "minimum": 0, "maximum": 1}
    one = {"type": "object", "additionalProperties": probability}
    return {
        "type": "object",
        "properties": {
            "predictions": {"type": "array", "items": prediction_schema(contract)},
            "probabilities": {"type": ["array", "null"], "items": one},
            "prediction_ids": {"type": "array", "items": {"type": "string", "format": "uuid"}},
            "model": {"type": "string"},
        },
        "required": ["predictions", "probabilities", "prediction_ids", "model"],
    }


_PROBLEM_SCHEMA: Document = {
    "type": "object",
    "description": "RFC 9457",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "error_count": {"type": "integer"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "row": {"type": ["integer", "null"]},
                    "column": {"type": ["string", "null"]},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
                "required": ["row", "column", "code", "message"],
            },
        },
    },
    "required": ["type", "title", "status", "code", "detail"],
}
