"""What the model has learnt: curve, confusion, classes, stop hint, and the list of its versions."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base import parsed, person
from annotator.api.image_rows import RELATED, ImageRow, image_row
from annotator.images.models import Image
from annotator.learning import curve
from annotator.learning.models import ModelVersion
from annotator.projects.access import find_project

MOST_MODELS = 200
MOST_IN_CELL = 200


class EstimateRow(serializers.Serializer[Any]):
    value = serializers.FloatField()
    low = serializers.FloatField(help_text="End of the 95 % interval.")
    high = serializers.FloatField()


class AccuracyRow(EstimateRow):
    n = serializers.IntegerField(help_text="Labelled audit images.")


class ModelRow(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    labels = serializers.IntegerField(help_text="Labelled images that it was fitted on; audit images are never among them.")
    accuracy = AccuracyRow(allow_null=True, help_text="On audit images, with Wilson's interval.")
    fit_ms = serializers.FloatField()
    total_ms = serializers.FloatField(help_text="From the start of the turn to the new ranking.")
    kappa = serializers.FloatField(allow_null=True, help_text="Agreement on the pool with the model of some labels before.")


class ModelClassRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    color = serializers.CharField()


class CalibrationRow(serializers.Serializer[Any]):
    temperatures = serializers.ListField(child=serializers.FloatField())
    weights = serializers.ListField(child=serializers.FloatField())
    labels = serializers.IntegerField()
    accuracy = serializers.FloatField(allow_null=True, help_text="Out of fold: too low, for labels are chosen hard.")


class ModelDetail(ModelRow):
    state = serializers.ChoiceField(choices=ModelVersion.State.choices)
    head = serializers.CharField()
    strategy = serializers.CharField()
    classes = ModelClassRow(many=True)
    annotations_hash = serializers.CharField(help_text="SHA-256 over the exact image and class pairs that it saw.")
    audit_count = serializers.IntegerField()
    macro_f1 = serializers.FloatField(allow_null=True)
    ppi = EstimateRow(allow_null=True, help_text="The prediction-powered estimate of accuracy.")
    calibration = CalibrationRow(allow_null=True)
    timings = serializers.DictField(child=serializers.FloatField(), help_text="Seconds of each part of the turn.")
    created_at = serializers.DateTimeField()


class StopRow(serializers.Serializer[Any]):
    kappa = serializers.FloatField(allow_null=True)
    bar = serializers.FloatField(help_text="From 0 to 1: how near the model is to standing still. A hint, never a lock.")
    near_done = serializers.BooleanField()
    done = serializers.BooleanField()
    text = serializers.CharField()


class CurvePoint(serializers.Serializer[Any]):
    labels = serializers.IntegerField()
    number = serializers.IntegerField(help_text="Of the model version.")
    accuracy = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField(help_text="Labelled audit images at that time.")
    ppi = serializers.FloatField(allow_null=True)
    ppi_low = serializers.FloatField(allow_null=True)
    ppi_high = serializers.FloatField(allow_null=True)
    at = serializers.DateTimeField()


class ConfusionRow(serializers.Serializer[Any]):
    labels = serializers.ListField(child=serializers.IntegerField(), help_text="Ids of classes: rows and columns.")
    matrix = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()), help_text="Row: what people said. Column: the model."
    )


class ClassRow(serializers.Serializer[Any]):
    label = serializers.IntegerField()  # type: ignore[assignment]
    count = serializers.IntegerField(help_text="Images to learn from.")
    audit_count = serializers.IntegerField()
    precision = serializers.FloatField(allow_null=True)
    precision_low = serializers.FloatField(allow_null=True)
    precision_high = serializers.FloatField(allow_null=True)
    recall = serializers.FloatField(allow_null=True)
    recall_low = serializers.FloatField(allow_null=True)
    recall_high = serializers.FloatField(allow_null=True)
    f1 = serializers.FloatField(allow_null=True)


class LearningRow(serializers.Serializer[Any]):
    model = ModelDetail(allow_null=True)
    stop = StopRow()
    curve = CurvePoint(many=True)
    confusion = ConfusionRow(allow_null=True)
    classes = ClassRow(many=True)
    queue_depth = serializers.IntegerField()
    simulated = CurvePoint(many=True, allow_null=True, help_text="Only where `simulate` has measured it.")


class CellQuery(serializers.Serializer[Any]):
    truth = serializers.IntegerField(help_text="Id of the class that people said.")
    predicted = serializers.IntegerField(help_text="Id of the class that the model says.")


class CellImage(ImageRow):
    predicted = serializers.IntegerField()


class CellRow(serializers.Serializer[Any]):
    results = CellImage(many=True)


class LearningView(APIView):
    @extend_schema(operation_id="learning_read", responses=LearningRow)
    def get(self, request: Request, project_id: int) -> Response:
        """How learning goes."""
        return Response(curve.summary(find_project(person(request), project_id)))


class CellView(APIView):
    @extend_schema(
        operation_id="learning_cell", responses=CellRow,
        parameters=[OpenApiParameter("truth", int, required=True), OpenApiParameter("predicted", int, required=True)],
    )
    def get(self, request: Request, project_id: int) -> Response:
        """The audit images behind one cell of the confusion matrix, those the model was surest of first."""
        project = find_project(person(request), project_id)
        query = parsed(CellQuery, request.query_params)
        found = curve.cell(project, truth=query["truth"], predicted=query["predicted"])[:MOST_IN_CELL]
        images = Image.objects.filter(project=project).select_related(*RELATED).in_bulk([key for key, _ in found])
        rows = [
            image_row(images[key]) | {"guess": query["predicted"], "predicted": query["predicted"], "confidence": sure}
            for key, sure in found
            if key in images
        ]
        return Response({"results": rows})


class ModelsView(APIView):
    @extend_schema(operation_id="models_list", responses=ModelDetail(many=True))
    def get(self, request: Request, project_id: int) -> Response:
        """The newest model versions, newest first."""
        project = find_project(person(request), project_id)
        versions = project.models.defer("weights", "audit_results")[:MOST_MODELS]
        return Response([curve.detail(version) for version in versions])


urlpatterns = [
    path("projects/<int:project_id>/learning", LearningView.as_view()),
    path("projects/<int:project_id>/learning/cell", CellView.as_view()),
    path("projects/<int:project_id>/models", ModelsView.as_view()),
]
