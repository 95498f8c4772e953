"""The devices of a project: who is there, how they are, how another comes in, and how one is shut out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base import OWNER, parsed, person
from annotator.api.deployments import DeploymentRow
from annotator.delivery import deploy, deployments, devices
from annotator.delivery.address import Address, device_address, paste_line
from annotator.delivery.enrol import make_code
from annotator.delivery.models import Device
from annotator.delivery.revoke import revoke_device
from annotator.projects.access import find_project


class RunningRow(serializers.Serializer[Any]):
    bundle = serializers.IntegerField(help_text="Its id.")
    number = serializers.IntegerField()
    precision = serializers.CharField()
    on = serializers.CharField(help_text="CPU, GPU or NPU, as OpenVINO names it.")
    since = serializers.DateTimeField(allow_null=True)


class WantedRow(serializers.Serializer[Any]):
    bundle = serializers.IntegerField(help_text="Its id.")
    number = serializers.IntegerField()


class DownloadRow(serializers.Serializer[Any]):
    done = serializers.IntegerField(help_text="Bytes.")
    total = serializers.IntegerField()


class WorkRow(serializers.Serializer[Any]):
    images = serializers.IntegerField()
    p50_ms = serializers.FloatField(help_text="Of its minutes, weighed by their answers.")
    p95_ms = serializers.FloatField(help_text="Of its minutes, weighed by their answers.")


class DeviceRow(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    group = serializers.CharField()
    state = serializers.ChoiceField(choices=Device.State.choices)
    online = serializers.BooleanField(help_text="Heard of within the last 45 seconds.")
    why = serializers.CharField(help_text="What the device says about its state.")
    last_seen = serializers.DateTimeField(allow_null=True)
    enrolled_at = serializers.DateTimeField()
    running = RunningRow(allow_null=True)
    wanted = WantedRow(allow_null=True, help_text="What it was last told to run.")
    progress = DownloadRow(allow_null=True, help_text="Of a download that is under way.")
    info = serializers.DictField()
    health = serializers.DictField()
    privacy = serializers.ChoiceField(choices=Device.Privacy.choices, help_text="What it may send home.")
    keep_per_hour = serializers.IntegerField(help_text="Hard images that it may keep an hour.")
    keep_mb = serializers.IntegerField(help_text="Megabytes that it may keep in all.")
    latency_budget_ms = serializers.FloatField(allow_null=True)
    alerts = serializers.IntegerField(help_text="That are open.")
    sightings = serializers.IntegerField(help_text="Hard images that it sent.")
    work = WorkRow(allow_null=True, help_text="What it did in the last hour; null when it told nothing.")


class AddressRow(serializers.Serializer[Any]):
    url = serializers.CharField()
    tls = serializers.BooleanField()
    reachable = serializers.BooleanField(help_text="Whether devices on other machines get there.")
    why_not = serializers.CharField(help_text="If not, why, and what to do.")


class DevicesRow(serializers.Serializer[Any]):
    devices = DeviceRow(many=True)
    address = AddressRow()


class DeviceChanges(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80, required=False)
    group = serializers.CharField(max_length=80, required=False, allow_blank=True)
    privacy = serializers.ChoiceField(choices=Device.Privacy.choices, required=False)
    keep_per_hour = serializers.IntegerField(required=False)
    keep_mb = serializers.IntegerField(required=False)
    latency_budget_ms = serializers.FloatField(required=False, allow_null=True)


class NewCode(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80, allow_blank=True, default="")
    group = serializers.CharField(max_length=80, allow_blank=True, default="")


class CodeRow(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Lets one device in, once. It cannot be read again.")
    line = serializers.CharField(help_text="To paste into a terminal of the device.")
    expires_at = serializers.DateTimeField()


class DevicesView(APIView):
    @extend_schema(operation_id="devices_list", responses=DevicesRow)
    def get(self, request: Request, project_id: int) -> Response:
        """The devices of the project, and the address that they talk to."""
        project = find_project(person(request), project_id)
        address = _address(request)
        return Response({
            "devices": [devices.describe(one) for one in devices.of_project(project)],
            "address": {
                "url": address.url, "tls": address.tls, "reachable": address.reachable, "why_not": address.why_not,
            },
        })


class CodesView(APIView):
    @extend_schema(operation_id="devices_code", request=NewCode, responses={201: CodeRow})
    def post(self, request: Request, project_id: int) -> Response:
        """A code that lets one device in within 15 minutes, and the line to paste there (owners)."""
        user = person(request)
        project = find_project(user, project_id, OWNER)
        row, code = make_code(project=project, user=user, **parsed(NewCode, request.data))
        answer = {"code": code, "line": paste_line(_address(request), code), "expires_at": row.expires_at}
        return Response(answer, status=status.HTTP_201_CREATED)


class DeviceView(APIView):
    @extend_schema(operation_id="devices_read", responses=DeviceRow)
    def get(self, request: Request, project_id: int, device_id: UUID) -> Response:
        """One device."""
        project = find_project(person(request), project_id)
        return Response(devices.describe(devices.find_device(project=project, device_id=device_id)))

    @extend_schema(operation_id="devices_change", request=DeviceChanges, responses=DeviceRow)
    def patch(self, request: Request, project_id: int, device_id: UUID) -> Response:
        """Rename a device, put it into a group, or change what it may keep and send (owners)."""
        user = person(request)
        device = devices.find_device(project=find_project(user, project_id, OWNER), device_id=device_id)
        changes = parsed(DeviceChanges, request.data)
        return Response(devices.describe(devices.change_device(device=device, user=user, **changes)))

    @extend_schema(operation_id="devices_revoke", request=None, responses={204: None})
    def delete(self, request: Request, project_id: int, device_id: UUID) -> Response:
        """Revoke a device (owners): it gets nothing new and may send nothing; it goes on with what it has."""
        user = person(request)
        project = find_project(user, project_id, OWNER)
        revoke_device(device=devices.find_device(project=project, device_id=device_id), user=user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RollbackView(APIView):
    @extend_schema(operation_id="devices_rollback", request=None, responses={201: DeploymentRow})
    def post(self, request: Request, project_id: int, device_id: UUID) -> Response:
        """Send a device back to the newest older bundle that it ran (owners)."""
        user = person(request)
        project = find_project(user, project_id, OWNER)
        device = devices.find_device(project=project, device_id=device_id)
        made = deploy.roll_back_device(device=device, user=user)
        return Response(deployments.describe(made), status=status.HTTP_201_CREATED)


def _address(request: Request) -> Address:
    plain = request._request
    return device_address(site=f"{plain.scheme}://{plain.get_host()}", port=plain.get_port())


_devices = "projects/<int:project_id>/devices"
urlpatterns = [
    path(_devices, DevicesView.as_view()),
    path(f"{_devices}/codes", CodesView.as_view()),
    path(f"{_devices}/<uuid:device_id>", DeviceView.as_view()),
    path(f"{_devices}/<uuid:device_id>/rollback", RollbackView.as_view()),
]
