"""Gates: conditions that a run's metrics have to meet, such as ``accuracy>=0.9``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nbprod.errors import UsageError
from nbprod.run.record import is_number

_GATE = re.compile(r"\s*(?P<metric>[^\W\d][\w.]*)\s*(?P<sign>>=|<=|==|!=|>|<)\s*(?P<limit>\S+)\s*")
_NOT_FINITE = ("nan", "inf", "-inf")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition on a metric.

    Attributes:
        metric: Its name; dots lead into a metric that is a mapping, as in ``report.f1``.
        sign: ``>=``, ``<=``, ``>``, ``<``, ``==`` or ``!=``.
        limit: What it is compared with.
    """

    metric: str
    sign: str
    limit: float

    def __str__(self) -> str:
        return f"{self.metric} {self.sign} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class GateOutcome:
    """A gate, and what came of it.

    Attributes:
        gate: The condition.
        met: It holds.
        found: The metric's value, or why there is none.
    """

    gate: Gate
    met: bool
    found: str

    def __str__(self) -> str:
        return f"{self.gate}: {self.found}"


def parse_gate(text: str) -> Gate:
    """Read a gate as typed.

    Raises:
        UsageError: If it is not ``METRIC SIGN NUMBER``.
    """
    match = _GATE.fullmatch(text)
    try:
        if match is not None and not math.isnan(float(match["limit"])):
            return Gate(match["metric"], match["sign"], float(match["limit"]))
    except ValueError:
        pass
    raise UsageError(
        f"{text!r} is no condition on a metric.",
        fix="Write a metric, one of >= <= > < == != and a number: --require 'accuracy>=0.9'.",
    )


def judge(gate: Gate, metrics: Mapping[str, object]) -> GateOutcome:
    """Tell whether a run's metrics meet a gate; a metric that is missing does not."""
    value: object = metrics
    for part in _path(gate.metric, metrics):
        if not isinstance(value, Mapping) or part not in value:
            known = ", ".join(sorted(metrics)) or "none"
            return GateOutcome(gate, met=False, found=f"no such metric; there are: {known}")
        value = value[part]
    if value in _NOT_FINITE:  # JSON has no numbers for them
        met = value != "nan" and _COMPARE[gate.sign](float(str(value)), gate.limit)
        return GateOutcome(gate, met, str(value))
    if not is_number(value):
        return GateOutcome(gate, met=False, found=f"{value!r} is no number")
    met = _COMPARE[gate.sign](value, gate.limit)
    return GateOutcome(gate, met, f"{value:.6g}")


def _path(name: str, metrics: Mapping[str, object]) -> list[str]:
    return [name] if name in metrics else name.split(".")
