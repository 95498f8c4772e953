"""kill -9 at any moment of a swap: the next start serves at once what ran before, and then goes on with what was begun."""

from __future__ import annotations

import json
import signal
import time

import pytest

from tests.hardship.field import Device, serves_within
from tests.hardship.meddler import Trick
from tests.installation import wait_until

pytestmark = pytest.mark.slow

BUNDLES = "/api/edge/bundles"


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
    tricks = [Trick(BUNDLES, times=1, length=700_000), Trick(BUNDLES, deaf=True)] if moment == "downloading" else []
    with device.workspace.meddler.playing(*tricks):
        device.deploy(new)
        end = time.monotonic() + 30
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
    wait_until(lambda: state_of(device)["running"]["number"] == new, "the swap", seconds=30)  # type: ignore[index]
    device.stop(signal.SIGKILL)
    device.start()
    serves_within(device, new)
    device.wait_for("running", new)
