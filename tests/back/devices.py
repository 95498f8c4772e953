"""Devices and bundles for tests, without keys and without a model."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from annotator.delivery.models import Bundle, Device
from annotator.delivery.sightings import Seen
from annotator.delivery.vitals import Minute
from annotator.learning.models import FeatureSpace, ModelVersion
from annotator.projects.models import Project

WIDTH = 16
# As sure as the models of tests are of the images that they were made on.
SHARES = np.asarray([0] * 10 + [1, 2, 3, 4, 5, 7, 10, 15, 23, 30], np.float64) / 100


def make_device(project: Project, name: str = "Lobby", **fields: Any) -> Device:
    """A device that was enrolled and has just been heard of."""
    values: dict[str, Any] = {
        "privacy": Device.Privacy.IMAGES, "state": Device.State.RUNNING, "last_seen": datetime.now(UTC),
        "fingerprint": uuid4().hex * 2,
    }
    return Device.objects.create(project=project, name=name, **values | fields)


def make_bundle(project: Project, number: int = 1, *, reference: bytes | bool = True) -> Bundle:
    """A bundle whose zip holds nothing but a reference: this one, one like the sights below, or none."""
    space, _ = FeatureSpace.objects.get_or_create(
        project=project, number=9, defaults={"backbone": "lite0", "fingerprint": "x", "fitted_on": 1, "weights": b""}
    )
    version = ModelVersion.objects.create(
        project=project, number=100 + number, space=space, head="blend", strategy="auto", classes=[], annotations_seen=0,
        annotations_hash="0" * 64, label_count=0, state=ModelVersion.State.RETIRED,
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("manifest.json", "{}")
        if isinstance(reference, bytes):
            archive.writestr("reference.npz", reference)
        elif reference:
            arrays = io.BytesIO()
            sample = sights(200, 0).astype(np.float16)
            np.savez(arrays, sample=sample, confidence=SHARES.astype(np.float32), images=np.asarray(500))
            archive.writestr("reference.npz", arrays.getvalue())
    path = default_storage.save(f"bundles/{project.pk}/{number}.zip", ContentFile(buffer.getvalue()))
    return Bundle.objects.create(
        project=project, number=number, model_version=version, state=Bundle.State.READY, path=path, sha256=uuid4().hex * 2
    )


def sights(count: int, seed: int, *, shift: float = 0.0) -> npt.NDArray[np.float32]:
    """Feature vectors (count, WIDTH) of length 1; with a shift, of another place."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(3, WIDTH))
    points = centres[rng.integers(0, 3, count)] + rng.normal(size=(count, WIDTH)) + shift
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def packed(vectors: npt.NDArray[np.float32]) -> bytes:
    """As devices send them."""
    return vectors.astype("<f2").tobytes()


class Clock:
    """The minute in which a test began: it goes on being that, however long the test takes."""

    minute = datetime.now(UTC)

    @classmethod
    def begin(cls) -> None:
        cls.minute = datetime.now(UTC).replace(second=0, microsecond=0)


def this_minute(ago: int = 0) -> datetime:
    """The minute that began so many minutes before the test."""
    return Clock.minute - timedelta(minutes=ago)


def minute(at: datetime, *, bundle: int | None = 1, seed: int = 0, shift: float = 0.0, **fields: Any) -> Minute:
    """A minute of forty answers; with a shift, unsure ones about pictures of another place."""
    shares = SHARES if not shift else SHARES[::-1]
    values: dict[str, Any] = {
        "count": 40, "p50_ms": 8.0, "p95_ms": 12.0, "throughput": 20.0, "classes": {"cup": 40},
        "confidence": np.random.default_rng(seed).multinomial(40, shares).tolist(),
        "features": packed(sights(8, seed + 1, shift=shift)),
    }
    return Minute(at=at, bundle=bundle, **values | fields)


def seen(**fields: Any) -> Seen:
    """Something that a device was torn about a moment ago."""
    values: dict[str, Any] = {
        "id": uuid4(), "reason": "torn", "seen_at": datetime.now(UTC), "privacy": "images", "bundle": 1, "margin": 0.1,
        "label": "cup", "confidence": 0.5,
    }
    return Seen(**values | fields)
