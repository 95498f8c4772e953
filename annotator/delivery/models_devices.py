"""Who receives: devices, each with a key of its own, and the codes by which they come to belong to a project."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from annotator.projects.models import Project


class Device(models.Model):
    """A machine at the edge that runs bundles of one project. Its private key never leaves it."""

    class State(models.TextChoices):
        ENROLLED = "enrolled", "Enrolled"
        DOWNLOADING = "downloading", "Downloading"
        VERIFYING = "verifying", "Verifying"
        TRYING = "trying", "Trying"
        RUNNING = "running", "Running"
        FAILED = "failed", "Failed"
        REVOKED = "revoked", "Revoked"

    class Privacy(models.TextChoices):
        NOTHING = "nothing", "Send nothing"
        FEATURES = "features", "Features only"
        BLURRED = "blurred", "Images with faces blurred"
        IMAGES = "images", "Images"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="devices")
    name = models.CharField(max_length=80)
    group = models.CharField(max_length=80, blank=True)
    public_key = models.TextField(help_text="As PEM.")
    certificate = models.TextField(help_text="As PEM, issued by this workspace.")
    fingerprint = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the certificate, in hex.")
    enrolled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", help_text="Who made its code."
    )
    enrolled_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.ENROLLED)
    why = models.CharField(max_length=500, blank=True, help_text="What the device says about its state.")
    running = models.ForeignKey("delivery.Bundle", null=True, blank=True, on_delete=models.SET_NULL, related_name="run_by")
    running_since = models.DateTimeField(null=True, blank=True)
    running_precision = models.CharField(max_length=12, blank=True)
    running_on = models.CharField(max_length=40, blank=True, help_text="CPU, GPU or NPU, as OpenVINO names it.")
    wanted = models.ForeignKey("delivery.Bundle", null=True, blank=True, on_delete=models.SET_NULL, related_name="wanted_by")
    order_serial = models.PositiveBigIntegerField(default=0, help_text="Of its newest order; only ever grows.")
    order_taken = models.PositiveBigIntegerField(default=0, help_text="The serial that it last said to have taken.")
    order = models.JSONField(null=True, blank=True, help_text="Its newest order, signed (DSSE).")
    last_seen = models.DateTimeField(null=True, blank=True)
    progress_done = models.PositiveBigIntegerField(default=0)
    progress_total = models.PositiveBigIntegerField(default=0)
    info = models.JSONField(default=dict, blank=True, help_text="What it is: system, processor, versions.")
    health = models.JSONField(default=dict, blank=True, help_text="Load, memory and disk, as last told.")
    privacy = models.CharField(max_length=8, choices=Privacy.choices, default=Privacy.NOTHING)
    keep_per_hour = models.PositiveSmallIntegerField(default=20, help_text="Hard images it may keep an hour.")
    keep_mb = models.PositiveIntegerField(default=200, help_text="Megabytes that it may keep in all.")
    latency_budget_ms = models.FloatField(null=True, blank=True, help_text="A model slower than this is not taken.")

    class Meta:
        ordering = ["name", "enrolled_at"]
        indexes = [models.Index(fields=["project", "group"], name="device_group")]

    def __str__(self) -> str:
        return self.name


class EnrolmentCode(models.Model):
    """A code by which one device comes in, once, within minutes. Only its SHA-256 is kept."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="enrolment_codes")
    code_hash = models.CharField(max_length=64, unique=True, editable=False)
    name = models.CharField(max_length=80, blank=True, help_text="What the device will be called; empty: what it says.")
    group = models.CharField(max_length=80, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    device = models.ForeignKey(Device, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="enrolment_code_expires")]

    def __str__(self) -> str:
        return f"code of {self.project}"
