"""Projects and their classes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator import pipeline
from annotator.api.base import OWNER, LabelRow, parsed, person
from annotator.api.project_rows import ProjectRow, counted_label, project_rows
from annotator.projects import setup
from annotator.projects.access import find_project, visible_projects
from annotator.projects.errors import NotAllowed, NotFound
from annotator.projects.models import Label, Project, User

FEW_ONLY = "You may not create projects: ask an administrator for the right to, or an owner to invite you to theirs."


class NewLabel(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200)
    color = serializers.CharField(max_length=20, required=False, allow_null=True, allow_blank=True)
    key = serializers.CharField(max_length=5, required=False, allow_null=True, allow_blank=True)


class LabelChanges(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200, required=False)
    color = serializers.CharField(max_length=20, required=False)
    key = serializers.CharField(max_length=5, required=False, allow_blank=True)
    position = serializers.IntegerField(required=False)
    archived = serializers.BooleanField(required=False)


class ProjectOptions(serializers.Serializer[Any]):
    guidelines = serializers.CharField(required=False, allow_blank=True, help_text="In Markdown.")
    backbone = serializers.CharField(max_length=40, required=False)
    strategy = serializers.CharField(max_length=40, required=False)
    head = serializers.CharField(max_length=40, required=False)
    audit_fraction = serializers.FloatField(required=False, help_text="Share of new images put aside for the judge.")
    audit_every = serializers.IntegerField(required=False, help_text="Every so many tasks, one is an audit image.")


class NewProject(ProjectOptions):
    name = serializers.CharField(max_length=200)
    classes = NewLabel(many=True, required=False)


class ProjectChanges(ProjectOptions):
    name = serializers.CharField(max_length=200, required=False)


class ProjectsView(APIView):
    @extend_schema(operation_id="projects_list", responses=ProjectRow(many=True))
    def get(self, request: Request) -> Response:
        """The projects that you are a member of, newest first."""
        return Response(project_rows(list(visible_projects(person(request))), person(request)))

    @extend_schema(operation_id="projects_create", request=NewProject, responses={201: ProjectRow})
    def post(self, request: Request) -> Response:
        """Create a project; you become its owner."""
        user = person(request)
        require_creator(user)
        project = setup.create_project(owner=user, **parsed(NewProject, request.data))
        return Response(project_rows([project], user)[0], status=status.HTTP_201_CREATED)


class ProjectView(APIView):
    @extend_schema(operation_id="projects_read", responses=ProjectRow)
    def get(self, request: Request, project_id: int) -> Response:
        """One project."""
        return Response(project_rows([find_project(person(request), project_id)], person(request))[0])

    @extend_schema(operation_id="projects_update", request=ProjectChanges, responses=ProjectRow)
    def patch(self, request: Request, project_id: int) -> Response:
        """Change its name, guidelines or options (owners). Another backbone becomes a challenger, see there."""
        user = person(request)
        project = find_project(user, project_id, OWNER)
        changes = parsed(ProjectChanges, request.data)
        if changes:
            pipeline.change_project(project=project, user=user, **changes)
        return Response(project_rows([project], user)[0])

    @extend_schema(operation_id="projects_delete", request=None, responses={204: None})
    def delete(self, request: Request, project_id: int) -> Response:
        """Put it away (owners). An administrator can bring it back or delete it for good."""
        user = person(request)
        setup.archive_project(project=find_project(user, project_id, OWNER), user=user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CountedLabel(LabelRow):
    count = serializers.IntegerField(help_text="Images that have this class now.")


class LabelsView(APIView):
    @extend_schema(operation_id="labels_create", request=NewLabel, responses={201: CountedLabel})
    def post(self, request: Request, project_id: int) -> Response:
        """Add a class (owners). The model knows it from its first label on."""
        user = person(request)
        project = find_project(user, project_id, OWNER)
        label = setup.add_label(project=project, user=user, **parsed(NewLabel, request.data))
        pipeline.labels_changed(project.pk)
        return Response(counted_label(label), status=status.HTTP_201_CREATED)


class LabelView(APIView):
    @extend_schema(operation_id="labels_update", request=LabelChanges, responses=CountedLabel)
    def patch(self, request: Request, project_id: int, label_id: int) -> Response:
        """Rename or recolour a class, change its key or place, archive it or bring it back (owners)."""
        user = person(request)
        project = find_project(user, project_id, OWNER)
        label = setup.update_label(label=_find(project, label_id), user=user, **parsed(LabelChanges, request.data))
        pipeline.labels_changed(project.pk)
        return Response(counted_label(label))

    @extend_schema(operation_id="labels_archive", request=None, responses={204: None})
    def delete(self, request: Request, project_id: int, label_id: int) -> Response:
        """Archive a class (owners): what people said with it stays, nobody can choose it any more."""
        user = person(request)
        project = find_project(user, project_id, OWNER)
        setup.archive_label(label=_find(project, label_id), user=user)
        pipeline.labels_changed(project.pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


def require_creator(user: User) -> None:
    """Raise NotAllowed for people who may not create projects."""
    if not user.has_perm("projects.add_project"):
        raise NotAllowed(FEW_ONLY)


def _find(project: Project, label_id: int) -> Label:
    label = Label.objects.filter(project=project, pk=label_id).select_related("project").first()
    if label is None:
        raise NotFound("This project has no such class.")
    return label
