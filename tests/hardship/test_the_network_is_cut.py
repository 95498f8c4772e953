"""Wherever the network is cut, the old model goes on serving, and what was under way is taken up when it is back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hardship.asker import Asker
from tests.hardship.field import Device, Workspace, still_serves
from tests.hardship.meddler import Trick
from tests.installation import wait_until

pytestmark = pytest.mark.slow

ENROL, SYNC, STREAM, BUNDLES = "/api/edge/enrol", "/api/edge/sync", "/events/device", "/api/edge/bundles"
HALF = 700_000


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
