"""A folder on the server comes in, with the classes of its folders or of a CSV."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotator.images.folder import import_folder
from annotator.images.ingest import Ingested
from annotator.images.models import Image
from annotator.labelling.models import Annotation, Standing
from annotator.projects.errors import Invalid
from annotator.projects.models import Project, User
from tests.images.pictures import encoded, picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """photos/{cup,Bowl}/…, one text among them."""
    root = tmp_path / "photos"
    for number, name in enumerate(["cup/1.jpg", "cup/2.jpg", "Bowl/3.jpg", "loose.jpg"]):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(picture(number)))
    (root / "cup" / "notes.txt").write_text("not a picture, whatever one thinks of it")
    (root / ".cache").mkdir()
    (root / ".cache" / "x.jpg").write_bytes(encoded(picture(50)))
    return root


def said() -> dict[str, str]:
    rows = Standing.objects.select_related("image", "label")
    return {row.image.name: row.label.name for row in rows if row.label}


def test_every_file_is_taken_and_told(project: Project, folder: Path, user: User) -> None:
    told: list[tuple[int, int, str]] = []

    def on_progress(done: int, total: int, what: Ingested) -> None:
        told.append((done, total, what.status))

    batch = import_folder(project=project, folder=folder, user=user, on_progress=on_progress)
    assert (batch.stored, batch.refused, batch.expected, batch.state) == (4, 1, 5, "closed")
    assert [(done, total) for done, total, _ in told] == [(number, 5) for number in range(1, 6)]
    assert sorted(Image.objects.values_list("name", flat=True)) == ["Bowl/3.jpg", "cup/1.jpg", "cup/2.jpg", "loose.jpg"]
    assert not Annotation.objects.exists()


def test_folders_become_classes(project: Project, folder: Path, user: User) -> None:
    import_folder(project=project, folder=folder, labels="folder", user=user)
    assert said() == {"cup/1.jpg": "cup", "cup/2.jpg": "cup", "Bowl/3.jpg": "Bowl", "loose.jpg": "photos"}
    assert set(Annotation.objects.values_list("source", flat=True)) == {"import"}


def test_a_folder_without_pictures_is_no_class(project: Project, folder: Path, user: User) -> None:
    (folder / "about").mkdir()
    (folder / "about" / "README.md").write_text("what these pictures are")
    (folder / "loose.jpg").unlink()
    (folder / "README.md").write_text("what these pictures are")
    import_folder(project=project, folder=folder, labels="folder", user=user)
    names = set(project.labels.values_list("name", flat=True))
    assert {"Bowl", "cup"} <= names
    assert not {"about", "photos"} & names


def test_a_second_run_takes_only_what_is_new(project: Project, folder: Path, user: User) -> None:
    import_folder(project=project, folder=folder, user=user)
    (folder / "new.jpg").write_bytes(encoded(picture(77)))
    batch = import_folder(project=project, folder=folder, user=user)
    assert (batch.stored, batch.duplicates) == (1, 4)


def test_labels_given_later_reach_the_images_that_are_there(project: Project, folder: Path, user: User) -> None:
    import_folder(project=project, folder=folder, user=user)
    import_folder(project=project, folder=folder, labels="folder", user=user)
    assert len(said()) == 4


@pytest.mark.parametrize("header", ["", "path,label\n", "Filename, Label\n"])
def test_a_csv_names_the_classes(project: Project, folder: Path, user: User, tmp_path: Path, header: str) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(header + 'cup/1.jpg,mug\n./Bowl/3.jpg,"bowl, blue"\n\n', encoding="utf-8-sig")
    import_folder(project=project, folder=folder, labels=str(table), user=user)
    assert said() == {"cup/1.jpg": "mug", "Bowl/3.jpg": "bowl, blue"}
    assert Image.objects.count() == 4


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no lines"),
        (b"cup/1.jpg\n", "Line 1"),
        (b"path,label\ncup/1.jpg,cup\ncup/2.jpg,\n", "Line 3"),
        (b"cup/9.jpg,cup\n", "cup/9.jpg"),
        (b"\xff\xfe\x00bad", "UTF-8"),
    ],
)
def test_a_csv_that_cannot_be_used_says_where(
    project: Project, folder: Path, user: User, tmp_path: Path, content: bytes, words: str
) -> None:
    table = tmp_path / "labels.csv"
    table.write_bytes(content)
    with pytest.raises(Invalid, match=words) as caught:
        import_folder(project=project, folder=folder, labels=str(table), user=user)
    assert caught.value.field == "labels"
    assert not Image.objects.exists()


def test_a_missing_csv_or_folder_is_said(project: Project, folder: Path, user: User, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        import_folder(project=project, folder=folder, labels=str(tmp_path / "none.csv"), user=user)
    with pytest.raises(Invalid, match="no folder"):
        import_folder(project=project, folder=tmp_path / "nowhere", user=user)
    (tmp_path / "empty").mkdir()
    with pytest.raises(Invalid, match="no files"):
        import_folder(project=project, folder=tmp_path / "empty", user=user)


def test_one_file_can_be_imported(project: Project, folder: Path, user: User) -> None:
    batch = import_folder(project=project, folder=folder / "loose.jpg", user=user)
    assert batch.stored == 1
    assert Image.objects.get().name == "loose.jpg"


def test_a_file_that_disappears_is_listed(
    project: Project, folder: Path, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Path.read_bytes

    def gone(path: Path) -> bytes:
        if path.name == "2.jpg":
            raise FileNotFoundError(2, "No such file or directory")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", gone)
    batch = import_folder(project=project, folder=folder, user=user)
    assert batch.stored == 3
    assert "missing" in {problem.code for problem in batch.problems.all()}
