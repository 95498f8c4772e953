"""Rows of the database <-> arrays: the one place where they meet. A worker keeps a project's arrays warm between turns."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace

import numpy as np
from django.db.models import Count, Max, Sum

from annotator.images.models import Image
from annotator.labelling import tally
from annotator.learning.embed import open_store
from annotator.learning.models import FeatureSet, FeatureSpace
from annotator.learning.rows import Rows
from annotator.learning.weights import pack, unpack
from annotator.projects.models import Project
from mlcore.loop import Carry
from mlcore.projection import FIT_ROWS, Projection
from mlcore.store import FeatureStore
from mlcore.types import Floats, Ints

# Rows that are projected at a time: pooled features are five times wider than projected ones.
BLOCK = 8192
# Images that are read from the database at a time: a million tuples would take as much memory as their features.
PAGE = 50_000
# Arrays of projects that have not been used lately are dropped beyond this.
WARM_BYTES = 600_000_000
COLUMNS = ("id", "sha256", "is_audit", "sort_key")


@dataclass
class Warm:
    """What a worker remembers of a project: pool (learnt from and asked about), audit (judges only), and the last turn."""

    feature_set: FeatureSet
    store: FeatureStore
    space: FeatureSpace
    projection: Projection
    pool: Rows = field(default_factory=Rows)
    audit: Rows = field(default_factory=Rows)
    seen: tuple[int, int, int] = (0, 0, 0)
    carry: Carry | None = None
    carried: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        # A small project may have no audit image at all; even none of them has a width.
        for rows in (self.pool, self.audit):
            if not len(rows):
                rows.replace(np.zeros((0, self.projection.dim), np.float32))

    def __len__(self) -> int:
        return len(self.pool) + len(self.audit)

    @property
    def sum_of_ids(self) -> int:
        return int(self.pool.ids.sum() + self.audit.ids.sum())

    @property
    def nbytes(self) -> int:
        return self.pool.z.nbytes + self.audit.z.nbytes


_warm: OrderedDict[int, Warm] = OrderedDict()


def warm(project: Project) -> Warm | None:
    """The project's arrays as of now; None while no image of the pool has features. Only what has changed is read."""
    found = _warm.pop(project.pk, None)
    feature_set = FeatureSet.objects.filter(project=project).first()
    if feature_set is None:
        return None
    space = project.feature_spaces.filter(fingerprint=feature_set.fingerprint).order_by("-number").first()
    if found is None or space is None or found.space.pk != space.pk:
        # Nothing is warm, or another worker has refitted the projection.
        store = open_store(feature_set)
        if space is not None:
            found = Warm(feature_set, store, space, projection_of(space))
        else:
            first = _first_space(project, feature_set, store)
            if first is None:
                return None
            found = Warm(feature_set, store, *first)
    _follow(project, found)
    if not len(found.pool):
        return None
    _warm[project.pk] = found
    while len(_warm) > 1 and sum(entry.nbytes for entry in _warm.values()) > WARM_BYTES:
        _warm.popitem(last=False)
    return found


def forget(project_id: int | None = None) -> None:
    """Drop what is warm, of one project or of all."""
    if project_id is None:
        _warm.clear()
    else:
        _warm.pop(project_id, None)


def projection_of(space: FeatureSpace) -> Projection:
    """The projection that a space keeps."""
    return Projection.from_state(unpack(space.weights))


def _first_space(
    project: Project, feature_set: FeatureSet, store: FeatureStore
) -> tuple[FeatureSpace, Projection] | None:
    """The project's first projection, from whatever has features now; None when nothing has."""
    featured = Image.objects.filter(project=project, featured=True)
    # Twice as many as a projection is fitted on: some of them are the judge's.
    first = featured.order_by("sort_key").values_list("id", "sha256", "is_audit")[: 2 * FIT_ROWS]
    lost = [0]
    while lost:
        found = list(first.all())
        stored = store.rows([key for _, key, _ in found])
        # Those that have been lost are featured no more, so the next look finds others.
        lost = [image for (image, _, _), row in zip(found, stored, strict=True) if row < 0]
        _recompute(lost)
    pool = stored[~np.asarray([is_audit for _, _, is_audit in found], np.bool_)]
    if not len(pool):
        return None
    fitted_on = len(pool) if len(found) < 2 * FIT_ROWS else featured.filter(is_audit=False).count()
    return _fit_space(project, feature_set, store, pool[:FIT_ROWS], fitted_on)


