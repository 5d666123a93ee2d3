"""What is installed where the notebook's kernel runs."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from nbprod.errors import SystemFailedError, UsageError
from nbprod.pipeline.closure import normalized
from nbprod.pipeline.environment import Environment

DEFAULT_KERNEL = "python3"

# Runs in the kernel's interpreter: the standard library of any Python from 3.8 on.
_ASK = """
import hashlib, json, os, platform, sys
import importlib.metadata as metadata
found, declared, records = {}, {}, {}
for distribution in metadata.distributions():
    name, version = distribution.metadata["Name"], distribution.version
    if not name:
        continue
    if version:
        declared.setdefault(name, (version, list(distribution.requires or ())))
        record = distribution.read_text("RECORD")
        if record and name not in records:
            records[name] = hashlib.sha256(record.encode()).hexdigest()
    tops = (distribution.read_text("top_level.txt") or "").split()
    if not tops:
        for file in distribution.files or ():
            part = file.parts[0]
            if len(file.parts) == 1:
                part = part[:-3] if part.endswith(".py") else part.split(".")[0] if part.endswith(
                    (".so", ".pyd")) else ""
            elif not str(file).endswith((".py", ".so", ".pyd", ".pyi")):
                part = ""
            if part.isidentifier():
                tops.append(part)
    for top in sorted(set(tops)):
        found.setdefault(top.split("/")[0], (name, version))
markers = {
    "implementation_name": sys.implementation.name,
    "implementation_version": ".".join(map(str, sys.implementation.version[:3])),
    "os_name": os.name,
    "platform_machine": platform.machine(),
    "platform_python_implementation": platform.python_implementation(),
    "platform_release": platform.release(),
    "platform_system": platform.system(),
    "platform_version": platform.version(),
    "python_full_version": platform.python_version(),
    "python_version": ".".join(platform.python_version_tuple()[:2]),
    "sys_platform": sys.platform,
}
python = ".".join(map(str, sys.version_info[:3]))
json.dump([sys.executable, python, found, declared, markers, records], sys.stdout)
"""


def kernel_interpreter(kernel_name: str) -> str:
    """Return the interpreter of a kernel, as its kernelspec starts it.

    Args:
        kernel_name: Name of an installed kernel; empty for the default one.

    Raises:
        UsageError: If there is no such kernel; it lists those that are there.
    """
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    manager = KernelSpecManager()
    name = kernel_name or DEFAULT_KERNEL
    try:
        spec = manager.get_kernel_spec(name)
    except NoSuchKernel:
        installed = ", ".join(sorted(manager.find_kernel_specs())) or "none"
        raise UsageError(
            f"There is no kernel named {name!r} here; installed are: {installed}.",
            fix="Choose one of them in JupyterLab and save the notebook, or install the kernel: "
            f"python -m ipykernel install --user --name {name}",
        ) from None
    command = spec.argv[0] if spec.argv else sys.executable
    # jupyter_client runs bare names of Python with its own interpreter.
    if command in {"python", f"python{sys.version_info[0]}"} | {
        f"python{sys.version_info[0]}.{sys.version_info[1]}"
    }:
        return sys.executable
    return str(command)


def same_environment(kernel_name: str) -> bool:
    """Tell whether the kernel runs in the interpreter and environment of this process.

    Raises:
        UsageError: If there is no such kernel.
    """
    return _is_ours(kernel_interpreter(kernel_name))


def require_same_environment(kernel_name: str) -> None:
    """Check that the model's packages are those that nbprod runs with.

    Raises:
        UsageError: If the kernel's interpreter is another one, with the fix.
    """
    interpreter = kernel_interpreter(kernel_name)
    if not _is_ours(interpreter):
        raise UsageError(
            f"The kernel {kernel_name or DEFAULT_KERNEL!r} runs with {interpreter}, but nbprod "
            f"with {sys.executable}: packaging a model needs the model's own packages.",
            fix=f"Install nbprod where the kernel runs: {interpreter} -m pip install nbprod",
        )


def collect_environment(kernel_name: str) -> Environment:
    """Collect what is installed for a kernel.

    Args:
        kernel_name: Name of an installed kernel; empty for the default one.

    Raises:
        UsageError: If there is no such kernel, or its interpreter does not start.
        SystemFailedError: If the interpreter gives no usable answer.
    """
    return _collect(kernel_interpreter(kernel_name), kernel_name or DEFAULT_KERNEL)


def _is_ours(interpreter: str) -> bool:
    # Not resolved: a virtual environment's python is a link to another one's.
    return Path(interpreter).absolute() == Path(sys.executable).absolute()


@lru_cache(maxsize=8)
def _collect(interpreter: str, kernel_name: str) -> Environment:
    try:
        done = subprocess.run(
            [interpreter, "-I", "-c", _ASK], capture_output=True, text=True, timeout=120, check=True
        )
        executable, python, found, declared, markers, records = json.loads(done.stdout)
    except OSError as error:
        raise UsageError(
            f"The interpreter of kernel {kernel_name!r} does not start: {interpreter} "
            f"({error.strerror}).",
            fix="Install the kernel again, or choose another one.",
        ) from error
    except (subprocess.SubprocessError, ValueError) as error:
        raise SystemFailedError(
            f"The interpreter {interpreter} of kernel {kernel_name!r} did not tell its packages.",
            fix="Try to start it by hand.",
        ) from error
    return Environment(
        interpreter=executable,
        python=python,
        distributions={name: (item[0], item[1]) for name, item in sorted(found.items())},
        versions={normalized(name): (name, item[0]) for name, item in sorted(declared.items())},
        requires={normalized(name): tuple(item[1]) for name, item in sorted(declared.items())},
        markers=markers,
        records={normalized(name): digest for name, digest in sorted(records.items())},
    )
