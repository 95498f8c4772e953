"""The queue, as a page or a script sees it: next, renew, release."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base import ANNOTATOR, Ids, ProgressRow, parsed, person
from annotator.api.image_rows import PictureRow, SenderRow, picture_row, senders
from annotator.labelling import lease, queue
from annotator.labelling.tally import progress
from annotator.projects.access import find_project

CLIENT = "A name that this page or script made up for itself and keeps."


class NextRequest(serializers.Serializer[Any]):
    client = serializers.CharField(max_length=queue.LONGEST_CLIENT, help_text=CLIENT)
    count = serializers.IntegerField(default=1, min_value=1, max_value=queue.MOST)
    exclude = Ids(default=list, max_length=queue.MOST_HELD, help_text="Images that the page holds already.")


class ReasonRow(serializers.Serializer[Any]):
    code = serializers.CharField()
    text = serializers.CharField()


class GuessRow(serializers.Serializer[Any]):
    label = serializers.IntegerField()  # type: ignore[assignment]
    confidence = serializers.FloatField()


class TaskRow(serializers.Serializer[Any]):
    image = PictureRow()
    kind = serializers.ChoiceField(choices=["learn", "audit"])
    reason = ReasonRow(help_text="Why this image is asked about.")
    guess = GuessRow(allow_null=True, help_text="Never on audit images, which judge the model.")
    top = GuessRow(many=True)
    model_version = serializers.IntegerField(allow_null=True)
    lease_expires_at = serializers.DateTimeField()
    device = SenderRow(allow_null=True, help_text="The device that sent it.")


class NextAnswer(serializers.Serializer[Any]):
    tasks = TaskRow(many=True)
    progress = ProgressRow()


class RenewRequest(serializers.Serializer[Any]):
    client = serializers.CharField(max_length=queue.LONGEST_CLIENT, help_text=CLIENT)
    images = Ids(max_length=queue.MOST_HELD)


class RenewAnswer(serializers.Serializer[Any]):
    lease_expires_at = serializers.DateTimeField()
    lost = Ids(help_text="Images that are no longer this client's.")


class ReleaseRequest(serializers.Serializer[Any]):
    client = serializers.CharField(max_length=queue.LONGEST_CLIENT, help_text=CLIENT)
    images = Ids(required=False, max_length=queue.MOST_HELD, help_text="All that the client holds, when left out.")


class ReleaseAnswer(serializers.Serializer[Any]):
    released = serializers.IntegerField()


class NextView(APIView):
    write_scope = "label"

    @extend_schema(operation_id="tasks_next", request=NextRequest, responses=NextAnswer)
    def post(self, request: Request, project_id: int) -> Response:
        """What to label next. Nobody else gets these images until you answer or go silent."""
        user = person(request)
        project = find_project(user, project_id, ANNOTATOR)
        tasks = queue.next_tasks(project=project, user=user, **parsed(NextRequest, request.data))
        sent = senders([task.image for task in tasks])
        rows = [_row(task) | {"device": sent.get(task.image.pk)} for task in tasks]
        return Response({"tasks": rows, "progress": progress(project.pk)})


class RenewView(APIView):
    write_scope = "label"

    @extend_schema(operation_id="tasks_renew", request=RenewRequest, responses=RenewAnswer)
    def post(self, request: Request, project_id: int) -> Response:
        """Keep the images that you hold for another while."""
        user = person(request)
        project = find_project(user, project_id, ANNOTATOR)
        until, lost = lease.renew(project=project, user=user, **parsed(RenewRequest, request.data))
        return Response({"lease_expires_at": until, "lost": lost})


class ReleaseView(APIView):
    write_scope = "label"

    @extend_schema(operation_id="tasks_release", request=ReleaseRequest, responses=ReleaseAnswer)
    def post(self, request: Request, project_id: int) -> Response:
        """Give images back unanswered."""
        user = person(request)
        project = find_project(user, project_id, ANNOTATOR)
        return Response({"released": lease.release(project=project, user=user, **parsed(ReleaseRequest, request.data))})


def _row(task: queue.Task) -> dict[str, Any]:
    return {
        "image": picture_row(task.image), "kind": "audit" if task.is_audit else "learn", **task.shown,
        "lease_expires_at": task.expires_at,
    }
