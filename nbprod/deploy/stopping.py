"""Stopping a deployment."""

from __future__ import annotations

from dataclasses import replace

from nbprod.deploy import backend as backends
from nbprod.deploy import store
from nbprod.deploy.deployment import Deployment, DeploymentState
from nbprod.deploy.front_process import end_front
from nbprod.deploy.lock import deploy_lock
from nbprod.deploy.logs import unknown


def stop(name: str, *, grace: float = backends.GRACE_SECONDS) -> Deployment:
    """Stop a deployment: its requests are answered, its port is free, its history stays.

    Args:
        name: Its name.
        grace: Seconds that requests under way may take.

    Raises:
        UsageError: There is no such deployment, or another command works on it.
    """
    folder = store.deployment_folder(name)
    if not folder.is_dir() or (store.read(name) is None):
        raise unknown(name)
    with deploy_lock(folder, name):
        deployment = store.read(name)
        if deployment is None or not deployment.history:
            raise unknown(name)
        if deployment.front is not None:
            end_front(deployment.front, grace + 5)
        for mark in (deployment.backend, *deployment.retiring):
            if mark is not None:
                backends.stop_backend(mark, grace=grace)
        backends.end_orphans(folder, None)
        stopped = replace(
            deployment,
            stopped_at=deployment.stopped_at or store.now(),
            front=None,
            backend=None,
            retiring=(),
            state=DeploymentState.STOPPED,
        )
        store.write(stopped)
    return stopped
