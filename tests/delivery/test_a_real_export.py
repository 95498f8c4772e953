"""From photos to a zip that runs, through the application's own steps."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from uuid import uuid4

import pytest

from annotator.delivery import keys
from annotator.delivery.export import export_now
from annotator.delivery.models import Bundle
from annotator.images import files
from annotator.images.ingest import ingest_image, open_batch
from annotator.jobs.models import Job
from annotator.jobs.progress import claim, running, start_job
from annotator.labelling.annotate import annotate
from annotator.learning import data
from annotator.learning.embed import embed_project
from annotator.learning.learn import learn
from annotator.projects.models import User
from annotator.projects.setup import create_project
from mlcore.edge import golden
from mlcore.edge.reference import Reference
from mlcore.edge.runtime import Model
from mlcore.export_pictures import to_jpeg
from tests.export.moment import time_for_a_moment


@pytest.mark.slow
def test_photos_become_a_bundle(owner: User, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    time_for_a_moment(monkeypatch)
    folders = sorted(path for path in photos.iterdir() if path.is_dir())[:2]
    project = create_project(owner=owner, name="Real", classes=[folder.name for folder in folders], audit_fraction=0.4)
    batch = open_batch(project=project, source="api", user=owner)
    for label, folder in zip(project.labels.all(), folders, strict=True):
        for path in sorted(folder.iterdir())[:12]:
            taken = ingest_image(project=project, batch=batch, name=path.name, data=path.read_bytes())
            assert taken.image is not None
            annotate(id=uuid4(), project=project, image=taken.image, author=owner, kind="label", label=label)
    job = claim(str(start_job(project=project, kind=Job.Kind.FEATURES).pk))
    assert job is not None
    with running(job) as run:
        embed_project(run)
    version = learn(project.pk)
    assert version is not None and version.audit_count > 0

    path = export_now(project=project, user=owner, out_dir=tmp_path)

    bundle = Bundle.objects.get(project=project)
    assert {row["precision"] for row in bundle.report} == {"FP32", "FP16", "INT8"}
    assert all(row["n"] == version.audit_count for row in bundle.report)
    assert bundle.report[0]["agreement"] == 1.0
    # The bundle on the device is as good as the model that was judged here.
    assert bundle.report[0]["accuracy"] == pytest.approx(version.accuracy)
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(next(archive.read(name) for name in archive.namelist() if name.endswith("manifest.json")))
    assert manifest["lineage"]["model_version"] == version.number
    assert manifest["lineage"]["annotations_hash"] == version.annotations_hash
    assert manifest["lineage"]["metrics"]["accuracy"] == version.accuracy

    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "device")
    model = Model(tmp_path / "device", trusted_key=keys.public_pem())
    checked = golden.check(model)
    assert checked is not None and (checked.pictures, checked.agreement) == (3, 1.0)
    reference = Reference.read(tmp_path / "device")
    assert reference is not None and len(reference.centres) == version.label_count
    seen = [model.answer(files.local(image, tmp_path)).features for image in project.images.filter(is_audit=False)]
    assert all(reference.distance(one) < reference.unseen_beyond for one in seen)
    card = (tmp_path / "device" / "MODEL_CARD.md").read_text()
    assert f"{version.label_count} labelled images: " in card
    golden_pictures = {path.read_bytes() for path in (tmp_path / "device" / "golden").glob("*.jpg")}
    audit = {to_jpeg(files.local(image, tmp_path)) for image in project.images.filter(is_audit=True)}
    assert len(golden_pictures) == 3 and not golden_pictures & audit
    data.forget()
