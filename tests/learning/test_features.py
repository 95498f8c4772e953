"""Images get their features once, in batches; what was stored before a worker died is not computed again."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage

from annotator.images import files
from annotator.images.ingest import ingest_image, open_batch
from annotator.images.models import Image
from annotator.jobs.models import Job
from annotator.jobs.progress import cancel_job, claim, running, start_job
from annotator.learning import data, embed
from annotator.learning.models import FeatureSet
from annotator.projects.models import Project, User
from annotator.projects.setup import create_project
from mlcore.edge.preprocess import UnreadableImage, load_rgb
from mlcore.store import FeatureStore
from tests.images.pictures import encoded, picture

DIM = 8


class FakeExtractor:
    """Mean colours in place of a network; counts the pictures it was shown."""

    dim = DIM

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self.seen = 0
        self.dies_at: int | None = None

    def embed_sources(self, sources: Sequence[bytes | Path]) -> Iterator[tuple[int, object]]:
        for index, source in enumerate(sources):
            if self.dies_at is not None and self.seen >= self.dies_at:
                raise SystemExit("killed")
            self.seen += 1
            try:
                pixels = load_rgb(source, 16)
            except UnreadableImage as problem:
                yield index, problem
                continue
            yield index, np.resize(pixels.mean(axis=(0, 1)), DIM).astype(np.float32)


@pytest.fixture
def extractor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeExtractor]:
    """The only backbone there is."""
    fake = FakeExtractor(f"fake-{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]}")
    monkeypatch.setattr(embed, "_extractor", lambda backbone, common=False: fake)
    monkeypatch.setattr(embed, "BATCH", 4)
    yield fake
    data.forget()


@pytest.fixture(autouse=True)
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files go to a folder of the test's own: rows are rolled back, files are not."""
    monkeypatch.setattr(default_storage, "_wrapped", FileSystemStorage(location=tmp_path / "media"))


@pytest.fixture
def project(db: None) -> Project:
    """Ten different pictures, as they were imported."""
    owner = User.objects.create(username="olga")
    made = create_project(owner=owner, name="Cups", classes=["cup", "glass"])
    batch = open_batch(project=made, user=owner, source="api")
    for number in range(10):
        ingest_image(project=made, batch=batch, name=f"{number}.jpg", data=encoded(picture(number)))
    return made


def run_job(project: Project) -> Job:
    """A features job from its start to its end."""
    claimed = claim(str(start_job(project=project, kind=Job.Kind.FEATURES).pk))
    assert claimed is not None
    with running(claimed) as run:
        embed.embed_project(run)
    claimed.refresh_from_db()
    return claimed


def store_of(extractor: FakeExtractor) -> FeatureStore:
    return FeatureStore(Path(settings.DATA_DIR) / "features", extractor.fingerprint, DIM)


def test_every_image_gets_its_features(project: Project, extractor: FakeExtractor) -> None:
    job = run_job(project)

    assert (job.state, job.done, job.total) == (Job.State.DONE, 10, 10)
    assert project.images.filter(featured=True).count() == 10
    hashes = list(project.images.values_list("sha256", flat=True))
    assert (store_of(extractor).rows(hashes) >= 0).all()
    assert FeatureSet.objects.get(project=project).fingerprint == extractor.fingerprint


def test_what_was_stored_before_is_not_computed_again(project: Project, extractor: FakeExtractor) -> None:
    run_job(project)
    project.images.update(featured=False)

    run_job(project)

    assert extractor.seen == 10
    assert project.images.filter(featured=True).count() == 10


def test_a_killed_worker_loses_one_batch_at_most(project: Project, extractor: FakeExtractor) -> None:
    extractor.dies_at = 7
    with pytest.raises(SystemExit):
        run_job(project)
    assert project.images.filter(featured=True).count() == 4
    job = Job.objects.get()
    assert job.state == Job.State.QUEUED

    extractor.dies_at = None
    claimed = claim(str(job.pk))
    assert claimed is not None
    with running(claimed) as run:
        embed.embed_project(run)

    assert project.images.filter(featured=True).count() == 10
    assert extractor.seen == 7 + 6


def test_a_worker_that_died_between_store_and_rows_has_lost_nothing(project: Project, extractor: FakeExtractor) -> None:
    keys = list(project.images.values_list("sha256", flat=True))
    FeatureSet.objects.create(project=project, backbone="lite0", fingerprint=extractor.fingerprint, dim=DIM)
    store_of(extractor).append(keys[:4], np.ones((4, DIM), np.float32))

    run_job(project)

    assert extractor.seen == 6


