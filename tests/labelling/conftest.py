"""A project with two classes, and two people who label it."""

from __future__ import annotations

import pytest

from annotator.projects.models import Label, Membership, Project, User
from annotator.projects.setup import create_project


@pytest.fixture
def anna(db: None) -> User:
    return User.objects.create_user("anna")


@pytest.fixture
def project(anna: User) -> Project:
    return create_project(owner=anna, name="Cups", classes=["cup", "glass"])


@pytest.fixture
def ben(project: Project) -> User:
    user = User.objects.create_user("ben")
    Membership.objects.create(project=project, user=user, role=Membership.Role.ANNOTATOR)
    return user


@pytest.fixture
def cup(project: Project) -> Label:
    return project.labels.get(name="cup")


@pytest.fixture
def glass(project: Project) -> Label:
    return project.labels.get(name="glass")
