"""What we look at: images, and the imports that brought them."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from annotator.projects.models import Project


class Import(models.Model):
    """One arrival of images: a drop on the page, a zip, a folder, a script. Its counts say what became of each file."""

    class Source(models.TextChoices):
        UPLOAD = "upload", "Upload"
        ARCHIVE = "archive", "Archive"
        FOLDER = "folder", "Folder on the server"
        SAMPLE = "sample", "Sample images"
        API = "api", "API"
        DEVICE = "device", "Device"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        CLOSED = "closed", "Closed"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="imports")
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.UPLOAD)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    name = models.CharField(max_length=200, blank=True, help_text="Of the zip or folder that came, if it had one.")
    labels_from = models.CharField(max_length=10, blank=True, help_text="'folder' when folder names are classes.")
    expected = models.PositiveIntegerField(default=0)
    stored = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.source} of {self.created_at:%Y-%m-%d %H:%M}"


class ArchiveUpload(models.Model):
    """A zip that arrives in pieces and can go on after a break: `offset` of its `length` bytes are here."""

    batch = models.OneToOneField(Import, primary_key=True, on_delete=models.CASCADE, related_name="archive")
    length = models.PositiveBigIntegerField()
    offset = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.offset} of {self.length} bytes"


class ArchivePart(models.Model):
    """One piece of a zip; its bytes lie in storage."""

    archive = models.ForeignKey(ArchiveUpload, on_delete=models.CASCADE, related_name="parts")
    offset = models.PositiveBigIntegerField()
    length = models.PositiveIntegerField()
    path = models.CharField(max_length=200)

    class Meta:
        ordering = ["offset"]
        constraints = [models.UniqueConstraint(fields=["archive", "offset"], name="archive_part_once")]

    def __str__(self) -> str:
        return f"{self.length} bytes at {self.offset}"


class ImportProblem(models.Model):
    """A file that did not become an image, and why."""

    batch = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="problems")
    name = models.CharField(max_length=400)
    code = models.CharField(max_length=30)
    message = models.CharField(max_length=300)

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


class Image(models.Model):
    """One picture of a project, told apart from others by the SHA-256 of its bytes."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="images")
    batch = models.ForeignKey(Import, null=True, on_delete=models.SET_NULL, related_name="images")
    sha256 = models.CharField(max_length=64)
    name = models.CharField(max_length=400, help_text="Its path as it arrived.")
    format = models.CharField(max_length=8)
    width = models.PositiveIntegerField(help_text="In pixels, after its EXIF orientation.")
    height = models.PositiveIntegerField()
    size = models.PositiveBigIntegerField(help_text="In bytes.")
    display = models.CharField(
        max_length=4, blank=True, help_text="The format of its display version; empty when the original itself is shown."
    )
    is_audit = models.BooleanField(default=False, help_text="Put aside at random to judge the model; never trained on.")
    sort_key = models.PositiveIntegerField(help_text="A fixed pseudo-random order, from the hash.")
    featured = models.BooleanField(default=False, help_text="Its features are in the store.")
    feature_error = models.CharField(max_length=200, blank=True, help_text="Why its features could not be computed.")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "sha256"], name="image_once")]
        indexes = [
            models.Index(fields=["project", "is_audit", "sort_key"], name="image_order"),
            models.Index(fields=["project", "id"], name="image_listing"),
            models.Index(
                fields=["project", "sort_key"], name="image_unfeatured", condition=models.Q(featured=False, feature_error="")
            ),
            # Which images have features, without reading the rows of a million: SQLite looks into them unless the index has
            # the condition's column too.
            models.Index(
                fields=["project", "id", "featured"], name="images_with_features", condition=models.Q(featured=True)
            ),
        ]

    def __str__(self) -> str:
        return self.name
