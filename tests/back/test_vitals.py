"""What a device tells of its minutes is written down once, within bounds, and forgotten in time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import override_settings

from annotator.delivery.models import Bundle, Device, Vitals
from annotator.delivery.vitals import prune, take_vitals
from annotator.projects.models import Project
from tests.back.devices import make_bundle, make_device, minute, packed, sights, this_minute

pytestmark = pytest.mark.django_db


def test_a_minute_is_written_down_with_all_that_was_told(device: Device, bundle: Bundle) -> None:
    taken = take_vitals(device=device, minutes=[minute(this_minute(1), errors=2)])
    row = Vitals.objects.get()
    assert (taken.stored, taken.known, taken.passed_over) == (1, 0, 0)
    assert (row.at, row.bundle, row.count, row.errors, row.p95_ms, row.classes) == (
        this_minute(1), bundle, 40, 2, 12.0, {"cup": 40}
    )
    assert sum(row.confidence) == 40
    assert row.features is not None


def test_a_retry_adds_nothing_and_what_was_told_first_holds(device: Device) -> None:
    take_vitals(device=device, minutes=[minute(this_minute(1), count=40)])
    taken = take_vitals(device=device, minutes=[minute(this_minute(1), count=7), minute(this_minute(2))])
    assert (taken.stored, taken.known) == (1, 1)
    assert Vitals.objects.get(at=this_minute(1)).count == 40


def test_a_minute_that_comes_twice_in_one_request_is_one(device: Device) -> None:
    take_vitals(device=device, minutes=[minute(this_minute(1), count=40), minute(this_minute(1), count=7)])
    assert Vitals.objects.get().count == 40


def test_two_devices_have_the_same_minute(device: Device, project: Project) -> None:
    for one in (device, make_device(project, "Gate")):
        assert take_vitals(device=one, minutes=[minute(this_minute(1))]).stored == 1


def test_a_clock_that_is_wrong_costs_its_minutes_and_no_others(device: Device) -> None:
    wrong = [this_minute(-60), this_minute(60 * 24 * 40), this_minute(1) + timedelta(seconds=3)]
    taken = take_vitals(device=device, minutes=[minute(at) for at in [*wrong, this_minute(1)]])
    assert (taken.stored, taken.passed_over) == (1, 3)


def test_a_bundle_of_another_project_is_not_this_ones(device: Device, owner_of_another: Bundle) -> None:
    take_vitals(device=device, minutes=[minute(this_minute(1), bundle=owner_of_another.number)])
    assert Vitals.objects.get().bundle is None


@pytest.fixture
def owner_of_another(project: Project) -> Bundle:
    """Bundle 7 of another project."""
    return make_bundle(Project.objects.create(name="Plates", created_by=project.created_by), 7)


@pytest.mark.parametrize("privacy", ["nothing", "features", "blurred", "images"])
def test_features_are_kept_only_where_privacy_lets_them_leave(device: Device, privacy: str) -> None:
    device.privacy = privacy
    take_vitals(device=device, minutes=[minute(this_minute(1))])
    assert (Vitals.objects.get().features is None) == (privacy == "nothing")


@pytest.mark.parametrize(
    "features", [b"\0\0\0", packed(sights(9, 1)), packed(sights(1, 1) * float("nan")), packed(sights(1, 1)[:, :5])],
    ids=["half a number", "too many", "not a number", "another width"],
)
def test_features_that_are_not_the_bundles_are_dropped_and_the_minute_is_kept(device: Device, features: bytes) -> None:
    assert take_vitals(device=device, minutes=[minute(this_minute(1), features=features)]).stored == 1
    assert Vitals.objects.get().features is None


def test_features_of_a_bundle_without_a_reference_are_of_no_use(device: Device, project: Project) -> None:
    make_bundle(project, 2, reference=False)
    take_vitals(device=device, minutes=[minute(this_minute(1), bundle=2), minute(this_minute(2), bundle=None)])
    assert [row.features for row in Vitals.objects.all()] == [None, None]


@override_settings(VITALS_DAYS=2)
def test_old_minutes_are_forgotten(device: Device) -> None:
    Vitals.objects.create(device=device, at=this_minute(60 * 24 * 3))
    take_vitals(device=device, minutes=[minute(this_minute(60 * 24))])
    prune()
    assert [row.at for row in Vitals.objects.all()] == [this_minute(60 * 24)]
