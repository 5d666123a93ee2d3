"""By which environment variables the parameters and secrets of a pipeline are given."""

from __future__ import annotations

from collections.abc import Iterable

from nbprod.pipeline.ir import Pipeline

PREFIX = "NBPROD_PARAM_"
"""Environment variables of this prefix give parameters."""


def is_parameter(pipeline: Pipeline, name: str) -> bool:
    """Tell whether a secret is a parameter of the pipeline, and no environment variable."""
    return any(each.name == name for each in pipeline.parameters)


def secret_variables(pipeline: Pipeline, names: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return the environment variables by which secrets are given.

    Args:
        pipeline: The pipeline.
        names: Some of its secrets; all by default.
    """
    return tuple(
        f"{PREFIX}{name}" if is_parameter(pipeline, name) else name
        for name in dict.fromkeys(pipeline.secrets if names is None else names)
    )
