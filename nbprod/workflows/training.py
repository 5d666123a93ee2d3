"""From a notebook or project to a packaged model: what build and deploy share.

With verification, the notebook itself is run, the generated step functions are
replayed from its values and compared, and the model that the *replay* fitted is
packaged: its classes live in the generated package. Without, the generated
pipeline notebook is run and its model taken. Either way the model packaged must
answer as the model in the run's own kernel did.
"""

from __future__ import annotations

import ast
import hashlib
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nbprod.bento.store import require_writable_store
from nbprod.counting import counted
from nbprod.diagnostics import Severity
from nbprod.emit.load import Project, load_project
from nbprod.emit.project import ProjectFile
from nbprod.emit.write import write_project
from nbprod.errors import RefusedError, SystemFailedError, UsageError
from nbprod.events import Listener, LogEvent, StageEvent, StageState
from nbprod.model.choice import Candidate, Choice, choose_model
from nbprod.pipeline.ir import Pipeline
from nbprod.run.environment import require_same_environment
from nbprod.run.record import ModelRecord, RunRecord
from nbprod.run.replay import StepReplay
from nbprod.run.secrets import refuse_secrets_in_sources, split_secrets
from nbprod.workflows.convert import render_loaded
from nbprod.workflows.loading import load_notebook
from nbprod.workflows.packaging import package_model
from nbprod.workflows.proof import Proof, prove, require_equal
from nbprod.workflows.run import execute_stage
from nbprod.workflows.stage import stage
from nbprod.workflows.subject import Subject, load_subject, resolve, warn_of_history

_PROJECT_SECONDS = 7 * 24 * 3600

