"""What devices ask: to come in, what to run, its bytes. Devices are known by the signature of each request."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.account import address_of
from annotator.api.device_caller import DeviceView, device_of, signed
from annotator.api.file_parts import stored_file
from annotator.delivery import devices, enrol, installer, keys
from annotator.delivery.address import Address, device_address, is_loopback
from annotator.delivery.models import Device
from annotator.delivery.reports import Report, Runs, take_report
from annotator.delivery.requests import check_holder
from annotator.projects.errors import NotFound

# What a device tells of itself is kept as it comes, as long as it is short.
MOST_TOLD = 8_000


class Told(serializers.JSONField):
    """A JSON object of any content, in at most 8,000 characters."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        value = super().to_internal_value(data)
        text = json.dumps(value)
        if not isinstance(value, dict) or len(text) > MOST_TOLD:
            raise serializers.ValidationError(f"Write a JSON object of at most {MOST_TOLD} characters.")
        # PostgreSQL keeps no zero characters.
        told: dict[str, Any] = json.loads(text.replace("\\u0000", ""))
        return told


class Line(serializers.CharField):
    """A line of text; what is too long or cannot be printed is cut, so that no device falls silent over it."""

    def __init__(self, most: int, **options: Any) -> None:
        super().__init__(allow_blank=True, default="", **options)
        self.most = most

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(devices.tidy(data, self.most) if isinstance(data, str) else data)


class Count(serializers.IntegerField):
    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=2**62, **options)


class Newcomer(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=40)
    public_key = serializers.CharField(max_length=2000, help_text="PEM of an EC key on P-256, which signs this request.")
    name = Line(80)
    info = Told(default=dict)


class EnrolledRow(serializers.Serializer[Any]):
    device = serializers.UUIDField()
    name = serializers.CharField()
    certificate = serializers.CharField(help_text="PEM, for the device's key.")
    authority = serializers.CharField(help_text="PEM of the workspace's certificate authority.")
    workspace_key = serializers.CharField(help_text="PEM of the key that signs bundles and orders.")
    now = serializers.DateTimeField()


class RunsRow(serializers.Serializer[Any]):
    number = Count()
    sha256 = serializers.CharField(max_length=64)
    precision = Line(12)
    device = Line(40, help_text="CPU, GPU or NPU, as OpenVINO names it.")


class Progress(serializers.Serializer[Any]):
    done = Count()
    total = Count()


class ReportBody(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=Device.State.choices)
    why = Line(500)
    order = Count(allow_null=True, default=None, help_text="Serial of the order last taken.")
    running = RunsRow(allow_null=True, default=None)
    previous = Count(allow_null=True, default=None, help_text="Number of the bundle that ran before.")
    progress = Progress(allow_null=True, default=None)
    measured = Told(allow_null=True, default=None)
    info = Told(allow_null=True, default=None)
    health = Told(default=dict)

    def validate_state(self, value: str) -> str:
        if value == Device.State.REVOKED:
            raise serializers.ValidationError("The workspace alone revokes a device.")
        return value


class DeviceSettings(serializers.Serializer[Any]):
    privacy = serializers.ChoiceField(choices=Device.Privacy.choices)
    keep_per_hour = serializers.IntegerField()
    keep_mb = serializers.IntegerField()
    torn_below = serializers.FloatField()
    latency_budget_ms = serializers.FloatField(allow_null=True)
    sync_seconds = serializers.IntegerField()


class RuntimeRow(serializers.Serializer[Any]):
    version = serializers.CharField()
    wheel = serializers.CharField(help_text="Its path on this server.")


class SyncRow(serializers.Serializer[Any]):
    now = serializers.DateTimeField()
    order = serializers.JSONField(allow_null=True, help_text="The newest order, a DSSE envelope; null when there is none.")
    settings = DeviceSettings()
    runtime = RuntimeRow()


class EnrolView(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(operation_id="edge_enrol", request=Newcomer, responses={201: EnrolledRow}, auth=[])
    def post(self, request: Request) -> Response:
        """A device comes in with a one-time code; the request is signed by the key that it brings."""
        envelope = signed(request._request)
        values = Newcomer().run_validation(request.data)
        check_holder(envelope, enrol.read_public_key(values["public_key"]))
        device = enrol.enrol(**values, address=address_of(request))
        return Response({
            "device": str(device.pk), "name": device.name, "certificate": device.certificate,
            "authority": keys.authority_pem(), "workspace_key": keys.public_pem(), "now": timezone.now(),
        }, status=status.HTTP_201_CREATED)


class SyncView(DeviceView):
    @extend_schema(operation_id="edge_sync", request=ReportBody, responses=SyncRow, auth=[])
    def post(self, request: Request) -> Response:
        """A device tells how it is, and hears what it shall run and what it may keep and send."""
        # A newer runtime may tell more than this server knows of.
        values = ReportBody().run_validation(request.data)
        device = take_report(device=device_of(request), report=_report(values))
        return Response({
            "now": timezone.now(), "order": device.order, "settings": devices.settings_for(device),
            "runtime": installer.runtime(),
        })


class BundleFileView(DeviceView):
    @extend_schema(operation_id="edge_bundle", responses={(200, "application/zip"): OpenApiTypes.BINARY}, auth=[])
    def get(self, request: Request, number: int) -> HttpResponseBase:
        """The zip that the device was ordered to run, whole or in part (Range, If-Range)."""
        bundle = devices.may_download(device_of(request), number)
        if bundle is None:
            raise NotFound("This device was not ordered to run that bundle.")
        return stored_file(
            request._request, name=bundle.path, size=bundle.size, sha256=bundle.sha256, content_type="application/zip"
        )


@require_safe
def install_script(request: HttpRequest) -> HttpResponse:
    """The script that the line on the device page runs: it brings the runtime and enrols."""
    address = _address_here(request)
    proxy_pin = settings.DEVICE_PIN if address.url == settings.DEVICE_URL else ""
    script = installer.install_script(address, proxy_pin=proxy_pin)
    return HttpResponse(script, content_type="text/x-shellscript; charset=utf-8", headers={"Cache-Control": "no-store"})


@require_safe
def runtime_wheel(request: HttpRequest, name: str) -> HttpResponse:
    """The wheel of the runtime; only the newest is there."""
    wheel = installer.wheel()
    if name != wheel.name:
        return HttpResponse(f"There is no {name} here: the runtime is {wheel.name}.", status=404, content_type="text/plain")
    headers = {"ETag": f'"{wheel.sha256}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(wheel.data, content_type="application/octet-stream", headers=headers)


def _address_here(request: HttpRequest) -> Address:
    """The address under which the device has just reached us, where that is one that it may use on."""
    if request.is_secure() and not settings.DEVICE_PIN:
        return Address(f"https://{request.get_host()}", tls=True, reachable=True, pin=keys.pin())
    site = f"http://{request.get_host()}"
    if not request.is_secure() and is_loopback(site):
        return Address(site, tls=False, reachable=False)
    return device_address(site=site, port=request.get_port())


def _report(values: dict[str, Any]) -> Report:
    running, progress = values["running"], values["progress"] or {"done": 0, "total": 0}
    runs = running and Runs(running["number"], running["sha256"], running["precision"], running["device"])
    return Report(
        state=values["state"], why=values["why"], order=values["order"] or 0, running=runs,
        done=progress["done"], total=progress["total"], measured=values["measured"] or {}, info=values["info"],
        health=values["health"],
    )


urlpatterns = [
    path("edge/enrol", EnrolView.as_view()),
    path("edge/sync", SyncView.as_view()),
    path("edge/bundles/<int:number>", BundleFileView.as_view()),
]
