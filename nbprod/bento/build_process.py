"""Builds a Bento in a process of its own: ``python -m nbprod.bento.build_process REQUEST.json``.

BentoML imports the project's ``service.py`` to build, and people edit that file: it is
user code. A process of its own also keeps two builds from sharing module ``service``.
Prints one line of JSON on stdout; BentoML's own words go to stderr.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """A build whose folder is filled and whose name is free.

    Attributes:
        tag: ``name:version`` of model and Bento.
        model_package: The packaged-model folder.
        build_folder: The folder that becomes ``src``.
        requirements: Lines of the image's requirements.
        python: Python version of the image, ``3.11``; empty for this one.
        labels: Labels of model and Bento.
    """

    tag: str
    model_package: str
    build_folder: str
    requirements: tuple[str, ...]
    python: str
    labels: dict[str, str]


def build(request: BuildRequest) -> str:
    """Register the model, build the Bento; returns the Bento's path. Undone on failure."""
    import bentoml

    name, _, version = request.tag.partition(":")
    _register_model(request)
    try:
        bento = bentoml.bentos.build(
            "service:service",
            name=name,
            version=version,
            labels=request.labels,
            include=["**"],
            exclude=[],
            models=[request.tag],
            build_ctx=request.build_folder,
            python={"packages": list(request.requirements), "lock_packages": False},
            docker={"python_version": request.python} if request.python else None,
        )
    except BaseException:
        with contextlib.suppress(bentoml.exceptions.BentoMLException):
            bentoml.delete(request.tag)
        with contextlib.suppress(bentoml.exceptions.BentoMLException):
            bentoml.models.delete(request.tag)
        raise
    return str(bento.path)


def _register_model(request: BuildRequest) -> None:
    import bentoml

    try:
        with bentoml.models.create(request.tag, labels=request.labels) as model:
            for path in sorted(Path(request.model_package).iterdir()):
                shutil.copyfile(path, model.path_of(path.name))
    except BaseException:
        with contextlib.suppress(bentoml.exceptions.BentoMLException):
            bentoml.models.delete(request.tag)
        raise


def main(arguments: list[str]) -> int:
    """Run as a process: one argument, the request file."""
    request = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=BuildRequest)
    result: dict[str, object]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            result = {"ok": True, "path": build(request)}
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - user code and BentoML raise what they like
        result = {"ok": False, "message": f"{type(error).__name__}: {error}"}
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
