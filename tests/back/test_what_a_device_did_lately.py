"""Beside a device stands what it did in the last hour: how much, and how fast."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from annotator.delivery import devices
from annotator.delivery.models import Device, Vitals
from annotator.projects.models import Project
from tests.back.devices import make_device


def minute(device: Device, ago: int, count: int, p50: float | None, p95: float | None) -> None:
    """What it told of one minute, so many minutes ago."""
    at = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=ago)
    Vitals.objects.create(device=device, at=at, count=count, p50_ms=p50, p95_ms=p95)


def test_latencies_are_weighed_by_the_answers_of_their_minute(project: Project) -> None:
    device = make_device(project)
    minute(device, 1, 10, 10.0, 20.0)
    minute(device, 2, 30, 20.0, 40.0)
    assert devices.describe(device)["work"] == {"images": 40, "p50_ms": 17.5, "p95_ms": 35.0}


def test_what_is_older_than_an_hour_or_empty_does_not_count(project: Project) -> None:
    device, other = make_device(project), make_device(project, "Gate")
    minute(device, 90, 500, 10.0, 20.0)
    minute(device, 3, 0, None, None)
    minute(other, 3, 5, 10.0, 20.0)
    assert devices.describe(device)["work"] is None
