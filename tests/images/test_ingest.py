"""What comes in is looked at, stored once, and told apart; what cannot be used says why, and the rest goes on."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image as Pillow

from annotator.images import files
from annotator.images.ingest import Ingested, clean_name, lot
from annotator.images.models import Image, Import, ImportProblem
from annotator.labelling.models import Annotation, Standing
from annotator.projects.models import Project
from tests.images.pictures import encoded, picture

Ingest = Callable[..., Ingested]


def opened(data: bytes) -> Pillow.Image:
    return Pillow.open(io.BytesIO(data))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_every_format_is_stored_and_shown(ingest: Ingest, format: str) -> None:
    data = encoded(picture(1, (400, 300)), format)
    result = ingest(data)
    assert result.status == "stored"
    image = result.image
    assert image is not None
    assert (image.format, image.width, image.height, image.size) == (format, 400, 300, len(data))
    assert files.original(image) == data
    shown, kind = files.display(image)
    assert opened(shown).size == (400, 300)
    assert kind in {"image/jpeg", "image/png", "image/webp"}, "browsers show these"
    small, kind = files.thumb(image)
    assert opened(small).size == (320, 240)
    assert kind == "image/webp"


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "I;16", "RGBA", "LA"])
def test_every_colour_mode_is_shown_in_plain_colours(ingest: Ingest, mode: str) -> None:
    format = {"CMYK": "JPEG"}.get(mode, "PNG")
    source = picture(1, (60, 40), "L").convert("I;16") if mode == "I;16" else picture(1, (60, 40), mode)
    result = ingest(encoded(source, format))
    assert result.status == "stored", result.message
    assert result.image is not None
    shown, _ = files.display(result.image)
    assert opened(shown).mode in {"RGB", "L"}


def test_an_animation_gives_its_first_frame(ingest: Ingest) -> None:
    frames = [picture(number, (64, 64)) for number in range(3)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    result = ingest(data)
    assert result.image is not None
    shown, _ = files.display(result.image)
    assert getattr(opened(shown), "n_frames", 1) == 1


@pytest.mark.parametrize("turn", [1, 3, 6, 8])
@pytest.mark.parametrize("size", [(60, 40), (2000, 1000)])
def test_a_photo_is_turned_by_its_exif_orientation(ingest: Ingest, turn: int, size: tuple[int, int]) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = turn
    result = ingest(encoded(picture(1, size), "JPEG", exif=exif))
    image = result.image
    assert image is not None
    upright = size[::-1] if turn in (6, 8) else size
    assert (image.width, image.height) == upright
    shown = opened(files.display(image)[0])
    assert (shown.width > shown.height) == (upright[0] > upright[1])
    assert 0x0112 not in shown.getexif()


def bomb() -> bytes:
    """A PNG of a few hundred bytes that says it has 30,000 x 30,000 pixels."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


