"""A project to work for, on a real Redis."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage, default_storage

from annotator.projects.models import Project, User
from annotator.projects.setup import create_project
from tests.with_redis import live_redis

__all__ = ["live_redis"]


@pytest.fixture(autouse=True)
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files go to a folder of the test's own: rows are rolled back, files are not."""
    monkeypatch.setattr(default_storage, "_wrapped", FileSystemStorage(location=tmp_path / "media"))


@pytest.fixture
def owner(db: None) -> User:
    """Somebody who starts jobs."""
    return User.objects.create(username="olga")


@pytest.fixture
def project(owner: User) -> Project:
    """A project without images."""
    return create_project(owner=owner, name="Cups", classes=["cup", "glass"])
