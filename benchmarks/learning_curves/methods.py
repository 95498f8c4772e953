"""Who chooses and who learns: our strategies, and the recipe that people write first."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks.learning_curves import baal_peer, skactiveml_peers
from benchmarks.learning_curves.question import Question
from mlcore.simulate import Point, replay
from mlcore.strategies import REGISTRY

# These go on after the others stop, until they are close to what all labels give: the aims compare them.
COMPARED = ("ours/auto", "ours/random", "naive")


@dataclass(frozen=True)
class Method:
    """A row of the tables: `run` replays a question and answers a Point at each of the numbers of labels.

    needs: a module that does not come with the application.
    """

    name: str
    run: Callable[[Question, Sequence[int]], Iterator[Point]]
    needs: str = ""

    @property
    def is_there(self) -> bool:
        """Whether it can run on this machine."""
        return not self.needs or importlib.util.find_spec(self.needs) is not None


def ours(strategy: str, question: Question, points: Sequence[int]) -> Iterator[Point]:
    """A strategy of the registry with the default head: what `annotator simulate` runs."""
    return replay(question.trial, points, strategy=strategy)


def naive(question: Question, points: Sequence[int]) -> Iterator[Point]:
    """Random images, scikit-learn's LogisticRegression as it comes, pooled features of length 1."""
    order, pool, tests = question.random_order(), question.pool, question.tests
    for labels in points:
        known = order[:labels]
        started = time.process_time()
        answers = question.trial.answers[known]
        if len(np.unique(answers)) < 2:  # it refuses a single class
            guess = np.full(len(tests), answers[0])
        else:
            guess = LogisticRegression().fit(pool[known], answers).predict(tests)
        yield Point(labels, np.asarray(guess, np.int64), time.process_time() - started)


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        *(Method(f"ours/{name}", partial(ours, name)) for name in REGISTRY),
        Method("naive", naive),
        *(
            Method(f"scikit-activeml/{name}", partial(skactiveml_peers.run, name), "skactiveml")
            for name in skactiveml_peers.NAMES
        ),
        *(
            Method(
                f"scikit-activeml/{name} C=100",
                partial(skactiveml_peers.run, name, inverse_strength=skactiveml_peers.TUNED),
                "skactiveml",
            )
            for name in skactiveml_peers.TUNED_NAMES
        ),
        Method("baal/bald", baal_peer.run, "baal"),
    )
}


def named(words: Sequence[str]) -> list[Method]:
    """Methods by name, or all of a family such as `ours`; without words, all that can run here. Raises ValueError."""
    if not words:
        return [method for method in METHODS.values() if method.is_there]
    found = []
    for word in words:
        fitting = [method for name, method in METHODS.items() if name == word or name.startswith(f"{word}/")]
        if not fitting:
            raise ValueError(f"There is no method {word!r}; choose from {', '.join(METHODS)}.")
        found += fitting
    return found
