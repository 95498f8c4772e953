"""How good a version is, by audit labels only; and which one serves. Only this module moves a version's state."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
from django.db import transaction

from annotator.learning.answers import Answers
from annotator.learning.data import Warm
from annotator.learning.fit import fitted_head
from annotator.learning.models import ModelVersion
from mlcore.calibration import cross_tempered, fit_temperature, reliability
from mlcore.evaluation import accuracy, macro_f1, per_class, ppi_accuracy, wilson
from mlcore.heads.base import sharpened
from mlcore.threads import one_thread

# An estimate from fewer audit labels than this would only mislead.
PPI_LABELS = 10
# From fewer the temperature would be worse than that of cross-validation, although this leans low.
TEMPERATURE_LABELS = 30
MILESTONES = tuple(step * 10**power for power in range(1, 7) for step in (1, 2, 5))


@one_thread()
def judge(*, version: ModelVersion, known: Warm, said: Answers) -> None:
    """Measure the stored weights on the audit images labelled so far: training -> judged (a serving one stays serving).

    Accuracy comes with Wilson's interval. The prediction-powered estimate adds the confidence in audit images that nobody
    has labelled yet: like the labelled ones they were drawn at random and never learnt from, so it stays unbiased. It takes
    the confidence as the training labels made it, to which audit labels have added nothing.

    From TEMPERATURE_LABELS audit labels on they give the temperature, which changes how sure the model says it is and no
    answer. How honest that confidence is gets measured on each image at the temperature that the other images give.
    """
    marked = np.flatnonzero(said.truth >= 0)
    head = fitted_head(version)
    probabilities = head.untempered(known.audit.z)
    sure, guess = probabilities.max(axis=1, initial=0.0), probabilities.argmax(axis=1)
    truth, guessed = said.truth[marked], guess[marked]
    right = truth == guessed
    n = len(marked)
    metrics = dict(version.metrics)
    metrics |= {"ppi": None, "macro_f1": None, "per_class": [], "reliability": None}
    version.audit_count = n
    version.accuracy = version.accuracy_low = version.accuracy_high = None
    version.temperature = 1.0
    if n:
        version.accuracy = accuracy(truth, guessed)
        version.accuracy_low, version.accuracy_high = wilson(int(right.sum()), n)
        metrics["macro_f1"] = macro_f1(truth, guessed, len(version.classes))
        metrics["per_class"] = [asdict(score) for score in per_class(truth, guessed, len(version.classes))]
        honest = sure[marked]
        if n >= TEMPERATURE_LABELS:
            version.temperature = fit_temperature(probabilities[marked], right)
            honest = cross_tempered(probabilities[marked], right)
        if n >= PPI_LABELS:
            metrics["ppi"] = asdict(ppi_accuracy(right, sure[marked], sure[~said.answered]))
            metrics["reliability"] = asdict(reliability(honest, right))
    version.metrics = plain(metrics)
    confidence = sharpened(probabilities[marked], version.temperature).max(axis=1, initial=0.0)
    ids = known.audit.ids[marked]
    version.audit_results = [
        [int(image), int(true), int(said_so), round(float(p), 4)]
        for image, true, said_so, p in zip(ids, truth, guessed, confidence, strict=True)
    ]
    if version.state == ModelVersion.State.TRAINING:
        version.state = ModelVersion.State.JUDGED
    version.save(update_fields=[
        "state", "audit_count", "accuracy", "accuracy_low", "accuracy_high", "temperature", "metrics", "audit_results",
    ])


def serve(*, version: ModelVersion) -> None:
    """Let a judged version serve: the one before retires, and keeps its weights only at a milestone or in a bundle."""
    if version.state != ModelVersion.State.JUDGED:
        return
    with transaction.atomic():
        before = ModelVersion.objects.filter(project=version.project_id, state=ModelVersion.State.SERVING).first()
        if before is not None:
            before.state = ModelVersion.State.RETIRED
            before.audit_results = None
            before.save(update_fields=["state", "audit_results"])
            if milestone(before.label_count) == milestone(version.label_count):
                # One statement, so that a bundle asked for at this moment either pins the weights or is told.
                ModelVersion.objects.filter(pk=before.pk, pinned=False).update(weights=None)
        version.state = ModelVersion.State.SERVING
        version.save(update_fields=["state"])


def retire_all(*, project_id: int) -> None:
    """There is nothing left to have learnt from: no version serves."""
    serving = ModelVersion.objects.filter(project=project_id, state=ModelVersion.State.SERVING)
    serving.update(state=ModelVersion.State.RETIRED, audit_results=None)


def milestone(labels: int) -> int:
    """The last of 10, 20, 50, 100, 200, ... that so many labels have reached."""
    return max((mark for mark in MILESTONES if mark <= labels), default=0)


def plain(value: Any) -> Any:
    """The same with numbers that are not finite as None: JSON has no such numbers."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
