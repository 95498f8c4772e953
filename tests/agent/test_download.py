"""A zip arrives whole, however the network, the server and the disk behave; or nothing of it is left."""

import shutil
from collections import namedtuple

import pytest

from mlcore.edge.agent.download import DownloadProblem, Stopped, fetch_zip
from mlcore.edge.agent.link import Refused
from mlcore.edge.agent.orders import read_order


class Download:
    """What `fetch_zip` is called with, and what it told."""

    def __init__(self, workspace, link, home, stop_after=None):
        ours = link.identity.workspace
        envelope = workspace.give_order(ours.device, 1)
        self.order = read_order(envelope, workspace_key=ours.workspace_key, device=ours.device)
        self.path = home.downloads / f"{self.order.sha256}.part"
        self.whole = workspace.zips[1].read_bytes()
        self.link = link
        self.told: list[tuple[int, str]] = []
        self.stop_after = stop_after

    def fetch(self):
        fetch_zip(
            link=self.link, order=self.order, path=self.path, tell=lambda *told: self.told.append(told), wait=self.wait
        )

    def wait(self, seconds):
        return self.stop_after is not None and len(self.told) > self.stop_after


@pytest.fixture
def download(workspace, link, home):
    return Download(workspace, link, home)


def test_it_arrives_whole_and_tells_how_far_it_is(download, workspace):
    download.fetch()
    assert download.path.read_bytes() == download.whole
    assert download.told[0] == (0, "")
    assert download.told[-1] == (len(download.whole), "")


def test_a_cut_line_is_gone_on_from_where_it_broke(download, workspace):
    workspace.cuts = [1000, 0, 500]
    download.fetch()
    assert download.path.read_bytes() == download.whole
    assert workspace.ranges == [None, "bytes=1000-", "bytes=1000-", "bytes=1500-"]
    assert any("cut" in why for _, why in download.told)


def test_what_lay_there_before_a_restart_is_not_fetched_again(download, workspace):
    download.path.write_bytes(download.whole[:2000])
    download.fetch()
    assert download.path.read_bytes() == download.whole
    assert workspace.ranges == ["bytes=2000-"]


def test_a_server_that_knows_no_ranges_starts_over(download, workspace):
    workspace.no_ranges = True
    download.path.write_bytes(b"x" * 2000)
    download.fetch()
    assert download.path.read_bytes() == download.whole


def test_a_server_that_is_away_is_waited_for(download, workspace):
    workspace.away = True

    def come_back(seconds):
        workspace.away = len(download.told) < 3
        return False

    download.wait = come_back
    download.fetch()
    assert download.path.read_bytes() == download.whole
    assert "does not answer" in download.told[0][1]


def test_a_damaged_zip_is_fetched_again(download, workspace):
    workspace.spoil = 2
    download.fetch()
    assert download.path.read_bytes() == download.whole


def test_a_zip_that_is_damaged_again_and_again_is_given_up(download, workspace):
    workspace.spoil = 3
    with pytest.raises(DownloadProblem, match="arrived damaged 3 times"):
        download.fetch()
    assert not download.path.exists()


def test_damage_to_what_lay_there_is_found(download, workspace):
    download.path.write_bytes(b"x" * 2000)
    download.fetch()
    assert download.path.read_bytes() == download.whole
    assert workspace.ranges == ["bytes=2000-", None]


def test_a_disk_that_fills_up_leaves_nothing_behind(download, full_disk):
    full_disk(after=5000)
    with pytest.raises(DownloadProblem, match="disk is full; free some space"):
        download.fetch()
    assert list(download.path.parent.iterdir()) == []


def test_a_disk_that_is_too_full_is_told_before_anything_is_fetched(download, workspace, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: namedtuple("Usage", "free")(1000))
    with pytest.raises(DownloadProblem, match="0 MB are free, bundle 1 needs 16 MB"):
        download.fetch()
    assert workspace.ranges == []


def test_a_refusal_is_told_and_not_tried_again(download, workspace):
    workspace.revoked = True
    with pytest.raises(Refused, match="revoked"):
        download.fetch()
    assert not download.path.exists()


def test_who_stops_keeps_what_has_arrived(download, workspace):
    download.stop_after = 1
    with pytest.raises(Stopped):
        download.fetch()
    assert download.path.stat().st_size > 0
