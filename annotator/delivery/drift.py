"""Whether what devices see is still what their models were made on: a look at each window of their vitals, kept as rows."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from django.conf import settings

from annotator.delivery.models import Bundle, Device, Drift, Vitals
from annotator.delivery.references import STEPS, Reference, reference_of
from annotator.delivery.vitals import vectors
from mlcore.drift import MMD_CHANCE, Shift, confidence_shift, features_shift

# A window is looked at this many times while it passes.
LOOKS = 4
# From fewer answers a histogram tells nothing, whatever the formula says.
FEWEST_ANSWERS = 30


def window() -> timedelta:
    """How long a time drift is measured over."""
    return timedelta(minutes=settings.DRIFT_MINUTES)


def is_due(told: datetime | None, looked: datetime | None) -> bool:
    """Whether there is something to look at, by the last minute that was told and the last that was looked at."""
    return told is not None and (looked is None or told >= looked + window() / LOOKS)


def look(device: Device) -> Drift | None:
    """Measure the drift of a device's last window, when a quarter of one has passed since the last look.

    None when it is too early, nothing has been told, or there is too little to go by.
    """
    newest = Vitals.objects.filter(device=device).order_by("-at").values_list("at", "bundle").first()
    if newest is None or newest[1] is None:
        return None
    at, bundle_id = newest
    looked = Drift.objects.filter(device=device).order_by("-at").values_list("at", flat=True).first()
    if not is_due(at, looked):
        return None
    bundle = Bundle.objects.get(pk=bundle_id)
    reference = reference_of(bundle)
    return None if reference is None else _measure(device, bundle, reference, at)


def large(point: Drift) -> dict[str, bool]:
    """Whether the confidence (`psi`) and the features (`mmd`) of a point have moved so far that somebody should look."""
    return {
        "psi": _shift(point.psi, point.threshold_psi).large,
        "mmd": _shift(point.mmd, point.threshold_mmd).large and (point.p_value or 0.0) <= MMD_CHANCE,
    }


def _measure(device: Device, bundle: Bundle, reference: Reference, at: datetime) -> Drift | None:
    rows = list(Vitals.objects.filter(device=device, bundle=bundle, at__gt=at - window(), at__lte=at))
    confidence = np.sum([row.confidence for row in rows if len(row.confidence) == STEPS] or [[0] * STEPS], axis=0)
    seen = np.concatenate([vectors(row, reference.width) for row in rows])
    answers = int(confidence.sum())
    if answers < FEWEST_ANSWERS:
        return None
    found: dict[str, float | None] = {}
    if reference.confidence.sum():
        sure = confidence_shift(reference.confidence, confidence)
        found |= {"psi": sure.value, "threshold_psi": sure.threshold}
    # The seed is the window's own, so that the same window gives the same answer.
    features = features_shift(reference.sample, seen, seed=int(at.timestamp()) // 60)
    if features is not None:
        found |= {"mmd": features.value, "threshold_mmd": features.threshold, "p_value": features.p_value}
    defaults = {"bundle": bundle, "answers": answers, "vectors": len(seen), **found}
    return Drift.objects.get_or_create(device=device, at=at, defaults=defaults)[0]


def _shift(value: float | None, threshold: float | None) -> Shift:
    """As it was measured; what was not is no shift."""
    return Shift(0.0, 1.0) if value is None or threshold is None else Shift(value, threshold)
