"""Every kind of picture becomes the same kind of pixels."""

import hashlib
import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from mlcore.edge import preprocess
from mlcore.edge.preprocess import UnreadableImage, load_input, load_rgb, to_input, to_rgb


def encode(image: Image.Image, form: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def scene(width=40, height=30) -> Image.Image:
    """Smooth colours, different in every corner."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = x * 255 // (width - 1), y * 255 // (height - 1)
    return Image.fromarray(np.stack([red, green, 255 - red], axis=2).astype(np.uint8))


def far(first: np.ndarray, second: np.ndarray) -> int:
    return int(np.abs(first.astype(int) - second.astype(int)).max())


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_formats_give_the_same_pixels(form):
    options = {"lossless": True} if form == "WEBP" else {}
    assert far(load_rgb(encode(scene(), form, **options)), np.asarray(scene())) == 0


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_comes_out_upright(form, orientation):
    upright = scene()
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if form == "JPEG" else {"lossless": True} if form == "WEBP" else {}
    pixels = load_rgb(encode(stored, form, exif=exif, **options))
    assert pixels.shape == (30, 40, 3)
    assert far(pixels, np.asarray(upright)) <= (6 if form == "JPEG" else 0)


def test_damaged_exif_is_ignored():
    data = encode(scene(), "JPEG", exif=b"Exif\0\0nonsense that is not a TIFF header")
    assert load_rgb(data).shape == (30, 40, 3)


def test_transparency_is_laid_over_white():
    image = scene().convert("RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    assert load_rgb(encode(image, "PNG")).min() == 255
    image.putalpha(Image.new("L", image.size, 128))
    expected = np.asarray(scene()) * (128 / 255) + 255 * (127 / 255)
    assert np.abs(load_rgb(encode(image, "PNG")) - expected).max() <= 1


def test_a_transparent_colour_of_a_palette_is_white():
    image = Image.new("P", (8, 8), 0)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((0, 0), 1)
    pixels = load_rgb(encode(image, "PNG", transparency=0))
    assert tuple(pixels[0, 0]) == (200, 100, 50)
    assert tuple(pixels[4, 4]) == (255, 255, 255)


def test_16_bit_grey_is_scaled_and_not_cut_off():
    levels = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8)
    pixels = load_rgb(encode(Image.fromarray(levels), "PNG"))
    assert far(pixels[:, :, 0], np.rint(levels / 257)) <= 1
    assert (pixels[:, :, 0] == pixels[:, :, 2]).all()


def grey(highest: int, step: int = 1) -> Image.Image:
    """16-bit levels from 0 to `highest` in steps, no two rows alike."""
    levels = np.linspace(0, highest // step, 64).astype(np.uint16) * step
    return Image.fromarray(levels.reshape(8, 8))


def with_sbit(png: bytes, bits: int) -> bytes:
    chunk = b"sBIT" + bytes([bits])
    return png[:33] + struct.pack(">I", 1) + chunk + _crc(chunk) + png[33:]


def test_12_bits_in_a_file_of_16_are_not_black():
    assert load_rgb(encode(grey(4095), "PNG")).max() == 255


@pytest.mark.parametrize("step", [16, 257])
def test_a_dark_picture_scaled_up_to_16_bits_stays_dark(step):
    assert load_rgb(encode(grey(4095, step), "PNG")).max() <= 16


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_a_picture_with_no_light_is_black(form):
    assert load_rgb(encode(grey(0), form)).max() == 0


def test_a_dark_png_that_tells_its_bits_stays_dark():
    data = encode(grey(3001), "PNG")
    assert load_rgb(data).max() > 180
    assert load_rgb(with_sbit(data, 12)).max() == load_rgb(with_sbit(data, 16)).max() == 12


@pytest.mark.parametrize(
    ("declared", "brightest"),
    [(65535, 12), (16383, 47), (4095, 187), (3001, 187), (70000, 187), (1023, 187)],
    ids=["16 bits", "14 bits", "12 bits", "the largest that occurs", "nonsense", "less than occurs"],
)
def test_a_tiff_that_tells_its_white_is_believed_where_that_can_be(declared, brightest):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[281 if declared in (65535, 3001) else 341] = declared
    assert load_rgb(encode(grey(3001), "TIFF", tiffinfo=tags)).max() == brightest


def test_a_tiff_of_12_bits_is_scaled_from_12_bits():
    pixels = np.repeat(np.asarray([[100, 3001]], np.uint16), 2, axis=0)
    packed = b"".join(bytes([a >> 4, (a & 15) << 4 | b >> 8, b & 255]) for a, b in pixels.tolist())
    entries = [(256, 2), (257, 2), (258, 12), (259, 1), (262, 1), (273, 200), (277, 1), (278, 2), (279, len(packed))]
    header = b"II*\0" + struct.pack("<IH", 8, len(entries))
    header += b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in entries)
    data = (header + bytes(4)).ljust(200, b"\0") + packed
    assert load_rgb(data)[0, :, 0].tolist() == [round(100 / 4095 * 255), round(3001 / 4095 * 255)]


def test_damaged_tags_of_16_bit_grey_are_ignored():
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[341] = b"oops"
    tags.tagtype[341] = 7
    assert load_rgb(encode(grey(65535), "TIFF", tiffinfo=tags)).max() == 255


def test_floating_point_from_0_to_1_is_scaled():
    levels = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    pixels = load_rgb(encode(Image.fromarray(levels), "TIFF"))
    assert far(pixels[:, :, 1], np.rint(levels * 255)) == 0


def test_cmyk_becomes_rgb():
    pixels = load_rgb(encode(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG"))
    assert pixels[8, 8, 0] > 240
    assert pixels[8, 8, 1:].max() < 15


def test_lab_becomes_rgb():
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = ImageCms.applyTransform(scene(), to_lab)
    assert load_rgb(encode(lab, "TIFF")).shape == (30, 40, 3)


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert tuple(load_rgb(data)[8, 8]) == (255, 0, 0)


def test_a_large_jpeg_is_decoded_smaller_but_never_below_twice_the_input():
    data = encode(scene(3200, 2000), "JPEG", quality=95)
    quick, whole = load_rgb(data, 224), load_rgb(data, None)
    assert whole.shape == (2000, 3200, 3)
    assert quick.shape == (500, 800, 3)
    assert far(to_input(quick), to_input(whole)) <= 3


def test_the_input_is_stretched_to_a_square():
    square = to_input(np.asarray(scene(80, 20)), 32)
    assert square.shape == (32, 32, 3)
    assert square[0, 0, 0] < 10
    assert square[31, 31, 0] > 245


def test_the_input_is_antialiased():
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    assert far(to_input(stripes, 32)[:, 1:-1], np.full((32, 30, 3), 128)) <= 1


def test_a_picture_of_the_right_size_stays_as_it_is():
    pixels = np.asarray(scene(32, 32))
    assert (to_input(pixels, 32) == pixels).all()


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3))])
def test_wrong_pixels_are_refused_with_the_shape(wrong):
    with pytest.raises(ValueError, match=r"must be uint8 \(H, W, 3\)"):
        to_input(wrong)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF"])
def test_a_file_becomes_the_input_in_one_step_or_in_two(form):
    data = encode(scene(1000, 460), form)
    assert (load_input(data) == to_input(load_rgb(data))).all()


def test_the_version_is_raised_when_a_pixel_changes():
    """If this fails, every stored feature is stale: raise preprocess.VERSION and then mend the digest."""
    pixels = to_input(load_rgb(encode(scene(700, 500), "PNG")))
    assert (preprocess.VERSION, hashlib.sha256(pixels.tobytes()).hexdigest()) == (
        2,
        "57f9a30882c871116dd0372aeaaf05a972a6e16f74ecb210419c87c8e48aff91",
    )


def problem_with(data: bytes | Path, **options) -> UnreadableImage:
    with pytest.raises(UnreadableImage) as caught:
        load_rgb(data, **options)
    return caught.value


def test_what_is_not_a_picture_is_refused():
    assert problem_with(b"").code == "empty"
    assert problem_with(b"hello, I am a text").code == "not_an_image"
    assert problem_with(b"<svg xmlns='http://www.w3.org/2000/svg'/>").code == "not_an_image"


def test_formats_that_start_other_programs_stay_shut():
    assert problem_with(encode(scene(), "EPS")).code == "not_an_image"


def test_a_missing_file_is_named(tmp_path):
    problem = problem_with(tmp_path / "gone.jpg")
    assert problem.code == "missing"
    assert "gone.jpg" in problem.message


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_a_cut_off_file_is_refused(form):
    data = encode(scene(400, 300), form)
    assert problem_with(data[: len(data) // 2]).code in ("damaged", "not_an_image")


def test_too_many_pixels_are_refused_before_they_are_decoded():
    problem = problem_with(encode(scene(100, 100), "PNG"), max_pixels=9_999)
    assert problem.code == "too_large"
    assert "9,999" in problem.message


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [10_000, 60_000])
def test_a_bomb_is_refused(side):
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    start = encode(scene(8, 8), "PNG")
    assert problem_with(start[:16] + header + _crc(b"IHDR" + header) + start[33:]).code == "too_large"


def _crc(data: bytes) -> bytes:
    import zlib

    return struct.pack(">I", zlib.crc32(data))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_damage_of_any_kind_is_either_survived_or_refused(form):
    options = {"compression": "tiff_lzw"} if form == "TIFF" else {}
    whole = encode(scene(120, 90), form, **options)
    random = np.random.default_rng(0)
    refused = 0
    for turn in range(120):
        data = bytearray(whole)
        for place in random.integers(0, min(len(data), 1500), 6):
            data[place] = random.integers(0, 256)
        if turn % 3 == 0:
            data = data[: random.integers(0, len(data))]
        try:
            assert load_rgb(bytes(data)).shape[2] == 3
        except UnreadableImage:
            refused += 1
    assert refused > 10


def test_an_rgb_picture_is_not_copied():
    image = scene()
    assert to_rgb(image) is image
