"""Entries of the step cache on their way between machines, through any file system of fsspec's.

What is loaded from there is checked: an entry itself goes with the job and its answer, and
holds the digests of its files, which kernels compare before they load one.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from nbprod.run.cache.depends import digest_of
from nbprod.run.cache.entry import CELLS, Entry
from nbprod.run.cache.store import Store, StoredEntry


@dataclass(frozen=True, slots=True)
class Parcel:
    """An entry, and where its files lie.

    Attributes:
        entry: The entry.
        place: A folder's URL.
        files: Their paths in it.
        contents: Digests of files that the step wrote; they lie in its folder ``contents``.
    """

    entry: Entry
    place: str
    files: tuple[str, ...]
    contents: tuple[str, ...] = ()


def send(found: StoredEntry, store: Store, artifacts: str) -> Parcel:
    """Copy an entry's files to where others can read them.

    Args:
        found: The entry.
        store: The cache that holds it.
        artifacts: URL of a folder.

    Raises:
        OSError: They cannot be written there.
    """
    import fsspec  # with the extra `dask`

    place = f"{artifacts.rstrip('/')}/{found.folder.parent.name}-{found.folder.name}"
    system, root = fsspec.core.url_to_fs(place)
    files = [CELLS, *found.entry.file_names()]
    files += [f"blobs/{path.name}" for path in sorted((found.folder / "blobs").iterdir())]
    written = sorted(found.entry.contents())
    contents = [digest for digest in written if (store.files_folder / digest).is_file()]
    pairs = [(found.folder / name, name) for name in files]
    pairs += [(store.files_folder / digest, f"contents/{digest}") for digest in contents]
    for folder in {str(Path(name).parent) for _, name in pairs}:
        system.makedirs(f"{root}/{folder}" if folder != "." else root, exist_ok=True)
    for path, name in pairs:
        system.put_file(str(path), f"{root}/{name}")
    return Parcel(found.entry, place, tuple(files), tuple(contents))


def receive(parcel: Parcel, store: Store) -> None:
    """Let a cache have an entry that :func:`send` copied.

    Raises:
        OSError: A file cannot be read, or not be kept.
        ValueError: A file is not what was sent.
    """
    import fsspec  # with the extra `dask`

    system, root = fsspec.core.url_to_fs(parcel.place)
    folder = Path(tempfile.mkdtemp(prefix="received-", dir=store.folder))
    try:
        (folder / "blobs").mkdir()
        (folder / "contents").mkdir()
        for name in (*parcel.files, *(f"contents/{digest}" for digest in parcel.contents)):
            system.get_file(f"{root}/{name}", str(folder / name))
        for digest in parcel.contents:
            if digest_of(str(folder / "contents" / digest)) != digest:
                raise ValueError(f"{parcel.place}/contents/{digest} was changed")
        store.keep_contents(folder / "contents", parcel.contents)
        cells = (folder / CELLS).read_bytes()
        files = [(folder / name, name) for name in parcel.files if name != CELLS]
        store.add(parcel.entry, cells, files)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
