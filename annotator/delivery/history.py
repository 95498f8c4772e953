"""How a device has fared: its minutes put together for a chart, the drift in them, and what was sent to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from annotator.delivery.models import Delivery, Device, Drift, Vitals
from annotator.delivery.references import STEPS

MOST_HOURS = 7 * 24
# A chart is not wider than this many points.
POINTS = 240
DELIVERIES = 50
_FIELDS = ("at", "count", "errors", "p50_ms", "p95_ms", "throughput", "confidence")

Row = Sequence[Any]


def history(*, device: Device, hours: int) -> dict[str, Any]:
    """vitals, drift and deliveries of the last hours (1 to MOST_HOURS), oldest first, deliveries newest first."""
    since = timezone.now() - timedelta(hours=hours)
    minutes = Vitals.objects.filter(device=device, at__gte=since).order_by("at").values_list(*_FIELDS)
    step = timedelta(minutes=max(1, -(-hours * 60 // POINTS)))
    points: dict[datetime, list[Row]] = {}
    for minute in minutes:
        points.setdefault(since + (minute[0] - since) // step * step, []).append(minute)
    return {
        "vitals": [_together(rows) for rows in points.values()],
        "drift": [_drift(point) for point in Drift.objects.filter(device=device, at__gte=since).order_by("at")],
        "deliveries": [_delivery(delivery) for delivery in _deliveries(device)],
    }


def _together(rows: Sequence[Row]) -> dict[str, Any]:
    """Minutes as one point: counts added, the median and the throughput on average over answers, p95 the worst."""
    counts = [row[1] for row in rows]
    confidence = [sum(step) for step in zip(*(row[6] for row in rows if len(row[6]) == STEPS), strict=True)]
    answers = sum(confidence)
    return {
        "at": rows[0][0].isoformat(), "count": sum(counts), "errors": sum(row[2] for row in rows),
        "p50_ms": _mean([(row[3], row[1]) for row in rows]),
        "p95_ms": max((row[4] for row in rows if row[4] is not None), default=None),
        "throughput": _mean([(row[5], row[1]) for row in rows]),
        "mean_confidence":
            round(sum((place + 0.5) * n for place, n in enumerate(confidence)) / (STEPS * answers), 4) if answers else None,
    }


def _mean(values: Sequence[tuple[float | None, int]]) -> float | None:
    """The mean of values, each counted so many times; None when there is nothing to count."""
    known = [(value, times) for value, times in values if value is not None and times]
    times = sum(times for _, times in known)
    return round(sum(value * each for value, each in known) / times, 3) if times else None


def _drift(point: Drift) -> dict[str, Any]:
    fields = ("psi", "mmd", "threshold_psi", "threshold_mmd")
    return {"at": point.at.isoformat(), **{field: _rounded(getattr(point, field)) for field in fields}}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _deliveries(device: Device) -> list[Delivery]:
    mine = Delivery.objects.filter(device=device).select_related("deployment__bundle")
    return list(mine.order_by("-deployment_id")[:DELIVERIES])


def _delivery(delivery: Delivery) -> dict[str, Any]:
    deployment = delivery.deployment
    return {
        "deployment": deployment.pk, "number": deployment.bundle.number, "rollback": deployment.rollback,
        "state": delivery.state, "done": delivery.done, "total": delivery.total, "why": delivery.why,
        "measured": delivery.measured or None, "started_at": delivery.started_at and delivery.started_at.isoformat(),
        "finished_at": delivery.finished_at and delivery.finished_at.isoformat(),
    }
