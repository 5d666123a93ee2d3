"""Building a Bento, and what is left when it fails."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from dataclasses import replace

import pytest

from nbprod.bento.build import build_bento
from nbprod.bento.build_folder import VENDORED, fill_build_folder
from nbprod.bento.requirements import image_requirements
from nbprod.bento.store import delete_bento, find_bento, list_bentos
from nbprod.errors import InterruptedRunError, SystemFailedError, UsageError
from tests.model_projects import write_project

slow = pytest.mark.slow


def test_requirements_are_pinned_and_free_of_jupyter():
    lines = image_requirements(("Rich==1.2.3", "jupyterlab==4.0", "ipython==9.0", "# x", ""))
    assert "rich==1.2.3" in lines
    assert f"bentoml=={importlib.metadata.version('bentoml')}" in lines
    assert all("==" in line for line in lines)
    assert not any("jupyter" in line or "ipython" in line for line in lines)


def test_what_the_requirements_need_in_turn_is_pinned_too():
    lines = image_requirements(())
    for name in ("scipy", "joblib", "python-dateutil", "uvicorn"):
        assert f"{name}=={importlib.metadata.version(name)}" in lines
    assert list(lines) == sorted(lines, key=lambda line: line.split("==")[0])
    assert not any("jupyter" in line or "pytest" in line for line in lines)


def test_another_version_than_ours_is_told():
    with pytest.raises(UsageError, match=r"fitted with scikit-learn 0\.1"):
        image_requirements(("scikit_learn==0.1",))


def test_a_requirement_without_a_version_is_told():
    with pytest.raises(UsageError, match="'rich>=1' is not of the form"):
        image_requirements(("rich>=1",))


def test_tests_runs_and_links_to_elsewhere_are_not_packed(tmp_path):
    project = write_project(tmp_path, "demo")
    (tmp_path / "outside.txt").write_text("secret")
    (project / "link.txt").symlink_to(tmp_path / "outside.txt")
    (project / ".env").write_text("KEY=1")
    (project / "demo" / "__pycache__").mkdir()
    fill_build_folder(project, tmp_path / "src")
    packed = {str(path.relative_to(tmp_path / "src")) for path in (tmp_path / "src").rglob("*")}
    assert {"service.py", "demo/definitions.py", "nbprod/serving/docs.html"} <= packed
    for absent in ("tests", ".nbprod", "link.txt", ".env", "demo/__pycache__", "nbprod/run"):
        assert absent not in packed


def test_only_code_and_generated_files_are_packed(tmp_path):
    project = write_project(tmp_path, "demo").resolve()
    for path in (
        "credentials.json", "data/customers.csv", "demo/customers.csv", "my-script.py", "notes.txt",
        ".hidden/module.py", "tests/helpers.py", "env/pyvenv.cfg", "env/lib/module.py",
        "build/lib/demo.py", "demo/.ipynb_checkpoints/steps.py", "extra.py", "mylib/clean.py",
        "mylib/deep/more.py", "demo/tests/kept.py", "demo/build/kept.py", "README.md",
        "requirements.txt", "pipeline.ipynb",
    ):  # fmt: skip
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text("")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.py").write_text("")
    (project / "theirs").symlink_to(tmp_path / "outside")
    (project / "linked.py").symlink_to(tmp_path / "outside" / "secret.py")
    (project / "disguised.py").symlink_to(project / "credentials.json")
    (project / "mylib" / "loop").symlink_to(project / "mylib")
    (project / "mylib" / "whole").symlink_to(project)
    listed = ["README.md", "requirements.txt", "pipeline.ipynb", "tests/helpers.py", "gone.py"]
    listed += ["../outside/secret.py", str(tmp_path / "outside" / "secret.py")]
    manifest = {"schema_version": 1, "package": "demo", "pipeline": {}}
    text = json.dumps({**manifest, "files": dict.fromkeys(listed, "0")})
    (project / "nbprod.json").write_text(text)
    before = {"service.py", *(f"demo/{path.name}" for path in project.glob("demo/*.py"))}
    fill_build_folder(project, tmp_path / "src")
    packed = {
        path.relative_to(tmp_path / "src").as_posix()
        for path in (tmp_path / "src").rglob("*")
        if path.is_file() and not path.relative_to(tmp_path / "src").parts[0].startswith("nbprod")
    }
    assert packed == before | {
        "README.md", "requirements.txt", "extra.py", "mylib/clean.py", "mylib/deep/more.py",
        "demo/tests/kept.py", "demo/build/kept.py",
    }  # fmt: skip
    assert (tmp_path / "src" / "nbprod.json").is_file()


def test_a_folder_without_service_py_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"has no service\.py"):
        fill_build_folder(tmp_path, tmp_path / "src")


def test_the_vendored_part_needs_no_other_part_of_nbprod_and_no_jupyter(tmp_path):
    fill_build_folder(write_project(tmp_path, "demo"), tmp_path / "src")
    modules = [
        "nbprod." + str(path.relative_to(tmp_path / "src" / "nbprod").with_suffix(""))
        .replace("/", ".")
        for name in VENDORED
        for path in (
            (tmp_path / "src" / "nbprod" / name).rglob("*.py")
            if not name.endswith(".py")
            else [tmp_path / "src" / "nbprod" / name]
        )
        if path.name != "__init__.py"
    ]  # fmt: skip
    assert "nbprod.serving.app" in modules
    code = (
        f"import sys; sys.path.insert(0, '.')\nimport {', '.join(modules)}\n"
        "bad = [m for m in sys.modules if m.split('.')[0] in "
        "('IPython', 'jupyter_client', 'nbformat', 'papermill', 'nbconvert', 'jinja2')]\n"
        "assert not bad, bad\n"
        "import nbprod; assert nbprod.__file__.startswith(sys.argv[1]), nbprod.__file__\n"
        "from nbprod.monitor.plugins import find_plugins; assert len(find_plugins()) == 2\n"
    )
    source = str(tmp_path / "src")
    done = subprocess.run(
        [sys.executable, "-c", code, source], cwd=source, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("changes", [{"name": "Big"}, {"name": "a" * 64}, {"version": "a b"},
                                     {"name": "service"}])  # fmt: skip
@slow
def test_names_that_bentoml_cannot_take_are_refused(spec_of, bentoml_home, changes):
    with pytest.raises(UsageError, match="cannot be the"):
        build_bento(replace(spec_of("cancer"), **changes))


@slow
def test_a_version_is_built_once_listed_and_deleted(spec_of, bentoml_home):
    spec = spec_of("cancer", "v1")
    built = build_bento(spec)
    assert built.tag == "cancer:v1"
    with pytest.raises(UsageError, match="has cancer:v1 already"):
        build_bento(spec)
    assert build_bento(spec, replace=True) == built
    build_bento(spec_of("cancer", "v2"))
    assert [bento.version for bento in list_bentos("cancer")] == ["v2", "v1"]
    found = find_bento("cancer:v1")
    assert found.labels["source_digest"] == "d" * 64
    assert find_bento("cancer").version == "v2"
    for path in built.path.rglob("*"):
        if path.is_file() and path.suffix in (".yaml", ".txt", ".in", ".json", ".md"):
            assert str(spec.project.parent) not in path.read_text(), path
    requirements = (built.path / "env/python/requirements.txt").read_text()
    assert "scikit-learn==" in requirements
    assert "index-url" not in requirements
    delete_bento("cancer:v1")
    delete_bento("cancer:v2")
    with pytest.raises(UsageError, match="no Bento cancer:v1"):
        find_bento("cancer:v1")
    assert not (bentoml_home / "models" / "cancer" / "v1").exists()


def left_behind(home, name):
    return [path.name for path in home.glob(f"*/{name}/*") if path.is_dir()]


@slow
def test_a_build_that_fails_leaves_nothing(spec_of, bentoml_home, tmp_path):
    project = write_project(tmp_path, "broken")
    (project / "service.py").write_text("raise RuntimeError('edited by hand')\n")
    with pytest.raises(SystemFailedError, match="edited by hand"):
        build_bento(spec_of("cancer", name="broken", project=project))
    assert left_behind(bentoml_home, "broken") == []


@slow
def test_a_build_that_is_interrupted_leaves_nothing(spec_of, bentoml_home, tmp_path, monkeypatch):
    project = write_project(tmp_path, "halted")
    marker = tmp_path / "importing"
    (project / "service.py").write_text(
        f"import pathlib, time\npathlib.Path({str(marker)!r}).touch()\ntime.sleep(60)\n"
    )
    import nbprod.bento.build as module

    class Interrupted(subprocess.Popen):
        def communicate(self, *arguments, **options):
            import time

            while not marker.exists():
                time.sleep(0.05)
            raise KeyboardInterrupt

    monkeypatch.setattr(module.subprocess, "Popen", Interrupted)
    with pytest.raises(InterruptedRunError, match="nothing of it is left"):
        build_bento(spec_of("cancer", name="halted", project=project))
    assert left_behind(bentoml_home, "halted") == []


@slow
def test_a_package_that_was_changed_is_not_built(spec_of, bentoml_home, tmp_path):
    import shutil

    spec = spec_of("cancer", "v9")
    shutil.copytree(spec.model_package, tmp_path / "package")
    (tmp_path / "package" / "contract.json").write_text("{}")
    with pytest.raises(SystemFailedError, match="its sha256 differs"):
        build_bento(replace(spec, model_package=tmp_path / "package"))
