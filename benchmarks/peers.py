"""What one query costs, in CPU seconds and memory: our strategies and scikit-activeml's, each in a process of its own.

    python -m benchmarks.peers [--pools 10000 100000] [--ours-alone 1000000] [--json PATH]

The pool is that of benchmarks.ranking: invented unit vectors of 256 numbers in 10 classes, of which 100 have labels. A query
is what a user waits for: probabilities of the whole pool where the strategy needs them, by a logistic regression that was
fitted before, then ten images to ask for. Every process may take 11 GB of addresses and 120 CPU seconds on one thread; what
it says when that is not enough is kept. Memory is what the query added to what the process held already, at its peak.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import ROOT, deliver, parser
from benchmarks.ranking import CLASSES, STRATEGY_LABELS, clouds

ADDRESSES = 11 * 2**30
CPU_SECONDS = 120
BATCH = 10
# A query shorter than this is repeated, and the cheapest counts.
SHORT, TRIES = 2.0, 3
OURS, THEIRS = "edge-annotator", "scikit-activeml"
# Ours, and its name in scikit-activeml's pool module where it has the method.
METHODS = {
    "margin": "UncertaintySampling", "entropy": "UncertaintySampling", "least_confidence": "UncertaintySampling",
    "coreset": "CoreSet", "typiclust": "TypiClust", "probcover": "ProbCover", "maxherding": "MaxHerding", "badge": "Badge",
    "random": None, "margin_kmeans": None, "uherding": None, "uherding_balanced": None, "bald": None, "reconstruction": None,
}
UNCERTAINTY = {"margin": "margin_sampling", "entropy": "entropy", "least_confidence": "least_confident"}
Query = Callable[[], Any]


def main() -> None:
    """Every method of both at every pool, or, with --one, a single query in this process."""
    made = parser(__doc__)
    made.add_argument("--pools", type=int, nargs="+", default=[10_000, 100_000])
    made.add_argument("--ours-alone", type=int, nargs="*", default=[1_000_000], help="pools for our strategies only")
    made.add_argument("--one", nargs=3, metavar=("WHO", "METHOD", "FOLDER"), help=argparse.SUPPRESS)
    options = made.parse_args()
    if options.one:
        who, method, folder = options.one
        print(json.dumps(measure(who, method, Path(folder))))
        return
    rows = []
    for size in sorted({*options.pools, *options.ours_alone}):
        with tempfile.TemporaryDirectory() as folder:
            features, truth = clouds(size)
            np.save(Path(folder) / "features.npy", features)
            np.save(Path(folder) / "truth.npy", truth)
            del features, truth
            rows += [
                {"pool": size, "who": who, "strategy": method, **apart(who, method, folder)}
                for method, theirs in METHODS.items()
                for who in ((OURS, THEIRS) if theirs and size in options.pools else (OURS,))
            ]
    limits = {"addresses_gb": ADDRESSES / 2**30, "cpu_s": CPU_SECONDS}
    deliver({"version": metadata.version(THEIRS), "limits": limits, "batch": BATCH, "rows": rows}, options.json)


def apart(who: str, method: str, folder: str) -> dict[str, Any]:
    """One query in a process of its own under the limits: its costs, or `failed`, its last words."""
    one_thread = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers", "--one", who, method, folder], cwd=ROOT, env={**os.environ, **one_thread},
        capture_output=True, text=True, check=False, preexec_fn=_limit,
    )
    if done.returncode == 0:
        costs: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        print(f"{who} {method}: {costs}", file=sys.stderr, flush=True)
        return costs
    words = (done.stderr.strip().splitlines() or [""])[-1]
    out_of_time = done.returncode == -24  # SIGXCPU
    failed = f"not done after {CPU_SECONDS} CPU s" if out_of_time else words or f"ended with {done.returncode}"
    print(f"{who} {method}: {failed}", file=sys.stderr, flush=True)
    return {"failed": failed}


def measure(who: str, method: str, folder: Path) -> dict[str, Any]:
    """CPU and wall seconds of the cheapest of up to three queries, and the megabytes that the first one added."""
    features, truth = np.load(folder / "features.npy"), np.load(folder / "truth.npy")
    query = (ours if who == OURS else theirs)(method, features, truth)
    held = _held_mb(reset=True)
    found, extra = [], 0.0
    for number in range(TRIES):
        began = time.process_time(), time.perf_counter()
        chosen = query()
        found.append((time.process_time() - began[0], time.perf_counter() - began[1]))
        if number == 0:
            extra = _held_mb() - held
        assert len(set(np.asarray(chosen).tolist())) == BATCH
        if found[0][0] > SHORT:
            break
    cpu, wall = min(found)
    return {"cpu_s": round(cpu, 4), "wall_s": round(wall, 4), "extra_mb": round(extra)}


def ours(method: str, features: Any, truth: Any) -> Query:
    """A query of one of our strategies."""
    from mlcore.heads import REGISTRY as HEADS
    from mlcore.strategies import REGISTRY, STARTS
    from mlcore.types import Pool

    labels = np.full(len(features), -1, np.int64)
    labels[:STRATEGY_LABELS] = truth[:STRATEGY_LABELS]
    nobody = np.zeros(len(features), np.bool_)
    head = HEADS["logistic"]().fit(features[:STRATEGY_LABELS], labels[:STRATEGY_LABELS], CLASSES)

    def query() -> Any:
        p = head.predict_proba(features) if method in STARTS else None
        return REGISTRY[method](Pool(features, p, labels, nobody, nobody, CLASSES), BATCH, seed=0).indices

    return query


def theirs(method: str, features: Any, truth: Any) -> Query:
    """A query of scikit-activeml's, as its documentation has it."""
    from skactiveml import pool
    from skactiveml.classifier import SklearnClassifier
    from sklearn.linear_model import LogisticRegression

    labels = np.full(len(features), np.nan)
    labels[:STRATEGY_LABELS] = truth[:STRATEGY_LABELS]
    named = {"method": UNCERTAINTY[method]} if method in UNCERTAINTY else {}
    strategy = getattr(pool, str(METHODS[method]))(random_state=0, **named)
    if method not in {*UNCERTAINTY, "badge"}:
        return lambda: strategy.query(features, labels, batch_size=BATCH)
    model = SklearnClassifier(LogisticRegression(C=100.0, max_iter=1000), classes=np.arange(CLASSES))
    model.fit(features[:STRATEGY_LABELS], labels[:STRATEGY_LABELS])
    return lambda: strategy.query(features, labels, clf=model, fit_clf=False, batch_size=BATCH)


def _held_mb(*, reset: bool = False) -> float:
    """The most memory this process has held since the last reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))


if __name__ == "__main__":
    main()
