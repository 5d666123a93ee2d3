"""What the notebook's estimators have seen, and what is to be said of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from nbprod.analysis.lint.known_learning import known
from nbprod.analysis.lint.rows import Facts, Place


@dataclass(slots=True)
class Estimator:
    """One estimator, made at one place of the code.

    Attributes:
        name: Its class, or the function that makes it, without its module.
        random: Where it was made without a seed, if it draws.
        rows: Row sets that it was fitted on.
        fits: The row sets of each time that it was fitted.
        leaks: Where it was fitted on rows that are not split yet.
        supervised: It was fitted on a target too.
    """

    name: str
    random: frozenset[Place] = frozenset()
    rows: set[str] = field(default_factory=set)
    fits: list[frozenset[str]] = field(default_factory=list)
    leaks: set[tuple[str, Place]] = field(default_factory=set)
    supervised: bool = False


@dataclass(slots=True)
class Learned:
    """All estimators, and what was found.

    Attributes:
        estimators: By number.
        divided: Row sets that a split made, with those that it divided.
        found: Rule, place and a word about it, in the order in which it was found.
        judged: Where a model was judged by rows that it had seen.
        trains: A model was fitted.
        unseen: A model was given rows that it had not seen, or held rows back itself.
    """

    estimators: dict[int, Estimator] = field(default_factory=dict)
    divided: dict[str, frozenset[str]] = field(default_factory=dict)
    found: dict[tuple[str, Place, str], None] = field(default_factory=dict)
    judged: list[Place] = field(default_factory=list)
    trains: bool = False
    unseen: bool = False

    def of(self, value: Facts) -> list[Estimator]:
        """Return the estimators that ``value`` is or holds."""
        return [self.estimators[number] for number in sorted(value.estimators)]

    def names(self, value: Facts) -> frozenset[str]:
        """Return the classes of these."""
        return frozenset(each.name for each in self.of(value))

    def note(self, rule: str, place: Place, text: str = "") -> None:
        """Note a finding, once."""
        self.found[rule, place, text] = None

    def is_model(self, value: Facts, *, supervised: bool) -> bool:
        """Whether fitting ``value`` trains a model, not a transformer."""
        names = self.names(value) - {"Pipeline", "make_pipeline", "ColumnTransformer", "clone"}
        if not names:
            return supervised
        return not names <= known("learning", "transformers") | known("learning", "splitters")

    def fit(self, value: Facts, given: list[Facts], place: Place, text: str) -> None:
        """``value`` is fitted on ``given``: the features, and maybe the target.

        Args:
            value: The estimator.
            given: Its arguments.
            place: Where.
            text: The first argument as written.
        """
        features = given[0] if given else Facts()
        names = self.names(value)
        learners = sorted(names & known("learning", "learners"))
        validates = names & known("learning", "validating")
        if features.held_back and "test" in text.lower() and not validates:
            self.note("fit-on-test-data", place, text)
        if learners and features.presplit and "train" not in text.lower():
            for each in self.of(value):
                each.leaks.add(("fit-before-split", place))
        if self.is_model(value, supervised=len(given) > 1):
            self._train(value, given, names, place)
        for each in self.of(value):
            each.rows |= features.rows
            each.fits.append(features.rows)
            each.supervised |= len(given) > 1
        if any(name.endswith("CV") for name in names):
            self.unseen = True  # it holds rows back itself

    def _train(self, value: Facts, given: list[Facts], names: frozenset[str], place: Place) -> None:
        self.trains = True
        for argument in given:
            if argument.training:
                self.leaking(argument)
            for place in argument.random:
                self.note("unseeded-randomness", place)
        for each in self.of(value):
            for place in each.random:
                self.note("unseeded-randomness", place)
        if len(given) > 1 and not names & known("learning", "choosing"):
            self.target(given[0], given[1], place)

    def leaking(self, value: Facts) -> None:
        """A model is trained on, or judged by, what leaked into ``value``."""
        for rule, place in sorted(value.leaks):
            self.note(rule, place)

    def target(self, features: Facts, target: Facts, place: Place) -> None:
        """Note it if ``target`` stands among ``features``, which a model is fitted on."""
        have, wanted = features.columns, target.columns
        if have is not None and wanted is not None and have.has(wanted):
            (name,) = wanted.only or ("",)
            self.note("target-in-features", place, name)

    def seen(self, model: Facts, rows: Facts, text: str) -> str:
        """Tell whether ``model`` was fitted on all of ``rows``: ``seen`` or ``other``."""
        estimators = [each for each in self.of(model) if each.supervised]
        fitted = set().union(*(each.rows for each in estimators))
        held = any(word in text.lower() for word in ("test", "val", "hold", "dev", "new"))
        all_seen = bool(rows.rows) and all(
            any(each == one or each.startswith(f"{one}/") for one in fitted) for each in rows.rows
        )
        divided = bool(rows.rows) and all(self._held_out_in_vain(estimators, r) for r in rows.rows)
        return "seen" if divided or (all_seen and not held) else "other"

    def _held_out_in_vain(self, estimators: list[Estimator], rows: str) -> bool:
        """Whether all that was ever fitted was fitted on the rows of which ``rows`` were split."""
        fits = [fitted for each in estimators for fitted in each.fits]
        return bool(fits) and all(self._is_part(rows, fitted) for fitted in fits)

    def _is_part(self, rows: str, whole: frozenset[str]) -> bool:
        """Whether ``rows`` certainly came out of a split of ``whole``."""
        before = self.divided.get(rows, frozenset())
        return bool(before) and (
            before == whole or all(self._is_part(each, whole) for each in before)
        )
