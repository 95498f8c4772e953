"""A device whose disk takes no more says so on its page and goes on serving; with room again it takes what is next."""

from __future__ import annotations

import resource
import sys

import pytest

from tests.hardship.asker import Asker
from tests.hardship.field import Device, still_serves

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of running processes are Linux's"),
]
NONE = resource.RLIM_INFINITY


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
