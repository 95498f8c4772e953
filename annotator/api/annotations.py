"""What people say about images."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator import pipeline
from annotator.api.base import ANNOTATOR, Id, ProgressRow, by_script, display_name, parsed, person
from annotator.labelling.annotate import LONGEST_CLIENT, annotate
from annotator.labelling.models import Annotation
from annotator.labelling.tally import progress
from annotator.projects.access import find_project

MOST = 200


class NewAnnotation(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Made by you: sending the same one again adds nothing.")
    image = Id()
    kind = serializers.ChoiceField(choices=Annotation.Kind.choices)
    label = Id(required=False, allow_null=True, help_text="With kind 'label'.")  # type: ignore[assignment]
    client = serializers.CharField(max_length=LONGEST_CLIENT, required=False, allow_blank=True)
    seconds = serializers.FloatField(required=False, allow_null=True, help_text="How long the person looked.")
    model_version = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=2_000_000_000)
    guess = Id(required=False, allow_null=True, help_text="The class that the model had guessed.")
    confidence = serializers.FloatField(required=False, allow_null=True)


class AnnotationRow(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    image = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=Annotation.Kind.choices)
    label = serializers.IntegerField(allow_null=True)  # type: ignore[assignment]
    author = serializers.CharField(allow_null=True)
    source = serializers.ChoiceField(choices=Annotation.Source.choices)  # type: ignore[assignment]
    created_at = serializers.DateTimeField()
    seconds = serializers.FloatField(allow_null=True)
    model_version = serializers.IntegerField(allow_null=True)
    guess = serializers.IntegerField(allow_null=True)
    confidence = serializers.FloatField(allow_null=True)


class AnnotationAnswer(serializers.Serializer[Any]):
    annotation = AnnotationRow()
    progress = ProgressRow()


class AnnotationList(serializers.Serializer[Any]):
    results = AnnotationRow(many=True)


class ImageQuery(serializers.Serializer[Any]):
    image = Id()


class AnnotationsView(APIView):
    write_scope = "label"

    @extend_schema(
        operation_id="annotations_create", request=NewAnnotation,
        responses={201: AnnotationAnswer, 200: AnnotationAnswer},
        description="Label, skip or flag an image, or take the last answer back (clear). 200: this id was known already.",
    )
    def post(self, request: Request, project_id: int) -> Response:
        user = person(request)
        project = find_project(user, project_id, ANNOTATOR)
        source = Annotation.Source.API if by_script(request) else Annotation.Source.PERSON
        annotation, fresh = annotate(project=project, author=user, source=source, **parsed(NewAnnotation, request.data))
        if fresh:
            pipeline.annotation_made(project.pk)
        answer = {"annotation": annotation_row(annotation), "progress": progress(project.pk)}
        return Response(answer, status=201 if fresh else 200)

    @extend_schema(
        operation_id="annotations_list", parameters=[OpenApiParameter("image", int, required=True)], responses=AnnotationList
    )
    def get(self, request: Request, project_id: int) -> Response:
        """Everything said about one image, newest first."""
        project = find_project(person(request), project_id)
        return Response({"results": history(project.pk, parsed(ImageQuery, request.query_params)["image"])})


def history(project_id: int, image_id: int) -> list[dict[str, Any]]:
    """What was said about an image, newest first."""
    said = Annotation.objects.filter(project=project_id, image=image_id).select_related("author").order_by("-seq")
    return [annotation_row(annotation) for annotation in said[:MOST]]


def annotation_row(annotation: Annotation) -> dict[str, Any]:
    """One answer as the API gives it."""
    return {
        "id": annotation.id, "image": annotation.image_id, "kind": annotation.kind, "label": annotation.label_id,
        "author": display_name(annotation.author), "source": annotation.source, "created_at": annotation.created_at,
        "seconds": annotation.seconds, "model_version": annotation.model_number, "guess": annotation.guess_id,
        "confidence": annotation.confidence,
    }
