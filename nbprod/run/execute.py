"""Run a notebook through papermill, recorded."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.counting import counted
from nbprod.errors import NbprodError, ResultsDifferError, SystemFailedError, UsageError
from nbprod.events import Listener, LogEvent, ignore_events
from nbprod.notebook.cell import derived_id
from nbprod.origin import Origin
from nbprod.pipeline.ir import Pipeline
from nbprod.run.ahead.request import AheadRequest
from nbprod.run.atomic_write import write_atomically
from nbprod.run.cache.store import known_hash_seed
from nbprod.run.capture import Capture
from nbprod.run.environment import kernel_interpreter
from nbprod.run.failure import Place, failure_of
from nbprod.run.folder import create_run_folder
from nbprod.run.folder_lock import folder_lock
from nbprod.run.history import completed_runs, tidy
from nbprod.run.injection import inject_parameters
from nbprod.run.interrupt import terminable
from nbprod.run.kernel import set_orders
from nbprod.run.module_names import Mention, mentions
from nbprod.run.parameters import changed_parameters
from nbprod.run.plan import INJECTED_TAG, plan_run
from nbprod.run.record import FailureRecord, RunRecord, RunState
from nbprod.run.recording import Recording, RunSubject
from nbprod.run.safekeeping import recover
from nbprod.run.secrets import (
    GivenSecrets,
    redact_error,
    redacting,
    refuse_secrets_in_sources,
    split_secrets,
)
from nbprod.run.truth import Truth

if TYPE_CHECKING:
    from nbprod.run.ahead.crew import Crew


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run, and how.

    Attributes:
        notebook: The notebook to execute: a user's own, or a project's pipeline.ipynb.
        pipeline: Its pipeline.
        parameters: Typed values of all parameters (see ``resolve_parameters``); those
            that are not the notebook's defaults are injected. Secrets among them are given
            to the kernel, and written nowhere.
        output: Where the output notebook goes too; ``None`` keeps it in the run's folder.
        working_directory: Where the kernel runs, and beside which ``.nbprod`` lies:
            the source notebook's folder. ``None`` means the notebook's own folder.
        kernel_name: Kernel; empty for the notebook's own, else ``python3``.
        capture: Save variables at step boundaries.
        isolate: Give each stretch of one step a kernel of its own.
        ahead: Where steps are computed ahead of the run; needs the cache.
        hash_seed: ``PYTHONHASHSEED`` of its kernels, as the record of a run that is repeated
            has it; empty for the one that all runs in a folder share.
        use_cache: Take stretches from earlier runs where nothing changed, and keep them.
        start_timeout: Seconds that the kernel may take to start.
        cell_timeout: Seconds that a cell may take; ``None`` for no limit.
        run_timeout: Seconds that all cells together may take; ``None`` for no limit.
        project: Folder of the generated project, for a run of it; its package is observed.
        package: Name of that package.
        places: In a run of a project, finds the source notebook's place of a line of
            the package: (path relative to the project, line) to an origin or ``None``.
        extra_parameters: Injected besides ``parameters``, not recorded as parameters,
            such as the working directory of pipeline.ipynb.
        stage: Stage name of the progress events.
        on_record: Gets the record when the run has ended, also if it failed.
    """

    notebook: Path
    pipeline: Pipeline
    parameters: Mapping[str, object] = field(default_factory=dict)
    output: Path | None = None
    working_directory: Path | None = None
    kernel_name: str = ""
    capture: bool = True
    isolate: bool = False
    ahead: AheadRequest = field(default_factory=AheadRequest)
    hash_seed: str = ""
    use_cache: bool = False
    start_timeout: float = 60
    cell_timeout: float | None = None
    run_timeout: float | None = None
    project: Path | None = None
    package: str = ""
    places: Callable[[str, int], Origin | None] | None = None
    extra_parameters: Mapping[str, object] = field(default_factory=dict)
    stage: str = "run"
    on_record: Callable[[RunRecord], None] | None = None


