"""The BentoML store: which versions of a service there are."""

from __future__ import annotations

import datetime
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbprod.errors import SystemFailedError, UsageError


@dataclass(frozen=True, slots=True)
class StoredBento:
    """A Bento in the store.

    Attributes:
        name: Name of the service.
        version: Its version.
        path: Its folder.
        created: When it was built, UTC.
        labels: ``run_id``, ``notebook``, ``source_digest`` and ``verified`` among them.
    """

    name: str
    version: str
    path: Path
    created: datetime.datetime
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """``name:version``."""
        return f"{self.name}:{self.version}"


def list_bentos(name: str = "") -> tuple[StoredBento, ...]:
    """List the Bentos of a service, or all of them, newest first."""
    import bentoml
    from bentoml.exceptions import BentoMLException, NotFound

    try:
        found = bentoml.list(name or None)
    except NotFound:
        return ()
    except (BentoMLException, ValueError) as error:
        raise UsageError(f"{name!r} is not a name of a service: {error}") from error
    stored = [_stored(bento) for bento in found]
    return tuple(sorted(stored, key=lambda bento: bento.created, reverse=True))


def find_bento(tag: str) -> StoredBento:
    """Find a Bento by ``name:version``, or the newest by ``name``.

    Raises:
        UsageError: There is none.
    """
    name, _, version = tag.partition(":")
    stored = list_bentos(name)
    for bento in stored:
        if not version or version == "latest" or bento.version == version.lower():
            return bento
    known = ", ".join(bento.version for bento in stored[:5])
    raise UsageError(
        f"there is no Bento {tag}",
        fix=f"There are: {known}." if known else "Run `nbprod build` first.",
    )


def delete_bento(tag: str, *, with_model: bool = True) -> None:
    """Delete a Bento, and the model that belongs to it.

    Raises:
        UsageError: There is none.
    """
    import bentoml

    bento = find_bento(tag)
    bentoml.delete(bento.tag)
    if with_model:
        delete_model(bento.tag)


def delete_model(tag: str) -> None:
    """Delete a model from the store; it may be gone already."""
    import contextlib

    import bentoml
    from bentoml.exceptions import NotFound

    with contextlib.suppress(NotFound):
        bentoml.models.delete(tag)


def _stored(bento: Any) -> StoredBento:  # noqa: ANN401 - bentoml.Bento, untyped
    created = bento.creation_time
    if created.tzinfo is None:
        created = created.replace(tzinfo=datetime.UTC)
    return StoredBento(
        name=str(bento.tag.name),
        version=str(bento.tag.version),
        path=Path(bento.path),
        created=created,
        labels={str(key): str(value) for key, value in bento.info.labels.items()},
    )


def require_writable_store() -> None:
    """Check that Bentos can be stored, before time is spent on making one.

    Raises:
        SystemFailedError: BENTOML_HOME cannot be written.
    """
    home = Path(os.environ.get("BENTOML_HOME") or Path.home() / "bentoml").expanduser()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        raise SystemFailedError(
            f"BentoML's store {home} cannot be written: {error.strerror}",
            fix="set BENTOML_HOME to a folder of your own",
        ) from error