TRAINING_STAGES = (
    ("check", "Check the notebook"),
    ("convert", "Write the pipeline"),
    ("run", "Run it with papermill"),
    ("verify", "Compare pipeline and notebook"),
    ("package", "Package the model"),
)


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What to train, and how.

    Attributes:
        target: Notebook, or folder of a project.
        parameters: ``(name, text)`` pairs.
        parameter_files: YAML files.
        model: Variable of the model to serve, if not chosen by the rule.
        verify: Compare the generated steps with the notebook.
        kernel: Kernel name instead of the notebook's own.
        strict: Warnings of the analysis count as errors.
    """

    target: Path
    parameters: tuple[tuple[str, str], ...] = ()
    parameter_files: tuple[Path, ...] = ()
    model: str | None = None
    verify: bool = True
    kernel: str | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A target that was read and checked, with its parameters; nothing has run yet."""

    subject: Subject
    parameters: Mapping[str, object]
    model: str
    verify: bool

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline to train."""
        return self.subject.pipeline

    @property
    def notebook_subject(self) -> Subject:
        """The notebook itself as what runs, also when the target was a project."""
        return replace(self.subject, project=None)


@dataclass(frozen=True, slots=True)
class Trained:
    """A packaged model, and the run that made it.

    Attributes:
        pipeline: Its steps.
        project: The generated project whose code made the model.
        record: The run that the model has to agree with.
        choice: Which variable it was, and why.
        package: Folder of the packaged model.
        compared: Results of the replayed steps; empty without verification.
        notebook: The source notebook, absolute.
    """

    pipeline: Pipeline
    project: Project
    record: RunRecord
    choice: Choice
    package: Path
    compared: tuple[StepReplay, ...]
    notebook: Path


def prepare(request: TrainingRequest, listener: Listener, *, serves: bool = True) -> Prepared:
    """Read and check the target and its parameters: all that can fail before anything runs.

    Args:
        request: What to train.
        listener: Gets the ``check`` stage.
        serves: The model is to be packaged, so that the kernel's packages must be ours.

    Raises:
        UsageError: Wrong target, parameter, kernel, or a notebook that changed under its project.
        RefusedError: The notebook has errors.
    """
    with stage("check", listener) as detail:
        subject = load_subject(request.target, request.kernel, strict=request.strict)
        if (request.verify or request.strict) and subject.project is not None:
            subject = _with_its_notebook(subject, request.kernel, strict=request.strict)
        parameters = resolve(subject.pipeline, request.parameters, request.parameter_files)
        warn_of_history(subject.pipeline, request.parameters, listener)
        if serves:
            require_same_environment(subject.kernel)
            require_writable_store()
            refuse_serve_cells(subject)
        for found in subject.diagnostics:
            if found.severity is Severity.WARNING:
                listener(LogEvent(f"{found.origin}: {found.message}", "warning"))
        detail.append(counted(len(subject.pipeline.steps), "step"))
    model = request.model or subject.pipeline.model
    return Prepared(subject, parameters, model, request.verify)


def _with_its_notebook(subject: Subject, kernel: str | None, *, strict: bool) -> Subject:
    """Join a project with its source notebook, which has to be the one it was made from."""
    assert subject.project is not None
    loaded = load_notebook(subject.notebook, kernel, strict=strict)
    pipeline = loaded.require_pipeline()
    if pipeline.source.digest != subject.pipeline.source.digest:
        raise UsageError(
            f"{loaded.path.name} changed since {subject.project.directory.name} was made from it",
            fix="convert it again, or use --no-verify to go on with the project alone",
        )
    return replace(subject, loaded=loaded, diagnostics=loaded.diagnostics)


def refuse_serve_cells(subject: Subject) -> None:
    """Refuse cells tagged ``serve``: leaving them out would serve another model."""
    from nbprod.diagnostics import Diagnostic
    from nbprod.notebook.tags import cell_role

    if subject.loaded is None:
        return
    notebook = subject.loaded.notebook
    tagged = tuple(
        Diagnostic(
            "serve-unsupported",
            Severity.ERROR,
            "a cell tagged `serve` cannot be applied to requests yet",
            cell.origin(notebook.name),
            "put the transformation into a scikit-learn Pipeline with the model, "
            "or remove the tag if the service may expect transformed rows",
        )
        for cell in notebook.code_cells
        if cell_role(cell).serve
    )
    if tagged:
        raise RefusedError(
            f"{notebook.name} has cells that nbprod cannot serve", diagnostics=tagged
        )


def train(prepared: Prepared, listener: Listener) -> Trained:
    """Convert, run, verify and package.

    Raises:
        UserCodeError: A cell or a step failed.
        ResultsDifferError: Pipeline and notebook, or packaged model and notebook, disagree.
        UsageError: There is no model, or it cannot be served.
    """
    project = generated_project(prepared, listener)
    if prepared.verify:
        record = execute_stage(prepared.notebook_subject, prepared.parameters, listener)
        # Before the comparison: without a model there is nothing to prove.
        choice = choose(prepared, record)
        proof = prove_stage(prepared, project, record, listener)
        require_equal(proof, record)
        compared = proof.steps
        artifacts = replayed_artifacts(compared)
    else:
        subject = replace(prepared.subject, loaded=None, project=project)
        record = execute_stage(subject, prepared.parameters, listener)
        refuse_withheld(record)
        choice = choose(prepared, record)
        compared = ()
        listener(StageEvent("verify", StageState.SKIPPED, "not asked for"))
        artifacts = tuple(
            (f"artifacts/{found.file}", found.sha256, found.members)
            for found in record.artifacts
            if found.kind == "outputs"
        )
    listener(LogEvent(f"model: `{choice.candidate.variable}`, because {choice.reason}"))
    with stage("package", listener) as detail:
        package = package_model(prepared.pipeline, project, record, choice, artifacts, detail)
    notebook = prepared.subject.notebook
    return Trained(prepared.pipeline, project, record, choice, package, compared, notebook)


def prove_stage(
    prepared: Prepared, project: Project, record: RunRecord, listener: Listener
) -> Proof:
    """Compare the project's steps with a run of the notebook, run again only if they differ."""

    def run_again(quiet: Listener) -> RunRecord:
        return execute_stage(prepared.notebook_subject, prepared.parameters, quiet, stage="verify")

    refuse_withheld(record)
    _, secrets = split_secrets(prepared.parameters)
    return prove(prepared.pipeline, project, record, run_again, listener, secrets)


def refuse_withheld(record: RunRecord) -> None:
    """Refuse to go on from a run whose values could not be saved, since they hold a secret.

    Raises:
        RefusedError: Some could not.
    """
    if record.withheld:
        raise RefusedError(
            f"What crosses the steps cannot be saved: {'; '.join(record.withheld)}.",
            diagnostics=(),
            fix="Use the secret in the step that needs it: make there what is built from it, or "
            "give both cells the same step tag.",
        )


