"""Which step a process is wanted for that computes one ahead of the run."""

from __future__ import annotations

from dataclasses import dataclass, field


class NotThereError(Exception):
    """The cache does not have what a step needs."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The only step that a process computes.

    Attributes:
        step: The step.
        before: Steps that it waits for; the cache has what they gave.
    """

    step: str
    before: frozenset[str] = field(default_factory=frozenset)

    def passes_over(self, step: str) -> bool:
        """Tell whether a step, which is not in the cache, is none of its concern.

        Raises:
            NotThereError: It waits for that step.
        """
        if step in self.before:
            raise NotThereError(f"what step {step} gave cannot be taken there")
        return bool(step) and step != self.step
