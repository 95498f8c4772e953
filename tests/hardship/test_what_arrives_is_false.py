"""What was damaged, forged or said once before is refused, with a sentence on the page; the old model goes on serving."""

from __future__ import annotations

import pytest

from tests.hardship.asker import Asker
from tests.hardship.field import Device, still_serves
from tests.hardship.meddler import Trick

pytestmark = pytest.mark.slow

SYNC, BUNDLES = "/api/edge/sync", "/api/edge/bundles"
AMID = 500_000


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
