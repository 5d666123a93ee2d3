"""Where entries lie: ``.nbprod/cache`` beside the notebook, a folder per entry.

An entry's folder is made beside its place and then renamed, so that there is a whole one or
none. Files are hard links where the file system has them: what several runs and entries hold
takes up space once, and what a run took stays when the entry is forgotten. Pickles are
loaded by kernels only, after their digests were compared with the signed ``entry.json``.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from nbprod.errors import UsageError
from nbprod.run.atomic_write import write_atomically
from nbprod.run.cache.entry import CELLS, ENTRY, Entry
from nbprod.run.folder import STATE_FOLDER, state_folder
from nbprod.run.signing import read_sealed, seal

CACHE = "cache"
_HASH_SEED = "hash-seed"
_MODULES = "modules.json"
LIMIT_VARIABLE = "NBPROD_CACHE_LIMIT"
DEFAULT_LIMIT = 5 * 2**30
_CANDIDATES = 5
"""Entries of one key that are kept: the same step, with other files."""

_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def known_hash_seed(beside: Path) -> str:
    """Return the seed of the runs that keep something there; empty if none does."""
    with contextlib.suppress(OSError):
        return (beside / STATE_FOLDER / CACHE / _HASH_SEED).read_text(encoding="utf-8").strip()
    return ""


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry and where it lies."""

    entry: Entry
    folder: Path


