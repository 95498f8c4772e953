"""How long from a label to the new ranking, through the application: rows read, head fitted, pool scored, queue written.

    python -m benchmarks.loop [--pools 1000 10000 100000] [--labels 60] [--classes 10] [--json PATH]

Features are invented (clouds of 1280 numbers, like pooled ones) and stored as a worker stores them; everything else is
the product's own code over SQLite in a folder that is deleted afterwards. CPU seconds of one process are the steady
figure on a busy machine. Redis is left out: telling the pages costs a fraction of a millisecond.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks.common import deliver, parser

DIM = 1280
CHUNK = 5000


def main() -> None:
    """Measure every pool size and print a table."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="annotator-bench-"))
    os.environ |= {"ANNOTATOR_DATA": str(folder), "DJANGO_SETTINGS_MODULE": "annotator.config.settings"}
    os.environ |= {"ANNOTATOR_LOG_LEVEL": "ERROR"}
    try:
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        rows = [measure(size, labels=options.labels, classes=options.classes) for size in options.pools]
    finally:
        shutil.rmtree(folder)
    deliver({"labels": options.labels, "classes": options.classes, "rows": rows}, options.json)


def measure(size: int, *, labels: int, classes: int) -> dict[str, Any]:
    """One pool: medians and 95th percentiles over the turns after each of the last `labels` labels."""
    from annotator.learning import data
    from annotator.learning.learn import learn

    data.forget()
    project, truth, pool = make_project(size, classes)
    started = time.process_time()
    learn(project.pk)
    first = time.process_time() - started
    # The turns before the first calibration are cheaper than those that follow.
    for image in pool[:20]:
        say(project, image, truth)
    learn(project.pk)
    wall, cpu, parts = [], [], []
    for image in pool[20 : 20 + labels]:
        say(project, image, truth)
        begin = (time.perf_counter(), time.process_time())
        version = learn(project.pk)
        wall.append(time.perf_counter() - begin[0])
        cpu.append(time.process_time() - begin[1])
        if version is None:
            raise RuntimeError("there was a label, but no model")
        parts.append(version.timings)
    data.forget()
    return {
        "pool": size, "turns": labels, "cold_cpu_s": round(first, 3),
        "cpu_s": _spread(cpu), "wall_s": _spread(wall),
        "parts_wall_ms": {
            name: round(1000 * statistics.median(part[name] for part in parts), 1)
            for name in ("load", "fit", "calibrate", "score", "choose", "save", "judge", "write")
        },
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def make_project(size: int, classes: int) -> tuple[Any, dict[int, Any], list[int]]:
    """A project of so many featured images; the class of each; the images of the pool in their fixed order."""
    import hashlib

    import numpy as np
    from django.conf import settings

    from annotator.images.ingest import lot
    from annotator.images.models import Image
    from annotator.learning.models import FeatureSet
    from annotator.projects.models import User
    from annotator.projects.setup import create_project
    from mlcore.store import FeatureStore

    user, _ = User.objects.get_or_create(username="bench")
    project = create_project(owner=user, name=f"pool of {size}", classes=[f"class {n}" for n in range(classes)])
    kinds = list(project.labels.order_by("id"))
    feature_set = FeatureSet.objects.create(project=project, backbone="lite0", fingerprint=f"bench-{size}", dim=DIM)
    store = FeatureStore(settings.DATA_DIR / "features", feature_set.fingerprint, DIM)
    rng = np.random.default_rng(0)
    # Several clouds a class, overlapping, in a space of low dimension: about as hard as photographs.
    centres = rng.normal(size=(classes * 4, 40)).astype(np.float32)
    spread = rng.normal(size=(40, DIM)).astype(np.float32) / 6
    for start in range(0, size, CHUNK):
        count = min(CHUNK, size - start)
        cloud = rng.integers(len(centres), size=count)
        inner = centres[cloud] + rng.normal(scale=0.9, size=(count, 40)).astype(np.float32)
        features = np.maximum(inner @ spread + rng.normal(scale=0.2, size=(count, DIM)).astype(np.float32), 0)
        keys = [hashlib.sha256(f"{size} {start + n}".encode()).hexdigest() for n in range(count)]
        store.append(keys, features)
        images = []
        for key, group in zip(keys, cloud, strict=True):
            is_audit, sort_key = lot(project.pk, key, project.audit_fraction)
            images.append(Image(
                project=project, sha256=key, name=str(group % classes), format="JPEG", width=1, height=1, size=1,
                is_audit=is_audit, sort_key=sort_key, featured=True,
            ))
        Image.objects.bulk_create(images)
    mine = Image.objects.filter(project=project)
    truth = {key: kinds[int(name)] for key, name in mine.values_list("pk", "name")}
    audit = list(mine.filter(is_audit=True).order_by("sort_key").values_list("pk", flat=True)[:50])
    for image in audit:
        say(project, image, truth)
    return project, truth, list(mine.filter(is_audit=False).order_by("sort_key").values_list("pk", flat=True)[:2000])


def say(project: Any, image: int, truth: dict[int, Any]) -> None:
    """The true answer."""
    from annotator.labelling.annotate import annotate

    annotate(id=uuid4(), project=project, image=image, author=None, kind="label", label=truth[image])


def _spread(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {"p50": round(statistics.median(ordered), 3), "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 3)}


def _options() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument("--pools", type=int, nargs="+", default=[1000, 10_000, 100_000])
    made.add_argument("--labels", type=int, default=60, help="turns to measure in each pool")
    made.add_argument("--classes", type=int, default=10)
    return made.parse_args()


if __name__ == "__main__":
    main()
