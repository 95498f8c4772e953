"""What devices found hard comes home, as far as their owner lets it: an image for the queue, or features to be counted.

A device sends what its model was unsure of. That is no fair sample of what it sees, so such an image is never put aside to
judge the model by: the judge's images are drawn at random, and stay so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from annotator.delivery import devices
from annotator.delivery.models import Bundle, Device, Sighting
from annotator.delivery.references import reference_of
from annotator.delivery.vitals import are_vectors
from annotator.images.ingest import Ingested, examine, keep
from annotator.images.models import Import
from annotator.projects.errors import Conflict, Invalid, TooManyTries
from mlcore.images import ImageProblem

Privacy = Device.Privacy

STORED, DUPLICATE, REFUSED = "stored", "duplicate", "refused"
# A device may have been off for long and then sends what it has kept; in a day it may send what it may keep in one.
DAY, HOURS = timedelta(days=1), 24
WAIT_SECONDS = 3600.0
# What may come of each privacy: whether features, and images as the device says that it has prepared them.
MAY_SEND: dict[str, tuple[bool, frozenset[str]]] = {
    Privacy.NOTHING: (False, frozenset()),
    Privacy.FEATURES: (True, frozenset()),
    Privacy.BLURRED: (True, frozenset({Privacy.BLURRED})),
    Privacy.IMAGES: (True, frozenset({Privacy.BLURRED, Privacy.IMAGES})),
}
MAY_NOT = {
    Privacy.NOTHING: "Its owner lets this device send nothing.",
    Privacy.FEATURES: "Its owner lets this device send features, and no images.",
    Privacy.BLURRED: "Its owner lets this device send images only with faces blurred.",
    Privacy.IMAGES: "A picture came that by its own privacy must not leave the device.",
}
NOTHING_CAME = "Send an image, or features: there is neither."


@dataclass(frozen=True)
class Seen:
    """What a device says of a picture. `bundle` is the bundle's number; `privacy` how the picture was prepared."""

    id: UUID
    reason: str
    seen_at: datetime
    privacy: str
    bundle: int | None = None
    margin: float | None = None
    distance: float | None = None
    label: str = ""
    confidence: float | None = None


@dataclass(frozen=True)
class Outcome:
    """stored, duplicate (known by its id, or its picture is in the project), or refused; `message` says why."""

    status: str
    sighting: Sighting | None = None
    message: str = ""


def take_sighting(*, device: Device, seen: Seen, image: bytes | None = None, features: bytes = b"") -> Outcome:
    """Take what a device found hard. The same id again adds nothing; what its privacy forbids is refused and not kept.

    Raises Conflict (another device's id), Invalid (features that are not the bundle's), TooManyTries, NoSpace.
    """
    known = Sighting.objects.filter(pk=seen.id).first()
    if known is not None:
        return _known(known, device)
    refusal = _refusal(device, seen, image)
    if refusal:
        return Outcome(REFUSED, message=refusal)
    if image is None and not features:
        raise Invalid(NOTHING_CAME, field="image")
    # Decoding takes the longest, and needs no lock.
    look = None if image is None else examine(image)
    with transaction.atomic():
        # One at a time from a device: so a retry finds what its first try has written.
        device = Device.objects.select_for_update().select_related("project").get(pk=device.pk)
        known = Sighting.objects.filter(pk=seen.id).first()
        if known is not None:
            return _known(known, device)
        _check_rate(device)
        numbered = Bundle.objects.filter(project=device.project_id)
        bundle = None if seen.bundle is None else numbered.filter(number=seen.bundle).first()
        kept = _features(bundle, features)
        came = None
        if image is not None and look is not None:
            came = keep(
                project=device.project, batch=_batch(device), name=f"{device.name}/{seen.seen_at:%Y-%m-%d %H.%M.%S}.jpg",
                data=image, look=look, chosen=True,
            )
            if isinstance(look, ImageProblem):
                return Outcome(REFUSED, message=came.message)
        sighting = Sighting.objects.create(
            id=seen.id, device=device, image=came.image if came and came.status == STORED else None, bundle=bundle,
            reason=seen.reason, margin=seen.margin, distance=seen.distance, label=seen.label, confidence=seen.confidence,
            seen_at=seen.seen_at, features=kept,
        )
        transaction.on_commit(partial(devices.tell, device))
    return _outcome(sighting, came)


def _outcome(sighting: Sighting, came: Ingested | None) -> Outcome:
    if came is not None and came.status == DUPLICATE:
        return Outcome(DUPLICATE, sighting, came.message)
    return Outcome(STORED, sighting)


def _known(sighting: Sighting, device: Device) -> Outcome:
    if sighting.device_id != device.pk:
        raise Conflict("This id was used by another device: make a fresh UUID for each sighting.", field="meta.id")
    return Outcome(DUPLICATE, sighting, "This sighting has come before.")


def _refusal(device: Device, seen: Seen, image: bytes | None) -> str:
    """Why the device may not send this; empty when it may."""
    some_features, images = MAY_SEND[device.privacy]
    if not some_features or (image is not None and seen.privacy not in images):
        return MAY_NOT[Privacy(device.privacy)]
    return ""


def _check_rate(device: Device) -> None:
    today = Sighting.objects.filter(device=device, received_at__gt=timezone.now() - DAY).count()
    if today >= HOURS * device.keep_per_hour:
        raise TooManyTries(
            f"This device may keep {device.keep_per_hour} pictures an hour and has sent {today} in a day: send more later.",
            wait=WAIT_SECONDS,
        )


def _batch(device: Device) -> Import:
    """The device's import of today: named for it, and closed, so that nobody adds to it by hand."""
    mine = Import.objects.filter(project=device.project, source=Import.Source.DEVICE, name=device.name)
    return mine.filter(created_at__date=timezone.now().date()).first() or Import.objects.create(
        project=device.project, source=Import.Source.DEVICE, name=device.name, state=Import.State.CLOSED
    )


def _features(bundle: Bundle | None, data: bytes) -> bytes | None:
    """The feature vector as it is kept: of a bundle that is known. Raises Invalid when it is not one of that bundle's."""
    reference = reference_of(bundle) if bundle is not None and data else None
    if bundle is None or reference is None:
        return None
    if not are_vectors(data, reference.width, 1):
        sentence = f"features must be the {reference.width} finite float16 numbers that bundle {bundle.number} gives."
        raise Invalid(sentence, field="features")
    return data
