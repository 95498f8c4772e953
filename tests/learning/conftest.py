"""A world of invented features, and a person in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from annotator.learning import data
from annotator.projects.models import User
from tests.learning.world import World


@pytest.fixture
def owner(db: None) -> User:
    """Somebody who labels."""
    return User.objects.create(username="olga")


@pytest.fixture
def world(owner: User) -> Iterator[World]:
    """Three classes, two hundred images with features, about forty of them the judge's."""
    made = World(owner)
    made.add_images(200)
    yield made
    data.forget()
