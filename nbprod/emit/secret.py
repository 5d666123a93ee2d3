"""Secrets of a pipeline in what is generated: by which environment variables they come."""

from __future__ import annotations

from nbprod.pipeline.ir import Pipeline

PREFIX = "NBPROD_PARAM_"


def secret_variables(pipeline: Pipeline) -> tuple[str, ...]:
    """Return the environment variables by which the pipeline's secrets are given."""
    parameters = {each.name for each in pipeline.parameters}
    return tuple(
        f"{PREFIX}{name}" if name in parameters else name
        for name in dict.fromkeys(pipeline.secrets)
    )
