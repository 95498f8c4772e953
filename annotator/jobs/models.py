"""Long work, visible: one row a job, with its progress, its log, and the wish to cancel it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from annotator.projects.models import Project


class Job(models.Model):
    """A piece of background work. A running job whose heartbeat has stopped is queued again by the sweep."""

    class Kind(models.TextChoices):
        IMPORT = "import", "Import"
        SAMPLE = "sample", "Sample images"
        FEATURES = "features", "Features"
        EXPORT = "export", "Export"
        CHALLENGE = "challenge", "Another backbone"
        FINETUNE = "finetune", "Fine-tuning"
        REPLAY = "replay", "Replay"

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    OPEN = (State.QUEUED, State.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    params = models.JSONField(default=dict)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    unit = models.CharField(max_length=20, default="images")
    message = models.CharField(max_length=300, blank=True)
    error = models.CharField(max_length=1000, blank=True)
    log = models.TextField(blank=True)
    cancel_requested = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often a worker took it up.")
    worker = models.CharField(max_length=120, blank=True, help_text="The process at work: host and process number.")
    eta_seconds = models.FloatField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["project", "-created_at"]), models.Index(fields=["state"])]
        constraints = [
            # Features of one project are computed by one job at a time.
            models.UniqueConstraint(
                fields=["project"], name="one_open_features_job",
                condition=models.Q(kind="features", state__in=["queued", "running"]),
            ),
            # So are challenges, fine-tuning and replays: one of each kind.
            models.UniqueConstraint(
                fields=["project", "kind"], name="one_open_job_of_its_kind",
                condition=models.Q(kind__in=["challenge", "finetune", "replay"], state__in=["queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class Share(models.Model):
    """One worker's part in a job that several work on: the images whose sort keys lie in first..last are in its hands."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="shares")
    worker = models.CharField(max_length=120, help_text="Host and process number.")
    first = models.PositiveIntegerField(null=True)
    last = models.PositiveIntegerField(null=True)
    done = models.PositiveIntegerField(default=0)
    notes = models.TextField(blank=True, help_text="Lines for the job's log, until its leader takes them over.")
    alive_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "worker"], name="one_share_a_worker")]

    def __str__(self) -> str:
        return f"{self.worker}: {self.done}"
