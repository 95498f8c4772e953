"""Fine-tuning: what it would be and cost, and the button that starts it."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base import OWNER, parsed, person
from annotator.api.jobs import JobRow, job_row
from annotator.learning import finetune
from annotator.projects.access import find_project
from mlcore.finetune.recipe import MODES, MOST_EPOCHS


class ModeRow(serializers.Serializer[Any]):
    mode = serializers.ChoiceField(choices=MODES)
    seconds = serializers.FloatField(help_text="On a processor, roughly, and at most: it stops early.")
    disk_bytes = serializers.IntegerField(help_text="Needed while it runs.")


class OfferRow(serializers.Serializer[Any]):
    backbone = serializers.CharField(help_text="What would be trained.")
    labels = serializers.IntegerField(help_text="Labelled images to train on; audit images are never among them.")
    possible = serializers.BooleanField()
    why_not = serializers.CharField(help_text="Empty, or a sentence that says what to do.")
    modes = ModeRow(many=True)


class FinetuneRequest(serializers.Serializer[Any]):
    mode = serializers.ChoiceField(choices=MODES, default="partial")
    epochs = serializers.IntegerField(
        min_value=1, max_value=MOST_EPOCHS, required=False, help_text="Passes over the images; by default what suits."
    )
    backbone = serializers.CharField(required=False, max_length=40, help_text="By default the one at work.")
    mirror = serializers.BooleanField(
        default=True, help_text="Show mirrored images too; not where left and right are different classes."
    )


class FinetuneView(APIView):
    @extend_schema(operation_id="finetune_offer", responses=OfferRow)
    def get(self, request: Request, project_id: int) -> Response:
        """Whether the project can be fine-tuned now, and what that would cost."""
        offer = finetune.offer(find_project(person(request), project_id))
        modes = [
            {"mode": mode, "seconds": round(cost.seconds), "disk_bytes": cost.disk_bytes}
            for mode, cost in offer.costs.items()
        ]
        return Response({
            "backbone": offer.backbone, "labels": offer.labels, "possible": not offer.why_not, "why_not": offer.why_not,
            "modes": modes,
        })

    @extend_schema(operation_id="finetune_start", request=FinetuneRequest, responses={202: JobRow})
    def post(self, request: Request, project_id: int) -> Response:
        """Fine-tune in the background (owners); the result serves only when it is better on the audit labels."""
        user = person(request)
        project = find_project(user, project_id, OWNER)
        job = finetune.request_finetune(project=project, user=user, **parsed(FinetuneRequest, request.data))
        return Response(job_row(job), status=202)


urlpatterns = [path("projects/<int:project_id>/finetune", FinetuneView.as_view())]
