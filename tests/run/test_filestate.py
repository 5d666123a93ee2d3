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


def test_other_names_of_a_file_get_its_content_back_too(root, kept):
    path, other = root / "log.txt", root / "same.txt"
    path.write_text("first")
    other.hardlink_to(path)
    before = changed(path, kept)
    path.write_text("what a replay left")
    assert filestate.bring([before], kept) == []
    assert other.read_text() == path.read_text() == "first"
    assert path.stat().st_mtime_ns == before["mtime_ns"]


def test_links_come_back_as_links(root, kept):
    target, link = root / "model-2.bin", root / "latest"
    (root / "model-1.bin").write_text("old")
    target.write_text("new")
    link.symlink_to("model-2.bin")
    as_link = changed(link, kept)
    assert as_link["sha256"] == "link:model-2.bin"
    link.unlink()
    link.symlink_to("model-1.bin")
    assert filestate.bring([as_link], kept) == []
    assert link.is_symlink()
    assert link.read_text() == "new"
    assert target.read_text() == "new"
    link.unlink()
    link.write_text("a file instead")
    as_file = changed(link, kept)
    link.unlink()
    link.symlink_to("model-1.bin")
    assert filestate.bring([as_file], kept) == []
    assert not link.is_symlink()
    assert link.read_text() == "a file instead"
    assert (root / "model-1.bin").read_text() == "old"


def test_a_pipe_is_left_alone(root, kept):
    import os

    os.mkfifo(root / "pipe")
    found = changed(root / "pipe", kept)
    assert found["sha256"] == filestate.UNKNOWN
    assert filestate.bring([found], kept) == []
    assert (root / "pipe").is_fifo()


def test_a_read_only_file_comes_back_read_only(root, kept):
    path = root / "frozen.csv"
    path.write_text("first")
    path.chmod(0o444)
    before = changed(path, kept)
    path.unlink()
    path.write_text("another")
    assert filestate.bring([before], kept) == []
    assert path.read_text() == "first"
    assert path.stat().st_mode & 0o777 == 0o444


def test_a_file_that_cannot_be_kept_is_not_overwritten(root, kept, monkeypatch):
    """On a full disk a replay stops, instead of losing what it cannot put back."""
    path = root / "precious.csv"
    path.write_text("years of work")

    def full(*_):
        raise OSError(28, "No space left on device")

    watch = FileWatch(kept, str(root))
    watch.start()
    noted = []
    watch.on_touch = noted.append
    monkeypatch.setattr(filestate.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="cannot be kept"):
        path.open("w")
    with pytest.raises(OSError, match="cannot be kept"):
        path.unlink()
    watch._watching = False
    assert path.read_text() == "years of work"
    assert noted == []


def test_commands_wait_for_one_another_in_a_folder(root):
    from nbprod.run.folder_lock import folder_lock

    code = (
        "import sys; from pathlib import Path; from nbprod.run.folder_lock import folder_lock\n"
        "told = lambda event: print('waits' if 'waiting' in event.text else '', flush=True)\n"
        "with folder_lock(Path(sys.argv[1]), told, shared=sys.argv[2] == 'run'):\n"
        "    print('has it', flush=True)\n"
    )

    def other(kind):
        command = [sys.executable, "-c", code, str(root), kind]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    waited = []
    with folder_lock(root, waited.append, shared=True):
        with folder_lock(root, waited.append, shared=False):
            pass  # a run within a replay of one's own does not wait for itself
        assert other("run").communicate(timeout=60)[0] == "has it\n"
        replay = other("replay")
        assert replay.stdout.readline() == "waits\n"
    assert replay.communicate(timeout=60)[0] == "has it\n"
    assert waited == []
