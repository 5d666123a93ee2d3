"""Parameters of a run: from the command line, files, the environment, and defaults."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping

from nbprod.errors import UsageError
from nbprod.pipeline.ir import Parameter, Pipeline
from nbprod.pipeline.secret import PREFIX
from nbprod.run.literals import literal
from nbprod.run.parameter_types import check_value, evaluate, parse_text
from nbprod.run.secrets import Secret, remember, require_all, secret


def resolve_parameters(
    pipeline: Pipeline,
    given: Iterable[tuple[str, str]] = (),
    files: Iterable[Mapping[str, object]] = (),
    environment: Mapping[str, str] | None = None,
    *,
    runs: bool = True,
) -> dict[str, object]:
    """Decide every parameter's value: ``given``, else ``files``, ``environment``, default.

    Args:
        pipeline: Declares names, types and defaults.
        given: ``-p NAME VALUE`` pairs, values as typed; the last one of a name counts.
        files: Content of the ``-f`` files; the last one counts.
        environment: Variables, of which ``NBPROD_PARAM_*`` count; default ``os.environ``.
        runs: The notebook is to run now, and so needs its secrets.

    Returns:
        Typed values in the order of declaration. A parameter whose default is no
        literal is left out unless it is set: the notebook computes it. Secrets, such as
        are environment variables among them, come as :class:`~nbprod.run.secrets.Secret`.

    Raises:
        UsageError: If a name is unknown, a value is of the wrong type, or a secret is missing.
    """
    declared = {parameter.name: parameter for parameter in pipeline.parameters}
    chosen: dict[str, object] = {}
    variables = os.environ if environment is None else environment
    for name in pipeline.secrets:
        if name in variables:
            chosen[name] = secret(pipeline, name, variables[name])
    for variable, text in variables.items():
        if variable.startswith(PREFIX):
            name = variable.removeprefix(PREFIX)
            chosen[name] = _value(pipeline, name, text, where=variable)
    for mapping in files:
        for name, value in mapping.items():
            chosen[name] = _value(pipeline, name, value, where="the parameter file")
    for name, text in given:
        chosen[name] = _value(pipeline, name, text, where="the command line", text=True)
    if runs:
        require_all(pipeline, chosen)
    remember(value for value in chosen.values() if isinstance(value, Secret))
    found = {
        name: chosen[name] if name in chosen else evaluate(parameter.default)
        for name, parameter in declared.items()
        if name in chosen or _has_default(parameter)
    }
    return found | {name: chosen[name] for name in pipeline.secrets if name in chosen}


def _value(
    pipeline: Pipeline, name: str, value: object, *, where: str, text: bool = False
) -> object:
    if name in pipeline.secrets:
        return secret(pipeline, name, value)
    declared = {parameter.name: parameter for parameter in pipeline.parameters}
    return _typed(declared, name, value, where=where, text=text)


def changed_parameters(pipeline: Pipeline, parameters: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters whose value is another than the notebook's default."""
    defaults = {parameter.name: parameter for parameter in pipeline.parameters}
    return {
        name: value
        for name, value in parameters.items()
        if name not in defaults
        or not _has_default(defaults[name])
        or literal(evaluate(defaults[name].default)) != literal(value)
    }


def _has_default(parameter: Parameter) -> bool:
    try:
        literal(evaluate(parameter.default))
    except (ValueError, TypeError):
        return False
    return True


def _typed(
    declared: Mapping[str, Parameter],
    name: str,
    value: object,
    *,
    where: str,
    text: bool = False,
) -> object:
    if name not in declared:
        raise _unknown(declared, name, where)
    parameter = declared[name]
    annotation = parameter.annotation or "Any"
    try:
        if text or where.startswith(PREFIX):
            return parse_text(str(value), annotation)
        typed = check_value(value, annotation)
        literal(typed)
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"Parameter {name} does not take {value!r} (from {where}): {error}.",
            where=parameter.origin,
            fix=f"It is declared as {_describe(parameter)}.",
        ) from None
    return typed


def _unknown(declared: Mapping[str, Parameter], name: str, where: str) -> UsageError:
    if not declared:
        return UsageError(
            f"Unknown parameter {name} (from {where}): this notebook has no parameters.",
            fix="Tag the cell that assigns them with `parameters`.",
        )
    lower = {each.lower(): each for each in declared}
    close = difflib.get_close_matches(name.lower(), lower, n=1)
    meant = lower[close[0]] if close else ""
    if meant and where.startswith(PREFIX):
        meant = f"{PREFIX}{meant}"
    guess = f" Did you mean {meant}?" if meant else ""
    known = "; ".join(map(_describe, declared.values()))
    return UsageError(
        f"Unknown parameter {name} (from {where}).{guess}", fix=f"Known parameters: {known}."
    )


def _describe(parameter: Parameter) -> str:
    typed = f": {parameter.annotation}" if parameter.annotation else ""
    if not parameter.default:
        return f"{parameter.name}{typed} (secret)"
    return f"{parameter.name}{typed} = {parameter.default}"
