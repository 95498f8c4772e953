"""Who labelled how much, when, and how fast: counts for the owner's dashboard."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db.models import Count
from django.db.models.functions import TruncHour
from django.utils import timezone

from annotator.labelling.models import Annotation
from annotator.projects.models import Project, User

HOURS = 72
# Speed is that of the newest answers: people get faster, and a hundred thousand rows need not be read.
RECENT = 3000


def per_hour(project: Project) -> list[dict[str, Any]]:
    """[{hour, count}] of answers by people and scripts over the last three days; hours without any are left out."""
    since = timezone.now() - timedelta(hours=HOURS)
    said = _said(project).filter(created_at__gte=since).annotate(hour=TruncHour("created_at"))
    rows: Any = said.values("hour").annotate(count=Count("pk")).order_by("hour")
    hours: list[tuple[datetime, int]] = [(row["hour"], row["count"]) for row in rows]
    return [{"hour": hour, "count": count} for hour, count in hours]


def per_person(project: Project) -> list[dict[str, Any]]:
    """[{user, count, median_seconds}], most answers first; median over a person's recent answers, None if not known."""
    counts = dict(_said(project).values_list("author").annotate(Count("pk")))
    seconds: dict[int | None, list[float]] = defaultdict(list)
    timed = _said(project).exclude(seconds=None).order_by("-seq").values_list("author", "seconds")[:RECENT]
    for author, took in timed:
        seconds[author].append(took or 0.0)
    people = User.objects.in_bulk([author for author in counts if author is not None])
    rows = [
        {
            "user": people[author].get_full_name() or people[author].get_username() if author in people else "(deleted)",
            "count": count, "median_seconds": round(median(seconds[author]), 2) if seconds[author] else None,
        }
        for author, count in counts.items()
    ]
    return sorted(rows, key=lambda row: -int(row["count"] or 0))


def _said(project: Project) -> Any:
    """What people and scripts said; what came along with imports is no work of theirs."""
    said = Annotation.objects.filter(project=project).exclude(source=Annotation.Source.IMPORT)
    return said.exclude(kind=Annotation.Kind.CLEAR)