def replayed_artifacts(
    compared: tuple[StepReplay, ...],
) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Return what the replayed steps gave: (path below the run's folder, sha256, variables)."""
    return tuple(
        (f"replay/{found.artifact.file}", found.artifact.sha256, found.artifact.members)
        for found in compared
        if found.artifact is not None
    )


def generated_project(prepared: Prepared, listener: Listener) -> Project:
    """Return the project to run: the user's own, or one written under ``.nbprod``."""
    from nbprod.run.folder import state_folder

    subject = prepared.subject
    if subject.project is not None:
        edited = subject.project.edited
        detail = f"edited by hand: {', '.join(edited)}" if edited else "as generated"
        listener(StageEvent("convert", StageState.SKIPPED, detail))
        return subject.project
    assert subject.loaded is not None
    with stage("convert", listener) as done:
        files = render_loaded(subject.loaded)
        refuse_secrets_in_sources(
            (f"{file.path}, made from {subject.notebook.name} and its modules,", text)
            for file in files
            if (text := file.content.decode("utf-8", "surrogateescape"))
        )
        try:
            projects = state_folder(subject.folder) / "projects"
        except OSError as error:
            raise SystemFailedError(
                f"cannot write beside the notebook, in {subject.folder}: {error.strerror}",
                fix="make the folder writable, or copy the notebook to one that is",
            ) from error
        # A folder for each content: another command, on a notebook edited meanwhile,
        # must not change the code under this one's feet.
        directory = projects / f"{subject.pipeline.name}-{_digest(files)}"
        write_project(files, directory, force=True, notebook=subject.loaded.path)
        directory.touch()
        _forget_old_projects(projects, directory)
        done.append(counted(len(files), "file"))
    return load_project(directory)


def _digest(files: tuple[ProjectFile, ...]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(str(file.path).encode() + b"\0" + file.content + b"\0")
    return digest.hexdigest()[:12]


def _forget_old_projects(projects: Path, present: Path) -> None:
    """Delete projects that no command has used for a week."""
    for folder in projects.iterdir():
        if folder != present and folder.stat().st_mtime < time.time() - _PROJECT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def choose(prepared: Prepared, record: RunRecord) -> Choice:
    """Choose the model among those that the run fitted.

    Raises:
        UsageError: There is none, or it cannot be served.
    """
    candidates = tuple(
        Candidate(
            variable=found.variable,
            class_name=found.class_name.rpartition(".")[2],
            cell=found.cell,
            fit_order=found.fit_order,
            chain=found.chain,
            aliases=found.aliases,
            unsupported=found.problem or _unsupported(record, found.folder),
        )
        for found in _fitted_by_the_notebook(record)
    )
    loops = loop_variables(prepared.pipeline)
    lasting = tuple(each for each in candidates if each.variable not in loops)
    if not prepared.model:
        candidates = lasting or candidates
    evaluated = frozenset(
        variable.name
        for step in prepared.pipeline.steps
        if step.metrics
        for variable in step.inputs
    )
    return choose_model(candidates, named=prepared.model, evaluated=evaluated)


def loop_variables(pipeline: Pipeline) -> frozenset[str]:
    """Return the names that only loops bind: at the end they hold the last of many."""
    loops: set[str] = set()
    others: set[str] = set()
    for block in (block for step in pipeline.steps for block in step.blocks):
        tree = ast.parse(block.source)
        targets = {
            id(name)
            for loop in ast.walk(tree)
            if isinstance(loop, ast.For | ast.comprehension)
            for name in ast.walk(loop.target)
        }
        for name in ast.walk(tree):
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                (loops if id(name) in targets else others).add(name.id)
    return frozenset(loops - others)


def _fitted_by_the_notebook(record: RunRecord) -> tuple[ModelRecord, ...]:
    """Leave out parts that only another model's ``fit`` fitted, such as a step of a Pipeline."""
    own = tuple(found for found in record.models if found.fit_order)
    return own or record.models


def _unsupported(record: RunRecord, folder: str) -> str:
    import json

    contract = Path(record.folder) / "models" / folder / "contract.json"
    return str(json.loads(contract.read_bytes()).get("unsupported") or "")
