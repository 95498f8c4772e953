"""What people have said, on the rows of a project's arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import Max
from django.utils import timezone

from annotator.labelling.models import Annotation, Lease, Standing
from annotator.learning.data import Warm
from annotator.learning.rows import Rows
from annotator.projects.models import Label, Project
from mlcore.types import NO_LABEL, Flags, Ints


@dataclass(frozen=True)
class Answers:
    """What people have said, on the rows of a pool of n images and an audit set of m.

    labels (n,) and truth (m,) int64: place in `classes`, -1 for none. excluded (n,) bool: skipped, flagged, or labelled
    with a class that is no more. answered (m,) bool: the same and labelled. in_flight (n,) bool: leased.
    """

    classes: list[Label]
    labels: Ints
    excluded: Flags
    in_flight: Flags
    truth: Ints
    answered: Flags
    audit_in_flight: Flags
    newest: int
    digest: str


def answers(project: Project, known: Warm) -> Answers:
    """What people have said so far, and who is looking at what."""
    newest = Annotation.objects.filter(project=project).aggregate(newest=Max("seq"))["newest"] or 0
    classes = list(project.labels.filter(archived_at=None).order_by("id"))
    place = {label.pk: number for number, label in enumerate(classes)}
    standing = Standing.objects.filter(project=project).order_by("image_id").values_list("image_id", "kind", "label_id")
    rows = list(standing)
    ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
    given = np.fromiter(
        (place.get(label, NO_LABEL) if kind == Annotation.Kind.LABEL else NO_LABEL for _, kind, label in rows),
        np.int64, len(rows),
    )
    labels, answered_pool = _spread(known.pool, ids, given)
    truth, answered = _spread(known.audit, ids, given)
    leased = Lease.objects.filter(project=project, expires_at__gt=timezone.now()).values_list("image_id", flat=True)
    leases = np.fromiter(leased, np.int64)
    learnt = given >= 0
    learnt[learnt] = known.pool.find(ids[learnt]) >= 0
    pairs = np.stack([ids[learnt], np.asarray([label.pk for label in classes], np.int64)[given[learnt]]], axis=1)
    return Answers(
        classes=classes, labels=labels, excluded=answered_pool & (labels < 0), in_flight=_marked(known.pool, leases),
        truth=truth, answered=answered, audit_in_flight=_marked(known.audit, leases), newest=newest,
        digest=hashlib.sha256(pairs.astype("<i8").tobytes()).hexdigest(),
    )


def _spread(rows: Rows, ids: Ints, given: Ints) -> tuple[Ints, Flags]:
    """Answers by image id -> by row: (n,) int64 class or -1, (n,) bool answered at all."""
    place = rows.find(ids)
    here = place >= 0
    labels = np.full(len(rows), NO_LABEL, np.int64)
    labels[place[here]] = given[here]
    answered = np.zeros(len(rows), np.bool_)
    answered[place[here]] = True
    return labels, answered


def _marked(rows: Rows, ids: Sequence[int] | Ints) -> Flags:
    flags = np.zeros(len(rows), np.bool_)
    place = rows.find(ids)
    flags[place[place >= 0]] = True
    return flags
