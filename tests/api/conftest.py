"""A project with people of every role, and clients that speak for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.test import Client

from annotator.projects.models import Membership, Project, User
from annotator.projects.setup import create_project
from tests.api.people import make_user
from tests.images.pictures import jpeg


@pytest.fixture(autouse=True)
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files go to a folder of the test's own."""
    folder = tmp_path / "media"
    monkeypatch.setattr(default_storage, "_wrapped", FileSystemStorage(location=folder))
    return folder


@pytest.fixture
def owner(db: None) -> User:
    """Somebody who may create projects."""
    return make_user("olga", may_create=True)


@pytest.fixture
def project(owner: User) -> Project:
    """A project of two classes, without images."""
    return create_project(owner=owner, name="Cups", classes=["cup", "glass"])


@pytest.fixture
def as_owner(owner: User, project: Project) -> Client:
    """Olga's browser."""
    return signed_in(owner)


@pytest.fixture
def annotator(project: Project) -> User:
    """A member who labels."""
    user = make_user("anna")
    Membership.objects.create(project=project, user=user, role=Membership.Role.ANNOTATOR)
    return user


@pytest.fixture
def as_annotator(annotator: User) -> Client:
    """Anna's browser."""
    return signed_in(annotator)


def signed_in(user: User) -> Client:
    """A browser in which `user` is signed in."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def upload(as_owner: Client, project: Project) -> Callable[..., dict[str, Any]]:
    """Sends so many different pictures to the project, answers what the API answered."""

    def send(count: int = 3, **import_options: Any) -> dict[str, Any]:
        address = f"/api/projects/{project.pk}/imports"
        batch = as_owner.post(address, import_options, content_type="application/json").json()
        files = [jpeg(number, name=f"{number}.jpg") for number in range(count)]
        return as_owner.post(f"{address}/{batch['id']}/files", {"file": files}).json()

    return send