def execute(request: RunRequest, listener: Listener = ignore_events) -> RunRecord:
    """Run a notebook in one kernel through papermill's engine ``nbprod``.

    A record and the output notebook so far are left in the run's folder whatever
    happens; the kernel and its children are gone when this returns or raises.

    Raises:
        UsageError: No such notebook or kernel, or the output cannot go where it should.
        UserCodeError: A cell raised, the kernel died, or the time was over.
        SystemFailedError: The kernel did not start, or a file could not be written.
        InterruptedRunError: Ctrl-C, SIGTERM, or a terminal that is closed.
    """
    parameters, secrets = split_secrets(request.parameters)
    listener = redacting(listener)
    recover(listener)
    with suppress(OSError):
        tidy(_folder(request))
    nb, digest = _load(request.notebook)
    if request.output is not None:
        _check_output(request.output, request.notebook)
    kernel_name = request.kernel_name or nb.metadata.get("kernelspec", {}).get("name", "")
    kernel_name = kernel_name or "python3"
    kernel_interpreter(kernel_name)
    refuse_secrets_in_sources(
        (f"Cell {number}", source) for number, source in _cell_sources(nb).items()
    )
    changed = {**changed_parameters(request.pipeline, parameters)}
    inject_parameters(nb, {**request.extra_parameters, **changed})
    capture = _capture(request, nb, digest, listener, secrets)
    subject = RunSubject(
        notebook=request.notebook.absolute(),
        notebook_digest=digest,
        pipeline=request.pipeline,
        working_directory=_folder(request),
        kernel_name=kernel_name,
        parameters=parameters,
    )
    place = Place(str(request.notebook), capture, nb, request.project, request.places)
    recording = Recording(subject, capture)
    cached = request.capture and not request.isolate and request.project is None
    if request.capture:
        capture.hash_seed = request.hash_seed or known_hash_seed(_folder(request))
    if request.use_cache and cached:
        open_cache(subject, capture, recording.installed, _folder(request))
    with ExitStack() as at_end:
        if request.ahead.option and capture.cache is not None:
            crew = _crew(request, subject, capture, _cell_sources(nb))
            if crew is not None:
                capture.compute_ahead = crew.compute
                at_end.callback(crew.close, capture)
        return _run(request, recording, place, kernel_name)


def open_cache(subject: RunSubject, capture: Capture, installed: str, beside: Path) -> None:
    """Let a run take from earlier ones what did not change, and keep what it computes.

    Args:
        subject: What runs.
        capture: The run.
        installed: Digest of all that is installed for its kernel; empty if that is unknown.
        beside: The folder whose ``.nbprod`` holds the cache.

    Raises:
        UsageError: The limit of its size is none.
    """
    from nbprod.run.cache.key import Surroundings, all_modules, startup_files
    from nbprod.run.cache.session import open_session
    from nbprod.run.cache.store import LIMIT_VARIABLE, Store, limit_of

    limit_of(os.environ.get(LIMIT_VARIABLE))  # before anything runs
    try:
        store = Store(beside)
        seed = os.environ.get(set_orders.VARIABLE, "") or capture.hash_seed or store.hash_seed()
    except OSError as error:
        capture.warn(f"There is no cache: {error.strerror}.")
        return
    capture.hash_seed = "" if os.environ.get(set_orders.VARIABLE) else seed
    elsewhere = store.known_modules()
    around = Surroundings(
        pipeline=subject.pipeline,
        parameters=subject.parameters,
        secrets=capture.secrets.names,
        folder=subject.working_directory,
        installed=installed,
        interpreter=kernel_interpreter(subject.kernel_name),
        hash_seed=seed,
        startup=tuple(startup_files(subject.working_directory)),
        modules=all_modules(subject.pipeline, subject.working_directory, elsewhere),
        elsewhere=elsewhere,
    )
    capture.cache = partial(open_session, capture=capture, around=around, store=store)


def _crew(
    request: RunRequest, subject: RunSubject, capture: Capture, sources: Mapping[int, str]
) -> Crew | None:
    """Return what computes steps ahead; ``None`` if the notebook has secrets."""
    from nbprod.run.ahead.choice import ancestors
    from nbprod.run.ahead.crew import Crew

    if capture.secrets:
        capture.warn("Steps run one after another: only one kernel is given the secrets.")
        return None
    earlier = next(completed_runs(str(subject.notebook), _folder(request)), None)
    steps = earlier.steps if earlier is not None else ()
    return Crew(
        place=_place(request.ahead),
        kernel=subject.kernel_name,
        before=ancestors(subject.pipeline),
        sources=sources,
        peaks={step.name: step.peak_memory for step in steps},
        seconds={step.name: step.seconds for step in steps},
    )


