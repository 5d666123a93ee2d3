"""The hooks of monitoring: what a service tells, and how plugins hear it.

A plugin is a class (called without arguments) or an object, named by an entry point
of the group ``nbprod.monitor``; its methods are marked with :data:`hookimpl` and take
any of a hook's arguments by name. nbprod's own log and metrics come through the same
door. What a plugin raises never reaches a client: it is counted and told to the
others through ``plugin_failed``. Hooks are called in the worker process; those of a
prediction in the thread that scored it, before the answer leaves, so that an answer
that a client has seen has been logged.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pluggy

ENTRY_POINTS = "nbprod.monitor"

hookspec = pluggy.HookspecMarker("nbprod.monitor")
hookimpl = pluggy.HookimplMarker("nbprod.monitor")


@dataclass(frozen=True, slots=True)
class ServedModel:
    """The model that a service answers with.

    Attributes:
        name: Name of the service.
        version: Version of the Bento or model.
        task: Classification, regression, or other.
        classes: Labels, with their JSON type; empty unless a classification.
        run_id: The run that fitted it; may be empty.
        framework: Version of scikit-learn that fitted it; may be empty.
    """

    name: str
    version: str
    task: str = "other"
    classes: tuple[bool | int | float | str, ...] = ()
    run_id: str = ""
    framework: str = ""

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


@dataclass(frozen=True, slots=True)
class Prediction:
    """Rows that were predicted in one request.

    Attributes:
        model: Which model answered.
        time: When, in UTC.
        ids: One id for each row.
        rows: What the client sent, checked.
        predictions: One JSON value for each row.
        probabilities: One object for each row, or ``None``.
        source: ``traffic``, or ``deploy-check`` for rows that nbprod itself sent.
        seconds: How long the model took.
    """

    model: ServedModel
    time: datetime.datetime
    ids: Sequence[str]
    rows: Sequence[Mapping[str, object]]
    predictions: Sequence[object]
    probabilities: Sequence[Mapping[str, object]] | None
    source: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Rejection:
    """A request for predictions that was refused.

    Attributes:
        model: Which model would have answered.
        time: When, in UTC.
        status: HTTP status.
        codes: How many errors of each code.
        source: ``traffic`` or ``deploy-check``.
    """

    model: ServedModel
    time: datetime.datetime
    status: int
    codes: Mapping[str, int] = field(default_factory=dict)
    source: str = "traffic"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request of any kind that was answered.

    Attributes:
        route: The route's own path, or ``unmatched``: never what the client sent.
        method: HTTP method, or ``OTHER``.
        status: HTTP status.
        seconds: From the first byte of the request to the last of the answer.
        source: ``traffic``, or ``deploy-check`` for a request that nbprod itself sent.
    """

    route: str
    method: str
    status: int
    seconds: float
    source: str = "traffic"


class Hooks:
    """The hooks; every argument is given by name, take those you need."""

    @hookspec
    def service_started(self, model: ServedModel) -> None:
        """The model is loaded; requests follow. Open files and connections here."""

    @hookspec
    def prediction_made(self, prediction: Prediction) -> None:
        """Rows were predicted; the answer has not left yet, so be quick."""

    @hookspec
    def request_rejected(self, rejection: Rejection) -> None:
        """A request for predictions was refused: its rows, its size or the load."""

    @hookspec
    def exchange_done(self, exchange: Exchange) -> None:
        """A request was answered, whatever it was."""

    @hookspec
    def plugin_failed(self, plugin: str, hook: str, error: Exception) -> None:
        """A plugin raised ``error`` in ``hook``. Not called for failures in this hook."""

    @hookspec
    def service_stopped(self, model: ServedModel) -> None:
        """No request will follow. Flush and close here."""
