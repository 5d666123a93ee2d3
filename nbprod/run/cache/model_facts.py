"""What runs learned of models, for later runs in which the models are the same."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nbprod.run.atomic_write import write_atomically
from nbprod.run.cache.store import link
from nbprod.run.record import ModelRecord
from nbprod.run.signing import read_sealed, seal

_RECORD = "record.json"


@dataclass(frozen=True, slots=True)
class ModelFact:
    """What is known of a model.

    Attributes:
        model: Its record; the files that it names lie beside.
        digests: It and what else that depends on, each with the digest of the file that
            held it.
    """

    model: ModelRecord
    digests: dict[str, str]


def write_model_facts(
    facts: Path, models: Iterable[ModelRecord], folder: Path, digests: Mapping[str, str]
) -> None:
    """Keep the facts of models.

    Args:
        facts: Where they are kept.
        models: The models.
        folder: The run's folder of model facts.
        digests: Saved variables, each with the digest of the file that holds it.

    Raises:
        OSError: They cannot be written.
    """
    for record in models:
        names = (record.variable, *record.aliases, *record.chain)
        if not all(name in digests for name in names):
            continue
        place = facts / _name(digests[record.variable], record.variable)
        fact = ModelFact(record, {name: digests[name] for name in names})
        if place.exists():
            if read_sealed(place / _RECORD, ModelFact) == fact:
                continue
            shutil.rmtree(place)
        place.mkdir(mode=0o700)
        if record.folder:
            for path in (folder / record.folder).glob("*.json"):
                link(path, place / path.name)
        write_atomically(place / _RECORD, seal(fact))


def known_facts(
    facts: Path, digests: Mapping[str, str], *, everything: bool
) -> list[tuple[ModelRecord, Path]]:
    """Return what is known of models that are the same.

    Args:
        facts: Where facts are kept.
        digests: As for :func:`write_model_facts`, as the variables are now.
        everything: All variables are as in an earlier run. Else a transformer that no variable
            held may be held by one now, so that the model has to be asked again.
    """
    found = []
    for name, digest in digests.items():
        place = facts / _name(digest, name)
        fact = read_sealed(place / _RECORD, ModelFact)
        if fact is None or any(digests.get(n) != d for n, d in fact.digests.items()):
            continue
        if everything or not fact.model.chain_note:
            found.append((fact.model, place))
    return found


def _name(digest: str, variable: str) -> str:
    return hashlib.sha256(f"{digest}:{variable}".encode()).hexdigest()[:32]
