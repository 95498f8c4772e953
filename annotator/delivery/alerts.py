"""What somebody should look at: alerts that open when something is wrong and close when it is right again.

Between wrong and right there is a stretch where nothing changes, so that what hovers about a limit does not ring all day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from annotator.delivery import devices, drift
from annotator.delivery.models import Alert, Device, Drift, Vitals
from annotator.jobs import events
from annotator.projects.errors import NotFound
from annotator.projects.models import Project, User

Kind = Alert.Kind

# A device that was not heard of for so long is worth a look: a page shows it as offline long before.
SILENT = timedelta(minutes=5)
# Megabytes of disk below which there is an alert, and from which on it ends.
DISK_LOW, DISK_FINE = 200.0, 400.0
# Minutes that a device must be slow for, and the share of its budget within which it is fine again.
SLOW_MINUTES, SLOW_WINDOW, FINE_SHARE = 3, timedelta(minutes=10), 0.9
# A measurement of drift takes a twentieth of a second: so many at a time, that no answer waits for a whole fleet's.
DRIFT_LOOKS = 5
# A shift is over when it is below this share of what opened the alert.
OVER_SHARE = 0.5
LISTED = 100
DRIFTED = {
    Kind.DRIFT_CONFIDENCE:
        "{device} is not as sure as its model was on the images that it was made on: PSI {value:.2f}, and {threshold:.2f} "
        "is a lot. Label some of what it sees and deploy again.",
    Kind.DRIFT_FEATURES:
        "{device} sees other pictures than its model was made on: MMD {value:.2f}, and {threshold:.2f} is more than chance. "
        "Label some of what it sees and deploy again.",
}


@dataclass(frozen=True)
class Look:
    """What was found: wrong (an alert opens), right (it closes) or neither (it stays as it is)."""

    kind: str
    wrong: bool
    right: bool
    value: float | None = None
    threshold: float | None = None
    text: str = ""


def watch() -> None:
    """Look at every device, and open and close its alerts. Called by the sweep."""
    now = timezone.now()
    opened: dict[Any, dict[str, Alert]] = {}
    for alert in Alert.objects.filter(closed_at=None).select_related("device"):
        opened.setdefault(alert.device_id, {})[alert.kind] = alert
    measured = 0
    for device in _with_moments(Device.objects.filter(project__archived_at=None)):
        mine = opened.get(device.pk, {})
        if device.revoked_at is not None:
            for alert in mine.values():
                _close(alert, now)
            continue
        looks = list(_looks(device, now))
        if measured < DRIFT_LOOKS and drift.is_due(*_moments(device)):
            shifts = list(_drift(device))
            measured += bool(shifts)
            looks += shifts
        for look in looks:
            _settle(device, look, mine.get(look.kind), now)


def mark_seen(*, project: Project, alert_id: int, user: User) -> Alert:
    """Somebody has looked at an alert; who was first stays. Raises NotFound."""
    alert = Alert.objects.filter(device__project=project, pk=alert_id).select_related("device", "seen_by").first()
    if alert is None:
        raise NotFound("This project has no such alert.")
    if alert.seen_at is None:
        alert.seen_by, alert.seen_at = user, timezone.now()
        alert.save(update_fields=["seen_by", "seen_at"])
        _tell(alert)
    return alert


def newest(projects: list[int]) -> list[Alert]:
    """The alerts of some projects: open ones first, then those that have closed, the latest first."""
    mine = Alert.objects.filter(device__project__in=projects).select_related("device__project", "seen_by")
    opened = list(mine.filter(closed_at=None).order_by("-opened_at")[:LISTED])
    return opened + list(mine.exclude(closed_at=None).order_by("-closed_at")[: LISTED - len(opened)])


def describe(alert: Alert) -> dict[str, Any]:
    """An alert as events and the API tell it."""
    seen_by = alert.seen_by
    return {
        "id": alert.pk, "device": str(alert.device_id), "name": alert.device.name, "kind": alert.kind, "value": alert.value,
        "threshold": alert.threshold, "text": alert.text, "opened_at": alert.opened_at.isoformat(),
        "closed_at": alert.closed_at and alert.closed_at.isoformat(),
        "seen_by": seen_by and (seen_by.get_full_name() or seen_by.get_username()),
        "seen_at": alert.seen_at and alert.seen_at.isoformat(),
    }


def _with_moments(devices: QuerySet[Device]) -> QuerySet[Device]:
    """The same with the last minute that each has told (`told`) and that drift was looked at (`looked`), read at once."""
    told, looked = (
        rows.objects.filter(device=OuterRef("pk")).order_by("-at").values("at")[:1] for rows in (Vitals, Drift)
    )
    # Who has waited longest comes first.
    return devices.annotate(told=Subquery(told), looked=Subquery(looked)).order_by(F("looked").asc(nulls_first=True), "pk")


def _looks(device: Device, now: datetime) -> Iterator[Look]:
    for rule in (_offline, _failed, _disk, _slow):
        found = rule(device, now)
        if found is not None:
            yield found


def _moments(device: Device) -> tuple[datetime | None, datetime | None]:
    return vars(device)["told"], vars(device)["looked"]


def _offline(device: Device, now: datetime) -> Look | None:
    if device.last_seen is None:
        return None
    silent = now - device.last_seen
    return Look(
        Kind.OFFLINE, silent > SILENT, devices.is_online(device, now), silent.total_seconds(), SILENT.total_seconds(),
        f"{device.name} has not been heard of since {device.last_seen:%Y-%m-%d %H:%M} UTC: "
        "see whether it is on and has a network.",
    )


def _failed(device: Device, now: datetime) -> Look:
    failed = device.state == Device.State.FAILED
    why = device.why or "It gave no reason."
    return Look(Kind.FAILED, failed, not failed, text=f"{device.name} could not take what it was sent: {why}")


def _disk(device: Device, now: datetime) -> Look | None:
    free = device.health.get("disk_free_mb")
    if not isinstance(free, int | float):
        return None
    return Look(
        Kind.DISK, free < DISK_LOW, free >= DISK_FINE, free, DISK_LOW,
        f"{device.name} has {free:.0f} MB of disk left: free some, or let it keep less.",
    )


def _slow(device: Device, now: datetime) -> Look | None:
    budget = device.latency_budget_ms
    if budget is None:
        return Look(Kind.SLOW, wrong=False, right=True)
    told, _ = _moments(device)
    if told is None or told < now - SLOW_WINDOW:
        return None
    recent = Vitals.objects.filter(device=device, at__gte=now - SLOW_WINDOW, p95_ms__isnull=False).order_by("-at")
    last = [value for value in recent.values_list("p95_ms", flat=True)[:SLOW_MINUTES] if value is not None]
    if len(last) < SLOW_MINUTES:
        return None
    return Look(
        Kind.SLOW, min(last) > budget, max(last) <= FINE_SHARE * budget, last[0], budget,
        f"{device.name} takes {last[0]:.0f} ms for one image in twenty, and its budget is {budget:.0f} ms: "
        "give it a smaller model, or more time.",
    )


def _drift(device: Device) -> Iterator[Look]:
    """After a new measurement only: twice in a row beyond the threshold is wrong, well below it is right."""
    point = drift.look(device)
    if point is None:
        return
    before = Drift.objects.filter(device=device, at__lt=point.at).order_by("-at").first()
    # Another bundle has another reference: nothing that was said of the one before holds.
    fresh = before is None or before.bundle_id != point.bundle_id
    large = drift.large(point)
    twice = {} if before is None or fresh else drift.large(before)
    for kind, name, value, threshold in (
        (Kind.DRIFT_CONFIDENCE, "psi", point.psi, point.threshold_psi),
        (Kind.DRIFT_FEATURES, "mmd", point.mmd, point.threshold_mmd),
    ):
        if value is not None and threshold is not None:
            over = value < (threshold if fresh else OVER_SHARE * threshold)
            text = DRIFTED[kind].format(device=device.name, value=value, threshold=threshold)
            yield Look(kind, large[name] and twice.get(name, False), over, value, threshold, text)


def _settle(device: Device, look: Look, alert: Alert | None, now: datetime) -> None:
    if alert is not None and look.right:
        _close(alert, now)
    elif alert is None and look.wrong:
        _open(device, look)


def _open(device: Device, look: Look) -> None:
    try:
        with transaction.atomic():
            alert = Alert.objects.create(
                device=device, kind=look.kind, value=look.value, threshold=look.threshold, text=look.text[:500]
            )
    except IntegrityError:
        # Another sweep was quicker.
        return
    _tell(alert)


def _close(alert: Alert, now: datetime) -> None:
    alert.closed_at = now
    alert.save(update_fields=["closed_at"])
    _tell(alert)


def _tell(alert: Alert) -> None:
    transaction.on_commit(partial(events.publish, alert.device.project_id, "alert", describe(alert)))
    # It says how many alerts it has.
    transaction.on_commit(partial(devices.tell, alert.device))
