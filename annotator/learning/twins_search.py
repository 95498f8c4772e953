"""Looks for near duplicates among the images that are new since the last look, and writes down the groups."""

from __future__ import annotations

import numpy as np
from django.db import transaction

from annotator.images.models import Image
from annotator.learning import data
from annotator.learning.models import Twin, TwinSearch
from annotator.learning.twins import Facts, facts
from annotator.projects.models import Project
from mlcore.neighbours import Groups, alone, near_duplicates
from mlcore.types import Flags, Floats, Ints

BATCH = 1000


def search(project_id: int, *, in_memory: bool) -> None:
    """Bring the groups up to date. in_memory: with the arrays that the learn worker keeps, else with some read for this."""
    project = Project.objects.filter(pk=project_id, archived_at=None).first()
    now = facts(project) if project is not None else None
    if project is None or now is None:
        return
    before = TwinSearch.objects.filter(project=project).first()
    arrays = _kept(project) if in_memory else data.read(project)
    if arrays is None:
        return
    ids, z = arrays
    new = _new(ids, before, now)
    twins = list(Twin.objects.filter(project=project).values_list("image_id", "number", "cosine"))
    known = alone(len(ids)) if new.all() else _known(ids, twins)
    found = near_duplicates(z, new=new, known=known)
    _write(project, now, ids, found, {image: (number, cosine) for image, number, cosine in twins})


def _kept(project: Project) -> tuple[Ints, Floats] | None:
    known = data.warm(project)
    if known is None:
        return None
    return np.concatenate([known.pool.ids, known.audit.ids]), np.concatenate([known.pool.z, known.audit.z])


def _new(ids: Ints, before: TwinSearch | None, now: Facts) -> Flags:
    """Which images have not been looked at. Where the cosines have changed, or an old image came late, it is all of them."""
    if before is None or before.space != now.space:
        return np.ones(len(ids), np.bool_)
    new = ids > before.newest
    return new if int((~new).sum()) <= before.images else np.ones(len(ids), np.bool_)


def _known(ids: Ints, twins: list[tuple[int, int, float]]) -> Groups:
    """The groups that were written down, on the rows of now."""
    found = alone(len(ids))
    if not twins:
        return found
    images, numbers = (np.asarray([twin[place] for twin in twins], np.int64) for place in (0, 1))
    order = np.argsort(ids, kind="stable")
    rows = order[np.minimum(np.searchsorted(ids, images, sorter=order), len(ids) - 1)]
    # Images that were deleted have no row.
    here = ids[rows] == images
    rows, numbers = rows[here], numbers[here]
    _, group = np.unique(numbers, return_inverse=True)
    first = np.full(len(numbers), len(ids), np.int64)
    np.minimum.at(first, group, rows)
    found.root[rows] = first[group]
    found.cosine[rows] = np.asarray([twin[2] for twin in twins], np.float32)[here]
    return found


def _write(project: Project, now: Facts, ids: Ints, found: Groups, before: dict[int, tuple[int, float]]) -> None:
    """Change the rows that differ. A group is called by its smallest image id, whatever order the rows are in."""
    smallest = ids.copy()
    np.minimum.at(smallest, found.root, ids)
    rows = np.flatnonzero(found.grouped)
    numbers, cosines = smallest[found.root[rows]], found.cosine[rows]
    after = {
        int(image): (int(number), round(float(cosine), 4))
        for image, number, cosine in zip(ids[rows], numbers, cosines, strict=True)
    }
    changed = [image for image, twin in after.items() if before.get(image) != twin]
    gone = [image for image in before if image not in after]
    with transaction.atomic():
        for start in range(0, len(gone), BATCH):
            Twin.objects.filter(pk__in=gone[start : start + BATCH]).delete()
        for start in range(0, len(changed), BATCH):
            some = changed[start : start + BATCH]
            here = set(Image.objects.filter(pk__in=some).values_list("pk", flat=True))
            Twin.objects.bulk_create(
                [Twin(image_id=image, project=project, number=after[image][0], cosine=after[image][1]) for image in some
                 if image in here],
                update_conflicts=True, unique_fields=["image"], update_fields=["number", "cosine"],
            )
        TwinSearch.objects.update_or_create(
            project=project, defaults={"space": now.space, "images": now.images, "newest": now.newest}
        )
