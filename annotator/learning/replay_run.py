"""A replay's work: labelled images as arrays, labelled again by a strategy and by chance; the curves kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from annotator.jobs.progress import Running
from annotator.labelling.models import Annotation
from annotator.learning.embed import open_store
from annotator.learning.models import FeatureSet, Replay
from annotator.learning.replay import CHANCE, LEAST_LABELS, LEAST_OF_CLASS, SEEDS, contestants, labelled_images, missing
from annotator.projects.errors import NotReady
from annotator.projects.models import Project
from mlcore.simulate import Curve, simulate
from mlcore.types import Floats, Ints

# More images change the answer little and the waiting much.
MOST_IMAGES = 5000
# Labels given in a replay at most, and at most this share of the images: the rest is what accuracy is measured on.
MOST_LABELS = 300
GIVEN = 0.6
BATCH, SMALL_BATCH = 10, 5


@dataclass(frozen=True)
class Labelled:
    """The labelled images that have features: gap (n, dim) float32 pooled features, truth (n,) class numbers 0..C-1.

    labels: how many labelled images there are, used or not. chosen: how many of those a strategy put before somebody.
    """

    gap: Floats
    truth: Ints
    classes: tuple[str, ...]
    fingerprint: str
    labels: int
    chosen: int


def replay_project(run: Running) -> None:
    """Play the job's project through with its strategy and with random choice, and keep the curves.

    Raises NotReady when labels or features have gone since the job was sent.
    """
    project = run.job.project
    known = labelled(project)
    names = contestants(project)
    batch, budget = plan(len(known.truth))
    runs = SEEDS * len(names)
    run.log(f"{len(known.truth)} labelled images of {len(known.classes)} classes, {budget} labels, {SEEDS} times each.")
    run.step(0, runs, f"Labelling again: {names[0]} and {CHANCE}", now=True)

    def tell(strategy: str, done: int, total: int) -> None:
        run.log(f"{strategy}: run {done} of {total} is through.")
        run.step(done, total)
        run.stop_if_cancelled()

    found = simulate(
        known.gap, known.truth, len(known.classes), strategies=names, labels=budget, batch=batch, seeds=SEEDS,
        head=project.head, progress=tell,
    )
    Replay.objects.update_or_create(
        project=project,
        defaults={
            "strategy": names[0], "head": project.head, "fingerprint": known.fingerprint, "labels": known.labels,
            "chosen": known.chosen,
            "result": {
                "images": len(known.truth), "classes": len(known.classes), "pool_images": found.pool_images,
                "test_images": found.test_images, "seeds": SEEDS, "batch": batch,
                "full_accuracy": round(float(found.full_accuracy.mean()), 4),
                "curves": [_as_plain(curve) for curve in found.curves],
            },
        },
    )


def plan(images: int) -> tuple[int, int]:
    """(labels between two rankings, labels given) for so many images: steps of ten, smaller where there are few."""
    most = min(MOST_LABELS, int(GIVEN * images))
    batch = BATCH if most >= 10 * BATCH else SMALL_BATCH
    return batch, most // batch * batch


def labelled(project: Project) -> Labelled:
    """The labelled images of a project, audit images too, with their stored features. Raises NotReady while too few."""
    why_not = missing(project)
    feature_set = FeatureSet.objects.filter(project=project).first()
    if why_not or feature_set is None:
        raise NotReady(why_not or "No image of this project has features yet: wait for them.")
    given = labelled_images(project)
    featured = given.filter(image__featured=True).order_by("image__sort_key")
    rows = list(featured.values_list("image__sha256", "label_id", "label__name"))
    store = open_store(feature_set)
    place = store.rows([sha256 for sha256, _, _ in rows])
    there = [(int(row), label) for row, (_, label, _) in zip(place, rows, strict=True) if row >= 0][:MOST_IMAGES]
    names = {label: name for _, label, name in rows}
    stored = np.asarray([row for row, _ in there], np.int64)
    owners, truth, counts = np.unique([label for _, label in there], return_inverse=True, return_counts=True)
    enough = counts >= LEAST_OF_CLASS
    kept = enough[truth]
    if kept.sum() < LEAST_LABELS or enough.sum() < 2:
        raise NotReady("The features of too many labelled images are missing: wait until they are computed again.")
    return Labelled(
        gap=store.gather(stored[kept]),
        truth=np.asarray(np.cumsum(enough)[truth[kept]] - 1, np.int64),
        classes=tuple(names[int(label)] for label in owners[enough]),
        fingerprint=feature_set.fingerprint,
        labels=given.count(),
        chosen=given.filter(is_audit=False).exclude(annotation__source=Annotation.Source.IMPORT).count(),
    )


def _as_plain(curve: Curve) -> dict[str, Any]:
    """A curve as JSON: mean and standard deviation over the seeds; needed: their median, None where most never got there."""
    needed = median(math.inf if labels is None else labels for labels in curve.needed)
    return {
        "strategy": curve.strategy,
        "labels": list(curve.labels),
        "mean": [round(float(value), 4) for value in curve.accuracy.mean(axis=0)],
        "std": [round(float(value), 4) for value in curve.accuracy.std(axis=0, ddof=1)],
        "needed": needed if math.isfinite(needed) else None,
    }
