"""A zip's images come in; whatever else is in it does no harm."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from annotator.images import archive
from annotator.images.models import ArchiveUpload, Image, Import
from annotator.jobs.models import Job
from annotator.jobs.progress import cancel_job
from annotator.labelling.models import Standing
from annotator.projects.models import Project, User
from tests.images.pictures import encoded, picture
from tests.images.zips import extracted, make_job, uploaded, zipped


def photo(number: int) -> bytes:
    return encoded(picture(number))


def counts(batch: Import) -> tuple[int, int, int]:
    return batch.stored, batch.duplicates, batch.refused


def test_images_of_nested_folders_come_in(project: Project, user: User) -> None:
    batch = uploaded(project, user, zipped([("1.jpg", photo(1)), ("a/2.jpg", photo(2)), ("a/b/c/3.jpg", photo(3))]))
    job = extracted(batch)
    assert (job.state, job.done, job.total) == (Job.State.DONE, 3, 3)
    assert counts(batch) == (3, 0, 0)
    assert (batch.state, batch.expected) == (Import.State.CLOSED, 3)
    assert sorted(Image.objects.values_list("name", flat=True)) == ["1.jpg", "a/2.jpg", "a/b/c/3.jpg"]


def test_what_systems_leave_behind_is_ignored(project: Project, user: User) -> None:
    batch = uploaded(
        project, user,
        zipped(
            [
                ("a/", b""), ("a/1.jpg", photo(1)), ("__MACOSX/a/._1.jpg", b"x"), (".DS_Store", b"x"),
                ("a/.hidden/2.jpg", photo(2)), ("Thumbs.db", b"x"), ("a/desktop.ini", b"x"),
            ]
        ),
    )
    extracted(batch)
    assert counts(batch) == (1, 0, 0)
    assert not batch.problems.exists()


def test_folders_become_classes_when_asked(project: Project, user: User) -> None:
    entries = [("set/cup/1.jpg", photo(1)), ("set/Bowl/2.jpg", photo(2)), ("set/Bowl/3.jpg", photo(3)), ("4.jpg", photo(4)),
               ("set/about/README.md", b"what these are")]
    extracted(uploaded(project, user, zipped(entries), labels_from="folder"))
    said = {standing.image.name: str(standing.label) for standing in Standing.objects.select_related("image", "label")}
    assert said == {"set/cup/1.jpg": "cup", "set/Bowl/2.jpg": "Bowl", "set/Bowl/3.jpg": "Bowl"}
    assert not project.labels.filter(name="about").exists()
    bowl = project.labels.get(name="Bowl")
    assert bowl.color and bowl.key


def test_without_asking_folders_are_only_names(project: Project, user: User) -> None:
    extracted(uploaded(project, user, zipped([("dog/1.jpg", photo(1))])))
    assert not Standing.objects.exists()
    assert project.labels.count() == 2


def link(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target.encode()


def test_links_and_paths_that_climb_are_refused_and_nothing_is_written_outside(
    project: Project, user: User, media: Path, tmp_path: Path
) -> None:
    entries = [
        ("ok.jpg", photo(1)), link("link.jpg", "/etc/passwd"), ("../../up.jpg", photo(2)), ("/abs.jpg", photo(3)),
        ("C:/win.jpg", photo(4)), ("a\\..\\..\\back.jpg", photo(5)),
    ]
    batch = uploaded(project, user, zipped(entries))
    before = {path for path in tmp_path.rglob("*") if media not in path.parents and path != media}
    job = extracted(batch)
    assert job.state == Job.State.DONE
    assert counts(batch) == (1, 0, 5)
    assert {problem.code for problem in batch.problems.all()} == {"link", "path"}
    assert {path for path in tmp_path.rglob("*") if media not in path.parents and path != media} == before


def test_bad_entries_are_listed_and_the_rest_goes_on(project: Project, user: User) -> None:
    data = bytearray(zipped([("1.jpg", photo(1)), ("2.txt", b"hello " * 50), ("3.jpg", photo(3)), ("4.jpg", photo(1))]))
    at = data.find(b"3.jpg") + 30
    data[at : at + 20] = bytes(20)
    batch = uploaded(project, user, bytes(data))
    assert extracted(batch).state == Job.State.DONE
    assert counts(batch) == (1, 1, 2)
    assert {problem.name: problem.code for problem in batch.problems.all()} == {"2.txt": "not_an_image", "3.jpg": "damaged"}


def test_an_encrypted_entry_is_refused(project: Project, user: User) -> None:
    data = bytearray(zipped([("1.jpg", photo(1))]))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(signature) + flags] |= 1
    batch = uploaded(project, user, bytes(data))
    extracted(batch)
    assert [problem.code for problem in batch.problems.all()] == ["encrypted"]


@pytest.mark.parametrize(
    "data", [b"This is no zip at all. " * 10, zipped([("1.jpg", photo(1))])[:-30], b"PK\x05\x06" + bytes(10)],
    ids=["text", "cut off", "end only"],
)
def test_what_is_no_zip_fails_with_a_sentence(project: Project, user: User, data: bytes) -> None:
    batch = uploaded(project, user, data)
    job = extracted(batch)
    assert job.state == Job.State.FAILED
    assert "zip" in job.error
    assert batch.state == Import.State.CLOSED
    assert not Image.objects.exists()


def test_an_empty_zip_is_done_at_once(project: Project, user: User) -> None:
    job = extracted(uploaded(project, user, zipped([])))
    assert (job.state, job.total) == (Job.State.DONE, 0)


def info(name: str, size: int) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.file_size, made.header_offset = size, 0
    return made


def test_bombs_are_refused_before_anything_is_read(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from annotator.projects.errors import TooLarge

    with pytest.raises(TooLarge, match="times its size"):
        archive.check_entries([info(f"{n}.jpg", 10**8) for n in range(100)], 10_000)
    settings.MAX_ARCHIVE_BYTES = 1000
    with pytest.raises(TooLarge, match="unpacks to more than 1,000 bytes"):
        archive.check_entries([info("1.jpg", 1001)], 500)
    monkeypatch.setattr(archive, "MOST_ENTRIES", 3)
    with pytest.raises(TooLarge, match="more than 3 files"):
        archive.check_entries([info(f"{n}.jpg", 1) for n in range(4)], 500)


def test_an_entry_over_the_limit_is_refused_unread(project: Project, user: User, settings) -> None:
    settings.MAX_FILE_BYTES = 5000
    batch = uploaded(project, user, zipped([("big.bmp", bytes(6000)), ("1.jpg", photo(1))]))
    extracted(batch)
    assert counts(batch) == (1, 0, 1)
    assert batch.problems.get().code == "too_large"


def test_the_pieces_are_deleted_when_the_images_are_in(project: Project, user: User, media: Path) -> None:
    batch = uploaded(project, user, zipped([("1.jpg", photo(1))]), piece=100)
    assert any((media / "archives").rglob("*"))
    extracted(batch)
    assert not ArchiveUpload.objects.exists()
    assert [path for path in (media / "archives").rglob("*") if path.is_file()] == []


class Killed(BaseException):
    """The worker's process ends here."""


