"""A bundle says of its model what the project knows: who signed, what it learnt from, how the project looks to it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from annotator.delivery import keys
from annotator.delivery.papers import data_hash, learnt_from, papers
from annotator.labelling.annotate import annotate
from annotator.learning.models import ModelVersion
from annotator.projects.models import Project
from mlcore.edge.reference import REFERENCE_NAME, Reference


@pytest.fixture
def version(project: Project) -> ModelVersion:
    return ModelVersion.objects.get(project=project, state=ModelVersion.State.SERVING)


def taught(project: Project) -> dict[str, str]:
    """Content hash and class of every labelled image that is no audit image."""
    images = project.images.filter(is_audit=False, standing__kind="label")
    return {image.sha256: image.standing.label.name for image in images}


def test_the_data_hash_is_over_what_it_learnt_from_and_nothing_else(project: Project, version: ModelVersion) -> None:
    before = data_hash(version)
    assert before == hashlib.sha256("".join(sorted(f"{k} {v}\n" for k, v in taught(project).items())).encode()).hexdigest()
    assert learnt_from(version).count() == version.label_count
    later = project.images.filter(is_audit=False, standing=None).first()
    annotate(id=uuid4(), project=project, image=later, author=project.created_by, kind="label", label=project.labels.first())
    assert data_hash(version) == before


def test_the_reference_tells_images_of_the_project_from_others(version: ModelVersion, tmp_path: Path) -> None:
    data = papers(version).reference
    assert data is not None
    (tmp_path / REFERENCE_NAME).write_bytes(data)
    reference = Reference.read(tmp_path)
    assert reference is not None
    assert len(reference.centres) == version.label_count
    assert reference.classes.sum() == pytest.approx(1)
    strange = np.zeros(reference.centres.shape[1])
    strange[-1] = -1.0
    assert reference.distance(reference.centres[0]) < reference.unseen_beyond < reference.distance(strange)


def test_the_card_counts_images_and_tells_how_each_class_does(project: Project, version: ModelVersion) -> None:
    card = papers(version).card
    assert [one.taught for one in card.classes] == [list(taught(project).values()).count(name) for name in ("cup", "glass")]
    assert sum(one.judged for one in card.classes) == version.audit_count
    assert all(one.recall and one.recall.low <= one.recall.value <= one.recall.high for one in card.classes if one.judged)
    assert card.confidence_images == 0


def test_the_workspace_signs(version: ModelVersion) -> None:
    key = papers(version).signing_key
    assert key is not None
    assert key.private_numbers() == keys.signing_key().private_numbers()


def test_without_its_features_a_bundle_has_no_reference(version: ModelVersion) -> None:
    version.space.fingerprint = f"gone-f32-{uuid4().hex[:12]}"
    assert papers(version).reference is None
