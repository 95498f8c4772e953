"""What the model has learnt: curve, confusion, classes, stop hint, and the list of its versions."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.api.base import OWNER, Empty, parsed, person
from annotator.api.image_rows import RELATED, ImageRow, image_row
from annotator.api.jobs import JobRow, job_row
from annotator.images.models import Image
from annotator.learning import curve
from annotator.learning.models import ModelVersion
from annotator.learning.replay import start_replay
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
    temperature = serializers.FloatField(help_text="From audit labels, on top of the calibration; 1 before there are 30.")
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


class NeededRow(serializers.Serializer[Any]):
    labels = serializers.IntegerField(allow_null=True, help_text="Labels still needed; null while it cannot be said.")
    low = serializers.IntegerField(allow_null=True, help_text="End of the 80 % interval.")
    high = serializers.IntegerField(allow_null=True)
    reach = serializers.FloatField(allow_null=True, help_text="Accuracy that a label on every image would give.")
    text = serializers.CharField()


class BinRow(serializers.Serializer[Any]):
    low = serializers.FloatField(help_text="Confidences from here")
    high = serializers.FloatField(help_text="to here.")
    count = serializers.IntegerField()
    confidence = serializers.FloatField(help_text="Their mean.")
    right = EstimateRow(help_text="The share of them that was right, with Wilson's interval.")


class ReliabilityRow(serializers.Serializer[Any]):
    ece = EstimateRow(help_text="Expected calibration error: how far confidence is from the share that is right.")
    gap = EstimateRow(help_text="Mean confidence less accuracy: above 0 where the model is too sure.")
    bins = BinRow(many=True)


class ReplayCurve(serializers.Serializer[Any]):
    strategy = serializers.CharField()
    labels = serializers.ListField(child=serializers.IntegerField())
    mean = serializers.ListField(child=serializers.FloatField(), help_text="Accuracy on images that were not learnt from.")
    std = serializers.ListField(child=serializers.FloatField(), help_text="Standard deviation between the repeats.")
    needed = serializers.FloatField(
        allow_null=True, help_text="Labels for 90 % of the full-data accuracy, the median repeat; null: not within these."
    )


class ReplayRow(serializers.Serializer[Any]):
    strategy = serializers.CharField(help_text="What was held against random.")
    head = serializers.CharField()
    features = serializers.CharField(help_text="Fingerprint of the backbone.")
    labels = serializers.IntegerField(help_text="Labelled images there were when it was measured.")
    labels_now = serializers.IntegerField()
    stale = serializers.BooleanField(help_text="There are many more labels now, or another strategy, head or backbone.")
    chosen = serializers.IntegerField(
        help_text="Images among them that a strategy had chosen for labelling: the more, the less they stand for all images."
    )
    images = serializers.IntegerField(help_text="Labelled images that were used.")
    pool_images = serializers.IntegerField()
    test_images = serializers.IntegerField()
    seeds = serializers.IntegerField(help_text="Repeats, each with its own split.")
    full_accuracy = serializers.FloatField(help_text="Of plain logistic regression on all labels of the replay's pool.")
    curves = ReplayCurve(many=True, help_text="The strategy's, then random's.")
    text = serializers.CharField(help_text="What choosing saves, in a sentence.")
    made_at = serializers.DateTimeField()


class LearningRow(serializers.Serializer[Any]):
    model = ModelDetail(allow_null=True)
    stop = StopRow()
    needed = NeededRow(help_text="Labels still needed for 95 % of the accuracy that labelling all images would give.")
    curve = CurvePoint(many=True)
    reliability = ReliabilityRow(allow_null=True, help_text="Whether confidence can be believed, on audit images.")
    confusion = ConfusionRow(allow_null=True)
    classes = ClassRow(many=True)
    queue_depth = serializers.IntegerField()
    simulated = ReplayRow(allow_null=True, help_text="Choosing against chance, where a replay has measured it.")
    replay_needs = serializers.CharField(help_text="Why a replay cannot measure it yet, in a sentence; empty when it can.")


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


class ReplayView(APIView):
    @extend_schema(operation_id="replay_start", request=Empty, responses={202: JobRow})
    def post(self, request: Request, project_id: int) -> Response:
        """Measure what choosing saves against chance, on the project's own labelled images (owners): a job does it."""
        user = person(request)
        job = start_replay(project=find_project(user, project_id, OWNER), user=user)
        return Response(job_row(job), status=status.HTTP_202_ACCEPTED)


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
    path("projects/<int:project_id>/replay", ReplayView.as_view()),
    path("projects/<int:project_id>/models", ModelsView.as_view()),
]
