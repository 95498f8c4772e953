"""How devices fare, minute by minute: written down once however often it is told, and forgotten after a while."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.utils import timezone

from annotator.delivery.models import Bundle, Device, Drift, Vitals
from annotator.delivery.references import reference_of
from annotator.jobs import bus

# How far ahead of ours a device's clock may be.
AHEAD = timedelta(minutes=5)
MOST_VECTORS = 8
FLOAT16_BYTES = 2
PRUNE_SECONDS = 3600


@dataclass(frozen=True)
class Minute:
    """One minute of a device at work; `bundle` is the bundle's number, `features` float16 vectors one after the other."""

    at: datetime
    bundle: int | None = None
    count: int = 0
    errors: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None
    throughput: float | None = None
    confidence: list[int] = field(default_factory=list)
    classes: dict[str, int] = field(default_factory=dict)
    features: bytes = b""


@dataclass(frozen=True)
class Taken:
    """How many minutes were written down, were known already, and were passed over: too old, or by a clock that is wrong."""

    stored: int
    known: int
    passed_over: int


def take_vitals(*, device: Device, minutes: Iterable[Minute]) -> Taken:
    """Write down minutes of a device. What is told of a minute first holds, so that a retry adds nothing.

    A device tells many minutes at once after a break, so one that is of no use does not keep the others out.
    """
    now = timezone.now()
    told = {minute.at: minute for minute in reversed(list(minutes))}
    kept = {at: minute for at, minute in told.items() if now - retention() <= at <= now + AHEAD and _is_whole(at)}
    numbers = {minute.bundle for minute in kept.values() if minute.bundle is not None}
    bundles = {bundle.number: bundle for bundle in Bundle.objects.filter(project=device.project_id, number__in=numbers)}
    known = set(Vitals.objects.filter(device=device, at__in=list(kept)).values_list("at", flat=True))
    rows = []
    for at, minute in kept.items():
        bundle = None if minute.bundle is None else bundles.get(minute.bundle)
        if at not in known:
            rows.append(Vitals(
                device=device, at=at, bundle=bundle, count=minute.count, errors=minute.errors, p50_ms=minute.p50_ms,
                p95_ms=minute.p95_ms, throughput=minute.throughput, confidence=minute.confidence, classes=minute.classes,
                features=_features(device, bundle, minute.features),
            ))
    Vitals.objects.bulk_create(rows, ignore_conflicts=True)
    return Taken(stored=len(rows), known=len(known), passed_over=len(told) - len(kept))


def retention() -> timedelta:
    """How long minutes are kept."""
    return timedelta(days=settings.VITALS_DAYS)


def vectors(row: Vitals, width: int) -> npt.NDArray[np.float32]:
    """The feature vectors (k, width) of a minute; none where they have another width."""
    flat = np.frombuffer(bytes(row.features or b""), "<f2").astype(np.float32)
    return flat.reshape(-1, width) if flat.size % width == 0 else np.zeros((0, width), np.float32)


def prune() -> None:
    """Forget minutes, and the drift in them, that are older than the setting. Looks once an hour."""
    if not bus.raise_flag("vitals-pruned", seconds=PRUNE_SECONDS):
        return
    long_ago = timezone.now() - retention()
    for device in Device.objects.values_list("pk", flat=True):
        # By device, because that is what the index begins with.
        Vitals.objects.filter(device=device, at__lt=long_ago).delete()
        Drift.objects.filter(device=device, at__lt=long_ago).delete()


def _is_whole(at: datetime) -> bool:
    return not at.second and not at.microsecond


def _features(device: Device, bundle: Bundle | None, data: bytes) -> bytes | None:
    """What is kept of the feature vectors of a minute: of a bundle that is known, if privacy lets them leave at all.

    A minute in which one model took over from another may hold vectors of both; those are of no use.
    """
    if not data or bundle is None or device.privacy == Device.Privacy.NOTHING:
        return None
    reference = reference_of(bundle)
    return data if reference is not None and are_vectors(data, reference.width, MOST_VECTORS) else None


def are_vectors(data: bytes, width: int, most: int) -> bool:
    """Whether these are 1 to `most` vectors of `width` float16 numbers, all finite."""
    row = FLOAT16_BYTES * width
    whole = len(data) % row == 0 and row <= len(data) <= most * row
    return whole and bool(np.isfinite(np.frombuffer(data, "<f2")).all())
