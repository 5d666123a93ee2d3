"""Where nbprod keeps what outlives a project: deployments and keys."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Return ``NBPROD_HOME`` (default: the user data folder); made on first use, 0700."""
    configured = os.environ.get("NBPROD_HOME")
    if configured:
        folder = Path(configured).expanduser().absolute()
    else:
        import platformdirs

        folder = platformdirs.user_data_path("nbprod", appauthor=False)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
