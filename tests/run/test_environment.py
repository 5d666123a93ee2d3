from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

import pytest

from nbprod.errors import UsageError
from nbprod.run.environment import (
    collect_environment,
    require_same_environment,
    same_environment,
)
from nbprod.run.signing import check_signature, sign


def test_distributions_by_import_name() -> None:
    found = collect_environment("python3")
    assert found.python == platform.python_version()
    assert found.distributions["sklearn"][0] == "scikit-learn"
    assert found.distributions["pandas"][0] == "pandas"
    assert found.distributions["dateutil"][0].lower() == "python-dateutil"
    assert same_environment("")


def test_a_kernel_elsewhere_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tmp_path / "kernels" / "other"
    spec.mkdir(parents=True)
    argv = ["/opt/other/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "o", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    assert not same_environment("other")
    with pytest.raises(UsageError, match="/opt/other/bin/python") as caught:
        require_same_environment("other")
    assert "-m pip install nbprod" in caught.value.fix
    with pytest.raises(UsageError, match="does not start"):
        collect_environment("other")


def test_a_missing_kernel_lists_the_installed_ones() -> None:
    with pytest.raises(UsageError, match=r"no kernel named 'julia'.*python3"):
        collect_environment("julia")


def test_signatures(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signature = sign(b"data")
    check_signature(b"data", signature, "it")
    key = own_home / "keys" / "artifacts.key"
    assert key.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="not written by nbprod"):
        check_signature(b"date", signature, "it")
    monkeypatch.setenv("NBPROD_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(UsageError):
        check_signature(b"data", signature, "it")
    assert sys.platform
