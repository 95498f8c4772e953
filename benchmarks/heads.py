"""What a head costs: fitting, calibrating and scoring a pool, as a turn of the loop does it.

    python -m benchmarks.heads [--pool 100000] [--labels 50 200 500] [--repeats 7] [--json PATH]

Features are invented: overlapping clouds of unit vectors, 256 numbers each, 10 classes. As in use, a head that looks at
unlabelled images sees 10,000 of them. One thread; CPU seconds are the steady figure on a busy machine. The multi-label
head gets each class as a question of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numpy as np

from benchmarks.common import deliver, parser, spread
from benchmarks.ranking import CLASSES, clouds
from mlcore.heads import MULTI_LABEL, REGISTRY
from mlcore.heads.multilabel import NO, YES
from mlcore.loop import POOL_SAMPLE
from mlcore.threads import one_thread
from mlcore.types import Floats, Ints

T = TypeVar("T")


def main() -> None:
    """Every head at every number of labels."""
    made = parser(__doc__)
    made.add_argument("--pool", type=int, default=100_000)
    made.add_argument("--labels", type=int, nargs="+", default=[50, 200, 500])
    made.add_argument("--repeats", type=int, default=7)
    options = made.parse_args()
    features, truth = clouds(options.pool)
    with one_thread():
        rows = [
            measure(name, features, truth, labels=labels, repeats=options.repeats)
            for name in (*REGISTRY, *MULTI_LABEL)
            for labels in options.labels
        ]
    deliver({"pool": options.pool, "classes": CLASSES, "dim": features.shape[1], "rows": rows}, options.json)


def measure(name: str, features: Floats, truth: Ints, *, labels: int, repeats: int) -> dict[str, Any]:
    """CPU milliseconds of one head, each repeat with other labels and other folds."""
    rng = np.random.default_rng(0)
    turns = [one_turn(name, features, truth, rng.permutation(len(truth)), labels, seed) for seed in range(repeats)]
    calibrate, fit, score = (list(column) for column in zip(*turns, strict=True))
    both = [first + second for first, second in zip(calibrate, fit, strict=True)]
    return {
        "head": name, "labels": labels, "fit_ms": spread(fit, 1), "with_calibration_ms": spread(both, 1),
        "score_ms": spread(score, 1),
    }


def one_turn(
    name: str, features: Floats, truth: Ints, order: Ints, labels: int, seed: int
) -> tuple[float, float, float]:
    """CPU milliseconds to calibrate, to fit, and to score every image."""
    chosen, others = order[:labels], features[order[labels : labels + POOL_SAMPLE]]
    x, y = features[chosen], truth[chosen]
    if name in MULTI_LABEL:
        questions = np.where(y[:, None] == np.arange(CLASSES), YES, NO).astype(np.int8)
        several = MULTI_LABEL[name]()
        known, calibrating = timed(partial(several.calibrate, x, questions, seed))
        _, fitting = timed(partial(several.fit, x, questions, seed, calibration=known))
        _, scoring = timed(partial(several.predict_proba, features))
        return calibrating, fitting, scoring
    head = REGISTRY[name]()
    learnt, calibrating = timed(partial(head.calibrate, x, y, CLASSES, others, seed))
    # A part that counts for nothing is not fitted; here every part counts, so that this is the dearest case.
    learnt["weights"] = [1 / len(learnt["weights"])] * len(learnt["weights"])
    _, fitting = timed(partial(head.fit, x, y, CLASSES, others, seed, calibration=learnt))
    _, scoring = timed(partial(head.predict_proba, features))
    return calibrating, fitting, scoring


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """(what it answers, CPU milliseconds)."""
    began = time.process_time()
    found = work()
    return found, 1000 * (time.process_time() - began)


if __name__ == "__main__":
    main()
