"""A project with a device, and what its pages were told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, default_storage

from annotator.delivery.models import Bundle, Device
from annotator.jobs import bus, events
from annotator.learning import data
from annotator.projects.models import Project, User
from annotator.projects.setup import create_project
from tests.back.devices import Clock, make_bundle, make_device
from tests.learning.world import World

Told = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def clock() -> None:
    """The test begins now."""
    Clock.begin()


@pytest.fixture(autouse=True)
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files go to a folder of the test's own: rows are rolled back, files are not."""
    folder = tmp_path / "media"
    monkeypatch.setattr(default_storage, "_wrapped", FileSystemStorage(location=folder))
    return folder


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What open pages were told, by the kind of event; nothing goes to Redis."""
    heard: list[tuple[str, dict[str, Any]]] = []

    def publish(topic: object, type: str, told: dict[str, Any]) -> bool:
        heard.append((type, told))
        return True

    monkeypatch.setattr(events, "publish", publish)
    monkeypatch.setattr(bus, "raise_flag", lambda name, *, seconds: True)
    return lambda type: [what for kind, what in heard if kind == type]


@pytest.fixture
def owner(db: None) -> User:
    """Somebody whose devices they are."""
    user: User = User.objects.create(username="olga")
    return user


@pytest.fixture
def project(owner: User) -> Project:
    """A project of two classes, without images."""
    return create_project(owner=owner, name="Cups", classes=["cup", "glass"])


@pytest.fixture
def bundle(project: Project) -> Bundle:
    """Bundle 1, with a reference."""
    return make_bundle(project)


@pytest.fixture
def device(project: Project, bundle: Bundle) -> Device:
    """Lobby, which may send images and runs bundle 1."""
    return make_device(project, running=bundle)


@pytest.fixture
def world(owner: User) -> Iterator[World]:
    """Three classes, two hundred images with features, about forty of them the judge's."""
    made = World(owner)
    made.add_images(200)
    yield made
    data.forget()
