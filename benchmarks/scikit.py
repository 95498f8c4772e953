"""scikit-learn-intelex against scikit-learn, and against the product's own k-means, principal axes and neighbours.

    python -m benchmarks.scikit [--rounds 2] [--json PATH]

Invented features in clouds. Each library runs in a process of its own on one core, in turns, and the figure is CPU seconds,
the least of the rounds. `mlcore.accelerate` decides what is patched.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from typing import Any

import numpy as np

from benchmarks.common import deliver, parser
from mlcore import accelerate
from mlcore.types import Floats

ROWS, CLOUDS, AXES, CLUSTERS, ROUNDS = 20_000, 60, 256, 200, 10
WIDE = 1280
QUERIES, NEIGHBOURS = 2000, 10
WAYS = ("scikit-learn", "scikit-learn-intelex", "ours")


def main() -> None:
    """All ways in turns; or one of them, in the process that measures it."""
    made = parser(__doc__)
    made.add_argument("--rounds", type=int, default=2)
    made.add_argument("--way", choices=WAYS, help="measure this one and print it")
    options = made.parse_args()
    if options.way:
        print(json.dumps(measure(options.way)))
        return
    state = accelerate.state()
    ways = [way for way in WAYS if way != "scikit-learn-intelex" or state.on]
    if not state.on:
        print(state.why)
    found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(options.rounds):
        for way in ways:
            found[way].append(in_a_process(way))
    rows = [
        {"task": task, **{way: round(min(one[task] for one in found[way]), 2) for way in ways if task in found[way][0]}}
        for task in found["scikit-learn"][0]
    ]
    versions = {"scikit-learn": metadata.version("scikit-learn")}
    if state.on:
        versions["scikit-learn-intelex"] = metadata.version("scikit-learn-intelex")
    deliver({"rows": rows, "versions": versions, "images": ROWS, "note": "" if state.on else state.why}, options.json)


def in_a_process(way: str) -> dict[str, float]:
    """CPU seconds of each task."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "benchmarks.scikit", "--way", way]
    said = subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout
    told: dict[str, float] = json.loads(said.splitlines()[-1])
    return told


def measure(way: str) -> dict[str, float]:
    """Each task once, after a small one to get warm."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if way == "scikit-learn-intelex":
        accelerate.patch()
    from benchmarks.peak import least

    tasks = ours() if way == "ours" else theirs()
    return {task: least(work, tries=1) for task, work in tasks.items()}


def clouds(dim: int) -> Floats:
    """(ROWS, dim) float32 of length 1."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((CLOUDS, dim), np.float32)
    rows = centres[rng.integers(0, CLOUDS, ROWS)] + rng.standard_normal((ROWS, dim), np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def theirs() -> dict[str, Callable[[], Any]]:
    """scikit-learn, as it was imported."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.neighbors import NearestNeighbors

    rows, wide = clouds(AXES), clouds(WIDE)
    neighbours = NearestNeighbors(n_neighbors=NEIGHBOURS, algorithm="brute", metric="cosine").fit(rows)
    return {
        f"k-means, {CLUSTERS} clusters, until it settles":
            lambda: KMeans(CLUSTERS, n_init=1, random_state=0).fit(rows),
        f"k-means, {CLUSTERS} clusters, {ROUNDS} rounds":
            lambda: KMeans(CLUSTERS, init="random", n_init=1, max_iter=ROUNDS, tol=0, random_state=0).fit(rows),
        f"{AXES} principal axes of {WIDE}": lambda: PCA(AXES, svd_solver="covariance_eigh").fit(wide),
        f"{NEIGHBOURS} neighbours of {QUERIES}": lambda: neighbours.kneighbors(rows[:QUERIES]),
    }


def ours() -> dict[str, Callable[[], Any]]:
    """What the product runs."""
    from mlcore.heads.base import Calibration
    from mlcore.heads.knn import NearestNeighbours
    from mlcore.projection import Projection
    from mlcore.strategies.clusters import kmeans

    rows, wide = clouds(AXES), clouds(WIDE)
    unmeasured = Calibration(temperatures=[1.0], weights=[1.0], labels=ROWS, accuracy=None)
    voting = NearestNeighbours().fit(rows, np.arange(ROWS) % 2, 2, calibration=unmeasured)
    return {
        f"k-means, {CLUSTERS} clusters, {ROUNDS} rounds": lambda: kmeans(rows, CLUSTERS, np.random.default_rng(0)),
        f"{AXES} principal axes of {WIDE}": lambda: Projection().fit(wide),
        f"{NEIGHBOURS} neighbours of {QUERIES}": lambda: voting.predict_proba(rows[:QUERIES]),
    }


if __name__ == "__main__":
    main()
