"""Which devices sent some images: asked for every task that is handed out, so its SQL is written out."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import connection

Sent = tuple[int, UUID, str, str]
_SENT = (
    "SELECT g.image_id, g.device_id, d.name, g.reason FROM delivery_sighting g "
    "JOIN delivery_device d ON d.id = g.device_id WHERE g.image_id IN"
)


def senders_of(images: Collection[int]) -> list[Sent]:
    """Of those images that devices sent: (image, device, its name, why it was unsure)."""
    if not images:
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"{_SENT} ({', '.join(['%s'] * len(images))})", list(images))
        found = cursor.fetchall()
    # SQLite has no type of its own for a UUID.
    return [
        (image, device if isinstance(device, UUID) else UUID(device), name, reason) for image, device, name, reason in found
    ]