def test_images_that_arrive_meanwhile_are_taken_along(
    project: Project, extractor: FakeExtractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = open_batch(project=project, user=None, source="api")
    before = embed._embed

    def and_one_more(*args: object) -> list[str]:
        lines = before(*args)  # type: ignore[arg-type]
        if project.images.count() == 10:
            ingest_image(project=project, batch=batch, name="late.jpg", data=encoded(picture(99)))
        return lines

    monkeypatch.setattr(embed, "_embed", and_one_more)

    job = run_job(project)

    assert (job.done, job.total) == (11, 11)


def test_an_image_that_cannot_be_read_is_told_and_the_rest_goes_on(project: Project, extractor: FakeExtractor) -> None:
    broken, missing = project.images.order_by("id")[:2]
    path = files.source(broken)
    assert isinstance(path, Path)
    path.write_bytes(b"no picture")
    gone = files.source(missing)
    assert isinstance(gone, Path)
    gone.unlink()

    job = run_job(project)

    broken.refresh_from_db()
    missing.refresh_from_db()
    assert broken.feature_error and not broken.featured
    assert "missing" in missing.feature_error
    assert job.state == Job.State.DONE and "0.jpg" in job.log
    assert project.images.filter(featured=True).count() == 8


def test_a_full_disk_is_one_sentence(
    project: Project, extractor: FakeExtractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FeatureStore, "append", full)

    job = run_job(project)

    assert job.state == Job.State.FAILED
    assert job.error.startswith("The server's disk is full")
    assert not project.images.filter(featured=True).exists()


def test_a_cancelled_job_keeps_what_it_has_done(
    project: Project, extractor: FakeExtractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = embed._embed

    def then_cancel(*args: object) -> list[str]:
        lines = before(*args)  # type: ignore[arg-type]
        cancel_job(job=Job.objects.get())
        return lines

    monkeypatch.setattr(embed, "_embed", then_cancel)
    monkeypatch.setattr("annotator.jobs.progress.TELL_SECONDS", 0.0)

    job = run_job(project)

    assert job.state == Job.State.CANCELLED
    assert project.images.filter(featured=True).count() == 4


def test_the_same_picture_in_another_project_is_not_computed_again(project: Project, extractor: FakeExtractor) -> None:
    run_job(project)
    other = create_project(owner=project.created_by, name="Again")
    batch = open_batch(project=other, user=None, source="api")
    ingest_image(project=other, batch=batch, name="same.jpg", data=encoded(picture(3)))

    run_job(other)

    assert extractor.seen == 10
    assert other.images.filter(featured=True).count() == 1


def test_another_backbone_starts_a_set_of_its_own(
    project: Project, extractor: FakeExtractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_job(project)
    second = FakeExtractor(f"{extractor.fingerprint}-second")
    monkeypatch.setattr(embed, "_extractor", lambda backbone, common=False: second)
    embed.forget_features(project=project)

    run_job(project)

    assert second.seen == 10
    assert FeatureSet.objects.get(project=project).fingerprint == second.fingerprint


def test_machines_of_two_precisions_agree_on_the_one_both_have(
    project: Project, extractor: FakeExtractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = FakeExtractor(f"{extractor.fingerprint}-f32")
    run_job(project)
    other_machine = FakeExtractor(f"{extractor.fingerprint}-bf16")
    batch = open_batch(project=project, user=None, source="api")
    ingest_image(project=project, batch=batch, name="new.jpg", data=encoded(picture(50)))
    both = {False: other_machine, True: common}
    monkeypatch.setattr(embed, "_extractor", lambda backbone, common=False: both[common])

    run_job(project)
    ingest_image(project=project, batch=batch, name="newer.jpg", data=encoded(picture(51)))
    run_job(project)

    # All were computed anew at the common precision, once, and nothing at the other machine's own.
    assert (common.seen, other_machine.seen) == (12, 0)


def test_weights_that_are_not_here_are_named(project: Project) -> None:
    project.backbone = "resnet50"
    project.save()

    job = run_job(project)

    assert job.state == Job.State.FAILED
    assert "ResNet-50" in job.error and "annotator backbone get resnet50" in job.error


@pytest.mark.slow
def test_the_real_backbone_tells_classes_apart(db: None, photos: Path) -> None:
    """A few real photos of two classes, through OpenVINO: the cold projection already keeps the classes apart."""
    owner = User.objects.create(username="olga")
    made = create_project(owner=owner, name="Real")
    batch = open_batch(project=made, user=owner, source="api")
    folders = sorted(path for path in photos.iterdir() if path.is_dir())[:2]
    for folder in folders:
        for path in sorted(folder.iterdir())[:12]:
            ingest_image(project=made, batch=batch, name=f"{folder.name}/{path.name}", data=path.read_bytes())

    job = run_job(made)

    assert job.state == Job.State.DONE, job.log
    known = data.warm(made)
    assert known is not None
    names = dict(Image.objects.filter(project=made).values_list("pk", "name"))
    kinds = np.asarray([names[int(key)].split("/")[0] for key in known.pool.ids])
    similarity = known.pool.z @ known.pool.z.T
    np.fill_diagonal(similarity, -2)
    neighbour_is_alike = kinds[similarity.argmax(axis=1)] == kinds
    assert neighbour_is_alike.mean() > 0.6
    data.forget()
