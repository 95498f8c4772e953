"""What was sent where: a deployment is one click, a delivery is its way to one device."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from annotator.delivery.models_devices import Device
from annotator.projects.models import Project


class Deployment(models.Model):
    """One bundle for some devices, asked for by one person. A share of them is a trial: the first that fails halts it."""

    class Target(models.TextChoices):
        ALL = "all", "Every device"
        GROUP = "group", "A group"
        SHARE = "share", "A share of the devices"
        DEVICES = "devices", "Named devices"

    class State(models.TextChoices):
        ROLLING = "rolling", "Rolling out"
        DONE = "done", "Done"
        HALTED = "halted", "Halted"
        CANCELLED = "cancelled", "Cancelled"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="deployments")
    bundle = models.ForeignKey("delivery.Bundle", on_delete=models.RESTRICT, related_name="deployments")
    rollback = models.BooleanField(default=False, help_text="Devices may go back to an older bundle.")
    target = models.CharField(max_length=8, choices=Target.choices)
    group = models.CharField(max_length=80, blank=True)
    share = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Percent of the devices, or of the group's.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ROLLING)
    why = models.CharField(max_length=500, blank=True)
    budget_ms = models.FloatField(null=True, blank=True, help_text="A model slower than this on the device is not taken.")

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["project", "state"], name="deployment_state")]

    def __str__(self) -> str:
        return f"deployment {self.pk}"


class Delivery(models.Model):
    """The way of one bundle to one device."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting for the device"
        DOWNLOADING = "downloading", "Downloading"
        VERIFYING = "verifying", "Verifying"
        TRYING = "trying", "Trying"
        RUNNING = "running", "Running"
        FAILED = "failed", "Failed"
        SUPERSEDED = "superseded", "Superseded"

    OPEN = (State.WAITING, State.DOWNLOADING, State.VERIFYING, State.TRYING)

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="deliveries")
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="deliveries")
    serial = models.PositiveBigIntegerField(default=0, help_text="Of the order that the device was given for it.")
    before = models.ForeignKey(
        "delivery.Bundle", null=True, on_delete=models.SET_NULL, related_name="+", help_text="What the device ran before."
    )
    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)
    done = models.PositiveBigIntegerField(default=0, help_text="Bytes.")
    total = models.PositiveBigIntegerField(default=0)
    why = models.CharField(max_length=500, blank=True)
    measured = models.JSONField(default=dict, blank=True, help_text="What the device measured before it swapped.")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["deployment", "device"], name="one_delivery_a_device")]
        indexes = [models.Index(fields=["device", "state"], name="delivery_of_device")]

    def __str__(self) -> str:
        return f"{self.device}: {self.state}"
