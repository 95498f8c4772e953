"""What a device says each time it asks: how it is, what it runs, how far it is with its order."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from annotator.delivery import devices, rollout
from annotator.delivery.models import Bundle, Device


@dataclass(frozen=True)
class Runs:
    """What answers on the device: the bundle's number and its zip's SHA-256, the precision, and on what it runs."""

    number: int
    sha256: str
    precision: str = ""
    on: str = ""


@dataclass(frozen=True)
class Report:
    """One report. `order` is the serial of the order last taken, 0 before the first; `info` comes after a start alone."""

    state: str
    why: str = ""
    order: int = 0
    running: Runs | None = None
    done: int = 0
    total: int = 0
    measured: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] | None = None
    health: dict[str, Any] = field(default_factory=dict)


def take_report(*, device: Device, report: Report) -> Device:
    """Write down what a device told, and let its deployment follow. Answers the device as it is then."""
    now = timezone.now()
    with transaction.atomic():
        mine = Device.objects.select_for_update(of=("self",)).select_related("running", "wanted").get(pk=device.pk)
        runs = _bundle(mine, report.running)
        if (runs and runs.pk) != mine.running_id:
            mine.running_since = None if runs is None else now
        mine.running = runs
        told = report.running if runs is not None else None
        mine.running_precision = "" if told is None else told.precision[:12]
        mine.running_on = "" if told is None else told.on[:40]
        mine.state, mine.why, mine.last_seen = report.state, report.why[:500], now
        mine.progress_done, mine.progress_total = report.done, report.total
        mine.order_taken, mine.health = report.order, report.health
        # After a backup was put back a device knows of orders that the database does not: the next must be newer than those.
        mine.order_serial = max(mine.order_serial, report.order)
        if report.info is not None:
            mine.info = report.info
        mine.save(update_fields=[
            "running", "running_since", "running_precision", "running_on", "state", "why", "last_seen", "progress_done",
            "progress_total", "order_taken", "order_serial", "health", "info",
        ])
        rollout.follow(
            device=mine, serial=report.order, state=report.state, why=mine.why, measured=report.measured
        )
        transaction.on_commit(partial(devices.tell, mine))
    return mine


def _bundle(device: Device, runs: Runs | None) -> Bundle | None:
    """The bundle of this project that a device says it runs; None for one of another project or workspace."""
    if runs is None:
        return None
    return Bundle.objects.filter(project=device.project_id, number=runs.number, sha256=runs.sha256).first()
