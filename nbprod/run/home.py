"""Where nbprod keeps what outlives a project: deployments and keys."""

from __future__ import annotations

import os
from pathlib import Path

from nbprod.errors import SystemFailedError


def home() -> Path:
    """Return ``NBPROD_HOME`` (default: the user data folder); made on first use, 0700.

    Raises:
        SystemFailedError: If it cannot be made.
    """
    configured = os.environ.get("NBPROD_HOME")
    if configured:
        folder = Path(configured).expanduser().absolute()
    else:
        import platformdirs

        folder = platformdirs.user_data_path("nbprod", appauthor=False)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise SystemFailedError(
            f"NBPROD_HOME, {folder}, cannot be used: {error.strerror}.",
            fix="Set NBPROD_HOME to a folder of your own.",
        ) from error
    return folder
