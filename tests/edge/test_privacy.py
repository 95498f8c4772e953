"""What may leave a device."""

import io
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from mlcore.edge import privacy
from mlcore.edge.uncertain import Keeper, KeepSettings

# A portrait from 1984 in the public domain (the United States Navy's) that a package carries.
PORTRAIT = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"


@pytest.fixture
def portrait():
    return np.asarray(Image.open(PORTRAIT).convert("RGB").resize((256, 300)))


def detail(pixels) -> float:
    """How much neighbours differ."""
    return float(np.abs(np.diff(pixels.astype(float), axis=1)).mean())


@pytest.fixture
def no_open_cv(monkeypatch):
    privacy._cascades.cache_clear()
    monkeypatch.setitem(sys.modules, "cv2", None)
    yield
    privacy._cascades.cache_clear()


def test_a_face_is_found_and_cannot_be_found_any_more_once_blurred(portrait):
    found = privacy.find_faces(portrait)
    assert found
    for left, top, right, bottom in found:
        assert 0 <= left < right <= portrait.shape[1]
        assert 0 <= top < bottom <= portrait.shape[0]
    blurred = privacy.blur_faces(portrait)
    eyes = (slice(90, 120), slice(100, 155))
    assert detail(blurred[eyes]) < detail(portrait[eyes]) / 4
    assert privacy.find_faces(blurred) == []
    assert np.array_equal(blurred[-40:], portrait[-40:])


def test_a_picture_of_many_megapixels_is_looked_at_small_and_blurred_where_the_face_is(portrait, monkeypatch):
    monkeypatch.setattr(privacy, "_LOOKED_AT", 300)
    large = np.asarray(Image.fromarray(portrait).resize((2048, 2400)))
    (left, top, right, bottom), *_ = privacy.find_faces(large)
    assert left < 4 * 255 < right
    assert top < 4 * 210 < bottom


def test_what_leaves_at_each_level(portrait):
    assert privacy.portable(portrait, "nothing") is None
    assert privacy.portable(portrait, "features") is None
    eyes = {}
    for level in ("blurred", "images"):
        jpeg = privacy.portable(portrait, level)
        assert jpeg is not None
        eyes[level] = detail(np.asarray(Image.open(io.BytesIO(jpeg)))[90:120, 100:155])
    assert eyes["blurred"] < eyes["images"] / 4


def test_without_a_detector_features_are_kept_and_no_picture(no_open_cv, tmp_path, portrait):
    from tests.edge.test_keeper import REFERENCE, Scenes

    keeper = Keeper(tmp_path, REFERENCE, KeepSettings(privacy="blurred"))
    assert "pip install 'opencv-python-headless" in keeper.trouble
    keeper(Scenes().seen(picture=portrait))
    keeper.wait()
    (one,) = keeper.take(1)
    assert (one.meta["privacy"], one.image_path) == ("features", None)
    assert list(tmp_path.glob("*.jpg")) == []


def test_the_levels_go_from_strict_to_loose():
    assert [privacy.stricter(one, "blurred") for one in privacy.LEVELS] == [True, True, False, False]
