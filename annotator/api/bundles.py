"""Bundles for the edge: ask for one, see its report, download it."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import default_storage
from django.http import FileResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base import OWNER, parsed, person
from annotator.delivery.export import file_name, request_bundle
from annotator.delivery.models import Bundle
from annotator.projects.access import find_project
from annotator.projects.errors import NotFound, NotReady
from annotator.projects.models import User


class ReportRow(serializers.Serializer[Any]):
    precision = serializers.CharField()
    accuracy = serializers.FloatField(allow_null=True, help_text="On audit images, through this very file.")
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()
    agreement = serializers.FloatField(allow_null=True, help_text="Share of answers equal to torch's.")
    max_diff = serializers.FloatField(allow_null=True, help_text="Largest difference of any probability from torch's.")
    compared = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    latency_p50_ms = serializers.FloatField()
    latency_p95_ms = serializers.FloatField()
    throughput = serializers.FloatField(help_text="Images a second on the machine that made it, in `streams` streams.")
    throughput_one = serializers.FloatField(allow_null=True, help_text="The same in one stream.")
    streams = serializers.IntegerField(allow_null=True)
    memory_bytes = serializers.IntegerField(allow_null=True, help_text="What loading and running it adds to a process.")
    computes_in = serializers.CharField(help_text="How what is not in 8 bits is computed there: f32, bf16, f16, or nothing.")
    kept = serializers.ListField(child=serializers.CharField(), help_text="Layers that INT8 left in floating point.")
    quantised = serializers.CharField(help_text="How INT8 came about, in a sentence.")


# What the reports of earlier versions do not tell.
UNTOLD: dict[str, Any] = {
    "throughput_one": None, "streams": None, "memory_bytes": None, "computes_in": "", "kept": [], "quantised": "",
}


class BundleWish(serializers.Serializer[Any]):
    max_drop = serializers.FloatField(
        required=False, min_value=0.001, max_value=1, help_text="Share of accuracy that INT8 may lose; .01 when not told."
    )


class BundleRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    number = serializers.IntegerField()
    state = serializers.ChoiceField(choices=Bundle.State.choices)
    model_version = serializers.IntegerField(help_text="Number of the model version.")
    job = serializers.UUIDField(allow_null=True)
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    report = ReportRow(many=True)
    recommended = serializers.CharField()
    recommended_why = serializers.CharField()
    error = serializers.CharField(help_text="Why there is none, in a sentence.")
    created_at = serializers.DateTimeField()
    download = serializers.CharField(allow_null=True, help_text="Address of the zip.")


def bundle_row(bundle: Bundle) -> dict[str, Any]:
    """A bundle as the API gives it; wants `select_related("model_version")`."""
    ready = bundle.state == Bundle.State.READY
    return {
        "id": bundle.pk, "number": bundle.number, "state": bundle.state, "model_version": bundle.model_version.number,
        "job": None if bundle.job_id is None else str(bundle.job_id), "size": bundle.size, "sha256": bundle.sha256,
        "report": [{**UNTOLD, **row} for row in bundle.report],
        "recommended": bundle.recommended, "recommended_why": bundle.recommended_why,
        "error": bundle.error, "created_at": bundle.created_at,
        "download": f"/api/projects/{bundle.project_id}/bundles/{bundle.pk}/download" if ready else None,
    }


class BundlesView(APIView):
    @extend_schema(operation_id="bundles_list", responses=BundleRow(many=True))
    def get(self, request: Request, project_id: int) -> Response:
        """The bundles, newest first."""
        project = find_project(person(request), project_id)
        versions = project.bundles.select_related("model_version").defer("model_version__weights")
        return Response([bundle_row(bundle) for bundle in versions])

    @extend_schema(operation_id="bundles_create", request=BundleWish, responses={202: BundleRow})
    def post(self, request: Request, project_id: int) -> Response:
        """Make a bundle of the model as it is now (owners). Its job tells how far it is."""
        user = person(request)
        project = find_project(user, project_id, OWNER)
        bundle = request_bundle(project=project, user=user, **parsed(BundleWish, request.data))
        return Response(bundle_row(bundle), status=status.HTTP_202_ACCEPTED)


class BundleView(APIView):
    @extend_schema(operation_id="bundles_read", responses=BundleRow)
    def get(self, request: Request, project_id: int, bundle_id: int) -> Response:
        """One bundle."""
        return Response(bundle_row(_find(person(request), project_id, bundle_id)))


class DownloadView(APIView):
    @extend_schema(operation_id="bundles_download", responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, project_id: int, bundle_id: int) -> FileResponse:
        """The zip itself."""
        bundle = _find(person(request), project_id, bundle_id)
        if bundle.state != Bundle.State.READY:
            raise NotReady(bundle.error or "This bundle is still being built: wait for its job to end.")
        try:
            file = default_storage.open(bundle.path)
        except FileNotFoundError as error:
            raise NotFound("The file of this bundle is missing from storage: make a new bundle.") from error
        answer = FileResponse(file, as_attachment=True, filename=file_name(bundle), content_type="application/zip")
        answer["X-Content-Type-Options"] = "nosniff"
        answer["Cache-Control"] = "private, no-transform"
        return answer


def _find(user: User, project_id: int, bundle_id: int) -> Bundle:
    project = find_project(user, project_id)
    found = Bundle.objects.filter(project=project, pk=bundle_id).select_related("model_version", "project")
    bundle = found.defer("model_version__weights").first()
    if bundle is None:
        raise NotFound("This project has no such bundle.")
    return bundle


urlpatterns = [
    path("projects/<int:project_id>/bundles", BundlesView.as_view()),
    path("projects/<int:project_id>/bundles/<int:bundle_id>", BundleView.as_view()),
    path("projects/<int:project_id>/bundles/<int:bundle_id>/download", DownloadView.as_view()),
]
