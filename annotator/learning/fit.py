"""One turn of the learner: arrays into the core, and a version out that stands for exactly what it saw."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db.models import Max

from annotator.learning.answers import Answers
from annotator.learning.data import Warm
from annotator.learning.models import ModelVersion
from annotator.learning.weights import pack, unpack
from annotator.projects.models import Project
from mlcore.heads import REGISTRY
from mlcore.heads.base import Head, State
from mlcore.loop import Step, step
from mlcore.types import Flags


def fit(*, project: Project, known: Warm, said: Answers, k: int, aside: Flags | None = None) -> Step:
    """Fit on the labels of the pool, score it, and order the k images to ask for. Audit images take no part at all.

    aside (n,) bool: images that have an order of their own, see `from_devices`.
    """
    classes = tuple(label.pk for label in said.classes)
    # New classes come at the end, so what was carried over stays true; when one has gone, it does not.
    still = known.carried == classes[: len(known.carried)]
    excluded = said.excluded if aside is None else said.excluded | aside
    turn = step(
        features=known.pool.z, labels=said.labels, n_classes=len(classes), in_flight=said.in_flight, excluded=excluded,
        k=k, strategy=project.strategy, head=project.head, previous=known.carry if still else None, seed=project.pk,
    )
    known.carry, known.carried = turn.carry(), classes
    return turn


def record_version(*, project: Project, known: Warm, said: Answers, head: Head, kappa: float | None) -> ModelVersion:
    """A version of the fitted head, in state training; the serving one when it was fitted on the very same answers."""
    classes = [{"id": label.pk, "name": label.name, "color": label.color} for label in said.classes]
    serving = ModelVersion.objects.filter(project=project, state=ModelVersion.State.SERVING).first()
    same: dict[str, Any] = {
        "space_id": known.space.pk, "head": project.head, "classes": classes, "annotations_hash": said.digest,
    }
    if serving is not None and all(getattr(serving, name) == value for name, value in same.items()):
        return serving
    mine = ModelVersion.objects.filter(project=project)
    last = mine.aggregate(last=Max("number"))["last"] or 0
    # What a worker that was killed half-way left behind will never serve.
    mine.filter(state__in=(ModelVersion.State.TRAINING, ModelVersion.State.JUDGED)).delete()
    return ModelVersion.objects.create(
        project=project, number=last + 1, strategy=project.strategy, weights=pack(head.state()),
        annotations_seen=said.newest, label_count=int((said.labels >= 0).sum()),
        metrics={"kappa": kappa, "calibration": dict(head.calibration_)}, **same,
    )


def state_of(version: ModelVersion) -> State:
    """Weights and temperature of a version: all that it answers by. Raises ValueError when they have been pruned."""
    if version.weights is None:
        raise ValueError(f"The weights of {version} are no longer kept.")
    return unpack(version.weights) | {"temperature": np.asarray([version.temperature], np.float32)}


def head_of(version: ModelVersion) -> Head:
    """The head that answers for a version. Raises ValueError when its weights have been pruned."""
    return REGISTRY[version.head].from_state(state_of(version))


def fitted_head(version: ModelVersion) -> Head:
    """The same without the temperature from audit labels. Raises ValueError when its weights have been pruned."""
    head = head_of(version)
    head.temperature_ = 1.0
    return head
