"""What we teach, and who may: users, projects, their classes, who belongs to them, and the keys to the door."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.enums import TextChoices
from django.db.models.functions import Lower


class User(AbstractUser):
    """A person, or a script acting for one."""


class Project(models.Model):
    """One thing to teach: a set of images and the classes to tell apart."""

    class Task(TextChoices):
        CLASSIFICATION = "classification", "One class an image"

    name = models.CharField(max_length=120)
    guidelines = models.TextField(blank=True, help_text="What annotators should know, in Markdown.")
    task_type = models.CharField(max_length=20, choices=Task.choices, default=Task.CLASSIFICATION)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    backbone = models.CharField(max_length=40, default="lite0")
    strategy = models.CharField(max_length=40, default="auto")
    head = models.CharField(max_length=40, default="blend")
    audit_fraction = models.FloatField(default=0.15, help_text="Share of images put aside at random to judge the model.")
    audit_every = models.PositiveSmallIntegerField(default=10, help_text="Every so many tasks, one is an audit image.")
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class Label(models.Model):
    """One class. Never deleted, so that what people said stays readable; archived instead."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="labels")
    name = models.CharField(max_length=80)
    color = models.CharField(max_length=7)
    key = models.CharField(max_length=1, blank=True, help_text="The key that chooses it.")
    position = models.PositiveSmallIntegerField()
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint("project", Lower("name"), name="label_name_once", condition=models.Q(archived_at=None)),
            models.UniqueConstraint(
                "project", "key", name="label_key_once", condition=models.Q(archived_at=None) & ~models.Q(key="")
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's role in a project."""

    class Role(TextChoices):
        OWNER = "owner", "Owner"
        ANNOTATOR = "annotator", "Annotator"
        VIEWER = "viewer", "Viewer"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="member_once")]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


class ApiToken(models.Model):
    """A key for scripts. Only its SHA-256 is kept; the key itself is shown once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=8, editable=False, help_text="Its first characters, to tell it from others.")
    scopes = models.JSONField(default=list, help_text="Any of read, label, manage.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"


class SignInLink(models.Model):
    """A link that signs a person in once. Only the SHA-256 of its token is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"link for {self.user}"


class FailedSignIn(models.Model):
    """A password that was wrong: enough of them and the door stays shut for a while."""

    username = models.CharField(max_length=150)
    address = models.GenericIPAddressField(null=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["at"], name="failed_sign_in_at")]

    def __str__(self) -> str:
        return f"{self.username} from {self.address}"


class AuditEntry(models.Model):
    """Who changed what, when: one row for each write that matters to the owner."""

    project = models.ForeignKey(Project, null=True, on_delete=models.SET_NULL, related_name="audit_entries")
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    action = models.CharField(max_length=60)
    detail = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.action} by {self.user}"
