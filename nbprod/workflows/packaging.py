"""Package a trained model: which artifacts hold it, and the process that saves and checks it."""

from __future__ import annotations

from pathlib import Path

from nbprod.bento.package_process import ArtifactFile, PackageRequest
from nbprod.emit.load import Project
from nbprod.errors import ResultsDifferError, SystemFailedError, UsageError
from nbprod.model.choice import Candidate, Choice
from nbprod.model.package import PackageFacts
from nbprod.pipeline.ir import Pipeline
from nbprod.run.process import call_process
from nbprod.run.record import RunRecord


def package_model(
    pipeline: Pipeline,
    project: Project,
    record: RunRecord,
    choice: Choice,
    artifacts: tuple[tuple[str, str, tuple[str, ...]], ...],
    detail: list[str],
) -> Path:
    """Package the model in a process of its own, which checks its answers.

    Args:
        pipeline: What was trained.
        project: The project whose code made the model.
        record: The run to agree with.
        choice: The model.
        artifacts: (path below the run's folder, sha256, variables), in the steps' order.
        detail: Gets what to tell about it.

    Returns:
        The packaged model's folder.

    Raises:
        ResultsDifferError: It does not answer as the notebook's model did.
        SystemFailedError: It could not be saved.
    """
    folder = Path(record.folder)
    candidate = choice.candidate
    saved = frozenset(name for _, _, members in artifacts for name in members)
    variable = _saved_name(candidate, saved)
    needed = {*candidate.chain, variable}
    request = PackageRequest(
        project=str(project.directory),
        artifacts=tuple(
            ArtifactFile(str(folder / path), digest)
            for path, digest, members in artifacts
            if needed & set(members)
        ),
        variable=variable,
        model_folder=str(folder / "models" / candidate.variable),
        output=str(folder / "package"),
        chain=candidate.chain,
        own_modules=own_modules(project),
        working_directory=record.working_directory,
        facts=PackageFacts(
            notebook=pipeline.source.notebook,
            source_digest=record.source_digest,
            run_id=record.run_id,
            variable=candidate.variable,
            chain=candidate.chain,
            parameters=record.parameters,
            metrics=record.metrics,
            libraries=record.environment.distributions,
        ),
    )
    answer = call_process("nbprod.bento.package_process", request, folder / "package-request.json")
    if not answer.get("ok"):
        kind = ResultsDifferError if answer.get("error") == "differs" else SystemFailedError
        raise kind(str(answer.get("message", "")), fix=str(answer.get("fix", "")))
    detail.append(f"{candidate.variable}: {candidate.class_name} as {answer['format']}")
    if answer.get("reason"):
        detail.append(str(answer["reason"]))
    return folder / "package"


def _saved_name(candidate: Candidate, saved: frozenset[str]) -> str:
    """Return the name under which the generated code hands the model on.

    Raises:
        UsageError: Under none: the conversion did not see that it is a model.
    """
    for name in (candidate.variable, *candidate.aliases):
        if name in saved:
            return name
    raise UsageError(
        f"the generated steps do not hand on the model `{candidate.variable}`",
        fix=f'name it in the notebook\'s metadata: "nbprod": {{"model": "{candidate.variable}"}}',
    )


def own_modules(project: Project) -> tuple[str, ...]:
    """Return the names of the project's own top-level modules, which go into the Bento."""
    names = {project.package}
    for path in project.directory.iterdir():
        if path.suffix == ".py" and path.stem.isidentifier() and path.stem != "service":
            names.add(path.stem)
        elif path.is_dir() and (path / "__init__.py").is_file():
            names.add(path.name)
    return tuple(sorted(names - {"tests"}))
