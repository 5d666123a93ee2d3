"""Whatever goes wrong in a run: a clear message, the right exit code, nothing half-written."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from psutil import process_iter

from tests.functional.conftest import nbprod, write_notebook

pytestmark = pytest.mark.slow

RUN = ("run", "nb.ipynb", "out.ipynb")


@pytest.fixture
def place(sandbox, tmp_path, monkeypatch):
    """A sandbox with a temporary folder of its own."""
    (tmp_path / "t").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "t"))
    return sandbox


def notebook(place: Path, *sources: str) -> None:
    cells = [(source, [f"step:s{number}"]) for number, source in enumerate(sources, start=1)]
    write_notebook(place / "nb.ipynb", *cells)


def require_tidy(place: Path, state: str | None) -> None:
    """Check what a run left: a record that says how it ended, a valid notebook, no more."""
    assert {path.name for path in place.iterdir()} <= {"nb.ipynb", "out.ipynb", ".nbprod", "big"}
    (run,) = (place / ".nbprod" / "runs").iterdir()
    assert json.loads((run / "record.json").read_text())["state"] == state
    for path in (run / "output.ipynb", place / "out.ipynb"):
        nbformat.validate(nbformat.read(path, as_version=4))
    left = [path for path in place.rglob("*") if path.name.startswith(".") or ".part" in path.name]
    assert {path.name for path in left} <= {".nbprod", ".gitignore"}
    temporary = Path(os.environ["TMPDIR"])
    assert list(temporary.iterdir()) == []
    for process in psutil.process_iter():
        try:
            assert str(temporary) not in " ".join(process.cmdline()), process
        except psutil.Error:
            continue


def within_memory(megabytes: int, tmp_path: Path) -> list[str]:
    """Return the command that runs another one in a control group with so much memory."""
    name = f"nbprod-test-{os.getpid()}"
    for root, limit in (
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        ("/sys/fs/cgroup", "memory.max"),
    ):
        group = Path(root, name)
        script = tmp_path / "within.sh"
        script.write_text(
            f"mkdir -p {group} && echo {megabytes * 1_000_000} > {group / limit} "
            f"&& echo $$ > {group}/cgroup.procs || exit 99\n"
            f'"$@"\ncode=$?\necho $$ > {root}/cgroup.procs; rmdir {group}; exit $code\n'
        )
        tried = subprocess.run(["sh", script, "true"], capture_output=True, check=False)
        if tried.returncode == 0:
            return ["sh", str(script)]
        if group.is_dir():
            group.rmdir()
    pytest.skip("this machine lets nobody limit the memory of a group of processes")


@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
def test_memory_that_runs_out(place, tmp_path):
    notebook(place, "x = 1", "blob = []\nwhile True:\n    blob.append(b'x' * 20_000_000)")
    shown = nbprod(*RUN, within=within_memory(500, tmp_path))
    assert shown.returncode == 1, shown.stderr
    assert "Step s2, cell 2 (blob = []): the kernel died: it was killed" in shown.stderr
    assert "fix: Let the cell work on less at a time" in shown.stderr
    require_tidy(place, "failed")


def full_disk(place: Path, kilobytes: int) -> list[str]:
    """Return the command that runs another one with ``place`` on a small disk of its own.

    What is on it afterwards is copied back.
    """
    mount = (
        f'mount -t tmpfs -o size={kilobytes}k none "$0" && cp "$0.ipynb" "$0/nb.ipynb" '
        '&& cd "$0" || exit 99; "$@"; code=$?; cp -a "$0/." "$0.after"; exit $code'
    )
    place.with_suffix(".after").mkdir()
    within = ["unshare", "--mount", "--map-root-user", "sh", "-c", mount, str(place)]
    if os.getuid() == 0:
        within.remove("--map-root-user")
    (place / "nb.ipynb").rename(f"{place}.ipynb")
    tried = subprocess.run([*within, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"this machine lets nobody mount a small disk: {tried.stderr.strip()}")
    return within


FILL = "with open('big', 'wb') as file:\n    while True:\n        file.write(bytes(100_000))"


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk needs Linux's mounts")
@pytest.mark.parametrize(
    ("source", "code", "state", "said"),
    [
        (FILL, 1, "failed", "Step s2, cell 2 (with open('big', 'wb') as file:) raised OSError"),
        ("print('z' * 3_000_000)", 4, "failed", "could not be written: No space left on device"),
        (
            "import numpy\nblob = numpy.random.rand(300_000)",
            0,
            "completed",
            "Variables around s2 were not saved: OSError: [Errno 28]",
        ),
    ],
    ids=["by a cell", "by the output", "by an artifact"],
)
def test_a_full_disk(place, source, code, state, said):
    notebook(place, "blob = b''", source, "print(len(blob))")
    shown = nbprod(*RUN, within=full_disk(place, 1000))
    assert shown.returncode == code, shown.stderr
    assert said in shown.stderr
    assert "Traceback" not in shown.stderr
    require_tidy(place.with_suffix(".after"), state)


def test_variables_that_cannot_be_saved_are_followed_nevertheless(place):
    cells = (
        ("import numpy\na = numpy.random.rand(1_000_000)", ["step:s1"]),
        ("b = a * 2", ["step:s2"]),
        ("c = b + 1", ["step:s3"]),
        ("m = float(c.sum())", ["step:s3"]),
    )
    write_notebook(place / "nb.ipynb", *cells)
    shown = nbprod(*RUN, within=["sh", "-c", 'ulimit -f 4000; exec "$@"', "sh"])
    assert shown.returncode == 0, shown.stderr
    assert "Variables around s1 were not saved: OSError" in shown.stderr
    assert "the conversion did not see" not in shown.stderr
    require_tidy(place, "completed")


def test_a_hundred_megabytes_of_prints(place):
    notebook(place, "line = 'x' * 99\nfor n in range(1_000_000):\n    print(line)", "print('end')")
    command = [sys.executable, "-m", "nbprod", *RUN]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert process.stderr is not None
    told = process.stderr.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    assert process.returncode == 0, told
    assert "Cell 1 printed 100 MB, and the output notebook keeps them" in told
    assert used.ru_maxrss < 1_200_000  # kB
    require_tidy(place, "completed")
    cells = nbformat.read(place / "out.ipynb", as_version=4).cells
    assert sum(len(output.text) for output in cells[0].outputs) == 100_000_000
    assert cells[1].outputs[0].text == "end\n"


def test_a_cell_that_raises_again(place):
    notebook(place, "x = {}", "try:\n    x['a']\nexcept KeyError:\n    raise ValueError('none')")
    shown = nbprod(*RUN)
    assert shown.returncode == 1
    assert "raised ValueError: none" in shown.stderr
    assert "cell 2, line 4" in shown.stderr
    assert "KeyError: 'a'" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_cell_that_asks(place):
    notebook(place, "x = 1", "name = input('who? ')")
    shown = nbprod(*RUN)
    assert shown.returncode == 1
    assert "Step s2, cell 2" in shown.stderr
    assert "A run cannot ask questions" in shown.stderr
    require_tidy(place, "failed")


def test_a_cell_that_takes_too_long(place):
    apart = "process = subprocess.Popen(['sleep', '98.7'], start_new_session=True)"
    notebook(place, "x = 1", f"import subprocess, time\n{apart}\ntime.sleep(60)")
    shown = nbprod(*RUN, "--cell-timeout", "2")
    assert shown.returncode == 1
    assert "Step s2, cell 2 (import subprocess, time) took longer than 2 s" in shown.stderr
    assert ["sleep", "98.7"] not in [each.info["cmdline"] for each in process_iter(["cmdline"])]
    require_tidy(place, "failed")


STUBBORN = (
    "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    "open('/dev/null')\nprint('here', flush=True)\ntime.sleep(100)"
)


@pytest.mark.parametrize("presses", [1, 2, 30])
def test_ctrl_c_again_and_again(place, presses):
    notebook(place, "x = 1", STUBBORN if presses > 1 else "import signal, time\ntime.sleep(100)")
    command = [sys.executable, "-m", "nbprod", *RUN, "--events", "-"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if '"done": 1' in line and '"detail": "s2"' in line:
            break
    for _ in range(presses):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.1)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "Interrupted. Step s2, cell 2 (import signal, time) was running." in told
    assert ("stopping: kernels are being ended" in told) == (presses > 1)
    assert "Traceback" not in told
    require_tidy(place, "interrupted")


def test_ctrl_c_while_variables_are_saved(place):
    big = "import numpy\nbig = numpy.zeros(60_000_000)\nopen('big', 'w').close()"
    notebook(place, "x = 1", big, "print(big.sum())")
    command = [sys.executable, "-m", "nbprod", *RUN]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(place.rglob("blobs/*.part")) and time.monotonic() < deadline:
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "Step s2, cell 2 (import numpy) had ended, and what it gave was being saved" in told
    require_tidy(place, "interrupted")


DIES_SAVED = """import contextlib, os
class Last:
    def __reduce__(self):
        for number in range(100):
            with contextlib.suppress(OSError):
                if os.readlink(f'/proc/self/fd/{number}').endswith('.part'):
                    os._exit(1)
        return Last, ()
