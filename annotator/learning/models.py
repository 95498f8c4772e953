"""What the machine learnt: where a project's features are, their projection, its model versions, its last ranking."""

from __future__ import annotations

from django.db import models

from annotator.images.models import Image
from annotator.jobs.models import Job
from annotator.projects.models import Project, User


class FeatureSet(models.Model):
    """Which features in the store are this project's. Features of another backbone or precision are never mixed in."""

    project = models.OneToOneField(Project, primary_key=True, on_delete=models.CASCADE, related_name="feature_set")
    backbone = models.CharField(max_length=40)
    fingerprint = models.CharField(max_length=80, help_text="Of the backbone: weights, preprocessing and precision.")
    dim = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.backbone} ({self.fingerprint})"


class FeatureSpace(models.Model):
    """A projection fitted on a project's pool. Heads are only valid within one; it is refitted when the pool doubles."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="feature_spaces")
    number = models.PositiveIntegerField()
    backbone = models.CharField(max_length=40)
    fingerprint = models.CharField(max_length=80, help_text="Of the backbone: weights, preprocessing and precision.")
    fitted_on = models.PositiveIntegerField(help_text="Images in the pool when it was fitted.")
    weights = models.BinaryField(help_text="Mean and components, as safetensors.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="space_number_once")]

    def __str__(self) -> str:
        return f"{self.backbone} #{self.number}"


class ModelVersion(models.Model):
    """One fitted model. Its state moves training -> judged -> serving | refused, and only `learning.judge` moves it."""

    class State(models.TextChoices):
        TRAINING = "training", "Training"
        JUDGED = "judged", "Judged"
        SERVING = "serving", "Serving"
        REFUSED = "refused", "Refused"
        RETIRED = "retired", "Retired"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="models")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.TRAINING)
    space = models.ForeignKey(FeatureSpace, on_delete=models.RESTRICT, related_name="models")
    head = models.CharField(max_length=40)
    strategy = models.CharField(max_length=40)
    classes = models.JSONField(help_text="Its own list of classes, in order: [{id, name, color}].")
    weights = models.BinaryField(null=True, help_text="The head, as safetensors. Kept for milestones and the newest.")
    pinned = models.BooleanField(default=False, help_text="Its weights are kept: a bundle is made of it.")
    annotations_seen = models.BigIntegerField(help_text="The highest annotation seq that it saw.")
    annotations_hash = models.CharField(max_length=64, help_text="SHA-256 over the exact image and class pairs it saw.")
    label_count = models.PositiveIntegerField(help_text="Labelled images that it was fitted on.")
    audit_count = models.PositiveIntegerField(default=0)
    accuracy = models.FloatField(null=True, help_text="On labelled audit images.")
    accuracy_low = models.FloatField(null=True)
    accuracy_high = models.FloatField(null=True)
    temperature = models.FloatField(
        default=1.0, help_text="From audit labels, on top of the weights: makes confidence honest, changes no answer."
    )
    metrics = models.JSONField(default=dict, help_text="ppi, kappa, calibration, macro F1, per class numbers.")
    timings = models.JSONField(default=dict, help_text="Seconds for load, fit, score, choose, write, total.")
    audit_results = models.JSONField(
        null=True, help_text="[image id, true class, predicted class, confidence] of each; only of the serving version."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="model_number_once"),
            models.UniqueConstraint(fields=["project"], name="one_serving_model", condition=models.Q(state="serving")),
        ]

    def __str__(self) -> str:
        return f"model {self.number}"


class Ranking(models.Model):
    """The last ranking of a project's images, and what it saw: when that has changed, there is something to learn."""

    project = models.OneToOneField(Project, primary_key=True, on_delete=models.CASCADE, related_name="ranking")
    seen = models.CharField(max_length=64, help_text="SHA-256 of all that a ranking depends on.")
    model_number = models.PositiveIntegerField(null=True, help_text="None while it needed no model.")
    candidates = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0.0)
    made_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.candidates} candidates of model {self.model_number}"


class Replay(models.Model):
    """What the project's own labels measured: how many its strategy needs, and how many chance does. The newest alone."""

    project = models.OneToOneField(Project, primary_key=True, on_delete=models.CASCADE, related_name="replay")
    strategy = models.CharField(max_length=40, help_text="What was held against random.")
    head = models.CharField(max_length=40)
    fingerprint = models.CharField(max_length=80, help_text="Of the backbone whose features were used.")
    labels = models.PositiveIntegerField(help_text="Labelled images that there were.")
    chosen = models.PositiveIntegerField(
        help_text="Those among them that had been chosen for labelling: neither labelled at import nor audit images."
    )
    result = models.JSONField(help_text="Images used, seeds, full-data accuracy, and a curve for each strategy.")
    made_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.strategy} against random on {self.labels} labels"


class Challenger(models.Model):
    """Another backbone that tries to replace the one at work. Only `learning.challenge` moves its state.

    Computing (what it is judged by) -> judged (it will serve; the rest is computed) -> won; or lost, or undecided.
    """

    class State(models.TextChoices):
        COMPUTING = "computing", "Computing"
        JUDGED = "judged", "Judged"
        WON = "won", "Won"
        LOST = "lost", "Lost"
        UNDECIDED = "undecided", "Undecided"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    OPEN = (State.COMPUTING, State.JUDGED)

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="challengers")
    backbone = models.CharField(max_length=40)
    fingerprint = models.CharField(max_length=80, blank=True, help_text="Of its features; empty until the first.")
    dim = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State.choices, default=State.COMPUTING)
    looks = models.PositiveSmallIntegerField(default=0, help_text="How often it was judged; each look asks for more.")
    comparison = models.JSONField(null=True, help_text="Both models on the same labelled audit images.")
    note = models.CharField(max_length=300, blank=True, help_text="How it ended, in a sentence.")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project"], name="one_open_challenger", condition=models.Q(state__in=["computing", "judged"])
            )
        ]

    def __str__(self) -> str:
        return f"{self.backbone} {self.state}"


class Twin(models.Model):
    """An image that looks like another of its project. Those of one number are linked by near duplicates."""

    image = models.OneToOneField(Image, primary_key=True, on_delete=models.CASCADE, related_name="twin")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    number = models.BigIntegerField(help_text="Of its group: the smallest image id in it when it was found.")
    cosine = models.FloatField(help_text="Of its features and those of the most alike image.")

    class Meta:
        indexes = [models.Index(fields=["project", "number"], name="twins_of_group")]

    def __str__(self) -> str:
        return f"{self.image_id} in {self.number}"


class TwinSearch(models.Model):
    """What the last search for near duplicates saw: when that has changed, there is something new to look at."""

    project = models.OneToOneField(Project, primary_key=True, on_delete=models.CASCADE, related_name="twin_search")
    space = models.PositiveIntegerField(help_text="Number of the feature space whose cosines were compared.")
    images = models.PositiveIntegerField()
    newest = models.BigIntegerField(help_text="The highest image id that had features.")
    made_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.images} images up to {self.newest}"

    @property
    def facts(self) -> tuple[int, int, int]:
        """Space, images and newest: the search is up to date while they are the same."""
        return self.space, self.images, self.newest
