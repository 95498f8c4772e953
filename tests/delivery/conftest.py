"""A project with a model that could leave, of pictures that are there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage

from annotator.images.ingest import ingest_image, open_batch
from annotator.images.models import Image
from annotator.labelling.annotate import annotate
from annotator.learning import data
from annotator.learning.learn import learn
from annotator.learning.models import FeatureSet
from annotator.projects.models import Project, User
from annotator.projects.setup import create_project
from mlcore.store import FeatureStore
from tests.images.pictures import encoded, picture

DIM = 16


@pytest.fixture(autouse=True)
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files go to a folder of the test's own: rows are rolled back, files are not."""
    folder = tmp_path / "media"
    monkeypatch.setattr(default_storage, "_wrapped", FileSystemStorage(location=folder))
    return folder


@pytest.fixture
def owner(db: None) -> User:
    """Somebody who exports."""
    user: User = User.objects.create(username="olga")
    return user


@pytest.fixture
def project(owner: User) -> Iterator[Project]:
    """Pictures of two classes with invented features; two in three are labelled, audit images among them, and learnt."""
    made = create_project(owner=owner, name="Cups & Glasses / 2", classes=["cup", "glass"], audit_fraction=0.3)
    batch = open_batch(project=made, source="api", user=owner)
    for number in range(24):
        ingest_image(project=made, batch=batch, name=f"{number}.jpg", data=encoded(picture(number)))
    fingerprint = f"invented-f32-{uuid4().hex[:12]}"
    FeatureSet.objects.create(project=made, backbone="lite0", fingerprint=fingerprint, dim=DIM)
    store = FeatureStore(settings.DATA_DIR / "features", fingerprint, DIM)
    labels = list(made.labels.all())
    rng = np.random.default_rng(0)
    for number, image in enumerate(made.images.order_by("id")):
        store.append([image.sha256], [rng.random(DIM) + 2 * np.eye(DIM)[number % 2]])
        if number < 16:
            answer: dict[str, Any] = {"author": owner, "kind": "label", "label": labels[number % 2]}
            annotate(id=uuid4(), project=made, image=image, **answer)
    Image.objects.filter(project=made).update(featured=True)
    learn(made.pk)
    yield made
    data.forget()
