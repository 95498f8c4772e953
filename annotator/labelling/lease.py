"""Who has which image in front of them: taken for minutes, renewed while the page is open, given back."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from annotator.labelling import statements
from annotator.labelling.models import Lease, Turn
from annotator.projects.models import Project, User


def expiry() -> datetime:
    """When a lease taken now ends."""
    return timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)


def hold(*, project: Project, image_id: int, is_audit: bool, user: User, client: str) -> None:
    """Put an image in front of a client, whoever had it."""
    Lease.objects.update_or_create(
        image_id=image_id,
        defaults={"project": project, "user": user, "client": client, "is_audit": is_audit, "expires_at": expiry()},
    )


def renew(*, project: Project, user: User, client: str, images: Collection[int]) -> tuple[datetime, list[int]]:
    """Keep the images that a client holds for another while: the new expiry, and those that it has lost."""
    until = expiry()
    mine = Lease.objects.filter(project=project, user=user, client=client, pk__in=images)
    if mine.update(expires_at=until) == len(set(images)):
        return until, []
    return until, sorted(set(images) - set(mine.values_list("pk", flat=True)))


def release(*, project: Project, user: User, client: str, images: Collection[int] | None = None) -> int:
    """Give images back (all that the client holds, unless some are named): how many were."""
    with transaction.atomic():
        turn, _ = statements.lock_turn(project.pk, timezone.now())
        released, tasks, audits = statements.take_released(project.pk, user.pk, client, images)
        if tasks:
            wind_back(turn, project.audit_every, tasks, audits)
            statements.save_turn(turn)
    return released


def end_expired() -> None:
    """Take images back from all clients that went silent. Handing out does so by itself, in its own project."""
    now = timezone.now()
    expired = Project.objects.filter(pk__in=Lease.objects.filter(expires_at__lte=now).values("project"))
    for project in expired:
        with transaction.atomic():
            turn, _ = statements.lock_turn(project.pk, now)
            wind_back(turn, project.audit_every, *statements.take_expired(project.pk, now))
            statements.save_turn(turn)


def wind_back(turn: Turn, audit_every: int, tasks: int, audits: int) -> None:
    """Tasks that came back unanswered were never handed out, as far as the rhythm of audit images goes.

    Else a page that gives back what it holds ahead, to ask again after each new ranking, would give the audit images
    back every time and never come to one.
    """
    turn.handed_out = max(0, turn.handed_out - tasks)
    turn.last_audit = min(max(0, turn.last_audit - audits * audit_every), turn.handed_out)
