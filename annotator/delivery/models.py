"""What leaves and what comes back: bundles here; devices, deployments and what devices tell in modules of their own."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from annotator.delivery.models_back import Alert, Drift, Sighting, Vitals
from annotator.delivery.models_deploy import Delivery, Deployment
from annotator.delivery.models_devices import Device, EnrolmentCode
from annotator.jobs.models import Job
from annotator.learning.models import ModelVersion
from annotator.projects.models import Project

__all__ = ["Alert", "Bundle", "Delivery", "Deployment", "Device", "Drift", "EnrolmentCode", "Sighting", "Vitals"]


class Bundle(models.Model):
    """A zip with everything that a device needs: the model in three precisions, labels, manifest, runtime."""

    class State(models.TextChoices):
        BUILDING = "building", "Building"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="bundles")
    number = models.PositiveIntegerField()
    model_version = models.ForeignKey(ModelVersion, on_delete=models.RESTRICT, related_name="bundles")
    job = models.OneToOneField(Job, null=True, on_delete=models.SET_NULL, related_name="bundle")
    state = models.CharField(max_length=10, choices=State.choices, default=State.BUILDING)
    path = models.CharField(max_length=300, blank=True, help_text="Its name in storage.")
    size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    report = models.JSONField(default=list, help_text="One row a precision: accuracy, agreement, size, latency, throughput.")
    recommended = models.CharField(max_length=8, blank=True)
    recommended_why = models.CharField(max_length=300, blank=True)
    error = models.CharField(max_length=1000, blank=True, help_text="Why there is none, in a sentence.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="bundle_number_once")]

    def __str__(self) -> str:
        return f"bundle {self.number}"
