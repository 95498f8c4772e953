"""A project as the API gives it: its classes with counts, progress, the serving model, a few pictures for its cover."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import Count
from rest_framework import serializers

from annotator.api.base import LabelRow, ProgressRow, label_row
from annotator.api.image_rows import thumb_url
from annotator.api.learning import AccuracyRow
from annotator.images.models import Image
from annotator.labelling import tally
from annotator.labelling.models import Annotation, Standing, Tally
from annotator.learning import curve
from annotator.learning.models import ModelVersion
from annotator.projects.markdown import to_html
from annotator.projects.models import Label, Membership, Project, User

COVER = 4
SERVING = ("project_id", "number", "label_count", "audit_count", "accuracy", "accuracy_low", "accuracy_high")


class CountedLabelRow(LabelRow):
    count = serializers.IntegerField(help_text="Images that have this class now.")


class ServingModelRow(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    labels = serializers.IntegerField(help_text="Labelled images that it was fitted on.")
    accuracy = AccuracyRow(allow_null=True, help_text="On labelled audit images, with its interval.")


class ProjectRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    guidelines = serializers.CharField(help_text="In Markdown.")
    guidelines_html = serializers.CharField(help_text="The same as HTML that is safe to show.")
    task_type = serializers.CharField()
    labels = CountedLabelRow(many=True)
    role = serializers.ChoiceField(choices=Membership.Role.choices, help_text="Yours.")
    created_at = serializers.DateTimeField()
    backbone = serializers.CharField()
    strategy = serializers.CharField()
    head = serializers.CharField()
    audit_fraction = serializers.FloatField()
    audit_every = serializers.IntegerField()
    progress = ProgressRow()
    model = ServingModelRow(allow_null=True)
    cover = serializers.ListField(child=serializers.CharField(), help_text="Addresses of up to four thumbnails.")


def project_rows(projects: Sequence[Project], user: User) -> list[dict[str, Any]]:
    """All rows in a handful of queries, however many projects there are."""
    ids = [project.pk for project in projects]
    roles = dict(Membership.objects.filter(user=user, project__in=ids).values_list("project_id", "role"))
    labels: dict[int, list[Label]] = defaultdict(list)
    for label in Label.objects.filter(project__in=ids):
        labels[label.project_id].append(label)
    counts = label_counts(ids)
    tallies = {row["project_id"]: row for row in Tally.objects.filter(pk__in=ids).values("project_id", *tally.COLUMNS)}
    serving = ModelVersion.objects.filter(project__in=ids, state=ModelVersion.State.SERVING)
    models = {model.project_id: model for model in serving.only(*SERVING)}
    return [
        {
            "id": project.pk, "name": project.name, "guidelines": project.guidelines,
            "guidelines_html": to_html(project.guidelines), "task_type": project.task_type,
            "labels": [label_row(label, counts.get(label.pk, 0)) for label in labels[project.pk]],
            "role": Membership.Role.OWNER if user.is_superuser else roles.get(project.pk),
            "created_at": project.created_at, "backbone": project.backbone, "strategy": project.strategy,
            "head": project.head, "audit_fraction": project.audit_fraction, "audit_every": project.audit_every,
            "progress": tally.shape(tallies.get(project.pk, dict.fromkeys(tally.COLUMNS, 0))),
            "model": _model(models.get(project.pk)),
            "cover": [thumb_url(image) for image in Image.objects.filter(project=project).order_by("id")[:COVER]],
        }
        for project in projects
    ]


def label_counts(projects: Sequence[int]) -> dict[int, int]:
    """Images that have each class now."""
    held = Standing.objects.filter(project__in=projects, kind=Annotation.Kind.LABEL)
    return {label: count for label, count in held.values_list("label").annotate(Count("pk")) if label is not None}


def counted_label(label: Label) -> dict[str, Any] | None:
    """One class with its count."""
    standing = Standing.objects.filter(project=label.project_id, kind=Annotation.Kind.LABEL, label=label)
    return label_row(label, standing.count())


def _model(model: ModelVersion | None) -> dict[str, Any] | None:
    if model is None:
        return None
    return {"number": model.number, "labels": model.label_count, "accuracy": curve.accuracy(model)}
