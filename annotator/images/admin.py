"""Images and imports for administrators: to find and to delete, never to edit."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from annotator.images.models import Image, Import, ImportProblem
from annotator.images.remove import remove_image
from annotator.projects.admin import ReadOnly
from annotator.projects.models import User


@admin.register(Image)
class ImageAdmin(ReadOnly):
    list_display = ("picture", "name", "project", "format", "width", "height", "size", "is_audit", "featured", "added_at")
    list_display_links = ("name",)
    list_filter = ("is_audit", "featured", "format", ("feature_error", admin.EmptyFieldListFilter), "project")
    search_fields = ("name", "sha256", "project__name", "feature_error")
    list_select_related = ("project",)
    list_per_page = 50
    readonly_fields = ("picture",)

    @admin.display(description="")
    def picture(self, image: Image) -> str:
        """Its thumbnail."""
        address = f"/api/projects/{image.project_id}/images/{image.pk}/thumb?v={image.sha256[:12]}"
        return format_html('<img src="{}" alt="" height="48" loading="lazy">', address)

    def delete_model(self, request: HttpRequest, obj: Image) -> None:
        remove_image(image=obj, user=_user(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Image]) -> None:
        for image in queryset.select_related("project"):
            remove_image(image=image, user=_user(request))


class ProblemInline(admin.TabularInline):  # type: ignore[type-arg]
    model = ImportProblem
    fields = readonly_fields = ("name", "code", "message")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Import)
class ImportAdmin(ReadOnly):
    list_display = (
        "created_at", "project", "source", "name", "state", "expected", "stored", "duplicates", "refused", "created_by",
    )
    list_filter = ("source", "state", "created_at")
    search_fields = ("project__name", "name", "created_by__username", "problems__name")
    list_select_related = ("project", "created_by")
    date_hierarchy = "created_at"
    inlines = (ProblemInline,)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def _user(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None
