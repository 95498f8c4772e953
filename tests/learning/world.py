"""A project with invented features: no image is decoded, so what is tested is the turn of the learner itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from django.conf import settings

from annotator.images.ingest import lot
from annotator.images.models import Image
from annotator.labelling.annotate import annotate
from annotator.labelling.models import Annotation
from annotator.learning import data
from annotator.learning.models import FeatureSet
from annotator.projects.models import Label, Project, User
from annotator.projects.setup import add_label, create_project
from mlcore.store import FeatureStore

DIM = 48


class World:
    """Images lie in as many clouds as there are classes; `truth[image id]` is the class of each."""

    def __init__(self, owner: User, *, classes: Iterable[str] = ("cup", "glass", "plate"), spread: float = 0.35) -> None:
        self.owner = owner
        self.project: Project = create_project(owner=owner, name="Cups", classes=list(classes), audit_fraction=0.2)
        self.labels: list[Label] = list(self.project.labels.order_by("id"))
        self.spread = spread
        self.truth: dict[int, Label] = {}
        self.fingerprint = f"invented-f32-{uuid4().hex[:12]}"
        FeatureSet.objects.create(project=self.project, backbone="lite0", fingerprint=self.fingerprint, dim=DIM)
        self._made = 0

    @property
    def store(self) -> FeatureStore:
        return FeatureStore(Path(settings.DATA_DIR) / "features", self.fingerprint, DIM)

    def add_images(self, count: int, *, featured: bool = True) -> list[Image]:
        """So many images, dealt out to the classes in turn."""
        images = []
        for number in range(self._made, self._made + count):
            sha = hashlib.sha256(f"image {number}".encode()).hexdigest()
            is_audit, sort_key = lot(self.project.pk, sha, self.project.audit_fraction)
            images.append(Image(
                project=self.project, sha256=sha, name=f"{number}.jpg", format="JPEG", width=10, height=10, size=100,
                is_audit=is_audit, sort_key=sort_key,
            ))
        Image.objects.bulk_create(images)
        for number, image in enumerate(images, self._made):
            self.truth[image.pk] = self.labels[number % len(self.labels)]
        self._made += count
        if featured:
            self.feature(images)
        return images

    def feature(self, images: list[Image]) -> None:
        """Give images their features."""
        self.store.append([image.sha256 for image in images], [self.vector(image) for image in images])
        Image.objects.filter(pk__in=[image.pk for image in images]).update(featured=True)

    def vector(self, image: Image) -> npt.NDArray[np.float32]:
        """Near the centre of its class; not negative, as pooled features are."""
        centre = np.random.default_rng(self.labels.index(self.truth[image.pk])).random(DIM)
        noise = np.random.default_rng(int(image.sha256[:8], 16)).normal(size=DIM)
        return np.maximum(centre + self.spread * noise, 0.0).astype(np.float32)

    def say(self, image: Image | int, label: Label | None = None, *, kind: str = "label") -> Annotation:
        """Somebody answers; without a class, with the true one."""
        key = image if isinstance(image, int) else image.pk
        chosen = (label or self.truth[key]) if kind == "label" else None
        answer, _ = annotate(id=uuid4(), project=self.project, image=key, author=self.owner, kind=kind, label=chosen)
        return answer

    def pool(self) -> list[Image]:
        """Images to learn from, in their fixed order."""
        return list(self.project.images.filter(is_audit=False).order_by("sort_key"))

    def audit(self) -> list[Image]:
        """Images of the judge's, in their fixed order."""
        return list(self.project.images.filter(is_audit=True).order_by("sort_key"))

    def say_some(self, count: int) -> list[Image]:
        """True answers to so many images of the pool that have none yet."""
        free = [image for image in self.pool() if not hasattr(image, "standing")][:count]
        for image in free:
            self.say(image)
        return free

    def add_class(self, name: str) -> Label:
        """One more class; images added from now on are dealt out to it too."""
        label = add_label(project=self.project, name=name)
        self.labels.append(label)
        return label

    @staticmethod
    def restart_worker() -> None:
        """What a fresh worker knows: nothing."""
        data.forget()
