"""The same files on S3-compatible storage: nothing needs a path."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.files.storage import default_storage

from annotator.images import files
from annotator.images.ingest import Ingested
from annotator.images.models import Image
from annotator.images.remove import remove_image
from annotator.jobs.models import Job
from annotator.projects.models import Project, User
from tests.images.pictures import encoded, picture
from tests.images.zips import extracted, uploaded, zipped

PHOTO = encoded(picture(3, (2000, 1000)))


@pytest.fixture(autouse=True)
def bucket(media: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket, and storage that keeps its files there."""
    import boto3
    from moto import mock_aws
    from storages.backends.s3 import S3Storage

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        made = boto3.resource("s3", region_name="us-east-1").create_bucket(Bucket="media")
        monkeypatch.setattr(default_storage, "_wrapped", S3Storage(bucket_name="media", default_acl=None))
        yield made


def keys(bucket: Any) -> list[str]:
    return sorted(entry.key for entry in bucket.objects.all())


def test_an_image_is_kept_shown_and_deleted(
    ingest: Callable[..., Ingested], bucket: Any, user: User, django_capture_on_commit_callbacks: Any
) -> None:
    image = ingest(PHOTO).image
    assert image is not None
    assert [key.partition("/")[0] for key in keys(bucket)] == ["display", "originals", "thumbs"]
    assert files.original(image) == files.source(image) == PHOTO
    assert files.display(image)[1] == "image/jpeg"
    assert files.complete(image)
    assert ingest(PHOTO).status == "duplicate"
    with django_capture_on_commit_callbacks(execute=True):
        remove_image(image=image, user=user)
    assert keys(bucket) == []


def test_a_zip_in_pieces_becomes_images(project: Project, user: User, bucket: Any) -> None:
    data = zipped([(f"{number}.jpg", encoded(picture(number))) for number in range(4)])
    batch = uploaded(project, user, data, piece=700)
    assert len(keys(bucket)) > 3
    assert extracted(batch).state == Job.State.DONE
    assert batch.stored == Image.objects.count() == 4
    assert not any(key.startswith("archives") for key in keys(bucket))


def test_a_project_goes_with_all_its_files(ingest: Callable[..., Ingested], project: Project, bucket: Any) -> None:
    ingest(PHOTO)
    ingest(encoded(picture(4)))
    files.remove_project(project.pk)
    assert keys(bucket) == []


def test_a_missing_object_is_not_found(ingest: Callable[..., Ingested], bucket: Any) -> None:
    from annotator.projects.errors import NotFound

    image = ingest(PHOTO).image
    assert image is not None
    for key in keys(bucket):
        bucket.Object(key).delete()
    with pytest.raises(NotFound):
        files.thumb(image)
