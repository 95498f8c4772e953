"""Whatever happens to a device, its network or its disk: the old model goes on serving, and the page says how it stands.

One file, so that one site and one device do for all of it.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.hardship.asker import Asker
from tests.hardship.field import Device, Workspace, serves_within, still_serves
from tests.hardship.meddler import Trick
from tests.installation import wait_until

pytestmark = pytest.mark.slow

ENROL, SYNC, STREAM, BUNDLES = "/api/edge/enrol", "/api/edge/sync", "/events/device", "/api/edge/bundles"
# Of a bundle so many bytes come through before the line breaks; and the place of one that changes on its way.
HALF, AMID = 700_000, 500_000
NONE = resource.RLIM_INFINITY

# --- the network is cut ---


@pytest.mark.parametrize("heard", [False, True], ids=["before it was asked", "before it could answer"])
def test_while_it_enrols_it_says_so_and_comes_in_another_time(workspace: Workspace, tmp_path: Path, heard: bool) -> None:
    device, code = Device(workspace, tmp_path / "home", f"Cellar {heard}"), workspace.code(f"Cellar {heard}")
    with workspace.meddler.playing(Trick(ENROL, mute=heard, deaf=not heard)):
        first = device.enrol(code)
    assert (first.returncode, first.stdout) == (2, ""), first.stderr
    assert "connection was cut" in first.stderr

    # A code that the workspace has seen is used up: the sentence says what to do.
    again = device.enrol(code)
    if heard:
        assert again.returncode == 2 and "make a new one" in again.stderr
        again = device.enrol()
    assert again.returncode == 0, again.stderr
    assert (device.row["state"], device.row["running"]) == ("enrolled", None)


def test_before_it_hears_of_the_order(device: Device, old: int, asker: Asker) -> None:
    new = device.workspace.next_bundle()
    with device.workspace.meddler.playing(Trick("/", deaf=True)):
        device.deploy(new)
        still_serves(asker, old)
        row = device.row
        assert (row["state"], row["running"]["number"], row["wanted"]["number"]) == ("running", old, new)
    device.wait_for("running", new)
    assert device.serves == new


def test_the_open_line_alone(device: Device, old: int, asker: Asker) -> None:
    new = device.workspace.next_bundle()
    with device.workspace.meddler.playing(Trick(STREAM, deaf=True)):
        device.workspace.meddler.cut_open_lines()
        device.deploy(new)
        still_serves(asker, old, 0.2)
        # It also asks by itself now and then, without having been told.
        device.wait_for("running", new)


def test_amid_the_download_it_goes_on_where_it_was(device: Device, old: int, asker: Asker) -> None:
    new, meddler = device.workspace.next_bundle(), device.workspace.meddler
    with meddler.playing(Trick(BUNDLES, times=1, length=HALF), Trick(BUNDLES, deaf=True)):
        device.deploy(new)
        row = wait_until(lambda: (row := device.row)["state"] == "downloading" and row["why"] and row, "a sentence")
        still_serves(asker, old)
        assert row["running"]["number"] == old
        assert 0 < row["progress"]["done"] <= HALF < row["progress"]["total"]
    device.wait_for("running", new)
    assert device.serves == new
    (again,) = [one for one in meddler.requests(f"{BUNDLES}/{new}") if one.status == 206]
    assert 0 < int(again.headers["Range"].removeprefix("bytes=").rstrip("-")) <= HALF


def test_before_it_can_tell_how_it_went(device: Device, old: int, asker: Asker) -> None:
    new, meddler = device.workspace.next_bundle(), device.workspace.meddler
    with meddler.playing(Trick(BUNDLES, times=1, length=HALF), Trick(BUNDLES, deaf=True)):
        device.deploy(new)
        wait_until(lambda: device.row["state"] == "downloading", "the download")
        meddler.tricks = [Trick(SYNC, deaf=True), Trick(STREAM, deaf=True)]
        # It has all that it needs: it takes over, and the page goes on showing what it heard last.
        wait_until(lambda: device.serves == new, "the new bundle")
        row = device.row
        assert (row["state"], row["running"]["number"]) == ("downloading", old)
    assert device.wait_for("running", new)["wanted"]["number"] == new


# --- what arrives is false ---


def test_a_download_that_is_damaged_once_is_asked_for_again(device: Device, old: int, asker: Asker) -> None:
    new = device.workspace.next_bundle()
    with device.workspace.meddler.playing(Trick(BUNDLES, times=1, flip=AMID)):
        device.bring(new)
    assert len(device.workspace.meddler.requests(f"{BUNDLES}/{new}")) == 2
    assert set(asker.numbers) <= {old, new}


def test_a_download_that_is_always_damaged_is_given_up(device: Device, old: int, asker: Asker) -> None:
    new = device.workspace.next_bundle()
    with device.workspace.meddler.playing(Trick(BUNDLES, flip=AMID)):
        device.deploy(new)
        row = device.wait_for("failed", old)
    assert "arrived damaged" in row["why"]
    still_serves(asker, old)
    assert set(asker.numbers) == {old}
    assert list((device.home / "downloads").iterdir()) == []


def test_a_bundle_that_was_changed_after_it_was_signed(device: Device, old: int, asker: Asker) -> None:
    forged = device.workspace.forged
    device.deploy(forged)
    row = device.wait_for("failed", old)
    assert "refused" in row["why"] and "labels.json" in row["why"]
    still_serves(asker, old)
    assert set(asker.numbers) == {old}


def test_an_order_that_was_heard_before(device: Device, old: int, asker: Asker) -> None:
    meddler = device.workspace.meddler
    earlier = [one.body for one in meddler.requests(SYNC) if b'"order":{' in one.body.replace(b" ", b"")][-1]
    new = device.workspace.next_bundle()
    device.bring(new)
    with meddler.playing(Trick(SYNC, body=earlier)):
        meddler.cut_open_lines()
        row = device.wait_for("failed", new)
    assert "old order was refused" in row["why"].lower()
    still_serves(asker, new)
    assert asker.numbers[-1] == new
    # The workspace's own word again, and all is as it was.
    device.wait_for("running", new)


# --- devices that are not themselves ---


def test_two_devices_whose_certificates_were_swapped(device: Device, old: int, tmp_path: Path) -> None:
    other = Device(device.workspace, tmp_path / "other", "Attic")
    assert other.enrol().returncode == 0
    mine, theirs = ((one.home / "device.crt").read_bytes() for one in (device, other))
    device.stop()
    (device.home / "device.crt").write_bytes(theirs)
    (other.home / "device.crt").write_bytes(mine)
    try:
        device.start()
        serves_within(device, old)
        wait_until(lambda: "another device" in json.dumps(device.status), "a sentence at the device")
        heard = len(device.workspace.meddler.requests("/api/edge/sync"))
        with Asker(device.port) as asker:
            device.deploy(new := device.workspace.next_bundle())
            still_serves(asker, old)
        # No request of either went through in the other's name.
        assert all(one.status != 200 for one in device.workspace.meddler.requests("/api/edge/sync")[heard:])
        row = device.row
        assert (row["running"]["number"], row["wanted"]["number"]) == (old, new)
        assert other.row["running"] is None
    finally:
        device.stop()
        (device.home / "device.crt").write_bytes(mine)
    device.start()
    device.wait_for("running", new)


def test_a_device_that_was_revoked(device: Device, old: int, tmp_path: Path) -> None:
    doomed = Device(device.workspace, tmp_path / "doomed", "Gate")
    assert doomed.enrol().returncode == 0
    doomed.start()
    try:
        doomed.bring(old)
        with Asker(doomed.port) as asker:
            device.workspace.ask("DELETE", f"devices/{doomed.id}")
            wait_until(lambda: doomed.status["workspace"]["revoked"], "the device to hear that it was revoked")
            still_serves(asker, old)
        assert doomed.row["state"] == "revoked"
        assert "revoked" in doomed.told_at_the_device()
        # Also when it starts anew it serves what it has.
        doomed.stop()
        doomed.start()
        serves_within(doomed, old)
    finally:
        doomed.stop()


# --- the disk is full ---


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of running processes are Linux's")
@pytest.mark.parametrize("room", [600_000, 100], ids=["for half of the bundle", "not even for a note of it"])
def test_the_disk_is_full(device: Device, old: int, asker: Asker, room: int) -> None:
    assert device.process is not None
    new = device.workspace.next_bundle()
    resource.prlimit(device.process.pid, resource.RLIMIT_FSIZE, (room, NONE))
    try:
        device.deploy(new)
        row = device.wait_for("failed", old)
        assert "cannot be written" in row["why"] or "disk" in row["why"]
        still_serves(asker, old)
        assert set(asker.numbers) == {old}
        assert list((device.home / "downloads").iterdir()) == []
    finally:
        resource.prlimit(device.process.pid, resource.RLIMIT_FSIZE, (NONE, NONE))
    device.bring(device.workspace.next_bundle())


# --- killed amid a swap ---


def state_of(device: Device) -> dict[str, object]:
    """What its state.json says: it can be read at every moment."""
    return dict(json.loads((device.home / "state.json").read_text()))


def reached(device: Device, moment: str) -> bool:
    """Whether it has come so far with its newest order."""
    if moment == "downloading":
        return any(path.stat().st_size for path in (device.home / "downloads").iterdir())
    if moment == "verifying":
        return any(path.name.endswith(".half") for path in (device.home / "bundles").iterdir())
    return bool(state_of(device)["attempts"])


@pytest.mark.parametrize("moment", ["downloading", "verifying", "trying"])
def test_killed_while_it_is(device: Device, old: int, moment: str) -> None:
    new = device.workspace.next_bundle()
    tricks = [Trick(BUNDLES, times=1, length=HALF), Trick(BUNDLES, deaf=True)] if moment == "downloading" else []
    with device.workspace.meddler.playing(*tricks):
        device.deploy(new)
        end = time.monotonic() + 120
        while not reached(device, moment):
            assert time.monotonic() < end
            time.sleep(0.001)
        device.stop(signal.SIGKILL)
        assert state_of(device)["running"]["number"] == old  # type: ignore[index]
        assert device.row["running"]["number"] == old

        device.workspace.meddler.tricks = [Trick("/", deaf=True)]
        device.start()
        serves_within(device, old)
    serves_within(device, new)
    assert device.wait_for("running", new)["wanted"]["number"] == new


def test_killed_again_and_again_in_its_trial_it_gives_the_bundle_up(device: Device, old: int) -> None:
    new = device.workspace.next_bundle()
    device.deploy(new)
    for attempt in range(1, 4):
        wait_until(lambda attempt=attempt: state_of(device)["attempts"] == attempt, "the trial")
        device.stop(signal.SIGKILL)
        device.start()
        serves_within(device, old)
    row = device.wait_for("failed", old)
    assert "trial" in row["why"]
    assert device.serves == old


def test_killed_right_after_the_swap_it_serves_the_new_one(device: Device, old: int) -> None:
    new = device.workspace.next_bundle()
    device.deploy(new)
    wait_until(lambda: state_of(device)["running"]["number"] == new, "the swap")  # type: ignore[index]
    device.stop(signal.SIGKILL)
    device.start()
    serves_within(device, new)
    device.wait_for("running", new)
