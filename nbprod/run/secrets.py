"""Secrets of a notebook: how a user gives them, and what keeps them out of what is written.

A name in ``metadata.nbprod.secrets`` is a parameter of the notebook, or else an
environment variable. Its value reaches kernels and step processes through pipes and
their environment, and never a file; see :mod:`nbprod.run.kernel.withheld` for what
finds it in what is about to be written.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbprod.errors import NbprodError, RefusedError, UsageError, UserCodeError
from nbprod.events import Event, Listener
from nbprod.pipeline.ir import Pipeline
from nbprod.pipeline.secret import PREFIX, is_parameter, secret_variables
from nbprod.run.kernel import withheld

SHORTEST = 4
"""Characters that a secret has to have: a shorter one cannot be told from other text."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret's value, which no cell, file or message shows.

    Attributes:
        name: As the notebook's metadata names it.
        text: The value.
        variable: It is an environment variable, and no parameter.
    """

    name: str
    text: str = field(repr=False)
    variable: bool = False


@dataclass(frozen=True, slots=True)
class GivenSecrets:
    """The secrets of one run, by name."""

    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self.parameters or self.variables)

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return (*self.parameters, *self.variables)

    def environment(self) -> dict[str, str] | None:
        """Return the environment of a process that is to have them, ``None`` for our own."""
        given = {f"{PREFIX}{name}": text for name, text in self.parameters.items()}
        given.update(self.variables)
        if all(os.environ.get(name) == text for name, text in given.items()):
            return None
        return {**os.environ, **given}

    def document(self) -> dict[str, object]:
        """Return them as JSON for a process's pipe; it must not be written anywhere."""
        return {"parameters": dict(self.parameters), "variables": dict(self.variables)}


NO_SECRETS = GivenSecrets()


def split_secrets(parameters: Mapping[str, object]) -> tuple[dict[str, object], GivenSecrets]:
    """Part the values that are written from the secrets among them; this process knows those."""
    secrets = [value for value in parameters.values() if isinstance(value, Secret)]
    remember(secrets)
    plain = {name: value for name, value in parameters.items() if not isinstance(value, Secret)}
    return plain, GivenSecrets(
        {each.name: each.text for each in secrets if not each.variable},
        {each.name: each.text for each in secrets if each.variable},
    )


def remember(secrets: Iterable[Secret]) -> None:
    """Let whatever this process writes or shows be redacted."""
    withheld.give((each.name, each.text) for each in secrets)


def is_secret(pipeline: Pipeline, name: str) -> bool:
    """Tell whether a parameter or variable is a secret: its value is part of no key or record."""
    return name in pipeline.secrets


def secret(pipeline: Pipeline, name: str, text: object) -> Secret:
    """Return a secret of a notebook's, checked.

    Raises:
        UsageError: It is no text, or too short to be kept out of other texts.
    """
    declared = {parameter.name: parameter for parameter in pipeline.parameters}
    where = declared[name].origin if name in declared else None
    annotation = declared[name].annotation if name in declared else "str"
    if annotation not in _TEXTS or not isinstance(text, str):
        raise UsageError(
            f"The secret {name} is declared as {annotation}; a secret is a text.",
            where=where,
            fix=f"Declare it as `{name}: str`, and convert it in a cell below.",
        )
    if len(text.strip()) < SHORTEST:
        raise UsageError(
            f"The secret {name} has fewer than {SHORTEST} characters: wherever they stand by "
            "chance, outputs would be blacked out.",
            where=where,
            fix="Give a longer one.",
        )
    return Secret(name, text, variable=name not in declared)


_TEXTS = frozenset({"", "str", "Any", "typing.Any", "str | None", "None | str", "Optional[str]"})


def require_all(pipeline: Pipeline, given: Mapping[str, object]) -> None:
    """Check that every secret of a notebook is given.

    Raises:
        UsageError: One is missing; the error says how to give it.
    """
    missing = [name for name in dict.fromkeys(pipeline.secrets) if name not in given]
    if not missing:
        return
    ways = secret_variables(pipeline, missing)
    kinds = "; ".join(
        f"{name} ({'a parameter' if is_parameter(pipeline, name) else 'an environment variable'})"
        for name in missing
    )
    plural = "s were" if len(missing) > 1 else " was"
    raise UsageError(
        f"The notebook's secret{plural} not given: {kinds}.",
        fix=f"Set {' and '.join(ways)} in the environment, or use -p NAME VALUE "
        "(which your shell's history keeps).",
    )


def refuse_secrets_in_sources(sources: Iterable[tuple[str, str]]) -> None:
    """Refuse a notebook that holds a secret itself.

    Args:
        sources: Where, in words, and the text.

    Raises:
        UsageError: One of them does.
    """
    for where, text in sources:
        name = withheld.given.name_in(text)
        if name:
            raise UsageError(
                f"{where} holds the value of the secret {name} itself.",
                fix=f"Take it out there (and make it invalid): nbprod gives {name} to the "
                "notebook each time it runs.",
            )


def redacted_event(event: Event) -> Event:
    """Return an event without secrets."""
    if not withheld.given:
        return event
    changes: dict[str, Any] = {}
    for name in event.__dataclass_fields__:
        value = getattr(event, name)
        if not isinstance(value, bool | int | float):
            changes[name] = withheld.given.redacted(value)
    return dataclasses.replace(event, **changes)


def redacting(listener: Listener) -> Listener:
    """Return a listener that hands events on without secrets."""

    def listen(event: Event) -> None:
        listener(redacted_event(event))

    return listen


def redact_error(error: NbprodError) -> NbprodError:
    """Take secrets out of an error, in place, and return it."""
    given = withheld.given
    if not given:
        return error
    error.message, error.fix = given.redact(error.message), given.redact(error.fix)
    error.args = (error.message,)
    if isinstance(error, UserCodeError):
        error.first_line = given.redact(error.first_line)
        error.exception = given.redact(error.exception)
        error.traceback = given.redact(error.traceback)
    if isinstance(error, RefusedError):
        error.diagnostics = tuple(
            dataclasses.replace(
                found, message=given.redact(found.message), fix=given.redact(found.fix)
            )
            for found in error.diagnostics
        )
    return error
