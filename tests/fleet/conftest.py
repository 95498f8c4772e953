"""A project with bundles and devices, and what pages and devices were told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from annotator.delivery.enrol import make_code
from annotator.delivery.models import Bundle
from annotator.jobs import bus, events
from annotator.learning.models import FeatureSpace, ModelVersion
from annotator.projects.models import Project, User
from annotator.projects.setup import create_project
from tests.api.people import make_user
from tests.fleet.small_device import Act, SmallDevice, ask_to_enrol, new_key

Told = Callable[[str], list[tuple[Any, dict[str, Any]]]]
MakeBundle = Callable[..., Bundle]
Enrolled = Callable[..., SmallDevice]
BUNDLE_BYTES = 5000


@pytest.fixture(autouse=True)
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files go to a folder of the test's own: rows are rolled back, files are not."""
    folder = tmp_path / "media"
    monkeypatch.setattr(default_storage, "_wrapped", FileSystemStorage(location=folder))
    return folder


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What was told, by the kind of event: to whom, and what. Flags are kept here too; nothing goes to Redis."""
    heard: list[tuple[str, Any, dict[str, Any]]] = []
    flags: set[str] = set()

    def publish(topic: object, type: str, data: dict[str, Any]) -> bool:
        heard.append((type, topic, data))
        return True

    def raise_flag(name: str, *, seconds: int) -> bool:
        new = name not in flags
        flags.add(name)
        return new

    monkeypatch.setattr(events, "publish", publish)
    monkeypatch.setattr(bus, "raise_flag", raise_flag)
    return lambda type: [(topic, data) for kind, topic, data in heard if kind == type]


@pytest.fixture
def act(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> Act:
    """`with act():` does what follows a commit at the end of the block."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def owner(db: None) -> User:
    """Somebody whose devices they are."""
    return make_user("olga", may_create=True)


@pytest.fixture
def project(owner: User) -> Project:
    """A project of two classes, without images."""
    return create_project(owner=owner, name="Cups", classes=["cup", "glass"])


@pytest.fixture
def as_owner(owner: User, project: Project) -> Client:
    """Olga's browser."""
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def make_bundle(project: Project) -> MakeBundle:
    """Makes the next bundle, whose zip holds any bytes: devices of these tests do not look into it."""
    space = FeatureSpace.objects.create(
        project=project, number=1, backbone="lite0", fingerprint="x", fitted_on=1, weights=b""
    )
    made: list[Bundle] = []

    def make(state: str = Bundle.State.READY) -> Bundle:
        number = len(made) + 1
        version = ModelVersion.objects.create(
            project=project, number=10 * number, space=space, head="blend", strategy="auto", classes=[], annotations_seen=0,
            annotations_hash="0" * 64, label_count=0, state=ModelVersion.State.RETIRED,
        )
        data = hashlib.shake_256(str(number).encode()).digest(BUNDLE_BYTES)
        path = default_storage.save(f"bundles/{project.pk}/{number}.zip", ContentFile(data))
        made.append(Bundle.objects.create(
            project=project, number=number, model_version=version, state=state, path=path, size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        ))
        return made[-1]

    return make


@pytest.fixture
def enrolled(project: Project, owner: User, act: Act) -> Enrolled:
    """Enrols a device as a real one is."""

    def enrol(name: str = "gate", group: str = "", *, into: Project | None = None) -> SmallDevice:
        _, code = make_code(project=into or project, user=owner, name=name, group=group)
        key = new_key()
        with act():
            answer = ask_to_enrol(code, key)
        assert answer.status_code == 201, answer.content
        given = answer.json()
        return SmallDevice(key, given["certificate"], given["device"], given["workspace_key"], act)

    return enrol
