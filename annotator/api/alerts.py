"""What somebody should look at, and how a device has fared."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base import ANNOTATOR, Empty, parsed, person
from annotator.delivery import alerts
from annotator.delivery.devices import find_device
from annotator.delivery.history import MOST_HOURS, history
from annotator.delivery.models import Alert, Delivery
from annotator.projects.access import find_project


class AlertRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    device = serializers.UUIDField()
    name = serializers.CharField(help_text="The device's.")
    kind = serializers.ChoiceField(choices=Alert.Kind.choices)
    value = serializers.FloatField(allow_null=True, help_text="PSI, MMD, ms, seconds or MB, when it opened.")
    threshold = serializers.FloatField(allow_null=True)
    text = serializers.CharField(help_text="A sentence with the mend.")
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True, help_text="Null while it is so.")
    seen_by = serializers.CharField(allow_null=True)
    seen_at = serializers.DateTimeField(allow_null=True)


class HistoryQuery(serializers.Serializer[Any]):
    hours = serializers.IntegerField(default=24, min_value=1, max_value=MOST_HOURS)


class VitalsPoint(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    count = serializers.IntegerField(help_text="Answers.")
    errors = serializers.IntegerField()  # type: ignore[assignment]
    p50_ms = serializers.FloatField(allow_null=True)
    p95_ms = serializers.FloatField(allow_null=True, help_text="The worst of its minutes.")
    throughput = serializers.FloatField(allow_null=True, help_text="Answers a second.")
    mean_confidence = serializers.FloatField(allow_null=True)


class DriftPoint(serializers.Serializer[Any]):
    at = serializers.DateTimeField(help_text="When its window ended.")
    psi = serializers.FloatField(allow_null=True, help_text="Of the confidence.")
    mmd = serializers.FloatField(allow_null=True, help_text="Of the features.")
    threshold_psi = serializers.FloatField(allow_null=True)
    threshold_mmd = serializers.FloatField(allow_null=True)


class PastDelivery(serializers.Serializer[Any]):
    deployment = serializers.IntegerField()
    number = serializers.IntegerField(help_text="The bundle's.")
    rollback = serializers.BooleanField()
    state = serializers.ChoiceField(choices=Delivery.State.choices)
    done = serializers.IntegerField(help_text="Bytes.")
    total = serializers.IntegerField()
    why = serializers.CharField()
    measured = serializers.DictField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class DeviceHistory(serializers.Serializer[Any]):
    vitals = VitalsPoint(many=True)
    drift = DriftPoint(many=True)
    deliveries = PastDelivery(many=True, help_text="Newest first.")


class AlertsView(APIView):
    @extend_schema(operation_id="alerts_list", responses=AlertRow(many=True))
    def get(self, request: Request, project_id: int) -> Response:
        """Open alerts of the project's devices, then those that have closed, each newest first."""
        project = find_project(person(request), project_id)
        return Response([alerts.describe(alert) for alert in alerts.newest([project.pk])])


class SeenView(APIView):
    @extend_schema(operation_id="alerts_seen", request=Empty, responses=AlertRow)
    def post(self, request: Request, project_id: int, alert_id: int) -> Response:
        """Say that you have looked at an alert; it closes by itself when it is over."""
        user = person(request)
        project = find_project(user, project_id, ANNOTATOR)
        return Response(alerts.describe(alerts.mark_seen(project=project, alert_id=alert_id, user=user)))


class HistoryView(APIView):
    @extend_schema(operation_id="devices_history", parameters=[HistoryQuery], responses=DeviceHistory)
    def get(self, request: Request, project_id: int, device_id: UUID) -> Response:
        """How a device has fared, its drift, and what was sent to it."""
        project = find_project(person(request), project_id)
        device = find_device(project=project, device_id=device_id)
        return Response(history(device=device, **parsed(HistoryQuery, request.query_params)))


_project = "projects/<int:project_id>"

urlpatterns = [
    path(f"{_project}/alerts", AlertsView.as_view()),
    path(f"{_project}/alerts/<int:alert_id>/seen", SeenView.as_view()),
    path(f"{_project}/devices/<uuid:device_id>/history", HistoryView.as_view()),
]
