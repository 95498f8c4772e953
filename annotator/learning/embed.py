"""From images to features: once an image, in batches, into the store; what a killed worker stored is not done again."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.dispatch import Signal

from annotator.images import files
from annotator.images.models import Image
from annotator.jobs import events
from annotator.jobs.progress import Running
from annotator.labelling import tally
from annotator.learning.models import FeatureSet
from annotator.projects.errors import NoSpace, NotFound, NotReady
from annotator.projects.models import Project

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mlcore.backbones import Extractor
    from mlcore.store import FeatureStore

# So many images are lost at most when a worker is killed.
BATCH = 64
# Precision that every machine can compute: where machines differ, a project ends up with it.
COMMON_PRECISION: Final = "f32"

# Sent with `project_id` when enough new features are there to rank again; `pipeline` listens.
features_grew = Signal()


def waiting(project_id: int) -> QuerySet[Image]:
    """The images that have no features yet and are not known to be unreadable."""
    return Image.objects.filter(project=project_id, featured=False, feature_error="")


def open_store(feature_set: FeatureSet) -> FeatureStore:
    """The store that holds a project's features."""
    from mlcore.store import FeatureStore

    return FeatureStore(settings.DATA_DIR / "features", feature_set.fingerprint, feature_set.dim)


def backbone_differs(project: Project) -> bool:
    """Whether the features there are come from another backbone than the project now asks for."""
    return FeatureSet.objects.filter(project=project).exclude(backbone=project.backbone).exists()


def forget_features(*, project: Project) -> None:
    """Let all features of a project be computed again: its backbone is another, or its store has gone."""
    with transaction.atomic():
        FeatureSet.objects.filter(project=project).delete()
        looked_at = Image.objects.filter(project=project).exclude(featured=False, feature_error="")
        looked_at.update(featured=False, feature_error="")


def embed_project(run: Running) -> None:
    """Compute the missing features of the job's project until none is missing; images that arrive meanwhile are taken along.

    Raises NotReady when the backbone's weights are not on this machine, NoSpace when the disk is full.
    """
    project = run.job.project
    extractor, feature_set = _prepare(project)
    store = open_store(feature_set)
    done = 0
    told = tally.progress(project.pk)["featured"]
    run.log(f"Features by {feature_set.fingerprint}.")
    run.step(0, waiting(project.pk).count(), "Computing features", now=True)
    # In random order, not as they came: folders come class by class, and the first labels should see all of them.
    while batch := list(waiting(project.pk).order_by("sort_key")[:BATCH]):
        run.stop_if_cancelled()
        if not FeatureSet.objects.filter(project=project, fingerprint=feature_set.fingerprint).exists():
            # Another backbone has taken over meanwhile.
            project.refresh_from_db()
            extractor, feature_set = _prepare(project)
            store = open_store(feature_set)
            run.log(f"Features by {feature_set.fingerprint} from here on.")
        for problem in _embed(batch, store, extractor):
            run.log(problem)
        done += len(batch)
        run.step(done, done + waiting(project.pk).count())
        counts = tally.progress(project.pk)
        events.publish(project.pk, "progress", dict(counts))
        featured = counts["featured"]
        # The projection is refitted when the pool has doubled: that is when a new ranking sees more than it did.
        if featured >= max(2 * told, 1):
            told = featured
            features_grew.send(Image, project_id=project.pk)


def _embed(batch: list[Image], store: FeatureStore, extractor: Extractor) -> list[str]:
    """Store and mark the features of one batch; answers a line for each image that cannot be used."""
    store.refresh()
    rows = store.rows([image.sha256 for image in batch])
    fresh = [image for image, row in zip(batch, rows, strict=True) if row < 0]
    vectors, problems = compute(fresh, extractor)
    if vectors:
        with disk():
            store.append(list(vectors), list(vectors.values()))
    good = [image.pk for image in batch if image.pk not in problems]
    with transaction.atomic():
        for key, problem in problems.items():
            Image.objects.filter(pk=key).update(feature_error=problem[:200])
        # Last, because it locks the project's tally: whoever answers an image locks the image first and then the tally.
        Image.objects.filter(pk__in=good).update(featured=True, feature_error="")
    names = {image.pk: image.name for image in batch}
    return [f"{names[key]}: {problem}" for key, problem in problems.items()]


def compute(images: Sequence[Image], extractor: Extractor) -> tuple[dict[str, npt.NDArray[np.float32]], dict[int, str]]:
    """Pooled features (dim,) by SHA-256, and a sentence by id for each image that cannot be used; nothing is stored."""
    sources: list[bytes | Path] = []
    readable: list[Image] = []
    vectors: dict[str, npt.NDArray[np.float32]] = {}
    problems: dict[int, str] = {}
    for image in images:
        try:
            source = files.source(image)
        except NotFound as error:
            problems[image.pk] = error.message
            continue
        if isinstance(source, Path) and not source.exists():
            problems[image.pk] = "The file of this image is missing: import it again to mend it."
            continue
        sources.append(source)
        readable.append(image)
    for index, found in extractor.embed_sources(sources):
        image = readable[index]
        if isinstance(found, Exception):
            problems[image.pk] = getattr(found, "message", str(found))
        else:
            vectors[image.sha256] = found
    return vectors, problems


def _prepare(project: Project) -> tuple[Extractor, FeatureSet]:
    """The extractor, and the feature set to add to; another precision than before starts the set afresh.

    The backbone at work goes on until another has taken its place (`challenge`): only the first set asks the project.
    """
    before = FeatureSet.objects.filter(project=project).first()
    backbone = before.backbone if before is not None else project.backbone
    extractor = ready_extractor(backbone, before.fingerprint if before is not None else "")
    if before is not None and before.fingerprint == extractor.fingerprint:
        return extractor, before
    with transaction.atomic():
        if before is not None:
            forget_features(project=project)
        feature_set = FeatureSet.objects.create(
            project=project, backbone=backbone, fingerprint=extractor.fingerprint, dim=extractor.dim
        )
    return extractor, feature_set


def ready_extractor(backbone: str, fingerprint: str = "") -> Extractor:
    """An extractor of that backbone. fingerprint: of the features that there are already, "" for none.

    Where they were made at another precision than this machine's own, it computes at the one that all machines have in
    common. Raises NotReady when the weights are not on this machine.
    """
    from mlcore.backbones import BackboneMissing

    try:
        extractor = _extractor(backbone)
        if fingerprint and fingerprint != extractor.fingerprint:
            # Two kinds of machine share this project: both can do this precision, and nothing is ever mixed.
            extractor = _extractor(backbone, common=True)
    except (BackboneMissing, ValueError) as error:
        raise NotReady(str(error), field="backbone") from error
    return extractor


@cache
def _extractor(backbone: str, *, common: bool = False) -> Extractor:
    """Compiled once a process, at the device's own precision, or at the one that all machines have in common."""
    from mlcore.backbones import extractor
    from mlcore.device import pick

    device = pick(settings.DEVICE)
    if common:
        device = replace(device, openvino_device="CPU", openvino_precision=COMMON_PRECISION)
    return extractor(backbone, device=device, folder=settings.DATA_DIR / "ir", tuned=settings.DATA_DIR / "tuned")


class disk:
    """Turns a full disk into a sentence."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace("The server's disk is full: free some space, and the features go on by themselves.") from error
