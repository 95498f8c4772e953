"""What the machine learnt, for administrators: all of it to read, none of it to write."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from annotator.learning.models import Challenger, FeatureSet, FeatureSpace, ModelVersion, Ranking, Replay

BINARY = ("weights",)


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that only the learner writes."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [field.name for field in self.model._meta.fields if field.name not in BINARY]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Rows go with their project, and with nothing less.
        match, meta = request.resolver_match, self.model._meta
        if match is not None and (match.url_name or "").startswith(f"{meta.app_label}_{meta.model_name}_"):
            return False
        return super().has_delete_permission(request, obj)


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnly):
    list_display = ("number", "project", "state", "label_count", "audit_count", "percent", "interval", "head", "created_at")
    list_filter = ("state", "head", "strategy", "pinned", "created_at")
    search_fields = ("project__name", "annotations_hash")
    list_select_related = ("project",)
    date_hierarchy = "created_at"
    exclude = BINARY

    @admin.display(description="accuracy", ordering="accuracy")
    def percent(self, version: ModelVersion) -> str:
        """On audit images."""
        return "-" if version.accuracy is None else f"{version.accuracy:.1%}"

    @admin.display(description="95 % interval")
    def interval(self, version: ModelVersion) -> str:
        """Wilson's."""
        if version.accuracy_low is None or version.accuracy_high is None:
            return "-"
        return f"{version.accuracy_low:.1%} to {version.accuracy_high:.1%}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        return super().get_queryset(request).defer("weights", "audit_results")


@admin.register(FeatureSpace)
class FeatureSpaceAdmin(ReadOnly):
    list_display = ("number", "project", "backbone", "fingerprint", "fitted_on", "created_at")
    list_filter = ("backbone",)
    search_fields = ("project__name", "fingerprint")
    list_select_related = ("project",)
    exclude = BINARY

    def get_queryset(self, request: HttpRequest) -> QuerySet[FeatureSpace]:
        return super().get_queryset(request).defer("weights")


@admin.register(FeatureSet)
class FeatureSetAdmin(ReadOnly):
    list_display = ("project", "backbone", "fingerprint", "dim")
    search_fields = ("project__name", "fingerprint")
    list_select_related = ("project",)


@admin.register(Ranking)
class RankingAdmin(ReadOnly):
    list_display = ("project", "candidates", "model_number", "seconds", "made_at")
    search_fields = ("project__name",)
    list_select_related = ("project",)


@admin.register(Replay)
class ReplayAdmin(ReadOnly):
    list_display = ("project", "strategy", "head", "labels", "made_at")
    search_fields = ("project__name", "fingerprint")
    list_select_related = ("project",)


@admin.register(Challenger)
class ChallengerAdmin(ReadOnly):
    list_display = ("project", "backbone", "state", "looks", "created_by", "created_at")
    list_filter = ("state", "backbone", "created_at")
    search_fields = ("project__name", "backbone", "fingerprint")
    list_select_related = ("project", "created_by")
