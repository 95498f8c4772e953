"""What one query costs, ours and scikit-activeml's: CPU seconds on one thread, seconds with every core, and memory.

    python -m benchmarks.peers [--pools 10000 100000] [--ours-alone 1000000] [--json PATH]

The pool is that of benchmarks.ranking: invented unit vectors of 256 numbers in 10 classes, of which 100 have labels. A query
is what a user waits for: probabilities of the whole pool where the strategy needs them, by a logistic regression that was
fitted before, then ten images to ask for. `predict_cpu_s` is the share of the former. scikit-activeml's margin and badge are
also asked on 1,280 numbers an image, which is what a backbone gives and its users hand it; we make 256 of them, once an
image. Every query is asked in a process of its own: with one thread for BLAS and OpenMP, and (`every_core`) with neither
told anything, so that each side takes the threads that it takes by itself. Where both are asked they come in turns, twice,
and the better turn of each counts. Every process may take 11 GB of addresses and 60 CPU seconds; what it says when that is
not enough is kept. Memory is what the query added to what the process held already, at its peak.
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
CPU_SECONDS = 60
# What EfficientNet-Lite0 gives for an image.
BACKBONE_DIM = 1280
BATCH = 10
# A query that takes fewer CPU seconds than this is repeated, in rounds of at least so many, and the cheapest counts.
SHORT, ROUND, ROUNDS = 5.0, 0.1, 5
# Times that each of two sides is asked; once where a query is not short.
TURNS = 2
LIMITED = tuple(f"{library}_NUM_THREADS" for library in ("OMP", "OPENBLAS", "MKL"))
OURS, THEIRS = "edge-annotator", "scikit-activeml"
# Ours, and its name in scikit-activeml's pool module where it has the method.
METHODS = {
    "margin": "UncertaintySampling", "entropy": "UncertaintySampling", "least_confidence": "UncertaintySampling",
    "coreset": "CoreSet", "typiclust": "TypiClust", "probcover": "ProbCover", "maxherding": "MaxHerding", "badge": "Badge",
    "random": None, "margin_kmeans": None, "uherding": None, "uherding_balanced": None, "bald": None, "reconstruction": None,
}
UNCERTAINTY = {"margin": "margin_sampling", "entropy": "entropy", "least_confidence": "least_confident"}
WIDE = {f"{method}, 1,280 features": method for method in ("margin", "badge")}
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
            if size in options.pools:
                turned = np.linalg.qr(np.random.default_rng(0).standard_normal((BACKBONE_DIM, features.shape[1])))[0]
                np.save(Path(folder) / "wide.npy", features @ turned.T.astype(np.float32))
            del features, truth
            for method, theirs in METHODS.items():
                both = (OURS, THEIRS) if theirs and size in options.pools else (OURS,)
                rows += in_turns(size, both, method, folder)
            for method in WIDE if size in options.pools else ():
                rows += in_turns(size, (THEIRS,), method, folder)
    limits = {"addresses_gb": ADDRESSES / 2**30, "cpu_s": CPU_SECONDS}
    deliver({"version": metadata.version(THEIRS), "limits": limits, "batch": BATCH, "rows": rows}, options.json)


def in_turns(size: int, sides: tuple[str, ...], method: str, folder: str) -> list[dict[str, Any]]:
    """A row for each side, asked in turns: its costs on one thread, and those with every core under `every_core`."""
    found: dict[str, dict[str, Any]] = {}
    for _ in range(TURNS if len(sides) > 1 else 1):
        for who in sides:
            known = found.get(who)
            if known is None or known.get("cpu_s", SHORT) < SHORT:
                found[who] = better(known, asked(who, method, folder))
    return [{"pool": size, "who": who, "strategy": method, **found[who]} for who in sides]


def asked(who: str, method: str, folder: str) -> dict[str, Any]:
    """One turn of one side: on one thread, and unless that failed with every core."""
    costs = apart(who, method, folder, every_core=False)
    return costs if "failed" in costs else {**costs, "every_core": apart(who, method, folder, every_core=True)}


def better(one: dict[str, Any] | None, other: dict[str, Any]) -> dict[str, Any]:
    """Of two turns of one side the lesser of each cost."""
    if one is None or "failed" in other:
        return one or other
    return {
        name: better(one[name], cost) if isinstance(cost, dict) else min(one.get(name, cost), cost)
        for name, cost in other.items()
    }


def apart(who: str, method: str, folder: str, *, every_core: bool) -> dict[str, Any]:
    """One query in a process of its own under the limits: its costs, or `failed`, its last words."""
    environment = {name: value for name, value in os.environ.items() if name not in LIMITED}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers", "--one", who, method, folder], cwd=ROOT,
        env=environment if every_core else environment | dict.fromkeys(LIMITED, "1"),
        capture_output=True, text=True, check=False, preexec_fn=_limit,
    )
    on = "every core" if every_core else "one thread"
    if done.returncode == 0:
        costs: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        print(f"{who} {method}, {on}: {costs}", file=sys.stderr, flush=True)
        return costs
    words = (done.stderr.strip().splitlines() or [""])[-1]
    out_of_time = done.returncode == -24  # SIGXCPU
    failed = f"not done after {CPU_SECONDS} CPU s" if out_of_time else words or f"ended with {done.returncode}"
    print(f"{who} {method}, {on}: {failed}", file=sys.stderr, flush=True)
    return {"failed": failed}


def measure(who: str, method: str, folder: Path) -> dict[str, Any]:
    """CPU and wall seconds of a query at its cheapest, and the megabytes that the first one added."""
    features = np.load(folder / ("wide.npy" if method in WIDE else "features.npy"))
    query, predict = (ours if who == OURS else theirs)(WIDE.get(method, method), features, np.load(folder / "truth.npy"))
    held = _held_mb(reset=True)
    began = time.process_time(), time.perf_counter()
    assert len(set(np.asarray(query()).tolist())) == BATCH
    cpu, wall = time.process_time() - began[0], time.perf_counter() - began[1]
    extra = _held_mb() - held
    if cpu < SHORT:
        cpu, wall = cheapest(query)
    costs = {"cpu_s": round(cpu, 5), "wall_s": round(wall, 5), "extra_mb": round(extra)}
    return costs if predict is None else {**costs, "predict_cpu_s": round(cheapest(predict)[0], 5)}


def cheapest(work: Query) -> tuple[float, float]:
    """The least CPU and wall seconds of one call, over a few rounds that are each long enough to be timed."""
    calls, found = 1, []
    while len(found) < ROUNDS:
        began = time.process_time(), time.perf_counter()
        for _ in range(calls):
            work()
        cpu, wall = time.process_time() - began[0], time.perf_counter() - began[1]
        if cpu < ROUND:
            calls *= 2
        else:
            found.append((cpu / calls, wall / calls))
    return min(cpu for cpu, _ in found), min(wall for _, wall in found)


def ours(method: str, features: Any, truth: Any) -> tuple[Query, Query | None]:
    """A query of one of our strategies, and the prediction in it."""
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

    return query, (lambda: head.predict_proba(features)) if method in STARTS else None


def theirs(method: str, features: Any, truth: Any) -> tuple[Query, Query | None]:
    """A query of scikit-activeml's, as its documentation has it, and the prediction in it."""
    from skactiveml import pool
    from skactiveml.classifier import SklearnClassifier
    from sklearn.linear_model import LogisticRegression

    labels = np.full(len(features), np.nan)
    labels[:STRATEGY_LABELS] = truth[:STRATEGY_LABELS]
    named = {"method": UNCERTAINTY[method]} if method in UNCERTAINTY else {}
    strategy = getattr(pool, str(METHODS[method]))(random_state=0, **named)
    if method not in {*UNCERTAINTY, "badge"}:
        return (lambda: strategy.query(features, labels, batch_size=BATCH)), None
    model = SklearnClassifier(LogisticRegression(C=100.0, max_iter=1000), classes=np.arange(CLASSES))
    model.fit(features[:STRATEGY_LABELS], labels[:STRATEGY_LABELS])
    ask = {"clf": model, "fit_clf": False, "batch_size": BATCH}
    return (lambda: strategy.query(features, labels, **ask)), lambda: model.predict_proba(features)


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
