"""Killed at any moment, or with a full disk, an import leaves whole images or nothing; what lies about is used again."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import OperationalError

from annotator.images import files
from annotator.images.ingest import Ingested, ingest_image
from annotator.images.models import Image, Import
from annotator.images.remove import remove_image
from annotator.projects.errors import NoSpace
from annotator.projects.models import Project, User
from tests.images.pictures import encoded, picture

Ingest = Callable[..., Ingested]
PHOTO = encoded(picture(5, (2000, 1500)))


class Killed(BaseException):
    """The process ends here."""


def files_in(media: Path) -> list[Path]:
    return sorted(path for path in media.rglob("*") if path.is_file())


@pytest.mark.parametrize("survives", [0, 1, 2, 3])
def test_a_kill_after_any_file_leaves_no_half_image_and_a_second_try_works(
    ingest: Ingest, batch: Import, media: Path, monkeypatch: pytest.MonkeyPatch, survives: int
) -> None:
    written = 0
    put = files.put

    def dies(name: str, data: bytes) -> None:
        nonlocal written
        if written == survives:
            raise Killed
        written += 1
        put(name, data)

    monkeypatch.setattr(files, "put", dies)
    if survives < 3:
        with pytest.raises(Killed):
            ingest(PHOTO)
        assert not Image.objects.exists()
        batch.refresh_from_db()
        assert batch.stored == 0
    monkeypatch.setattr(files, "put", put)
    result = ingest(PHOTO)
    assert result.status == "stored"
    assert result.image is not None
    assert files.complete(result.image)
    assert files.original(result.image) == PHOTO
    assert len(files_in(media)) == 3


def test_a_kill_between_files_and_row_leaves_files_that_are_used_again(
    ingest: Ingest, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from annotator.images import ingest as module

    store = module._store

    def dies(*_: object) -> Ingested:
        raise Killed

    monkeypatch.setattr(module, "_store", dies)
    with pytest.raises(Killed):
        ingest(PHOTO)
    orphans = files_in(media)
    assert len(orphans) == 3
    original = next(path for path in orphans if "originals" in path.parts)
    before = original.stat().st_ino
    monkeypatch.setattr(module, "_store", store)
    assert ingest(PHOTO).status == "stored"
    assert files_in(media) == orphans
    assert original.stat().st_ino == before, "the orphan was used, not written again"


def test_a_half_written_original_is_not_trusted(ingest: Ingest, media: Path) -> None:
    result = ingest(PHOTO)
    assert result.image is not None
    path = Path(str(files.source(result.image)))
    Image.objects.all().delete()
    path.write_bytes(PHOTO[:100])
    again = ingest(PHOTO)
    assert again.image is not None
    assert files.original(again.image) == PHOTO


def test_a_kill_in_the_middle_of_a_file_leaves_nothing_under_its_name(
    media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def dies(self: Path, data: bytes) -> int:
        write(self, data[:10])
        raise Killed

    monkeypatch.setattr(Path, "write_bytes", dies)
    with pytest.raises(Killed):
        files.put("originals/1/ab/abcd.jpg", PHOTO)
    assert not (media / "originals/1/ab/abcd.jpg").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_and_leaves_nothing(
    ingest: Ingest, batch: Import, media: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(self: Path, data: bytes) -> int:
        self.touch()
        raise OSError(code, "full")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(NoSpace) as caught:
        ingest(PHOTO)
    assert "disk is full" in caught.value.message
    assert not Image.objects.exists()
    assert files_in(media) == []
    batch.refresh_from_db()
    assert (batch.stored, batch.refused) == (0, 0)


def test_other_trouble_with_the_disk_is_not_called_full(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Path, data: bytes) -> int:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(Path, "write_bytes", broken)
    with pytest.raises(OSError, match="broken"):
        ingest(PHOTO)


def test_a_database_that_fails_leaves_no_row_and_no_count(
    ingest: Ingest, batch: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    from annotator.images import ingest as module

    def fails(*_: object) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(module, "_count", fails)
    with pytest.raises(OperationalError):
        ingest(PHOTO)
    assert not Image.objects.exists()


def test_a_duplicate_whose_files_have_gone_is_mended(ingest: Ingest, media: Path) -> None:
    image = ingest(PHOTO).image
    assert image is not None
    for path in files_in(media):
        path.unlink()
    assert ingest(PHOTO).status == "duplicate"
    assert files.complete(image)
    assert files.original(image) == PHOTO


@pytest.mark.django_db(transaction=True)
def test_a_deleted_image_takes_its_files_along(ingest: Ingest, media: Path, user: User) -> None:
    image = ingest(PHOTO).image
    assert image is not None
    remove_image(image=image, user=user)
    assert not Image.objects.exists()
    assert files_in(media) == []
    remove_image(image=image, user=user)


@pytest.mark.django_db(transaction=True)
def test_files_stay_when_the_picture_came_again_meanwhile(
    ingest: Ingest, project: Project, batch: Import, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ingest(PHOTO).image
    assert first is not None
    remove = files.remove

    def late(image: Image) -> None:
        ingest_image(project=project, batch=batch, name="again.jpg", data=PHOTO)
        remove(image)

    monkeypatch.setattr(files, "remove", late)
    remove_image(image=first, user=user)
    assert files.complete(Image.objects.get())


def test_the_same_picture_twice_at_once_is_stored_once(
    ingest: Ingest, project: Project, batch: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other request stores it between our look and our row."""
    from annotator.images import ingest as module

    put = files.put_image

    def meanwhile(**values: object) -> None:
        put(**values)
        monkeypatch.setattr(files, "put_image", put)
        assert module.ingest_image(project=project, batch=batch, name="other.jpg", data=PHOTO).status == "stored"

    monkeypatch.setattr(files, "put_image", meanwhile)
    assert ingest(PHOTO).status == "duplicate"
    batch.refresh_from_db()
    assert (Image.objects.count(), batch.stored, batch.duplicates) == (1, 1, 1)
