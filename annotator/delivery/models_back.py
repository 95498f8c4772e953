"""What comes back: how devices fare by the minute, what they found hard, and what somebody should look at."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from annotator.delivery.models_devices import Device
from annotator.images.models import Image


class Vitals(models.Model):
    """One minute of one device at work."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="vitals")
    at = models.DateTimeField(help_text="The minute.")
    bundle = models.ForeignKey("delivery.Bundle", null=True, on_delete=models.SET_NULL, related_name="+")
    count = models.PositiveIntegerField(default=0, help_text="Answers given.")
    errors = models.PositiveIntegerField(default=0)
    p50_ms = models.FloatField(null=True)
    p95_ms = models.FloatField(null=True)
    throughput = models.FloatField(null=True, help_text="Images a second.")
    confidence = models.JSONField(default=list, help_text="How often each of 20 equal steps from 0 to 1.")
    classes = models.JSONField(default=dict, help_text="How often each class was the answer.")
    features = models.BinaryField(null=True, help_text="Some feature vectors, float16, row by row.")

    class Meta:
        ordering = ["at"]
        verbose_name_plural = "vitals"
        constraints = [models.UniqueConstraint(fields=["device", "at"], name="one_row_a_minute")]

    def __str__(self) -> str:
        return f"{self.device} at {self.at:%H:%M}"


class Drift(models.Model):
    """How far what a device saw in the time up to `at` had moved from what its bundle was made on."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="drift")
    bundle = models.ForeignKey("delivery.Bundle", on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(help_text="The last minute of the window.")
    answers = models.PositiveIntegerField(help_text="In the window.")
    vectors = models.PositiveIntegerField(default=0, help_text="Feature vectors in the window.")
    psi = models.FloatField(null=True, help_text="Of the confidence.")
    threshold_psi = models.FloatField(null=True)
    mmd = models.FloatField(null=True, help_text="Of the features.")
    threshold_mmd = models.FloatField(null=True)
    p_value = models.FloatField(null=True, help_text="Of the MMD, by permutation.")

    class Meta:
        ordering = ["at"]
        verbose_name_plural = "drift"
        constraints = [models.UniqueConstraint(fields=["device", "at"], name="one_drift_a_minute")]

    def __str__(self) -> str:
        return f"{self.device} at {self.at:%H:%M}"


class Sighting(models.Model):
    """One picture that a device was torn about, or never saw the like of. The device makes its id: a retry adds nothing."""

    class Reason(models.TextChoices):
        TORN = "torn", "Torn between classes"
        UNSEEN = "unseen", "Unlike anything it learnt from"

    id = models.UUIDField(primary_key=True, editable=False)
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="sightings")
    image = models.OneToOneField(Image, null=True, on_delete=models.SET_NULL, related_name="sighting")
    bundle = models.ForeignKey("delivery.Bundle", null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=8, choices=Reason.choices)
    margin = models.FloatField(null=True, help_text="Between its two likeliest classes.")
    distance = models.FloatField(null=True, help_text="To the nearest of what it learnt from.")
    label = models.CharField(max_length=80, blank=True, help_text="What it answered.")
    confidence = models.FloatField(null=True)
    seen_at = models.DateTimeField()
    received_at = models.DateTimeField(auto_now_add=True)
    features = models.BinaryField(null=True, help_text="Its feature vector, float16.")

    class Meta:
        ordering = ["-received_at"]
        indexes = [models.Index(fields=["device", "-received_at"], name="sighting_of_device")]

    def __str__(self) -> str:
        return f"{self.reason} at {self.device}"


class Alert(models.Model):
    """Something about a device that somebody should look at; open until it is no longer so."""

    class Kind(models.TextChoices):
        DRIFT_CONFIDENCE = "drift_confidence", "Confidence has shifted"
        DRIFT_FEATURES = "drift_features", "Pictures have shifted"
        SLOW = "slow", "Slower than its budget"
        FAILED = "failed", "A deployment failed"
        OFFLINE = "offline", "Offline"
        DISK = "disk", "Disk nearly full"

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="alerts")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    value = models.FloatField(null=True)
    threshold = models.FloatField(null=True)
    text = models.CharField(max_length=500)
    opened_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    seen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["device", "kind"], name="one_open_alert_of_its_kind", condition=models.Q(closed_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.device}"
