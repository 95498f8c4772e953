"""The server's quick reader gives the device's pixels, to the bit, and leaves to Pillow what it cannot read alike."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from mlcore.backbones import pixels
from mlcore.backbones.pixels import read_input
from mlcore.edge.preprocess import UnreadableImage, load_input, load_rgb, to_input

needs_simplejpeg = pytest.mark.skipif(not pixels.HAS_SIMPLEJPEG, reason="simplejpeg is not installed")
SIZE = 96


def scene(width: int, height: int) -> Image.Image:
    """Edges, gradients and noise of every colour."""
    rng = np.random.default_rng(width * height)
    coarse = Image.fromarray(rng.integers(0, 256, (7, 9, 3), np.uint8)).resize((width, height), Image.Resampling.NEAREST)
    fine = rng.integers(-20, 21, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(coarse) + fine, 0, 255).astype(np.uint8))


def jpeg(image: Image.Image, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", **{"quality": 85, **options})
    return out.getvalue()


def orientation(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = number
    return exif


@pytest.fixture
def read_by(monkeypatch):
    """Counts what simplejpeg has read."""
    import simplejpeg

    read = []
    whole = simplejpeg.decode_jpeg

    def counted(*words, **options):
        found = whole(*words, **options)
        read.append(found.shape)
        return found

    monkeypatch.setattr(simplejpeg, "decode_jpeg", counted)
    return read


@needs_simplejpeg
@pytest.mark.parametrize("size", [(100, 80), (193, 401), (400, 300), (801, 1023)])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_pixels_are_those_of_the_device(size, subsampling, progressive, mode, read_by):
    data = jpeg(scene(*size).convert(mode), subsampling=subsampling, progressive=progressive)
    assert (read_input(data, SIZE) == to_input(load_rgb(data, SIZE), SIZE)).all()
    assert len(read_by) == 1


@needs_simplejpeg
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_turned_photo_comes_out_upright(turn, read_by):
    data = jpeg(scene(400, 220), exif=orientation(turn))
    assert (read_input(data, SIZE) == load_input(data, SIZE)).all()
    assert len(read_by) == 1


@needs_simplejpeg
def test_the_first_of_several_pictures_is_read():
    out = io.BytesIO()
    scene(400, 300).save(out, "MPO", save_all=True, append_images=[scene(300, 400)])
    data = out.getvalue()
    assert (read_input(data, SIZE) == load_input(data, SIZE)).all()


@needs_simplejpeg
def test_a_large_photo_is_decoded_smaller(read_by):
    read_input(jpeg(scene(1600, 1200)), SIZE)
    assert read_by == [(300, 400, 4)]


@pytest.mark.parametrize("form", ["PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_other_formats_are_read_by_pillow(form):
    out = io.BytesIO()
    scene(300, 200).save(out, form)
    assert (read_input(out.getvalue(), SIZE) == load_input(out.getvalue(), SIZE)).all()


def test_cmyk_is_read_by_pillow():
    data = jpeg(scene(300, 200).convert("CMYK"))
    assert (read_input(data, SIZE) == load_input(data, SIZE)).all()


def test_without_simplejpeg_pillow_reads_everything(monkeypatch):
    monkeypatch.setattr(pixels, "HAS_SIMPLEJPEG", False)
    data = jpeg(scene(400, 300), exif=orientation(6))
    assert (read_input(data, SIZE) == load_input(data, SIZE)).all()


def test_a_file_is_read_by_its_path(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(scene(200, 200)))
    assert (read_input(tmp_path / "a.jpg", SIZE) == load_input(tmp_path / "a.jpg", SIZE)).all()
    with pytest.raises(UnreadableImage, match=r"The file gone\.jpg cannot be read"):
        read_input(tmp_path / "gone.jpg", SIZE)


def outcome(read, data: bytes) -> str:
    try:
        return str(read(data, SIZE).tobytes())
    except UnreadableImage as problem:
        return problem.code


@pytest.mark.filterwarnings("ignore")
def test_damage_ends_alike_on_server_and_device():
    whole = jpeg(scene(300, 220), exif=orientation(6))
    random = np.random.default_rng(0)
    seen = set()
    for turn in range(60):
        data = bytearray(whole)
        for place in random.integers(0, len(data), 1 + turn % 3):
            data[place] = random.integers(0, 256)
        if turn % 4 == 0:
            data = data[: random.integers(len(data) // 2, len(data))]
        told = outcome(load_input, bytes(data))
        assert outcome(read_input, bytes(data)) == told
        seen.add(told if len(told) < 20 else "pixels")
    assert {"pixels", "damaged"} <= seen


@needs_simplejpeg
def test_stray_bytes_after_the_picture_do_no_harm():
    data = jpeg(scene(300, 200)) + struct.pack("<64I", *range(64))
    assert (read_input(data, SIZE) == load_input(data, SIZE)).all()
