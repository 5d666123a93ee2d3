"""Deploying on this machine: a candidate on a spare port, then the switch, or nothing at all."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nbprod.deploy import backend as backends
from nbprod.deploy import ports, store
from nbprod.deploy.backend import Backend
from nbprod.deploy.deployment import DeployedVersion, Deployment, DeploymentState
from nbprod.deploy.front_process import end_front, start_front, wait_for_drain
from nbprod.deploy.lock import deploy_lock
from nbprod.deploy.process import ProcessMark, terminate
from nbprod.errors import NbprodError, SystemFailedError, UsageError
from nbprod.run.interrupt import terminable

_DRAIN_SECONDS = 30.0
_CONFIRM_SECONDS = 10.0
_ATTEMPTS = 3
_MOST_HISTORY = 50


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version that is ready and checked by nobody yet; only this machine reaches it.

    Attributes:
        name: The deployment it may take over.
        bento_tag: ``name:version``.
        run_id: The run that trained its model; empty if unknown.
        backend: Its processes.
        ready_seconds: How long it took to be ready.
    """

    name: str
    bento_tag: str
    run_id: str
    backend: Backend
    ready_seconds: float

    @property
    def version(self) -> str:
        """Version of the Bento."""
        return self.bento_tag.partition(":")[2]

    @property
    def url(self) -> str:
        """URL on this machine, for checks."""
        return self.backend.url

    @property
    def check_token(self) -> str:
        """Value of the header ``X-Nbprod-Check``. A secret."""
        return self.backend.check_token


@contextlib.contextmanager
def switching(
    name: str, *, notebook: Path | None = None, host: str | None = None, port: int | None = None
) -> Iterator[Switch]:
    """Hold everything that a deploy of ``name`` needs, from the first moment on.

    Enter it before anything expensive: it takes the name's lock and the public
    port, and refuses what can be refused. Leave it in any way without
    :meth:`Switch.promote`, and the candidate is gone and the old version serves.
    Even SIGKILL leaves nothing: what was started ends with this process.

    Args:
        name: Name of the service.
        notebook: The notebook that owns the name; ``None`` keeps the owner.
        host: Public host; by default the present one, else 127.0.0.1.
        port: Public port; by default the present one, else any free one.

    Raises:
        UsageError: Another command works on it, another notebook owns it, the port is
            taken, or a key is missing.
    """
    folder = store.deployment_folder(name, make=True)
    owner, holder = os.pipe()
    with terminable():
        try:
            with deploy_lock(folder, name):
                switch = Switch(name, folder, owner, _path_of(notebook))
                try:
                    switch.prepare(host, port)
                    yield switch
                finally:
                    switch.leave()
        finally:
            os.close(owner)
            os.close(holder)  # what was adopted stays, all else ends now


