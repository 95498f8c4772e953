"""Who has which image in front of them: taken for minutes, renewed while the page is open, given back."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from annotator.labelling.models import Lease
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
    mine = Lease.objects.filter(project=project, user=user, client=client)
    if images is not None:
        mine = mine.filter(pk__in=images)
    return mine.delete()[0]
