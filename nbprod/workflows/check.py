"""``nbprod check``: what nbprod sees in a notebook, before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nbprod.diagnostics import Diagnostic
from nbprod.pipeline.ir import Parameter, Pipeline
from nbprod.pipeline.order import dependencies
from nbprod.workflows.loading import load_notebook

HIDDEN = "•••"


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """Check ``notebook``, as run by ``kernel`` (its own if ``None``).

    With ``strict``, warnings count as errors.
    """

    notebook: Path
    kernel: str | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The pipeline, if there is one, and all findings."""

    pipeline: Pipeline | None
    diagnostics: tuple[Diagnostic, ...]

    def hides(self, parameter: Parameter) -> bool:
        """Whether a parameter's default is a secret, which is never shown."""
        places = {
            (found.origin.cell, found.origin.line)
            for found in self.diagnostics
            if found.code == "secret-in-source" and found.origin
        }
        origin = parameter.origin
        return origin is not None and (origin.cell, origin.line) in places

    def as_json(self) -> dict[str, object]:
        """Return the document of ``nbprod check --json``."""
        pipeline = self.pipeline
        order = dependencies(pipeline) if pipeline else ()
        return {
            "steps": [
                {
                    "name": step.name,
                    "role": step.role.value,
                    "tagged": step.tagged,
                    "cells": list(step.cells),
                    "inputs": [variable.name for variable in step.inputs],
                    "params": list(step.params),
                    "outputs": [variable.name for variable in step.outputs],
                    "after": [each.before for each in order if each.after == step.name],
                    "effects": [effect.value for effect in step.effects],
                    "metrics": list(step.metrics),
                }
                for step in (pipeline.steps if pipeline else ())
            ],
            "parameters": [
                {
                    "name": parameter.name,
                    "type": parameter.annotation,
                    "default": HIDDEN if self.hides(parameter) else literal_json(parameter.default),
                    "secret": parameter.name in pipeline.secrets if pipeline else False,
                    "doc": parameter.doc,
                }
                for parameter in (pipeline.parameters if pipeline else ())
            ],
            "service": pipeline.service if pipeline else "",
            "models": list(pipeline.models) if pipeline else [],
            "requirements": [
                {"distribution": needed.distribution, "version": needed.version}
                for needed in (pipeline.requirements if pipeline else ())
            ],
            "diagnostics": [found.as_json() for found in self.diagnostics],
        }


def literal_json(source: str) -> object:
    """Return a literal's value where JSON has it, else its source text."""
    import ast
    import json

    if not source:
        return None
    try:
        value = ast.literal_eval(source)
        json.dumps(value, allow_nan=False)
    except (ValueError, SyntaxError, TypeError):
        return source
    return list(value) if isinstance(value, tuple) else value


def check(request: CheckRequest) -> CheckResult:
    """Read and analyse a notebook.

    Raises:
        UsageError: If it is no Python notebook or its kernel is missing.
    """
    loaded = load_notebook(request.notebook, request.kernel, strict=request.strict)
    return CheckResult(loaded.pipeline, loaded.diagnostics)
