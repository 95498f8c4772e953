"""What a device counted and found hard comes home, once, however often the network fails."""

import json
import re

import numpy as np
import pytest

from mlcore.edge.agent.back import Back, sighting_form
from mlcore.edge.agent.link import Refused, Unreachable
from mlcore.edge.kept import Kept
from mlcore.edge.station import Station
from mlcore.edge.uncertain import Keeper, KeepSettings
from mlcore.edge.watch import Watch
from tests.edge.fakes import FakeModel

LATER = 4_000_000_000.0


@pytest.fixture
def watch():
    """A watch that has seen three answers, in a minute that is over."""
    station = Station(FakeModel(2))
    watch = Watch(station)
    for _ in range(3):
        station.answer(b"picture")
    take = watch.take
    watch.take = lambda: take(LATER)
    return watch


@pytest.fixture
def keeper(home):
    """A keeper with one picture."""
    keeper = Keeper(home.kept, settings=KeepSettings(privacy="images"))
    meta = {"bundle": 2, "reason": "torn", "margin": 0.01, "label": "red", "seen_at": 1_800_000_000.0, "privacy": "images"}
    keeper._shelf.add(meta, np.zeros(4, np.float32), 0.5, b"a picture, as bytes")
    return keeper


@pytest.fixture
def back(link, watch, keeper):
    return Back(link=link, watch=watch, keeper=keeper)


def test_minutes_come_home_once(back, workspace):
    back.send_vitals()
    back.send_vitals()
    assert [row["count"] for sent in workspace.vitals for row in sent["buckets"]] == [3]


def test_minutes_wait_while_the_network_is_away(back, workspace):
    workspace.away = True
    for _ in range(2):
        with pytest.raises(Unreachable):
            back.send_vitals()
    workspace.away = False
    back.send_vitals()
    assert [row["count"] for sent in workspace.vitals for row in sent["buckets"]] == [3]


def test_a_hard_picture_comes_home_and_is_let_go(back, workspace, keeper):
    back.send_kept()
    (form,) = workspace.sightings
    meta = json.loads(re.search(rb'name="meta".*?\r\n\r\n(.*?)\r\n--', form, re.DOTALL)[1])
    assert (meta["reason"], meta["seen_at"]) == ("torn", "2027-01-15T08:00:00+00:00")
    assert b"a picture, as bytes" in form
    assert re.search(rb'name="features".*?\r\n\r\n[A-Za-z0-9+/=]+\r\n--', form, re.DOTALL)
    assert len(keeper) == 0


def test_a_hard_picture_waits_while_the_network_is_away(back, workspace, keeper):
    workspace.away = True
    with pytest.raises(Unreachable):
        back.send_kept()
    assert len(keeper) == 1


@pytest.mark.parametrize(("status", "left"), [(400, 0), (409, 0), (413, 0), (403, 1), (429, 1), (503, 1)])
def test_what_is_refused_for_good_is_let_go(back, keeper, monkeypatch, status, left):
    def refuse(*_):
        raise Refused(status, "code", "No.", {})

    monkeypatch.setattr(back._link, "send", refuse)
    if left:
        with pytest.raises(Refused):
            back.send_kept()
    else:
        back.send_kept()
    assert len(keeper) == left


def test_features_go_without_a_picture():
    meta = {"id": "a", "seen_at": 1.0, "reason": "unseen"}
    body, content_type = sighting_form(Kept(meta, "AAAA", 1.0, 10, None))
    assert b"image" not in body
    assert content_type.startswith("multipart/form-data; boundary=")


def test_a_picture_that_has_gone_from_the_disk_hinders_nothing(back, keeper, workspace, home):
    for path in home.kept.glob("*.jpg"):
        path.unlink()
    back.send_kept()
    assert workspace.sightings == []
    assert len(keeper) == 0


def test_who_may_not_sends_nothing(link, watch, keeper, workspace):
    back = Back(link=link, watch=watch, keeper=keeper, allowed=lambda: False, every=0.01)
    back.start()
    back.join(0.2)
    back.stop()
    back.join()
    assert (workspace.vitals, workspace.sightings) == ([], [])


def test_the_thread_sends_by_itself(link, watch, keeper, workspace):
    back = Back(link=link, watch=watch, keeper=keeper, every=0.01)
    back.start()
    while len(keeper):
        back.join(0.01)
    back.stop()
    back.join()
    assert (len(workspace.vitals), len(workspace.sightings)) == (1, 1)
