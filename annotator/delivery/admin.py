"""Bundles for administrators: what left, from which model, and what it measured."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

import annotator.delivery.admin_devices  # noqa: F401  registers the pages of devices
from annotator.delivery.models import Bundle


@admin.register(Bundle)
class BundleAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("number", "project", "state", "model_version", "recommended", "readable_size", "created_at")
    list_filter = ("state", "recommended", "created_at")
    search_fields = ("project__name", "sha256", "error", "created_by__username")
    list_select_related = ("project", "model_version", "created_by")
    date_hierarchy = "created_at"

    @admin.display(description="size", ordering="size")
    def readable_size(self, bundle: Bundle) -> str:
        """As "12.3 MB"."""
        return filesizeformat(bundle.size) if bundle.size else "-"

    def get_readonly_fields(self, request: HttpRequest, obj: Bundle | None = None) -> list[str]:
        return [field.name for field in Bundle._meta.fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
