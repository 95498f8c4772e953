"""From a label to a new ranking in the learning core alone: fit, calibrate, score and choose, and what each strategy costs.

    python -m benchmarks.ranking [--pools 1000 10000 100000] [--turns 30] [--json PATH]

Features are invented: overlapping clouds of unit vectors, 256 numbers each, 10 classes. Every turn answers the image that
the last turn ranked first, so calibration comes round every tenth turn as in use. One thread; CPU seconds are the steady
figure on a busy machine.
"""

from __future__ import annotations

import resource
import time
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.common import deliver, parser, spread
from mlcore.loop import step
from mlcore.projection import DIMENSIONS
from mlcore.strategies import REGISTRY
from mlcore.types import Floats, Ints, Pool

CLASSES = 10
QUEUE = 300
# Labels there are when the turns begin, in the order of a project's life.
STARTS = (0, 50, 500)
STRATEGY_LABELS = 100


def main() -> None:
    """Every pool at every stage, then every strategy at the largest pool."""
    made = parser(__doc__)
    made.add_argument("--pools", type=int, nargs="+", default=[1000, 10_000, 100_000])
    made.add_argument("--turns", type=int, default=30, help="labels given one by one at each stage")
    options = made.parse_args()
    with threadpool_limits(1):
        rows = [
            measure(size, start=start, turns=options.turns)
            for size in options.pools
            for start in STARTS
            if start + options.turns < size
        ]
        costs = strategy_costs(max(options.pools))
    deliver({"turns": rows, "strategies": costs, "queue": QUEUE, "classes": CLASSES, "dim": DIMENSIONS}, options.json)


def measure(size: int, *, start: int, turns: int) -> dict[str, Any]:
    """One pool from `start` labels on: spreads over the turns, one label each."""
    features, truth = clouds(size)
    labels = np.full(size, -1, np.int64)
    labels[:start] = truth[:start]
    nobody = np.zeros(size, np.bool_)
    previous, cpu, wall, parts, fresh = None, [], [], [], []
    for _ in range(turns):
        began = (time.process_time(), time.perf_counter())
        turn = step(
            features=features, labels=labels, n_classes=CLASSES, in_flight=nobody, excluded=nobody, k=QUEUE,
            previous=previous,
        )
        cpu.append(time.process_time() - began[0])
        wall.append(time.perf_counter() - began[1])
        parts.append(turn.timings)
        fresh.append(turn.calibrated)
        previous = turn.carry()
        first = turn.selection.indices[0]
        labels[first] = truth[first]
    calibrating = [seconds for seconds, anew in zip(cpu, fresh, strict=True) if anew]
    return {
        "pool": size, "labels": start, "turns": turns, "cpu_s": spread(cpu), "wall_s": spread(wall),
        "cpu_s_calibrating": spread(calibrating) if calibrating else None,
        "parts_wall_ms": {name: spread([1000 * part[name] for part in parts], 1) for name in parts[0]},
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def strategy_costs(size: int) -> list[dict[str, Any]]:
    """CPU seconds of one query of every strategy, best of three, with a model and 100 labels."""
    features, truth = clouds(size)
    labels = np.full(size, -1, np.int64)
    labels[:STRATEGY_LABELS] = truth[:STRATEGY_LABELS]
    nobody = np.zeros(size, np.bool_)
    turn = step(features=features, labels=labels, n_classes=CLASSES, in_flight=nobody, excluded=nobody, k=1)
    pool = Pool(features, turn.probabilities, labels, nobody, nobody, CLASSES)
    found = []
    for name, strategy in REGISTRY.items():
        seconds = []
        for seed in range(3):
            began = time.process_time()
            strategy(pool, QUEUE, seed=seed)
            seconds.append(time.process_time() - began)
        found.append({"strategy": name, "pool": size, "cpu_s": round(min(seconds), 3)})
    return found


def clouds(size: int) -> tuple[Floats, Ints]:
    """Unit vectors (size, 256) in four overlapping clouds a class, about as hard as photographs, and their classes."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(CLASSES * 4, DIMENSIONS)).astype(np.float32)
    cloud = rng.integers(len(centres), size=size)
    features = centres[cloud] * 0.35 + rng.standard_normal((size, DIMENSIONS), np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return features, np.asarray(cloud % CLASSES, np.int64)


if __name__ == "__main__":
    main()