last = Last()"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_kernel_that_dies_while_it_saves(place):
    notebook(place, "x = 1", DIES_SAVED, "print(last)")
    shown = nbprod(*RUN)
    assert shown.returncode == 1
    assert "Step s2, cell 2 (import contextlib, os): the kernel died" in shown.stderr
    require_tidy(place, "failed")


READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd "$0" || exit 99; "$@"'


@pytest.mark.skipif(sys.platform != "linux", reason="a read-only folder needs Linux's mounts")
def test_a_read_only_folder(place):
    notebook(place, "import os\nx = 1", "print(x)")
    write_notebook(place / "plain.ipynb", "import math\nx = math.pi", "print(x)")
    assert nbprod(*RUN).returncode == 0
    within = ["unshare", "--mount", "--map-root-user", "sh", "-c", READ_ONLY, str(place)]
    if os.getuid() == 0:
        within.remove("--map-root-user")
    tried = subprocess.run([*within, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"this machine lets nobody mount a folder: {tried.stderr.strip()}")
    for line in (
        "tag --write plain.ipynb",
        "cache --clear",
        "cache --limit 0",
        "run nb.ipynb",
        "run nb.ipynb --events events.ndjson",
        "convert nb.ipynb -o new",
    ):
        shown = nbprod(*line.split(), within=within)
        assert shown.returncode == 4, (line, shown.stdout, shown.stderr)
        assert "Read-only file system" in shown.stderr


@pytest.mark.parametrize("ignored", [False, True])
def test_a_terminal_that_is_closed(place, ignored):
    notebook(place, "x = 1", "import time\nopen('big', 'w').close()\ntime.sleep(3)")
    terminal, end = os.openpty()
    command = [sys.executable, "-m", "nbprod", *RUN]
    process = subprocess.Popen(
        ["nohup", *command] if ignored else command,
        stdin=subprocess.DEVNULL if ignored else end,
        stdout=subprocess.DEVNULL if ignored else end,
        stderr=subprocess.DEVNULL if ignored else end,
        preexec_fn=lambda: (os.setsid(), fcntl.ioctl(end, termios.TIOCSCTTY, 0)),
    )
    os.close(end)
    while not (place / "big").exists():
        time.sleep(0.05)
    os.close(terminal)  # its processes get SIGHUP
    assert process.wait(60) == (0 if ignored else 130)
    require_tidy(place, "completed" if ignored else "interrupted")
