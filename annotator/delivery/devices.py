"""Devices as people see them: how each stands, and what may be changed of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, FloatField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from annotator.delivery.models import Alert, Bundle, Device, Sighting, Vitals
from annotator.jobs import events
from annotator.projects.access import note
from annotator.projects.errors import Invalid, NotFound
from annotator.projects.models import Project, User

# A device that was not heard of for so long is offline: it may miss being heard of once, and then be late.
SILENT = timedelta(seconds=max(45, 2 * settings.DEVICE_SECONDS + 5))
# A device keeps a picture when the two likeliest classes are this close.
TORN_BELOW = 0.2
# How long after a device fell silent the sweep still tells of it, for pages that are open.
JUST_NOW = timedelta(seconds=15)
# What a device did lately is what it did in so long.
LATELY = timedelta(hours=1)
MOST_PER_HOUR, MOST_MB = 1000, 100_000
# What is counted for each device.
COUNTS = ("open_alerts", "all_sightings", "images_lately", "p50_lately", "p95_lately")


def of_project(project: Project) -> QuerySet[Device]:
    """The devices of a project, with all that `describe` shows."""
    return with_counts(Device.objects.filter(project=project))


def with_counts(devices: QuerySet[Device]) -> QuerySet[Device]:
    """The same devices, with all that `describe` shows read at once."""
    return _counted(devices.select_related("running", "wanted"))


def find_device(*, project: Project, device_id: UUID) -> Device:
    """A device of the project. Raises NotFound."""
    found = of_project(project).filter(pk=device_id).first()
    if found is None:
        raise NotFound("This project has no such device.")
    return found


def is_online(device: Device, now: datetime | None = None) -> bool:
    """Whether it was heard of within the last 45 seconds."""
    if device.last_seen is None or device.revoked_at is not None:
        return False
    return (now or timezone.now()) - device.last_seen <= SILENT


def describe(device: Device) -> dict[str, Any]:
    """A device as events and the API tell it. Reads counts that `of_project` has not brought."""
    counts: dict[str, Any] = vars(device)
    if "open_alerts" not in counts:
        counts = _counted(Device.objects.filter(pk=device.pk)).values(*COUNTS).get()
    downloading = device.state == Device.State.DOWNLOADING and device.progress_total > 0
    work = counts["images_lately"] and {
        "images": counts["images_lately"],
        "p50_ms": round(counts["p50_lately"], 3),
        "p95_ms": round(counts["p95_lately"], 3),
    }
    running = device.running and {
        "bundle": device.running.pk, "number": device.running.number, "precision": device.running_precision,
        "on": device.running_on, "since": _iso(device.running_since),
    }
    return {
        "id": str(device.pk), "name": device.name, "group": device.group, "state": device.state, "online": is_online(device),
        "why": device.why, "last_seen": _iso(device.last_seen), "enrolled_at": _iso(device.enrolled_at), "running": running,
        "wanted": device.wanted and {"bundle": device.wanted.pk, "number": device.wanted.number},
        "progress": {"done": device.progress_done, "total": device.progress_total} if downloading else None,
        "info": device.info, "health": device.health, "privacy": device.privacy, "keep_per_hour": device.keep_per_hour,
        "keep_mb": device.keep_mb, "latency_budget_ms": device.latency_budget_ms, "alerts": counts["open_alerts"],
        "sightings": counts["all_sightings"], "work": work,
    }


def tell(device: Device) -> None:
    """Tell the project's open pages how a device stands."""
    events.publish(device.project_id, "device", describe(device))


def nudge(device_id: UUID) -> None:
    """Tell a device that there is something new; one that does not hear it finds out when it next asks."""
    events.publish(events.device_topic(device_id), "look", {})


def tell_changed(device: Device) -> None:
    """Once the transaction is through, tell the pages, and the device itself."""
    transaction.on_commit(partial(tell, device))
    transaction.on_commit(partial(nudge, device.pk))


def change_device(*, device: Device, user: User, **changes: Any) -> Device:
    """Change a device's name, group or what it may keep and send. Raises Invalid."""
    for field, most in (("keep_per_hour", MOST_PER_HOUR), ("keep_mb", MOST_MB)):
        if not 0 <= changes.get(field, 0) <= most:
            raise Invalid(f"{field} must be from 0 to {most}.", field=field)
    budget = changes.get("latency_budget_ms")
    if budget is not None and budget <= 0:
        raise Invalid("latency_budget_ms must be above 0, or null for none.", field="latency_budget_ms")
    for field in ("name", "group"):
        if field in changes:
            changes[field] = tidy(changes[field])
    if changes.get("name") == "":
        raise Invalid("A device needs a name.", field="name")
    with transaction.atomic():
        for field, value in changes.items():
            setattr(device, field, value)
        device.save(update_fields=list(changes))
        note(user=user, action="device.changed", project=device.project, device=str(device.pk), name=device.name, **{
            field: value for field, value in changes.items() if field != "name"
        })
        tell_changed(device)
    return device


def may_download(device: Device, number: int) -> Bundle | None:
    """The bundle of that number, if it is the one that the device was last told to run."""
    wanted = device.wanted
    return wanted if wanted is not None and wanted.number == number and wanted.state == Bundle.State.READY else None


def settings_for(device: Device) -> dict[str, Any]:
    """What the device is told about what it may keep and send, and how often to ask."""
    return {
        "privacy": device.privacy, "keep_per_hour": device.keep_per_hour, "keep_mb": device.keep_mb,
        "torn_below": TORN_BELOW, "latency_budget_ms": device.latency_budget_ms, "sync_seconds": settings.DEVICE_SECONDS,
    }


def tell_who_fell_silent() -> None:
    """Tell open pages of devices that have just gone offline. Called by the sweep."""
    now = timezone.now()
    silent = Q(last_seen__lt=now - SILENT, last_seen__gte=now - SILENT - JUST_NOW, revoked_at=None)
    for device in with_counts(Device.objects.filter(silent)):
        tell(device)


def tidy(text: str, most: int = 80) -> str:
    """A line of text: no line breaks or other control characters, at most so many characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:most]




def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _counted(devices: QuerySet[Device]) -> QuerySet[Device]:
    alerts = Alert.objects.filter(device=OuterRef("pk"), closed_at=None).order_by().values("device")
    sightings = Sighting.objects.filter(device=OuterRef("pk")).order_by().values("device")
    minutes = Vitals.objects.filter(device=OuterRef("pk"), at__gte=timezone.now() - LATELY, count__gt=0)
    lately = minutes.exclude(p50_ms=None).exclude(p95_ms=None).order_by().values("device")

    def mean(field: str) -> Subquery:
        weighed = Sum(F(field) * F("count"), output_field=FloatField()) / Sum("count", output_field=FloatField())
        return Subquery(lately.annotate(n=weighed).values("n"), output_field=FloatField())

    return devices.annotate(
        open_alerts=Coalesce(Subquery(alerts.annotate(n=Count("pk")).values("n")), 0),
        all_sightings=Coalesce(Subquery(sightings.annotate(n=Count("pk")).values("n")), 0),
        images_lately=Subquery(lately.annotate(n=Sum("count")).values("n")),
        p50_lately=mean("p50_ms"),
        p95_lately=mean("p95_ms"),
    )
