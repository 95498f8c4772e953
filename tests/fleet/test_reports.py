"""What a device tells is written down as it is, and no device can tell what would break the page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from annotator.delivery import devices
from annotator.delivery.models import Device
from tests.fleet.conftest import Enrolled, MakeBundle, Told
from tests.fleet.small_device import SmallDevice

SYNC = "/api/edge/sync"


@pytest.fixture
def gate(enrolled: Enrolled) -> SmallDevice:
    return enrolled("gate")


def test_pages_hear_how_a_device_is(gate: SmallDevice, make_bundle: MakeBundle, told: Told) -> None:
    gate.runs = make_bundle()
    gate.says("running", health={"cpu": 7.5, "disk_free_mb": 900}, info={"processor": "N100"})
    _, row = told("device")[-1]
    assert (row["state"], row["online"]) == ("running", True)
    assert (row["health"]["disk_free_mb"], row["info"]) == (900, {"processor": "N100"})
    assert (row["running"]["number"], row["running"]["precision"], row["running"]["on"]) == (1, "INT8", "CPU")
    assert (row["wanted"], row["progress"], row["alerts"], row["sightings"]) == (None, None, 0, 0)


def test_what_it_is_stays_until_it_tells_anew(gate: SmallDevice) -> None:
    gate.says("enrolled", info={"processor": "N100"})
    gate.says("enrolled")
    assert gate.row.info == {"processor": "N100"}


def test_it_runs_a_bundle_since_it_first_said_so(gate: SmallDevice, make_bundle: MakeBundle) -> None:
    gate.runs = make_bundle()
    gate.says("running")
    since = gate.row.running_since
    gate.says("running")
    assert gate.row.running_since == since
    gate.runs = make_bundle()
    gate.says("running")
    assert gate.row.running_since != since


def test_a_bundle_of_elsewhere_is_none_of_ours(gate: SmallDevice, make_bundle: MakeBundle) -> None:
    bundle = make_bundle()
    bundle.sha256 = "f" * 64
    gate.runs = bundle
    gate.says("running")
    assert gate.row.running is None


def test_the_answer_brings_what_the_owner_allows_and_the_runtime(gate: SmallDevice) -> None:
    Device.objects.update(privacy="features", keep_per_hour=3)
    heard = gate.says("enrolled")
    settings = heard["settings"]
    assert (settings["privacy"], settings["keep_per_hour"], settings["sync_seconds"]) == ("features", 3, 20)
    assert heard["runtime"]["wheel"].startswith("/edge/runtime/edge_annotator_runtime-")


def test_a_newer_runtime_may_tell_more(gate: SmallDevice) -> None:
    assert gate.post(SYNC, gate.report("enrolled", mood="sunny")).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"state": "revoked"}, "state"), ({"state": "asleep"}, "state"), ({"health": []}, "health"),
        ({"info": {"x": "y" * 9000}}, "info"), ({"progress": {"done": -1, "total": 5}}, "progress.done"),
        ({"running": {"number": 1}}, "running.sha256"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(wrong: dict[str, object], field: str, gate: SmallDevice) -> None:
    answer = gate.post(SYNC, gate.report("enrolled") | wrong)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    assert gate.row.state == "enrolled"


def test_odd_letters_do_no_harm(gate: SmallDevice) -> None:
    gate.says("failed", why="line\none\x00" + "!" * 900, info={"name": "a\x00b"})
    assert gate.row.info == {"name": "ab"}
    assert gate.row.why.startswith("line one") and len(gate.row.why) == 500


def test_a_silent_device_is_offline_and_pages_hear_of_it_once(gate: SmallDevice, told: Told) -> None:
    gate.says("enrolled")
    before = len(told("device"))
    devices.tell_who_fell_silent()
    assert (devices.is_online(gate.row), len(told("device"))) == (True, before)
    Device.objects.update(last_seen=timezone.now() - timedelta(seconds=50))
    devices.tell_who_fell_silent()
    assert told("device")[before:][0][1]["online"] is False
    Device.objects.update(last_seen=timezone.now() - timedelta(seconds=70))
    devices.tell_who_fell_silent()
    assert len(told("device")) == before + 1