def _follow(project: Project, known: Warm) -> None:
    """Take up images that have come and drop those that have gone; refit the projection when the pool has doubled."""
    counts = tally.progress(project.pk)
    newest = Image.objects.filter(project=project).aggregate(newest=Max("id"))["newest"] or 0
    seen = (counts["images"], counts["featured"], newest)
    if seen == known.seen:
        return
    store = known.store
    store.refresh()
    featured = Image.objects.filter(project=project, featured=True)
    last = max(known.pool.ids.max(initial=0), known.audit.ids.max(initial=0))
    complete = True
    while page := list(featured.filter(pk__gt=last).order_by("pk").values_list(*COLUMNS)[:PAGE]):
        complete &= _take(known, store, page)
        last = page[-1][0]
    truth = featured.aggregate(count=Count("id"), sum=Sum("id"))
    if (len(known), known.sum_of_ids) != (truth["count"], truth["sum"] or 0):
        # Images were deleted, or got their features out of order.
        here = np.fromiter(featured.values_list("id", flat=True), np.int64)
        _drop(known, here)
        missing = np.setdiff1d(here, np.concatenate([known.pool.ids, known.audit.ids]))
        for start in range(0, len(missing), 500):
            some = featured.filter(pk__in=missing[start : start + 500].tolist())
            complete &= _take(known, store, list(some.values_list(*COLUMNS)))
    if len(known.pool) >= 2 * known.space.fitted_on:
        chosen = np.argsort(known.pool.sort_keys, kind="stable")[:FIT_ROWS]
        known.space, known.projection = _fit_space(
            project, known.feature_set, store, known.pool.stored[chosen], len(known.pool)
        )
        known.carry = None
        for rows in (known.pool, known.audit):
            rows.replace(_project(known.projection, store, rows.stored, rows.z))
    # What could not be found is looked for again next time.
    known.seen = seen if complete else (0, 0, 0)


def _take(known: Warm, store: FeatureStore, found: list[tuple[int, str, bool, int]]) -> bool:
    """Add images whose features are in the store. Those whose are not must be computed again, and it answers False."""
    stored = store.rows([image[1] for image in found])
    lost = [image[0] for image, row in zip(found, stored, strict=True) if row < 0]
    _recompute(lost)
    ids = np.asarray([image[0] for image in found], np.int64)
    audit = np.asarray([image[2] for image in found], np.bool_)
    keys = np.asarray([image[3] for image in found], np.int64)
    for rows, belongs in ((known.pool, ~audit), (known.audit, audit)):
        mine = belongs & (stored >= 0)
        if mine.any():
            rows.add(ids[mine], keys[mine], stored[mine], _project(known.projection, store, stored[mine]))
    return not lost


def _recompute(lost: list[int]) -> None:
    """Mark images whose features are not in the store: the sweep has them computed again."""
    for start in range(0, len(lost), 500):
        Image.objects.filter(pk__in=lost[start : start + 500]).update(featured=False)


def _drop(known: Warm, here: Ints) -> None:
    kept = np.isin(known.pool.ids, here)
    if not kept.all():
        if known.carry is not None and len(known.carry.predictions) <= len(kept):
            predictions = known.carry.predictions[kept[: len(known.carry.predictions)]]
            known.carry = replace(known.carry, predictions=predictions)
        known.pool.keep(kept)
    kept = np.isin(known.audit.ids, here)
    if not kept.all():
        known.audit.keep(kept)


def _fit_space(
    project: Project, feature_set: FeatureSet, store: FeatureStore, stored: Ints, fitted_on: int
) -> tuple[FeatureSpace, Projection]:
    projection = Projection().fit(store.gather(np.sort(stored)))
    last = project.feature_spaces.aggregate(last=Max("number"))["last"] or 0
    space = FeatureSpace.objects.create(
        project=project, number=last + 1, backbone=feature_set.backbone, fingerprint=feature_set.fingerprint,
        fitted_on=fitted_on, weights=pack(projection.state()),
    )
    # Of the spaces before, those that no model lives in are of no more use.
    project.feature_spaces.filter(number__lt=space.number, models=None).delete()
    return space, projection


def _project(projection: Projection, store: FeatureStore, stored: Ints, z: Floats | None = None) -> Floats:
    """Rows of the store as heads see them (n, d), in the place of z where it has that shape: two of it might not fit."""
    if z is None or z.shape != (len(stored), projection.dim):
        z = np.empty((len(stored), projection.dim), np.float32)
    for start in range(0, len(stored), BLOCK):
        z[start : start + BLOCK] = projection.transform(store.gather(stored[start : start + BLOCK]))
    return z


def read(project: Project) -> tuple[Ints, Floats] | None:
    """Ids (n,) and projected features (n, d) of all images, for one use: nothing is kept, fitted or marked.

    None while there is no projection. Images whose features are not in the store are left out.
    """
    feature_set = FeatureSet.objects.filter(project=project).first()
    if feature_set is None:
        return None
    space = project.feature_spaces.filter(fingerprint=feature_set.fingerprint).order_by("-number").first()
    if space is None:
        return None
    store = open_store(feature_set)
    featured = Image.objects.filter(project=project, featured=True)
    last, ids, stored = 0, [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    while page := list(featured.filter(pk__gt=last).order_by("pk").values_list("id", "sha256")[:PAGE]):
        ids.append(np.asarray([image for image, _ in page], np.int64))
        stored.append(store.rows([key for _, key in page]))
        last = page[-1][0]
    found = np.concatenate(stored)
    return np.concatenate(ids)[found >= 0], _project(projection_of(space), store, found[found >= 0])
