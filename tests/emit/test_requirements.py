"""requirements.txt locks what the code imports and, where it is known, what that needs."""

from __future__ import annotations

from dataclasses import replace

from nbprod.emit.configuration import requirements_text
from nbprod.emit.modules import Layout
from nbprod.pipeline.closure import closure
from nbprod.pipeline.environment import Environment
from nbprod.pipeline.ir import Pipeline

DECLARED = {
    "pandas": ("numpy>=1.26; python_version < '3.12'", "tzdata; sys_platform == 'win32'"),
    "numpy": (),
    "tzdata": (),
    "old-metadata": ("what is >this", "numpy"),
    "web": ("server[fast]>=1", "Type_Extras", "absent"),
    "server": ("h11", "loop; extra == 'fast'", "docs; extra == 'doc'", "web"),
    "loop": (),
    "h11": (),
    "docs": (),
    "type-extras": (),
}


def test_markers_extras_and_circles() -> None:
    markers = {"python_version": "3.11", "sys_platform": "linux"}
    assert closure(["Pandas"], DECLARED.get, markers) == {"pandas", "numpy"}
    newer = {"python_version": "3.12", "sys_platform": "win32"}
    assert closure(["pandas"], DECLARED.get, newer) == {"pandas", "tzdata"}
    assert closure(["web"], DECLARED.get) == {"web", "server", "loop", "h11", "type-extras"}
    assert closure(["old.metadata", "absent"], DECLARED.get) == {"old-metadata", "numpy"}


def test_what_the_direct_ones_need_follows_them_pinned(
    leaving: Pipeline, environment: Environment
) -> None:
    layout = Layout.of(leaving, "leaving")
    versions = {name: (name, "1.0") for name in DECLARED}
    versions["numpy"] = ("NumPy", "2.4.6")
    markers = {"python_version": "3.11", "sys_platform": "linux"}
    known = replace(environment, versions=versions, requires=DECLARED, markers=markers)
    direct = requirements_text(layout, environment).splitlines()
    assert "pandas==3.1.1" in direct
    assert requirements_text(layout, known).splitlines() == [
        *direct,
        "# What those need in turn, as it is installed there:",
        "NumPy==2.4.6",
    ]
