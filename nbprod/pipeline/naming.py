"""Names of the generated package, shared by what writes it and what calls it."""

from __future__ import annotations

import builtins
import keyword
import sys
from collections.abc import Collection

from nbprod.pipeline.ir import Pipeline

# Modules of the project folder itself; a package of one of these names would hide it.
_OWN_MODULES = frozenset({"nbprod", "service", "tests"})


def function_name(step: str) -> str:
    """Return the name of a step's function: the step's, unless Python owns that name.

    Keywords and builtins get a trailing underscore, since a module-level ``filter``
    would silently replace Python's in every other step.
    """
    if keyword.iskeyword(step) or hasattr(builtins, step):
        return f"{step}_"
    return step


def package_name(pipeline: Pipeline, installed: Collection[str] = ()) -> str:
    """Return the name of the generated package: the pipeline's, unless it would hide a module.

    A package ``pandas`` made from ``pandas.ipynb`` would be imported in place of the
    library, so that such a name gets ``_pipeline`` appended.

    Args:
        pipeline: The pipeline to name.
        installed: Import names of the kernel's environment.
    """
    taken = set(sys.stdlib_module_names) | _OWN_MODULES | set(installed)
    taken.update(requirement.import_name for requirement in pipeline.requirements)
    taken.update(module.name.partition(".")[0] for module in pipeline.local_modules)
    taken.update(
        module.path.partition("/")[0].removesuffix(".py") for module in pipeline.local_modules
    )
    name = pipeline.name
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in taken:
        name += "_pipeline"
    while name in taken:
        name += "_"
    return name
