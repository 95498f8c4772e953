"""`annotator import`: a folder, a zip, a CSV; again and again; and what could not be taken."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from annotator.cli import main
from annotator.images.models import Image
from annotator.projects.models import Label, Project

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The commands set ANNOTATOR_DATA for the processes they start; not for the tests after this one."""
    monkeypatch.setenv("ANNOTATOR_DATA", str(tmp_path / "data"))


def run(*words: object) -> int:
    return main(["import", *map(str, words)])


def test_a_new_name_makes_a_project_and_folders_become_classes(
    some_photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("toys", some_photos, "--labels", "folder") == 0
    project = Project.objects.get(name="toys")
    said = capsys.readouterr().out
    assert f"Made the project 'toys' (number {project.pk})." in said
    assert "12 images stored in 'toys', 0 were there already, 0 refused." in said
    assert "'annotator up' starts it" in said
    assert set(Label.objects.values_list("name", flat=True)) == {path.name for path in some_photos.iterdir()}


def test_again_it_takes_only_what_is_new(some_photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("toys", some_photos)
    one = next(path for path in some_photos.rglob("*") if path.is_file())
    changed = one.with_name("new" + one.suffix)
    from PIL import Image as Picture

    Picture.open(one).transpose(Picture.Transpose.FLIP_LEFT_RIGHT).save(changed)
    capsys.readouterr()
    assert run("toys", some_photos) == 0
    assert "1 image stored in 'toys', 12 were there already, 0 refused." in capsys.readouterr().out
    assert Project.objects.count() == 1


def test_a_zip_is_taken_like_the_folder_in_it(some_photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = shutil.make_archive(str(tmp_path / "photos"), "zip", some_photos)
    assert run("toys", archive, "--labels", "folder") == 0
    assert "12 images stored" in capsys.readouterr().out
    assert Label.objects.count() == 2


def test_a_csv_brings_the_classes(some_photos: Path, tmp_path: Path) -> None:
    names = sorted(path.relative_to(some_photos).as_posix() for path in some_photos.rglob("*") if path.is_file())
    table = tmp_path / "labels.csv"
    table.write_text("path,label\n" + "".join(f"{name},odd\n" for name in names[:3]))
    assert run("toys", some_photos, "--labels", table) == 0
    assert Label.objects.get().name == "odd"
    assert Image.objects.count() == 12


def test_what_could_not_be_taken_is_listed_and_the_rest_goes_on(
    some_photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (some_photos / "notes.jpg").write_text("not a picture")
    (some_photos / "empty.png").touch()
    assert run("toys", some_photos) == 0
    said = capsys.readouterr().out
    assert "12 images stored in 'toys', 0 were there already, 2 refused." in said
    assert "  notes.jpg: " in said
    assert "  empty.png: " in said


def test_nothing_taken_is_not_done(tmp_path: Path) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "notes.jpg").write_text("not a picture")
    assert run("toys", tmp_path / "some") == 1


def test_a_project_is_found_by_its_number(some_photos: Path) -> None:
    run("toys", some_photos)
    assert run(Project.objects.get().pk, some_photos) == 0
    assert Project.objects.count() == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("toys", "/no/such/folder"), "There is no folder or file /no/such/folder: check PATH."),
        (("99", "."), "There is no project '99'. The projects here: none yet."),
    ],
)
def test_what_is_not_there_is_one_sentence(
    words: tuple[str, str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    assert capsys.readouterr().err == f"annotator: {sentence}\n"


def test_a_zip_with_a_csv_is_refused(some_photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = shutil.make_archive(str(tmp_path / "photos"), "zip", some_photos)
    assert run("toys", archive, "--labels", tmp_path / "labels.csv") == 2
    assert "unpack the zip" in capsys.readouterr().err


def test_an_export_without_a_model_is_one_sentence(some_photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("toys", some_photos)
    assert main(["export", "toys"]) == 2
    assert capsys.readouterr().err == "annotator: There is no model yet: label some images first.\n"
    assert main(["export", "cars"]) == 2
    assert "There is no project 'cars'. The projects here: " in capsys.readouterr().err
