import json
import os
import stat
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from nbprod.emit.load import load_project
from nbprod.emit.project import ProjectFile, render_project
from nbprod.emit.write import write_project
from nbprod.errors import ExitCode, SystemFailedError, UsageError
from nbprod.pipeline.ir import Pipeline


@pytest.fixture
def files(leaving: Pipeline) -> tuple[ProjectFile, ...]:
    return render_project(leaving)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_writing_again_changes_nothing(files: tuple[ProjectFile, ...], tmp_path: Path) -> None:
    first = write_project(files, tmp_path / "project")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "project").rglob("*")}
    again = write_project(files, tmp_path / "project")
    assert {str(path) for path in first.written} == {str(file.path) for file in files}
    assert again.written == again.removed == ()
    assert len(again.unchanged) == len(files)
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "project").rglob("*")}


def test_edited_files_stop_everything_and_are_all_named(
    leaving: Pipeline, files: tuple[ProjectFile, ...], tmp_path: Path
) -> None:
    write_project(files, tmp_path)
    for path in ("leaving/steps.py", "README.md"):
        with (tmp_path / path).open("a") as file:
            file.write("# mine\n")
    before = snapshot(tmp_path)
    changed = render_project(replace(leaving, source=replace(leaving.source, title="New title")))
    with pytest.raises(UsageError, match=r"README\.md, leaving/steps\.py") as caught:
        write_project(changed, tmp_path)
    assert "--force" in caught.value.fix
    assert caught.value.exit_code == ExitCode.USAGE
    assert snapshot(tmp_path) == before

    write_project(changed, tmp_path, force=True)
    assert b"# mine" not in (tmp_path / "leaving/steps.py").read_bytes()
    assert load_project(tmp_path).edited == ()


def test_an_edit_elsewhere_does_not_stop_a_file_that_stays_the_same(
    files: tuple[ProjectFile, ...], tmp_path: Path
) -> None:
    """Even with nothing new to write, an edited file is not silently taken back."""
    write_project(files, tmp_path)
    (tmp_path / "service.py").write_text("mine")
    with pytest.raises(UsageError, match=r"service\.py"):
        write_project(files, tmp_path)
    assert (tmp_path / "service.py").read_text() == "mine"


def test_files_of_an_earlier_generation_go_unless_edited(
    leaving: Pipeline, files: tuple[ProjectFile, ...], tmp_path: Path
) -> None:
    local = {"shapes/__init__.py": b"", "shapes/square.py": b"SIDES = 4\n"}
    write_project(render_project(leaving, local_sources=local), tmp_path)
    (tmp_path / "notes.txt").write_text("foreign")
    assert (tmp_path / "shapes/square.py").read_bytes() == b"SIDES = 4\n"
    result = write_project(files, tmp_path)
    assert [str(path) for path in result.removed] == ["shapes/__init__.py", "shapes/square.py"]
    assert not (tmp_path / "shapes").exists()
    assert (tmp_path / "notes.txt").read_text() == "foreign"

    write_project(render_project(leaving, local_sources=local), tmp_path)
    (tmp_path / "shapes/square.py").write_text("SIDES = 5\n")
    with pytest.raises(UsageError, match=r"shapes/square\.py"):
        write_project(files, tmp_path)
    assert (tmp_path / "shapes/square.py").exists()


def test_a_foreign_file_in_the_way_is_not_overwritten(
    leaving: Pipeline, files: tuple[ProjectFile, ...], tmp_path: Path
) -> None:
    write_project(files, tmp_path)
    (tmp_path / "shapes.py").write_text("mine")
    with pytest.raises(UsageError, match=r"shapes\.py"):
        write_project(render_project(leaving, local_sources={"shapes.py": b"theirs"}), tmp_path)
    assert (tmp_path / "shapes.py").read_text() == "mine"


def test_a_deleted_file_comes_back(files: tuple[ProjectFile, ...], tmp_path: Path) -> None:
    write_project(files, tmp_path)
    (tmp_path / "service.py").unlink()
    assert load_project(tmp_path).edited == ("service.py",)
    result = write_project(files, tmp_path)
    assert [str(path) for path in result.written] == ["service.py"]


