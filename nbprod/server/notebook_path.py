"""From the path that the browser knows to the file that the command line reads."""

from __future__ import annotations

from pathlib import Path

from jupyter_server.services.contents.manager import ContentsManager
from jupyter_server.utils import ensure_async

from nbprod.server.problem import Problem


async def local_notebook(contents: ContentsManager, path: str) -> Path:
    """Find the local file of a notebook.

    The contents manager decides what exists and what is hidden, so that nothing
    can be deployed that could not be opened.

    Args:
        contents: The server's contents manager.
        path: Path relative to the server's root, with forward slashes.

    Returns:
        Absolute path of the file, inside the server's root folder.

    Raises:
        Problem: 400 if it is no notebook's path or leaves the root, 404 if there
            is no such file, 422 if notebooks are not kept as files here.
    """
    relative = path.strip("/")
    if not relative.endswith(".ipynb"):
        raise Problem(400, f"{path!r} is not a notebook", fix="name a file that ends in .ipynb")
    if "\0" in relative or ".." in relative.split("/"):
        raise Problem(
            400, f"{path!r} is outside the server's folder", fix="name a path below that folder"
        )
    root = getattr(contents, "root_dir", "")
    if not root:
        raise Problem(
            422,
            "this server does not keep its notebooks as files",
            fix="download the notebook and run `nbprod deploy` beside it",
        )
    hidden = await ensure_async(contents.is_hidden(relative))  # type: ignore[no-untyped-call]
    exists = await ensure_async(contents.file_exists(relative))  # type: ignore[no-untyped-call]
    if not exists or (hidden and not contents.allow_hidden):
        raise Problem(404, f"there is no notebook {relative!r}", fix="save the notebook first")
    return Path(root).absolute().joinpath(*relative.split("/"))
