"""A project to work for, on a real Redis."""

from __future__ import annotations

import pytest

from annotator.projects.models import Project, User
from annotator.projects.setup import create_project
from tests.with_redis import live_redis

__all__ = ["live_redis"]


@pytest.fixture
def owner(db: None) -> User:
    """Somebody who starts jobs."""
    return User.objects.create(username="olga")


@pytest.fixture
def project(owner: User) -> Project:
    """A project without images."""
    return create_project(owner=owner, name="Cups", classes=["cup", "glass"])
