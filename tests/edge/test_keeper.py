"""What a device keeps of the hard pictures, and what it does not."""

import errno
import io
import json

import numpy as np
import pytest
from PIL import Image

from mlcore.edge import kept, privacy
from mlcore.edge.kept import Shelf
from mlcore.edge.reference import Reference
from mlcore.edge.station import Seen
from mlcore.edge.uncertain import Keeper, KeepSettings
from tests.edge.fakes import answer
from tests.export.tiny import jpeg

HOUR = 3600
NOW = 1_800_000_000.0

# Centre at (1, 0, 0); all but a hundredth of the project's images lie within .5; a twentieth has a margin below .3.
REFERENCE = Reference(
    centres=np.array([[1, 0, 0]], np.float32),
    distances=np.linspace(0, 50 / 99, 101).astype(np.float32),
    margins=np.linspace(0.25, 1.25, 101).astype(np.float32),
    confidence=np.full(20, 0.05, np.float32),
    classes=np.full(3, 1 / 3, np.float32),
    images=100,
)
IMAGES = KeepSettings(privacy="images")


class Scenes:
    """Answers about scenes of which no two look alike."""

    def __init__(self) -> None:
        self.turns = 0

    def seen(self, *, margin: float = 0.02, at: float = NOW, picture=None, far: bool = False) -> Seen:
        self.turns += 1
        # All at a distance of .3 from the centre, or all of sqrt(2).
        x = 0.0 if far else 1 - 0.09 / 2
        angle = 2.4 * self.turns
        rest = np.sqrt(1 - x * x)
        features = (x, rest * np.cos(angle), rest * np.sin(angle))
        best = (1 - 0.02 + margin) / 2
        picture = jpeg("red") if picture is None else picture
        return Seen(
            np.zeros((8, 8, 3), np.uint8), picture, answer((best, best - margin, 0.02), features), 1.0, at, "test", 7
        )


@pytest.fixture
def scenes(monkeypatch):
    # Scenes on a circle, as near to each other as these few have to be.
    monkeypatch.setattr("mlcore.edge.uncertain.SAME_SCENE", 0.9999)
    return Scenes()


def test_what_the_model_was_torn_about_is_kept_with_all_that_is_known(tmp_path, scenes):
    keeper = Keeper(tmp_path, REFERENCE, IMAGES)
    keeper(scenes.seen(margin=0.02))
    keeper(scenes.seen(margin=0.9))
    keeper.wait()
    (one,) = keeper.take(5)
    assert {**one.meta, "id": 0} == {
        "id": 0, "bundle": 7, "reason": "torn", "margin": 0.02, "distance": pytest.approx(0.3, abs=1e-4), "label": "red",
        "confidence": 0.5, "seen_at": NOW, "privacy": "images",
    }  # fmt: skip
    assert one.vector().shape == (3,)
    assert one.image_path is not None
    assert Image.open(one.image_path).format == "JPEG"
    keeper.done(one.id)
    assert keeper.take(5) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hour"]


def test_what_it_never_saw_the_like_of_is_kept_though_it_is_sure(tmp_path, scenes):
    keeper = Keeper(tmp_path, REFERENCE, IMAGES)
    keeper(scenes.seen(margin=0.9, far=True))
    keeper.wait()
    (one,) = keeper.take(5)
    assert one.meta["reason"] == "unseen"
    assert one.meta["distance"] == pytest.approx(np.sqrt(2), abs=1e-5)


def test_without_a_reference_only_the_margin_counts(tmp_path, scenes):
    keeper = Keeper(tmp_path, None, IMAGES)
    keeper(scenes.seen(margin=0.9, far=True))
    keeper(scenes.seen(margin=0.1))
    keeper.wait()
    assert [(one.meta["reason"], one.meta["distance"]) for one in keeper.take(5)] == [("torn", None)]


def test_a_reference_of_other_features_is_left_aside(tmp_path, scenes):
    other = Reference(**{**REFERENCE.__dict__, "centres": np.zeros((4, 1280), np.float32)})
    keeper = Keeper(tmp_path, other, IMAGES)
    keeper(scenes.seen(margin=0.01))
    keeper.wait()
    assert keeper.take(1)[0].meta["distance"] is None


def test_how_torn_is_torn_may_be_told(tmp_path, scenes):
    keeper = Keeper(tmp_path, REFERENCE, KeepSettings(privacy="features", torn_below=0.95))
    keeper(scenes.seen(margin=0.9))
    keeper.wait()
    assert len(keeper) == 1


def test_frames_of_one_scene_are_kept_once_also_after_a_restart(tmp_path):
    frame = Scenes().seen()
    for _ in range(2):
        keeper = Keeper(tmp_path, REFERENCE, IMAGES)
        for _ in range(3):
            keeper(frame)
        keeper.wait()
        assert len(keeper) == 1


def test_an_hour_has_its_cap_and_a_restart_begins_no_new_one(tmp_path, scenes):
    settings = KeepSettings(privacy="features", per_hour=3)
    keeper = Keeper(tmp_path, REFERENCE, settings)
    for _ in range(5):
        keeper(scenes.seen())
        keeper.wait()
    assert len(keeper) == 3
    for one in keeper.take(5):
        keeper.done(one.id)
    keeper = Keeper(tmp_path, REFERENCE, settings)
    keeper(scenes.seen(at=NOW + HOUR - 1))
    keeper.wait()
    assert len(keeper) == 0
    keeper(scenes.seen(at=NOW + HOUR + 1))
    keeper.wait()
    assert len(keeper) == 1


