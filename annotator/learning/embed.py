"""From images to features: once an image, in batches, into the store; what a killed worker stored is not done again."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.dispatch import Signal

from annotator.images import files
from annotator.images.models import Image
from annotator.jobs import events, shares
from annotator.jobs.models import Share
from annotator.jobs.progress import Cancelled, Running
from annotator.labelling import tally
from annotator.learning.models import FeatureSet
from annotator.projects.errors import NoSpace, NotFound, NotReady
from annotator.projects.models import Project

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mlcore.backbones import Extractor
    from mlcore.store import FeatureStore

log = logging.getLogger(__name__)

# So many images are lost at most when a worker is killed.
BATCH = 64
# How often what waits is counted, and how often a worker whose share is done looks whether the others are.
COUNT_SECONDS = 3.0
LOOK_SECONDS = 0.2
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


def forget_features(*, project: Project) -> None:
    """Let all features of a project be computed again: its backbone is another, or its store has gone."""
    with transaction.atomic():
        FeatureSet.objects.filter(project=project).delete()
        looked_at = Image.objects.filter(project=project).exclude(featured=False, feature_error="")
        looked_at.update(featured=False, feature_error="")


def embed_project(run: Running) -> None:
    """Compute the missing features of the job's project until none is missing; images that arrive meanwhile are taken along.

    Workers of other machines are asked to help, see `help_to_embed`; this one tells how far all of them are.
    Raises NotReady when the backbone's weights are not on this machine, NoSpace when the disk is full.
    """
    share = shares.lead(run.job)
    with shares.Alive(share):
        # Again from the start when the project has got another backbone meanwhile.
        while not _lead(run, share):
            run.job.project.refresh_from_db()


def help_to_embed(share: Share) -> None:
    """Take batches of a features job that another worker leads, until none is free."""
    project = share.job.project
    feature_set = FeatureSet.objects.filter(project=project).first()
    if feature_set is None:
        return
    try:
        extractor = ready_extractor(feature_set.backbone, feature_set.fingerprint)
    except NotReady as error:
        log.info("%s: no help from this machine: %s", share, error)
        return
    if extractor.fingerprint != feature_set.fingerprint:
        log.info("%s: no help from this machine: it has only another precision", share)
        return
    store = open_store(feature_set)
    with shares.Alive(share):
        while batch := shares.take(share, waiting(project.pk), BATCH):
            found = _embed(batch, store, extractor, feature_set)
            if found is None:
                return
            shares.count(share, done=found.marked, notes=found.notes)


def _lead(run: Running, share: Share) -> bool:
    """Work until nothing waits, not in other hands either; False when the project's features are of another kind now."""
    project = run.job.project
    extractor, feature_set = _prepare(project)
    store = open_store(feature_set)
    told = tally.progress(project.pk)["featured"]
    run.log(f"Features by {feature_set.fingerprint}.")
    left = _Left(project.pk)
    run.step(shares.done(run.job), shares.done(run.job) + left.now(), "Computing features", now=True)
    while True:
        # In random order, not as they came: folders come class by class, and the first labels should see all of them.
        batch = shares.take(share, waiting(project.pk), BATCH)
        if batch is None:
            # It raises Taken when another worker leads the job now.
            run.step(run.job.done, run.job.total, now=True)
            raise Cancelled
        if batch:
            if left.about() > len(batch):
                shares.invite(run.job, task="learning.help", queue="bulk")
            found = _embed(batch, store, extractor, feature_set)
            if found is None:
                return False
            shares.count(share, done=found.marked, notes=[])
            for note in found.notes:
                run.log(note)
        for note in shares.collect_notes(run.job):
            run.log(note)
        done = shares.done(run.job)
        if not batch and not left.now():
            run.step(done, done, now=True)
            return True
        run.step(done, done + left.about())
        counts = tally.progress(project.pk)
        events.publish(project.pk, "progress", dict(counts))
        # The projection is refitted when the pool has doubled: that is when a new ranking sees more than it did.
        if counts["featured"] >= max(2 * told, 1):
            told = counts["featured"]
            features_grew.send(Image, project_id=project.pk)
        if not batch:
            # The rest is in other hands; should one of them die, it is free again.
            time.sleep(LOOK_SECONDS)


class _Left:
    """How many images wait: counting a million of them at each batch would cost more than it tells."""

    def __init__(self, project_id: int) -> None:
        self.project_id = project_id
        self._count, self._at = 0, 0.0

    def now(self) -> int:
        self._count, self._at = waiting(self.project_id).count(), time.monotonic()
        return self._count

    def about(self) -> int:
        """Counted a few seconds ago at most."""
        return self.now() if time.monotonic() - self._at >= COUNT_SECONDS else self._count


@dataclass(frozen=True)
class _Found:
    """What became of a batch: how many images are done with, and a line for each that cannot be used."""

    marked: int
    notes: list[str]


def _embed(batch: list[Image], store: FeatureStore, extractor: Extractor, feature_set: FeatureSet) -> _Found | None:
    """Store and mark the features of one batch; None when the project's features are of another kind by now."""
    store.refresh()
    rows = store.rows([image.sha256 for image in batch])
    fresh = [image for image, row in zip(batch, rows, strict=True) if row < 0]
    vectors, problems = compute(fresh, extractor)
    if vectors:
        with disk():
            store.append(list(vectors), list(vectors.values()))
    good = [image.pk for image in batch if image.pk not in problems]
    same = FeatureSet.objects.filter(project=feature_set.project_id, fingerprint=feature_set.fingerprint)
    with transaction.atomic():
        if same.select_for_update().first() is None:
            return None
        for key, problem in problems.items():
            Image.objects.filter(pk=key).update(feature_error=problem[:200])
        # Last, because it locks the project's tally: whoever answers an image locks the image first and then the tally.
        marked = Image.objects.filter(pk__in=good, featured=False).update(featured=True, feature_error="")
    names = {image.pk: image.name for image in batch}
    return _Found(marked + len(problems), [f"{names[key]}: {problem}" for key, problem in problems.items()])


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
