"""Which files count as the notebook's, and what may be put back over what."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nbprod.run.kernel import filestate
from nbprod.run.kernel.files import FileWatch


@pytest.fixture
def kept(tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    return str(folder)


@pytest.fixture
def root(tmp_path, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def changed(path, kept, **changes):
    return {**filestate.state(str(path), kept), **changes}


def write_elsewhere(path, text="theirs"):
    """Write a file in a process that is gone afterwards, as an editor's save is."""
    code = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"
    subprocess.run([sys.executable, "-c", code, str(path), text], check=True)


def test_a_file_found_changed_was_not_seen_to_be_written(root, kept):
    watch = FileWatch(kept, str(root))
    watch.start()
    (root / "own.csv").write_text("own")
    write_elsewhere(root / "found.csv")
    with watch.paused():
        found = {Path(each["path"]).name: each for each in watch.changes()}
    watch._watching = False
    assert found["own.csv"]["witnessed"] is True
    assert found["found.csv"]["witnessed"] is False
    assert found["found.csv"]["before"]["sha256"] == filestate.ABSENT


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are told by /proc")
def test_a_log_that_another_program_holds_open_is_not_the_notebooks(root, kept):
    log = root / "build.log"
    code = "import sys; f = open(sys.argv[1], 'a'); f.write('x'); f.flush(); print(); input()"
    # Not a child of the watching process: as a shell's `| tee build.log` is not a kernel's.
    watching = (
        "import sys, json; sys.path[:0] = [sys.argv[1]]\n"
        "from nbprod.run.kernel.files import FileWatch\n"
        "watch = FileWatch(sys.argv[2], sys.argv[3]); watch.start()\n"
        "print(flush=True); input()\n"
        "print(json.dumps([f['path'] for f in watch.changes()]))"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    repository = str(Path(filestate.__file__).parents[3])
    with subprocess.Popen(
        [sys.executable, "-c", watching, repository, kept, str(root)], **pipes
    ) as watcher:
        watcher.stdout.readline()
        with subprocess.Popen([sys.executable, "-c", code, str(log)], **pipes) as writer:
            writer.stdout.readline()
            (root / "native.parquet").write_text("by whom, nobody saw")
            answer = watcher.communicate("\n", timeout=60)[0]
            writer.communicate("\n", timeout=60)
    assert "native.parquet" in answer
    assert "build.log" not in answer


def test_what_another_program_saved_is_left_as_it_is(root, kept):
    path = root / "helper.py"
    path.write_text("first")
    before = changed(path, kept, witnessed=False)
    path.write_text("an edit")
    (failed,) = filestate.bring([before], kept)
    assert path.read_text() == "an edit"
    assert "another program" in failed


def test_what_a_run_or_replay_left_is_put_back(root, kept):
    path = root / "out.parquet"
    path.write_text("first")
    before = changed(path, kept, witnessed=False)
    path.write_text("what a replay left")
    filestate.state(str(path), kept)
    assert filestate.bring([before], kept) == []
    assert path.read_text() == "first"


def test_nothing_is_lost_that_is_overwritten(root, kept):
    path = root / "out.csv"
    path.write_text("the notebook's")
    mine = changed(path, kept)
    path.write_text("a stranger's")
    assert filestate.bring([mine], kept) == []
    assert path.read_text() == "the notebook's"
    contents = [content.read_text() for content in Path(kept).iterdir()]
    assert "a stranger's" in contents
