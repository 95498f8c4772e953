"""Weights and features of backbones that nobody learns from go after a week; what may still be needed stays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from annotator.learning import challenge, leftovers
from annotator.learning.models import Challenger, FeatureSet, FeatureSpace, ModelVersion
from annotator.projects.errors import NotReady
from tests.learning.world import DIM, World

State = Challenger.State
NAMES = {who: f"tuned-{number:012x}" for number, who in enumerate(("older", "before", "serving", "loser", "waiting"))}


@pytest.fixture
def kept(world: World, settings: object, tmp_path: Path) -> Iterator[World]:
    """A project that was tuned three times, the last of which serves, and then once in vain; all have left everything."""
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    for name in NAMES.values():
        for folder, file in (("tuned", name), ("features", print_of(name))):
            (tmp_path / folder / file).mkdir(parents=True)
            (tmp_path / folder / file / "content").touch()
        (tmp_path / "ir").mkdir(exist_ok=True)
        for file in (f"{print_of(name)}.xml", f"{print_of(name)}.bin", f"{name}-f32.quickest.json"):
            (tmp_path / "ir" / file).touch()
    for number, who in enumerate(("older", "before", "serving"), 1):
        FeatureSpace.objects.create(
            project=world.project, number=number, backbone=NAMES[who], fingerprint=print_of(NAMES[who]), fitted_on=10,
            weights=b"",
        )
        Challenger.objects.create(project=world.project, backbone=NAMES[who], state=State.WON)
    FeatureSet.objects.filter(project=world.project).update(
        backbone=NAMES["serving"], fingerprint=print_of(NAMES["serving"]), dim=DIM
    )
    Challenger.objects.create(project=world.project, backbone=NAMES["loser"], state=State.LOST)
    Challenger.objects.create(project=world.project, backbone=NAMES["waiting"], state=State.UNDECIDED)
    yield world


def print_of(name: str) -> str:
    return f"{name}-f32-ba9876543210"


def there() -> set[str]:
    """Whose weights, features and network are all there; none may be there in part."""
    tuned = {path.name for path in (settings.DATA_DIR / "tuned").iterdir()}
    features = {path.name.rsplit("-", 2)[0] for path in (settings.DATA_DIR / "features").iterdir()}
    networks = {path.name[:18] for path in (settings.DATA_DIR / "ir").iterdir()}
    assert tuned == features == networks
    assert len(list((settings.DATA_DIR / "ir").iterdir())) == 3 * len(networks)
    return {who for who, name in NAMES.items() if name in tuned}


def after_days(days: float) -> None:
    """The hourly look, so many days after everything was last touched."""
    leftovers.forget(now=timezone.now() + timedelta(days=days))


def test_the_serving_one_the_one_before_and_what_waits_stay_for_ever(kept: World) -> None:
    after_days(0)
    assert there() == set(NAMES)
    after_days(6.9)
    assert there() == set(NAMES)
    after_days(7.1)
    assert there() == {"before", "serving", "waiting"}
    after_days(700)
    assert there() == {"before", "serving", "waiting"}


def test_the_week_begins_when_it_is_no_longer_needed(kept: World) -> None:
    long_ago = (timezone.now() - timedelta(days=100)).timestamp()
    for path in settings.DATA_DIR.rglob("*"):
        os.utime(path, (long_ago, long_ago))
    Challenger.objects.filter(state=State.UNDECIDED).update(state=State.CANCELLED)

    after_days(0)

    assert there() == set(NAMES)


def test_what_is_needed_again_stays(kept: World) -> None:
    after_days(0)
    Challenger.objects.filter(backbone=NAMES["loser"]).update(state=State.COMPUTING)
    after_days(8)
    assert "loser" in there()
    Challenger.objects.filter(backbone=NAMES["loser"]).update(state=State.LOST)
    after_days(9)
    assert "loser" in there()


def test_the_weights_of_a_bundle_stay_without_their_features(kept: World) -> None:
    ModelVersion.objects.create(
        project=kept.project, number=1, state="retired", space=FeatureSpace.objects.get(backbone=NAMES["older"]),
        head="blend", strategy="auto", classes=[], pinned=True, annotations_seen=1, annotations_hash="", label_count=1,
    )
    after_days(0)
    after_days(8)

    assert (settings.DATA_DIR / "tuned" / NAMES["older"]).exists()
    assert not (settings.DATA_DIR / "features" / print_of(NAMES["older"])).exists()


def test_features_that_somebody_still_writes_stay(kept: World) -> None:
    after_days(0)
    written = settings.DATA_DIR / "features" / print_of(NAMES["loser"]) / "content"
    in_a_week = (timezone.now() + timedelta(days=7)).timestamp()
    os.utime(written, (in_a_week, in_a_week))

    after_days(8)

    assert written.exists()


def test_a_project_that_is_deleted_leaves_nothing(kept: World) -> None:
    kept.project.delete()
    after_days(0)
    after_days(8)

    assert there() == set()


def test_a_loser_that_has_gone_keeps_its_title_and_cannot_be_used(kept: World) -> None:
    loser = Challenger.objects.get(backbone=NAMES["loser"])
    loser.comparison = {"new": {"title": "Lite0, fine-tuned on 150 labels of Cups"}}

    assert challenge.title_of(loser) == "Lite0, fine-tuned on 150 labels of Cups"
    with pytest.raises(NotReady, match="fine-tune again"):
        challenge.use(challenger=loser, user=kept.owner)
