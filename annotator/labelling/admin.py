"""What people said and what waits to be asked, for administrators: to look at, never to rewrite."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from annotator.labelling import tally
from annotator.labelling.models import Annotation, Candidate, Lease, Tally
from annotator.projects.admin import ReadOnly


class _Kept(ReadOnly):
    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows go with their project or image, and with nothing less."""
        match, meta = request.resolver_match, self.model._meta
        if match is not None and (match.url_name or "").startswith(f"{meta.app_label}_{meta.model_name}_"):
            return False
        return super().has_delete_permission(request, obj)


@admin.register(Annotation)
class AnnotationAdmin(_Kept):
    list_display = ("seq", "created_at", "project", "image", "kind", "label", "author", "source", "seconds", "confidence")
    list_filter = ("kind", "source", "created_at", "project")
    search_fields = ("id", "image__name", "label__name", "author__username", "project__name")
    list_select_related = ("project", "image", "label", "author")
    ordering = ("-seq",)
    list_per_page = 50


@admin.register(Candidate)
class CandidateAdmin(_Kept):
    list_display = ("project", "position", "image", "is_audit", "score", "reason_text", "guess", "confidence")
    list_filter = ("is_audit", "reason", "project")
    search_fields = ("project__name", "image__name")
    list_select_related = ("project", "image", "guess")


@admin.register(Lease)
class LeaseAdmin(_Kept):
    list_display = ("image", "project", "user", "client", "is_audit", "expires_at")
    list_filter = ("is_audit", "project")
    search_fields = ("project__name", "image__name", "user__username", "client")
    list_select_related = ("project", "image", "user")


@admin.register(Tally)
class TallyAdmin(_Kept):
    list_display = ("project", *tally.COLUMNS)
    search_fields = ("project__name",)
    list_select_related = ("project",)
    actions = ("count_afresh",)

    @admin.action(description="Count all projects afresh", permissions=["view"])
    def count_afresh(self, request: HttpRequest, tallies: QuerySet[Tally]) -> None:
        """Only of use when somebody wrote to the database with its triggers switched off."""
        tally.recount()
        self.message_user(request, "Counted.", messages.SUCCESS)
