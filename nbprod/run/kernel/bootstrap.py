"""Entry of the runtime: the host starts it once, then calls verbs by name.

Each call comes as a silent execution of one expression and answers through
IPython's payload channel, so that it leaves no trace in the notebook: no
execution count, no history, no output, no name.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from . import (
    ambient,
    artifacts,
    facts,
    figures,
    files,
    filters,
    fingerprint,
    hidden_sharing,
    import_draws,
    libraries,
    loggers,
    measured,
    memory,
    modules,
    moments,
    mutations,
    namespace,
    observe,
    plotting,
    reductions,
    remade,
    rewrite,
    set_orders,
    touched,
    transfer,
    unlisted,
    unseeded,
    withheld,
)

PAYLOAD_SOURCE = "nbprod"


class Runtime:
    """What the runtime knows in this kernel.

    Args:
        shell: The running IPython shell.
        settings: ``observe`` (false for code as it is),
            ``hoisted`` (names that the generated package defines at module level),
            ``literals`` and ``classes`` (constants and classes among them),
            ``files`` (folder for the contents of files that the cells write),
            ``ahead`` (nothing outside of this process may be changed),
            ``beside`` (folder that holds nbprod's own, which is not listed),
            ``hash_seed`` (of the run's kernels; empty for none),
            ``package`` (the generated one that the cells call; empty for none),
            ``measures`` (the code asks for sizes in memory).
    """

    def __init__(self, shell: Any, settings: dict[str, Any]) -> None:
        self.shell = shell
        if settings.get("package"):
            filters.show_deprecations(settings["package"])
            filters.repeat_in_each_cell(shell, settings["package"])
        set_orders.hide_seed(settings.get("hash_seed", ""))
        self.hoisted = frozenset(settings.get("hoisted", ()))
        kept = settings.get("files") or ""
        self.remade = remade.Remade(settings.get("literals", {}), settings.get("classes", []))
        self.files = files.FileWatch(kept, os.path.realpath(os.getcwd()) if kept else "")
        self.files.ahead = bool(settings.get("ahead"))
        self.ambient_at_start = ambient.environment()
        self.options_at_start = figures.options(shell)
        self.hidden_at_start = frozenset(shell.user_ns)
        if settings.get("observe", True):
            shell.ast_transformers.append(rewrite.ObservedCalls())
            shell.ast_transformers.append(libraries.LibraryUse(shell.user_ns))
            modules.install()
        modules.after_import = mutations.note_import
        observe.on_read = self.files.was_read
        observe.on_write = self.files.is_written
        observe.on_remote = lambda: self.files.touched.cannot_repeat(touched.REMOTE)
        reductions.forgettable.update(self.hoisted)
        loggers.note_start()
        ambient.note_start()
        import_draws.install()
        self.files.start()
        observe.on_unseeded = lambda: self.files.touched.cannot_repeat(touched.UNSEEDED)
        observe.on_moment = lambda: self.files.touched.cannot_repeat(touched.CLOCK)
        unseeded.watch(observe.on_unseeded)
        plotting.note_fonts()
        moments.watch(observe.on_moment)
        if settings.get("beside"):
            unlisted.leave_out(settings["beside"])
        measured.note_code(bool(settings.get("measures")))
        self.secrets: dict[str, str] = {}
        self.parted = hidden_sharing.Parted()

    def names(self) -> dict[str, Any]:
        """Return the user's variables: the namespace without IPython's own."""
        return namespace.user_variables(self.shell.user_ns, self.hidden_at_start)


_runtime: Runtime | None = None


def start(settings_json: str) -> None:
    """Start the runtime in this kernel, once; a second start changes nothing."""
    global _runtime
    from IPython import get_ipython  # type: ignore[attr-defined, unused-ignore]

    if _runtime is None:
        _runtime = Runtime(get_ipython(), json.loads(settings_json))
    _answer({"python": sys.version.split()[0], "executable": sys.executable})


def call(request_json: str) -> None:
    """Run one verb and send its answer back as a payload.

    Args:
        request_json: ``{"verb": name, "arguments": {...}}``.
    """
    request = json.loads(request_json)
    started = time.perf_counter()
    try:
        assert _runtime is not None, "the runtime was not started"
        # Only a restored namespace is meant to bring random states of its own.
        keeps = nullcontext() if request["verb"] in _RESTORING else ambient.undisturbed()
        with _runtime.files.paused(), keeps:
            answer = _VERBS[request["verb"]](_runtime, **request["arguments"])
    except Exception as error:
        answer = _failed(error)
    answer["seconds"] = time.perf_counter() - started
    _answer(answer)


def _failed(error: Exception) -> dict[str, Any]:
    return {
        "error": "".join(traceback.format_exception_only(type(error), error)).strip(),
        "traceback": "".join(traceback.format_exception(error)),
    }


def _answer(answer: dict[str, Any]) -> None:
    from IPython import get_ipython  # type: ignore[attr-defined, unused-ignore]

    shell: Any = get_ipython()  # type: ignore[no-untyped-call, unused-ignore]
    text = json.dumps(answer, allow_nan=False, default=str)
    shell.payload_manager.write_payload({"source": PAYLOAD_SOURCE, "answer": text}, single=False)


def _boundary(
    runtime: Runtime,
    cell: int = 0,
    described: bool = False,
    saves: list[dict[str, Any]] = [],  # noqa: B006
    watched: list[str] | None = None,
    keep: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Do what is due between two cells: describe new fits, fingerprint and save variables.

    With ``keep``, what the cells gave is saved for later runs, too, see :func:`.transfer.keep`.
    """
    answer: dict[str, Any] = {"saved": [], "peak": memory.peak_since_last()}
    if described:
        observe.describe_pending()
    state = _state(runtime) if saves or watched is not None else {}
    walks: fingerprint.Walks = {}
    if watched is not None:
        variables = runtime.names()
        more = transfer.observed_names(variables) if keep is not None else []
        walks = fingerprint.walks(variables, [*watched, *more])
        answer["overwritten"] = runtime.parted.overwritten()
        answer["survey"] = {
            **fingerprint.summary(walks),
            "state": ambient.state_fingerprints(
                {
                    **state,
                    "configured": figures.configured(runtime.shell, runtime.options_at_start),
                    "formatters": figures.formatters(runtime.shell),
                }
            ),
            "files": runtime.files.changes(),
            "read": runtime.files.read_since(),
            "unseeded": state["unseeded"],
            "remade": runtime.remade.look(variables),
        }
        if keep is None:
            runtime.files.touched = touched.Touched()
    try:
        for save in saves:
            found = artifacts.save_variables(
                runtime.names(),
                save["names"],
                save["path"],
                hoisted=runtime.hoisted,
                state=state,
            )
            answer["saved"].append(found)
        if keep is not None:
            answer["kept"] = _keep(runtime, walks, **keep)
    except Exception as error:  # a full disk: what the survey found holds nevertheless
        answer |= _failed(error)
    answer["withheld"] = withheld.take_notes()
    memory.peak_since_last()  # what was needed here is not the notebook's
    if cell:
        observe.enter_cell(cell)
    return answer


def _keep(
    runtime: Runtime,
    walks: fingerprint.Walks,
    *,
    saves: bool,
    prefix: str,
    **request: Any,
) -> dict[str, Any]:
    state = transfer.keep_state(runtime, f"{prefix}state.pkl") if saves else {}
    return {
        **transfer.keep(
            runtime.shell,
            runtime.names(),
            walks,
            saves=saves,
            prefix=prefix,
            hoisted=runtime.hoisted,
            parted=runtime.parted,
            **request,
        ),
        "state": state,
        "touched": runtime.files.touched_since(),
        "modules": runtime.files.report()["modules"],
        "module_names": runtime.files.module_names(),
    }


def _define(runtime: Runtime, cells: list[dict[str, Any]]) -> dict[str, Any]:
    transfer.define(runtime.shell, cells)
    runtime.remade.look(runtime.names())
    return {}


def _restore_state(
    runtime: Runtime,
    state: dict[str, Any] | None,
    randoms: dict[str, dict[str, Any]],
    executed: int,
) -> dict[str, Any]:
    return transfer.restore_state(runtime.shell, state, randoms, executed)


def _load(runtime: Runtime, groups: list[dict[str, Any]], gone: list[str]) -> dict[str, Any]:
    transfer.load(runtime.shell, groups, gone)
    for group in groups:
        runtime.parted.watch(runtime.names(), group["shown"])
    return {}


def _state(runtime: Runtime) -> dict[str, Any]:
    """Return what is no variable, changed modules included where they can be saved."""
    state = ambient.snapshot(runtime.ambient_at_start)
    try:
        state["modules"], _ = mutations.collect(runtime.shell.user_ns)
    except ValueError as error:
        if isinstance(error.__cause__, withheld.SecretError):
            withheld.note(str(error).partition(" ")[0], error.__cause__.secret)
        state["modules"] = []
    state["own_modules"] = mutations.own_modules()
    # One that cannot be saved is missing in a replay, which tells; it must not cost the rest.
    for part in ("settings", "libraries"):
        for name in artifacts.unpicklable(state[part], runtime.hoisted, None):
            del state[part][name]
    return state


def _save_namespace(runtime: Runtime, path: str) -> dict[str, Any]:
    return namespace.save(
        runtime.shell,
        runtime.names(),
        path,
        runtime.ambient_at_start,
        runtime.secrets,
        runtime.options_at_start,
        runtime.parted,
    )


def _load_namespace(
    runtime: Runtime, needed: list[str], shown: list[hidden_sharing.Shown], **saved: Any
) -> dict[str, Any]:
    found = namespace.load(runtime.shell, needed=frozenset(needed), **saved)
    runtime.parted.watch(runtime.names(), shown)
    runtime.remade.look(runtime.names())  # what changed before was told there
    return found


def _finish(
    runtime: Runtime,
    folder: str,
    metrics: list[str],
    generated: str,
    known: list[str] = [],  # noqa: B006
) -> dict[str, Any]:
    """Return what the run gave; of models in ``known`` that is known already."""
    observe.describe_pending()
    variables = runtime.names()
    return {
        "naming": namespace.naming(variables, generated),
        "models": facts.write_models(variables, folder, known),
        "metrics": namespace.metrics(variables, metrics),
        "withheld": withheld.take_notes(),
    }


def _secrets(
    runtime: Runtime, parameters: dict[str, str], variables: dict[str, str]
) -> dict[str, Any]:
    """Let this kernel know its secrets: nothing that it writes may hold one."""
    runtime.secrets = parameters
    withheld.give([*parameters.items(), *variables.items()])
    return {}


def _bind_secrets(runtime: Runtime, names: list[str]) -> dict[str, Any]:
    """Give parameters their secret values."""
    runtime.shell.user_ns.update({name: runtime.secrets[name] for name in names})
    return {}


def _files(runtime: Runtime) -> dict[str, Any]:
    return runtime.files.report()


_RESTORING = frozenset({"load_namespace", "restore_state"})
"""Verbs that are meant to bring random states of their own."""

_VERBS: dict[str, Callable[..., dict[str, Any]]] = {
    "boundary": _boundary,
    "save_namespace": _save_namespace,
    "load_namespace": _load_namespace,
    "define": _define,
    "restore_state": _restore_state,
    "load": _load,
    "finish": _finish,
    "files": _files,
    "secrets": _secrets,
    "bind_secrets": _bind_secrets,
}
