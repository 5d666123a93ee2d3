"""What a stretch of cells leaves, saved for a later run; and back into a kernel that needs it.

Unlike a namespace on its way to the next kernel (:mod:`.namespace`), variables are saved in
groups: those that share objects, buffers or what was observed of them together, all others
by themselves. So a later run loads what it needs and nothing else.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Mapping
from typing import Any

from . import (
    ambient,
    artifacts,
    facts,
    figures,
    fingerprint,
    hidden_sharing,
    measured,
    namespace,
    observe,
    provenance,
    reductions,
    seeding,
)

_OBSERVED = "nbprod: observed"  # no identifier: it hides no variable


def observed_names(variables: Mapping[str, Any]) -> list[str]:
    """Return the variables that hold an estimator which was observed."""
    known = {id(transformer) for _, transformer, _, _ in provenance.export()}
    for estimator, fit in observe.export():
        known.add(id(estimator))
        known.update(map(id, (fit.description or {}).get("transformers", ())))
    return [name for name, value in variables.items() if id(value) in known]


def keep(
    shell: Any,
    variables: Mapping[str, Any],
    walks: fingerprint.Walks,
    *,
    names: list[str],
    saves: bool,
    known: dict[str, str],
    prefix: str,
    hoisted: frozenset[str],
    metrics: list[str],
    parted: hidden_sharing.Parted,
) -> dict[str, Any]:
    """Save variables for later runs.

    Args:
        shell: The IPython shell.
        variables: The notebook's variables.
        walks: The walks over all of them that a later step may need.
        names: What the stretch gives.
        saves: Save it; else only what the variables share is returned.
        known: Fingerprints of the variables that the kernel had before it.
        prefix: Beginning of the paths of the files that are written.
        hoisted: Definitions that every kernel makes again.
        metrics: Names of metrics, whose values are returned as JSON.
        parted: What no longer shares its memory here.

    Returns:
        ``{"groups": [{"names", "path", "sha256", "size", "blobs", "models", "shown"}], "unsaved":
        {name: reason}, "pairs": [[name, name, count]], "metrics": {name: value}, "gone": [name]}``.
    """
    reach = {name: walked.met | walked.buffers for name, (_, walked) in walks.items()}
    shown = [*hidden_sharing.found(walks), *parted.still(walks)]
    for each in shown:
        for name in each[:2]:
            reach[name].add(id(each))  # as if they had an object in common
    observed = [name for name in observed_names(variables) if name in walks]
    wanted = [name for name in names if name in walks]
    wanted += [name for name in observed if known.get(name) != walks[name][0]]
    unsaved: dict[str, str] = {}
    groups: list[dict[str, Any]] = []
    for group in _groups(variables, walks, reach) if saves else ():
        if not set(wanted).intersection(group):
            continue
        ids = set().union(*(reach[name] for name in group), (id(variables[n]) for n in group))
        values = {name: variables[name] for name in group}
        values[_OBSERVED] = _observed(ids)
        saved = artifacts.save_variables(
            values, list(values), f"{prefix}{len(groups)}.pkl", hoisted=hoisted, scope=shell.user_ns
        )
        unsaved.update(saved.pop("unsaved"))
        models = [names[0] for names, _ in facts.fitted(values)]
        inside = [each for each in shown if each[0] in group]
        groups.append({**saved, "names": group, "models": models, "shown": inside})
        unsaved.update(measured.unkept({name: variables[name] for name in group}))
    return {
        "groups": groups,
        "unsaved": unsaved,
        "pairs": [list(each) for each in fingerprint.pairs(reach)],
        "metrics": namespace.metrics(variables, [name for name in metrics if name in names]),
        "gone": [name for name in known if name not in variables],
    }


def _groups(
    variables: Mapping[str, Any], walks: fingerprint.Walks, reach: dict[str, set[int]]
) -> list[list[str]]:
    """Part variables into groups that have nothing in common with each other."""
    tied = {name: {*ids, id(variables[name])} for name, ids in reach.items()}
    for number, bond in enumerate(_bonds()):
        for ids in tied.values():
            if not bond.isdisjoint(ids):
                ids.add(-1 - number)  # no id
    for name, (_, walked) in walks.items():
        if walked.local:
            tied[name].add(0)  # classes of the notebook's are saved with what is made of them
    joined = fingerprint.groups(tied)
    grouped = {name for group in joined for name in group}
    return joined + [[name] for name in tied if name not in grouped]


def _bonds() -> list[set[int]]:
    """Return the objects that were observed together, as sets of their ids."""
    found = []
    links = provenance.export()
    for output, transformer, _, place in links:
        before = {id(links[place][0])} if place is not None else set()
        found.append({id(output), id(transformer), *before})
    for estimator, fit in observe.export():
        transformers = (fit.description or {}).get("transformers", ())
        found.append({id(estimator), *map(id, transformers)})
    return found


def _observed(ids: set[int]) -> dict[str, Any]:
    """Return what was observed of objects, for the kernel that gets them."""
    places: dict[int, int] = {}
    links: list[Any] = []
    for number, (output, transformer, features, place) in enumerate(provenance.export()):
        if id(output) in ids:
            places[number] = len(links)
            before = places.get(place) if place is not None else None
            links.append((output, transformer, features, before))
    fits = [(estimator, fit) for estimator, fit in observe.export() if id(estimator) in ids]
    return {"links": links, "fits": fits}


def keep_state(runtime: Any, path: str) -> dict[str, Any]:
    """Save the state of the process that is no variable.

    Returns:
        ``{"path", "sha256", "size", "blobs", "search"}``, or ``{"problem"}``: why a later run
        could not have it.
    """
    shell = runtime.shell
    try:
        state, changed, _ = namespace.state_of(
            shell, runtime.ambient_at_start, runtime.options_at_start
        )
    except ValueError as error:
        return {"problem": str(error)}
    if changed:
        return {"problem": f"it leaves the module {changed[0][0]} changed, or shares with it"}
    if figures.opened():
        return {"problem": "it leaves figures open"}
    filled = _filled_cache(runtime.names())
    if filled:
        return {"problem": f"`{filled}` keeps results that it gave, which cannot be saved"}
    saved = artifacts.save_variables(
        {}, [], path, state=state, hoisted=runtime.hoisted, scope=shell.user_ns
    )
    return {**saved, "search": namespace.search()}


def _filled_cache(variables: Mapping[str, Any]) -> str:
    """Return a function of the notebook that answers from what it kept, if that can be seen."""
    for name, value in variables.items():
        parts = vars(value).values() if isinstance(value, type) else (value,)
        for each in parts:
            if (
                isinstance(each, functools._lru_cache_wrapper)
                and each.__module__ == "__main__"
                and each.__qualname__ not in reductions.forgettable
                and each.cache_info().currsize
            ):
                return name
    return ""


def define(shell: Any, cells: list[dict[str, Any]]) -> None:
    """Execute the definitions of cells that a run did not execute.

    Args:
        shell: The IPython shell.
        cells: ``{"source", "parts": [[line, text]]}`` each; without parts all of it counts.
    """
    for cell in cells:
        source = shell.transform_cell(cell["source"])
        name = shell.compile.cache(source, shell.execution_count, raw_code=cell["source"])
        parts = cell["parts"] if cell["parts"] is not None else [[1, source]]
        for line, text in parts:
            tree = ast.parse("\n" * (max(line, 1) - 1) + text)
            code = shell.compile(shell.transform_ast(tree), name, "exec")
            exec(code, shell.user_global_ns, shell.user_ns)  # noqa: S102 - the notebook's own


def restore_state(
    shell: Any, state: dict[str, Any] | None, randoms: dict[str, dict[str, Any]], executed: int
) -> dict[str, Any]:
    """Bring a kernel to the state that an earlier run had here.

    Args:
        shell: The IPython shell.
        state: What :func:`keep_state` returned, for a kernel in which no cell ran yet;
            ``None`` for any other: there only random states are restored.
        randoms: Generator -> file of the state that it has, for those that are not as they
            were when the kernel started.
        executed: How many cells count as executed.

    Returns:
        ``{"problems": [text]}``.
    """
    problems: list[str] = []
    if state is not None:
        search = state["search"]
        sys.path[:] = [*search["path"], search["folder"]]
        figures.use(shell, search["backend"])
        found = artifacts.load_variables(state["path"], state["sha256"], scope=shell.user_ns)
        ambient_state = found["ambient"]
        if ambient_state is None:
            raise ValueError("the state of the notebook's process holds a secret")
        del ambient_state["random"]
        problems = namespace.restore_state(shell, ambient_state, search)
    for part, saved in randoms.items():
        found = artifacts.load_variables(saved["path"], saved["sha256"], scope=shell.user_ns)
        ambient.restore_random(part, found["ambient"]["random"])
        seeding.seeded(part)
    shell.execution_count = executed + 1
    return {"problems": problems}


def load(shell: Any, groups: list[dict[str, Any]], gone: list[str]) -> None:
    """Bind variables that earlier runs saved.

    Args:
        shell: The IPython shell.
        groups: ``{"path", "sha256", "names"}`` each; ``names`` are bound, others of the group
            have a newer value.
        gone: Names that are no longer what this kernel knows them as.

    Raises:
        ValueError: A file is not what was saved.
        OSError: One is missing.
    """
    for name in gone:
        shell.user_ns.pop(name, None)
    for group in groups:
        found = artifacts.load_variables(group["path"], group["sha256"], scope=shell.user_ns)
        variables = found["variables"]
        observed = variables.pop(_OBSERVED)
        provenance.restore(observed["links"])
        observe.restore(observed["fits"])
        shell.user_ns.update({name: variables[name] for name in group["names"]})
