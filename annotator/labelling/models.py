"""What people say: an append-only list of annotations, the newest of each image, the queue of what to ask
next, and who looks at what right now."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from annotator.images.models import Image
from annotator.projects.models import Label, Project


class Annotation(models.Model):
    """One thing one person said about one image. Rows are only ever added; the highest `seq` of an image wins."""

    class Kind(models.TextChoices):
        LABEL = "label", "Label"
        SKIP = "skip", "Skipped"
        FLAG = "flag", "Flagged"
        CLEAR = "clear", "Taken back"

    class Source(models.TextChoices):
        PERSON = "person", "A person on the page"
        API = "api", "A script"
        IMPORT = "import", "Came with the image"

    seq = models.BigAutoField(primary_key=True)
    id = models.UUIDField(unique=True, default=uuid.uuid4, help_text="Made by the client, so that a retry adds nothing.")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="annotations")
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="annotations")
    kind = models.CharField(max_length=6, choices=Kind.choices)
    label = models.ForeignKey(Label, null=True, blank=True, on_delete=models.RESTRICT, related_name="annotations")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="annotations")
    source = models.CharField(max_length=6, choices=Source.choices, default=Source.PERSON)
    created_at = models.DateTimeField(auto_now_add=True)
    seconds = models.FloatField(null=True, blank=True, help_text="How long the person looked.")
    guess = models.ForeignKey(Label, null=True, blank=True, on_delete=models.RESTRICT, related_name="+")
    confidence = models.FloatField(null=True, blank=True, help_text="The model's, in its guess, when it was shown.")
    model_number = models.PositiveIntegerField(null=True, blank=True, help_text="The model version that guessed.")

    class Meta:
        indexes = [
            models.Index(fields=["image", "-seq"], name="annotation_newest"),
            models.Index(fields=["project", "-seq"], name="annotation_recent"),
            models.Index(fields=["project", "created_at"], name="annotation_times"),
        ]
        constraints = [
            models.CheckConstraint(
                name="label_when_labelled",
                condition=models.Q(kind="label", label__isnull=False) | (~models.Q(kind="label") & models.Q(label=None)),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.label or ''}".strip()


class Standing(models.Model):
    """What holds for an image now: its newest annotation, written in the same transaction; absent when taken back."""

    image = models.OneToOneField(Image, primary_key=True, on_delete=models.CASCADE, related_name="standing")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    annotation = models.ForeignKey(Annotation, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=6, choices=Annotation.Kind.choices)
    label = models.ForeignKey(Label, null=True, on_delete=models.RESTRICT, related_name="+")
    is_audit = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["project", "kind", "label", "image"], name="standing_by_class")]

    def __str__(self) -> str:
        return f"{self.image_id}: {self.kind}"


class Candidate(models.Model):
    """One place in the queue, written by `learning.rank` together with all others of the ranking."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="candidates")
    image = models.OneToOneField(Image, primary_key=True, on_delete=models.CASCADE, related_name="candidate")
    position = models.PositiveIntegerField()
    is_audit = models.BooleanField(default=False)
    score = models.FloatField(default=0.0, help_text="Higher: label sooner.")
    reason = models.CharField(max_length=20)
    reason_text = models.CharField(max_length=200)
    guess = models.ForeignKey(Label, null=True, on_delete=models.CASCADE, related_name="+")
    confidence = models.FloatField(null=True)
    top = models.JSONField(default=list, help_text="The three likeliest classes: [[label id, probability], ...].")
    model_number = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["position"]
        indexes = [models.Index(fields=["project", "is_audit", "position"], name="queue_order")]

    def __str__(self) -> str:
        return f"{self.position}: {self.image_id}"


class Lease(models.Model):
    """An image in front of somebody. The primary key is the image: it cannot be leased twice."""

    image = models.OneToOneField(Image, primary_key=True, on_delete=models.CASCADE, related_name="lease")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    client = models.CharField(max_length=64, help_text="The page that holds it: one person may have several.")
    is_audit = models.BooleanField(default=False)
    number = models.PositiveBigIntegerField(default=0, help_text="Which task of the project it is.")
    shown = models.JSONField(
        default=dict, help_text="What was said when it was handed out: reason, guess. The queue has moved on since."
    )
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["project", "expires_at"], name="lease_expiry"),
            models.Index(fields=["project", "client"], name="lease_holder"),
        ]

    def __str__(self) -> str:
        return f"{self.image_id} with {self.client}"


class Turn(models.Model):
    """Where the queue of a project stands. Whoever hands out tasks locks this row, so handing out is one at a time."""

    project = models.OneToOneField(Project, primary_key=True, on_delete=models.CASCADE, related_name="+")
    handed_out = models.PositiveBigIntegerField(default=0, help_text="Tasks so far.")
    last_audit = models.PositiveBigIntegerField(default=0, help_text="Which of them was the last audit image.")
    # Without a ranking, images come in their fixed order; what lies before these sort keys has been handed out once.
    audit_after = models.IntegerField(default=-1)
    learn_after = models.IntegerField(default=-1)

    def __str__(self) -> str:
        return f"task {self.handed_out}"


class Tally(models.Model):
    """How many images of each kind a project has: kept by the database's own triggers, see `labelling.tally`."""

    project = models.OneToOneField(Project, primary_key=True, on_delete=models.CASCADE, related_name="tally")
    images = models.IntegerField(default=0)
    audit_images = models.IntegerField(default=0)
    featured = models.IntegerField(default=0)
    labelled = models.IntegerField(default=0, help_text="Audit images included.")
    audit_labelled = models.IntegerField(default=0)
    skipped = models.IntegerField(default=0)
    flagged = models.IntegerField(default=0)
    audit_answered = models.IntegerField(default=0, help_text="Audit images labelled, skipped or flagged.")

    class Meta:
        verbose_name_plural = "tallies"

    def __str__(self) -> str:
        return f"{self.labelled} of {self.images} labelled"
