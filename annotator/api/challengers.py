"""Challengers: other backbones tried beside the one at work, how they compare, and which may serve."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base import OWNER, Empty, display_name, parsed, person
from annotator.api.learning import EstimateRow
from annotator.learning import challenge
from annotator.learning.models import Challenger
from annotator.projects.access import find_project
from annotator.projects.errors import NotFound
from annotator.projects.models import User

MOST = 20


class SideRow(serializers.Serializer[Any]):
    backbone = serializers.CharField()
    title = serializers.CharField()
    accuracy = EstimateRow(allow_null=True, help_text="On the same audit images, with Wilson's interval.")
    ms = serializers.FloatField(allow_null=True, help_text="Milliseconds an image: on a processor, of one core's time.")
    bytes = serializers.IntegerField(allow_null=True, help_text="Of its weights.")


class ComparisonRow(serializers.Serializer[Any]):
    n = serializers.IntegerField(help_text="Labelled audit images that both answered.")
    labels = serializers.IntegerField(help_text="Labelled images that both learnt from.")
    audit_labelled = serializers.IntegerField(help_text="Audit labels that there were.")
    audit_images = serializers.IntegerField(help_text="Audit images that there were.")
    both = serializers.IntegerField(help_text="Audit images that both got right.")
    only_old = serializers.IntegerField(help_text="Those that only the one at work got right.")
    only_new = serializers.IntegerField(help_text="Those that only the challenger got right.")
    neither = serializers.IntegerField()
    old = SideRow()
    new = SideRow()
    difference = EstimateRow(allow_null=True, help_text="Accuracy of the challenger minus that of the one at work.")
    p = serializers.FloatField(help_text="McNemar's exact one-sided p: how often chance alone would favour it as much.")
    alpha = serializers.FloatField(help_text="Below this p it serves; halved at each further look.")
    needed = serializers.IntegerField(allow_null=True, help_text="Audit labels that would probably decide.")
    verdict = serializers.ChoiceField(choices=[("won", "Won"), ("lost", "Lost"), ("undecided", "Undecided")])
    judged_at = serializers.DateTimeField()


class ChallengerRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    backbone = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=Challenger.State.choices)
    at_work = serializers.BooleanField(help_text="Its features are those the project learns from now.")
    comparison = ComparisonRow(allow_null=True)
    note = serializers.CharField(help_text="How it stands or ended, in a sentence.")
    job = serializers.UUIDField(allow_null=True)
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()


class ChallengersRow(serializers.Serializer[Any]):
    at_work = serializers.CharField(help_text="The backbone that the project learns from now.")
    title = serializers.CharField(help_text="What people call it.")
    results = ChallengerRow(many=True, help_text="The newest first.")


class NewChallenger(serializers.Serializer[Any]):
    backbone = serializers.CharField(max_length=40, help_text="One that GET /api/system lists, or a fine-tuned one.")


def challenger_row(challenger: Challenger, at_work: str) -> dict[str, Any]:
    """A challenger as the API gives it."""
    return {
        "id": challenger.pk, "backbone": challenger.backbone, "title": challenge.title_of(challenger),
        "state": challenger.state, "at_work": challenger.backbone == at_work, "comparison": challenger.comparison,
        "note": challenger.note, "job": None if challenger.job_id is None else str(challenger.job_id),
        "created_by": display_name(challenger.created_by), "created_at": challenger.created_at,
    }


class ChallengersView(APIView):
    @extend_schema(operation_id="challengers_list", responses=ChallengersRow)
    def get(self, request: Request, project_id: int) -> Response:
        """The backbone at work, and those that were tried beside it, newest first."""
        project = find_project(person(request), project_id)
        name = challenge.at_work(project)
        rows = [challenger_row(one, name) for one in project.challengers.select_related("created_by")[:MOST]]
        return Response({"at_work": name, "title": challenge.title(name), "results": rows})

    @extend_schema(operation_id="challengers_create", request=NewChallenger, responses={202: ChallengerRow})
    def post(self, request: Request, project_id: int) -> Response:
        """Try another backbone (owners): its features are computed beside, and it serves if it is significantly better."""
        user = person(request)
        project = find_project(user, project_id, OWNER)
        challenger = challenge.start(project=project, user=user, **parsed(NewChallenger, request.data))
        return Response(challenger_row(challenger, challenge.at_work(project)), status=status.HTTP_202_ACCEPTED)


class CancelView(APIView):
    @extend_schema(operation_id="challengers_cancel", request=Empty, responses=ChallengerRow)
    def post(self, request: Request, project_id: int, challenger_id: int) -> Response:
        """Stop trying it, or stop waiting for more audit labels (owners)."""
        challenger = challenge.cancel(challenger=_find(person(request), project_id, challenger_id))
        return Response(challenger_row(challenger, challenge.at_work(challenger.project)))


class UseView(APIView):
    @extend_schema(operation_id="challengers_use", request=Empty, responses={202: ChallengerRow})
    def post(self, request: Request, project_id: int, challenger_id: int) -> Response:
        """Use it although it was not better (owners): it serves once all its features are there."""
        user = person(request)
        challenger = challenge.use(challenger=_find(user, project_id, challenger_id), user=user)
        return Response(challenger_row(challenger, challenge.at_work(challenger.project)), status=status.HTTP_202_ACCEPTED)


def _find(user: User, project_id: int, challenger_id: int) -> Challenger:
    project = find_project(user, project_id, OWNER)
    found = Challenger.objects.filter(project=project, pk=challenger_id).select_related("project", "job", "created_by")
    challenger = found.first()
    if challenger is None:
        raise NotFound("Nobody has tried such a backbone in this project.")
    return challenger


_challenger = "projects/<int:project_id>/challengers/<int:challenger_id>"
urlpatterns = [
    path("projects/<int:project_id>/challengers", ChallengersView.as_view()),
    path(f"{_challenger}/cancel", CancelView.as_view()),
    path(f"{_challenger}/use", UseView.as_view()),
]