def test_a_folder_that_holds_something_else_is_refused(
    files: tuple[ProjectFile, ...], tmp_path: Path
) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(UsageError, match=r"thesis\.docx"):
        write_project(files, tmp_path)
    assert snapshot(tmp_path) == {"thesis.docx": b"years of work"}


def test_a_file_in_place_of_the_folder_is_refused(
    files: tuple[ProjectFile, ...], tmp_path: Path
) -> None:
    (tmp_path / "project").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        write_project(files, tmp_path / "project")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere; the next test covers it")
def test_a_read_only_folder_is_a_clear_error(
    files: tuple[ProjectFile, ...], tmp_path: Path
) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(SystemFailedError, match="cannot write into"):
            write_project(files, tmp_path / "project")
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_a_disk_that_cannot_be_written_is_a_clear_error(files: tuple[ProjectFile, ...]) -> None:
    """/proc refuses new files to root too."""
    if not Path("/proc/self").is_dir():
        pytest.skip("no /proc on this system")
    with pytest.raises(SystemFailedError, match="cannot write into /proc") as caught:
        write_project(files, Path("/proc/project"))
    assert caught.value.fix


def test_a_damaged_manifest_is_named(files: tuple[ProjectFile, ...], tmp_path: Path) -> None:
    write_project(files, tmp_path)
    for content in ("{", "[]", '{"schema_version": 1}', "\xff"):
        (tmp_path / "nbprod.json").write_text(content, encoding="latin-1")
        with pytest.raises(UsageError, match=r"nbprod\.json is damaged"):
            write_project(files, tmp_path)
        with pytest.raises(UsageError, match=r"nbprod\.json is damaged"):
            load_project(tmp_path)


def test_a_manifest_cannot_reach_outside(files: tuple[ProjectFile, ...], tmp_path: Path) -> None:
    """Whoever sends a project must not be able to have other files deleted."""
    write_project(files, tmp_path / "project")
    victim = tmp_path / "victim.txt"
    victim.write_text("")
    manifest = tmp_path / "project" / "nbprod.json"
    document = json.loads(manifest.read_text())
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    document["files"] |= {"../victim.txt": empty, str(victim): empty}
    manifest.write_text(json.dumps(document))
    write_project(files, tmp_path / "project", force=True)
    assert victim.exists()


def test_the_place_of_a_notebook_elsewhere_is_noted_outside_of_the_generated_bytes(
    files: tuple[ProjectFile, ...], tmp_path: Path
) -> None:
    notebook = tmp_path / "far" / "leaving.ipynb"
    notebook.parent.mkdir()
    notebook.write_text("{}")
    project = tmp_path / "elsewhere" / "project"
    write_project(files, project, notebook=notebook)
    assert json.loads((project / ".nbprod/source.json").read_text()) == {"notebook": str(notebook)}
    assert (project / ".nbprod/.gitignore").read_text() == "*\n"
    assert load_project(project).source_notebook() == notebook
    assert write_project(files, project, notebook=notebook).written == ()

    beside = tmp_path / "elsewhere" / "leaving.ipynb"
    beside.write_text("{}")
    write_project(files, project, notebook=beside)
    assert not (project / ".nbprod/source.json").exists()
    assert load_project(project).source_notebook() == beside


def test_loading_gives_the_pipeline_back(
    leaving: Pipeline, files: tuple[ProjectFile, ...], tmp_path: Path
) -> None:
    write_project(files, tmp_path)
    project = load_project(tmp_path)
    assert project.pipeline == leaving
    assert project.package == "leaving"
    assert project.edited == ()
    with pytest.raises(UsageError, match=r"leaving\.ipynb .* was not found"):
        project.source_notebook()


def test_loading_something_else_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no nbprod\.json"):
        load_project(tmp_path)
    with pytest.raises(UsageError, match="is not a folder"):
        load_project(tmp_path / "nothing")


def test_loading_a_project_without_its_steps_is_a_clear_error(
    files: tuple[ProjectFile, ...], tmp_path: Path
) -> None:
    write_project(files, tmp_path)
    (tmp_path / "leaving/steps.py").unlink()
    with pytest.raises(UsageError, match=r"lacks leaving/steps\.py"):
        load_project(tmp_path)


def test_paths_are_relative(files: tuple[ProjectFile, ...]) -> None:
    assert all(isinstance(file.path, PurePosixPath) for file in files)
    assert not any(file.path.is_absolute() for file in files)
