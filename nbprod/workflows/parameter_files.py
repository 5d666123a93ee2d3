"""``-f FILE.yaml``: parameter files, read as papermill reads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.errors import UsageError

if TYPE_CHECKING:
    import yaml


def read_parameter_file(path: Path) -> dict[str, object]:
    """Read a YAML (or JSON) mapping of parameter names to values.

    Raises:
        UsageError: If it cannot be read, or is no mapping of names.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text)
        twice = _given_twice(yaml.compose(text, Loader=yaml.SafeLoader))
    except OSError as error:
        raise UsageError(
            f"the parameter file {path} cannot be read: {error.strerror}",
            fix="check its name and permissions",
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = getattr(error, "problem_mark", None)
        line = f" (line {place.line + 1})" if place else ""
        raise UsageError(
            f"the parameter file {path} is not YAML{line}", fix="write one `name: value` a line"
        ) from error
    if twice:
        name, again = twice
        raise UsageError(
            f"the parameter file {path} gives {name} twice (again in line {again})",
            fix="keep one of them: YAML itself would silently take the last",
        )
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise UsageError(
            f"the parameter file {path} holds no names with values",
            fix="write one `name: value` a line",
        )
    return content


def _given_twice(node: yaml.Node | None) -> tuple[str, int] | None:
    """Return a key that a mapping, however deep, holds twice, and its second line."""
    import yaml

    if isinstance(node, yaml.SequenceNode):
        return next(filter(None, map(_given_twice, node.value)), None)
    if not isinstance(node, yaml.MappingNode):
        return None
    seen: set[tuple[str, str]] = set()
    for key, value in node.value:
        name = (str(key.tag), str(key.value))
        if isinstance(key, yaml.ScalarNode) and name in seen:
            return name[1], key.start_mark.line + 1
        seen.add(name)
        within = _given_twice(value)
        if within is not None:
            return within
    return None
