"""Has steps computed ahead of a run: chooses them, and waits for them."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from nbprod.events import LogEvent
from nbprod.run.ahead.choice import are_independent, side_by_side, worth_a_process
from nbprod.run.ahead.job import Answer, Job
from nbprod.run.cache.session import Session
from nbprod.run.capture import Capture
from nbprod.run.folder import RunFolder
from nbprod.run.meaning import library_variables


class Begun(Protocol):
    """A step that is computed somewhere."""

    @property
    def step(self) -> str:
        """Its name."""

    @property
    def began(self) -> float:
        """When it began, as ``time.monotonic()`` tells."""

    def answer(self) -> Answer | None:
        """Return how it went; ``None`` while it is computed."""

    def stop(self) -> None:
        """Let it be."""


class Place(Protocol):
    """Where steps are computed.

    Attributes:
        everything: Steps that run beside no other are computed here, too.
    """

    @property
    def everything(self) -> bool: ...  # noqa: D102 - see above

    def warm_up(self) -> None:
        """Get ready for steps that might come later in the run."""

    def open(self, session: Session, kernel: str) -> None:
        """Get ready for steps that come now."""

    def takes(self, peak: int, beside: Sequence[int]) -> bool:
        """Tell whether a step can begin now.

        Args:
            peak: How much memory it needs, in bytes.
            beside: How much those need that were begun here and did not end.
        """

    def start(self, job: Job, session: Session, peak: int) -> Begun:
        """Begin a step."""

    def close(self) -> None:
        """Leave nothing behind; called when no step is computed any more."""


@dataclass
class Crew:
    """Has steps computed ahead.

    Attributes:
        place: Where.
        kernel: Name of the kernel.
        before: Step -> all those that it waits for, in the notebook's order.
        sources: The notebook's cells by their numbers.
        peaks: Step -> memory that it needed in an earlier run, in bytes.
        seconds: Step -> how long it took; the longest begins first.
    """

    place: Place
    kernel: str
    before: Mapping[str, frozenset[str]]
    sources: Mapping[int, str]
    peaks: Mapping[str, int]
    seconds: Mapping[str, float]
    _tried: set[str] = field(default_factory=set)
    _given: set[str] = field(default_factory=set)
    _begun: list[Begun] = field(default_factory=list)

    def compute(self, session: Session) -> bool:
        """Have the session's current step computed ahead, with others, if that is worth it.

        Returns:
            Whether the cache has anything new.
        """
        chosen = self._choose(session)
        if session.current_step not in chosen:
            if are_independent(self.before, self._possible(session)):
                self.place.warm_up()
            return False
        self._tried |= chosen
        listed = ", ".join(sorted(chosen, key=list(self.before).index))
        session.capture.listener(LogEvent(f"Side by side: {listed}", "info"))
        assert session.capture.folder is not None
        try:
            self.place.open(session, self.kernel)
            return self._work(session, set(chosen))
        finally:
            for each in self._begun:
                each.stop()
            self._begun.clear()
            self.place.close()
            shutil.rmtree(session.capture.folder.ahead, ignore_errors=True)

    def _choose(self, session: Session) -> frozenset[str]:
        """Return the steps to compute, for which the cache has, or will have, what they need."""
        possible = self._possible(session)
        found: set[str] = set()
        for name, before in self.before.items():
            if name in possible and before <= found | session.kept.keys():
                found.add(name)
        return frozenset(found) if self.place.everything else side_by_side(self.before, found)

    def _possible(self, session: Session) -> frozenset[str]:
        """Return the steps that may be computed ahead, now or later."""
        names = session.repeatable() - self._tried
        if self.place.everything:
            return names
        # Of which nobody knows how much memory it needs runs when nothing else does.
        worth = worth_a_process(self.before, self.seconds)
        return frozenset(name for name in names & worth if self.peaks.get(name))

    def close(self, capture: Capture) -> None:
        """Leave nothing behind at the run's end, and say which work was in vain."""
        self.place.close()
        for name in self.before:
            progress = capture.steps.get(name)
            if name not in self._given or progress is None or progress.cached:
                continue
            if not progress.ahead:
                text = (
                    f"{name}: what was computed ahead was not taken, since its variables, options "
                    "or environment were others there."
                )
                capture.listener(LogEvent(text, "warning"))

    def _work(self, session: Session, waiting: set[str]) -> bool:
        notebook = _without_outputs(session.notebook)
        done: set[str] = set()
        failed: set[str] = set()
        while (waiting or self._begun) and time.monotonic() < session.capture.deadline:
            waiting -= {name for name in waiting if self.before[name] & failed}
            busy = waiting | {each.step for each in self._begun}
            ready = [name for name in waiting if not self.before[name] & busy]
            for name in sorted(ready, key=lambda name: -self.seconds.get(name, 0.0)):
                peak = self.peaks.get(name, 0)
                beside = [self.peaks.get(each.step, 0) for each in self._begun]
                if self.place.takes(peak, beside):
                    waiting.discard(name)
                    job = self._job(session, name, notebook)
                    self._begun.append(self.place.start(job, session, peak))
            if not self._begun:
                break  # there is no place with so much memory
            for each, answer in [(each, each.answer()) for each in self._begun]:
                if answer is not None:
                    self._begun.remove(each)
                    (done if answer.kept else failed).add(each.step)
                    self._tell(session, each, answer)
            session.capture.side_by_side = tuple(each.step for each in self._begun)
            time.sleep(0.02)
        session.capture.side_by_side = ()
        self._given |= done
        return bool(done)

    def _job(self, session: Session, step: str, notebook: str) -> Job:
        capture = session.capture
        assert capture.folder is not None
        assert capture.working_directory is not None
        return Job(
            step=step,
            before=self.before[step],
            notebook=notebook,
            kernel=self.kernel,
            plan=capture.plan,
            sources=dict(self.sources),
            folder=RunFolder(capture.folder.ahead / step, capture.folder.run_id),
            working_directory=capture.working_directory,
            around=session.around,
            beside=capture.working_directory,
            cell_timeout=capture.cell_timeout,
            hash_seed=capture.hash_seed,
            modules=frozenset(capture.modules),
            variables=library_variables(),
        )

    def _tell(self, session: Session, begun: Begun, answer: Answer) -> None:
        text = f"{begun.step}: computed ahead, {time.monotonic() - begun.began:.1f} s"
        if not answer.kept:
            text = f"{begun.step}: runs in its turn, since {answer.reason}"
        session.capture.listener(LogEvent(text, "info"))


def _without_outputs(notebook: Any) -> str:  # noqa: ANN401
    """Return a notebook as JSON, without what its cells showed."""
    nothing: dict[str, object] = {"outputs": [], "execution_count": None}
    cells = [
        {**cell, **nothing} if cell["cell_type"] == "code" else cell for cell in notebook["cells"]
    ]
    return json.dumps({**notebook, "cells": cells})
