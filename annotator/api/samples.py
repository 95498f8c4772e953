"""Sample images to try the product with."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base import person
from annotator.api.project_rows import ProjectRow, project_rows
from annotator.api.projects import require_creator
from annotator.images.samples import SAMPLES, try_sample, why_not


class SampleRow(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    images = serializers.IntegerField()
    classes = serializers.IntegerField()
    licence = serializers.CharField()
    available = serializers.BooleanField()
    why_not = serializers.CharField(help_text="Why it cannot be had on this machine; empty when it can.")


class SampleStarted(serializers.Serializer[Any]):
    project = ProjectRow()
    job = serializers.UUIDField(help_text="The job that fills it.")


class SamplesView(APIView):
    @extend_schema(operation_id="samples_list", responses=SampleRow(many=True))
    def get(self, request: Request) -> Response:
        """What there is to try."""
        return Response(
            [
                {
                    "name": sample.name, "title": sample.title, "images": sample.images, "classes": sample.classes,
                    "licence": sample.licence, "available": not reason, "why_not": reason,
                }
                for sample in SAMPLES.values()
                for reason in [why_not(sample)]
            ]
        )


class SampleView(APIView):
    @extend_schema(operation_id="samples_try", request=None, responses={201: SampleStarted})
    def post(self, request: Request, name: str) -> Response:
        """A new project of these images; a job fills it."""
        user = person(request)
        require_creator(user)
        project, job = try_sample(name=name, user=user)
        return Response({"project": project_rows([project], user)[0], "job": job.pk}, status=status.HTTP_201_CREATED)
