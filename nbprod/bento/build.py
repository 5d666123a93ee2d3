"""From a packaged model and a project to a Bento that plain ``bentoml serve`` accepts."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from nbprod.bento.build_folder import fill_build_folder
from nbprod.bento.build_process import BuildRequest
from nbprod.bento.requirements import image_requirements
from nbprod.bento.spec import BuiltBento, ServiceSpec
from nbprod.errors import InterruptedRunError, SystemFailedError, UsageError
from nbprod.model.package import read_package, verify_files

_TAG_PART = re.compile(r"[a-z0-9](?:[-._a-z0-9]{0,61}[a-z0-9])?")
_STOP_SECONDS = 30


def build_bento(spec: ServiceSpec, *, replace: bool = False) -> BuiltBento:
    """Build a Bento: model, project and service, in the BentoML store.

    Args:
        spec: What it is made of.
        replace: Delete an existing Bento of the same version instead of refusing.

    Returns:
        The Bento's tag and folder.

    Raises:
        UsageError: The version exists already, or name, project or package do not fit.
        SystemFailedError: BentoML failed; model and Bento are deleted again.
        InterruptedRunError: Ctrl-C; model and Bento are deleted again.
    """
    _check_tag(spec)
    verify_files(spec.model_package, read_package(spec.model_package))
    requirements = image_requirements(spec.requirements)
    _make_room(spec.tag, replace=replace)
    with tempfile.TemporaryDirectory(prefix="nbprod-build-") as temporary:
        folder = Path(temporary) / "src"
        fill_build_folder(spec.project, folder)
        (folder / "requirements.txt").write_text("\n".join(requirements) + "\n", "utf-8")
        request = BuildRequest(
            tag=spec.tag,
            model_package=str(spec.model_package.resolve()),
            build_folder=str(folder),
            requirements=requirements,
            python=".".join(spec.python.split(".")[:2]),
            labels=_labels(spec),
        )
        path = Path(temporary) / "request.json"
        path.write_bytes(msgspec.json.encode(request))
        return BuiltBento(spec.tag, Path(_run(spec.tag, path)))


def _check_tag(spec: ServiceSpec) -> None:
    for what, text in (("name", spec.name), ("version", spec.version.lower())):
        if _TAG_PART.fullmatch(text) is None:
            raise UsageError(
                f"{text!r} cannot be the {what} of a service",
                fix="Use lower-case letters, digits, '-', '_' and '.', at most 63 characters.",
            )
    if spec.name in ("nbprod", "service", "bentoml"):
        raise UsageError(f"{spec.name!r} cannot be the name of a service: it is taken")


def _make_room(tag: str, *, replace: bool) -> None:
    import bentoml
    from bentoml.exceptions import NotFound

    from nbprod.bento.store import delete_model

    try:
        bentoml.get(tag)
    except NotFound:
        delete_model(tag)  # left behind by a build that was killed
        return
    if not replace:
        raise UsageError(
            f"the BentoML store has {tag} already",
            fix="A version is built once: run the notebook again for a new one.",
        )
    bentoml.delete(tag)
    delete_model(tag)


def _labels(spec: ServiceSpec) -> dict[str, str]:
    known = {
        "run_id": spec.run_id,
        "notebook": spec.notebook,
        "source_digest": spec.source_digest,
        "built_by": "nbprod",
    }
    return {**spec.labels, **{key: value for key, value in known.items() if value}}


def _run(tag: str, request: Path) -> str:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "nbprod.bento.build_process", str(request)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=request.parent,
        start_new_session=True,  # Ctrl-C reaches us alone; we stop it and clean up
        text=True,
    )
    with process:
        try:
            output, log = process.communicate()
        except BaseException as error:
            _stop(process)
            _clean_up(tag)
            if isinstance(error, KeyboardInterrupt):
                message = "the build was interrupted; nothing of it is left"
                raise InterruptedRunError(message) from error
            raise
    result = _last_line(output)
    if process.returncode == 0 and result.get("ok"):
        return str(result["path"])
    _clean_up(tag)
    reason = str(result.get("message") or "") or _tail(log)
    raise SystemFailedError(
        f"BentoML could not build {tag}: {reason}",
        fix="If service.py or the package was edited by hand, check that it can be imported.",
    )


def _last_line(output: str) -> dict[str, object]:
    lines = output.strip().splitlines()
    with contextlib.suppress(msgspec.DecodeError, IndexError):
        found = msgspec.json.decode(lines[-1])
        if isinstance(found, dict):
            return found
    return {}


def _stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _clean_up(tag: str) -> None:
    import bentoml
    from bentoml.exceptions import NotFound

    from nbprod.bento.store import delete_model

    with contextlib.suppress(NotFound):
        bentoml.delete(tag)
    delete_model(tag)


def _tail(log: str) -> str:
    lines = [line for line in log.strip().splitlines() if line.strip()]
    return lines[-1] if lines else "it ended without a word"
