"""All devices that somebody may know of: which bundles they run, what is wrong, and who did what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import Q

from annotator.delivery import alerts, devices
from annotator.delivery.models import Device
from annotator.projects.access import visible_projects
from annotator.projects.models import AuditEntry, Project, User

LOGGED = 100
# Names beyond these are counted.
NAMED = 5
_TOLD = Q(action__startswith="device.") | Q(action__startswith="deployment.")

Detail = dict[str, Any]
SENTENCES: dict[str, Callable[[Detail], str]] = {
    "bundle.deployed": lambda detail: f"Deployed bundle {detail.get('number')} to {_listed(detail)}.",
    "bundle.rolled_back": lambda detail: f"Rolled {_listed(detail)} back to bundle {detail.get('number')}.",
    "deployment.cancelled": lambda detail: f"Stopped deployment {detail.get('deployment')}.",
    "deployment.halted": lambda detail: f"Deployment {detail.get('deployment')} was halted. {detail.get('why', '')}".strip(),
    "device.code_made": lambda detail: f"Made a code for {detail.get('name') or 'a device'}.",
    "device.enrolled": lambda detail: f"{detail.get('name')} was enrolled.",
    "device.revoked": lambda detail: f"Revoked {detail.get('name')}.",
    "device.changed": lambda detail: f"Changed {detail.get('name')}{_changes(detail)}.",
}


def fleet(user: User) -> dict[str, Any]:
    """devices, alerts, versions and log of the projects that `user` may see; each with its project's id and name."""
    projects = {project.pk: project for project in visible_projects(user).order_by("name", "pk")}
    mine = Device.objects.filter(project__in=projects, revoked_at=None).order_by("project__name", "name", "enrolled_at")
    rows = list(devices.with_counts(mine))
    return {
        "devices": [devices.describe(row) | _project(projects[row.project_id]) for row in rows],
        "alerts": [alerts.describe(alert) | _project(alert.device.project) for alert in alerts.newest(list(projects))],
        "versions": _versions(rows, projects),
        "log": [_entry(entry) for entry in _log(list(projects))],
    }


def _versions(rows: Sequence[Device], projects: dict[int, Project]) -> list[dict[str, Any]]:
    """How many devices run which bundle of which project; None for those that run nothing yet."""
    counts = Counter((row.project_id, row.running.number if row.running else None) for row in rows)
    order = sorted(counts, key=lambda key: (projects[key[0]].name, key[0], -(key[1] or 0)))
    return [_project(projects[pk]) | {"number": number, "devices": counts[pk, number]} for pk, number in order]


def _log(projects: list[int]) -> list[AuditEntry]:
    told = AuditEntry.objects.filter(_TOLD | Q(action__in=list(SENTENCES)), project__in=projects)
    return list(told.select_related("user", "project").order_by("-id")[:LOGGED])


def _entry(entry: AuditEntry) -> dict[str, Any]:
    sentence = SENTENCES.get(entry.action)
    user = entry.user
    return {
        "at": entry.at.isoformat(), "user": user and (user.get_full_name() or user.get_username()), "action": entry.action,
        "text": sentence(entry.detail) if sentence else "",
    } | (_project(entry.project) if entry.project else {"project": None})


def _project(project: Project) -> dict[str, Any]:
    return {"project": {"id": project.pk, "name": project.name}}


def _listed(detail: Detail) -> str:
    """Names as a sentence has them: "Gate, Lobby and 3 more"."""
    names = [str(name) for name in detail.get("devices", [])]
    if len(names) > NAMED:
        return f"{', '.join(names[: NAMED - 1])} and {len(names) - NAMED + 1} more"
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part) or "no device"


def _changes(detail: Detail) -> str:
    """What was changed, and to what."""
    changes = [change for change in sorted(detail.items()) if change[0] not in ("device", "name")]
    told = [f"{field.replace('_', ' ')} to {'none' if value in (None, '') else value}" for field, value in changes]
    return f": {', '.join(told)}" if told else ""
