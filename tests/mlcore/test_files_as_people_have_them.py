"""Every kind of file that people drop is either read or refused with a code and a sentence that mends it."""

import hashlib
import io
import zlib

import numpy as np
import pytest
from PIL import Image

from mlcore.images import ImageProblem, inspect, open_rgb


def picture(width=64, height=48, mode="RGB") -> Image.Image:
    """Left half dark, right half bright, so that turns and scales can be seen."""
    grey = np.full((height, width), 40, np.uint8)
    grey[:, width // 2 :] = 200
    return Image.fromarray(grey).convert(mode)


def saved(image: Image.Image, form: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def turned(form: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(picture(), form, exif=exif)


def refusal(data: bytes, **options) -> ImageProblem:
    with pytest.raises(ImageProblem) as caught:
        inspect(data, **options)
    problem = caught.value
    with pytest.raises(ImageProblem) as again:
        open_rgb(data, **options)
    assert again.value.code == problem.code
    assert problem.message[0].isupper()
    assert problem.message.endswith(".")
    return problem


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_reads_every_promised_format(form):
    data = saved(picture(), form)
    info = inspect(data)
    assert (info.format, info.width, info.height, info.frames) == (form, 64, 48, 1)
    assert info.sha256 == hashlib.sha256(data).hexdigest()
    image = open_rgb(data)
    assert (image.mode, image.size) == ("RGB", (64, 48))
    assert image.getpixel((5, 5))[0] < 60 < 180 < image.getpixel((60, 5))[0]


def test_reads_a_path_as_it_reads_bytes(tmp_path):
    path = tmp_path / "misnamed.txt"
    path.write_bytes(saved(picture(), "PNG"))
    assert open_rgb(path).size == (64, 48)
    with pytest.raises(ImageProblem) as caught:
        open_rgb(tmp_path / "gone.png")
    assert caught.value.code == "missing"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(("orientation", "size"), [(1, (64, 48)), (3, (64, 48)), (6, (48, 64)), (8, (48, 64))])
def test_tells_the_size_as_it_is_seen_upright(form, orientation, size):
    data = turned(form, orientation)
    info = inspect(data)
    assert (info.width, info.height) == size == open_rgb(data).size


def test_an_almost_square_photo_is_told_upright_too():
    exif = Image.Exif()
    exif[0x0112] = 6
    info = inspect(saved(picture(1000, 999), "JPEG", exif=exif))
    assert (info.width, info.height) == (999, 1000)


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "RGBA", "LA", "I;16"])
def test_makes_rgb_of_every_mode(mode):
    if mode == "I;16":
        image = Image.fromarray((np.asarray(picture().convert("L")).astype(np.uint16)) * 257)
    else:
        image = picture(mode=mode)
    form = "JPEG" if mode == "CMYK" else "PNG"
    data = saved(image, form)
    rgb = open_rgb(data)
    assert (rgb.mode, rgb.size) == ("RGB", (64, 48))
    grey = np.asarray(rgb.convert("L"), float)
    assert grey[:, :32].mean() + 50 < grey[:, 32:].mean()
    assert (inspect(data).width, inspect(data).height) == (64, 48)


def test_lays_transparent_parts_over_white():
    image = picture().convert("RGBA")
    image.putalpha(0)
    assert open_rgb(saved(image, "PNG")).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_takes_the_first_frame_of_an_animation(form):
    later = Image.new("RGB", (64, 48), "red")
    data = saved(picture(), form, save_all=True, append_images=[later, later.rotate(90)])
    assert inspect(data).frames >= 2
    assert open_rgb(data).getpixel((5, 5))[0] < 60


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_refuses_a_file_that_was_cut(form, share):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8))
    data = saved(noise, form)
    assert refusal(data[: int(share * len(data))]).code in {"truncated", "damaged"}


def test_says_that_a_cut_photo_was_cut():
    data = saved(Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)), "JPEG")
    problem = refusal(data[: len(data) // 2])
    assert problem.code == "truncated"
    assert "ends before the picture does" in problem.message


def test_refuses_a_bomb_before_decoding_it():
    """A kilobyte that would become 40,000 x 40,000 pixels."""
    header = b"IHDR" + (40_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    chunk = (13).to_bytes(4, "big") + header + zlib.crc32(header).to_bytes(4, "big")
    empty = zlib.compress(bytes(1000))
    body = b"IDAT" + empty
    data = b"\x89PNG\r\n\x1a\n" + chunk + len(empty).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    assert refusal(data).code == "too_large"


def test_the_pixel_cap_is_the_callers():
    data = saved(picture(64, 48), "PNG")
    assert inspect(data, max_pixels=64 * 48).width == 64
    problem = refusal(data, max_pixels=64 * 48 - 1)
    assert problem.code == "too_large"
    assert "3,071" in problem.message


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"", "empty", "0 bytes"),
        (b"name,label\ncat.jpg,cat\n", "not_an_image", "holds text"),
        (b"<!doctype html><html></html>", "not_an_image", "holds text"),
        (bytes(range(256)) * 4, "not_an_image", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported", "SVG"),
        (b"\xef\xbb\xbf <?xml version='1.0'?><!-- drawn --><svg/>", "unsupported", "SVG"),
        (b"%PDF-1.7 ...", "unsupported", "PDF"),
        (b"\x00\x00\x00\x18ftypheic0000", "unsupported", "HEIC"),
        (b"PK\x03\x04zipped", "unsupported", "ZIP"),
        (b"\xff\xd8\xff\xe0 and nothing more", "damaged", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged", "damaged"),
    ],
)
def test_refuses_what_is_no_picture_and_says_what_it_is(data, code, words):
    problem = refusal(data)
    assert problem.code == code
    assert words in problem.message


def test_refuses_what_is_too_small_to_see():
    assert refusal(saved(picture(64, 7), "PNG")).code == "too_small"
    assert inspect(saved(picture(8, 8), "PNG")).width == 8


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_is_read_or_refused_but_never_breaks(seed):
    rng = np.random.default_rng(seed)
    form = ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"][seed % 6]
    data = bytearray(saved(picture(), form))
    for at in rng.integers(0, len(data), 12):
        data[at] = rng.integers(0, 256)
    try:
        assert open_rgb(bytes(data)).mode == "RGB"
    except ImageProblem as problem:
        assert problem.message.endswith(".")
    try:
        assert inspect(bytes(data)).width > 0
    except ImageProblem as problem:
        assert problem.message.endswith(".")


@pytest.mark.parametrize("brightest", [4095, 65535])
def test_a_camera_of_12_or_16_bits_fills_the_8_bits(brightest):
    ramp = np.linspace(0, brightest, 64 * 48).reshape(48, 64).astype(np.uint16)
    grey = np.asarray(open_rgb(saved(Image.fromarray(ramp), "PNG")))[..., 0]
    assert (grey[0, 0], grey[-1, -1]) == (0, 255)
    np.testing.assert_allclose(grey, ramp * (255 / brightest), atol=1)
