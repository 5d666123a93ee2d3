"""The IR survives JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbprod.errors import UsageError
from nbprod.pipeline.ir import Pipeline
from nbprod.pipeline.serialize import from_json, to_json


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.from_type(Pipeline).map(lambda each: each))
def test_json_round_trip(pipeline):
    if pipeline.schema_version != 1:
        with pytest.raises(UsageError, match="schema version"):
            from_json(to_json(pipeline))
        return
    assert from_json(json.loads(json.dumps(to_json(pipeline)))) == pipeline


def test_json_round_trip_of_a_built_pipeline(built):
    pipeline, _ = built(("n = 1", "parameters"), ("x = n", "step:a"), ("print(x)", "step:b"))
    assert from_json(json.loads(json.dumps(to_json(pipeline)))) == pipeline


@pytest.mark.parametrize("document", [{}, {"schema_version": 2}, [], None, {"schema_version": 1}])
def test_what_is_no_pipeline_is_refused(document):
    with pytest.raises(UsageError):
        from_json(document)