class Switch:
    """One deploy under way; made by :func:`switching`."""

    def __init__(self, name: str, folder: Path, owner: int, notebook: str) -> None:
        self.name = name
        self.host = ""
        self.port = 0
        self._folder = folder
        self._owner = owner
        self._notebook = notebook
        self._before: Deployment | None = None
        self._front: ProcessMark | None = None
        self._own_front = False
        self._candidates: list[Backend] = []
        self._confirmed = False
        self._promoting: Backend | None = None

    @property
    def adopted(self) -> bool:
        """The version of this deploy serves: its record stands, whatever goes wrong afterwards.

        The record decides, for the front follows it: also one that an interrupt
        kept from being taken back counts, though nobody has confirmed it yet.
        """
        if self._confirmed or self._promoting is None:
            return self._confirmed
        return self._recorded()[0] == self._promoting.mark

    @property
    def url(self) -> str:
        """The URL that the service will have."""
        return ports.service_url(self.host, self.port)

    @property
    def current(self) -> Deployment | None:
        """What served under this name when the deploy began."""
        return self._before

    def prepare(self, host: str | None, port: int | None) -> None:
        """Check the owner, sweep what a killed command left, take the public port."""
        before = self._before = self._read()
        if before is not None:
            self._check_owner(before)
        self._sweep(before)
        self.host = host or (before.host if before else ports.LOOPBACK)
        ports.require_key_beyond_loopback(self.host)
        if before is not None and self._stays(before, port):
            self._front, self.port = before.front, before.port
        else:
            self._take_port(port, before)

    def start_candidate(
        self,
        bento_tag: str,
        *,
        run_id: str = "",
        environment: Mapping[str, str] | None = None,
        ready_seconds: float = backends.READY_SECONDS,
        grace: float = backends.GRACE_SECONDS,
        tick: Callable[[], None] | None = None,
    ) -> Candidate:
        """Start a Bento on a spare port and wait until it is ready.

        Args:
            bento_tag: ``name:version`` in the BentoML store.
            run_id: The run that trained the model.
            environment: Variables for the service beside the present ones.
            ready_seconds: How long it may take until it is ready.
            grace: Seconds that its requests may take when it is replaced one day.
            tick: Called about ten times a second while waiting.

        Raises:
            SystemFailedError: It did not get ready; ends with its log's last lines.
        """
        for attempt in range(_ATTEMPTS):
            backend = backends.start_backend(
                bento_tag, self._folder, self._owner, environment=environment, grace=grace
            )
            self._candidates.append(backend)
            self._note(backend, run_id)
            try:
                seconds = backends.wait_ready(backend, seconds=ready_seconds, tick=tick)
            except SystemFailedError as failed:
                self._end(backend)
                if attempt + 1 < _ATTEMPTS and backends.lost_its_port(failed):
                    continue
                raise
            except BaseException:
                self._end(backend)
                raise
            return Candidate(self.name, bento_tag, run_id, backend, seconds)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def discard(self, candidate: Candidate) -> None:
        """End a candidate; what serves now is not touched."""
        self._end(candidate.backend)

    def promote(self, candidate: Candidate, *, drain: float = _DRAIN_SECONDS) -> Deployment:
        """Let a candidate take over: new requests go to it, those under way are answered.

        An interrupt before the new version has answered through the public port
        leaves the old one in place. One after that only shortens the wait for
        the old version's last requests.

        Args:
            candidate: From :meth:`start_candidate`.
            drain: Seconds that requests under way may take on the old version.

        What goes wrong after that is left to the next deploy, which sweeps.

        Raises:
            SystemFailedError: The candidate or the front died; the old version serves.
        """
        before = self._before
        after = self._after(candidate)
        self._promoting = candidate.backend
        try:
            store.write(after)
            self._confirm(candidate)
            self._confirmed = True
        except BaseException:
            if not self._confirmed:
                self._restore(before)
            raise
        self._before = after
        with contextlib.suppress(KeyboardInterrupt, OSError, NbprodError):
            self._retire(before, after, drain)
        with contextlib.suppress(KeyboardInterrupt, OSError, NbprodError):
            store.forget_candidate(self.name)
        return replace(after, retiring=(), state=DeploymentState.RUNNING)

    def leave(self) -> None:
        """End whatever was started, except what the record names: that serves.

        Only the record is asked, so that there is no moment at which a signal
        finds a promoted version that does not count as promoted yet.
        """
        serving = self._recorded()
        for backend in list(self._candidates):
            if backend.mark not in serving:
                self._end(backend)
        if self._own_front and self._front is not None and self._front not in serving:
            end_front(self._front, 0.5)

    # Inside ------------------------------------------------------------------

    def _read(self) -> Deployment | None:
        found = store.read(self.name)
        return found if found is not None and found.history else None

    def _recorded(self) -> tuple[ProcessMark | None, ProcessMark | None]:
        """Return the backend and the front that the record names now."""
        try:
            found = self._read()
        except NbprodError:
            if not self._confirmed:
                return None, None  # a front can follow a damaged record no better
            found = self._before
        return (found.backend, found.front) if found is not None else (None, None)

    def _stays(self, before: Deployment, port: int | None) -> bool:
        """Tell whether the present front goes on."""
        same = self.host == before.host and port in (None, before.port)
        return same and before.front is not None and before.front.alive()

    def _check_owner(self, before: Deployment) -> None:
        if not (self._notebook and before.notebook) or before.state is DeploymentState.STOPPED:
            return
        if self._notebook != before.notebook:
            raise UsageError(
                f"Service '{self.name}' belongs to another notebook: {before.notebook}.",
                fix=(
                    "Give this notebook a service name of its own (service in metadata.nbprod), "
                    f"or end the other first: nbprod stop {self.name}"
                ),
            )

    def _sweep(self, before: Deployment | None) -> None:
        trial = store.read_candidate(self.name)
        if trial is not None and (before is None or trial.backend != before.backend):
            backends.stop_backend(trial.backend, grace=3)
        store.forget_candidate(self.name)
        for mark in before.retiring if before else ():
            backends.stop_backend(mark, grace=3)
        backends.end_orphans(self._folder, before.backend if before else None)

    def _take_port(self, port: int | None, before: Deployment | None) -> None:
        wanted = port if port is not None else (before.port if before else 0)
        try:
            listener = ports.listen(self.host, wanted)
        except UsageError:
            if port is not None or wanted == 0:
                raise
            listener = ports.listen(self.host, 0)  # nobody asked for the old one
        with listener:
            self.port = int(listener.getsockname()[1])
            self._own_front = True
            self._front = start_front(self._folder, listener.fileno(), self._owner)

    def _note(self, backend: Backend, run_id: str) -> None:
        store.write_candidate(
            store.CandidateRecord(
                name=self.name,
                version=backend.bento_tag.partition(":")[2],
                bento_tag=backend.bento_tag,
                backend=backend.mark,
                backend_port=backend.port,
                notebook=self._notebook,
                run_id=run_id,
                log_path=str(backend.log_path),
                started_at=store.now(),
            )
        )

    def _end(self, backend: Backend) -> None:
        backends.discard_backend(backend)
        if backend in self._candidates:
            self._candidates.remove(backend)
        store.forget_candidate(self.name)

    def _after(self, candidate: Candidate) -> Deployment:
        before, front = self._before, self._front
        assert front is not None
        if not front.alive():
            raise SystemFailedError(
                f"The process that holds port {self.port} ended.",
                fix=f"Deploy again. Its log: {self._folder / 'front.log'}",
            )
        time_now = store.now()
        version = DeployedVersion(
            candidate.version, candidate.bento_tag, candidate.run_id, time_now
        )
        replaced = [before.backend] if before and before.backend else []
        if before and before.front and before.front != front:
            replaced.append(before.front)
        return Deployment(
            name=self.name,
            version=candidate.version,
            bento_tag=candidate.bento_tag,
            host=self.host,
            port=self.port,
            front=front,
            backend=candidate.backend.mark,
            backend_port=candidate.backend.port,
            notebook=self._notebook or (before.notebook if before else ""),
            run_id=candidate.run_id,
            log_path=str(candidate.backend.log_path),
            started_at=time_now,
            history=((*before.history, version) if before else (version,))[-_MOST_HISTORY:],
            retiring=tuple(mark for mark in replaced if mark.alive()),
            state=DeploymentState.RUNNING,
        )

    def _confirm(self, candidate: Candidate) -> None:
        """See that the new version answers at the public address."""
        host = self.url.removeprefix("http://").rpartition(":")[0].strip("[]")
        deadline = time.monotonic() + _CONFIRM_SECONDS
        while time.monotonic() < deadline:
            if backends.http_status(host, self.port, "/livez") == 200:
                return
            if not candidate.backend.mark.alive():
                break
            time.sleep(0.1)
        raise SystemFailedError(
            f"Version {candidate.version} did not answer at {self.url}; it was taken back.",
            fix=f"Its log: {candidate.backend.log_path}",
        )

    def _restore(self, before: Deployment | None) -> None:
        if before is not None:
            store.write(before)
        else:
            (self._folder / store.RECORD).unlink(missing_ok=True)

    def _retire(self, before: Deployment | None, after: Deployment, drain: float) -> None:
        if before is not None:
            try:
                if before.backend is not None and before.backend.alive():
                    wait_for_drain(self._front, before.backend_port, drain)
                for mark in after.retiring:
                    if mark == before.front:
                        end_front(mark, drain + 5)
            finally:
                # Told to end, its supervisor sees to the rest even without us.
                if before.backend is not None and before.backend.alive():
                    terminate(before.backend)
            if before.backend is not None:
                backends.stop_backend(before.backend)
        store.write(replace(after, retiring=()))


def _path_of(notebook: Path | None) -> str:
    return str(notebook.resolve()) if notebook is not None else ""
