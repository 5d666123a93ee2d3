"""``-f FILE.yaml``: parameter files, read as papermill reads them."""

from __future__ import annotations

from pathlib import Path

from nbprod.errors import UsageError


def read_parameter_file(path: Path) -> dict[str, object]:
    """Read a YAML (or JSON) mapping of parameter names to values.

    Raises:
        UsageError: If it cannot be read, or is no mapping of names.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
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
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise UsageError(
            f"the parameter file {path} holds no names with values",
            fix="write one `name: value` a line",
        )
    return content
