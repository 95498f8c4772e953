"""A million images in the learn worker: store, warm arrays, a turn after each label, similar images, near duplicates.

    python -m benchmarks.million [--images 1000000] [--turns 30] [--json PATH]

Features are invented: overlapping clouds of 1280 numbers, as alike as those of photographs, one image in a hundred a near
duplicate of another. They are stored as a worker stores them (2.6 GB at a million); then a fresh process does what the learn
worker does, all but the database: its memory is what the kernel counted at its largest. CPU seconds, one thread.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from annotator.learning.rows import Rows
from benchmarks.common import ROOT, deliver, parser, spread
from mlcore import neighbours
from mlcore.loop import step
from mlcore.projection import FIT_ROWS, Projection
from mlcore.store import FeatureStore
from mlcore.types import Floats, Ints

DIM = 1280
CLASSES = 10
# Numbers that the clouds differ in; the rest is noise, as in real features.
INNER = 60
QUEUE = 300
CHUNK = 20_000
PAGE = 50_000
# One image in so many is a near duplicate of the one before it.
TWIN_EVERY = 100
STARTS = (0, 50, 500)
QUERIES = 20
NEW = 1000
PROBED = 1000


def main() -> None:
    """Write the store in one process, measure in another."""
    options = _options()
    if options.write is not None:
        write_store(options.write, options.images)
    elif options.measure is not None:
        deliver(measure(options.measure, options.images, options.turns), options.json)
    else:
        folder = Path(tempfile.mkdtemp(prefix="annotator-million-"))
        try:
            # A process inherits the peak of the one that starts it, so this one does nothing itself.
            words = [sys.executable, "-m", "benchmarks.million", "--images", str(options.images)]
            subprocess.run([*words, "--write", str(folder)], cwd=ROOT, check=True)
            words += ["--turns", str(options.turns), "--json", str(folder / "result.json")]
            subprocess.run([*words, "--measure", str(folder)], cwd=ROOT, check=True)
            deliver(json.loads((folder / "result.json").read_text()), options.json)
        finally:
            shutil.rmtree(folder)


def write_store(folder: Path, images: int) -> None:
    """The features of so many images."""
    store = FeatureStore(folder, "invented", DIM)
    for start in range(0, images, CHUNK):
        numbers = np.arange(start, min(start + CHUNK, images))
        store.append([key(int(number)) for number in numbers], features(numbers))


def key(number: int) -> str:
    """What stands for the hash of an image's bytes."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def truth(numbers: Ints) -> Ints:
    """The class of each image: its cloud's, four clouds a class."""
    return np.asarray((numbers - (numbers % TWIN_EVERY == 1)) * 7919 % (4 * CLASSES) % CLASSES, np.int64)


def features(numbers: Ints) -> Floats:
    """(k, 1280) float32, not negative."""
    world = np.random.default_rng(0)
    centres = world.normal(size=(4 * CLASSES, INNER)).astype(np.float32) * 0.85
    mix = world.normal(size=(INNER, DIM)).astype(np.float32) / np.sqrt(INNER)
    rng = np.random.default_rng(int(numbers[0]) + 1)
    inner = centres[numbers * 7919 % (4 * CLASSES)] + rng.standard_normal((len(numbers), INNER), np.float32)
    noise = 0.35 * rng.standard_normal((len(numbers), DIM), np.float32)
    found = np.maximum(inner @ mix + noise + 0.3, 0.0)
    twins = np.flatnonzero(numbers % TWIN_EVERY == 1)
    # From hardly changed to just as alike as counts.
    shake = rng.uniform(0.2, 0.8, size=(len(twins), 1)).astype(np.float32)
    shaken = found[twins - 1] + shake * rng.standard_normal((len(twins), DIM), np.float32)
    found[twins] = np.maximum(shaken, 0.0)
    return found


def measure(folder: Path, images: int, turns: int) -> dict[str, Any]:
    """What a fresh learn worker does with them."""
    result: dict[str, Any] = {"images": images, "dim": DIM, "turns_each": turns, "queue": QUEUE}
    result |= {"cpu_s": {}, "wall_s": {}, "rss_mb": {}}

    @contextmanager
    def lap(name: str) -> Iterator[None]:
        began = time.process_time(), time.perf_counter()
        yield
        result["cpu_s"][name] = round(time.process_time() - began[0], 2)
        result["wall_s"][name] = round(time.perf_counter() - began[1], 2)
        result["rss_mb"][name] = peak_mb()

    with threadpool_limits(1):
        result["rss_mb"]["start"] = peak_mb()
        with lap("open the store"):
            store = FeatureStore(folder, "invented", DIM)
        with lap("fit the projection"):
            some = np.sort(np.random.default_rng(0).choice(images, min(images, FIT_ROWS), replace=False))
            projection = Projection().fit(store.gather(some))
        with lap("fill the warm arrays"):
            rows = fill(store, projection, images)
        result["turns"] = [measure_turns(rows.z, start=start, turns=turns) for start in STARTS]
        result["rss_mb"]["turns"] = peak_mb()
        result["similar"] = measure_similar(rows.z)
        fresh = np.zeros(images, np.bool_)
        fresh[-NEW:] = True
        with lap(f"near duplicates of {NEW} new images"):
            neighbours.near_duplicates(rows.z, new=fresh)
        with lap("near duplicates of all"):
            groups = neighbours.near_duplicates(rows.z)
        with lap("fit and fill anew, as when the pool has doubled"):
            Projection().fit(store.gather(some))
            project(projection, store, rows.stored, rows.z)
        result["duplicates"] = {"grouped": int(groups.grouped.sum()), **measure_recall(rows.z, groups)}
    return result


