"""A device that asks: known by the signature of its request, allowed what devices are, and nothing else."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from rest_framework import authentication, permissions
from rest_framework.request import Request
from rest_framework.views import APIView

from annotator.delivery.models import Device
from annotator.delivery.requests import Signed, proven_device


class DeviceAuthentication(authentication.BaseAuthentication):
    """HTTP Message Signatures with the device's own key; sessions and tokens count for nothing here."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Device]:
        """Nobody, and the device. Raises Unproven, Revoked, NotFound."""
        return AnonymousUser(), proven_device(signed(request._request))

    def authenticate_header(self, request: Request) -> str:
        return "Signature"


class IsDevice(permissions.BasePermission):
    """A device that proved itself."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, Device)


class DeviceView(APIView):
    """A view for devices alone."""

    authentication_classes = [DeviceAuthentication]
    permission_classes = [IsDevice]


def device_of(request: Request) -> Device:
    """The device that asks; only for a `DeviceView`."""
    return cast(Device, request.auth)


def signed(request: HttpRequest) -> Signed:
    """What a device's signature covers."""
    meta: dict[str, Any] = request.META
    return Signed(
        method=request.method or "", path=request.path, query=meta.get("QUERY_STRING", ""), headers=request.headers,
        body=request.body,
    )
