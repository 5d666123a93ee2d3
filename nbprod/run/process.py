"""Step processes: a module of nbprod run apart, because it loads what user code made."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from nbprod.errors import InterruptedRunError, SystemFailedError


def call_process(module: str, request: object, request_file: Path) -> dict[str, object]:
    """Run ``python -m MODULE REQUEST.json`` and return the JSON object it prints last.

    Args:
        module: Module of nbprod's to run, in this interpreter.
        request: Encoded as JSON into ``request_file``, which is removed again.
        request_file: Where the request lies while the process runs.

    Raises:
        SystemFailedError: The process died without an answer.
        InterruptedRunError: Ctrl-C; the process is gone.
    """
    import msgspec

    request_file.write_bytes(msgspec.json.encode(request))
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", module, str(request_file)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C reaches us alone; we end it
        text=True,
    )
    try:
        output, log = process.communicate()
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(error, KeyboardInterrupt):
            raise InterruptedRunError("interrupted") from error
        raise
    finally:
        request_file.unlink(missing_ok=True)
    for line in reversed(output.splitlines()):
        with contextlib.suppress(msgspec.DecodeError):
            answer = msgspec.json.decode(line)
            if isinstance(answer, dict):
                return answer
    words = [line for line in log.splitlines() if line.strip()]
    last = words[-1] if words else "without a word"
    raise SystemFailedError(f"{module} ended with {process.returncode}: {last}")
