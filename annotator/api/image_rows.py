"""An image as the API gives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from rest_framework import serializers

from annotator.api.base import LabelRow, display_name, label_row
from annotator.delivery.models import Sighting
from annotator.delivery.senders import senders_of
from annotator.images.models import Image
from annotator.labelling.models import Annotation, Candidate, Standing

Row = TypeVar("Row", Standing, Candidate, Sighting)
STATES = {Annotation.Kind.LABEL: "labelled", Annotation.Kind.SKIP: "skipped", Annotation.Kind.FLAG: "flagged"}
RELATED = ("standing__label", "standing__annotation__author", "candidate", "sighting__device")


class PictureRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField(help_text="Its path as it arrived.")
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    thumb = serializers.CharField(help_text="Address of a version of at most 320 pixels.")
    display = serializers.CharField(help_text="Address of a version of at most 1600 pixels.")


class SenderRow(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    reason = serializers.ChoiceField(choices=Sighting.Reason.choices, help_text="Why the device found it hard.")


class ImageRow(PictureRow):
    label = LabelRow(allow_null=True)  # type: ignore[assignment]
    state = serializers.ChoiceField(choices=["unlabelled", *STATES.values()])
    is_audit = serializers.BooleanField()
    guess = serializers.IntegerField(allow_null=True, help_text="The model's class, for images near the head of the queue.")
    confidence = serializers.FloatField(allow_null=True)
    annotated_by = serializers.CharField(allow_null=True)
    annotated_at = serializers.DateTimeField(allow_null=True)
    device = SenderRow(allow_null=True, help_text="The device that sent it.")


def thumb_url(image: Image) -> str:
    """Where the thumbnail is; the hash makes the address change with the content, so it may be kept for ever."""
    return f"/api/projects/{image.project_id}/images/{image.pk}/thumb?v={image.sha256[:12]}"


def display_url(image: Image) -> str:
    """Where the version for the label page is."""
    return f"/api/projects/{image.project_id}/images/{image.pk}/display?v={image.sha256[:12]}"


def picture_row(image: Image) -> dict[str, Any]:
    """What a page needs to show it."""
    return {
        "id": image.pk, "name": image.name, "width": image.width, "height": image.height, "thumb": thumb_url(image),
        "display": display_url(image),
    }


def image_row(image: Image) -> dict[str, Any]:
    """The same with what was said about it; wants `select_related(*RELATED)`."""
    standing = _related(image, "standing", Standing)
    candidate = _related(image, "candidate", Candidate)
    sighting = _related(image, "sighting", Sighting)
    said = None if standing is None else standing.annotation
    return picture_row(image) | {
        "label": None if standing is None else label_row(standing.label),
        "state": "unlabelled" if standing is None else STATES[Annotation.Kind(standing.kind)],
        "is_audit": image.is_audit,
        "guess": None if candidate is None else candidate.guess_id,
        "confidence": None if candidate is None else candidate.confidence,
        "annotated_by": None if said is None else display_name(said.author),
        "annotated_at": None if said is None else said.created_at,
        "device": None if sighting is None else sender_row(sighting.device_id, sighting.device.name, sighting.reason),
    }


def senders(images: Sequence[Image]) -> dict[int, dict[str, Any]]:
    """The devices that sent some of these images, by the id of the image."""
    sent = senders_of([image.pk for image in images])
    return {image: sender_row(device, name, reason) for image, device, name, reason in sent}


def sender_row(device_id: UUID, name: str, reason: str) -> dict[str, Any]:
    """The device that an image came from."""
    return {"id": str(device_id), "name": name, "reason": reason}


def _related(image: Image, name: str, kind: type[Row]) -> Row | None:
    try:
        found = getattr(image, name)
    except ObjectDoesNotExist:
        return None
    return found if isinstance(found, kind) else None
