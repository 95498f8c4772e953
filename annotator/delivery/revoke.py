"""How a device is shut out."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from annotator.delivery import devices, rollout
from annotator.delivery.models import Delivery, Device
from annotator.projects.access import note
from annotator.projects.models import User

REVOKED = "The device was revoked."


def revoke_device(*, device: Device, user: User) -> Device:
    """From now on the device gets nothing and may tell nothing. It goes on with what it has; enrolled anew it is another."""
    if device.revoked_at is not None:
        return device
    with transaction.atomic():
        device.revoked_at, device.state, device.why = timezone.now(), Device.State.REVOKED, ""
        device.order, device.wanted = None, None
        device.save(update_fields=["revoked_at", "state", "why", "order", "wanted"])
        rollout.close_deliveries(Delivery.objects.filter(device=device), why=REVOKED)
        note(
            user=user, action="device.revoked", project=device.project, device=str(device.pk), name=device.name,
            fingerprint=device.fingerprint,
        )
        devices.tell_changed(device)
    return device
