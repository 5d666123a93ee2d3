"""Find the monitoring plugins and call their hooks, each on its own."""

from __future__ import annotations

import importlib.metadata
import inspect
import logging
import time
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import pluggy

from nbprod.errors import SystemFailedError
from nbprod.monitor.hooks import (
    ENTRY_POINTS,
    Exchange,
    Hooks,
    Prediction,
    Rejection,
    ServedModel,
)

logger = logging.getLogger("nbprod.monitor")

OWN_PLUGINS = ("metrics", "prediction-log")
_QUIET_SECONDS = 60.0  # a plugin that keeps failing writes one line a minute


@runtime_checkable
class Exposes(Protocol):
    """A plugin that answers ``GET /metrics``."""

    def exposition(self) -> tuple[bytes, str]:
        """Return the metrics and their media type."""


class Monitor:
    """The plugins of one service. Nothing that a plugin raises leaves it.

    Args:
        plugins: Name and plugin; by default those of the entry points.
    """

    def __init__(self, plugins: tuple[tuple[str, object], ...] | None = None) -> None:
        self._manager = pluggy.PluginManager("nbprod.monitor")
        self._manager.add_hookspecs(Hooks)
        self._told: dict[str, float] = {}
        for name, plugin in plugins if plugins is not None else find_plugins():
            self._manager.register(plugin, name=name)

    def service_started(self, model: ServedModel) -> None:
        """Tell that the model is loaded."""
        self._call("service_started", {"model": model})

    def prediction_made(self, prediction: Prediction) -> None:
        """Tell that rows were predicted."""
        self._call("prediction_made", {"prediction": prediction})

    def request_rejected(self, rejection: Rejection) -> None:
        """Tell that a request for predictions was refused."""
        self._call("request_rejected", {"rejection": rejection})

    def exchange_done(self, exchange: Exchange) -> None:
        """Tell that a request was answered."""
        self._call("exchange_done", {"exchange": exchange})

    def service_stopped(self, model: ServedModel) -> None:
        """Tell that no request will follow."""
        self._call("service_stopped", {"model": model})

    def exposition(self) -> tuple[bytes, str]:
        """Return the metrics of the plugin that has some, and their media type."""
        for plugin in self._manager.get_plugins():
            if isinstance(plugin, Exposes):
                return plugin.exposition()
        return b"", "text/plain; charset=utf-8"

    def _call(self, hook: str, arguments: Mapping[str, object]) -> None:
        # pluggy's own call ends at the first exception: one plugin would silence others.
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            try:
                implementation.function(*(arguments[name] for name in implementation.argnames))
            except Exception as error:  # noqa: BLE001 - whatever a stranger's plugin raises
                self._failed(implementation.plugin_name, hook, error)

    def _failed(self, plugin: str, hook: str, error: Exception) -> None:
        now = time.monotonic()
        if now - self._told.get(plugin, -_QUIET_SECONDS) >= _QUIET_SECONDS:
            self._told[plugin] = now
            logger.warning(
                "monitoring plugin %s failed in %s: %s: %s; requests go on, failures are counted",
                plugin,
                hook,
                type(error).__name__,
                error,
            )
        if hook != "plugin_failed":
            self._call("plugin_failed", {"plugin": plugin, "hook": hook, "error": error})


def find_plugins() -> tuple[tuple[str, object], ...]:
    """Load the plugins of all installed distributions, nbprod's own among them.

    Raises:
        SystemFailedError: nbprod's own are not there, so that nothing would be monitored.
    """
    found: dict[str, object] = {}
    for entry in sorted(importlib.metadata.entry_points(group=ENTRY_POINTS)):
        if entry.name in found:
            continue
        try:
            loaded = entry.load()
            found[entry.name] = loaded() if inspect.isclass(loaded) else loaded
        except Exception as error:
            if entry.name in OWN_PLUGINS:
                raise
            logger.warning("monitoring plugin %s cannot be loaded: %s", entry.name, error)
    missing = [name for name in OWN_PLUGINS if name not in found]
    if missing:
        raise SystemFailedError(
            f"nbprod's own monitoring plugins are not installed: {', '.join(missing)}",
            fix="Install nbprod again (`pip install --force-reinstall nbprod`).",
        )
    return tuple(found.items())
