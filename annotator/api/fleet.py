"""All devices of all projects that one may see."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.alerts import AlertRow
from annotator.api.base import person
from annotator.api.devices import DeviceRow
from annotator.delivery.fleet import fleet


class ProjectName(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()


class FleetDevice(DeviceRow):
    project = ProjectName()


class FleetAlert(AlertRow):
    project = ProjectName()


class RunningVersion(serializers.Serializer[Any]):
    project = ProjectName()
    number = serializers.IntegerField(allow_null=True, help_text="The bundle's; null for devices that run none yet.")
    devices = serializers.IntegerField()


class LogEntry(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    user = serializers.CharField(allow_null=True, help_text="Null where no person did it.")
    action = serializers.CharField()
    text = serializers.CharField()
    project = ProjectName(allow_null=True)


class FleetRow(serializers.Serializer[Any]):
    devices = FleetDevice(many=True)
    alerts = FleetAlert(many=True)
    versions = RunningVersion(many=True)
    log = LogEntry(many=True, help_text="Who deployed what where, newest first.")


class FleetView(APIView):
    @extend_schema(operation_id="fleet", responses=FleetRow)
    def get(self, request: Request) -> Response:
        """The devices of all projects that you may see, which bundles they run, what is wrong, and who did what."""
        return Response(fleet(person(request)))


urlpatterns = [path("fleet", FleetView.as_view())]