class Store:
    """The cache beside a notebook.

    Args:
        beside: The notebook's folder.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, beside: Path) -> None:
        self.folder = state_folder(beside) / CACHE
        self.entries_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.files_folder.mkdir(mode=0o700, exist_ok=True)
        self.facts_folder.mkdir(mode=0o700, exist_ok=True)

    @property
    def entries_folder(self) -> Path:
        """``KEY/ID`` per entry."""
        return self.folder / "entries"

    @property
    def files_folder(self) -> Path:
        """Contents of files that stretches wrote, named by their sha256."""
        return self.folder / "files"

    @property
    def facts_folder(self) -> Path:
        """What runs learned of models, see :mod:`.model_facts`."""
        return self.folder / "facts"

    def hash_seed(self) -> str:
        """Return the ``PYTHONHASHSEED`` of all runs that use this cache.

        What one run kept and another one computes must agree on the order of sets.
        """
        path = self.folder / _HASH_SEED
        with contextlib.suppress(FileNotFoundError):
            return path.read_text(encoding="utf-8").strip()
        beside = path.with_name(f"{_HASH_SEED}.{os.getpid()}")
        beside.write_text(str(1 + secrets.randbelow(2**32 - 1)), encoding="utf-8")
        with contextlib.suppress(FileExistsError):
            os.link(beside, path)  # whoever is first decides
        beside.unlink()
        return path.read_text(encoding="utf-8").strip()

    def known_modules(self) -> dict[str, str]:
        """Return the author's modules that runs imported, and analysis does not find.

        They lie elsewhere, where the notebook looks for them (``sys.path.append("../src")``).

        Returns:
            Path -> dotted name, of those that are still there.
        """
        try:
            found = msgspec.json.decode((self.folder / _MODULES).read_bytes(), type=dict[str, str])
        except (OSError, msgspec.DecodeError):
            return {}
        return {path: name for path, name in sorted(found.items()) if Path(path).is_file()}

    def learn_modules(self, names: Mapping[str, str]) -> None:
        """Remember such modules.

        Args:
            names: Path -> dotted name.

        Raises:
            OSError: They cannot be written.
        """
        found = self.known_modules()
        if not names.items() <= found.items():
            content = msgspec.json.encode({**found, **names})
            write_atomically(self.folder / _MODULES, content)

    def candidates(self, key: str) -> Iterator[StoredEntry]:
        """Yield the entries under a key that can be trusted, those used last first."""
        folder = self.entries_folder / key
        for path in sorted(_folders(folder), key=_used, reverse=True):
            entry = read_sealed(path / ENTRY, Entry)
            if entry is not None and entry.key == key:
                yield StoredEntry(entry, path)

    def cells(self, found: StoredEntry) -> list[dict[str, Any]]:
        """Return the outputs of an entry's cells.

        Raises:
            ValueError: They are not what was kept.
            OSError: They are gone.
        """
        data = (found.folder / CELLS).read_bytes()
        if hashlib.sha256(data).hexdigest() != found.entry.cells_sha256:
            raise ValueError(f"{found.folder / CELLS} was changed")
        cells: list[dict[str, Any]] = msgspec.json.decode(data)
        return cells

    def add(self, entry: Entry, cells: bytes, files: Iterable[tuple[Path, str]]) -> StoredEntry:
        """Keep an entry.

        Args:
            entry: The entry.
            cells: Its :data:`CELLS`.
            files: Files to keep in its folder: where they lie, and their paths there.

        Raises:
            OSError: It cannot be written; nothing is left then.
        """
        folder = self.entries_folder / entry.key
        folder.mkdir(mode=0o700, exist_ok=True)
        made = folder / f".{secrets.token_hex(8)}"
        try:
            (made / "blobs").mkdir(mode=0o700, parents=True)
            for path, name in files:
                if not (made / name).exists():
                    link(path, made / name)
            (made / CELLS).write_bytes(cells)
            (made / ENTRY).write_bytes(seal(entry))
            identity = hashlib.sha256(msgspec.json.encode(entry.depends)).hexdigest()[:16]
            place = folder / identity
            if place.exists():  # the files are as they were, but what it gave is another
                shutil.rmtree(place, ignore_errors=True)
            try:
                made.rename(place)
            except OSError as error:
                if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
                    raise
                place = folder / f"{identity}-{secrets.token_hex(4)}"  # another run was quicker
                made.rename(place)
        finally:
            shutil.rmtree(made, ignore_errors=True)
        for old in sorted(_folders(folder), key=_used, reverse=True)[_CANDIDATES:]:
            shutil.rmtree(old, ignore_errors=True)
        return StoredEntry(entry, place)

    def take(self, found: StoredEntry, to: Path) -> None:
        """Let a run have an entry's files, in a folder of its own.

        Raises:
            OSError: They are gone, or cannot be linked or copied.
        """
        os.utime(found.folder)
        (to / "blobs").mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (*found.folder.glob("*.pkl"), *(found.folder / "blobs").iterdir()):
            target = to / path.relative_to(found.folder)
            if not target.exists():
                link(path, target)

    def forget(self, found: StoredEntry) -> None:
        """Remove an entry."""
        shutil.rmtree(found.folder, ignore_errors=True)

    def keep_contents(self, kept: Path, digests: Iterable[str]) -> None:
        """Keep the contents of files that a run wrote."""
        for digest in digests:
            if (kept / digest).is_file() and not (self.files_folder / digest).exists():
                link(kept / digest, self.files_folder / digest)

    def entries(self) -> Iterator[StoredEntry]:
        """Yield all entries that can be read, in no order."""
        for folder in _folders(self.entries_folder):
            for path in _folders(folder):
                entry = read_sealed(path / ENTRY, Entry)
                if entry is not None:
                    yield StoredEntry(entry, path)

    def size(self) -> int:
        """Return how many bytes it takes up; what has several names counts once."""
        return sum(_sizes(self.folder).values())

    def trim(self, limit: int) -> int:
        """Forget what was not used for longest until no more than ``limit`` bytes are left.

        Returns:
            Number of entries forgotten.

        Raises:
            OSError: One cannot be removed.
        """
        entries = [path for each in _folders(self.entries_folder) for path in _folders(each)]
        others = (self.files_folder, self.facts_folder)
        forgotten = 0
        for path in _beyond(sorted(entries, key=_used), others, limit):
            _remove(path)
            forgotten += 1
        if forgotten == len(entries) and self.size() > limit:
            for folder in others:
                for path in folder.iterdir():
                    _remove(path)
        for folder in _folders(self.entries_folder):
            with contextlib.suppress(OSError):
                folder.rmdir()  # if it is empty
        return forgotten

    def clear(self) -> None:
        """Forget everything but the seed.

        Raises:
            OSError: Something cannot be removed.
        """
        for folder in (self.entries_folder, self.files_folder, self.facts_folder):
            _remove(folder)
            folder.mkdir(mode=0o700, exist_ok=True)


def limit_of(text: str | None) -> int:
    """Return the size that the cache may have, in bytes.

    Args:
        text: A number, with ``K``, ``M``, ``G`` or ``T`` behind it or not; ``None`` or empty
            for five gigabytes.

    Raises:
        UsageError: It is nothing of the kind.
    """
    if not text:
        return DEFAULT_LIMIT
    number, unit = (text[:-1], text[-1].upper()) if text[-1].isalpha() else (text, "")
    try:
        size = float(number) * (_UNITS[unit] if unit else 1)
    except (KeyError, ValueError):
        size = -1.0
    if not 0 <= size < float("inf"):
        raise UsageError(
            f"{LIMIT_VARIABLE} is {text!r}.",
            fix="Give a size such as 500M or 20G; 0 keeps nothing.",
        )
    return int(size)


def link(path: Path, target: Path) -> None:
    """Give a file a second name; where that cannot be, copy it.

    Raises:
        OSError: Neither is possible.
    """
    try:
        os.link(path, target)
    except FileExistsError:
        return
    except OSError:
        beside = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            shutil.copyfile(path, beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)


def _remove(path: Path) -> None:
    """Remove a file or a folder, of which another process may remove parts meanwhile."""
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return

    def missing_is_fine(_remove: object, _path: str, found: tuple[object, object, object]) -> None:
        error = found[1]
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            raise error

    shutil.rmtree(path, onerror=missing_is_fine)


def _beyond(folders: Iterable[Path], others: Iterable[Path], limit: int) -> Iterator[Path]:
    """Yield the folders that have to go, from the first on, for the rest to fit.

    Bytes with several names are freed with the last of them.
    """
    found = {folder: _sizes(folder) for folder in (*folders, *others)}
    sizes = {file: size for files in found.values() for file, size in files.items()}
    names = collections.Counter(file for files in found.values() for file in files)
    size = sum(sizes.values())
    for folder in folders:
        if size <= limit:
            return
        yield folder
        names.subtract(found[folder].keys())
        size -= sum(sizes[file] for file in found[folder] if not names[file])


def _folders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."]
    except FileNotFoundError:
        return []


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _sizes(folder: Path) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                status = (Path(parent) / name).lstat()
                found[status.st_dev, status.st_ino] = status.st_size
    return found