def _place(request: AheadRequest) -> Any:  # noqa: ANN401
    """Return where steps are computed ahead."""
    if request.scheduler:
        from nbprod.run.ahead.cluster import Cluster

        cluster = Cluster(request.scheduler, request.artifacts)
        cluster.connect()  # one that is not there is told of before anything runs
        return cluster
    from nbprod.run.ahead.processes import Processes

    return Processes(request.jobs)


def _run(request: RunRequest, recording: Recording, place: Place, kernel_name: str) -> RunRecord:
    recording.finish(RunState.RUNNING)
    try:
        folder = recording.subject.working_directory
        with (
            terminable(),
            folder_lock(folder, recording.capture.listener, shared=True),
        ):
            _papermill(request, recording.capture, place.nb, kernel_name)
        _check_naming(recording.capture)
    except BaseException as error:
        failure = failure_of(error, place, kernel_name)
        stopped = isinstance(error, KeyboardInterrupt | SystemExit)
        record = recording.finish(
            RunState.INTERRUPTED if stopped else RunState.FAILED,
            _failure_record(failure, error, place),
        )
        if request.on_record is not None:
            request.on_record(record)
        _copy_output(request, recording.capture)
        if failure is None:
            raise
        raise redact_error(failure) from error
    _tell_early_end(recording.capture, place)
    record = recording.finish(RunState.COMPLETED)
    if request.on_record is not None:
        request.on_record(record)
    _copy_output(request, recording.capture)
    return record


def _check_naming(capture: Capture) -> None:
    """Stop if something that a project's run gave names the package where the notebook is named.

    Raises:
        ResultsDifferError: With the first place.
    """
    if not capture.package or capture.folder is None:
        return
    found = [Mention(f"variable `{name}`", word) for name, word in capture.naming.items()]
    inner = capture.inner_names()
    found += mentions(capture.package, capture.folder.output, capture.written, inner)
    for each in found:
        more = f", and {counted(len(found) - 1, 'other place')} do so, too" if found[1:] else ""
        raise ResultsDifferError(
            f"The generated code gives something else than the notebook: {each.place} names "
            f"`{each.name}`, which is `{each.original}` in the notebook{more}.",
            fix="Show `type(x).__name__` rather than `type(x)`, and attributes rather than an "
            "object that names its class; instead of the bytes of a pickle, keep the object; or "
            "put the class into a module of its own.",
        )


def _papermill(request: RunRequest, capture: Capture, nb: Any, kernel_name: str) -> None:  # noqa: ANN401
    import papermill

    papermill.execute_notebook(
        nb,
        None,
        engine_name="nbprod",
        kernel_name=kernel_name,
        language="python",
        progress_bar=False,
        start_timeout=request.start_timeout,
        nbprod_capture=capture,
    )


