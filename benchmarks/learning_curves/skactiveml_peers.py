"""scikit-activeml's own strategies (BSD-3), called as its documentation does: defaults, and scikit-learn's classifier."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from benchmarks.learning_curves.question import START, Question
from mlcore.simulate import Point

# Those that begin without a label do so; the others begin with random images.
WITHOUT_LABELS = ("typiclust", "maxherding", "probcover")
NAMES = ("margin", "badge", "coreset", "dropquery", "falcun", *WITHOUT_LABELS)
# Tried with the regularisation of our own head too, as somebody might who tunes it.
TUNED_NAMES, TUNED = ("margin", "badge", "maxherding"), 100.0


def run(name: str, question: Question, points: Sequence[int], *, inverse_strength: float = 1.0) -> Iterator[Point]:
    """Replay one of NAMES; the classifier is LogisticRegression(), its C the default, on pooled features of length 1."""
    from skactiveml.classifier import SklearnClassifier

    pool, tests, trial = question.pool, question.tests, question.trial
    classifier = SklearnClassifier(
        LogisticRegression(C=inverse_strength), classes=range(trial.n_classes), random_state=trial.seed
    )
    strategy = _strategy(name, trial.n_classes, trial.seed)
    answers = np.full(len(pool), np.nan)
    for number, goal in enumerate((0, *points)):
        started = time.process_time()
        if goal:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                classifier.fit(pool, answers)
        if number < len(points):
            asked = _ask(name, strategy, question, pool, answers, classifier, points[number] - goal)
        spent = time.process_time() - started
        if goal:
            yield Point(goal, np.asarray(classifier.predict(tests), np.int64), spent)
        answers[asked] = trial.answers[asked]


def _ask(name: str, strategy: Any, question: Question, pool: Any, answers: Any, classifier: Any, k: int) -> Any:
    if np.isnan(answers).all() and name not in WITHOUT_LABELS:
        return question.random_order()[: max(k, START)]
    model = {} if name in (*WITHOUT_LABELS, "coreset") else {"clf": classifier, "fit_clf": False}
    with warnings.catch_warnings():
        # ProbCover says when none of its radii fits, and then goes on with the smallest.
        warnings.simplefilter("ignore", UserWarning)
        return strategy.query(X=pool, y=answers, batch_size=k, **model)


def _strategy(name: str, n_classes: int, seed: int) -> Any:
    from skactiveml import pool

    if name == "margin":
        return pool.UncertaintySampling(method="margin_sampling", random_state=seed)
    if name == "probcover":
        return pool.ProbCover(n_classes=n_classes, random_state=seed)
    kinds = {
        "badge": pool.Badge, "coreset": pool.CoreSet, "dropquery": pool.DropQuery, "falcun": pool.Falcun,
        "typiclust": pool.TypiClust, "maxherding": pool.MaxHerding,
    }
    return kinds[name](random_state=seed)
