"""Devices and what went to and fro, for administrators: to look at; deploying and revoking belong to the project's page."""

from __future__ import annotations

from django.contrib import admin

from annotator.delivery.models import Alert, Delivery, Deployment, Device, Drift, EnrolmentCode, Sighting, Vitals
from annotator.projects.admin import ReadOnly


class DeliveryInline(admin.TabularInline):  # type: ignore[type-arg]
    """What became of it on each device."""

    model = Delivery
    fields = readonly_fields = ("device", "state", "serial", "done", "total", "why", "started_at", "finished_at")
    extra = 0
    can_delete = False


@admin.register(Device)
class DeviceAdmin(ReadOnly):
    list_display = ("name", "project", "group", "state", "running", "wanted", "last_seen", "enrolled_at", "revoked_at")
    list_filter = ("state", "privacy", ("revoked_at", admin.EmptyFieldListFilter), "project")
    search_fields = ("id", "name", "group", "fingerprint", "project__name")
    list_select_related = ("project", "running", "wanted")
    date_hierarchy = "enrolled_at"


@admin.register(EnrolmentCode)
class EnrolmentCodeAdmin(ReadOnly):
    list_display = ("project", "name", "group", "created_by", "created_at", "expires_at", "used_at", "device")
    list_filter = (("used_at", admin.EmptyFieldListFilter), "project")
    search_fields = ("name", "project__name", "created_by__username")
    list_select_related = ("project", "created_by", "device")
    exclude = ("code_hash",)


@admin.register(Deployment)
class DeploymentAdmin(ReadOnly):
    list_display = ("pk", "project", "bundle", "target", "group", "share", "rollback", "state", "created_by", "created_at")
    list_filter = ("state", "target", "rollback", "project")
    search_fields = ("project__name", "group", "why", "created_by__username")
    list_select_related = ("project", "bundle", "created_by")
    date_hierarchy = "created_at"
    inlines = (DeliveryInline,)


@admin.register(Vitals)
class VitalsAdmin(ReadOnly):
    list_display = ("device", "at", "bundle", "count", "errors", "p50_ms", "p95_ms", "throughput")
    search_fields = ("device__name",)
    list_select_related = ("device", "bundle")
    exclude = ("features",)


@admin.register(Sighting)
class SightingAdmin(ReadOnly):
    list_display = ("id", "device", "reason", "label", "confidence", "margin", "distance", "image", "seen_at", "received_at")
    list_filter = ("reason",)
    search_fields = ("id", "device__name", "label", "image__name")
    list_select_related = ("device", "image")
    exclude = ("features",)


@admin.register(Alert)
class AlertAdmin(ReadOnly):
    list_display = ("device", "kind", "text", "value", "threshold", "opened_at", "closed_at", "seen_by")
    list_filter = ("kind", ("closed_at", admin.EmptyFieldListFilter))
    search_fields = ("device__name", "text")
    list_select_related = ("device", "seen_by")


@admin.register(Drift)
class DriftAdmin(ReadOnly):
    list_display = ("device", "at", "bundle", "answers", "psi", "threshold_psi", "vectors", "mmd", "threshold_mmd")
    search_fields = ("device__name",)
    list_select_related = ("device", "bundle")
    date_hierarchy = "at"
