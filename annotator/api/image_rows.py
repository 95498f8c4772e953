"""An image as the API gives it."""

from __future__ import annotations

from typing import Any, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from rest_framework import serializers

from annotator.api.base import LabelRow, display_name, label_row
from annotator.images.models import Image
from annotator.labelling.models import Annotation, Candidate, Standing

Row = TypeVar("Row", Standing, Candidate)
STATES = {Annotation.Kind.LABEL: "labelled", Annotation.Kind.SKIP: "skipped", Annotation.Kind.FLAG: "flagged"}
RELATED = ("standing__label", "standing__annotation__author", "candidate")


class PictureRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField(help_text="Its path as it arrived.")
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    thumb = serializers.CharField(help_text="Address of a version of at most 320 pixels.")
    display = serializers.CharField(help_text="Address of a version of at most 1600 pixels.")


class ImageRow(PictureRow):
    label = LabelRow(allow_null=True)  # type: ignore[assignment]
    state = serializers.ChoiceField(choices=["unlabelled", *STATES.values()])
    is_audit = serializers.BooleanField()
    guess = serializers.IntegerField(allow_null=True, help_text="The model's class, for images near the head of the queue.")
    confidence = serializers.FloatField(allow_null=True)
    annotated_by = serializers.CharField(allow_null=True)
    annotated_at = serializers.DateTimeField(allow_null=True)


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
    said = None if standing is None else standing.annotation
    return picture_row(image) | {
        "label": None if standing is None else label_row(standing.label),
        "state": "unlabelled" if standing is None else STATES[Annotation.Kind(standing.kind)],
        "is_audit": image.is_audit,
        "guess": None if candidate is None else candidate.guess_id,
        "confidence": None if candidate is None else candidate.confidence,
        "annotated_by": None if said is None else display_name(said.author),
        "annotated_at": None if said is None else said.created_at,
    }


def _related(image: Image, name: str, kind: type[Row]) -> Row | None:
    try:
        found = getattr(image, name)
    except ObjectDoesNotExist:
        return None
    return found if isinstance(found, kind) else None
