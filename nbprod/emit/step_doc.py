"""What a step's docstring says."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nbprod.emit.prose import WIDTH, prose, split_at_heading
from nbprod.emit.source import INDENT, indent
from nbprod.pipeline.ir import Pipeline, Step, StepRole

_MOST_NAMED = 3


def step_doc(step: Step, pipeline: Pipeline) -> str:
    """Return the docstring's text: the notebook's own words, else what the step does.

    Args:
        step: The step.
        pipeline: The pipeline it belongs to; what stands after a step's last cell and before
            the next heading speaks about the step.
    """
    text = prose(split_at_heading(step.doc)[1], WIDTH - len(INDENT)) or _summary(step, pipeline)
    if closing := _closing_words(step, pipeline):
        text += "\n\n" + prose(closing, WIDTH - len(INDENT))
    if len(step.outputs) > 1:
        listed = _listed([variable.name for variable in step.outputs]) + "."
        text += "\n\nReturns:\n" + indent(prose(listed, WIDTH - 2 * len(INDENT)))
    return text


def _closing_words(step: Step, pipeline: Pipeline) -> str:
    """Return what the notebook says about ``step`` after its last cell, before a new heading."""
    following = pipeline.steps[pipeline.steps.index(step) + 1 :]
    return split_at_heading(following[0].doc)[0] if following else ""


def _summary(step: Step, pipeline: Pipeline) -> str:
    """Say what a step does that the notebook says nothing about."""
    words = re.sub(r"_\d+$", "", step.name.strip("_")).replace("_", " ").capitalize() + "."
    verb, names = _deed(step, pipeline)
    if step.tagged or not verb or not 1 <= len(names) <= _MOST_NAMED:
        return words
    return f"{verb} {_listed(names)}."


def _deed(step: Step, pipeline: Pipeline) -> tuple[str, list[str]]:
    inputs = [variable.name for variable in step.inputs]
    outputs = [variable.name for variable in step.outputs]
    match step.role:
        case StepRole.EXPLORE:
            return "Explore", inputs
        case StepRole.SPLIT:
            return "Split", [name for name in inputs if name not in pipeline.models]
        case StepRole.TRAIN:
            return "Fit", [name for name in outputs if name in pipeline.models]
        case StepRole.EVALUATE:
            return "Evaluate", [name for name in inputs if name in pipeline.models]
        case _:
            return "", []


def _listed(names: Sequence[str]) -> str:
    quoted = [f"``{name}``" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
