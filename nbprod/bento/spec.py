"""What a Bento is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service to build.

    Attributes:
        name: Name of the service, its Bento and its model (lower case, digits, ``-``).
        version: Version of Bento and model; lower-cased, such as a run id.
        model_package: The packaged-model folder.
        project: The generated project, with its ``service.py``.
        requirements: What the model's own code imports, locked: ``name==version``.
            What the service itself needs is added at the installed versions.
        python: Python version of the image, such as ``3.11``; empty for this one.
        run_id: The run that fitted the model.
        notebook: File name of the notebook.
        source_digest: sha256 (hex) of the notebook's bytes.
        labels: More labels of the Bento.
    """

    name: str
    version: str
    model_package: Path
    project: Path
    requirements: tuple[str, ...] = ()
    python: str = ""
    run_id: str = ""
    notebook: str = ""
    source_digest: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """``name:version`` in the BentoML store."""
        return f"{self.name}:{self.version.lower()}"


@dataclass(frozen=True, slots=True)
class BuiltBento:
    """A Bento in the store: its tag (``name:version``) and its folder."""

    tag: str
    path: Path
