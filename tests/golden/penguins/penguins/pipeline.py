"""The order of the steps of penguins.ipynb, and what flows between them."""

from dataclasses import dataclass
from typing import Any

from penguins import steps
from penguins.parameters import Parameters


@dataclass(frozen=True)
class Results:
    """What the pipeline gives: its models and metrics."""

    classifier: Any


def run(parameters: Parameters | None = None) -> Results:
    """Run all steps, in the notebook's order.

    Args:
        parameters: What differs from the notebook; its own values if omitted.
    """
    parameters = parameters or Parameters()
    MEASURES, TRAITS = steps.prepare()
    penguins = steps.load_data(data=parameters.data, seed=parameters.seed)
    steps.explore(penguins)
    birds_train, birds_test, species_train, species_test = steps.training_set_test_set(
        penguins, MEASURES, TRAITS, seed=parameters.seed
    )
    candidates = steps.two_candidates(
        MEASURES,
        TRAITS,
        birds_train,
        species_train,
        folds=parameters.folds,
        C=parameters.C,
        seed=parameters.seed,
    )
    classifier, guessed = steps.choice(candidates, birds_train, species_train, birds_test)
    steps.birds_never_seen(species_test, guessed, classifier, birds_test)
    return Results(classifier=classifier)
