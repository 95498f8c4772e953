"""A project, an import into it, and a place for its files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage, default_storage

from annotator.images.ingest import Ingested, ingest_image, open_batch
from annotator.images.models import Import
from annotator.projects.models import Label, Project, User
from annotator.projects.setup import create_project


@pytest.fixture(autouse=True)
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files go to a folder of the test's own."""
    folder = tmp_path / "media"
    storage = FileSystemStorage(location=folder)
    monkeypatch.setattr(default_storage, "_wrapped", storage)
    return folder


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("olga")


@pytest.fixture
def project(user: User) -> Project:
    return create_project(owner=user, name="Cups", classes=["cup", "glass"])


@pytest.fixture
def batch(project: Project, user: User) -> Import:
    return open_batch(project=project, source="upload", user=user)


@pytest.fixture
def ingest(project: Project, batch: Import) -> Callable[..., Ingested]:
    """Takes bytes into the project."""

    def take(data: bytes, name: str = "photo.jpg", label: Label | None = None) -> Ingested:
        return ingest_image(project=project, batch=batch, name=name, data=data, label=label)

    return take
