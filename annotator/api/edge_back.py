"""What devices send back: how they fare, and what they found hard. Every request is signed with the device's key."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotator import pipeline
from annotator.api.device_caller import DeviceView, device_of
from annotator.delivery import sightings, vitals
from annotator.delivery.models import Sighting
from annotator.delivery.references import STEPS
from annotator.projects.errors import Invalid

# A device tells its minutes a day at a time after a long break.
MOST_MINUTES = 24 * 60
MOST_CLASSES, LONGEST_CLASS = 1000, 200
MOST_COUNT = 1_000_000_000
LONGEST_MS = 86_400_000.0
# Eight vectors of 4096 float16 numbers, in base64.
LONGEST_FEATURES = 90_000
LONGEST_META = 10_000
# Computed in floating point, a share may come out a little above one.
ONE = 1.001


class Base64(serializers.CharField):
    """Bytes as base64; none when left out."""

    def __init__(self, **options: Any) -> None:
        none: Any = bytes
        super().__init__(default=none, allow_blank=True, max_length=LONGEST_FEATURES, **options)

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise serializers.ValidationError("This is no base64.") from error


class Count(serializers.IntegerField):
    """How often something was."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=MOST_COUNT, **options)


class Number(serializers.IntegerField):
    """A bundle's number; none where the device does not know it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(default=None, allow_null=True, min_value=0, max_value=2**31 - 1, help_text="Its number.", **options)


class Bucket(serializers.Serializer[Any]):
    at = serializers.DateTimeField(help_text="The minute, whole.")
    bundle = Number()
    count = Count(default=0, help_text="Answers.")
    errors = Count(default=0)  # type: ignore[assignment]
    p50_ms = serializers.FloatField(default=None, allow_null=True, min_value=0, max_value=LONGEST_MS)
    p95_ms = serializers.FloatField(default=None, allow_null=True, min_value=0, max_value=LONGEST_MS)
    throughput = serializers.FloatField(
        default=None, allow_null=True, min_value=0, max_value=MOST_COUNT, help_text="Answers a second."
    )
    confidence = serializers.ListField(
        child=Count(), min_length=STEPS, max_length=STEPS, help_text="How often each twentieth of 0 to 1."
    )
    classes = serializers.DictField(child=Count(), default=dict, help_text="How often each class was the answer.")
    features = Base64(help_text="Up to 8 vectors of float16, in base64.")

    def validate_classes(self, value: dict[str, int]) -> dict[str, int]:
        """Not more classes than a project can have; and PostgreSQL keeps no zero characters."""
        if len(value) > MOST_CLASSES or any(len(name) > LONGEST_CLASS or "\0" in name for name in value):
            raise serializers.ValidationError(f"Name at most {MOST_CLASSES} classes, in at most {LONGEST_CLASS} characters.")
        return value


class VitalsRequest(serializers.Serializer[Any]):
    buckets = serializers.ListField(child=Bucket(), max_length=MOST_MINUTES)


class VitalsAnswer(serializers.Serializer[Any]):
    stored = serializers.IntegerField()
    known = serializers.IntegerField(help_text="They had come before.")
    passed_over = serializers.IntegerField(help_text="Too old, not a whole minute, or yet to come.")


class Meta(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Made by the device, so that a retry adds nothing.")
    reason = serializers.ChoiceField(choices=Sighting.Reason.choices)
    seen_at = serializers.DateTimeField()
    privacy = serializers.ChoiceField(choices=sightings.Privacy.choices, help_text="How the picture was prepared.")
    bundle = Number()
    margin = serializers.FloatField(default=None, allow_null=True, min_value=0, max_value=ONE)
    distance = serializers.FloatField(default=None, allow_null=True, min_value=0, max_value=1e6)
    label = serializers.CharField(default="", allow_blank=True, max_length=80)  # type: ignore[assignment]
    confidence = serializers.FloatField(default=None, allow_null=True, min_value=0, max_value=ONE)


class SightingRequest(serializers.Serializer[Any]):
    """`meta` is a JSON text: id, reason, seen_at, privacy, bundle, margin, distance, label, confidence."""

    meta = serializers.CharField(max_length=LONGEST_META)
    features = Base64(help_text="A float16 vector, in base64.")
    image = serializers.FileField(default=None, allow_null=True)


class SightingAnswer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=[sightings.STORED, sightings.DUPLICATE, sightings.REFUSED])
    image = serializers.IntegerField(allow_null=True, help_text="The image that it became.")
    message = serializers.CharField(help_text="Why, unless it was stored.")


class VitalsView(DeviceView):
    @extend_schema(operation_id="edge_vitals", request=VitalsRequest, responses=VitalsAnswer, auth=[])
    def post(self, request: Request) -> Response:
        """Tell how the device fared, minute by minute. What is told of a minute first holds."""
        # A newer runtime may tell more than this server knows of.
        minutes = [vitals.Minute(**bucket) for bucket in VitalsRequest().run_validation(request.data)["buckets"]]
        taken = vitals.take_vitals(device=device_of(request), minutes=minutes)
        return Response({"stored": taken.stored, "known": taken.known, "passed_over": taken.passed_over})


class SightingsView(DeviceView):
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="edge_sightings", request={"multipart/form-data": SightingRequest}, responses=SightingAnswer, auth=[]
    )
    def post(self, request: Request) -> Response:
        """Send something that the model found hard. What the device's privacy forbids is refused and not kept."""
        device = device_of(request)
        form = SightingRequest().run_validation(request.data)
        seen = sightings.Seen(**Meta().run_validation(_meta(form["meta"])))
        image = form["image"].read() if form["image"] is not None else None
        outcome = sightings.take_sighting(device=device, seen=seen, image=image, features=form["features"])
        sighting = outcome.sighting
        if outcome.status == sightings.STORED and sighting is not None and sighting.image_id is not None:
            pipeline.images_arrived(device.project_id)
        return Response(
            {"status": outcome.status, "image": sighting.image_id if sighting else None, "message": outcome.message}
        )


def _meta(text: str) -> dict[str, Any]:
    try:
        meta = json.loads(text)
    except ValueError as error:
        raise Invalid("meta is no JSON: send an object with id, reason, seen_at and privacy.", field="meta") from error
    if not isinstance(meta, dict):
        raise Invalid("meta must be an object with id, reason, seen_at and privacy.", field="meta")
    return meta


urlpatterns = [
    path("edge/vitals", VitalsView.as_view()),
    path("edge/sightings", SightingsView.as_view()),
]
