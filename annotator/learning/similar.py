"""Images that look like one image. The page asks the web process, and that asks the learn worker, which has the arrays."""

from __future__ import annotations

from dataclasses import dataclass

from redis.exceptions import RedisError

from annotator.images.models import Image
from annotator.jobs import bus
from annotator.jobs.workers import queues_served, workers
from annotator.projects.errors import NotReady, Unavailable

# A turn of the learner takes a fraction of a second, and a person looks at the image meanwhile.
PATIENCE = 3.0


@dataclass(frozen=True)
class Alike:
    """An image and how much it looks like the one asked about: kind is "duplicate", "near", or ""."""

    image: int
    cosine: float
    kind: str


def similar_images(*, image: Image, count: int) -> list[Alike]:
    """The `count` images of the project most like it, the most alike first.

    Raises NotReady while it has no features, and Unavailable when no worker answers in time.
    """
    if not image.featured:
        raise NotReady("This image has no features yet, so nothing can be compared with it: try again in a moment.")
    try:
        served = queues_served(workers())["learn"]
        found = bus.ask("learning.similar", image.project_id, image.pk, count, patience=PATIENCE) if served else None
    except RedisError as error:
        raise Unavailable("Redis does not answer, so the learning worker cannot be asked: try again in a moment.") from error
    if not served:
        raise Unavailable("No learning worker is running: start one with 'annotator up' or 'annotator worker learn'.")
    if found is None:
        raise Unavailable("The learning worker is busy or still reading the features: try again in a moment.")
    return [Alike(*entry) for entry in found]


def answer(project_id: int, image_id: int, count: int) -> list[tuple[int, float, str]] | None:
    """The same, computed by the learn worker; None when the image has no row there."""
    import numpy as np

    from annotator.learning import data
    from annotator.projects.models import Project
    from mlcore.neighbours import DUPLICATE, NEAR, nearest

    project = Project.objects.filter(pk=project_id).first()
    known = data.warm(project) if project is not None else None
    if known is None:
        return None
    query = None
    for part in (known.pool, known.audit):
        [row] = part.find([image_id])
        if row >= 0:
            query = part.z[row]
    if query is None:
        return None
    ids, cosines = [], []
    for part in (known.pool, known.audit):
        rows, alike = nearest(part.z, query, count + 1)
        ids.append(part.ids[rows])
        cosines.append(alike)
    together = np.concatenate(ids), np.concatenate(cosines)
    order = np.argsort(-together[1], kind="stable")
    found = [(int(together[0][place]), float(together[1][place])) for place in order]
    return [
        (image, round(cosine, 4), "duplicate" if cosine >= DUPLICATE else "near" if cosine >= NEAR else "")
        for image, cosine in found
        if image != image_id
    ][:count]
