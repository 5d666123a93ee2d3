"""All hazards, family by family."""

from __future__ import annotations

from tests.hazards.families import (
    alias,
    asked,
    beyond,
    classes,
    data,
    functions,
    kept,
    kernels,
    leaving_out,
    library_objects,
    mutation,
    state,
    syntax,
)
from tests.hazards.hazard import Hazard

FAMILIES: dict[str, tuple[Hazard, ...]] = {
    "mutation and rebinding": mutation.HAZARDS,
    "aliases, views, identity": alias.HAZARDS,
    "functions and closures": functions.HAZARDS,
    "classes": classes.HAZARDS,
    "state and files": state.HAZARDS,
    "syntax, magics and tags": syntax.HAZARDS,
    "frames, arrays, models, figures": data.HAZARDS,
    "left out and moved": leaving_out.HAZARDS,
    "between kernels": kernels.HAZARDS,
    "kept by modules and libraries": kept.HAZARDS,
    "objects of libraries": library_objects.HAZARDS,
    "asked, and registered": asked.HAZARDS,
    "beyond": beyond.HAZARDS,
}
HAZARDS: tuple[Hazard, ...] = tuple(each for family in FAMILIES.values() for each in family)
