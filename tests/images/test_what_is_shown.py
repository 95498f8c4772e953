"""The version for the label page carries pixels and nothing else."""

from __future__ import annotations

import io

import pytest
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from annotator.images.clean import is_clean
from annotator.images.thumbnails import DISPLAY_SIDE, SHOWN_BYTES, prepare
from tests.images.pictures import encoded, picture

MOST = 10**8
SECRET = b"taken by Olga at 52.52, 13.40"


def with_exif(format: str) -> bytes:
    exif = Pillow.Exif()
    exif[0x010E] = SECRET.decode()
    return encoded(picture(1, (80, 60)), format, exif=exif)


def commented_png() -> bytes:
    info = PngInfo()
    info.add_text("Comment", SECRET.decode())
    return encoded(picture(1, (80, 60)), "PNG", pnginfo=info)


@pytest.mark.parametrize(
    "data",
    [
        with_exif("JPEG"),
        with_exif("PNG"),
        with_exif("WEBP"),
        commented_png(),
        encoded(picture(1, (80, 60)), "JPEG", comment=SECRET),
        encoded(picture(1, (80, 60)), "JPEG") + SECRET,
        encoded(picture(1, (80, 60)), "PNG") + SECRET,
        encoded(picture(1, (80, 60)), "WEBP") + SECRET,
    ],
    ids=["exif jpeg", "exif png", "exif webp", "text png", "comment jpeg", "appended jpeg", "appended png", "appended webp"],
)
def test_what_a_camera_or_a_person_wrote_into_a_file_is_not_shown(data: bytes) -> None:
    assert SECRET in data
    made = prepare(data, max_pixels=MOST)
    assert made.display is not None
    assert SECRET not in made.display[1]
    assert SECRET not in made.thumb


def test_an_icc_profile_is_not_carried_along() -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = prepare(encoded(picture(1), "JPEG", icc_profile=profile), max_pixels=MOST)
    assert made.display is not None
    assert "icc_profile" not in Pillow.open(io.BytesIO(made.display[1])).info


@pytest.mark.parametrize(("format", "options"), [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {})])
def test_a_small_clean_picture_is_shown_as_it_is(format: str, options: dict) -> None:
    data = encoded(picture(1, (300, 200)), format, **options)
    assert is_clean(data, format)
    assert prepare(data, max_pixels=MOST).display is None


def test_every_cut_or_change_of_a_clean_file_is_noticed_or_harmless() -> None:
    for format in ("JPEG", "PNG", "WEBP"):
        data = encoded(picture(1, (60, 40)), format)
        for length in range(len(data)):
            assert not is_clean(data[:length], format), (format, length)


def test_a_see_through_picture_is_shown_on_white() -> None:
    image = Pillow.new("RGBA", (40, 40), (255, 0, 0, 0))
    made = prepare(encoded(image, "PNG"), max_pixels=MOST)
    assert made.display is not None
    assert Pillow.open(io.BytesIO(made.display[1])).convert("RGB").getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_large_picture_is_made_smaller_with_its_shape_kept(format: str) -> None:
    made = prepare(encoded(picture(1, (4000, 1000)), format), max_pixels=MOST)
    assert (made.width, made.height) == (4000, 1000)
    assert made.display is not None
    assert Pillow.open(io.BytesIO(made.display[1])).size == (DISPLAY_SIDE, 400)
    assert Pillow.open(io.BytesIO(made.thumb)).size == (320, 80)


def test_a_heavy_picture_is_shown_lighter() -> None:
    import random

    noise = Pillow.frombytes("RGB", (900, 900), random.Random(0).randbytes(900 * 900 * 3))  # noqa: S311
    data = encoded(noise, "PNG")
    assert len(data) > SHOWN_BYTES
    made = prepare(data, max_pixels=MOST)
    assert made.display is not None
    assert made.display[0] == "jpg"
    assert len(made.display[1]) < len(data)


def test_small_drawings_keep_every_pixel() -> None:
    image = picture(3, (100, 80))
    made = prepare(encoded(image, "BMP"), max_pixels=MOST)
    assert made.display is not None
    assert made.display[0] == "png"
    assert Pillow.open(io.BytesIO(made.display[1])).tobytes() == image.tobytes()


def test_a_picture_may_be_only_as_wide_as_one_line() -> None:
    made = prepare(encoded(picture(1, (6000, 9)), "JPEG"), max_pixels=MOST)
    assert Pillow.open(io.BytesIO(made.thumb)).size[1] >= 1
