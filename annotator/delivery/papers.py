"""What a bundle says of its model: who signed it, what it learnt from, and how its project looks to it."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from django.db.models import QuerySet

from annotator.delivery import keys
from annotator.images.models import Image, Import
from annotator.labelling.models import Annotation, Standing
from annotator.learning.models import ModelVersion

if TYPE_CHECKING:
    from mlcore.bundle import Papers
    from mlcore.model_card import CardFacts

# Images whose features are looked at: percentiles and centres hardly change with more.
LEARNT_IMAGES = 20_000
OTHER_IMAGES = 5_000


def papers(version: ModelVersion) -> Papers:
    """What goes into the bundle of this version beside the model."""
    from mlcore.bundle import Papers

    return Papers(signing_key=keys.signing_key(), reference=_reference(version), card=_card(version))


def learnt_from(version: ModelVersion) -> QuerySet[Standing]:
    """The labelled images that the version was fitted on, but for those that were answered anew since."""
    return Standing.objects.filter(
        project=version.project_id, kind=Annotation.Kind.LABEL, is_audit=False,
        annotation__seq__lte=version.annotations_seen, label__in=[entry["id"] for entry in version.classes],
    )


def data_hash(version: ModelVersion) -> str:
    """SHA-256, hex, over what the version learnt from: lines of content hash and class name, sorted."""
    names = {entry["id"]: entry["name"] for entry in version.classes}
    pairs = learnt_from(version).values_list("image__sha256", "label_id")
    lines = sorted(f"{sha256} {names[label or 0]}\n" for sha256, label in pairs)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _reference(version: ModelVersion) -> bytes | None:
    """The numbers of reference.npz; None where the features of what it learnt from are no longer in the store."""
    # What is imported here is more than a process that only serves pages should load.
    from annotator.learning.fit import head_of
    from annotator.learning.weights import unpack
    from mlcore.projection import Projection
    from mlcore.reference import build_reference
    from mlcore.store import FeatureStore

    projection = Projection.from_state(unpack(version.space.weights))
    store = FeatureStore(settings.DATA_DIR / "features", version.space.fingerprint, len(projection.mean_))
    taught = learnt_from(version).order_by("image__sort_key").values_list("image__sha256", flat=True)[:LEARNT_IMAGES]
    others = Image.objects.filter(project=version.project_id, featured=True).exclude(
        standing__kind=Annotation.Kind.LABEL, standing__is_audit=False
    ).exclude(batch__source=Import.Source.DEVICE)  # picked for being hard, they stand for nothing
    rest = others.order_by("sort_key").values_list("sha256", flat=True)[:OTHER_IMAGES]
    found = [store.rows(list(some)) for some in (taught, rest)]
    rows = [some[some >= 0] for some in found]
    if not len(rows[0]):
        return None
    features = projection.transform(store.gather(np.concatenate(rows)))
    return build_reference(
        features=features, probabilities=head_of(version).predict_proba(features),
        learnt=np.arange(len(features)) < len(rows[0]), seed=version.project_id,
    )


def _card(version: ModelVersion) -> CardFacts:
    from annotator.learning.judge import TEMPERATURE_LABELS
    from mlcore.evaluation import Estimate
    from mlcore.model_card import CardFacts, ClassFacts

    def estimate(told: dict[str, float] | None) -> Estimate | None:
        return Estimate(**told) if told else None

    taught = Counter(learnt_from(version).values_list("label_id", flat=True))
    judged: list[dict[str, Any]] = version.metrics.get("per_class") or [{}] * len(version.classes)
    return CardFacts(
        classes=tuple(
            ClassFacts(
                taught=taught[entry["id"]], judged=told.get("support", 0),
                precision=estimate(told.get("precision")), recall=estimate(told.get("recall")),
            )
            for entry, told in zip(version.classes, judged, strict=True)
        ),
        guidelines=version.project.guidelines, strategy=version.strategy,
        confidence_images=version.audit_count if version.audit_count >= TEMPERATURE_LABELS else 0,
    )