def killed_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest_many = archive.ingest_many

    def dies(**values: object) -> Iterator[object]:
        for number, result in enumerate(ingest_many(**values)):
            if number == count:
                raise Killed
            yield result

    monkeypatch.setattr(archive, "ingest_many", dies)


def test_a_killed_job_goes_on_where_it_was_and_counts_nothing_twice(
    project: Project, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [(f"{number:02}.jpg", photo(number % 7)) for number in range(12)] + [("99.txt", b"no image " * 9)]
    batch = uploaded(project, user, zipped(entries))
    job = make_job(batch)
    with monkeypatch.context() as patched:
        killed_after(5, patched)
        with pytest.raises(Killed):
            archive_task(job)
    job.refresh_from_db()
    batch.refresh_from_db()
    assert job.state == Job.State.QUEUED, "a worker that is stopped gives its job back"
    assert sum(counts(batch)) == 6, "the sixth was kept, though nobody heard of it"
    archive_task(job)
    job.refresh_from_db()
    batch.refresh_from_db()
    assert (job.state, job.done, job.total) == (Job.State.DONE, 13, 13)
    assert counts(batch) == (7, 5, 1)
    assert Image.objects.count() == 7
    assert batch.problems.count() == 1


def archive_task(job: Job) -> None:
    from annotator.images.tasks import take_archive

    take_archive(str(job.pk))


def test_a_cancelled_job_stops_and_keeps_what_is_in(project: Project, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = uploaded(project, user, zipped([(f"{number}.jpg", photo(number)) for number in range(30)]))
    job = make_job(batch)
    ingest_many = archive.ingest_many

    def somebody_cancels(**values: object) -> Iterator[object]:
        for number, result in enumerate(ingest_many(**values)):
            if number == 3:
                cancel_job(job=Job.objects.get(pk=job.pk))
            yield result

    monkeypatch.setattr(archive, "ingest_many", somebody_cancels)
    monkeypatch.setattr("annotator.jobs.progress.TELL_SECONDS", 0.0)
    archive_task(job)
    job.refresh_from_db()
    batch.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert 0 < batch.stored < 30
    assert Image.objects.count() == batch.stored
    assert (batch.state, ArchiveUpload.objects.count()) == (Import.State.CLOSED, 0)


def test_a_zip_of_many_pieces_reads_like_one_file(project: Project, user: User) -> None:
    from annotator.images.parts import Parts

    data = bytes(range(256)) * 50
    batch = uploaded(project, user, data, piece=333)
    parts = Parts(ArchiveUpload.objects.get(pk=batch.pk))
    assert parts.read() == data
    buffered = io.BufferedReader(parts, 64)
    for at, length in ((0, 10), (330, 10), (332, 1), (333, 1), (5000, 4000), (len(data) - 5, 50), (len(data) + 9, 5)):
        buffered.seek(at)
        assert buffered.tell() == at
        assert buffered.read(length) == data[at : at + length]
    assert parts.seek(-10, io.SEEK_END) == len(data) - 10
    with pytest.raises(OSError, match="before the beginning"):
        parts.seek(-1)


def test_the_limits_are_those_of_the_settings() -> None:
    assert django_settings.MAX_ARCHIVE_BYTES > django_settings.MAX_FILE_BYTES > 1_000_000
