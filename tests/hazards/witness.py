"""Notes, inside a kernel, what every variable holds after each cell.

An IPython extension; the folder to write to comes in ``HAZARD_WITNESS``. It keeps no
name in the notebook's namespace and draws no random number.
"""

from __future__ import annotations

import io
import os
import pickle
from typing import Any

HIDDEN = frozenset({"In", "Out", "exit", "quit", "open", "get_ipython", "__warningregistry__"})
_NOTED = "HAZARD_WITNESS"


def load_ipython_extension(shell: Any) -> None:
    """Watch the cells of ``shell``."""
    folder = os.environ.get(_NOTED)
    if folder:
        shell.events.register("post_run_cell", lambda result: note(shell, folder, result))


def note(shell: Any, folder: str, result: Any) -> None:
    """Write what the namespace holds now as the next file in ``folder``."""
    start = shell.user_ns_hidden
    values: dict[str, bytes | None] = {}
    identities: dict[int, list[str]] = {}
    for name, value in list(shell.user_ns.items()):
        if name.startswith("_") and (name in start or _is_history(name)):
            continue
        if value is os.environ:
            continue  # it says which kernel this is
        if name in HIDDEN or (name in start and start[name] is value):
            continue
        try:
            values[name] = _pickled(value)
        except Exception:
            values[name] = None
        if not isinstance(value, (int, float, str, bytes, tuple, bool, type(None), type, range)):
            identities.setdefault(id(value), []).append(name)
    number = len(os.listdir(folder))
    document = {
        "source": result.info.raw_cell if result is not None else "",
        "values": values,
        "same": sorted(sorted(names) for names in identities.values() if len(names) > 1),
    }
    with open(os.path.join(folder, f"{number:04d}.pkl"), "wb") as file:
        pickle.dump(document, file)


def _pickled(value: Any) -> bytes:
    """Return ``value`` as cloudpickle has it; of a class within another, with its whole name."""
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc, unused-ignore]
        def reducer_override(self, value: Any) -> Any:
            found = super().reducer_override(value)
            if isinstance(value, type) and "." in value.__qualname__ and isinstance(found, tuple):
                (attributes, *more) = found[2]
                state = ({**attributes, "__qualname__": value.__qualname__}, *more)
                return (*found[:2], state, *found[3:])
            return found

    file = io.BytesIO()
    Pickler(file).dump(value)
    return file.getvalue()


def _is_history(name: str) -> bool:
    rest = name.lstrip("_").lstrip("i")
    return not rest or rest.isdigit() or name in {"_dh", "_ih", "_oh", "_exit_code"}