def fill(store: FeatureStore, projection: Projection, images: int) -> Rows:
    """A page of images at a time, as they come from the database."""
    rows = Rows()
    rows.replace(np.zeros((0, projection.dim), np.float32))
    for start in range(0, images, PAGE):
        ids = np.arange(start, min(start + PAGE, images))
        stored = store.rows([key(int(number)) for number in ids])
        rows.add(ids, ids, stored, project(projection, store, stored, np.empty((len(ids), projection.dim), np.float32)))
    return rows


def project(projection: Projection, store: FeatureStore, stored: Ints, z: Floats) -> Floats:
    """Rows of the store as heads see them, into z."""
    for start in range(0, len(stored), 8192):
        z[start : start + 8192] = projection.transform(store.gather(stored[start : start + 8192]))
    return z


def measure_turns(z: Floats, *, start: int, turns: int) -> dict[str, Any]:
    """From `start` labels on: spreads over the turns, one label each."""
    said = truth(np.arange(len(z)))
    labels = np.full(len(z), -1, np.int64)
    labels[np.random.default_rng(start).choice(len(z), start, replace=False)] = 0
    labels[labels == 0] = said[labels == 0]
    nobody = np.zeros(len(z), np.bool_)
    previous, cpu, wall, parts = None, [], [], []
    for _ in range(turns):
        began = time.process_time(), time.perf_counter()
        turn = step(
            features=z, labels=labels, n_classes=CLASSES, in_flight=nobody, excluded=nobody, k=QUEUE, previous=previous
        )
        cpu.append(time.process_time() - began[0])
        wall.append(time.perf_counter() - began[1])
        parts.append(turn.timings)
        previous = turn.carry()
        first = turn.selection.indices[0]
        labels[first] = said[first]
    return {
        "labels": start, "cpu_s": spread(cpu), "wall_s": spread(wall),
        "parts_wall_ms": {name: spread([1000 * part[name] for part in parts], 1) for name in parts[0]},
    }


def measure_similar(z: Floats) -> dict[str, Any]:
    """The twelve images most like one."""
    cpu = []
    for row in np.random.default_rng(0).choice(len(z), QUERIES):
        began = time.process_time()
        neighbours.nearest(z, z[row], 13)
        cpu.append(1000 * (time.process_time() - began))
    return {"queries": QUERIES, "cpu_ms": spread(cpu, 1)}


def measure_recall(z: Floats, groups: neighbours.Groups) -> dict[str, Any]:
    """Of the pairs that were made and are alike enough, and of all that comparing some rows with everything finds, how many
    the search has put into one group."""
    twins = np.arange(1, len(z), TWIN_EVERY)
    twins = twins[(z[twins] * z[twins - 1]).sum(axis=1) >= neighbours.DUPLICATE]
    together = groups.root[twins] == groups.root[twins - 1]
    probe = np.random.default_rng(1).choice(len(z), min(PROBED, len(z)), replace=False)
    pairs = found = 0
    for start in range(0, len(probe), 100):
        some = probe[start : start + 100]
        for beside in range(0, len(z), 65_536):
            a, b = np.nonzero(z[some] @ z[beside : beside + 65_536].T >= neighbours.DUPLICATE)
            first, second = some[a], beside + b
            apart = first != second
            pairs += int(apart.sum())
            found += int((groups.root[first[apart]] == groups.root[second[apart]]).sum())
    return {
        "made": len(twins), "made_found": int(together.sum()), "probed_rows": len(probe), "pairs": pairs,
        "pairs_found": found,
    }


def peak_mb() -> int:
    """The most memory that this process has had resident so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _options() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument("--images", type=int, default=1_000_000)
    made.add_argument("--turns", type=int, default=30, help="labels given one by one at each stage")
    made.add_argument("--write", type=Path, metavar="FOLDER", help="only write the store there")
    made.add_argument("--measure", type=Path, metavar="FOLDER", help="only measure the store that is there")
    return made.parse_args()


if __name__ == "__main__":
    main()
