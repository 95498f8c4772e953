"""A world of invented features on a real Redis, where what is sent can be looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from annotator.learning import data
from annotator.projects.models import User
from tests.learning.world import World
from tests.with_redis import live_redis

__all__ = ["live_redis"]


@pytest.fixture
def owner(db: None) -> User:
    """Somebody who labels."""
    return User.objects.create(username="olga")


@pytest.fixture
def world(owner: User) -> Iterator[World]:
    """Three classes, sixty images with features."""
    made = World(owner)
    made.add_images(60)
    yield made
    data.forget()
