"""Drift is measured window by window; alerts open when something is wrong, close when it is right, and do not flutter."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.test import override_settings
from django.utils import timezone

from annotator.delivery import alerts, drift
from annotator.delivery.alerts import watch
from annotator.delivery.history import history
from annotator.delivery.models import Alert, Bundle, Device, Drift
from annotator.delivery.references import reference_of
from annotator.delivery.vitals import take_vitals
from annotator.projects.models import Project, User
from mlcore.reference import build_reference
from tests.back.conftest import Told
from tests.back.devices import make_bundle, make_device, minute, sights, this_minute

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("told")]


def work(device: Device, first: int, last: int, *, shift: float = 0.0, bundle: int = 1) -> None:
    """The device was at work from so many minutes ago to so many."""
    minutes = [minute(this_minute(ago), seed=ago, shift=shift, bundle=bundle) for ago in range(first, last - 1, -1)]
    take_vitals(device=device, minutes=minutes)


def opened() -> set[str]:
    """The kinds of the alerts that are open."""
    return set(Alert.objects.filter(closed_at=None).values_list("kind", flat=True))


def test_a_window_as_before_shows_no_drift(device: Device, bundle: Bundle) -> None:
    work(device, 60, 1)
    point = drift.look(device)
    assert point is not None
    assert (point.at, point.bundle, point.answers, point.vectors) == (this_minute(1), bundle, 2400, 480)
    assert drift.large(point) == {"psi": False, "mmd": False}


def test_what_a_real_bundle_says_of_itself_is_read(project: Project) -> None:
    features, sure = sights(60, 3), np.linspace(0.5, 0.99, 60)
    # It tells of the fifty that the model did not learn from.
    data = build_reference(
        features=features, probabilities=np.stack([sure, 1 - sure], axis=1).astype(np.float32), learnt=np.arange(60) < 10
    )
    reference = reference_of(make_bundle(project, 3, reference=data))
    assert reference is not None and reference.width == features.shape[1]
    assert np.allclose(np.sort(reference.sample[:, 0]), np.sort(features[10:, 0]), atol=1e-3)
    assert reference.confidence.sum() == 50 and not reference.confidence[:10].any()


def test_a_window_of_another_place_shows_both(device: Device) -> None:
    work(device, 60, 1, shift=2.0)
    point = drift.look(device)
    assert point is not None and drift.large(point) == {"psi": True, "mmd": True}


def test_only_the_window_and_only_the_running_bundle_count(device: Device, project: Project) -> None:
    make_bundle(project, 2)
    work(device, 90, 61, shift=2.0, bundle=2)
    work(device, 60, 31, shift=2.0)
    work(device, 30, 1, bundle=2)
    point = drift.look(device)
    assert point is not None
    assert (point.bundle.number, point.answers) == (2, 30 * 40)
    assert drift.large(point) == {"psi": False, "mmd": False}


def test_there_is_a_look_at_every_quarter_of_a_window(device: Device) -> None:
    work(device, 60, 20)
    assert drift.look(device) is not None
    work(device, 19, 6)
    assert drift.look(device) is None
    work(device, 5, 1)
    assert drift.look(device) is not None


def test_without_features_or_a_reference_what_is_missing_is_left_out(device: Device, project: Project) -> None:
    device.privacy = Device.Privacy.NOTHING
    work(device, 60, 20)
    point = drift.look(device)
    assert point is not None and (point.vectors, point.mmd, drift.large(point)["mmd"]) == (0, None, False)
    make_bundle(project, 2, reference=False)
    work(device, 4, 1, bundle=2)
    assert drift.look(device) is None


def test_a_few_answers_tell_nothing(device: Device) -> None:
    take_vitals(device=device, minutes=[minute(this_minute(1), confidence=[0] * 19 + [29])])
    assert drift.look(device) is None


def test_a_fleet_is_measured_a_few_at_a_time_and_who_cannot_be_is_in_nobodys_way(
    project: Project, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "DRIFT_LOOKS", 2)
    make_bundle(project, 2, reference=False)
    for number in range(3):
        work(make_device(project, f"old {number}"), 2, 1, bundle=2)
    for number in range(3):
        work(make_device(project, f"new {number}"), 2, 1)
    counts = []
    for _ in range(3):
        watch()
        counts.append(Drift.objects.count())
    assert counts == [2, 3, 3]


def test_drift_rings_the_second_time_and_ends_well_below(device: Device) -> None:
    work(device, 120, 60, shift=2.0)
    watch()
    assert opened() == set(), "once may be a passing cloud"
    work(device, 59, 40, shift=2.0)
    watch()
    assert opened() == {"drift_confidence", "drift_features"}
    alert = Alert.objects.get(kind="drift_confidence")
    assert alert.value and alert.threshold and alert.value > alert.threshold
    assert "Lobby" in alert.text and "Label some of what it sees" in alert.text
    work(device, 39, 1)
    with override_settings(DRIFT_MINUTES=30):
        watch()
    assert opened() == set()


def test_another_bundle_begins_anew(device: Device, project: Project) -> None:
    work(device, 120, 60, shift=2.0)
    watch()
    work(device, 59, 40, shift=2.0)
    watch()
    make_bundle(project, 2)
    work(device, 19, 1, bundle=2)
    watch()
    assert opened() == set()


def test_a_device_is_offline_after_five_minutes_and_back_once_it_is_heard(device: Device) -> None:
    found = []
    for seconds in (200, 301, 100, 301, 10):
        Device.objects.update(last_seen=timezone.now() - timedelta(seconds=seconds))
        watch()
        found.append(opened())
    assert found == [set(), {"offline"}, {"offline"}, {"offline"}, set()]
    assert Alert.objects.count() == 1


def test_a_disk_that_hovers_about_the_limit_rings_once(device: Device) -> None:
    found = []
    for free in (500, 150, 250, 150, 399, 400):
        Device.objects.update(health={"disk_free_mb": free})
        watch()
        found.append(opened())
    assert found == [set(), *[{"disk"}] * 4, set()]
    assert Alert.objects.count() == 1


def test_what_a_device_does_not_tell_raises_no_alert(device: Device) -> None:
    Device.objects.update(health={"disk_free_mb": "plenty"}, last_seen=None)
    watch()
    assert opened() == set()


def test_a_device_over_its_budget_for_three_minutes_is_slow(device: Device) -> None:
    Device.objects.update(latency_budget_ms=10)
    take_vitals(device=device, minutes=[minute(this_minute(ago), p95_ms=12.0, bundle=None) for ago in (5, 4)])
    watch()
    assert opened() == set()
    take_vitals(device=device, minutes=[minute(this_minute(3), p95_ms=12.0, bundle=None)])
    watch()
    assert opened() == {"slow"}
    take_vitals(device=device, minutes=[minute(this_minute(ago), p95_ms=9.5, bundle=None) for ago in (2, 1)])
    watch()
    assert opened() == {"slow"}, "within its budget, but only just"
    Device.objects.update(latency_budget_ms=None)
    watch()
    assert opened() == set()


def test_a_failed_deployment_is_told_with_its_reason(device: Device) -> None:
    Device.objects.update(state="failed", why="The signature is wrong.")
    watch()
    assert "The signature is wrong." in Alert.objects.get(kind="failed").text
    Device.objects.update(state="running")
    watch()
    assert opened() == set()


def test_a_revoked_device_rings_no_more(device: Device) -> None:
    Device.objects.update(state="failed")
    watch()
    Device.objects.update(revoked_at=timezone.now(), last_seen=timezone.now() - timedelta(days=1))
    watch()
    assert opened() == set()


def test_pages_are_told_when_an_alert_opens_is_seen_and_closes(
    device: Device, owner: User, project: Project, told: Told, django_capture_on_commit_callbacks: object
) -> None:
    def step(what: object, **values: object) -> None:
        Device.objects.update(**values)
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            what()  # type: ignore[operator]

    step(watch, state="failed")
    alert = Alert.objects.get()
    step(lambda: alerts.mark_seen(project=project, alert_id=alert.pk, user=owner))
    step(watch, state="running")
    heard = told("alert")
    open_and_seen = [(each["closed_at"] is None, each["seen_by"]) for each in heard]
    assert open_and_seen == [(True, None), (True, "olga"), (False, "olga")]
    assert {each["id"] for each in heard} == {alert.pk}


def test_who_saw_an_alert_first_stays(device: Device, owner: User, project: Project) -> None:
    Device.objects.update(state="failed")
    watch()
    pk = Alert.objects.get().pk
    alerts.mark_seen(project=project, alert_id=pk, user=owner)
    again = alerts.mark_seen(project=project, alert_id=pk, user=User.objects.create(username="anna"))
    assert again.seen_by == owner


def test_the_history_puts_minutes_together(device: Device) -> None:
    work(device, 60, 1)
    drift.look(device)
    found = history(device=device, hours=8)
    assert 29 <= len(found["vitals"]) <= 32, "two minutes a point"
    assert sum(point["count"] for point in found["vitals"]) == 2400
    assert {point["p95_ms"] for point in found["vitals"]} == {12.0}
    assert all(0.8 < point["mean_confidence"] < 0.95 for point in found["vitals"])
    assert [set(point) for point in found["drift"]] == [{"at", "psi", "mmd", "threshold_psi", "threshold_mmd"}]
    assert len(history(device=device, hours=1)["vitals"]) >= 58