PHOTO = encoded(picture(5, (200, 150)))
BAD = {
    "empty": b"",
    "not_an_image": b"This is a text that somebody has renamed to holiday.jpg. " * 20,
    "truncated": PHOTO[: len(PHOTO) // 2],
    "damaged": b"\xff\xd8\xff" + bytes(200),
    "too_large": bomb(),
    "too_small": encoded(picture(1, (4, 4)), "PNG"),
    "unsupported": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
}


@pytest.mark.parametrize("code", BAD)
def test_a_bad_file_is_refused_with_its_reason(ingest: Ingest, batch: Import, media: Path, code: str) -> None:
    result = ingest(BAD[code], name=f"{code}.jpg")
    assert (result.status, result.code, result.image) == ("refused", code, None)
    problem = ImportProblem.objects.get(batch=batch)
    assert (problem.name, problem.code) == (f"{code}.jpg", code)
    assert problem.message.endswith(".") and len(problem.message) > 20
    assert not Image.objects.exists()
    assert not media.exists() or not any(path.is_file() for path in media.rglob("*"))


def test_a_file_over_the_limit_is_refused_without_decoding(ingest: Ingest, settings) -> None:
    settings.MAX_FILE_BYTES = 500
    result = ingest(PHOTO)
    assert (result.status, result.code) == ("refused", "too_large")
    assert "500" in result.message


def test_bad_files_do_not_stop_the_good_ones(ingest: Ingest, batch: Import) -> None:
    results = [ingest(data) for data in (PHOTO, BAD["truncated"], encoded(picture(6)), PHOTO, b"")]
    assert [result.status for result in results] == ["stored", "refused", "stored", "duplicate", "refused"]
    batch.refresh_from_db()
    assert (batch.stored, batch.refused, batch.duplicates) == (2, 2, 1)


def test_a_duplicate_is_told_and_not_stored_twice(ingest: Ingest) -> None:
    first = ingest(PHOTO, name="a/first.jpg")
    again = ingest(PHOTO, name="b/second.jpg")
    assert again.status == "duplicate"
    assert again.image == first.image
    assert "a/first.jpg" in again.message
    assert Image.objects.count() == 1


def test_two_projects_may_have_the_same_picture(ingest: Ingest, user, project: Project) -> None:
    from annotator.images.ingest import ingest_image, open_batch
    from annotator.projects.setup import create_project

    ingest(PHOTO)
    other = create_project(owner=user, name="Other")
    batch = open_batch(project=other, source="upload", user=user)
    assert ingest_image(project=other, batch=batch, name="x.jpg", data=PHOTO).status == "stored"


def test_a_label_that_comes_along_is_an_annotation(ingest: Ingest, project: Project) -> None:
    cup = project.labels.get(name="cup")
    image = ingest(PHOTO, label=cup).image
    assert image is not None
    said = Annotation.objects.get()
    assert (said.image, said.label, said.source, said.author) == (image, cup, "import", project.created_by)
    assert Standing.objects.get().label == cup


def test_a_label_reaches_a_picture_that_came_earlier_without_one(ingest: Ingest, project: Project) -> None:
    ingest(PHOTO)
    cup, glass = project.labels.all()
    assert ingest(PHOTO, label=cup).status == "duplicate"
    assert Standing.objects.get().label == cup
    ingest(PHOTO, label=glass)
    assert Standing.objects.get().label == cup, "what has been said is not overruled by a file"


def test_the_audit_set_is_a_fixed_share_drawn_by_hash() -> None:
    drawn = [lot(1, f"{number:064x}", 0.15) for number in range(20_000)]
    share = sum(is_audit for is_audit, _ in drawn) / len(drawn)
    assert 0.14 < share < 0.16
    assert drawn == [lot(1, f"{number:064x}", 0.15) for number in range(20_000)]
    assert drawn != [lot(2, f"{number:064x}", 0.15) for number in range(20_000)], "another project draws anew"
    assert all(0 <= sort_key < 2**31 for _, sort_key in drawn)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cat.jpg", "cat.jpg"),
        ("a/b/cat.jpg", "a/b/cat.jpg"),
        ("a\\b\\cat.jpg", "a/b/cat.jpg"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\Users\\x.jpg", "C:/Users/x.jpg"),
        ("<script>alert(1)</script>.jpg", "<script>alert(1)</script>.jpg"),
        ("line\nbreak\x00\x1b[31m.jpg", "linebreak[31m.jpg"),
        ("\u202egpj.exe", "gpj.exe"),
        ("", "unnamed"),
        ("..", "unnamed"),
        ("고양이.jpg", "고양이.jpg"),
    ],
)
def test_names_are_kept_as_text_and_are_never_paths(name: str, shown: str) -> None:
    assert clean_name(name) == shown


def test_a_very_long_name_keeps_its_end() -> None:
    assert clean_name("x" * 1000 + ".jpg") == "x" * 396 + ".jpg"


def test_media_paths_are_ours_alone(ingest: Ingest, media: Path) -> None:
    result = ingest(PHOTO, name="../../../evil.html")
    assert result.image is not None
    written = [path.relative_to(media).as_posix() for path in media.rglob("*") if path.is_file()]
    sha = result.image.sha256
    assert sorted(written) == [
        f"originals/{result.image.project_id}/{sha[:2]}/{sha}.jpg", f"thumbs/{result.image.project_id}/{sha[:2]}/{sha}.webp",
    ]
