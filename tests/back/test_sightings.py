"""What a device found hard comes home once, as far as its privacy lets it, and never judges the model."""

from __future__ import annotations

from uuid import uuid4

import pytest

from annotator.delivery.models import Device, Sighting
from annotator.delivery.sightings import take_sighting
from annotator.images.ingest import ingest_image, open_batch
from annotator.images.models import Image, Import
from annotator.projects.errors import Conflict, Invalid, TooManyTries
from annotator.projects.models import Project
from tests.back.devices import make_device, packed, seen, sights
from tests.images.pictures import encoded, picture

pytestmark = pytest.mark.django_db


def photo(number: int = 0) -> bytes:
    return encoded(picture(number))


def test_a_picture_becomes_an_image_of_the_devices_import_of_today(device: Device, project: Project) -> None:
    outcomes = [take_sighting(device=device, seen=seen(), image=photo(number)) for number in range(3)]
    assert [outcome.status for outcome in outcomes] == ["stored"] * 3
    batch = Import.objects.get()
    assert (batch.source, batch.name, batch.state, batch.stored) == ("device", "Lobby", "closed", 3)
    image = Image.objects.first()
    assert image is not None and image.name.startswith("Lobby/") and image.batch == batch
    assert {image.sighting.reason for image in project.images.all()} == {"torn"}  # type: ignore[attr-defined]


def test_another_device_has_an_import_of_its_own(device: Device, project: Project) -> None:
    take_sighting(device=device, seen=seen(), image=photo(0))
    take_sighting(device=make_device(project, "Gate"), seen=seen(), image=photo(1))
    assert {batch.name for batch in Import.objects.all()} == {"Lobby", "Gate"}


def test_the_same_id_again_adds_nothing(device: Device) -> None:
    first = seen()
    take_sighting(device=device, seen=first, image=photo(0))
    again = take_sighting(device=device, seen=first, image=photo(0))
    assert again.status == "duplicate"
    assert (Sighting.objects.count(), Image.objects.count(), Import.objects.get().duplicates) == (1, 1, 0)


def test_an_id_of_another_device_is_a_conflict(device: Device, project: Project) -> None:
    first = seen()
    take_sighting(device=device, seen=first, image=photo(0))
    with pytest.raises(Conflict, match="another device"):
        take_sighting(device=make_device(project, "Gate"), seen=first, image=photo(1))


def test_a_picture_that_the_project_has_is_told_and_not_stored_twice(device: Device, project: Project) -> None:
    batch = open_batch(project=project, source="upload", user=None)
    ingest_image(project=project, batch=batch, name="mine.jpg", data=photo(0))
    outcome = take_sighting(device=device, seen=seen(), image=photo(0))
    assert outcome.status == "duplicate" and "mine.jpg" in outcome.message
    assert Image.objects.get().batch == batch
    assert Sighting.objects.get().image is None


def test_images_that_a_device_chose_never_judge(device: Device, project: Project) -> None:
    """All of the project's images would be put aside, but these were picked for being hard."""
    project.audit_fraction = 1.0
    project.save()
    for number in range(5):
        take_sighting(device=device, seen=seen(), image=photo(number))
    batch = open_batch(project=project, source="upload", user=None)
    ingest_image(project=project, batch=batch, name="mine.jpg", data=photo(9))
    assert list(Image.objects.order_by("id").values_list("is_audit", flat=True)) == [False] * 5 + [True]


@pytest.mark.parametrize(
    ("privacy", "prepared", "sends", "status"),
    [
        ("nothing", "images", "image", "refused"), ("nothing", "features", "features", "refused"),
        ("features", "images", "image", "refused"), ("features", "blurred", "image", "refused"),
        ("features", "features", "features", "stored"), ("blurred", "images", "image", "refused"),
        ("blurred", "blurred", "image", "stored"), ("blurred", "features", "features", "stored"),
        ("images", "images", "image", "stored"), ("images", "blurred", "image", "stored"),
        ("images", "nothing", "image", "refused"),
    ],
)
def test_what_its_privacy_forbids_is_refused_and_not_kept(
    device: Device, privacy: str, prepared: str, sends: str, status: str
) -> None:
    device.privacy = privacy
    device.save()
    image = photo() if sends == "image" else None
    outcome = take_sighting(device=device, seen=seen(privacy=prepared), image=image, features=packed(sights(1, 1)))
    assert outcome.status == status
    stored = status == "stored"
    assert (Sighting.objects.count(), Image.objects.count()) == (stored, stored and sends == "image")
    assert stored or outcome.message.endswith(".")


def test_features_alone_are_kept_and_counted(device: Device) -> None:
    outcome = take_sighting(device=device, seen=seen(privacy="features"), features=packed(sights(1, 1)))
    assert (outcome.status, outcome.sighting) == ("stored", Sighting.objects.get())
    assert bytes(Sighting.objects.get().features or b"") == packed(sights(1, 1))


@pytest.mark.parametrize("features", [b"\0", packed(sights(2, 1)), packed(sights(1, 1) * float("inf"))])
def test_features_that_are_not_the_bundles_are_refused_in_a_sentence(device: Device, features: bytes) -> None:
    with pytest.raises(Invalid, match="16 finite float16 numbers"):
        take_sighting(device=device, seen=seen(), features=features)


def test_nothing_at_all_is_refused_in_a_sentence(device: Device) -> None:
    with pytest.raises(Invalid, match="Send an image, or features"):
        take_sighting(device=device, seen=seen())


def test_a_file_that_is_no_picture_is_refused_with_the_reason(device: Device) -> None:
    outcome = take_sighting(device=device, seen=seen(), image=b"not a picture")
    assert outcome.status == "refused" and outcome.message.endswith(".")
    assert (Sighting.objects.count(), Import.objects.get().refused) == (0, 1)


def test_a_device_sends_no_more_in_a_day_than_it_may_keep(device: Device) -> None:
    device.keep_per_hour = 1
    device.save()
    Sighting.objects.bulk_create(
        Sighting(id=uuid4(), device=device, reason="torn", seen_at=seen().seen_at) for _ in range(24)
    )
    with pytest.raises(TooManyTries, match="1 pictures an hour"):
        take_sighting(device=device, seen=seen(), image=photo())
    assert not Image.objects.exists()