def test_in_a_full_hour_the_clearly_more_interesting_takes_the_place_of_the_least(tmp_path, scenes):
    keeper = Keeper(tmp_path, REFERENCE, KeepSettings(privacy="features", per_hour=2))
    for margin in (0.2, 0.01, 0.19, 0.1):
        keeper(scenes.seen(margin=margin))
        keeper.wait()
    assert [one.meta["margin"] for one in keeper.take(5)] == [0.01, 0.1]


def test_the_disk_has_its_cap_and_the_old_and_least_interesting_go_first(tmp_path, scenes):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    keeper = Keeper(tmp_path, REFERENCE, KeepSettings(privacy="images", megabytes=0.1))
    size = len(privacy.portable(noise, "images"))
    assert 30_000 < size < 50_000
    for at, margin in ((0, 0.01), (30 * 24 * HOUR, 0.2), (30 * 24 * HOUR, 0.1), (30 * 24 * HOUR, 0.15)):
        keeper(scenes.seen(margin=margin, at=NOW + at, picture=noise))
        keeper.wait()
    assert [one.meta["margin"] for one in keeper.take(5)] == [0.1, 0.15]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 100_000


def test_what_was_kept_is_there_after_a_restart_without_what_was_half_written(tmp_path, scenes):
    keeper = Keeper(tmp_path, REFERENCE, IMAGES)
    keeper(scenes.seen())
    keeper.wait()
    before = keeper.take(1)
    (tmp_path / "a.jpg").write_bytes(b"half")
    (tmp_path / "b.part").write_bytes(b"{")
    (tmp_path / "c.json").write_bytes(b"{}")
    (tmp_path / "d.json").write_text(json.dumps({"meta": {"id": "../x", "seen_at": 1}, "features": "", "interest": 1}))
    assert Keeper(tmp_path, REFERENCE, IMAGES).take(5) == before
    assert len(list(tmp_path.iterdir())) == 3


def test_a_file_that_has_gone_is_kept_as_the_model_saw_it(tmp_path, scenes):
    keeper = Keeper(tmp_path / "kept", REFERENCE, IMAGES)
    keeper(scenes.seen(picture=tmp_path / "gone.jpg"))
    keeper.wait()
    (one,) = keeper.take(1)
    assert one.image_path is not None
    assert Image.open(one.image_path).size == (8, 8)


@pytest.mark.parametrize(("level", "kept_at_all", "with_image"), [("nothing", 0, 0), ("features", 1, 0), ("images", 1, 1)])
def test_the_disk_holds_no_more_than_the_privacy_allows(tmp_path, scenes, level, kept_at_all, with_image):
    keeper = Keeper(tmp_path, REFERENCE, KeepSettings(privacy=level))
    keeper(scenes.seen())
    keeper.wait()
    assert (len(list(tmp_path.glob("*.json"))), len(list(tmp_path.glob("*.jpg")))) == (kept_at_all, with_image)


def test_stricter_privacy_takes_away_what_was_kept_under_a_looser_one(tmp_path, scenes):
    keeper = Keeper(tmp_path, REFERENCE, KeepSettings(privacy="features"))
    keeper(scenes.seen())
    keeper.wait()
    keeper.settings = IMAGES
    keeper(scenes.seen())
    keeper.wait()
    assert len(keeper) == 2
    keeper.settings = KeepSettings(privacy="features")
    assert [one.meta["privacy"] for one in keeper.take(5)] == ["features"]
    keeper.settings = KeepSettings(privacy="everything")
    assert (len(keeper), "not known" in keeper.trouble) == (0, True)
    assert list(tmp_path.glob("*.jpg")) == []


def test_a_full_disk_is_told_and_harms_nobody(tmp_path, scenes, monkeypatch):
    keeper = Keeper(tmp_path, REFERENCE, IMAGES)
    monkeypatch.setattr(kept, "SPARED", 10**18)
    keeper(scenes.seen())
    keeper.wait()
    assert (len(keeper), "make room on the disk" in keeper.trouble) == (0, True)
    monkeypatch.undo()
    monkeypatch.setattr("mlcore.edge.uncertain.SAME_SCENE", 0.9999)
    keeper(scenes.seen())
    keeper.wait()
    assert (len(keeper), keeper.trouble) == (1, "")


def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    shelf = Shelf(tmp_path)

    def full(path, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(type(tmp_path), "replace", full)
    with pytest.raises(OSError, match="No space"):
        shelf.add({"seen_at": NOW}, np.zeros(3), 1.0, b"jpeg")
    assert list(tmp_path.iterdir()) == []


def test_pictures_leave_without_the_metadata_of_their_file(tmp_path, scenes):
    exif = Image.Exif()
    exif[0x010E] = "at home"
    buffer = io.BytesIO()
    Image.new("RGB", (3000, 1000)).save(buffer, "JPEG", exif=exif)
    keeper = Keeper(tmp_path, REFERENCE, IMAGES)
    keeper(scenes.seen(picture=buffer.getvalue()))
    keeper.wait()
    (one,) = keeper.take(1)
    assert one.image_path is not None
    image = Image.open(one.image_path)
    assert (image.size, dict(image.getexif())) == ((1600, 533), {})


def test_settings_that_make_no_sense_keep_their_usual_values():
    assert KeepSettings.read({"keep_per_hour": -1, "keep_mb": "many", "torn_below": True, "privacy": None}) == KeepSettings()
    read = KeepSettings.read({"keep_per_hour": 5, "keep_mb": 1, "torn_below": 0.3, "privacy": "images", "sync_seconds": 20})
    assert read == KeepSettings("images", 5, 1, 0.3)
