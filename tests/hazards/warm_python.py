"""A Python that starts at once: each call is forked from a process that has the libraries.

Starting a kernel costs a second or two, nearly all of it imports. A hazard needs some
eight kernels and step processes, so that they share the imports: ``warm-python ARGS``
does what ``python ARGS`` does, in a process, session and namespace of its own, forked
from one that has imported numpy, pandas and ipykernel and has done nothing else. What
such a process cannot show (the order of string sets, which libraries are loaded before
the first cell) is left to the hazards that also run in ordinary kernels.
"""

from __future__ import annotations

import array
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

PRELOADED = ("ipykernel.kernelapp", "ipykernel.ipkernel", "numpy", "pandas", "cloudpickle")
PRELOADED += ("nbprod.compare.values", "decimal", "IPython.core.interactiveshell")
PRELOADED += ("ipykernel.debugger", "IPython.core.completerlib", "IPython.extensions.storemagic")
PRELOADED += ("psutil", "tornado.platform.asyncio", "encodings.idna", "http.client")
PRELOADED += ("sqlite3", "pdb", "IPython.core.debugger", "IPython.core.oinspect", "faulthandler")
# What scikit-learn and matplotlib are built on; they themselves are imported by the hazard.
PRELOADED += ("scipy.stats", "scipy.optimize", "scipy.sparse.csgraph", "scipy.interpolate")
PRELOADED += ("scipy.ndimage", "joblib", "threadpoolctl", "PIL.PngImagePlugin", "pyparsing")
PRELOADED += ("kiwisolver", "contourpy", "cycler")

# The command that stands in for Python. It hands its arguments, environment and open
# files over and waits; when it is killed, so is what was forked for it.
_CLIENT = """#!{python} -IS
import os, sys, socket, array, signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
sock = socket.socket(socket.AF_UNIX); sock.connect({address!r})
text = repr((sys.argv[1:], dict(os.environ), os.getcwd())).encode()
sock.sendmsg([len(text).to_bytes(8, "big")],
    [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
sock.sendall(text)
code = sock.recv(4)
os._exit(int.from_bytes(code, "big") if len(code) == 4 else 137)
"""


class WarmPython:
    """The process to fork from, and the command ``executable`` that asks it to.

    Args:
        folder: Where the command and its socket go.
        hook: ``module:function`` called in each forked process before it runs anything.
    """

    def __init__(self, folder: Path, hook: str = "") -> None:
        self.executable = folder / "warm-python"
        self._folder = folder
        self._hook = hook
        # Socket paths are limited to about a hundred characters.
        self._scratch = tempfile.TemporaryDirectory(prefix="warm-")
        self._address = str(Path(self._scratch.name) / "s")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and write the command."""
        text = _CLIENT.format(python=sys.executable, address=self._address)
        self.executable.write_text(text)
        self.executable.chmod(0o755)
        command = [sys.executable, str(Path(__file__)), self._address, str(self.executable)]
        self._process = subprocess.Popen(
            [*command, self._hook], stdout=subprocess.PIPE, start_new_session=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == b"ready"

    def stop(self) -> None:
        """End the process and all that was forked from it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            assert self._process.stdout is not None
            self._process.stdout.close()
        self._scratch.cleanup()


class _Server:
    def __init__(self, address: str, executable: str, hook: str) -> None:
        self._executable = executable
        self._hook = hook
        self._running: dict[int, socket.socket] = {}
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(address)
        self._listener.listen(64)
        self._wake, self._waker = socket.socketpair()
        for end in (self._wake, self._waker):
            end.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._ended)

    def _ended(self, *_: object) -> None:
        for pid in self._running:
            _kill(pid)
        os._exit(0)

    def serve(self) -> None:
        while True:
            waited = [self._listener, self._wake, *self._running.values()]
            ready, _, _ = select.select(waited, [], [])
            if self._wake in ready:
                self._wake.recv(4096)
                self._collect()
            for pid, client in list(self._running.items()):
                if client in ready and not client.recv(1):
                    _kill(pid)  # the command was killed
                    client.close()
                    self._running.pop(pid, None)
            if self._listener in ready:
                self._accept()

    def _collect(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            client = self._running.pop(pid, None)
            if client is not None:
                code = os.waitstatus_to_exitcode(status)
                with suppress(OSError):  # the command is gone
                    client.sendall((code & 0xFF).to_bytes(4, "big"))
                client.close()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        head, ancillary, _, _ = client.recvmsg(8, socket.CMSG_SPACE(12))
        files = array.array("i")
        for _, _, data in ancillary:
            files.frombytes(data)
        text = b""
        while len(text) < int.from_bytes(head, "big"):
            text += client.recv(1 << 20)
        import ast

        arguments, environment, folder = ast.literal_eval(text.decode())
        pid = os.fork()
        if pid:
            for file in files:
                os.close(file)
            self._running[pid] = client
            return
        try:
            self._become(list(files), arguments, environment, folder, client)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(70)

    def _become(
        self,
        files: list[int],
        arguments: list[str],
        environment: dict[str, str],
        folder: str,
        client: socket.socket,
    ) -> None:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for each in (self._listener, self._wake, self._waker, client, *self._running.values()):
            each.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.environ.clear()
        os.environ.update(environment)
        os.environ.pop("JPY_PARENT_PID", None)
        os.chdir(folder)
        sys.executable = self._executable
        _reseed()
        if self._hook:
            module, _, function = self._hook.partition(":")
            getattr(__import__(module, fromlist=["x"]), function)()
        _exit_like_python(arguments)


def _reseed() -> None:
    """Give the random generators a state of their own, as every process has."""
    import random

    import numpy as np

    random.seed()
    np.random.seed()


def _exit_like_python(arguments: list[str]) -> None:
    code: Any = 0
    try:
        _run(arguments)
    except SystemExit as error:
        code = error.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    try:
        import atexit
        import threading

        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(int(code or 0) & 0xFF)


def _run(arguments: list[str]) -> None:
    while arguments and arguments[0] in {"-I", "-S", "-s", "-E", "-u", "-B", "-IS"}:
        arguments = arguments[1:]
    if arguments[0] == "-c":
        sys.argv = ["-c", *arguments[2:]]
        sys.path.insert(0, "")
        exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})
    elif arguments[0] == "-m":
        sys.argv = ["-m", *arguments[2:]]
        sys.path.insert(0, os.getcwd())
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        sys.path.insert(0, os.path.dirname(os.path.abspath(arguments[0])))
        runpy.run_path(arguments[0], run_name="__main__")


def _kill(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def main() -> None:
    """Import what is to be shared, and serve."""
    sys.path.pop(0)
    address, executable, hook = sys.argv[1:]
    import importlib

    for name in PRELOADED:
        importlib.import_module(name)
    if hook:
        importlib.import_module(hook.partition(":")[0])
    import gc

    gc.collect()
    gc.freeze()
    server = _Server(address, executable, hook)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    server.serve()


if __name__ == "__main__":
    main()
