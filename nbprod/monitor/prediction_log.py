"""The prediction log: one JSON line for each predicted row.

Each worker process writes its own files under ``NBPROD_LOG_DIR``; without that
variable nothing is logged. Keys of a line: ``time`` (UTC, ISO 8601),
``prediction_id``, ``model`` (name:version), ``source``, ``row``, ``prediction``,
``probabilities``, ``seconds`` (of the whole request).
"""

from __future__ import annotations

import datetime
import os
import threading
from pathlib import Path

import msgspec

from nbprod.monitor.hooks import Prediction, ServedModel, hookimpl
from nbprod.monitor.liveness import is_alive

MAX_BYTES = 64 * 1024 * 1024
KEEP_FILES = 20
_SUFFIX = ".jsonl"


class PredictionLog:
    """Append predictions to JSON lines files, rotated by size, oldest removed.

    Args:
        folder: Where; by default ``NBPROD_LOG_DIR``.
        max_bytes: Size at which the next file begins (``NBPROD_LOG_MAX_BYTES``).
        keep: How many files stay, of all workers (``NBPROD_LOG_KEEP``).
    """

    def __init__(
        self, folder: Path | None = None, max_bytes: int | None = None, keep: int | None = None
    ) -> None:
        configured = os.environ.get("NBPROD_LOG_DIR", "")
        self._folder = folder or (Path(configured) if configured else None)
        self._max_bytes = max_bytes or _number("NBPROD_LOG_MAX_BYTES", MAX_BYTES)
        self._keep = keep or _number("NBPROD_LOG_KEEP", KEEP_FILES)
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._size = 0
        self._part = 0

    @hookimpl
    def service_started(self, model: ServedModel) -> None:
        """Open the first file, so that an unwritable folder shows at once."""
        del model
        if self._folder is not None:
            with self._lock:
                self._open(self._folder)

    @hookimpl
    def prediction_made(self, prediction: Prediction) -> None:
        """Append one line for each row, in one write."""
        if self._folder is None:
            return
        text = b"".join(_lines(prediction))
        with self._lock:
            if self._descriptor is None or self._size >= self._max_bytes:
                self._open(self._folder)
            self._append(text)

    @hookimpl
    def service_stopped(self, model: ServedModel) -> None:
        """Flush to disk and close."""
        del model
        with self._lock:
            if self._descriptor is not None:
                os.fsync(self._descriptor)
                self._close()

    def _open(self, folder: Path) -> None:
        self._close()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._part += 1
        started = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S%fZ")
        name = f"predictions-{started}-{os.getpid()}-{self._part}{_SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
        self._descriptor, self._size = os.open(folder / name, flags, 0o600), 0
        self._prune(folder, name)

    def _append(self, text: bytes) -> None:
        assert self._descriptor is not None
        try:
            written = os.write(self._descriptor, text)
            if written != len(text):
                raise OSError(f"only {written} of {len(text)} bytes were written: disk full?")
        except OSError:
            # Half a line would spoil the next one: take it back, and begin a new file later.
            try:
                os.ftruncate(self._descriptor, self._size)
            finally:
                self._close()
            raise
        self._size += len(text)

    def _close(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)

    def _prune(self, folder: Path, current: str) -> None:
        """Remove the oldest files beyond the limit, and never one that a worker writes to."""
        files = sorted(folder.glob(f"predictions-*{_SUFFIX}"))
        newest = {path.stem.split("-")[2]: path for path in files}
        busy = {path for pid, path in newest.items() if pid.isdecimal() and is_alive(int(pid))}
        for path in files[: max(0, len(files) - self._keep)]:
            if path.name != current and path not in busy:
                path.unlink(missing_ok=True)


def _lines(prediction: Prediction) -> list[bytes]:
    encode = msgspec.json.encode
    time = prediction.time.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
    model = str(prediction.model)
    seconds = round(prediction.seconds, 6)
    table = prediction.probabilities
    return [
        encode(
            {
                "time": time,
                "prediction_id": name,
                "model": model,
                "source": prediction.source,
                "row": row,
                "prediction": answer,
                "probabilities": table[index] if table is not None else None,
                "seconds": seconds,
            },
            enc_hook=_plain,
        )
        + b"\n"
        for index, (name, row, answer) in enumerate(
            zip(prediction.ids, prediction.rows, prediction.predictions, strict=True)
        )
    ]


def _plain(value: object) -> object:
    """Turn numpy values into JSON types; anything else into text."""
    item = getattr(value, "tolist", None)
    return item() if item is not None else str(value)


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() and int(text) > 0 else default
