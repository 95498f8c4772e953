"""A device with another's certificate, or one that was shut out, gets nothing new; it goes on with what it has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.hardship.asker import Asker
from tests.hardship.field import Device, serves_within, still_serves
from tests.installation import wait_until

pytestmark = pytest.mark.slow


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
