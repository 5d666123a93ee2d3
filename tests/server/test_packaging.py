"""What a wheel, an sdist and an editable install bring of the lab extension."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import nbprod

ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "extension"


def test_the_extension_has_the_package_s_version():
    package = json.loads((EXTENSION / "package.json").read_text())
    assert package["version"] == nbprod.__version__


def test_the_lock_file_names_no_registry():
    lock = (EXTENSION / "yarn.lock").read_text()
    assert len(lock) > 10_000
    assert "__archiveUrl" not in lock
    assert not re.search(r"https?(:|%3A)", lock)
    settings = (EXTENSION / ".yarnrc.yml").read_text()
    assert "npmRegistryServer" not in settings


@pytest.fixture
def bundle():
    spec = importlib.util.spec_from_file_location("bundle", EXTENSION / "bundle.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path, monkeypatch, bundle):
    """A checkout in miniature, whose builds are only counted."""
    (tmp_path / "nbprod").mkdir()
    source = tmp_path / "extension" / "src" / "index.ts"
    source.parent.mkdir(parents=True)
    for name in ("package.json", "yarn.lock", "tsconfig.json"):
        (tmp_path / "extension" / name).write_text("{}")
    source.write_text("1")
    builds = []

    def build(extension):
        builds.append(extension)
        made = tmp_path / "nbprod" / "labextension" / "package.json"
        made.parent.mkdir(exist_ok=True)
        made.write_text("{}")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bundle, "_run_build", build)
    return tmp_path, builds


def test_the_bundle_is_built_when_missing_or_older_than_its_sources(bundle, checkout):
    root, builds = checkout
    bundle.build_bundle("wheel", "editable")
    bundle.build_bundle("wheel", "standard")
    assert len(builds) == 1

    source = root / "extension" / "src" / "index.ts"
    later = (root / "nbprod/labextension/package.json").stat().st_mtime + 5
    os.utime(source, (later, later))
    bundle.build_bundle("wheel", "standard")
    assert len(builds) == 2


def test_an_unpacked_sdist_never_builds(bundle, checkout):
    root, builds = checkout
    bundle.build_bundle("sdist", "standard")
    (root / "PKG-INFO").write_text("Name: nbprod")
    os.utime(root / "nbprod/labextension/package.json", (1, 1))
    bundle.build_bundle("wheel", "standard")
    assert len(builds) == 1


def test_an_editable_install_without_the_button_is_possible_but_a_wheel_is_not(
    bundle, checkout, monkeypatch
):
    root, builds = checkout
    monkeypatch.setenv("NBPROD_SKIP_LABEXTENSION", "1")
    bundle.build_bundle("wheel", "editable")
    assert builds == []
    assert (root / "nbprod/labextension").is_dir()
    bundle.build_bundle("wheel", "standard")
    assert len(builds) == 1


def test_without_node_the_message_names_the_ways_out(tmp_path, bundle, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(bundle.BundleError, match=r"Node\.js.*wheel.*NBPROD_SKIP_LABEXTENSION"):
        bundle._run_build(EXTENSION)


@pytest.mark.slow
def test_an_sdist_installs_without_node_and_jupyter_sees_both_extensions(tmp_path):
    run(sys.executable, "-m", "build", "--sdist", "--outdir", tmp_path, ROOT)
    (sdist,) = tmp_path.glob("nbprod-*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (tree,) = (path.parent for path in tmp_path.glob("nbprod-*/PKG-INFO"))
    node = tmp_path / "bin" / "node"
    node.parent.mkdir()
    node.write_text("#!/bin/sh\necho node was called >&2\nexit 99\n")
    node.chmod(0o755)
    path = f"{node.parent}{os.pathsep}{os.environ['PATH']}"

    run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, tree, PATH=path)

    (wheel,) = tmp_path.glob("nbprod-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    shared = f"nbprod-{nbprod.__version__}.data/data/"
    assert f"{shared}share/jupyter/labextensions/nbprod/package.json" in names
    assert f"{shared}share/jupyter/labextensions/nbprod/install.json" in names
    assert f"{shared}etc/jupyter/jupyter_server_config.d/nbprod.json" in names
    assert not [name for name in names if name.startswith("nbprod/labextension/")]
    assert not [name for name in names if name.endswith("build_log.json")]

    python = environment_with(wheel, tmp_path / "venv")
    isolated = {name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")}
    lab = run(python, "-m", "jupyterlab.labextensions", "list", **isolated)
    assert re.search(rf"nbprod v{re.escape(nbprod.__version__)}.*enabled.*OK", lab), lab
    server = run(python, "-m", "jupyter_server.extension.serverextension", "list", **isolated)
    assert re.search(r"nbprod\.server.*enabled", server), server
    assert re.search(rf"nbprod\.server {re.escape(nbprod.__version__)}.*OK", server), server


def environment_with(wheel, folder):
    """A new environment with the wheel; only its dependencies are seen where we have them."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    # A path in a .pth file is only a path: the .pth files there, ours among them, stay unread.
    Path(site, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    found = run(python, "-c", "import nbprod.server; print(nbprod.server.__file__)").strip()
    assert found.startswith(str(folder))
    return python


def run(*arguments, **environment):
    ended = subprocess.run(
        [str(argument) for argument in arguments],
        env={**os.environ, **environment},
        cwd=ROOT / "tests",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=500,
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
    return ended.stdout
