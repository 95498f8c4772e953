"""The machine behind it: versions, device, services, workers, disk."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Sum
from django.urls import path
from drf_spectacular.utils import extend_schema
from redis.exceptions import RedisError
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator import __version__
from annotator.delivery.models import Bundle
from annotator.images.models import Image
from annotator.jobs import bus
from annotator.jobs.workers import workers
from annotator.projects.choices import HEADS, STRATEGIES

log = logging.getLogger(__name__)


class WorkerRow(serializers.Serializer[Any]):
    name = serializers.CharField()
    queues = serializers.ListField(child=serializers.CharField())
    alive = serializers.BooleanField()


class DiskRow(serializers.Serializer[Any]):
    total = serializers.IntegerField(help_text="Bytes of the disk that holds the data directory.")
    free = serializers.IntegerField()
    used_by_us = serializers.IntegerField(help_text="Originals, bundles, features and database; thumbnails are not counted.")


class ProcessorRow(serializers.Serializer[Any]):
    name = serializers.CharField()
    precision = serializers.CharField(help_text="Of features.")
    cpu_features = serializers.ListField(child=serializers.CharField())
    why = serializers.CharField()


class DatabaseRow(serializers.Serializer[Any]):
    kind = serializers.CharField()
    version = serializers.CharField()


class RedisRow(serializers.Serializer[Any]):
    alive = serializers.BooleanField()
    version = serializers.CharField(allow_null=True)


class BackboneRow(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    licence = serializers.CharField()
    available = serializers.BooleanField()
    how_to_get = serializers.CharField()
    dim = serializers.IntegerField(help_text="Numbers that it makes of an image.")
    input_size = serializers.IntegerField(help_text="Side of the square input, in pixels.")
    work = serializers.FloatField(help_text="Multiplications an image, the default's being 1.")


class FeaturesRow(serializers.Serializer[Any]):
    backbones = BackboneRow(many=True)
    heads = serializers.ListField(child=serializers.CharField())
    strategies = serializers.ListField(child=serializers.CharField())


class SystemRow(serializers.Serializer[Any]):
    version = serializers.CharField()
    device = ProcessorRow(help_text="The processor of the web server.")
    database = DatabaseRow()
    redis = RedisRow()
    workers = WorkerRow(many=True)
    disk = DiskRow()
    features = FeaturesRow(help_text="What projects may choose from.")


class SystemView(APIView):
    @extend_schema(operation_id="system_read", responses=SystemRow)
    def get(self, request: Request) -> Response:
        """What runs here, and on what."""
        return Response({
            "version": __version__, "device": _device(), "database": _database(), "redis": _redis(),
            "workers": worker_rows(), "disk": disk_row(), "features": _features(),
        })


def worker_rows() -> list[dict[str, Any]]:
    """The workers seen lately; none when Redis, through which they speak, is away."""
    try:
        found = workers()
    except RedisError as error:
        log.warning("workers are not known while Redis is away: %s", error)
        return []
    return [{"name": worker.name, "queues": list(worker.queues), "alive": worker.alive} for worker in found]


def disk_row() -> dict[str, int]:
    """Bytes; what is ours is summed from rows and a few files, not by walking the disk."""
    usage = shutil.disk_usage(settings.DATA_DIR)
    ours = sum(
        total or 0
        for total in (Image.objects.aggregate(sum=Sum("size"))["sum"], Bundle.objects.aggregate(sum=Sum("size"))["sum"])
    )
    files = [*Path(settings.DATA_DIR).glob("features/*/*"), *Path(settings.DATA_DIR).glob("db.sqlite3*")]
    ours += sum(file.stat().st_size for file in files if file.is_file())
    return {"total": usage.total, "free": usage.free, "used_by_us": ours}


def _device() -> dict[str, Any]:
    # Asking for the accelerators would load torch, which the web process never does.
    from mlcore.device import pick

    device = pick("cpu")
    return {
        "name": device.name, "precision": device.openvino_precision, "cpu_features": list(device.cpu_features),
        "why": device.why,
    }


def _database() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()" if connection.vendor == "sqlite" else "SHOW server_version")
        row = cursor.fetchone()
    return {"kind": connection.display_name, "version": str(row[0])}


def _redis() -> dict[str, Any]:
    try:
        return {"alive": True, "version": bus.connection().info("server")["redis_version"]}
    except RedisError as error:
        log.warning("Redis does not answer: %s", error)
        return {"alive": False, "version": None}


def _features() -> dict[str, Any]:
    from mlcore.backbones import DEFAULT, REGISTRY

    backbones = [
        {
            "name": name, "title": backbone.title, "licence": backbone.licence, "available": backbone.available(),
            "how_to_get": backbone.how_to_get, "dim": backbone.dim, "input_size": backbone.input_size,
            "work": round(backbone.macs / REGISTRY[DEFAULT].macs, 2),
        }
        for name, backbone in REGISTRY.items()
    ]
    return {"backbones": backbones, "heads": HEADS, "strategies": STRATEGIES}


urlpatterns = [path("system", SystemView.as_view())]
