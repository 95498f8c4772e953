"""The owner's dashboard: who works how fast, how the model does, what the machine is busy with."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base import OWNER, person
from annotator.api.jobs import JobRow, recent_jobs
from annotator.api.learning import CurvePoint
from annotator.api.project_rows import label_counts
from annotator.api.system import DiskRow, WorkerRow, disk_row, worker_rows
from annotator.labelling import activity
from annotator.labelling.models import Candidate
from annotator.learning import curve
from annotator.projects.access import find_project

MOST_JOBS = 20


class HourRow(serializers.Serializer[Any]):
    hour = serializers.DateTimeField()
    count = serializers.IntegerField()


class PersonRow(serializers.Serializer[Any]):
    user = serializers.CharField()
    count = serializers.IntegerField()
    median_seconds = serializers.FloatField(allow_null=True, help_text="How long an answer took, of the recent ones.")


class ClassCountRow(serializers.Serializer[Any]):
    label = serializers.IntegerField()  # type: ignore[assignment]
    count = serializers.IntegerField()


class DashboardRow(serializers.Serializer[Any]):
    per_hour = HourRow(many=True)
    per_person = PersonRow(many=True)
    per_class = ClassCountRow(many=True)
    curve = CurvePoint(many=True)
    queue_depth = serializers.IntegerField()
    jobs = JobRow(many=True)
    workers = WorkerRow(many=True)
    disk = DiskRow()


class DashboardView(APIView):
    @extend_schema(operation_id="dashboard_read", responses=DashboardRow)
    def get(self, request: Request, project_id: int) -> Response:
        """Everything at a glance (owners)."""
        project = find_project(person(request), project_id, OWNER)
        counts = label_counts([project.pk])
        labels = project.labels.filter(archived_at=None)
        return Response({
            "per_hour": activity.per_hour(project), "per_person": activity.per_person(project),
            "per_class": [{"label": label.pk, "count": counts.get(label.pk, 0)} for label in labels],
            "curve": curve.points(project), "queue_depth": Candidate.objects.filter(project=project, is_audit=False).count(),
            "jobs": recent_jobs(project, MOST_JOBS), "workers": worker_rows(), "disk": disk_row(),
        })


urlpatterns = [path("projects/<int:project_id>/dashboard", DashboardView.as_view())]