def _load(path: Path) -> tuple[Any, str]:
    import nbformat

    try:
        data = path.read_bytes()
        nb = nbformat.reads(data.decode("utf-8-sig"), as_version=4)  # type: ignore[no-untyped-call]
    except FileNotFoundError:
        raise UsageError(f"There is no notebook at {path}.", fix="Check the path.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except Exception as error:  # whatever nbformat meets is a broken file
        raise UsageError(f"{path} is not a notebook.", fix="Give an .ipynb file.") from error
    if not isinstance(nb, nbformat.NotebookNode):  # what format 3 is converted to
        nb = nbformat.from_dict(nb)  # type: ignore[no-untyped-call]
    _complete(nb)
    _derive_ids(nb)
    return nb, hashlib.sha256(data).hexdigest()


def _complete(nb: Any) -> None:  # noqa: ANN401
    """Add what the format asks of a cell: nbformat reads notebooks without it, but writes none."""
    for cell in nb.cells:
        cell.setdefault("metadata", {})
        if cell.cell_type == "code":
            cell.setdefault("outputs", [])
            cell.setdefault("execution_count", None)


def _derive_ids(nb: Any) -> None:  # noqa: ANN401
    """Give cells without an id a derived one: nbformat would draw a new one each time."""
    if (nb.nbformat, nb.nbformat_minor) < (4, 5):
        nb.nbformat_minor = 5
    seen: set[str] = set()
    for number, cell in enumerate(nb.cells, start=1):
        if not cell.get("id") or cell["id"] in seen:
            cell["id"] = derived_id(number, cell.source)
        seen.add(cell["id"])


def _folder(request: RunRequest) -> Path:
    return (request.working_directory or request.notebook.absolute().parent).absolute()


def _modules(request: RunRequest) -> set[str]:
    """Return the code that is known to run besides the notebook's own cells."""
    if request.project is None:
        folder = _folder(request)
        return {str((folder / module.path).resolve()) for module in request.pipeline.local_modules}
    project = request.project.resolve()
    return {
        str(path)
        for path in project.rglob("*.py")
        if not any(part.startswith(".") for part in path.relative_to(project).parts)
    }


def _capture(
    request: RunRequest,
    nb: Any,  # noqa: ANN401
    digest: str,
    listener: Listener,
    secrets: GivenSecrets,
) -> Capture:
    tags = tuple(
        tuple(cell.get("metadata", {}).get("tags", ()))
        for cell in nb.cells
        if INJECTED_TAG not in cell.get("metadata", {}).get("tags", ())
    )
    folder = _folder(request)
    own = digest == request.pipeline.source.digest
    if not own and request.project is None:
        raise UsageError(
            f"{request.notebook.name} changed while nbprod was working on it.",
            fix="Save it, and start again.",
        )
    plan = plan_run(request.pipeline, tags, own=own)
    run_folder = create_run_folder(folder)
    return Capture(
        plan=plan,
        truth=Truth(plan, _cell_sources(nb).__getitem__) if request.capture else None,
        folder=run_folder,
        paths={
            "input_path": str(request.notebook),
            "output_path": str(request.output or run_folder.output),
        },
        listener=listener,
        stage=request.stage,
        working_directory=folder,
        artifacts_wanted=request.capture,
        isolate=request.isolate,
        package=request.package,
        cell_timeout=request.cell_timeout,
        run_timeout=request.run_timeout,
        modules=_modules(request),
        secrets=secrets,
    )


def _cell_sources(nb: Any) -> dict[int, str]:  # noqa: ANN401
    own = [
        cell for cell in nb.cells if INJECTED_TAG not in cell.get("metadata", {}).get("tags", ())
    ]
    return {number: str(cell.source) for number, cell in enumerate(own, start=1)}


def _check_output(output: Path, notebook: Path) -> None:
    if output.absolute() == notebook.absolute():
        raise UsageError(
            f"The output {output} is the notebook itself.", fix="Give another name for it."
        )
    if output.is_dir() or not output.absolute().parent.is_dir():
        raise UsageError(
            f"The output notebook cannot be written to {output}.",
            fix="Give a file name in a folder that is there.",
        )


def _copy_output(request: RunRequest, capture: Capture) -> None:
    assert capture.folder is not None
    if request.output is None or not capture.folder.output.exists():
        return
    try:
        write_atomically(request.output.absolute(), capture.folder.output.read_bytes())
    except OSError as error:
        raise SystemFailedError(
            f"The output notebook could not be written to {request.output}: {error.strerror}.",
            fix=f"It is kept at {capture.folder.output}.",
        ) from error


def _failure_record(
    failure: NbprodError | None, error: BaseException, place: Place
) -> FailureRecord:
    message = failure.message if failure else f"{type(error).__name__}: {error}"
    exception = getattr(failure, "exception", "") or type(error).__name__
    return FailureRecord(message, place.step, place.number, exception)


def _tell_early_end(capture: Capture, place: Place) -> None:
    """Say so if the notebook ended itself by ``sys.exit()``, which papermill accepts."""
    if any(step.state == "failed" for step in capture.steps.values()):
        text = f"{place.words()} ended the notebook with sys.exit(); later cells did not run."
        capture.listener(LogEvent(text, "warning"))
