"""A zip's pieces join where the last one ended, whatever happens on the way."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from annotator.images import chunks, files
from annotator.images.chunks import WrongOffset, add_chunk
from annotator.images.ingest import close_batch, open_batch
from annotator.images.models import ArchivePart, ArchiveUpload, Import
from annotator.projects.errors import Conflict, Invalid, TooLarge
from annotator.projects.models import Project, User


@pytest.fixture
def zip_import(project: Project, user: User) -> Import:
    return open_batch(project=project, source="archive", user=user)


def pieces(media: Path) -> list[Path]:
    return [path for path in (media / "archives").rglob("*") if path.is_file()]


def test_pieces_are_added_in_order(zip_import: Import) -> None:
    assert add_chunk(batch=zip_import, offset=0, length=10, data=b"0123").offset == 4
    archive = add_chunk(batch=zip_import, offset=4, length=10, data=b"456789")
    assert archive.offset == archive.length == 10


@pytest.mark.parametrize("offset", [0, 3, 5, 9])
def test_a_piece_at_the_wrong_place_is_told_the_right_one(zip_import: Import, media: Path, offset: int) -> None:
    add_chunk(batch=zip_import, offset=0, length=10, data=b"0123")
    with pytest.raises(WrongOffset) as caught:
        add_chunk(batch=zip_import, offset=offset, length=10, data=b"x")
    assert caught.value.offset == 4
    assert len(pieces(media)) == 1


def test_the_same_piece_twice_at_once_is_kept_once(
    zip_import: Import, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = files.put

    def meanwhile(name: str, data: bytes) -> None:
        put(name, data)
        monkeypatch.setattr(files, "put", put)
        add_chunk(batch=zip_import, offset=0, length=10, data=b"01234")

    monkeypatch.setattr(files, "put", meanwhile)
    with pytest.raises(WrongOffset) as caught:
        add_chunk(batch=zip_import, offset=0, length=10, data=b"01234")
    assert caught.value.offset == 5
    assert ArchivePart.objects.count() == len(pieces(media)) == 1


def test_another_length_is_another_file(zip_import: Import) -> None:
    add_chunk(batch=zip_import, offset=0, length=10, data=b"0123")
    with pytest.raises(Conflict, match="10 bytes"):
        add_chunk(batch=zip_import, offset=4, length=12, data=b"4567")


def test_a_piece_beyond_the_end_is_refused(zip_import: Import) -> None:
    with pytest.raises(Invalid, match="beyond the end"):
        add_chunk(batch=zip_import, offset=0, length=3, data=b"0123")


def test_an_empty_piece_is_refused(zip_import: Import) -> None:
    with pytest.raises(Invalid, match="empty"):
        add_chunk(batch=zip_import, offset=0, length=3, data=b"")


def test_a_zip_over_the_limit_is_refused_at_its_first_piece(zip_import: Import, settings) -> None:
    settings.MAX_ARCHIVE_BYTES = 100
    with pytest.raises(TooLarge, match="100 bytes"):
        add_chunk(batch=zip_import, offset=0, length=101, data=b"0")
    assert not ArchiveUpload.objects.exists()


def test_too_many_pieces_are_refused(zip_import: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "MOST_PARTS", 2)
    add_chunk(batch=zip_import, offset=0, length=10, data=b"0")
    add_chunk(batch=zip_import, offset=1, length=10, data=b"0")
    with pytest.raises(TooLarge, match="send larger ones"):
        add_chunk(batch=zip_import, offset=2, length=10, data=b"0")


def test_a_closed_import_takes_nothing(zip_import: Import) -> None:
    with pytest.raises(Conflict, match="closed"):
        add_chunk(batch=close_batch(batch=zip_import), offset=0, length=3, data=b"012")


def test_an_import_of_files_takes_no_zip(batch: Import) -> None:
    with pytest.raises(Conflict, match="single files"):
        add_chunk(batch=batch, offset=0, length=3, data=b"012")


def test_an_upload_that_was_given_up_long_ago_makes_room(
    project: Project, user: User, zip_import: Import, media: Path
) -> None:
    add_chunk(batch=zip_import, offset=0, length=10, data=b"0123")
    Import.objects.filter(pk=zip_import.pk).update(created_at=timezone.now() - timedelta(days=8))
    fresh = open_batch(project=project, source="archive", user=user)
    add_chunk(batch=fresh, offset=0, length=10, data=b"0123")
    assert [archive.pk for archive in ArchiveUpload.objects.all()] == [fresh.pk]
    assert len(pieces(media)) == 1
