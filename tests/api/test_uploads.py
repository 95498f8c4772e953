"""Files and zips sent through the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from annotator.images import files
from annotator.images.models import ArchiveUpload, Image, Import
from annotator.images.tasks import take_archive
from annotator.labelling.models import Standing
from annotator.projects.errors import NoSpace
from annotator.projects.models import Project
from tests.images.pictures import encoded, jpeg, picture
from tests.images.zips import zipped

JSON = "application/json"


@pytest.fixture
def begin(as_owner: Client, project: Project) -> Callable[..., str]:
    """Begins an import; the address of it."""

    def go(**options: Any) -> str:
        base = f"/api/projects/{project.pk}/imports"
        answer = as_owner.post(base, options, content_type=JSON)
        assert answer.status_code == 201, answer.content
        return f"{base}/{answer.json()['id']}"

    return go


def test_good_bad_and_known_files_are_told_apart(as_owner: Client, begin: Callable[..., str]) -> None:
    address = begin(expected=4)
    fake = SimpleUploadedFile("fake.jpg", b"I am a text" * 20)
    sent = [jpeg(1, name="1.jpg"), fake, jpeg(2, name="2.jpg"), jpeg(1, name="again.jpg")]
    answer = as_owner.post(f"{address}/files", {"file": sent}).json()
    assert [result["status"] for result in answer["results"]] == ["stored", "refused", "stored", "duplicate"]
    assert answer["results"][1]["code"] == "not_an_image"
    assert answer["results"][3]["image"] == answer["results"][0]["image"]
    told = as_owner.get(address).json()
    assert told == answer["import"]
    assert (told["stored"], told["refused"], told["duplicates"], told["expected"]) == (2, 1, 1, 4)
    assert [problem["name"] for problem in told["problems"]] == ["fake.jpg"]


def test_paths_keep_folders_and_folders_may_be_classes(as_owner: Client, begin: Callable[..., str]) -> None:
    address = begin(labels_from="folder")
    answer = as_owner.post(f"{address}/files", {"file": [jpeg(1), jpeg(2)], "path": ["set/cup/a.jpg", "set/bowl/a.jpg"]})
    assert [result["name"] for result in answer.json()["results"]] == ["set/cup/a.jpg", "set/bowl/a.jpg"]
    said = {standing.image.name: str(standing.label) for standing in Standing.objects.select_related("image", "label")}
    assert said == {"set/cup/a.jpg": "cup", "set/bowl/a.jpg": "bowl"}


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>.jpg", "../../../etc/cron.d/x.jpg", "a\x00b.jpg", "x.svg", "x.html"]
)
def test_names_do_no_harm(as_owner: Client, begin: Callable[..., str], project: Project, name: str) -> None:
    answer = as_owner.post(f"{begin()}/files", {"file": [jpeg(1, name="x.jpg")], "path": [name]}).json()
    [result] = answer["results"]
    assert result["status"] == "stored"
    row = as_owner.get(f"/api/projects/{project.pk}/images/{result['image']}").json()
    assert ".." not in row["name"] and "\x00" not in row["name"]
    for address in (row["thumb"], row["display"]):
        shown = as_owner.get(address)
        assert shown["Content-Type"] in {"image/jpeg", "image/webp"}
        assert shown["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("content", "field", "status"),
    [
        ({}, "file", 400),
        ({"path": ["a"]}, "file", 400),
        ({"file": [jpeg(1), jpeg(2)], "path": ["one.jpg"]}, "path", 400),
    ],
)
def test_what_is_missing_is_named(
    as_owner: Client, begin: Callable[..., str], content: dict[str, Any], field: str, status: int
) -> None:
    answer = as_owner.post(f"{begin()}/files", content)
    assert answer.status_code == status
    assert answer.json()["error"]["field"] == field


def test_too_many_files_at_once_are_refused(
    as_owner: Client, begin: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("annotator.api.imports.MOST_FILES", 2)
    answer = as_owner.post(f"{begin()}/files", {"file": [jpeg(number) for number in range(3)]})
    assert answer.status_code == 413


def test_far_too_many_fields_are_a_bad_request(as_owner: Client, begin: Callable[..., str]) -> None:
    answer = as_owner.post(f"{begin()}/files", {"file": [SimpleUploadedFile(f"{n}.jpg", b"x") for n in range(501)]})
    assert answer.status_code == 413
    assert answer.json()["error"]["message"]


def test_a_closed_import_takes_nothing_more(as_owner: Client, begin: Callable[..., str]) -> None:
    address = begin()
    assert as_owner.post(f"{address}/close").json()["state"] == "closed"
    answer = as_owner.post(f"{address}/files", {"file": [jpeg(1)]})
    assert answer.status_code == 409
    assert not Image.objects.exists()


def test_a_full_disk_is_507_and_what_was_kept_before_stays_whole(
    as_owner: Client, begin: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_image = files.put_image

    def full(**values: Any) -> None:
        if Image.objects.exists():
            raise NoSpace(files.FULL)
        put_image(**values)

    monkeypatch.setattr(files, "put_image", full)
    address = begin()
    answer = as_owner.post(f"{address}/files", {"file": [jpeg(1), jpeg(2)]})
    assert answer.status_code == 507
    assert answer.json()["error"]["code"] == "no_space"
    assert as_owner.get(address).json()["stored"] == Image.objects.count() == 1


def test_known_hashes_need_not_be_sent(as_owner: Client, begin: Callable[..., str]) -> None:
    address = begin()
    as_owner.post(f"{address}/files", {"file": [jpeg(1)]})
    sha256 = Image.objects.get().sha256
    answer = as_owner.post(f"{address}/known", {"hashes": [sha256, "0" * 64]}, content_type=JSON)
    assert answer.json() == {"known": [sha256]}
    for bad in (["x"], ["A" * 64], "no list", None):
        answer = as_owner.post(f"{address}/known", {"hashes": bad}, content_type=JSON)
        assert answer.status_code == 400
        assert "hashes" in answer.json()["error"]["field"]


def test_known_hashes_of_others_are_not_told(as_owner: Client, begin: Callable[..., str], owner: Any) -> None:
    from annotator.projects.setup import create_project

    other = create_project(owner=owner, name="Other")
    Image.objects.create(project=other, sha256="0" * 64, name="x", format="JPEG", width=9, height=9, size=1, sort_key=1)
    answer = as_owner.post(f"{begin()}/known", {"hashes": ["0" * 64]}, content_type=JSON)
    assert answer.json() == {"known": []}


def put(client: Client, address: str, data: bytes, offset: int | str, length: int | str) -> Any:
    headers = {"Upload-Offset": str(offset), "Upload-Length": str(length)}
    return client.put(f"{address}/archive", data, content_type="application/octet-stream", headers=headers)


def test_a_zip_in_pieces_goes_on_after_a_break_and_becomes_images(as_owner: Client, begin: Callable[..., str]) -> None:
    data = zipped([(f"{number}.jpg", encoded(picture(number))) for number in range(5)])
    address = begin(source="archive", name="photos.zip")
    assert as_owner.get(f"{address}/archive").json() == {"offset": 0}
    half = len(data) // 2
    assert put(as_owner, address, data[:half], 0, len(data)).json() == {"offset": half}
    assert as_owner.get(f"{address}/archive").json() == {"offset": half}
    again = put(as_owner, address, data[:half], 0, len(data))
    assert (again.status_code, again.json()["offset"]) == (409, half)
    assert again.json()["error"]["field"] == "Upload-Offset"
    done = put(as_owner, address, data[half:], half, len(data)).json()
    assert done["offset"] == len(data)
    take_archive(done["job"])
    told = as_owner.get(address).json()
    assert (told["stored"], told["state"], told["name"]) == (5, "closed", "photos.zip")
    assert as_owner.get(f"{address}/archive").json() == {"offset": 0}, "the pieces are gone"


@pytest.mark.parametrize(
    ("offset", "length", "status", "field"),
    [
        ("", 10, 400, "Upload-Offset"),
        (-1, 10, 400, "Upload-Offset"),
        ("x", 10, 400, "Upload-Offset"),
        (0, "", 400, "Upload-Length"),
        (0, "9" * 30, 400, "Upload-Length"),
        (0, 10**15, 413, "Upload-Length"),
        (0, 2, 400, "Upload-Length"),
    ],
)
def test_wrong_headers_are_named(
    as_owner: Client, begin: Callable[..., str], offset: int | str, length: int | str, status: int, field: str
) -> None:
    answer = put(as_owner, begin(source="archive"), b"01234", offset, length)
    assert (answer.status_code, answer.json()["error"]["field"]) == (status, field)
    assert not ArchiveUpload.objects.exists()


def test_a_piece_that_is_too_long_is_not_read(
    as_owner: Client, begin: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("annotator.images.chunks.CHUNK_BYTES", 4)
    answer = put(as_owner, begin(source="archive"), b"01234", 0, 10)
    assert (answer.status_code, answer.json()["error"]["field"]) == (413, "body")


def test_files_and_zips_do_not_mix(as_owner: Client, begin: Callable[..., str]) -> None:
    assert put(as_owner, begin(), b"01234", 0, 10).status_code == 409
    assert as_owner.post(f"{begin(source='archive')}/files", {"file": [jpeg(1)]}).status_code == 409


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("source", {"source": "folder"}),
        ("source", {"source": "x"}),
        ("expected", {"expected": -1}),
        ("labels_from", {"labels_from": "x"}),
    ],
)
def test_an_import_that_cannot_be_begun_names_the_field(
    as_owner: Client, project: Project, field: str, options: dict[str, Any]
) -> None:
    answer = as_owner.post(f"/api/projects/{project.pk}/imports", options, content_type=JSON)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    assert not Import.objects.exists()
