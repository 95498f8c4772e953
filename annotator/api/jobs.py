"""Long work: how far it is, its log, and the button that stops it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator import pipeline
from annotator.api.base import ANNOTATOR, OWNER, Empty, display_name, person
from annotator.jobs import progress
from annotator.jobs.models import Job
from annotator.projects.access import find_project
from annotator.projects.errors import NotFound
from annotator.projects.models import Project, User

MOST = 100


class JobRow(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Job.Kind.choices)
    state = serializers.ChoiceField(choices=Job.State.choices)
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    unit = serializers.CharField()
    message = serializers.CharField()
    eta_seconds = serializers.FloatField(allow_null=True)
    error = serializers.CharField(help_text="Empty, or a sentence that says what to do.")
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class LogRow(serializers.Serializer[Any]):
    log = serializers.CharField()


def job_row(job: Job) -> dict[str, Any]:
    """A job as the API gives it."""
    return progress.describe(job) | {
        "created_by": display_name(job.created_by), "created_at": job.created_at, "started_at": job.started_at,
        "finished_at": job.finished_at,
    }


def recent_jobs(project: Project, most: int = MOST) -> list[dict[str, Any]]:
    """The newest jobs of a project, without their logs."""
    return [job_row(job) for job in project.jobs.defer("log").select_related("created_by")[:most]]


class JobsView(APIView):
    @extend_schema(operation_id="jobs_list", responses=JobRow(many=True))
    def get(self, request: Request, project_id: int) -> Response:
        """The newest jobs, newest first."""
        return Response(recent_jobs(find_project(person(request), project_id)))


class JobView(APIView):
    @extend_schema(operation_id="jobs_read", responses=JobRow)
    def get(self, request: Request, project_id: int, job_id: UUID) -> Response:
        """One job."""
        return Response(job_row(_find(person(request), project_id, job_id)))


class CancelView(APIView):
    @extend_schema(operation_id="jobs_cancel", request=Empty, responses=JobRow)
    def post(self, request: Request, project_id: int, job_id: UUID) -> Response:
        """Stop a job (owners, and whoever started it): at once when it waits, at its next step when it runs."""
        user = person(request)
        job = _find(user, project_id, job_id, ANNOTATOR)
        if job.created_by_id != user.pk:
            find_project(user, project_id, OWNER)
        return Response(job_row(progress.cancel_job(job=job)))


class LogView(APIView):
    @extend_schema(operation_id="jobs_log", responses=LogRow)
    def get(self, request: Request, project_id: int, job_id: UUID) -> Response:
        """What a job has written down about its work."""
        return Response({"log": _find(person(request), project_id, job_id).log})


class FeaturesView(APIView):
    @extend_schema(operation_id="features_compute", request=Empty, responses={202: JobRow(many=True)})
    def post(self, request: Request, project_id: int) -> Response:
        """Compute the features that are missing (owners): after a features job was cancelled, or has failed."""
        project = find_project(person(request), project_id, OWNER)
        pipeline.images_arrived(project.pk)
        return Response(recent_jobs(project, 1), status=202)


def _find(user: User, project_id: int, job_id: UUID, role: str = "viewer") -> Job:
    project = find_project(user, project_id, role)
    job = Job.objects.filter(project=project, pk=job_id).select_related("created_by").first()
    if job is None:
        raise NotFound("This project has no such job.")
    return job


urlpatterns = [
    path("projects/<int:project_id>/jobs", JobsView.as_view()),
    path("projects/<int:project_id>/jobs/<uuid:job_id>", JobView.as_view()),
    path("projects/<int:project_id>/jobs/<uuid:job_id>/cancel", CancelView.as_view()),
    path("projects/<int:project_id>/jobs/<uuid:job_id>/log", LogView.as_view()),
    path("projects/<int:project_id>/features", FeaturesView.as_view()),
]
